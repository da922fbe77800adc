package parquet

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// The types of pages.
const (
	pageData       = 0
	pageDictionary = 2
	pageDataV2     = 3
)

// The codecs.
const (
	codecNone   = 0
	codecSnappy = 1
	codecGzip   = 2
	codecZstd   = 6
)

var codecNames = map[int32]string{3: "LZO", 4: "BROTLI", 5: "LZ4", 7: "LZ4_RAW"}

// pageHeader stands before a page.
type pageHeader struct {
	typ, plain, stored           int32
	crc                          uint32
	checked                      bool
	values, encoding             int32
	defEncoding, repEncoding     int32
	defLength, repLength         int32
	uncompressed, has1, has2, hd bool
}

const (
	firstHeader = 512     // is read at once
	maxHeader   = 1 << 20 // statistics make headers long
	// maxPageValues bounds what a page may stand for, which for equal values takes no bytes.
	maxPageValues = 1 << 26
)

func (t *thrift) pageHeader(h *pageHeader) error {
	return t.fields(thriftStruct, func(id int16, typ byte) error {
		switch id {
		case 1:
			return into(t, typ, &h.typ)
		case 2:
			return into(t, typ, &h.plain)
		case 3:
			return into(t, typ, &h.stored)
		case 4:
			v, err := t.integer(typ)
			h.crc, h.checked = uint32(v), true
			return err
		case 5:
			h.has1 = true
			return t.numbers(typ, &h.values, &h.encoding, &h.defEncoding, &h.repEncoding)
		case 7:
			h.hd = true
			return t.numbers(typ, &h.values, &h.encoding)
		case 8:
			h.has2 = true
			return t.fields(typ, func(id int16, typ byte) error {
				to := map[int16]*int32{1: &h.values, 4: &h.encoding, 5: &h.defLength, 6: &h.repLength}[id]
				switch {
				case to != nil:
					return into(t, typ, to)
				case id == 7:
					compressed, err := t.bool(typ)
					h.uncompressed = !compressed
					return err
				}
				return t.skip(typ, false)
			})
		}
		return t.skip(typ, false)
	})
}

// numbers reads a struct whose first fields are numbers.
func (t *thrift) numbers(typ byte, to ...*int32) error {
	return t.fields(typ, func(id int16, typ byte) error {
		if id >= 1 && int(id) <= len(to) {
			return into(t, typ, to[id-1])
		}
		return t.skip(typ, false)
	})
}

// header reads a page's header at off, before end, and returns how long it is.
func (f *File) header(h *pageHeader, off, end int64) (int64, error) {
	for n := int64(firstHeader); ; n *= 8 {
		n = min(n, end-off)
		buf := make([]byte, n)
		if err := f.read(buf, off); err != nil {
			return 0, err
		}
		*h = pageHeader{}
		t := &thrift{data: buf}
		err := t.pageHeader(h)
		if errors.Is(err, errShort) && n < end-off && n < maxHeader {
			continue
		}
		return int64(t.at), err
	}
}

// unpack returns the plain bytes, which must be plain many.
func unpack(codec int32, stored []byte, plain int) ([]byte, error) {
	var r io.Reader
	switch codec {
	case codecNone:
		if len(stored) != plain {
			return nil, damaged("a page has %d bytes in place of %d", len(stored), plain)
		}
		return stored, nil
	case codecSnappy:
		// A byte of Snappy makes 32 bytes at most, so that what it claims cannot be much more than is there.
		if n, err := snappy.DecodedLen(stored); err != nil || n != plain || n > 32*len(stored) {
			return nil, damaged("a page is not what its header says")
		}
		out, err := snappy.Decode(nil, stored)
		if err != nil {
			return nil, damaged("a page is not compressed as it says: %v", err)
		}
		return out, nil
	case codecGzip:
		if plain == 0 && len(stored) == 0 {
			return nil, nil
		}
		g, err := gzip.NewReader(bytes.NewReader(stored))
		if err != nil {
			return nil, damaged("a page is not compressed as it says: %v", err)
		}
		r = g
	case codecZstd:
		z, err := zstd.NewReader(bytes.NewReader(stored), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(MaxPage))
		if err != nil {
			return nil, damaged("a page is not compressed as it says: %v", err)
		}
		defer z.Close()
		r = z
	default:
		if name := codecNames[codec]; name != "" {
			return nil, fmt.Errorf("%w: %s", ErrCodec, name)
		}
		return nil, fmt.Errorf("%w: number %d", ErrCodec, codec)
	}
	var out bytes.Buffer
	if _, err := io.CopyN(&out, r, int64(plain)+1); err != nil && !errors.Is(err, io.EOF) {
		return nil, damaged("a page is not compressed as it says: %v", err)
	}
	if out.Len() != plain {
		return nil, damaged("a page is not as long as its header says")
	}
	return out.Bytes(), nil
}

// column reads the entries of a column of a row group.
type column struct {
	rows     *Rows
	leaf     *leaf
	chunk    *chunk
	off, end int64
	left     int64 // entries of the chunk that no page began yet
	dict     *dictionary
	// Of the page at hand: how many entries are left, their levels and values, and how much memory it takes.
	entries          int
	defs, reps       levels
	values           values
	held, dictionary int
	// The entry at hand.
	there    bool
	def, rep int
}

// peek has the next entry at hand; false at the end.
func (c *column) peek() (bool, error) {
	if c.there {
		return true, nil
	}
	for c.entries == 0 {
		if c.left == 0 {
			c.release(&c.held)
			return false, nil
		}
		if err := c.page(); err != nil {
			return false, err
		}
	}
	rep, err := c.reps.level()
	if err != nil {
		return false, err
	}
	def, err := c.defs.level()
	if err != nil {
		return false, err
	}
	if int(rep) > c.leaf.rep || int(def) > c.leaf.def {
		return false, damaged("a level is higher than the schema has")
	}
	c.rep, c.def, c.there = int(rep), int(def), true
	c.entries--
	return true, nil
}

func (c *column) release(held *int) {
	c.rows.held -= *held
	*held = 0
}

// hold accounts for what stays in memory.
func (c *column) hold(held *int, n int) error {
	c.release(held)
	if c.rows.held += n; c.rows.held > MaxHeld {
		return fmt.Errorf("%w: pages take more than %d bytes", ErrSize, MaxHeld)
	}
	*held = n
	return nil
}

// page begins the next page of data, and takes dictionaries on the way.
func (c *column) page() error {
	c.defs, c.reps, c.values = nil, nil, nil
	c.release(&c.held)
	var h pageHeader
	n, err := c.rows.file.header(&h, c.off, c.end)
	if err != nil {
		return err
	}
	c.off += n
	if h.stored < 0 || h.plain < 0 || int64(h.stored) > c.end-c.off {
		return damaged("a page is longer than its column")
	}
	most := int32(MaxPage)
	if h.typ == pageDictionary {
		most = MaxDictionary
	}
	if h.values < 0 || h.values > maxPageValues || h.typ != pageDictionary && int64(h.values) > c.left {
		return damaged("a page has %d values", h.values)
	}
	if h.plain > most || h.stored > most {
		return fmt.Errorf("%w: a page has %d bytes", ErrSize, max(h.plain, h.stored))
	}
	if h.typ != pageData && h.typ != pageDataV2 && h.typ != pageDictionary { // an index, or what is still to be invented
		c.off += int64(h.stored)
		return nil
	}
	if c.rows.plain += int64(h.plain); c.rows.plain > MaxRowGroup {
		return fmt.Errorf("%w: a row group has more than %d bytes", ErrSize, MaxRowGroup)
	}
	held := &c.held
	if h.typ == pageDictionary {
		held = &c.dictionary
	}
	if err := c.hold(held, int(h.stored)+int(h.plain)); err != nil {
		return err
	}
	stored := make([]byte, h.stored)
	if err := c.rows.file.read(stored, c.off); err != nil {
		return err
	}
	c.off += int64(h.stored)
	c.rows.read += n + int64(h.stored)
	c.rows.unpacked += n + int64(h.plain)
	if h.checked && crc32.ChecksumIEEE(stored) != h.crc {
		return damaged("a page does not have its checksum")
	}
	switch h.typ {
	case pageDictionary:
		return c.takeDictionary(&h, stored)
	case pageData:
		err = c.dataV1(&h, stored)
	default:
		err = c.dataV2(&h, stored)
	}
	if err != nil {
		return err
	}
	c.entries = int(h.values)
	c.left -= int64(h.values)
	return nil
}

func (c *column) takeDictionary(h *pageHeader, stored []byte) error {
	if !h.hd || h.encoding != encodingPlain && h.encoding != encodingPlainDictionary {
		return damaged("a dictionary has the encoding %d", h.encoding)
	}
	if c.dict != nil {
		return damaged("a column has two dictionaries")
	}
	data, err := unpack(c.chunk.codec, stored, int(h.plain))
	if err != nil {
		return err
	}
	if c.dict, err = newDictionary(c.leaf, data, h.values); err != nil {
		return err
	}
	return c.hold(&c.dictionary, len(data)+4*len(c.dict.offsets))
}

// dataV1 opens a page whose levels are compressed with the values.
func (c *column) dataV1(h *pageHeader, stored []byte) (err error) {
	if !h.has1 {
		return damaged("a page of data has no header of its own")
	}
	data, err := unpack(c.chunk.codec, stored, int(h.plain))
	if err != nil {
		return err
	}
	if c.reps, data, err = levelsV1(h.repEncoding, c.leaf.rep, h.values, data); err != nil {
		return err
	}
	if c.defs, data, err = levelsV1(h.defEncoding, c.leaf.def, h.values, data); err != nil {
		return err
	}
	c.values, err = decode(c.leaf, h.encoding, data, int(h.values), c.dict)
	return err
}

// levelsV1 takes levels from the beginning of data.
func levelsV1(encoding int32, most int, n int32, data []byte) (levels, []byte, error) {
	if most == 0 {
		return nothing{}, data, nil
	}
	width := widthOf(most)
	switch {
	case encoding == encodingBitPacked:
		if size := (int64(n)*int64(width) + 7) / 8; size <= int64(len(data)) {
			return &bitPacked{data: data[:size], width: width}, data[size:], nil
		}
	case encoding == encodingRLE && len(data) >= 4:
		if size := int64(binary.LittleEndian.Uint32(data)); size <= int64(len(data)-4) {
			return &hybrid{data: data[4 : 4+size], width: width}, data[4+size:], nil
		}
	case encoding != encodingRLE:
		return nil, nil, damaged("levels have the encoding %d", encoding)
	}
	return nil, nil, damaged("levels end early")
}

// dataV2 opens a page whose levels stand before what is compressed.
func (c *column) dataV2(h *pageHeader, stored []byte) error {
	rep, def := int64(h.repLength), int64(h.defLength)
	if !h.has2 || rep < 0 || def < 0 || rep+def > int64(len(stored)) || rep+def > int64(h.plain) {
		return damaged("levels are longer than their page")
	}
	level := func(most int, data []byte) levels {
		if most == 0 {
			return nothing{}
		}
		return &hybrid{data: data, width: widthOf(most)}
	}
	c.reps, c.defs = level(c.leaf.rep, stored[:rep]), level(c.leaf.def, stored[rep:rep+def])
	data, plain := stored[rep+def:], int(int64(h.plain)-rep-def)
	if !h.uncompressed && (plain > 0 || len(data) > 0) {
		var err error
		if data, err = unpack(c.chunk.codec, data, plain); err != nil {
			return err
		}
	}
	var err error
	c.values, err = decode(c.leaf, h.encoding, data, int(h.values), c.dict)
	return err
}
