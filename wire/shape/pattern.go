package shape

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// limits are the model's constraints on one value.
type limits struct {
	min, max       float64
	hasMin, hasMax bool
	enum           []string
	source         string // the model's pattern
	matcher        func() *regexp.Regexp
}

func (l *limits) any() bool { return l.hasMin || l.hasMax || l.enum != nil || l.matcher != nil }

// matchers holds one lazily compiled expression per pattern: the patterns of tags and ARNs come back in many types, and
// most operations are never called.
var matchers sync.Map // string -> func() *regexp.Regexp

func (v *Value) pattern(source string, l *limits) {
	if source == "" {
		return
	}
	m, ok := matchers.Load(source)
	if !ok {
		m, _ = matchers.LoadOrStore(source, sync.OnceValue(func() *regexp.Regexp {
			re, err := CompilePattern(source)
			if err != nil {
				return nil // a Java expression that has no counterpart here: not enforced
			}
			return re
		}))
	}
	l.source, l.matcher = source, m.(func() *regexp.Regexp)
}

// CompilePattern translates a model's pattern, a Java regular expression, to Go's. A pattern that does not begin with
// "^" has to match the whole value. Repetitions beyond 1000 times, which Go does not count, become unbounded: the
// models accompany them with a length. Look-arounds, back references and possessive quantifiers are errors.
func CompilePattern(source string) (*regexp.Regexp, error) {
	re := goPattern(source)
	if !strings.HasPrefix(source, "^") {
		re = `\A(?:` + re + `)\z`
	}
	compiled, err := regexp.Compile(re)
	if err != nil {
		return nil, fmt.Errorf("translating the pattern %q: %w", source, err)
	}
	return compiled, nil
}

// posixClasses are Java's names of the ASCII classes.
var posixClasses = map[string]string{
	"Alnum": "[:alnum:]", "Alpha": "[:alpha:]", "ASCII": "[:ascii:]", "Blank": "[:blank:]", "Cntrl": "[:cntrl:]",
	"Digit": "[:digit:]", "Graph": "[:graph:]", "Lower": "[:lower:]", "Print": "[:print:]", "Punct": "[:punct:]",
	"Space": "[:space:]", "Upper": "[:upper:]", "XDigit": "[:xdigit:]", "IsLatin": `\p{Latin}`, "IsLetter": `\p{L}`,
	"IsDigit": `\p{Nd}`, "IsAlphabetic": `\p{L}`,
}

func goPattern(source string) string {
	source = strings.ReplaceAll(source, `\uD800\uDC00-\uDBFF\uDFFF`, `\x{10000}-\x{10FFFF}`)
	source = strings.ReplaceAll(source, `\ud800\udc00-\udbff\udfff`, `\x{10000}-\x{10FFFF}`)
	var b strings.Builder
	class := false
	for i := 0; i < len(source); i++ {
		c := source[i]
		switch {
		case c == '\\' && i+1 < len(source):
			i += escape(&b, source[i:], class)
		case c == '[':
			if class {
				b.WriteByte('\\') // Java's union of classes; a bare bracket is what the models mean by it
			}
			class = true
			b.WriteByte(c)
		case c == ']':
			class = false
			b.WriteByte(c)
		case c == '{' && !class:
			i += repetition(&b, source[i:])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// escape writes the translation of the escape s begins with and returns how many bytes follow the first.
func escape(b *strings.Builder, s string, class bool) int {
	switch s[1] {
	case 'u':
		if len(s) >= 6 {
			if _, err := strconv.ParseUint(s[2:6], 16, 16); err == nil {
				b.WriteString(`\x{` + s[2:6] + `}`)
				return 5
			}
		}
	case 'Z':
		b.WriteString(`\z`)
		return 1
	case 'h':
		b.WriteString(`[ \t]`)
		return 1
	case 'p':
		if end := strings.IndexByte(s, '}'); end > 3 && s[2] == '{' {
			if name, ok := posixClasses[s[3:end]]; ok {
				if !class && name[0] == '[' {
					name = "[" + name + "]"
				}
				b.WriteString(name)
				return end
			}
		}
	}
	b.WriteString(s[:2])
	return 1
}

// repetition writes the counts s begins with, as far as Go can count, and returns how many bytes follow the first.
func repetition(b *strings.Builder, s string) int {
	end := strings.IndexByte(s, '}')
	if end < 0 {
		b.WriteByte('{')
		return 0
	}
	low, high, ranged := strings.Cut(s[1:end], ",")
	m, errLow := strconv.Atoi(strings.TrimSpace(low))
	n, errHigh := strconv.Atoi(strings.TrimSpace(high))
	if errLow != nil || ranged && high != "" && errHigh != nil {
		b.WriteByte('{')
		return 0
	}
	const most = 1000
	switch {
	case !ranged && m <= most, ranged && m <= most && high != "" && n <= most:
		b.WriteString(s[:end+1])
	case m == 0:
		b.WriteByte('*')
	case m == 1:
		b.WriteByte('+')
	default:
		fmt.Fprintf(b, "{%d,}", min(m, most))
	}
	return end
}
