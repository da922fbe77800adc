package store

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"sync"

	"github.com/fxamacker/cbor/v2"
)

// rowFormat is the first byte of every stored row; another format gets another number.
const rowFormat = 1

var rowEncoder = sync.OnceValue(func() cbor.UserBufferEncMode {
	mode, err := cbor.EncOptions{
		Sort:        cbor.SortBytewiseLexical, // equal rows are equal bytes
		Time:        cbor.TimeRFC3339NanoUTC,
		IndefLength: cbor.IndefLengthForbidden,
	}.UserBufferEncMode()
	if err != nil {
		panic(err) // the options are constants
	}
	return mode
})

var rowDecoder = sync.OnceValue(func() cbor.DecMode {
	mode, err := cbor.DecOptions{
		DefaultMapType:   reflect.TypeFor[map[string]any](),
		MaxArrayElements: math.MaxInt32,
		MaxMapPairs:      math.MaxInt32,
		MaxNestedLevels:  1000,
	}.DecMode()
	if err != nil {
		panic(err) // the options are constants
	}
	return mode
})

var rowBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// rowBufferLimit keeps a rare large row's buffer from staying in the pool.
const rowBufferLimit = 64 << 10

func encodeRow(row any) ([]byte, error) {
	buf := rowBuffers.Get().(*bytes.Buffer)
	defer func() {
		if buf.Cap() <= rowBufferLimit {
			rowBuffers.Put(buf)
		}
	}()
	buf.Reset()
	buf.WriteByte(rowFormat)
	if err := rowEncoder().MarshalToBuffer(row, buf); err != nil {
		return nil, fmt.Errorf("encoding: %w", err)
	}
	return bytes.Clone(buf.Bytes()), nil
}

func decodeRow(data []byte, row any) error {
	if len(data) == 0 || data[0] != rowFormat {
		return fmt.Errorf("decoding: unknown row format")
	}
	if err := rowDecoder().Unmarshal(data[1:], row); err != nil {
		return fmt.Errorf("decoding: %w", err)
	}
	return nil
}
