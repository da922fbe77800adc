package sigv4

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const upperHex = "0123456789ABCDEF"

// canonical is a request in the one spelling that both sides sign. path and query differ between signers in ways that
// mean the same; see candidates.
type canonical struct {
	request *http.Request
	host    string
	path    string // as it stands in the canonical request
	// plus is what a '+' in the query stands for in the canonical request: "%20", "%2B" or "+".
	plus string
	// dropToken leaves X-Amz-Security-Token out of the query, for signers that add it to the URL afterwards.
	dropToken bool
	// signed are the names of the signed headers, as the client listed them.
	signed     []string
	signedList string
	payload    string // the value of the payload hash line
}

// appendTo appends the canonical request to b.
func (c *canonical) appendTo(b []byte) []byte {
	b = append(b, c.request.Method...)
	b = append(b, '\n')
	b = append(b, c.path...)
	b = append(b, '\n')
	b = appendQuery(b, c.request.URL.RawQuery, c.plus, c.dropToken)
	b = append(b, '\n')
	for _, name := range c.signed {
		b = append(b, name...)
		b = append(b, ':')
		b = c.appendHeader(b, name)
		b = append(b, '\n')
	}
	b = append(b, '\n')
	b = append(b, c.signedList...)
	b = append(b, '\n')
	return append(b, c.payload...)
}

// appendHeader appends the folded value of a signed header. Some headers do not survive net/http in the header map.
func (c *canonical) appendHeader(b []byte, name string) []byte {
	if strings.EqualFold(name, "host") {
		return appendFolded(b, c.host)
	}
	values := headerValues(c.request.Header, name)
	if len(values) == 0 {
		switch strings.ToLower(name) {
		case "content-length":
			if c.request.ContentLength >= 0 {
				return strconv.AppendInt(b, c.request.ContentLength, 10)
			}
		case "transfer-encoding":
			return append(b, strings.Join(c.request.TransferEncoding, ",")...)
		}
	}
	for i, value := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendFolded(b, value)
	}
	return b
}

// headerValues is header.Values(name) for the names that clients sign, which are in lower case: it spares the new string
// that http.CanonicalHeaderKey makes of each.
func headerValues(header http.Header, name string) []string {
	var room [64]byte
	if len(name) > len(room) {
		return header.Values(name)
	}
	key := append(room[:0], name...)
	for i, c := range key {
		switch {
		case 'a' <= c && c <= 'z':
			if i == 0 || key[i-1] == '-' {
				key[i] = c - 'a' + 'A'
			}
		case '0' <= c && c <= '9', c == '-':
		default:
			return header.Values(name)
		}
	}
	return header[string(key)]
}

// appendFolded appends a header value without outer white space and with every inner run of it as one space.
func appendFolded(b []byte, value string) []byte {
	space, start := false, len(b)
	for i := range len(value) {
		switch value[i] {
		case ' ', '\t', '\r', '\n':
			space = true
			continue
		}
		if space && len(b) > start {
			b = append(b, ' ')
		}
		space = false
		b = append(b, value[i])
	}
	return b
}

// pair is a query parameter in canonical spelling.
type pair struct{ name, value string }

// appendQuery appends the canonical form of a raw query: every parameter re-encoded, sorted by name and then value,
// without the signature itself.
func appendQuery(b []byte, raw, plus string, dropToken bool) []byte {
	if raw == "" {
		return b
	}
	var room [24]pair
	pairs := room[:0]
	for raw != "" {
		var part string
		part, raw, _ = strings.Cut(raw, "&")
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		p := pair{recode(name, plus, false), recode(value, plus, false)}
		if p.name == "X-Amz-Signature" || dropToken && p.name == "X-Amz-Security-Token" {
			continue
		}
		pairs = append(pairs, p)
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		if order := strings.Compare(a.name, b.name); order != 0 {
			return order
		}
		return strings.Compare(a.value, b.value)
	})
	for i, p := range pairs {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(b, p.name...)
		b = append(b, '=')
		b = append(b, p.value...)
	}
	return b
}

// recode gives s, which may be percent-encoded in any way, the encoding that AWS signs: unreserved characters plain,
// everything else as upper-case escapes. plus stands for each '+'. With slash, '/' stays. A '%' that begins no escape is
// taken for itself.
func recode(s, plus string, slash bool) string {
	if isRecoded(s, slash) {
		return s
	}
	b := make([]byte, 0, len(s)+16)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '+' && plus != "":
			b = append(b, plus...)
			continue
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			c = unhex(s[i+1])<<4 | unhex(s[i+2])
			i += 2
		}
		b = appendEncoded(b, c, slash)
	}
	return string(b)
}

// isRecoded tells that recode would change nothing, which spares most requests an allocation.
func isRecoded(s string, slash bool) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case isUnreserved(c) || slash && c == '/':
		case c == '%' && i+2 < len(s) && isUpperHex(s[i+1]) && isUpperHex(s[i+2]):
			c = unhex(s[i+1])<<4 | unhex(s[i+2])
			if isUnreserved(c) || slash && c == '/' {
				return false
			}
			i += 2
		default:
			return false
		}
	}
	return true
}

// encodePath percent-encodes a path as it is, escapes included: on one that is encoded already this is the second
// encoding that every service but S3 signs.
func encodePath(path string) string {
	for i := range len(path) {
		if !isUnreserved(path[i]) && path[i] != '/' {
			b := make([]byte, 0, len(path)+16)
			for j := range len(path) {
				b = appendEncoded(b, path[j], true)
			}
			return string(b)
		}
	}
	return path
}

// normalizePath removes empty, "." and ".." segments as RFC 3986 and AWS want it; a final slash stays.
func normalizePath(path string) string {
	if !strings.Contains(path, "//") && !strings.Contains(path, "/.") {
		return path
	}
	var kept []string
	segments := strings.Split(path, "/")
	for _, segment := range segments {
		switch segment {
		case "", ".":
		case "..":
			if len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
		default:
			kept = append(kept, segment)
		}
	}
	result := "/" + strings.Join(kept, "/")
	if last := segments[len(segments)-1]; len(kept) > 0 && (last == "" || last == "." || last == "..") {
		result += "/"
	}
	return result
}

// wirePath is the request's path exactly as it came over the wire.
func wirePath(r *http.Request) string {
	path := r.URL.EscapedPath()
	// A server's request has the raw target; EscapedPath would re-encode one with bytes that should have been escaped.
	if uri := r.RequestURI; strings.HasPrefix(uri, "/") {
		path, _, _ = strings.Cut(uri, "?")
	} else if r.URL.Opaque != "" {
		path = r.URL.Opaque
		if rest, ok := strings.CutPrefix(path, "//"); ok { // the opaque form //host/path of a client's request
			if slash := strings.IndexByte(rest, '/'); slash >= 0 {
				path = rest[slash:]
			} else {
				path = "/"
			}
		}
	}
	if path == "" {
		return "/"
	}
	return path
}

// paths returns the canonical spellings of the request's path, the documented one first.
//
// S3 signs the path once encoded and otherwise untouched. Its clients either sign what they send, or encode the key by
// the rules and let their HTTP library send it another way. Everybody else signs a second encoding of the normalised
// path, except for the SDKs for Go and some others, which do not normalise.
func paths(r *http.Request, s3 bool) []string {
	wire := wirePath(r)
	if s3 {
		if again := recode(wire, "", true); again != wire {
			return []string{again, wire}
		}
		return []string{wire}
	}
	first := encodePath(normalizePath(wire))
	if second := encodePath(wire); second != first {
		return []string{first, second}
	}
	return []string{first}
}

// hosts returns the spellings of the request's host that a client may have signed: the one sent, then lower case and
// without or with the scheme's port.
func hosts(host string) []string {
	result := []string{host}
	add := func(h string) {
		if !slices.Contains(result, h) {
			result = append(result, h)
		}
	}
	lower := strings.ToLower(host)
	add(lower)
	for _, port := range []string{":80", ":443"} {
		if bare, ok := strings.CutSuffix(lower, port); ok {
			add(bare)
			add(host[:len(bare)])
			return result
		}
	}
	if found := strings.Contains(lower, ":"); !found || strings.HasSuffix(lower, "]") {
		add(lower + ":443")
		add(lower + ":80")
	}
	return result
}

func appendEncoded(b []byte, c byte, slash bool) []byte {
	if isUnreserved(c) || slash && c == '/' {
		return append(b, c)
	}
	return append(b, '%', upperHex[c>>4], upperHex[c&15])
}

func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~'
}

func isUpperHex(c byte) bool { return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' }

func isHex(c byte) bool { return isUpperHex(c) || 'a' <= c && c <= 'f' }

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	default:
		return c - 'a' + 10
	}
}
