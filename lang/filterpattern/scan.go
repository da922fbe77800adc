package filterpattern

import (
	"encoding/json"
	"strings"
)

type kind int

const (
	nullKind kind = iota
	boolKind
	numberKind
	stringKind
	arrayKind
	objectKind
)

// maxDepth of messages; a deeper one is taken for no JSON.
const maxDepth = 500

// scanner goes once over a message, checks that it is JSON, and judges the leaves of a pattern on its way.
type scanner struct {
	text     string
	pos      int
	pattern  *jsonPattern
	found    bits // leaves whose selector found something
	verdicts bits // leaves that hold
	value    string
	hasValue bool
}

// run returns false where the message is no JSON object or array.
func (s *scanner) run() bool {
	s.space()
	if c := s.peek(); c != '{' && c != '[' {
		return false
	}
	var room [8]*step
	if !s.element(append(room[:0], s.pattern.tree), 0) {
		return false
	}
	s.space()
	return s.pos == len(s.text)
}

func (s *scanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

func (s *scanner) space() {
	for s.pos < len(s.text) && isSpace(s.text[s.pos]) {
		s.pos++
	}
}

// element reads a value that the steps lead to.
func (s *scanner) element(at []*step, depth int) bool {
	if depth > maxDepth {
		return false
	}
	begin := s.pos
	switch c := s.peek(); c {
	case '{':
		s.see(at, objectKind, "")
		return s.object(at, depth)
	case '[':
		s.see(at, arrayKind, "")
		return s.array(at, depth)
	case '"':
		text, escaped, ok := s.quoted()
		if ok && ends(at) {
			if escaped {
				text, ok = unescape(s.text[begin:s.pos])
			}
			s.see(at, stringKind, text)
		}
		return ok
	case 't':
		return s.literal("true", boolKind, at)
	case 'f':
		return s.literal("false", boolKind, at)
	case 'n':
		return s.literal("null", nullKind, at)
	default:
		if !s.number() {
			return false
		}
		s.see(at, numberKind, s.text[begin:s.pos])
		return true
	}
}

func ends(at []*step) bool {
	for _, a := range at {
		if len(a.ends) > 0 {
			return true
		}
	}
	return false
}

// see judges the leaves whose selectors end at a value. Where [*] finds several, one that holds is enough.
func (s *scanner) see(at []*step, kind kind, text string) {
	for _, a := range at {
		for _, leaf := range a.ends {
			if leaf >= len(s.pattern.leaves) { // a Selector's tree has no leaves: the value is wanted
				if !s.hasValue && kind != nullKind && kind < arrayKind {
					s.value, s.hasValue = text, true
				}
				continue
			}
			s.found.set(leaf)
			if s.pattern.leaves[leaf].see(kind, text) {
				s.verdicts.set(leaf)
			}
		}
	}
}

func (s *scanner) literal(word string, kind kind, at []*step) bool {
	if !strings.HasPrefix(s.text[s.pos:], word) {
		return false
	}
	s.pos += len(word)
	s.see(at, kind, word)
	return true
}

func (s *scanner) object(at []*step, depth int) bool {
	s.pos++
	s.space()
	if s.peek() == '}' {
		s.pos++
		return true
	}
	var room [8]*step
	for {
		s.space()
		begin := s.pos
		key, escaped, ok := s.quoted()
		if !ok {
			return false
		}
		next := room[:0]
		if len(at) > 0 {
			if escaped {
				if key, ok = unescape(s.text[begin:s.pos]); !ok {
					return false
				}
			}
			for _, a := range at {
				for i, k := range a.keys {
					if k == key {
						next = append(next, a.byKey[i])
					}
				}
			}
		}
		s.space()
		if s.peek() != ':' {
			return false
		}
		s.pos++
		s.space()
		if !s.element(next, depth+1) {
			return false
		}
		s.space()
		switch s.peek() {
		case ',':
			s.pos++
		case '}':
			s.pos++
			return true
		default:
			return false
		}
	}
}

func (s *scanner) array(at []*step, depth int) bool {
	s.pos++
	s.space()
	if s.peek() == ']' {
		s.pos++
		return true
	}
	var room [8]*step
	for place := 0; ; place++ {
		next := room[:0]
		for _, a := range at {
			for i, p := range a.places {
				if p == place {
					next = append(next, a.byItem[i])
				}
			}
			if a.all != nil {
				next = append(next, a.all)
			}
		}
		s.space()
		if !s.element(next, depth+1) {
			return false
		}
		s.space()
		switch s.peek() {
		case ',':
			s.pos++
		case ']':
			s.pos++
			return true
		default:
			return false
		}
	}
}

// quoted reads a string and returns what is between its quotes, as written.
func (s *scanner) quoted() (text string, escaped, ok bool) {
	if s.peek() != '"' {
		return "", false, false
	}
	s.pos++
	begin := s.pos
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; {
		case c == '"':
			s.pos++
			return s.text[begin : s.pos-1], escaped, true
		case c == '\\':
			escaped = true
			s.pos++
		case c < 0x20:
			return "", false, false
		}
		s.pos++
	}
	return "", false, false
}

func unescape(quoted string) (string, bool) {
	var text string
	err := json.Unmarshal([]byte(quoted), &text)
	return text, err == nil
}

func (s *scanner) digits() bool {
	begin := s.pos
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.pos++
	}
	return s.pos > begin
}

func (s *scanner) number() bool {
	if s.peek() == '-' {
		s.pos++
	}
	leading := s.peek()
	begin := s.pos
	if !s.digits() || leading == '0' && s.pos > begin+1 {
		return false
	}
	if s.peek() == '.' {
		s.pos++
		if !s.digits() {
			return false
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		return s.digits()
	}
	return true
}
