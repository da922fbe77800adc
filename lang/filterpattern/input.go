package filterpattern

import (
	"fmt"
	"regexp"
	"strings"
)

// input is a pattern with a place in it.
type input struct {
	text    string
	pos     int
	regexes int
}

func (in *input) fail(format string, args ...any) *Error {
	return &Error{in.pos, invalidPattern, fmt.Sprintf(format, args...)}
}

// peek returns the next byte, 0 at the end.
func (in *input) peek() byte {
	if in.pos < len(in.text) {
		return in.text[in.pos]
	}
	return 0
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func (in *input) space() {
	for in.pos < len(in.text) && isSpace(in.text[in.pos]) {
		in.pos++
	}
}

// accept skips a token and the space before it, if it is next.
func (in *input) accept(token string) bool {
	in.space()
	if strings.HasPrefix(in.text[in.pos:], token) {
		in.pos += len(token)
		return true
	}
	return false
}

// word skips a keyword, in any case, if it is next.
func (in *input) word(keyword string) bool {
	in.space()
	end := in.pos + len(keyword)
	if end > len(in.text) || !strings.EqualFold(in.text[in.pos:end], keyword) {
		return false
	}
	if end < len(in.text) && !isSpace(in.text[end]) && !strings.ContainsRune("(){}&|,]", rune(in.text[end])) {
		return false
	}
	in.pos = end
	return true
}

// quoted reads a string in quotes; a backslash escapes a quote or a backslash, and is itself before anything else.
func (in *input) quoted() (string, *Error) {
	quote, begin := in.text[in.pos], in.pos
	var b strings.Builder
	for in.pos++; in.pos < len(in.text); in.pos++ {
		c := in.text[in.pos]
		switch {
		case c == quote:
			in.pos++
			return b.String(), nil
		case c == '\\' && in.pos+1 < len(in.text) && (in.text[in.pos+1] == quote || in.text[in.pos+1] == '\\'):
			in.pos++
			b.WriteByte(in.text[in.pos])
		default:
			b.WriteByte(c)
		}
	}
	in.pos = begin
	return "", in.fail("the quote is not closed")
}

// maxRegexes is how many regular expressions AWS takes in a JSON or space-delimited pattern.
const maxRegexes = 2

// regex reads %...%. AWS's dialect has letters, digits, some symbols and operators, but no groups; that makes it a part
// of RE2, which matches in linear time.
func (in *input) regex() (*regexp.Regexp, *Error) {
	begin := in.pos
	end := strings.IndexByte(in.text[begin+1:], '%')
	if end <= 0 {
		return nil, in.fail("the regular expression is empty or not closed")
	}
	expr := in.text[begin+1 : begin+1+end]
	var b strings.Builder
	for i := 0; i < len(expr); i++ {
		c := expr[i]
		in.pos = begin + 1 + i
		switch {
		case isAlnum(c), strings.IndexByte(`:_#=@/;,-^$?[]{}|*+.`, c) >= 0:
			b.WriteByte(c)
		case c == '\\' && i+1 < len(expr):
			i++
			if c := expr[i]; isAlnum(c) && strings.IndexByte("dDsSwWx", c) < 0 || c >= 0x80 {
				return nil, in.fail("the escape \\%c is not supported in a regular expression", c)
			} else if c == '_' {
				b.WriteByte(c) // needs no escape, and RE2 knows none
			} else {
				b.WriteByte('\\')
				b.WriteByte(c)
			}
		default:
			return nil, in.fail("the character %q is not supported in a regular expression", c)
		}
	}
	in.pos = begin
	re, err := regexp.Compile(b.String())
	if err != nil {
		return nil, in.fail("%v", err)
	}
	in.regexes++
	in.pos = begin + end + 2
	return re, nil
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}
