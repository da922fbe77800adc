package shape

import (
	"strconv"
	"strings"
)

// Missing records, while a request is decoded, where the decoder stands and which required members the client did not
// send: a required scalar is a plain value, in which absent and zero look alike. The zero value is ready. A nil *Missing
// stands for a request that was not decoded.
type Missing struct {
	steps []step
	paths []string
	room  [4]step // for steps, which are hardly ever more
}

type step struct {
	name  string
	index int // 1-based, 0 for a name
}

// Enter goes into a member; Leave goes back.
func (m *Missing) Enter(f *Field) { m.enter(step{name: f.Label}) }

func (m *Missing) enter(s step) {
	if m.steps == nil {
		m.steps = m.room[:0]
	}
	m.steps = append(m.steps, s)
}

// EnterItem goes into the list element with a zero-based index.
func (m *Missing) EnterItem(index int) {
	m.enter(step{index: index + 1})
}

// EnterKey goes into the value of a map's key.
func (m *Missing) EnterKey(key string) { m.enter(step{name: key}) }

// Leave goes back to where the last Enter, EnterItem or EnterKey was called.
func (m *Missing) Leave() { m.steps = m.steps[:len(m.steps)-1] }

// Seen is the set of required values of one structure that have been decoded.
type Seen uint64

// Mark records that a member was sent.
func (s *Seen) Mark(f *Field) { *s |= Seen(f.seen) }

// Check records the required values of the structure that were not seen.
func (m *Missing) Check(s *Struct, seen Seen) {
	if uint64(seen)&s.demands == s.demands {
		return
	}
	for i := range s.Fields {
		if f := &s.Fields[i]; f.seen&^uint64(seen) != 0 && !f.Token {
			m.Enter(f)
			m.paths = append(m.paths, m.path())
			m.Leave()
		}
	}
}

// Null records a list element that was null.
func (m *Missing) Null(index int) {
	m.EnterItem(index)
	m.paths = append(m.paths, m.path())
	m.Leave()
}

// Paths lists the members found missing, as messages name them.
func (m *Missing) Paths() []string {
	if m == nil {
		return nil
	}
	return m.paths
}

// Reset forgets everything and keeps the memory.
func (m *Missing) Reset() { m.steps, m.paths = m.steps[:0], nil }

func (m *Missing) path() string {
	var b strings.Builder
	for i, s := range m.steps {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s.name)
		if s.index > 0 {
			b.WriteString(strconv.Itoa(s.index))
			if i+1 < len(m.steps) {
				b.WriteString(".member")
			}
		}
	}
	return b.String()
}
