package s3select

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// spanBuffer is how much of a text is read at once.
const spanBuffer = 256 << 10

// Span is a part of a text of lines: the header, where there is one, and the records that begin within the part, each to
// its end. It is the text to make an input of.
type Span struct {
	r    io.ReaderAt
	size int64
	// at is what is read next, end the last byte with which a record may begin.
	at, end   int64
	delimiter []byte
	comment   byte // 0 for none
	header    bool
	lines     *bufio.Reader // nil before the first read
	rest      []byte        // what was read and not yet taken
	fresh     bool          // at the beginning of a record
	before    byte          // the last byte of the record so far
	err       error
}

// NewSpan returns the part of a text of size bytes whose records begin from start to end, both included. Records end as o
// says, for JSON the zero value; quoted record delimiters cannot be told from others.
func NewSpan(r io.ReaderAt, size, start, end int64, o CSV) *Span {
	s := &Span{r: r, size: size, at: start, end: end, delimiter: []byte(o.Record), header: o.Header != NoHeader}
	if len(s.delimiter) == 0 {
		s.delimiter = []byte("\n")
	}
	if o.Comment != "" {
		s.comment = o.Comment[0]
	}
	return s
}

// Read implements io.Reader.
func (s *Span) Read(p []byte) (int, error) {
	if s.lines == nil && s.err == nil {
		s.err = s.begin()
	}
	if len(s.rest) == 0 && s.err == nil && s.fresh && s.at > s.end {
		s.err = io.EOF
	}
	if len(s.rest) == 0 && s.err == nil {
		s.rest, s.err = s.piece()
	}
	n := copy(p, s.rest)
	if s.rest = s.rest[n:]; n > 0 || len(s.rest) > 0 {
		return n, nil
	}
	return 0, s.err
}

// from reads on from a place.
func (s *Span) from(at int64) {
	s.lines, s.at, s.fresh, s.before = bufio.NewReaderSize(io.NewSectionReader(s.r, at, s.size-at), spanBuffer), at, true, 0
}

// piece reads on to the end of the record, or a piece of it that fits the buffer. It is good until the next one.
func (s *Span) piece() ([]byte, error) {
	last := s.delimiter[len(s.delimiter)-1]
	b, err := s.lines.ReadSlice(last)
	s.at += int64(len(b))
	s.fresh = err == nil
	if s.fresh && len(s.delimiter) > 1 {
		whole := b
		if len(b) == 1 && s.before != 0 {
			whole = []byte{s.before, b[0]}
		}
		s.fresh = bytes.HasSuffix(whole, s.delimiter)
	}
	switch {
	case s.fresh:
		s.before = 0
	case len(b) > 0:
		s.before = b[len(b)-1]
	}
	if errors.Is(err, bufio.ErrBufferFull) {
		err = nil
	}
	return b, err
}

// record reads a whole record.
func (s *Span) record() (record []byte, err error) {
	for {
		b, err := s.piece()
		record = append(record, b...)
		switch {
		case len(record) > MaxRecord:
			return nil, overMax()
		case errors.Is(err, io.EOF) && len(record) > 0 || err == nil && s.fresh:
			return record, nil
		case err != nil:
			return nil, err
		}
	}
}

// begin takes the header, and goes to the first record.
func (s *Span) begin() error {
	start := s.at
	s.from(0)
	if s.header {
		s.at += int64(skipMark(s.lines))
		for s.rest == nil {
			header, err := s.record()
			if err != nil {
				return err
			}
			if s.comment == 0 || header[0] != s.comment {
				s.rest = header
			}
		}
	}
	if start <= s.at {
		return nil
	}
	// Where the delimiter stands just before, a record begins at the start.
	s.from(max(s.at, start-int64(len(s.delimiter))))
	for !s.fresh || s.at < start {
		if _, err := s.piece(); err != nil {
			return err
		}
	}
	return nil
}
