package s3select

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxRecord is how long a record may be, in the text and in the result: "Limits and quotas" of the S3 User Guide.
const MaxRecord = 1 << 20

// Header tells what the first line of CSV is.
type Header uint8

// The kinds of first line.
const (
	NoHeader     Header = iota // a record
	IgnoreHeader               // nothing
	UseHeader                  // the names of the fields
)

// CSV is how a text of comma-separated values is written. The zero value is completed with S3's defaults.
type CSV struct {
	Header                            Header
	Record, Field                     string
	Quote, Escape, Comment            string
	QuotedRecords                     bool
	recordBytes, fieldBytes           []byte
	quoteByte, escapeByte, commentSet byte
}

// Input brings the records of a text. It is not safe for concurrent use.
type Input interface {
	// next returns the next record, io.EOF at the end.
	next() (record, error)
}

type csvInput struct {
	r     *bufio.Reader
	o     CSV
	names []string
	index map[string]int
	row   csvRecord
}

// NewCSV returns an input of comma-separated values.
func NewCSV(r io.Reader, o CSV) (Input, error) {
	set := func(s *string, value string, most int) error {
		if *s == "" {
			*s = value
		}
		if utf8.RuneCountInString(*s) > most {
			return fail("InvalidRequestParameter", "The value of a parameter in the InputSerialization element is not valid: %q.", *s)
		}
		return nil
	}
	for _, p := range []struct {
		s     *string
		value string
		most  int
	}{{&o.Record, "\n", 2}, {&o.Field, ",", 1}, {&o.Quote, `"`, 1}, {&o.Escape, `"`, 1}} {
		if err := set(p.s, p.value, p.most); err != nil {
			return nil, err
		}
	}
	if len(o.Quote) > 1 || len(o.Escape) > 1 || len(o.Comment) > 1 {
		return nil, fail("InvalidRequestParameter", "The value of a parameter in the InputSerialization element is not valid: quotes and comments are single ASCII characters.")
	}
	o.recordBytes, o.fieldBytes, o.quoteByte, o.escapeByte = []byte(o.Record), []byte(o.Field), o.Quote[0], o.Escape[0]
	if o.Comment != "" {
		o.commentSet = o.Comment[0]
	}
	in := &csvInput{r: bufio.NewReaderSize(r, 64<<10), o: o}
	skipMark(in.r)
	return in, nil
}

// skipMark leaves out a byte order mark, and tells how long it was.
func skipMark(r *bufio.Reader) (n int) {
	if mark, err := r.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		n, _ = r.Discard(3) // which were peeked
	}
	return n
}

func (c *csvInput) next() (record, error) {
	if c.o.Header != NoHeader && c.index == nil {
		fields, err := c.read()
		if err != nil {
			return nil, err
		}
		c.index = make(map[string]int, len(fields))
		if c.o.Header == UseHeader {
			c.names = fields
			for i, n := range fields {
				if _, twice := c.index[n]; !twice {
					c.index[n] = i
				}
			}
		}
	}
	fields, err := c.read()
	if err != nil {
		return nil, err
	}
	c.row = csvRecord{c, fields}
	return &c.row, nil
}

// read reads the fields of one line, leaving out comments.
func (c *csvInput) read() ([]string, error) {
	for {
		first, err := c.r.Peek(1)
		if err != nil {
			return nil, textError(err)
		}
		comment := c.o.commentSet != 0 && first[0] == c.o.commentSet
		fields, err := c.line(comment)
		if err != nil || !comment {
			return fields, err
		}
	}
}

// starts tells whether the text goes on with a delimiter that begins with b, which was read, and takes the rest of it.
func (c *csvInput) starts(b byte, delimiter []byte) bool {
	if b != delimiter[0] {
		return false
	}
	if len(delimiter) == 1 {
		return true
	}
	rest, err := c.r.Peek(len(delimiter) - 1)
	if err != nil || !bytes.Equal(rest, delimiter[1:]) {
		return false
	}
	_, _ = c.r.Discard(len(delimiter) - 1) // which was peeked
	return true
}

// line reads up to the end of a record. Within a comment quotes mean nothing.
func (c *csvInput) line(comment bool) ([]string, error) {
	var fields []string
	var field []byte
	quoted, fresh := false, true
	size := 0
	for {
		b, err := c.r.ReadByte()
		if err == io.EOF {
			if quoted {
				return nil, fail("CSVParsingError", "Encountered an error parsing the CSV file: a quoted field does not end.")
			}
			return append(fields, string(field)), nil
		}
		if err != nil {
			return nil, textError(err)
		}
		if size++; size > MaxRecord {
			return nil, overMax()
		}
		switch {
		case quoted && b == c.o.escapeByte && c.escaped():
			b, err := c.r.ReadByte()
			if err != nil {
				return nil, textError(err)
			}
			field = append(field, b)
		case quoted && b == c.o.quoteByte:
			quoted = false
		case quoted:
			if !c.o.QuotedRecords && c.starts(b, c.o.recordBytes) {
				return append(fields, string(field)), nil
			}
			field = append(field, b)
		case !comment && fresh && b == c.o.quoteByte:
			quoted, fresh = true, false
		case c.starts(b, c.o.fieldBytes):
			fields, field, fresh = append(fields, string(field)), field[:0], true
		case c.starts(b, c.o.recordBytes):
			if c.o.Record == "\n" {
				field = bytes.TrimSuffix(field, []byte("\r"))
			}
			return append(fields, string(field)), nil
		default:
			field, fresh = append(field, b), false
		}
	}
}

// escaped tells whether what follows an escape character is a quote, or an escape character.
func (c *csvInput) escaped() bool {
	n, err := c.r.Peek(1)
	return err == nil && (n[0] == c.o.quoteByte || n[0] == c.o.escapeByte && c.o.escapeByte != c.o.quoteByte)
}

func overMax() error {
	return fail("OverMaxRecordSize", "The length of a record in the input or result is greater than the maxCharsPerRecord limit of 1 MB.")
}

// textError words what reading a text failed with, except for failures of the storage.
func textError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fail("TruncatedInput", "Object decompression failed. Check that the object is properly compressed using the format specified in the request.")
	}
	return err
}

// csvRecord is a line.
type csvRecord struct {
	in     *csvInput
	fields []string
}

// at implements record.
func (r *csvRecord) at(path []step) (Value, error) {
	if len(path) == 0 {
		o := &Object{}
		for i, f := range r.fields {
			o.Names, o.Values = append(o.Names, r.in.name(i)), append(o.Values, f)
		}
		return o, nil
	}
	s := path[0]
	if len(path) > 1 || s.index >= 0 {
		return Missing{}, nil
	}
	i, ok := r.in.column(s)
	switch {
	case !ok && r.in.names != nil:
		return nil, fail("MissingHeaders", "Some headers in the query are missing from the file. Check the file and try again.")
	case !ok:
		return nil, fail("InvalidColumnIndex", "The column index in the SQL expression is not valid: %s.", s.name)
	case i >= len(r.fields):
		return Missing{}, nil
	}
	return r.fields[i], nil
}

func (c *csvInput) name(i int) string {
	if i < len(c.names) {
		return c.names[i]
	}
	return "_" + strconv.Itoa(i+1)
}

// column finds a field by its name or its place, "_1".
func (c *csvInput) column(s step) (int, bool) {
	if i, ok := c.index[s.name]; ok {
		return i, true
	}
	if !s.quoted {
		for i, n := range c.names {
			if strings.EqualFold(n, s.name) {
				return i, true
			}
		}
	}
	digits, ok := strings.CutPrefix(s.name, "_")
	n, err := strconv.Atoi(digits)
	return n - 1, ok && err == nil && n > 0
}
