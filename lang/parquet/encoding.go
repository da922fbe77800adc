package parquet

import (
	"encoding/binary"
	"math/bits"
)

// The encodings.
const (
	encodingPlain            = 0
	encodingPlainDictionary  = 2
	encodingRLE              = 3
	encodingBitPacked        = 4
	encodingDelta            = 5
	encodingDeltaLength      = 6
	encodingDeltaBytes       = 7
	encodingRLEDictionary    = 8
	encodingByteStreamSplit  = 9
	maxBitWidth              = 32
	maxMiniblockBits         = 64
	maxMiniblocks, maxBlocks = 1 << 16, 1 << 24
)

// raw is a value of a physical type: BOOLEAN, INT32, INT64, FLOAT and DOUBLE are bits, others bytes, which are good until
// the next value.
type raw struct {
	bits  uint64
	bytes []byte
}

// values brings the values of a page.
type values interface {
	next() (raw, error)
}

// levels brings levels, indexes and truth values, which are small numbers.
type levels interface {
	level() (uint32, error)
}

// nothing is the levels of a column that has but one: zero.
type nothing struct{}

func (nothing) level() (uint32, error) { return 0, nil }

// packed takes a number of width bits at bit at, from the lowest bit of each byte on.
func packed(data []byte, at uint64, width int) (v uint64, ok bool) {
	if at+uint64(width) > 8*uint64(len(data)) {
		return 0, false
	}
	for got := 0; got < width; {
		shift := int(at & 7)
		n := min(8-shift, width-got)
		v |= uint64(data[at>>3]>>shift) & (1<<n - 1) << got
		got, at = got+n, at+uint64(n)
	}
	return v, true
}

// hybrid reads runs of repeated and of packed numbers: RLE.
type hybrid struct {
	data  []byte
	width int
	left  uint64 // of the run
	value uint32
	run   []byte // of packed numbers; nil for a repeated one
	bit   uint64
}

func (h *hybrid) level() (uint32, error) {
	for h.left == 0 {
		if err := h.header(); err != nil {
			return 0, err
		}
	}
	h.left--
	if h.run == nil {
		return h.value, nil
	}
	v, ok := packed(h.run, h.bit, h.width)
	if !ok {
		return 0, damaged("packed numbers end early")
	}
	h.bit += uint64(h.width)
	return uint32(v), nil
}

func (h *hybrid) header() error {
	if h.width == 0 && len(h.data) == 0 { // one value needs no bits, and some writers give it none
		h.left, h.value, h.run = 1<<32, 0, nil
		return nil
	}
	v, n := binary.Uvarint(h.data)
	if n <= 0 {
		return damaged("runs of numbers end early")
	}
	h.data, h.left, h.run = h.data[n:], v>>1, nil
	if v&1 == 0 {
		size := (h.width + 7) / 8
		if size > len(h.data) {
			return damaged("a repeated number ends early")
		}
		h.value = 0
		for i, b := range h.data[:size] {
			h.value |= uint32(b) << (8 * i)
		}
		h.data = h.data[size:]
		return nil
	}
	// The last run may be shorter than it says.
	groups := h.left
	size := uint64(len(h.data))
	if h.width > 0 && groups <= size/uint64(h.width) {
		size = groups * uint64(h.width)
	} else if h.width == 0 {
		size = 0
	}
	if groups > 1<<40 {
		return damaged("a run of numbers is too long")
	}
	h.left, h.bit = 8*groups, 0
	h.run, h.data = h.data[:size:size], h.data[size:]
	return nil
}

// bitPacked reads levels of the deprecated encoding BIT_PACKED, from the highest bit of each byte on.
type bitPacked struct {
	data  []byte
	width int
	at    uint64
}

func (b *bitPacked) level() (v uint32, err error) {
	if b.at+uint64(b.width) > 8*uint64(len(b.data)) {
		return 0, damaged("packed levels end early")
	}
	for range b.width {
		v = v<<1 | uint32(b.data[b.at>>3]>>(7-b.at&7)&1)
		b.at++
	}
	return v, nil
}

// flags makes values of truth values.
type flags struct{ levels }

func (f flags) next() (raw, error) {
	v, err := f.level()
	return raw{bits: uint64(v & 1)}, err
}

// plainFlags are packed truth values.
type plainFlags struct {
	data []byte
	at   uint64
}

func (p *plainFlags) next() (raw, error) {
	v, ok := packed(p.data, p.at, 1)
	if !ok {
		return raw{}, damaged("values end early")
	}
	p.at++
	return raw{bits: v}, nil
}

// fixed makes a value of the bytes of a fixed width.
func fixed(typ int32, b []byte) raw {
	switch typ {
	case typeInt32, typeFloat:
		return raw{bits: uint64(binary.LittleEndian.Uint32(b))}
	case typeInt64, typeDouble:
		return raw{bits: binary.LittleEndian.Uint64(b)}
	}
	return raw{bytes: b}
}

// plainFixed are values of a fixed width.
type plainFixed struct {
	leaf *leaf
	data []byte
}

func (p *plainFixed) next() (raw, error) {
	w := int(p.leaf.width)
	if len(p.data) < w {
		return raw{}, damaged("values end early")
	}
	v := fixed(p.leaf.typ, p.data[:w])
	p.data = p.data[w:]
	return v, nil
}

// plainBytes are byte arrays, each with its length.
type plainBytes struct{ data []byte }

func (p *plainBytes) next() (raw, error) {
	if len(p.data) < 4 {
		return raw{}, damaged("values end early")
	}
	n := uint64(binary.LittleEndian.Uint32(p.data))
	if n > uint64(len(p.data)-4) {
		return raw{}, damaged("a value ends early")
	}
	v := raw{bytes: p.data[4 : 4+n]}
	p.data = p.data[4+n:]
	return v, nil
}

// plain returns the values of the encoding PLAIN.
func plain(l *leaf, data []byte) values {
	switch l.typ {
	case typeBoolean:
		return &plainFlags{data: data}
	case typeBytes:
		return &plainBytes{data}
	}
	return &plainFixed{l, data}
}

// dictionary are the values that a column's pages refer to, as they lie in its page.
type dictionary struct {
	leaf    *leaf
	data    []byte
	offsets []uint32 // of byte arrays
	n       int
}

// newDictionary takes the page of a dictionary of n values.
func newDictionary(l *leaf, data []byte, n int32) (*dictionary, error) {
	d := &dictionary{leaf: l, data: data, n: int(n)}
	switch {
	case n < 0:
		return nil, damaged("a dictionary has %d values", n)
	case l.typ == typeBoolean:
		return nil, damaged("truth values have a dictionary")
	case l.typ != typeBytes:
		if int64(n)*int64(l.width) > int64(len(data)) {
			return nil, damaged("a dictionary ends early")
		}
		return d, nil
	}
	p := &plainBytes{data}
	for range n {
		d.offsets = append(d.offsets, uint32(len(data)-len(p.data)))
		if _, err := p.next(); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (d *dictionary) at(i uint32) (raw, error) {
	if uint64(i) >= uint64(d.n) {
		return raw{}, damaged("a value is not in the dictionary")
	}
	if d.leaf.typ == typeBytes {
		p := plainBytes{d.data[d.offsets[i]:]}
		return p.next()
	}
	w := int(d.leaf.width)
	return fixed(d.leaf.typ, d.data[int(i)*w:(int(i)+1)*w]), nil
}

// indexed are values of a dictionary.
type indexed struct {
	hybrid
	dictionary *dictionary
}

func (x *indexed) next() (raw, error) {
	i, err := x.level()
	if err != nil {
		return raw{}, err
	}
	return x.dictionary.at(i)
}

// split are values of a fixed width whose first bytes come first, then the second ones: BYTE_STREAM_SPLIT.
type split struct {
	leaf  *leaf
	data  []byte
	count int
	at    int
	value []byte
}

func newSplit(l *leaf, data []byte) (values, error) {
	if l.width == 0 {
		return nil, damaged("values of no fixed width are split")
	}
	return &split{leaf: l, data: data, count: len(data) / int(l.width), value: make([]byte, l.width)}, nil
}

func (s *split) next() (raw, error) {
	if s.at >= s.count {
		return raw{}, damaged("values end early")
	}
	for i := range s.value {
		s.value[i] = s.data[i*s.count+s.at]
	}
	s.at++
	return fixed(s.leaf.typ, s.value), nil
}

// delta reads integers by their differences: DELTA_BINARY_PACKED.
type delta struct {
	data        []byte
	left        uint64 // values not read yet
	last        int64
	first       bool
	perMini     uint64
	miniblocks  int
	least       int64
	widths      []byte // of the miniblocks of the block that are not begun
	mini        []byte
	bit, inMini uint64
	width       int
}

func newDelta(data []byte) (*delta, error) {
	d := &delta{data: data, first: true}
	block, err := d.uvarint()
	if err != nil {
		return nil, err
	}
	minis, err := d.uvarint()
	if err != nil {
		return nil, err
	}
	if d.left, err = d.uvarint(); err != nil {
		return nil, err
	}
	first, err := d.uvarint()
	if err != nil {
		return nil, err
	}
	if minis == 0 || minis > maxMiniblocks || block == 0 || block > maxBlocks || block%minis != 0 || block/minis%8 != 0 {
		return nil, damaged("blocks of differences have no such size")
	}
	d.miniblocks, d.perMini, d.last = int(minis), block/minis, zigzag(first)
	return d, nil
}

func zigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }

func (d *delta) uvarint() (uint64, error) {
	v, n := binary.Uvarint(d.data)
	if n <= 0 {
		return 0, damaged("differences end early")
	}
	d.data = d.data[n:]
	return v, nil
}

func (d *delta) integer() (int64, error) {
	if d.left == 0 {
		return 0, damaged("values end early")
	}
	d.left--
	if d.first {
		d.first = false
		return d.last, nil
	}
	for d.inMini == 0 {
		if err := d.miniblock(); err != nil {
			return 0, err
		}
	}
	d.inMini--
	v, ok := packed(d.mini, d.bit, d.width)
	if !ok {
		return 0, damaged("differences end early")
	}
	d.bit += uint64(d.width)
	d.last += d.least + int64(v)
	return d.last, nil
}

// miniblock begins the next one, of the next block where it was the last.
func (d *delta) miniblock() error {
	if len(d.widths) == 0 {
		least, err := d.uvarint()
		if err != nil {
			return err
		}
		if len(d.data) < d.miniblocks {
			return damaged("differences end early")
		}
		d.least, d.widths, d.data = zigzag(least), d.data[:d.miniblocks], d.data[d.miniblocks:]
	}
	d.width, d.widths = int(d.widths[0]), d.widths[1:]
	if d.width > maxMiniblockBits {
		return damaged("a difference has %d bits", d.width)
	}
	n := min(d.perMini/8*uint64(d.width), uint64(len(d.data))) // the last may be cut
	d.mini, d.data, d.bit, d.inMini = d.data[:n], d.data[n:], 0, d.perMini
	return nil
}

func (d *delta) next() (raw, error) {
	v, err := d.integer()
	return raw{bits: uint64(v)}, err
}

// end returns what stands behind the numbers, which are read for it and not kept.
func (d *delta) end() ([]byte, error) {
	e := *d
	for e.left > 0 {
		if _, err := e.integer(); err != nil {
			return nil, err
		}
	}
	return e.data, nil
}

// deltaLength are byte arrays whose lengths come first: DELTA_LENGTH_BYTE_ARRAY.
type deltaLength struct {
	lengths *delta
	data    []byte
}

// bounded begins numbers of which there must not be more than n.
func bounded(data []byte, n int) (*delta, error) {
	d, err := newDelta(data)
	if err == nil && d.left > uint64(n) {
		return nil, damaged("there are more lengths than values")
	}
	return d, err
}

func newDeltaLength(data []byte, n int) (*deltaLength, error) {
	lengths, err := bounded(data, n)
	if err != nil {
		return nil, err
	}
	rest, err := lengths.end()
	return &deltaLength{lengths, rest}, err
}

func (d *deltaLength) next() (raw, error) {
	n, err := d.lengths.integer()
	if err != nil {
		return raw{}, err
	}
	if n < 0 || n > int64(len(d.data)) {
		return raw{}, damaged("a value ends early")
	}
	v := raw{bytes: d.data[:n]}
	d.data = d.data[n:]
	return v, nil
}

// deltaBytes are byte arrays that begin as the one before: DELTA_BYTE_ARRAY.
type deltaBytes struct {
	prefixes *delta
	suffixes *deltaLength
	value    []byte
}

func newDeltaBytes(data []byte, n int) (values, error) {
	prefixes, err := bounded(data, n)
	if err != nil {
		return nil, err
	}
	rest, err := prefixes.end()
	if err != nil {
		return nil, err
	}
	suffixes, err := newDeltaLength(rest, n)
	return &deltaBytes{prefixes: prefixes, suffixes: suffixes}, err
}

func (d *deltaBytes) next() (raw, error) {
	n, err := d.prefixes.integer()
	if err != nil {
		return raw{}, err
	}
	suffix, err := d.suffixes.next()
	if err != nil {
		return raw{}, err
	}
	if n < 0 || n > int64(len(d.value)) {
		return raw{}, damaged("a value shares more than there is")
	}
	d.value = append(d.value[:n], suffix.bytes...)
	return raw{bytes: d.value}, nil
}

// exact has byte arrays of a fixed width checked, which not all encodings imply.
type exact struct {
	values
	width int32
}

func (e exact) next() (raw, error) {
	v, err := e.values.next()
	if err == nil && len(v.bytes) != int(e.width) {
		return raw{}, damaged("a value has %d bytes in place of %d", len(v.bytes), e.width)
	}
	return v, err
}

// decode returns the values of a page of n.
func decode(l *leaf, encoding int32, data []byte, n int, d *dictionary) (values, error) {
	integers, arrays := l.typ == typeInt32 || l.typ == typeInt64, l.typ == typeBytes || l.typ == typeFixed
	switch {
	case encoding == encodingPlain:
		return plain(l, data), nil
	case encoding == encodingPlainDictionary || encoding == encodingRLEDictionary:
		if d == nil {
			return nil, damaged("a page refers to a dictionary that is missing")
		}
		if len(data) == 0 { // only undefined values
			return &indexed{dictionary: d}, nil
		}
		if data[0] > maxBitWidth {
			return nil, damaged("an index has %d bits", data[0])
		}
		return &indexed{hybrid{data: data[1:], width: int(data[0])}, d}, nil
	case encoding == encodingRLE && l.typ == typeBoolean:
		if len(data) < 4 {
			return nil, damaged("values end early")
		}
		size := uint64(binary.LittleEndian.Uint32(data))
		if size > uint64(len(data)-4) {
			return nil, damaged("values end early")
		}
		return flags{&hybrid{data: data[4 : 4+size], width: 1}}, nil
	case encoding == encodingDelta && integers:
		if len(data) == 0 {
			return plain(l, data), nil
		}
		return newDelta(data)
	case encoding == encodingDeltaLength && l.typ == typeBytes:
		if len(data) == 0 {
			return plain(l, data), nil
		}
		return newDeltaLength(data, n)
	case encoding == encodingDeltaBytes && arrays:
		if len(data) == 0 {
			return plain(l, data), nil
		}
		v, err := newDeltaBytes(data, n)
		if err == nil && l.typ == typeFixed {
			v = exact{v, l.width}
		}
		return v, err
	case encoding == encodingByteStreamSplit:
		return newSplit(l, data)
	}
	return nil, damaged("values of type %d have the encoding %d", l.typ, encoding)
}

// widthOf is how many bits levels up to most need.
func widthOf(most int) int { return bits.Len(uint(most)) }
