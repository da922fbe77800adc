package testreport

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// element is an open element of a document.
type element struct {
	name  string
	attrs []xml.Attr
	text  strings.Builder
	// parent is nil for the root.
	parent *element
}

// attr is the value of an attribute, "" where it is not there.
func (e *element) attr(name string) string {
	for _, a := range e.attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// above is the nearest element around e that has the name, or an empty one.
func (e *element) above(name string) *element {
	for p := e.parent; p != nil; p = p.parent {
		if p.name == name {
			return p
		}
	}
	return &element{}
}

// in tells whether e is the child of an element of that name.
func (e *element) in(name string) bool { return e.parent != nil && e.parent.name == name }

// content is the element's own text, without white space around it.
func (e *element) content() string { return strings.TrimSpace(e.text.String()) }

// walk reads a document and calls open and shut for each element's beginning and end. The outermost
// element has one of the roots' names; anything else is not of the format.
func walk(r io.Reader, roots []string, open, shut func(*element) error) error {
	d := xml.NewDecoder(r)
	d.CharsetReader = decodeCharset
	var current *element
	depth, seen := 0, false
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if errors.Is(err, ErrTooLarge) {
				return ErrTooLarge
			}
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return ErrTooLarge
			}
			if current == nil {
				if seen || !slices.Contains(roots, t.Name.Local) {
					return fmt.Errorf("unexpected element <%s>: expected <%s>", t.Name.Local, strings.Join(roots, "> or <"))
				}
				seen = true
			}
			current = &element{name: t.Name.Local, attrs: t.Copy().Attr, parent: current}
			if err := open(current); err != nil {
				return err
			}
		case xml.EndElement:
			if current == nil || current.name != t.Name.Local {
				line, _ := d.InputPos()
				return fmt.Errorf("unexpected </%s> in line %d", t.Name.Local, line)
			}
			if err := shut(current); err != nil {
				return err
			}
			current = current.parent
			depth--
		case xml.CharData:
			if current != nil {
				if room := maxText - current.text.Len(); room > 0 {
					current.text.Write(t[:min(room, len(t))])
				}
			}
		}
	}
	switch {
	case !seen:
		return errors.New("the report is empty")
	case current != nil:
		return fmt.Errorf("the report ends within <%s>", current.name)
	}
	return nil
}

func ignore(*element) error { return nil }

// decodeCharset reads the encodings that are subsets of Latin-1, which older tools write.
func decodeCharset(charset string, r io.Reader) (io.Reader, error) {
	switch strings.ToLower(charset) {
	case "iso-8859-1", "latin1", "latin-1", "us-ascii", "ascii", "windows-1252":
		return &latin1{r: r}, nil
	}
	return nil, fmt.Errorf("unknown encoding %q", charset)
}

// latin1 turns Latin-1 into UTF-8.
type latin1 struct {
	r   io.Reader
	buf [1024]byte
}

// Read reads at most half of what p has room for, as a byte may become two.
func (l *latin1) Read(p []byte) (int, error) {
	if len(p) < 2 {
		return 0, io.ErrShortBuffer
	}
	n, err := l.r.Read(l.buf[:min(len(l.buf), len(p)/2)])
	out := p[:0]
	for _, c := range l.buf[:n] {
		out = utf8.AppendRune(out, rune(c))
	}
	return len(out), err
}

// seconds reads a decimal number of seconds, also with commas between thousands.
func seconds(text string) time.Duration {
	f, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(text), ",", ""), 64)
	if err != nil || f < 0 || f > 1e9 {
		return 0
	}
	return time.Duration(f * float64(time.Second))
}

// count reads a number of lines, hits or branches.
func count(text string) int {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return int(min(n, 1<<30))
}

// reason joins what an element says of a failure: its message, then its text where that says more.
func reason(message, text string) string {
	message, text = strings.TrimSpace(message), strings.TrimSpace(text)
	switch {
	case message == "" || strings.HasPrefix(text, message):
		return text
	case text == "":
		return message
	}
	return message + "\n" + text
}
