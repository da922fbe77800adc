package jsonbody

import (
	"slices"
	"strings"

	"drydock/aws"
	"drydock/wire/message"
	"drydock/wire/shape"
)

// AppendError appends an error's document: its type under "__type" when typed is set, the message under the name its
// model gives it, and the members it carries that the model does not place in a header.
func AppendError(dst []byte, op *aws.Operation, e *aws.Error, typed bool) []byte {
	name := "message"
	var s *shape.Struct
	if m := message.ErrorShape(op, e); m != nil && m.Type != nil {
		s = shape.Of(m.Type)
		for i := range s.Fields {
			if f := &s.Fields[i]; strings.EqualFold(f.Member, "message") || strings.EqualFold(f.Name, "message") {
				name = f.Name
			}
		}
	}
	dst = append(dst, '{')
	more := false
	if typed {
		dst = appendName(dst, "__type", more)
		dst = appendString(dst, message.TypeOfError(e))
		more = true
	}
	if e.Message != "" {
		dst = appendName(dst, name, more)
		dst = appendString(dst, e.Message)
		more = true
	}
	keys := make([]string, 0, len(e.Fields))
	for k := range e.Fields {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if k == name || s != nil && s.ByMember(k) != nil && s.ByMember(k).Location != shape.Body {
			continue
		}
		dst = appendName(dst, k, more)
		dst = AppendAny(dst, e.Fields[k])
		more = true
	}
	return append(dst, '}')
}
