package cbor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"unicode/utf8"

	"drydock/wire/shape"
)

// MaxDepth bounds how deep arrays, maps and tags of a request may nest.
const MaxDepth = 128

var errMalformed = errors.New("malformed CBOR")

// the major types
const (
	majorUint = iota
	majorNegative
	majorBytes
	majorText
	majorArray
	majorMap
	majorTag
	majorSimple
)

// simple values and the widths of floats, by their low five bits
const (
	simpleFalse = 20
	simpleTrue  = 21
	simpleNull  = 22
	simpleUndef = 23
	simpleHalf  = 25
	simpleFloat = 26
	simpleLong  = 27
	indefinite  = 31
)

const breakByte = 0xff

// decode reads one data item that is a structure and fills all of data.
func decode(data []byte, s *shape.Struct, v reflect.Value, missing *shape.Missing) error {
	if len(data) == 0 {
		missing.Check(s, 0)
		return nil
	}
	d := decoder{rest: data, missing: missing}
	if err := d.structure(s, v); err != nil {
		return err
	}
	if len(d.rest) > 0 {
		return fmt.Errorf("%w: data after the structure", errMalformed)
	}
	return nil
}

type decoder struct {
	rest    []byte
	missing *shape.Missing
	depth   int
}

// head reads the head of an item: its major type, low five bits and argument.
func (d *decoder) head() (major, low byte, arg uint64, err error) {
	if len(d.rest) == 0 {
		return 0, 0, 0, io.ErrUnexpectedEOF
	}
	major, low = d.rest[0]>>5, d.rest[0]&31
	d.rest = d.rest[1:]
	if low < 24 {
		return major, low, uint64(low), nil
	}
	if low == indefinite {
		if major == majorUint || major == majorNegative || major == majorTag {
			return 0, 0, 0, errMalformed
		}
		return major, low, 0, nil
	}
	if low > 27 {
		return 0, 0, 0, errMalformed
	}
	n := 1 << (low - 24)
	if len(d.rest) < n {
		return 0, 0, 0, io.ErrUnexpectedEOF
	}
	for _, b := range d.rest[:n] {
		arg = arg<<8 | uint64(b)
	}
	d.rest = d.rest[n:]
	return major, low, arg, nil
}

func (d *decoder) isNull() bool {
	return len(d.rest) > 0 && (d.rest[0] == majorSimple<<5|simpleNull || d.rest[0] == majorSimple<<5|simpleUndef)
}

// each calls visit for every element of an array or entry of a map of n items, or up to the break.
func (d *decoder) each(low byte, n uint64, visit func(i int) error) error {
	if d.depth++; d.depth > MaxDepth {
		return fmt.Errorf("%w: nests deeper than allowed", errMalformed)
	}
	defer func() { d.depth-- }()
	for i := uint64(0); low == indefinite || i < n; i++ {
		if len(d.rest) == 0 {
			return io.ErrUnexpectedEOF
		}
		if low == indefinite && d.rest[0] == breakByte {
			d.rest = d.rest[1:]
			return nil
		}
		if err := visit(int(i)); err != nil {
			return err
		}
	}
	return nil
}

// open reads the head of an item that must be of a major type.
func (d *decoder) open(want byte) (low byte, n uint64, err error) {
	major, low, n, err := d.head()
	if err == nil && major != want {
		err = fmt.Errorf("%w: unexpected type", errMalformed)
	}
	return low, n, err
}

func (d *decoder) structure(s *shape.Struct, v reflect.Value) error {
	low, n, err := d.open(majorMap)
	if err != nil {
		return err
	}
	var seen shape.Seen
	err = d.each(low, n, func(int) error {
		name, err := d.bytes(majorText)
		if err != nil {
			return err
		}
		f := s.ByName(name)
		if f == nil || d.isNull() {
			return d.skip()
		}
		seen.Mark(f)
		d.missing.Enter(f)
		if err := d.value(&f.Value, f.Target(v)); err != nil {
			return err
		}
		d.missing.Leave()
		return nil
	})
	d.missing.Check(s, seen)
	return err
}

func (d *decoder) value(p *shape.Value, v reflect.Value) error {
	switch p.Kind {
	case shape.Structure:
		return d.structure(p.Struct, v)
	case shape.List:
		return d.list(p, v)
	case shape.Map:
		return d.entries(p, v)
	case shape.String:
		b, err := d.bytes(majorText)
		if err != nil {
			return err
		}
		if !utf8.Valid(b) {
			return fmt.Errorf("%w: text is not UTF-8", errMalformed)
		}
		v.SetString(string(b))
		return nil
	case shape.Blob:
		b, err := d.bytes(majorBytes)
		if err != nil {
			return err
		}
		v.SetBytes(append([]byte{}, b...))
		return nil
	case shape.Document:
		x, err := d.any()
		if err == nil && x != nil {
			v.Set(reflect.ValueOf(x))
		}
		return err
	}
	return d.scalar(p, v)
}

func (d *decoder) scalar(p *shape.Value, v reflect.Value) error {
	major, low, arg, err := d.head()
	if err != nil {
		return err
	}
	wrong := fmt.Errorf("%w: unexpected type", errMalformed)
	switch p.Kind {
	case shape.Bool:
		if major != majorSimple || low != simpleTrue && low != simpleFalse {
			return wrong
		}
		v.SetBool(low == simpleTrue)
	case shape.Integer:
		n, ok := integer(major, low, arg)
		if !ok || v.OverflowInt(n) {
			return wrong
		}
		v.SetInt(n)
	case shape.Float:
		n, ok := number(major, low, arg)
		if !ok {
			return wrong
		}
		v.SetFloat(n)
	case shape.Time:
		if major == majorTag && arg == 1 {
			if major, low, arg, err = d.head(); err != nil {
				return err
			}
		}
		n, ok := number(major, low, arg)
		if !ok {
			return wrong
		}
		t, err := shape.TimeOf(n)
		if err != nil {
			return fmt.Errorf("%w: %w", errMalformed, err)
		}
		shape.SetTime(v, t)
	default:
		return wrong
	}
	return nil
}

func integer(major, low byte, arg uint64) (int64, bool) {
	switch major {
	case majorUint:
		return int64(arg), arg <= math.MaxInt64
	case majorNegative:
		return -1 - int64(arg), arg <= math.MaxInt64
	case majorSimple:
		f, ok := number(major, low, arg)
		n := int64(f)
		return n, ok && math.Abs(f) < 1<<62 && float64(n) == f
	}
	return 0, false
}

func number(major, low byte, arg uint64) (float64, bool) {
	switch major {
	case majorUint:
		return float64(arg), true
	case majorNegative:
		return -1 - float64(arg), true
	case majorSimple:
		switch low {
		case simpleHalf:
			return half(uint16(arg)), true
		case simpleFloat:
			return float64(math.Float32frombits(uint32(arg))), true
		case simpleLong:
			return math.Float64frombits(arg), true
		}
	}
	return 0, false
}

// half widens a half-precision float.
func half(b uint16) float64 {
	exponent, fraction := int(b>>10&31), float64(b&1023)
	var f float64
	switch exponent {
	case 0:
		f = math.Ldexp(fraction, -24)
	case 31:
		f = math.Inf(1)
		if fraction != 0 {
			f = math.NaN()
		}
	default:
		f = math.Ldexp(1024+fraction, exponent-25)
	}
	if b>>15 != 0 {
		return -f
	}
	return f
}

// bytes reads a byte or text string; the result may lie in the input.
func (d *decoder) bytes(major byte) ([]byte, error) {
	low, n, err := d.open(major)
	if err != nil {
		return nil, err
	}
	if low != indefinite {
		return d.take(n)
	}
	joined := []byte{}
	err = d.each(low, 0, func(int) error {
		low, n, err := d.open(major)
		if err != nil {
			return err
		}
		if low == indefinite {
			return errMalformed
		}
		chunk, err := d.take(n)
		joined = append(joined, chunk...)
		return err
	})
	return joined, err
}

func (d *decoder) take(n uint64) ([]byte, error) {
	if n > uint64(len(d.rest)) {
		return nil, io.ErrUnexpectedEOF
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b, nil
}

func (d *decoder) list(p *shape.Value, v reflect.Value) error {
	low, n, err := d.open(majorArray)
	if err != nil {
		return err
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, int(min(n, 16))))
	return d.each(low, n, func(i int) error {
		if d.isNull() {
			d.missing.Null(i)
			return d.skip()
		}
		d.missing.EnterItem(i)
		if err := d.value(p.Elem, shape.Append(v)); err != nil {
			return err
		}
		d.missing.Leave()
		return nil
	})
}

func (d *decoder) entries(p *shape.Value, v reflect.Value) error {
	low, n, err := d.open(majorMap)
	if err != nil {
		return err
	}
	v.Set(reflect.MakeMap(v.Type()))
	key := reflect.New(v.Type().Key()).Elem()
	elem := reflect.New(p.Elem.Type).Elem()
	return d.each(low, n, func(int) error {
		name, err := d.bytes(majorText)
		if err != nil {
			return err
		}
		if !utf8.Valid(name) {
			return fmt.Errorf("%w: text is not UTF-8", errMalformed)
		}
		key.SetString(string(name))
		if d.isNull() {
			return d.skip()
		}
		elem.SetZero()
		d.missing.EnterKey(key.String())
		if err := d.value(p.Elem, elem); err != nil {
			return err
		}
		d.missing.Leave()
		v.SetMapIndex(key, elem)
		return nil
	})
}

// skip reads over one item.
func (d *decoder) skip() error {
	major, low, arg, err := d.head()
	if err != nil {
		return err
	}
	switch major {
	case majorBytes, majorText:
		if low != indefinite {
			_, err = d.take(arg)
			return err
		}
		return d.each(low, 0, func(int) error { return d.skip() })
	case majorArray:
		return d.each(low, arg, func(int) error { return d.skip() })
	case majorMap:
		return d.each(low, arg, func(int) error {
			if err := d.skip(); err != nil {
				return err
			}
			return d.skip()
		})
	case majorTag:
		return d.each(0, 1, func(int) error { return d.skip() })
	case majorSimple:
		if low == indefinite {
			return errMalformed // a break outside an item of indefinite length
		}
	}
	return nil
}

// any reads an item as JSON's types, byte strings as []byte.
func (d *decoder) any() (any, error) {
	if len(d.rest) == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	switch d.rest[0] >> 5 {
	case majorText:
		b, err := d.bytes(majorText)
		return string(b), err
	case majorBytes:
		b, err := d.bytes(majorBytes)
		return append([]byte{}, b...), err
	}
	major, low, arg, err := d.head()
	if err != nil {
		return nil, err
	}
	switch major {
	case majorArray:
		list := []any{}
		err := d.each(low, arg, func(int) error {
			x, err := d.any()
			list = append(list, x)
			return err
		})
		return list, err
	case majorMap:
		m := map[string]any{}
		err := d.each(low, arg, func(int) error {
			name, err := d.bytes(majorText)
			if err != nil {
				return err
			}
			key := string(name)
			m[key], err = d.any()
			return err
		})
		return m, err
	case majorTag:
		var x any
		err := d.each(0, 1, func(int) (err error) {
			x, err = d.any()
			return err
		})
		return x, err
	}
	if major == majorSimple {
		switch low {
		case simpleTrue, simpleFalse:
			return low == simpleTrue, nil
		case simpleNull, simpleUndef:
			return nil, nil
		}
	}
	if n, ok := number(major, low, arg); ok {
		return n, nil
	}
	return nil, errMalformed
}

func appendHead(dst []byte, major byte, n uint64) []byte {
	major <<= 5
	switch {
	case n < 24:
		return append(dst, major|byte(n))
	case n <= math.MaxUint8:
		return append(dst, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, major|26), uint32(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, major|27), n)
	}
}
