package logs

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"

	"drydock/store"
)

// block is an index of many events of a group, which queries read instead of the batches: by column, and not at all when
// its filter tells that no event can be wanted. The batches stay, and are what counts: a block can be dropped at any time.
//
// A block stands for the batches that began in a range of time, as they were when it was made. What comes later into the
// range is noted in lateBatches, which works because PutLogEvents reads how far a group is indexed in its transaction.
type block struct {
	Group uint64
	// From and To bound when the batches began: From <= First < To.
	From, To int64
	// First and Last are the times of the earliest and the latest event.
	First, Last int64
	Events      int
	Bytes       int64 // of all messages
	// Streams are the streams' ids, to which the column of places refers by index.
	Streams []uint64
	// Fields are the fields that were discovered, the most frequent first, as many as there are columns for; More tells
	// that there are others.
	Fields []string
	More   bool
}

// blockColumn is a part of a block: a value for each event, compressed.
type blockColumn struct {
	Group uint64
	From  int64
	Name  string
	Data  []byte
}

// The columns of a block besides those of discovered fields, which have a "." before their names.
const (
	columnTimes    = "times"    // varints: the milliseconds since the event before
	columnPlaces   = "places"   // varints, for each event: stream, sequence since the event before, index, ingestion since its time
	columnMessages = "messages" // texts, see appendText
	columnWords    = "words"    // a tokenFilter, not compressed
	fieldColumn    = "."
)

// lateBatch is a batch that came into the range of a block after that was made, or would have.
type lateBatch struct {
	Group  uint64
	First  int64
	Seq    uint64
	Stream uint64
}

var (
	blocks       = store.NewTable("logs/block", func(b *block) store.Key { return store.K(b.Group, b.From) })
	blockColumns = store.NewTable("logs/blockcolumn", func(c *blockColumn) store.Key { return store.K(c.Group, c.From, c.Name) })
	lateBatches  = store.NewTable("logs/latebatch", func(b *lateBatch) store.Key { return store.K(b.Group, b.First, b.Seq) })
)

// noteLate notes a batch that begins before the time up to which its group is indexed. Most batches do not, which costs
// nothing.
func noteLate(tx *store.Tx, g *logGroup, b *batch) error {
	if b.First >= g.IndexedTo {
		return nil
	}
	return lateBatches.Insert(tx, &lateBatch{Group: b.Group, First: b.First, Seq: b.Seq, Stream: b.Stream})
}

// blockAt returns the block that has the batches that began at a time, or nil, and when the range that is so ends: where
// the block ends, or before the next one; to when there is none before that.
func blockAt(tx *store.Tx, group uint64, first, to int64) (*block, int64, error) {
	prefix := store.K(group)
	for b, err := range blocks.Scan(tx, store.Range{Prefix: prefix, To: store.K(group, first+1), Reverse: true}) {
		if err != nil {
			return nil, 0, err
		}
		if first < b.To {
			return b, b.To, nil
		}
		break
	}
	for b, err := range blocks.Scan(tx, store.Range{Prefix: prefix, From: store.K(group, first+1), To: store.K(group, to)}) {
		if err != nil {
			return nil, 0, err
		}
		return nil, b.From, nil
	}
	return nil, to, nil
}

// dropBlock removes a block, at most some rows at a time, and tells how many more there may be.
func dropBlock(tx *store.Tx, b *block, left int) (int, error) {
	for c, err := range blockColumns.Scan(tx, store.Range{Prefix: store.K(b.Group, b.From)}) {
		if err != nil {
			return left, err
		}
		left--
		if _, err := blockColumns.Delete(tx, blockColumns.Key(c)); err != nil {
			return left, err
		}
	}
	_, err := blocks.Delete(tx, blocks.Key(b))
	return left - 1, err
}

// dropBlocks removes the blocks of a deleted group, or those with events of a deleted stream, which are made anew without
// them. It returns how many rows more the transaction may remove.
func dropBlocks(tx *store.Tx, p purged, left int) (int, error) {
	for b, err := range blocks.Scan(tx, store.Range{Prefix: store.K(p.Group)}) {
		if err != nil || left <= 0 {
			return left, err
		}
		if p.Stream != 0 && !slices.Contains(b.Streams, p.Stream) {
			continue
		}
		if left, err = dropBlock(tx, b, left); err != nil {
			return left, err
		}
	}
	if p.Stream != 0 {
		return left, nil // what is noted of late batches that are gone is passed over
	}
	return dropLate(tx, store.Range{Prefix: store.K(p.Group)}, left)
}

// dropExpired removes what is indexed of events before a time.
func dropExpired(tx *store.Tx, group uint64, oldest int64, left int) (int, error) {
	for b, err := range blocks.Scan(tx, store.Range{Prefix: store.K(group)}) {
		if err != nil || left <= 0 {
			return left, err
		}
		if b.Last >= oldest {
			break
		}
		if left, err = dropBlock(tx, b, left); err != nil {
			return left, err
		}
	}
	return dropLate(tx, store.Range{Prefix: store.K(group), To: store.K(group, slotOf(max(oldest, 0)))}, left)
}

func dropLate(tx *store.Tx, r store.Range, left int) (int, error) {
	for l, err := range lateBatches.Scan(tx, r) {
		if err != nil || left <= 0 {
			return left, err
		}
		left--
		if _, err := lateBatches.Delete(tx, lateBatches.Key(l)); err != nil {
			return left, err
		}
	}
	return left, nil
}

// packer and unpacker are shared: they are safe for concurrent use.
var (
	packer = sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	})
	unpacker = sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(store.MaxValueSize*4))
	})
)

// pack compresses a column.
func pack(data []byte) ([]byte, error) {
	p, err := packer()
	if err != nil {
		return nil, fmt.Errorf("compressing a column: %w", err)
	}
	return p.EncodeAll(data, make([]byte, 0, len(data)/4+64)), nil
}

// unpack reads a column of a block, and tells how large the row was.
func unpack(tx *store.Tx, b *block, name string) (data []byte, read int, err error) {
	c, err := blockColumns.Get(tx, store.K(b.Group, b.From, name))
	if err != nil {
		return nil, 0, fmt.Errorf("reading column %q of a block: %w", name, err)
	}
	if name == columnWords {
		return c.Data, len(c.Data), nil
	}
	u, err := unpacker()
	if err == nil {
		data, err = u.DecodeAll(c.Data, nil)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("reading column %q of a block: %w", name, err)
	}
	return data, len(c.Data), nil
}

// appendText appends a value of a column of texts; absent ones are 0.
func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))+1), s...)
}

// textColumn is a column of texts; has tells where there is one.
type textColumn struct {
	values []string
	has    []bool
}

// texts reads a column of texts.
func texts(data []byte, n int) (*textColumn, error) {
	all := string(data) // the values are parts of it, which spares each an allocation
	c := &textColumn{make([]string, n), make([]bool, n)}
	at := 0
	for i := range n {
		size, m := binary.Uvarint(data[at:])
		if m <= 0 || size > uint64(len(data)-at-m)+1 {
			return nil, errCorrupt
		}
		at += m
		if size > 0 {
			c.values[i], c.has[i] = all[at:at+int(size)-1], true
			at += int(size) - 1
		}
	}
	return c, nil
}

// numbers reads varints.
func numbers(data []byte, n int) ([]int64, error) {
	found := make([]int64, n)
	for i := range n {
		x, m := binary.Varint(data)
		if m <= 0 {
			return nil, errCorrupt
		}
		found[i], data = x, data[m:]
	}
	return found, nil
}
