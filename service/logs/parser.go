package logs

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	api "drydock/api/logs"
)

// The processors that find fields in a text.

// errUnfit stops a transformer at an event that it is not made for, errTooMuch at one that it makes too large.
var (
	errUnfit   = errors.New("the event does not fit the transformer")
	errTooMuch = errors.New("the transformed event is too large")
)

// source returns the text that a parser reads, the message unless it names a field.
func (doc document) source(path *string) (string, error) {
	text, ok := doc.text(orElse(path, messageField))
	if !ok {
		return "", errUnfit
	}
	return text, nil
}

// put adds a parser's fields to the document, or to an object in it.
func (doc document) put(destination *string, fields map[string]any) {
	if destination != nil {
		doc.set(*destination, fields, true)
		return
	}
	for name, v := range fields {
		if !strings.HasPrefix(name, "@") {
			doc[name] = v
		}
	}
}

// parseValue reads JSON, keeping numbers as they are written.
func parseValue(text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("%w: %w", errUnfit, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errUnfit
	}
	return v, nil
}

func parseJSONStep(c *api.ParseJSON) processor {
	return func(doc document) error {
		text, err := doc.source(c.Source)
		if err != nil {
			return err
		}
		v, err := parseValue(text)
		if err != nil {
			return err
		}
		fields, ok := v.(map[string]any)
		if !ok {
			return errUnfit
		}
		doc.put(c.Destination, fields)
		return nil
	}
}

func csvStep(c *api.CSV) (processor, error) {
	delimiter := orElse(c.Delimiter, ",")
	if delimiter == `\t` {
		delimiter = "\t"
	}
	if len(delimiter) != 1 || delimiter == "\"" || delimiter == "\n" || delimiter == "\r" {
		return nil, invalidTransformer("csv has an invalid delimiter.")
	}
	quote := orElse(c.QuoteCharacter, `"`)
	if quote != `"` {
		return nil, notImplemented("drydock reads CSV with double quotes only.")
	}
	return func(doc document) error {
		text, err := doc.source(c.Source)
		if err != nil {
			return err
		}
		r := csv.NewReader(strings.NewReader(text))
		r.Comma, r.LazyQuotes, r.TrimLeadingSpace = rune(delimiter[0]), true, delimiter != "\t"
		values, err := r.Read()
		if err != nil {
			return errUnfit
		}
		fields := map[string]any{}
		for i, v := range values {
			name := fmt.Sprintf("column_%d", i+1)
			if i < len(c.Columns) {
				name = c.Columns[i]
			}
			fields[name] = v
		}
		doc.put(c.Destination, fields)
		return nil
	}, nil
}

func keyValueStep(c *api.ParseKeyValue) processor {
	return func(doc document) error {
		text, err := doc.source(c.Source)
		if err != nil {
			return err
		}
		fields := map[string]any{}
		for pair := range strings.SplitSeq(text, orElse(c.FieldDelimiter, "&")) {
			key, value, ok := strings.Cut(pair, orElse(c.KeyValueDelimiter, "="))
			switch {
			case key == "":
				continue
			case ok:
				fields[orElse(c.KeyPrefix, "")+key] = value
			case c.NonMatchValue != nil:
				fields[orElse(c.KeyPrefix, "")+key] = *c.NonMatchValue
			}
		}
		if !isSet(c.OverwriteIfExists) {
			for name := range fields {
				path := name
				if c.Destination != nil {
					path = *c.Destination + "." + name
				}
				if old, there := doc.lookUp(path); there {
					fields[name] = old
				}
			}
		}
		doc.put(c.Destination, fields)
		return nil
	}
}
