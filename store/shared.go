package store

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"reflect"
	"sync/atomic"
)

// Nearly every request reads the same few rows: the mark of the caller's account, the bucket, the log group. Decoding such
// a row costs several times what finding its bytes does, so a DB keeps what it decoded for Table.Shared together with the
// bytes that it decoded it from. The bytes are read by the transaction every time and compared, so that what is kept can be
// neither too old nor too new for it, whichever driver the store has and whoever else writes to it.

const (
	// sharedSlots is how many decoded rows are kept at most. A key has one slot, that its hash tells.
	sharedSlots = 1024
	// maxShared is the size of the largest row kept, so that all together stay within a few megabytes.
	maxShared = 2 << 10
)

// shared are the decoded rows of a DB. Its methods are safe for concurrent use.
type shared struct {
	seed  maphash.Seed
	slots [sharedSlots]sharedSlot
	// suspicious decodes every row anew to find out whether someone has changed the one that is kept.
	suspicious bool
}

type sharedSlot struct {
	row atomic.Pointer[sharedRow]
	// asked is the hash of the key that was missed last. A row is kept when it is missed twice in a row: reads that come
	// once must not push out those that come again.
	asked atomic.Uint64
}

// sharedRow is a row and what it was decoded from. It is never changed.
type sharedRow struct {
	key, data []byte
	row       any
}

func newShared(suspicious bool) *shared {
	return &shared{seed: maphash.MakeSeed(), suspicious: suspicious}
}

// Shared is Get for rows that are read far more often than they change. The row it returns may be one that other
// transactions were given as well, now or earlier: neither it nor what it refers to may ever be changed. Whoever wants to
// change a row uses Get.
//
// With forced conflicts, as in tests, a row that was changed nevertheless makes the next call for it panic.
func (t *Table[T]) Shared(tx *Tx, key Key) (*T, error) {
	full := tx.join(t.space, key)
	data, err := tx.txn.Get(full)
	if err != nil {
		if errors.Is(err, ErrNotFound) {
			return nil, ErrNotFound
		}
		return nil, fmt.Errorf("reading %s: %w", t.name, err)
	}
	hash := maphash.Bytes(tx.shared.seed, full)
	slot := &tx.shared.slots[hash%sharedSlots]
	if kept := slot.row.Load(); kept != nil && bytes.Equal(kept.data, data) && bytes.Equal(kept.key, full) {
		if row, ok := kept.row.(*T); ok {
			if tx.shared.suspicious {
				return row, t.compare(row, data)
			}
			return row, nil
		}
	}
	row, err := t.decode(data)
	if err != nil {
		return nil, err
	}
	again := slot.asked.Swap(hash) == hash
	if (again || tx.shared.suspicious) && len(full)+len(data) <= maxShared {
		slot.row.Store(&sharedRow{bytes.Clone(full), bytes.Clone(data), row})
	}
	return row, nil
}

// compare panics if a row that is shared is not what was stored.
func (t *Table[T]) compare(row *T, data []byte) error {
	fresh, err := t.decode(data)
	if err == nil && !reflect.DeepEqual(row, fresh) {
		panic(fmt.Sprintf("store: someone has changed a shared row of %s: %+v instead of %+v", t.name, row, fresh))
	}
	return err
}
