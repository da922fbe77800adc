package query

import (
	"errors"
	"net/url"
	"slices"
	"strings"
)

// Bounds of a request.
const (
	maxParams = 20000
	maxDepth  = 40
	maxName   = 2048
)

var (
	errTooMany = errors.New("too many parameters")
	errName    = errors.New("parameter name too long or too deep")
)

type param struct{ name, value string }

// parseParams appends the parameters of a form to dst.
func parseParams(dst []param, form string) ([]param, error) {
	for form != "" {
		var pair string
		pair, form, _ = strings.Cut(form, "&")
		if pair == "" {
			continue
		}
		if len(dst) >= maxParams {
			return nil, errTooMany
		}
		name, value, _ := strings.Cut(pair, "=")
		var err error
		if name, err = unescape(name); err != nil {
			return nil, err
		}
		if value, err = unescape(value); err != nil {
			return nil, err
		}
		if len(name) > maxName || strings.Count(name, ".") > maxDepth {
			return nil, errName
		}
		dst = append(dst, param{name, value})
	}
	return dst, nil
}

func unescape(s string) (string, error) {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s, nil
	}
	return url.QueryUnescape(s)
}

// sortParams orders parameters so that those of one list element or structure stand together and elements by number.
func sortParams(params []param) {
	if slices.IsSortedFunc(params, compare) {
		return
	}
	slices.SortStableFunc(params, compare)
}

// compare orders names by their parts; parts that are numbers go by their value.
func compare(a, b param) int {
	x, y := a.name, b.name
	for {
		p, restX, moreX := strings.Cut(x, ".")
		q, restY, moreY := strings.Cut(y, ".")
		if c := comparePart(p, q); c != 0 {
			return c
		}
		if !moreX || !moreY {
			switch {
			case moreX:
				return 1
			case moreY:
				return -1
			}
			return 0
		}
		x, y = restX, restY
	}
}

func comparePart(p, q string) int {
	numP, numQ := number(p), number(q)
	switch {
	case numP && numQ && len(p) != len(q):
		return len(p) - len(q)
	case numP && !numQ:
		return -1
	case numQ && !numP:
		return 1
	}
	return strings.Compare(p, q)
}

// number tells whether p is a list index: a positive number without leading zeros.
func number(p string) bool {
	if p == "" || len(p) > 9 || p[0] == '0' {
		return false
	}
	for i := range len(p) {
		if p[i] < '0' || p[i] > '9' {
			return false
		}
	}
	return true
}
