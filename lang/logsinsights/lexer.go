package logsinsights

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error tells why a query cannot be carried out, and where: offsets in characters, the end exclusive.
type Error struct {
	Message    string
	Start, End int
	// Unsupported tells that the query may be valid and asks for what is not there.
	Unsupported bool
}

func (e *Error) Error() string { return e.Message }

type tokenKind uint8

const (
	tokenEnd    tokenKind = iota
	tokenName             // a field, function or keyword; text is the name without backquotes
	tokenNumber           // text is the literal
	tokenPeriod           // a number with a unit, such as 5m
	tokenString           // text is the content
	tokenRegex            // text is the expression
	tokenSymbol
)

// token is a piece of a query.
type token struct {
	kind       tokenKind
	text       string
	start, end int // offsets in bytes
	// path are the parts of a name, separated by dots outside of backquotes and by indexes in brackets.
	path []string
	// quoted tells that a name has backquotes: it is no keyword.
	quoted bool
}

func (t token) is(symbol string) bool { return t.kind == tokenSymbol && t.text == symbol }

// word tells whether the token is a keyword, in any case.
func (t token) word(keyword string) bool {
	return t.kind == tokenName && !t.quoted && strings.EqualFold(t.text, keyword)
}

// lexer cuts a query into tokens.
type lexer struct {
	text string
	at   int
}

// fail returns an error about a part of the query.
func (l *lexer) fail(start, end int, format string, args ...any) *Error {
	return &Error{
		Message: fmt.Sprintf(format, args...), Start: utf8.RuneCountInString(l.text[:start]), End: utf8.RuneCountInString(l.text[:end]),
	}
}

// unexpected returns the error for a token that does not belong where it is.
func (l *lexer) unexpected(t token) *Error {
	shown := l.text[t.start:t.end]
	if t.kind == tokenEnd {
		shown = "<EOF>"
	}
	before := l.text[:t.start]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return l.fail(t.start, t.end, "unexpected symbol found %s at line %d and position %d", shown, line, column)
}

// space skips blanks and comments, which go from # to the end of the line.
func (l *lexer) space() {
	for l.at < len(l.text) {
		switch c := l.text[l.at]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			l.at++
		case c == '#':
			end := strings.IndexByte(l.text[l.at:], '\n')
			if end < 0 || strings.IndexByte(l.text[l.at:l.at+1+end], 0) >= 0 {
				l.at = len(l.text)
				return
			}
			l.at += end
		default:
			return
		}
	}
}

func isNameStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '@' || c == '$' || c == '`' || c >= utf8.RuneSelf
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isNamePart(c byte) bool { return c != '`' && isNameStart(c) || isDigit(c) }

// symbols are tried in this order.
var symbols = []string{"!=", "<=", ">=", "=~", "||", "&&", "=", "<", ">", "+", "-", "*", "/", "%", "^", "(", ")", "[", "]", "{", "}", ",", "|", ":"}

// next returns the next token. regex tells that a slash begins a regular expression.
func (l *lexer) next(regex bool) (token, *Error) {
	l.space()
	start := l.at
	if start == len(l.text) {
		return token{start: start, end: start}, nil
	}
	c := l.text[start]
	switch {
	case isNameStart(c):
		return l.name()
	case isDigit(c) || c == '.' && start+1 < len(l.text) && isDigit(l.text[start+1]):
		return l.number(), nil
	case c == '"' || c == '\'':
		return l.quoted(c)
	case c == '/' && regex:
		return l.regex()
	}
	for _, s := range symbols {
		if strings.HasPrefix(l.text[start:], s) {
			l.at += len(s)
			return token{kind: tokenSymbol, text: s, start: start, end: l.at}, nil
		}
	}
	_, size := utf8.DecodeRuneInString(l.text[start:])
	l.at += size
	return token{}, l.unexpected(token{kind: tokenSymbol, start: start, end: l.at})
}

// name reads a name with its dots, backquotes and indexes, such as userIdentity.type, json.`a.b` or items[0].id.
func (l *lexer) name() (token, *Error) {
	t := token{kind: tokenName, start: l.at}
	var full strings.Builder
	for {
		if l.at < len(l.text) && l.text[l.at] == '`' {
			end := strings.IndexByte(l.text[l.at+1:], '`')
			if end < 0 || strings.IndexByte(l.text[l.at:l.at+1+end], 0) >= 0 {
				l.at = len(l.text)
				return token{}, l.unexpected(token{kind: tokenSymbol, start: t.start, end: l.at})
			}
			part := l.text[l.at+1 : l.at+1+end]
			l.at += end + 2
			t.quoted = true
			full.WriteString(part)
			t.path = append(t.path, part)
		} else {
			from := l.at
			for l.at < len(l.text) && isNamePart(l.text[l.at]) {
				l.at++
			}
			full.WriteString(l.text[from:l.at])
			t.path = append(t.path, l.text[from:l.at])
		}
		if !strings.EqualFold(full.String(), "in") || t.quoted {
			for l.at < len(l.text) && l.text[l.at] == '[' {
				n := l.at + 1
				for n < len(l.text) && isDigit(l.text[n]) {
					n++
				}
				if n == l.at+1 || n == len(l.text) || l.text[n] != ']' {
					break
				}
				t.path = append(t.path, l.text[l.at+1:n])
				full.WriteString("." + l.text[l.at+1:n])
				l.at = n + 1
			}
		}
		if l.at+1 >= len(l.text) || l.text[l.at] != '.' || !isNameStart(l.text[l.at+1]) && !isDigit(l.text[l.at+1]) {
			break
		}
		l.at++
		full.WriteByte('.')
	}
	t.text, t.end = full.String(), l.at
	return t, nil
}

// number reads a number or a period.
func (l *lexer) number() token {
	t := token{kind: tokenNumber, start: l.at}
	digits := func() {
		for l.at < len(l.text) && isDigit(l.text[l.at]) {
			l.at++
		}
	}
	digits()
	if l.at < len(l.text) && l.text[l.at] == '.' {
		l.at++
		digits()
	}
	if rest := l.text[l.at:]; len(rest) > 1 && (rest[0] == 'e' || rest[0] == 'E') {
		n := 1
		if rest[1] == '+' || rest[1] == '-' {
			n++
		}
		if n < len(rest) && isDigit(rest[n]) {
			l.at += n
			digits()
		}
	}
	unit := l.at
	for l.at < len(l.text) && isNamePart(l.text[l.at]) {
		l.at++
	}
	if l.at > unit {
		t.kind = tokenPeriod
	}
	t.end = l.at
	t.text = l.text[t.start:t.end]
	return t
}

// quoted reads a string. A backslash escapes the quote and itself, and is itself before anything else.
func (l *lexer) quoted(quote byte) (token, *Error) {
	t := token{kind: tokenString, start: l.at}
	var b strings.Builder
	for i := l.at + 1; i < len(l.text); i++ {
		c := l.text[i]
		switch {
		case c == quote:
			l.at = i + 1
			t.text, t.end = b.String(), l.at
			return t, nil
		case c == '\\' && i+1 < len(l.text) && (l.text[i+1] == quote || l.text[i+1] == '\\'):
			i++
			b.WriteByte(l.text[i])
		default:
			b.WriteByte(c)
		}
	}
	l.at = len(l.text)
	return token{}, l.unexpected(token{kind: tokenSymbol, start: t.start, end: l.at})
}

// regex reads what stands between slashes; \/ is a slash.
func (l *lexer) regex() (token, *Error) {
	t := token{kind: tokenRegex, start: l.at}
	var b strings.Builder
	for i := l.at + 1; i < len(l.text); i++ {
		switch c := l.text[i]; {
		case c == '/':
			l.at = i + 1
			t.text, t.end = b.String(), l.at
			return t, nil
		case c == '\\' && i+1 < len(l.text):
			i++
			if l.text[i] != '/' {
				b.WriteByte('\\')
			}
			b.WriteByte(l.text[i])
		default:
			b.WriteByte(c)
		}
	}
	l.at = len(l.text)
	return token{}, l.unexpected(token{kind: tokenSymbol, start: t.start, end: l.at})
}
