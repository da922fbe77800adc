package xmlbody

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"drydock/aws"
	"drydock/wire/shape"
)

// AppendAny appends a value that no plan describes, an error's member, as an element. Generated structures are written
// by their plans, lists as an element each.
func AppendAny(dst []byte, name string, x any) []byte {
	switch x := x.(type) {
	case nil:
		return dst
	case string:
		return AppendString(dst, name, x)
	case time.Time:
		return AppendString(dst, name, string(shape.AppendTime(nil, x, shape.ISO8601)))
	case map[string]any:
		return AppendFields(AppendStart(dst, name), x, name)
	}
	v := reflect.ValueOf(x)
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return dst
		}
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Struct:
		if _, ok := reflect.TypeAssert[time.Time](v); !ok {
			return AppendElement(dst, name, &shape.Value{Kind: shape.Structure, Struct: shape.Of(v.Type())}, v)
		}
		return AppendAny(dst, name, v.Interface())
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			for i := range v.Len() {
				dst = AppendAny(dst, name, v.Index(i).Interface())
			}
			return dst
		}
	}
	return AppendString(dst, name, fmt.Sprint(v.Interface()))
}

// AppendFields appends members by name, in order, and closes the element end unless it is "".
func AppendFields(dst []byte, fields map[string]any, end string) []byte {
	names := make([]string, 0, len(fields))
	for name, value := range fields {
		if _, header := value.(aws.Header); !header {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		dst = AppendAny(dst, name, fields[name])
	}
	if end == "" {
		return dst
	}
	return appendEnd(dst, end)
}
