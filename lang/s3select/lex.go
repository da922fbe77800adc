package s3select

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error is a query or a text that cannot be, with AWS's code for it.
type Error struct{ Code, Message string }

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

func fail(code, format string, args ...any) *Error {
	return &Error{code, fmt.Sprintf(format, args...)}
}

type kind uint8

const (
	tokenEnd    kind = iota
	tokenWord        // a keyword or a name
	tokenQuoted      // a name in double quotes
	tokenString
	tokenNumber
	tokenIon // in backquotes: a time
	tokenSign
)

type token struct {
	kind kind
	text string
	at   int
}

// is tells whether the token is a keyword or a sign.
func (t token) is(text string) bool {
	return t.kind == tokenSign && t.text == text || t.kind == tokenWord && strings.EqualFold(t.text, text)
}

// lex cuts a query into tokens.
func lex(text string) ([]token, error) {
	var list []token
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case unicode.IsSpace(r):
			i += n
			continue
		case strings.HasPrefix(text[i:], "--"):
			end := strings.IndexByte(text[i:], '\n')
			if end < 0 {
				end = len(text) - i
			}
			i += end
			continue
		}
		t, next, err := lexOne(text, i, r)
		if err != nil {
			return nil, err
		}
		list, i = append(list, t), next
	}
	return append(list, token{tokenEnd, "", len(text)}), nil
}

func lexOne(text string, i int, r rune) (token, int, error) {
	switch {
	case r == '\'' || r == '"' || r == '`':
		return lexQuoted(text, i)
	case r >= '0' && r <= '9', r == '.' && i+1 < len(text) && text[i+1] >= '0' && text[i+1] <= '9':
		end := i
		for end < len(text) && (text[end] >= '0' && text[end] <= '9' || text[end] == '.') {
			end++
		}
		if end < len(text) && (text[end] == 'e' || text[end] == 'E') {
			end++
			if end < len(text) && (text[end] == '+' || text[end] == '-') {
				end++
			}
			for end < len(text) && text[end] >= '0' && text[end] <= '9' {
				end++
			}
		}
		return token{tokenNumber, text[i:end], i}, end, nil
	case unicode.IsLetter(r) || r == '_':
		end := i
		for end < len(text) {
			r, n := utf8.DecodeRuneInString(text[end:])
			if !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '$' {
				break
			}
			end += n
		}
		return token{tokenWord, text[i:end], i}, end, nil
	}
	for _, sign := range []string{"<>", "!=", "<=", ">=", "||", "=", "<", ">", "+", "-", "*", "/", "%", "(", ")", ",", ".", "[", "]", ";"} {
		if strings.HasPrefix(text[i:], sign) {
			return token{tokenSign, sign, i}, i + len(sign), nil
		}
	}
	return token{}, 0, fail("LexerInvalidChar", "The SQL expression contains a non-valid character at position %d.", i)
}

// lexQuoted reads text in quotes, within which a doubled quote stands for one.
func lexQuoted(text string, i int) (token, int, error) {
	quote := text[i]
	var out strings.Builder
	for j := i + 1; j < len(text); j++ {
		if text[j] != quote {
			out.WriteByte(text[j])
			continue
		}
		if j+1 < len(text) && text[j+1] == quote {
			out.WriteByte(quote)
			j++
			continue
		}
		k := map[byte]kind{'\'': tokenString, '"': tokenQuoted, '`': tokenIon}[quote]
		return token{k, out.String(), i}, j + 1, nil
	}
	return token{}, 0, fail("LexerInvalidLiteral", "The SQL expression contains a literal that does not end, at position %d.", i)
}
