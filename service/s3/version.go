package s3

import (
	"encoding/binary"
	"errors"
	"io"
	"time"

	api "drydock/api/s3"
	"drydock/store"
)

// idAlphabet is in the order of its bytes, so that ids compare as what they encode. It has no hyphen, which command lines
// take for an option.
const idAlphabet = ".0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"

// idSize is how many bytes an id encodes: an order and 16 random bytes, in 32 characters.
const idSize = 24

// newID returns an opaque id that sorts by order.
func newID(order int64, random [16]byte) string {
	var raw [idSize]byte
	binary.BigEndian.PutUint64(raw[:], uint64(order))
	copy(raw[8:], random[:])
	var out [idSize / 3 * 4]byte
	for i := range idSize / 3 {
		n := uint(raw[3*i])<<16 | uint(raw[3*i+1])<<8 | uint(raw[3*i+2])
		for j := range 4 {
			out[4*i+j] = idAlphabet[n>>(18-6*j)&63]
		}
	}
	return string(out[:])
}

// versionSeq returns the order in an id of newID.
func versionSeq(id string) (int64, bool) {
	if len(id) != idSize/3*4 {
		return 0, false
	}
	var n uint64
	for i := range 11 { // 66 bits, of which the first 64 are the order
		v := idIndex[id[i]]
		if v == 0 {
			return 0, false
		}
		if i == 10 {
			return int64(n<<4 | uint64(v-1)>>2), true
		}
		n = n<<6 | uint64(v-1)
	}
	return 0, false
}

// idIndex has one more than a character's place in the alphabet.
var idIndex = func() (index [256]byte) {
	for i, c := range []byte(idAlphabet) {
		index[c] = byte(i + 1)
	}
	return index
}()

func (s *Service) random16() (b [16]byte, err error) {
	_, err = io.ReadFull(s.Random, b[:])
	return b, err
}

// putLatest makes next the latest version of its key: an object or a delete marker. What is there becomes an older
// version, or goes where the bucket keeps no versions. random makes the version's id.
func (s *Service) putLatest(tx *store.Tx, b *bucket, next *object, now time.Time, random [16]byte) error {
	// All of these are set anew, for a transaction that runs again.
	next.BucketID, next.Modified, next.Noncurrent, next.Version = b.ID, now.Truncate(time.Second), time.Time{}, ""
	next.Due, next.Rule, next.Move = time.Time{}, "", time.Time{}
	next.placement = placement{}
	old, err := currentObjects.Get(tx, store.K(b.ID, next.Key))
	if errors.Is(err, store.ErrNotFound) {
		old, err = nil, nil
	}
	if err != nil {
		return err
	}
	next.Seq = now.UnixNano()
	if old != nil {
		next.Seq = max(next.Seq, old.Seq+1)
	}
	if b.Versioning == "" {
		if old != nil {
			if err := s.gone(tx, old); err != nil {
				return err
			}
		}
		if err := s.came(tx, b, next); err != nil {
			return err
		}
		return currentObjects.Put(tx, next)
	}
	top, err := newestOlder(tx, b, next.Key)
	if err != nil {
		return err
	}
	if top != nil {
		next.Seq = max(next.Seq, top.Seq+1)
	}
	if b.Versioning == api.BucketVersioningStatusEnabled {
		next.Version = newID(next.Seq, random)
	} else if old, top, err = s.dropNull(tx, b, next.Key, old, top); err != nil {
		return err
	}
	// What was the latest version until now is older from now on.
	switch {
	case old != nil:
		old.Noncurrent = now
		if err := s.came(tx, b, old); err != nil {
			return err
		}
		if err := olderObjects.Put(tx, old); err != nil {
			return err
		}
	case top != nil && top.Noncurrent.IsZero():
		top.Noncurrent = now
		if err := s.came(tx, b, top); err != nil {
			return err
		}
		if err := olderObjects.Put(tx, top); err != nil {
			return err
		}
	}
	if err := s.came(tx, b, next); err != nil {
		return err
	}
	if !next.Marker {
		return currentObjects.Put(tx, next)
	}
	if _, err := currentObjects.Delete(tx, currentObjects.Key(next)); err != nil {
		return err
	}
	return olderObjects.Put(tx, next)
}

// dropNull removes the null version of a key, which the next one replaces, and returns what is left of old and top.
func (s *Service) dropNull(tx *store.Tx, b *bucket, key string, old, top *object) (*object, *object, error) {
	if old != nil && old.Version == "" {
		return nil, top, s.gone(tx, old)
	}
	null, err := nullVersions.First(tx, store.K(b.ID, key))
	if errors.Is(err, store.ErrNotFound) {
		return old, top, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if _, err := olderObjects.Delete(tx, olderObjects.Key(null)); err != nil {
		return nil, nil, err
	}
	if top != nil && top.Seq == null.Seq {
		top = nil
	}
	return old, top, s.gone(tx, null)
}

// removeVersion removes one version for good. The one before the latest becomes the latest again.
func (s *Service) removeVersion(tx *store.Tx, b *bucket, o *object) error {
	if err := s.gone(tx, o); err != nil {
		return err
	}
	current, err := currentObjects.Get(tx, store.K(b.ID, o.Key))
	switch {
	case errors.Is(err, store.ErrNotFound):
		current = nil
	case err != nil:
		return err
	}
	if current != nil && current.Seq == o.Seq {
		if _, err := currentObjects.Delete(tx, currentObjects.Key(o)); err != nil {
			return err
		}
		current = nil
	} else if _, err := olderObjects.Delete(tx, olderObjects.Key(o)); err != nil {
		return err
	}
	if current != nil || b.Versioning == "" {
		return nil
	}
	top, err := newestOlder(tx, b, o.Key)
	if err != nil || top == nil {
		return err
	}
	top.Noncurrent = time.Time{}
	if top.Marker {
		if err := s.came(tx, b, top); err != nil {
			return err
		}
		return olderObjects.Put(tx, top)
	}
	if _, err := olderObjects.Delete(tx, olderObjects.Key(top)); err != nil {
		return err
	}
	if err := s.came(tx, b, top); err != nil {
		return err
	}
	return currentObjects.Put(tx, top)
}

// removed is what deleting did.
type removed struct {
	marker  bool // a delete marker was written or removed
	changed bool // there was something to delete
	version string
}

// remove carries out a request to delete: a version for good, or the latest as the bucket's versioning has it.
func (s *Service) remove(tx *store.Tx, b *bucket, key, version string, now time.Time, random [16]byte) (removed, error) {
	if version != "" {
		o, err := getVersion(tx, b, key, version)
		if err != nil {
			return removed{version: version}, ignoreMissing(err)
		}
		return removed{o.Marker, true, version}, s.removeVersion(tx, b, o)
	}
	if b.Versioning == "" {
		o, err := latest(tx, b, key)
		if err != nil || o == nil {
			return removed{}, err
		}
		return removed{changed: true}, s.removeVersion(tx, b, o)
	}
	marker := &object{Key: key, Marker: true}
	if err := s.putLatest(tx, b, marker, now, random); err != nil {
		return removed{}, err
	}
	return removed{true, true, marker.versionID()}, nil
}

// came is called for every version before it is written, gone for every version before it is removed for good: whatever
// follows from a change of an object begins here.
func (s *Service) came(tx *store.Tx, b *bucket, o *object) error {
	if err := place(tx, b, o); err != nil {
		return err
	}
	return s.plan(tx, b, o)
}

func (s *Service) gone(tx *store.Tx, o *object) error {
	if err := errors.Join(unplan(tx, o), forgetAccess(tx, o), unplace(tx, o)); err != nil {
		return err
	}
	return s.release(tx, o.ContentID)
}
