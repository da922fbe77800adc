package logs

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	api "drydock/api/logs"
)

// The processors that change fields. One that does not find its field leaves the event as it is.

// splitPath reads the path of a field: names between dots, indexes in brackets.
func splitPath(path string) []string {
	path = strings.ReplaceAll(strings.ReplaceAll(path, "[", "."), "]", "")
	return strings.Split(path, ".")
}

// lookUp returns the value at a path.
func (doc document) lookUp(path string) (any, bool) {
	if v, ok := doc[path]; ok { // a name may have dots
		return v, true
	}
	var at any = map[string]any(doc)
	for _, name := range splitPath(path) {
		switch v := at.(type) {
		case map[string]any:
			next, ok := v[name]
			if !ok {
				return nil, false
			}
			at = next
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(v) {
				return nil, false
			}
			at = v[i]
		default:
			return nil, false
		}
	}
	return at, true
}

// set puts a value at a path, making the objects on the way. It leaves a value that is there unless told to overwrite it.
func (doc document) set(path string, value any, overwrite bool) {
	if _, ok := doc.lookUp(path); ok && !overwrite {
		return
	}
	names := splitPath(path)
	if strings.HasPrefix(names[0], "@") {
		return // the event's own fields stay
	}
	if _, ok := doc[path]; ok {
		names = []string{path}
	}
	at := map[string]any(doc)
	for i, name := range names[:len(names)-1] {
		switch next := at[name].(type) {
		case map[string]any:
			at = next
		case []any:
			if n, err := strconv.Atoi(names[i+1]); err == nil && n >= 0 && n < len(next) && i+2 == len(names) {
				next[n] = value
			}
			return
		case nil:
			made := map[string]any{}
			at[name] = made
			at = made
		default:
			return
		}
	}
	at[names[len(names)-1]] = value
}

// remove takes the value at a path out.
func (doc document) remove(path string) {
	if _, ok := doc[path]; ok {
		delete(doc, path)
		return
	}
	names := splitPath(path)
	parent := map[string]any(doc)
	if len(names) > 1 {
		v, ok := doc.lookUp(strings.Join(names[:len(names)-1], "."))
		if parent, _ = v.(map[string]any); !ok || parent == nil {
			return
		}
	}
	delete(parent, names[len(names)-1])
}

// text returns the value at a path as a string; numbers and booleans as they are written.
func (doc document) text(path string) (string, bool) {
	v, ok := doc.lookUp(path)
	if !ok || v == nil {
		return "", false
	}
	switch v := v.(type) {
	case string:
		return v, true
	case map[string]any, []any:
		return "", false
	default:
		return fmt.Sprint(v), true
	}
}

func isSet(b *bool) bool { return b != nil && *b }

func orElse(s *string, otherwise string) string {
	if s == nil {
		return otherwise
	}
	return *s
}

var reference = regexp.MustCompile(`\$\{([^}]+)\}`)

func addKeysStep(c *api.AddKeys) processor {
	return func(doc document) error {
		for _, e := range c.Entries {
			value := reference.ReplaceAllStringFunc(e.Value, func(ref string) string {
				text, _ := doc.text(ref[2 : len(ref)-1])
				return text
			})
			if len(value) > maxFieldBytes { // references could make it grow without bound
				return errTooMuch
			}
			doc.set(e.Key, value, isSet(e.OverwriteIfExists))
		}
		return nil
	}
}

func copyValueStep(c *api.CopyValue) processor {
	return func(doc document) error {
		for _, e := range c.Entries {
			if v, ok := doc.lookUp(e.Source); ok {
				copied, err := clone(v)
				if err != nil {
					return err
				}
				doc.set(e.Target, copied, isSet(e.OverwriteIfExists))
			}
		}
		return nil
	}
}

// clone copies a value, so that changing the copy leaves the original.
func clone(v any) (any, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("copying a value: %w", err)
	}
	if len(data) > maxFieldBytes {
		return nil, errTooMuch
	}
	return parseValue(string(data))
}

func deleteKeysStep(c *api.DeleteKeys) processor {
	return func(doc document) error {
		for _, path := range c.WithKeys {
			doc.remove(path)
		}
		return nil
	}
}

// moveKeysStep moves fields into objects, under their own names.
func moveKeysStep(c *api.MoveKeys) processor {
	return func(doc document) error {
		for _, e := range c.Entries {
			v, ok := doc.lookUp(e.Source)
			names := splitPath(e.Source)
			target := e.Target + "." + names[len(names)-1]
			if !ok || target == e.Source || strings.HasPrefix(e.Target+".", e.Source+".") {
				continue
			}
			if _, there := doc.lookUp(target); there && !isSet(e.OverwriteIfExists) {
				continue
			}
			doc.remove(e.Source)
			doc.set(target, v, true)
		}
		return nil
	}
}

func renameKeysStep(c *api.RenameKeys) processor {
	return func(doc document) error {
		for _, e := range c.Entries {
			v, ok := doc.lookUp(e.Key)
			target := e.RenameTo
			if names := splitPath(e.Key); len(names) > 1 && !strings.Contains(target, ".") {
				target = strings.Join(names[:len(names)-1], ".") + "." + target // the field stays where it is
			}
			if !ok || target == e.Key || strings.HasPrefix(target, e.Key+".") {
				continue
			}
			if _, there := doc.lookUp(target); there && !isSet(e.OverwriteIfExists) {
				continue
			}
			doc.remove(e.Key)
			doc.set(target, v, true)
		}
		return nil
	}
}

func listToMapStep(c *api.ListToMap) (processor, error) {
	if isSet(c.Flatten) && c.FlattenedElement == nil {
		return nil, invalidTransformer("listToMap with flatten must have flattenedElement.")
	}
	return func(doc document) error {
		v, _ := doc.lookUp(c.Source)
		list, ok := v.([]any)
		if !ok {
			return nil
		}
		found := map[string][]any{}
		for _, element := range list {
			fields, ok := element.(map[string]any)
			if !ok {
				continue
			}
			key, ok := document(fields).text(c.Key)
			if !ok {
				continue
			}
			var value any = fields
			if c.ValueKey != nil {
				if value, ok = document(fields).lookUp(*c.ValueKey); !ok {
					continue
				}
			}
			found[key] = append(found[key], value)
		}
		for key, values := range found {
			var value any = values
			if isSet(c.Flatten) {
				value = values[0]
				if *c.FlattenedElement == api.FlattenedElementLast {
					value = values[len(values)-1]
				}
			}
			copied, err := clone(value)
			if err != nil {
				return err
			}
			if c.Target == nil {
				if !strings.HasPrefix(key, "@") {
					doc[key] = copied
				}
			} else {
				doc.set(*c.Target+"."+key, copied, true)
			}
		}
		return nil
	}, nil
}

// stringsStep changes the strings at paths.
func stringsStep(paths []string, change func(string) string) processor {
	return func(doc document) error {
		for _, path := range paths {
			if v, ok := doc.lookUp(path); ok {
				if text, ok := v.(string); ok {
					doc.set(path, change(text), true)
				}
			}
		}
		return nil
	}
}

func splitStep(c *api.SplitString) processor {
	return func(doc document) error {
		for _, e := range c.Entries {
			v, _ := doc.lookUp(e.Source)
			text, ok := v.(string)
			if !ok {
				continue
			}
			parts := strings.Split(text, e.Delimiter)
			list := make([]any, len(parts))
			for i, part := range parts {
				list[i] = part
			}
			doc.set(e.Source, list, true)
		}
		return nil
	}
}

func substituteStep(c *api.SubstituteString) (processor, error) {
	expressions := make([]*regexp.Regexp, len(c.Entries))
	for i, e := range c.Entries {
		re, err := regexp.Compile(e.From)
		if err != nil {
			return nil, invalidTransformer("substituteString has an invalid expression: %s", e.From)
		}
		expressions[i] = re
	}
	return func(doc document) error {
		for i, e := range c.Entries {
			v, _ := doc.lookUp(e.Source)
			text, ok := v.(string)
			if !ok {
				continue
			}
			if text = expressions[i].ReplaceAllString(text, e.To); len(text) > maxFieldBytes {
				return errTooMuch
			}
			doc.set(e.Source, text, true)
		}
		return nil
	}, nil
}

func typeStep(c *api.TypeConverter) processor {
	return func(doc document) error {
		for _, e := range c.Entries {
			text, ok := doc.text(e.Key)
			if !ok {
				continue
			}
			v, err := convert(strings.TrimSpace(text), e.Type)
			if err != nil {
				return err
			}
			doc.set(e.Key, v, true)
		}
		return nil
	}
}

// convert reads a value of a type.
func convert(text string, t api.Type) (any, error) {
	switch t {
	case api.TypeInteger:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return json.Number(strconv.FormatInt(n, 10)), nil
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.Abs(f) >= 1<<63 {
			return nil, errUnfit
		}
		return json.Number(strconv.FormatInt(int64(f), 10)), nil
	case api.TypeDouble:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, errUnfit
		}
		return f, nil
	case api.TypeBoolean:
		if !slices.Contains([]string{"true", "false"}, strings.ToLower(text)) {
			return nil, errUnfit
		}
		return strings.EqualFold(text, "true"), nil
	case api.TypeString:
		return text, nil
	}
	return nil, errUnfit
}
