// Package eventstream reads and writes application/vnd.amazon.eventstream: the framing, the events of an operation's
// output as they come, and those of its input. It knows no protocol; a Format says how payloads are written.
package eventstream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"
)

// Limits of the format.
const (
	MaxHeaders = 128 << 10
	MaxPayload = 16 << 20
)

const (
	preludeSize = 12
	crcSize     = 4
)

// ErrMalformed is returned for bytes that are no message.
var ErrMalformed = errors.New("malformed event stream message")

// UUID is the value of a header of that type.
type UUID [16]byte

// Header is one header of a message. Value is a bool, int8, int16, int32, int64, []byte, string, time.Time or UUID.
type Header struct {
	Name  string
	Value any
}

// Message is one frame.
type Message struct {
	Headers []Header
	Payload []byte
}

// Text returns the string header of a name, "" when there is none.
func (m *Message) Text(name string) string {
	for i := range m.Headers {
		if s, ok := m.Headers[i].Value.(string); ok && m.Headers[i].Name == name {
			return s
		}
	}
	return ""
}

// the types of header values
const (
	typeTrue = iota
	typeFalse
	typeByte
	typeShort
	typeInteger
	typeLong
	typeBytes
	typeString
	typeTimestamp
	typeUUID
)

// Append appends the message's frame. It fails when a header or the payload is too large, or a header has no such type.
func (m *Message) Append(dst []byte) ([]byte, error) {
	start := len(dst)
	dst = append(dst, make([]byte, preludeSize)...)
	for i := range m.Headers {
		var err error
		if dst, err = m.Headers[i].append(dst); err != nil {
			return dst[:start], err
		}
	}
	headers := len(dst) - start - preludeSize
	if headers > MaxHeaders || len(m.Payload) > MaxPayload {
		return dst[:start], fmt.Errorf("event of %d header and %d payload bytes is too large", headers, len(m.Payload))
	}
	dst = append(dst, m.Payload...)
	frame := dst[start:]
	binary.BigEndian.PutUint32(frame, uint32(len(frame)+crcSize))
	binary.BigEndian.PutUint32(frame[4:], uint32(headers))
	binary.BigEndian.PutUint32(frame[8:], crc32.ChecksumIEEE(frame[:8]))
	return binary.BigEndian.AppendUint32(dst, crc32.ChecksumIEEE(frame)), nil
}

func (h *Header) append(dst []byte) ([]byte, error) {
	if h.Name == "" || len(h.Name) > 255 {
		return dst, fmt.Errorf("event header name %q has no valid length", h.Name)
	}
	dst = append(dst, byte(len(h.Name)))
	dst = append(dst, h.Name...)
	switch v := h.Value.(type) {
	case bool:
		if v {
			return append(dst, typeTrue), nil
		}
		return append(dst, typeFalse), nil
	case int8:
		return append(dst, typeByte, byte(v)), nil
	case int16:
		return binary.BigEndian.AppendUint16(append(dst, typeShort), uint16(v)), nil
	case int32:
		return binary.BigEndian.AppendUint32(append(dst, typeInteger), uint32(v)), nil
	case int64:
		return binary.BigEndian.AppendUint64(append(dst, typeLong), uint64(v)), nil
	case []byte:
		if len(v) > 1<<15-1 {
			break
		}
		dst = binary.BigEndian.AppendUint16(append(dst, typeBytes), uint16(len(v)))
		return append(dst, v...), nil
	case string:
		if len(v) > 1<<15-1 {
			break
		}
		dst = binary.BigEndian.AppendUint16(append(dst, typeString), uint16(len(v)))
		return append(dst, v...), nil
	case time.Time:
		return binary.BigEndian.AppendUint64(append(dst, typeTimestamp), uint64(v.UnixMilli())), nil
	case UUID:
		return append(append(dst, typeUUID), v[:]...), nil
	}
	return dst, fmt.Errorf("event header %s has no valid value", h.Name)
}

// Read reads one message. It returns io.EOF at the end between messages, ErrMalformed or the reader's error otherwise.
func Read(r io.Reader) (*Message, error) {
	var prelude [preludeSize]byte
	if _, err := io.ReadFull(r, prelude[:]); err != nil {
		if err == io.EOF {
			return nil, io.EOF
		}
		return nil, fmt.Errorf("reading an event's prelude: %w", err)
	}
	total := binary.BigEndian.Uint32(prelude[:])
	headers := binary.BigEndian.Uint32(prelude[4:])
	if crc32.ChecksumIEEE(prelude[:8]) != binary.BigEndian.Uint32(prelude[8:]) {
		return nil, fmt.Errorf("%w: checksum of the prelude", ErrMalformed)
	}
	if headers > MaxHeaders || total > MaxHeaders+MaxPayload || total < preludeSize+headers+crcSize {
		return nil, fmt.Errorf("%w: lengths", ErrMalformed)
	}
	rest, err := readFull(r, int(total-preludeSize))
	if err != nil {
		return nil, fmt.Errorf("reading an event: %w", err)
	}
	body := rest[:len(rest)-crcSize]
	sum := crc32.Update(crc32.ChecksumIEEE(prelude[:]), crc32.IEEETable, body)
	if sum != binary.BigEndian.Uint32(rest[len(body):]) {
		return nil, fmt.Errorf("%w: checksum", ErrMalformed)
	}
	m := &Message{Payload: body[headers:]}
	for b := body[:headers]; len(b) > 0; {
		var h Header
		if h, b, err = readHeader(b); err != nil {
			return nil, err
		}
		m.Headers = append(m.Headers, h)
	}
	return m, nil
}

// readFull reads n bytes without trusting n for more memory than arrives.
func readFull(r io.Reader, n int) ([]byte, error) {
	const step = 64 << 10
	b := make([]byte, 0, min(n, step))
	for len(b) < n {
		have := len(b)
		b = append(b, make([]byte, min(n-have, max(step, have)))...)
		if _, err := io.ReadFull(r, b[have:]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return b, nil
}

func readHeader(b []byte) (Header, []byte, error) {
	bad := fmt.Errorf("%w: headers", ErrMalformed)
	n := int(b[0])
	if n == 0 || len(b) < n+2 {
		return Header{}, nil, bad
	}
	h := Header{Name: string(b[1 : n+1])}
	kind := b[n+1]
	b = b[n+2:]
	sizes := [...]int{typeTrue: 0, typeFalse: 0, typeByte: 1, typeShort: 2, typeInteger: 4, typeLong: 8, typeBytes: 2,
		typeString: 2, typeTimestamp: 8, typeUUID: 16}
	if int(kind) >= len(sizes) || len(b) < sizes[kind] {
		return Header{}, nil, bad
	}
	fixed := b[:sizes[kind]]
	b = b[sizes[kind]:]
	switch kind {
	case typeTrue, typeFalse:
		h.Value = kind == typeTrue
	case typeByte:
		h.Value = int8(fixed[0])
	case typeShort:
		h.Value = int16(binary.BigEndian.Uint16(fixed))
	case typeInteger:
		h.Value = int32(binary.BigEndian.Uint32(fixed))
	case typeLong:
		h.Value = int64(binary.BigEndian.Uint64(fixed))
	case typeTimestamp:
		h.Value = time.UnixMilli(int64(binary.BigEndian.Uint64(fixed))).UTC()
	case typeUUID:
		h.Value = UUID(fixed)
	default:
		n := int(binary.BigEndian.Uint16(fixed))
		if len(b) < n {
			return Header{}, nil, bad
		}
		if kind == typeString {
			h.Value = string(b[:n])
		} else {
			h.Value = append([]byte{}, b[:n]...)
		}
		b = b[n:]
	}
	return h, b, nil
}
