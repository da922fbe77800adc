package policy

import (
	"strings"
	"unicode/utf8"
)

// In compiled patterns the wildcards are bytes that no valid UTF-8 text contains, so that text put in for a variable
// can never act as a wildcard.
const (
	manyByte = '\xff' // "*"
	oneByte  = '\xfe' // "?"
)

// shape is how a pattern without variables can be matched.
type shape uint8

const (
	shapeLiteral shape = iota
	shapeAll           // a lone "*"
	shapePrefix        // literal text and a final "*"
	shapeGlob
	shapeVariable // must be resolved first
)

// pattern is policy text compiled for matching.
type pattern struct {
	shape shape
	// text is the compiled text; for shapePrefix without its final wildcard, for shapeVariable empty.
	text string
	// parts are the pieces of a shapeVariable pattern.
	parts []part
}

// part is literal compiled text, or a variable where key is not empty.
type part struct {
	text       string
	key        string // lower case
	name       string // as written
	fallback   string
	hasDefault bool
}

// compile reads policy text. wild tells that "*" and "?" are wildcards, vars that ${...} is a variable, which is so
// in documents of version 2012-10-17.
func compile(s string, wild, vars bool) pattern {
	var parts []part
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '$' && vars && strings.HasPrefix(s[i:], "${"):
			p, n := parseVariable(s[i:])
			switch {
			case n == 0:
				b.WriteByte(c)
				continue
			case p.key == "":
				b.WriteString(p.text)
			default:
				if b.Len() > 0 {
					parts = append(parts, part{text: b.String()})
					b.Reset()
				}
				parts = append(parts, p)
			}
			i += n - 1
		case c == '*' && wild:
			b.WriteByte(manyByte)
		case c == '?' && wild:
			b.WriteByte(oneByte)
		default:
			b.WriteByte(c)
		}
	}
	if parts == nil {
		return classify(b.String())
	}
	if b.Len() > 0 {
		parts = append(parts, part{text: b.String()})
	}
	return pattern{shape: shapeVariable, parts: parts}
}

// classify wraps compiled text without variables.
func classify(text string) pattern {
	if text == string([]byte{manyByte}) {
		return pattern{shape: shapeAll, text: text}
	}
	i := strings.IndexByte(text, manyByte)
	if strings.IndexByte(text, oneByte) >= 0 || i >= 0 && i < len(text)-1 {
		return pattern{shape: shapeGlob, text: text}
	}
	if i >= 0 {
		return pattern{shape: shapePrefix, text: text[:i]}
	}
	return pattern{shape: shapeLiteral, text: text}
}

// parseVariable reads the variable or escape at the start of s and tells its length; zero means that there is none.
// An escape comes back as a part without key.
func parseVariable(s string) (part, int) {
	end := strings.IndexByte(s, '}')
	if end < 0 {
		return part{}, 0
	}
	body := s[2:end]
	switch body {
	case "*", "?", "$":
		return part{text: body}, end + 1
	}
	name, _, hasDefault := strings.Cut(body, ",")
	p := part{name: strings.TrimSpace(name), hasDefault: hasDefault}
	if hasDefault {
		// The default may itself contain a brace, so its end is found by its quotes.
		start := strings.IndexByte(s, ',') + 1
		tail := strings.TrimLeft(s[start:], " ")
		if !strings.HasPrefix(tail, "'") {
			return part{}, 0
		}
		at := len(s) - len(tail) + 1
		quote := strings.IndexByte(s[at:], '\'')
		if quote < 0 {
			return part{}, 0
		}
		p.fallback = s[at : at+quote]
		rest := strings.TrimLeft(s[at+quote+1:], " ")
		if !strings.HasPrefix(rest, "}") {
			return part{}, 0
		}
		end = len(s) - len(rest)
	}
	if p.name == "" || strings.ContainsAny(p.name, "${'") {
		return part{}, 0
	}
	p.key = strings.ToLower(p.name)
	return p, end + 1
}

// resolve puts in the values of a shapeVariable pattern's variables. It reports false when one has no value, or more
// than one, and no default: such a pattern matches nothing.
func (p *pattern) resolve(ctx Values) (pattern, bool) {
	var b strings.Builder
	for i := range p.parts {
		v := &p.parts[i]
		if v.key == "" {
			b.WriteString(v.text)
			continue
		}
		if value, ok := single(ctx, v.key); ok {
			b.WriteString(strings.ToValidUTF8(value, "\uFFFD"))
		} else if v.hasDefault {
			b.WriteString(v.fallback)
		} else {
			return pattern{}, false
		}
	}
	return classify(b.String()), true
}

// single returns the value of a key that has exactly one.
func single(ctx Values, key string) (string, bool) {
	if ctx == nil {
		return "", false
	}
	values, ok := ctx.Values(key)
	if !ok || len(values) != 1 {
		return "", false
	}
	return values[0], true
}

// match tells whether the whole of s fits the pattern, putting in variables from ctx.
func (p *pattern) match(s string, ctx Values) bool {
	switch p.shape {
	case shapeLiteral:
		return p.text == s
	case shapeAll:
		return true
	case shapePrefix:
		return strings.HasPrefix(s, p.text)
	case shapeVariable:
		q, ok := p.resolve(ctx)
		return ok && q.match(s, ctx)
	default:
		return glob(p.text, s, false)
	}
}

// matchFold is match for lower-case patterns without variables, where the case of ASCII letters in s is ignored.
func (p *pattern) matchFold(s string) bool {
	switch p.shape {
	case shapeLiteral:
		return len(p.text) == len(s) && prefixFold(s, p.text)
	case shapeAll:
		return true
	case shapePrefix:
		return prefixFold(s, p.text)
	default:
		return glob(p.text, s, true)
	}
}

// prefixFold tells whether s starts with the lower-case prefix, ignoring the case of s.
func prefixFold(s, prefix string) bool {
	if len(s) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if lower(s[i]) != prefix[i] {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// glob matches compiled text, going back only to the last "*", so its time is bounded by the product of the lengths.
func glob(p, s string, fold bool) bool {
	pi, si, back, mark := 0, 0, -1, 0
	for si < len(s) {
		if pi < len(p) {
			c := p[pi]
			if c == manyByte {
				back, mark = pi, si
				pi++
				continue
			}
			if c == oneByte {
				_, n := utf8.DecodeRuneInString(s[si:])
				pi++
				si += n
				continue
			}
			if c == s[si] || fold && c == lower(s[si]) {
				pi++
				si++
				continue
			}
		}
		if back < 0 {
			return false
		}
		_, n := utf8.DecodeRuneInString(s[mark:])
		mark += n
		pi, si = back+1, mark
	}
	for pi < len(p) && p[pi] == manyByte {
		pi++
	}
	return pi == len(p)
}

// Match tells whether the whole of s fits a pattern in which "*" stands for any text and "?" for one character.
func Match(text, s string) bool {
	p := compile(text, true, false)
	return p.match(s, nil)
}

// MatchAction is Match for action names, where case does not count.
func MatchAction(text, action string) bool {
	p := compile(asciiLower(text), true, false)
	return p.matchFold(action)
}

func asciiLower(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				b[j] = lower(b[j])
			}
			return string(b)
		}
	}
	return s
}
