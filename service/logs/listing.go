package logs

import (
	"encoding/base64"
	"iter"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/store"
)

// listing is a page of rows in the order of a table's or an index's keys.
type listing[T any] struct {
	// scan yields the rows of a range, position is where a row stands in it.
	scan     func(tx *store.Tx, r store.Range) iter.Seq2[*T, error]
	position func(row *T) store.Key
	within   store.Range
	limit    *int32
	token    *string
	// wanted leaves rows out, unless it is nil.
	wanted func(*T) bool
}

// listTable returns the listing of a table.
func listTable[T any](t *store.Table[T], within store.Range, limit *int32, token *string) *listing[T] {
	return &listing[T]{scan: t.Scan, position: t.Key, within: within, limit: limit, token: token}
}

// page returns a page and the token of the next.
func (l *listing[T]) page(s *Service, call *aws.Call) (rows []*T, next *string, err error) {
	limit := defaultDescribeLimit
	if l.limit != nil {
		limit = int(*l.limit)
	}
	r := l.within
	if l.token != nil {
		parts, err := aws.DecodePageToken(*l.token, 1)
		if err == nil {
			r.After, err = base64.RawStdEncoding.DecodeString(parts[0])
		}
		if err != nil {
			return nil, nil, api.NewInvalidParameterException("The specified nextToken is invalid.")
		}
	}
	err = s.DB.View(call, func(tx *store.Tx) error {
		for row, err := range l.scan(tx, r) {
			switch {
			case err != nil:
				return err
			case l.wanted != nil && !l.wanted(row):
				continue
			case len(rows) == limit:
				last := base64.RawStdEncoding.EncodeToString(l.position(rows[len(rows)-1]))
				next = new(aws.EncodePageToken(last))
				return nil
			}
			rows = append(rows, row)
		}
		return nil
	})
	return rows, next, err
}

// prefixed is the range of the keys in which a string that begins with a prefix, if one is given, follows the key k.
func prefixed(k store.Key, prefix *string) store.Range {
	if prefix == nil || *prefix == "" {
		return store.Range{Prefix: k}
	}
	var r store.Range
	r.From, r.To = k.StringPrefix(*prefix)
	return store.Range{Prefix: k, From: r.From, To: r.To}
}
