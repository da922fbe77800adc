package gen

import (
	"strconv"
	"strings"
	"unicode"
)

// initialisms are the words that Go writes in capitals; their plurals follow them.
var initialisms = func() map[string]string {
	m := map[string]string{"ipv4": "IPv4", "ipv6": "IPv6", "oauth": "OAuth", "os": "OS"}
	for word := range strings.FieldsSeq(`acl api arn ascii aws cidr cpu css csv dns ebs eof gpu guid html http https iam id iops
		ip json jwt kms mfa oidc rpc saml sdk sla smtp sns sql sqs sse ssh ssl sso tcp tls ttl udp ui uid uri url utf8 uuid
		vpc vpn xml yaml`) {
		m[word] = strings.ToUpper(word)
		if !strings.HasSuffix(word, "s") {
			m[word+"s"] = strings.ToUpper(word) + "s"
		}
	}
	return m
}()

// words splits an AWS name at its case changes and at everything that is no letter or digit.
func words(name string) []string {
	var out []string
	for _, part := range strings.FieldsFunc(name, func(r rune) bool { return !isWordRune(r) }) {
		runes := []rune(part)
		start := 0
		for i := 1; i < len(runes); i++ {
			lowerToUpper := !unicode.IsUpper(runes[i-1]) && unicode.IsUpper(runes[i])
			lastOfCapitals := i+1 < len(runes) && unicode.IsUpper(runes[i-1]) && unicode.IsUpper(runes[i]) && unicode.IsLower(runes[i+1])
			if lastOfCapitals && runes[i+1] == 's' && (i+2 == len(runes) || !unicode.IsLower(runes[i+2])) {
				lastOfCapitals = false // the plural of capitals, as in ARNs
			}
			if lowerToUpper || lastOfCapitals {
				out = append(out, string(runes[start:i]))
				start = i
			}
		}
		out = append(out, string(runes[start:]))
	}
	return out
}

func isWordRune(r rune) bool {
	return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// goName returns the exported Go name for an AWS name: words keep their spelling apart from initialisms.
func goName(name string) string {
	var b strings.Builder
	for _, w := range words(name) {
		if up, ok := initialisms[strings.ToLower(w)]; ok && !isUpper(w) {
			b.WriteString(up)
			continue
		}
		b.WriteString(strings.ToUpper(w[:1]) + w[1:])
	}
	out := b.String()
	if out == "" || !unicode.IsLetter(rune(out[0])) {
		out = "X" + out
	}
	return out
}

// symbols names the values of enums, or parts of them, that have no letters.
var symbols = map[rune]string{
	'*': "All", '+': "Plus", '<': "LessThan", '>': "GreaterThan", '=': "Equal", '!': "Not", '%': "Percent", '&': "And",
}

// valueName returns the part of a constant's name that stands for an enum's value: SHOUTED_WORDS become ShoutedWords.
func valueName(value string) string {
	var spelled strings.Builder
	for _, r := range value {
		if s, ok := symbols[r]; ok {
			spelled.WriteString(" " + s + " ")
			continue
		}
		spelled.WriteRune(r)
	}
	var b strings.Builder
	for _, part := range strings.FieldsFunc(spelled.String(), func(r rune) bool { return !isWordRune(r) }) {
		if isUpper(part) {
			part = strings.ToLower(part)
			if up, ok := initialisms[part]; ok {
				part = up
			}
		}
		name := goName("a " + part)[1:] // a value may begin with a digit
		if n := b.Len(); n > 0 && unicode.IsDigit(rune(b.String()[n-1])) && unicode.IsDigit(rune(name[0])) {
			b.WriteByte('_') // 1.1 and 11 are different values
		}
		b.WriteString(name)
	}
	if b.Len() == 0 {
		if value == "" {
			return "Empty"
		}
		for _, r := range value {
			b.WriteString("U" + strconv.FormatInt(int64(r), 16))
		}
	}
	return b.String()
}

func isUpper(s string) bool { return strings.ToUpper(s) == s }

// scope hands out names, each once.
type scope map[string]bool

// take returns the name, or the name with the suffix, or with the suffix and the first free number from 2 on.
func (s scope) take(name, suffix string) string {
	candidate := name
	for n := 1; s[candidate]; n++ {
		candidate = name + suffix
		if n > 1 {
			candidate += strconv.Itoa(n)
		}
	}
	s[candidate] = true
	return candidate
}
