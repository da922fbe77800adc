package iam

import (
	"iter"
	"sort"

	"drydock/aws"
)

// page is where a listing goes on and how many items it has at most.
type page struct {
	after string // the sort key of the last item shown; empty at the start
	limit int
}

// newPage reads the parameters that all listings have.
func newPage(marker *string, maxItems *int32) (page, error) {
	p := page{limit: defaultPageSize}
	if maxItems != nil {
		p.limit = int(*maxItems)
	}
	if marker != nil {
		parts, err := aws.DecodePageToken(*marker, 1)
		if err != nil {
			return p, aws.NewError(400, "ValidationError", "Invalid Marker.")
		}
		p.after = parts[0]
	}
	return p, nil
}

// listing is one page of items.
type listing[T any] struct {
	items  []T
	marker *string // where the next page begins; nil on the last one
}

// truncated tells, as the API does, whether more is to come.
func (l listing[T]) truncated() *bool { return new(l.marker != nil) }

// take makes a page of rows that come in the order of their sort keys, those after p.after only.
func take[T any](p page, rows iter.Seq2[*T, error], key func(*T) string, keep func(*T) bool) (listing[*T], error) {
	var l listing[*T]
	for row, err := range rows {
		if err != nil {
			return l, err
		}
		if !keep(row) {
			continue
		}
		if len(l.items) == p.limit {
			l.marker = new(aws.EncodePageToken(key(l.items[p.limit-1])))
			return l, nil
		}
		l.items = append(l.items, row)
	}
	return l, nil
}

// cut makes a page of items sorted by key.
func cut[T any](p page, items []T, key func(T) string) listing[T] {
	from := 0
	if p.after != "" {
		from = sort.Search(len(items), func(i int) bool { return key(items[i]) > p.after })
	}
	l := listing[T]{items: items[from:]}
	if len(l.items) > p.limit {
		l.items = l.items[:p.limit]
		l.marker = new(aws.EncodePageToken(key(l.items[p.limit-1])))
	}
	return l
}
