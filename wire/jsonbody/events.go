package jsonbody

import (
	"reflect"

	"drydock/aws"
	"drydock/wire/shape"
)

// AppendEvent appends an event's structure.
func AppendEvent(dst []byte, s *shape.Struct, v reflect.Value, _ string) []byte {
	return AppendStruct(dst, s, v)
}

// DecodeEvent reads an event's structure.
func DecodeEvent(data []byte, s *shape.Struct, v reflect.Value) error {
	return Decode(data, s, v, &shape.Missing{}, 0)
}

// AppendException appends the document of an exception in a stream.
func AppendException(dst []byte, op *aws.Operation, e *aws.Error) []byte {
	return AppendError(dst, op, e, false)
}
