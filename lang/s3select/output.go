package s3select

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

// Output writes rows as CSV, or as JSON where it is set. The zero value is completed with S3's defaults. What is written
// gathers in Buffer, which the caller empties.
type Output struct {
	JSON                         bool
	Record, Field, Quote, Escape string
	// Always quotes each field, not only those that need it.
	Always bool
	Buffer bytes.Buffer
}

func (o *Output) write(row *Row) error {
	start := o.Buffer.Len()
	record := o.Record
	if record == "" {
		record = "\n"
	}
	if o.JSON {
		writeJSON(&o.Buffer, &Object{row.Names, row.Values})
	} else {
		o.fields(row.Values, record)
	}
	if o.Buffer.Len()-start > MaxRecord {
		return overMax()
	}
	o.Buffer.WriteString(record)
	return nil
}

func (o *Output) fields(values []Value, record string) {
	or := func(s, byDefault string) string {
		if s == "" {
			return byDefault
		}
		return s
	}
	field, quote := or(o.Field, ","), or(o.Quote, `"`)
	escape := or(o.Escape, quote)
	for i, v := range values {
		if i > 0 {
			o.Buffer.WriteString(field)
		}
		s := text(v)
		if !o.Always && !strings.Contains(s, field) && !strings.Contains(s, quote) && !strings.Contains(s, record) && !strings.ContainsAny(s, "\r\n") {
			o.Buffer.WriteString(s)
			continue
		}
		o.Buffer.WriteString(quote)
		o.Buffer.WriteString(strings.ReplaceAll(s, quote, escape+quote))
		o.Buffer.WriteString(quote)
	}
}

// Run takes all records of a text; after is called after each, and ends the run with an error of its own.
func (x *Execution) Run(in Input, out *Output, after func() error) error {
	for !x.Done() {
		r, err := in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := x.add(r, out.write); err != nil {
			return err
		}
		if err := after(); err != nil {
			return err
		}
	}
	return x.finish(out.write)
}
