package codebuild

import (
	"encoding/hex"
	"iter"
	"strconv"

	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/store"
)

// listing is a way through a table: by its own key or by an index.
type listing[T any] struct {
	scan  func(*store.Tx, store.Range) iter.Seq2[*T, error]
	entry func(*T) store.Key
}

// along is the listing of an index. key is the row's only key in it.
func along[T any](index *store.Index[T], key func(*T) store.Key) listing[T] {
	return listing[T]{index.Scan, func(row *T) store.Key { return index.Entry(row, key(row)) }}
}

// page reads a page of at most limit rows in r, and the token of the next one.
func (l listing[T]) page(tx *store.Tx, r store.Range, limit int) (rows []*T, next *string, err error) {
	for row, err := range l.scan(tx, r) {
		if err != nil {
			return nil, nil, err
		}
		if len(rows) == limit {
			return rows, new(aws.EncodePageToken(hex.EncodeToString(l.entry(rows[limit-1])))), nil
		}
		rows = append(rows, row)
	}
	return rows, nil, nil
}

// pageRange is the range of a page: the rows below prefix, behind the token's position.
func pageRange(prefix store.Key, reverse bool, token *string) (store.Range, error) {
	after, err := pageStart(token)
	return store.Range{Prefix: prefix, Reverse: reverse, After: after}, err
}

// pageStart is the position that a page token names.
func pageStart(token *string) (store.Key, error) {
	if token == nil || *token == "" {
		return nil, nil
	}
	parts, err := aws.DecodePageToken(*token, 1)
	if err != nil {
		return nil, api.NewInvalidInputException("Invalid next token")
	}
	key, err := hex.DecodeString(parts[0])
	if err != nil {
		return nil, api.NewInvalidInputException("Invalid next token")
	}
	if _, err := store.Key(key).Parts(); err != nil {
		return nil, api.NewInvalidInputException("Invalid next token")
	}
	return key, nil
}

// slicePage is a page of a list that is held whole and does not change; its tokens count.
func slicePage[T any](list []T, limit int, token *string) ([]T, *string, error) {
	start := 0
	if value(token) != "" {
		parts, err := aws.DecodePageToken(*token, 1)
		if err != nil {
			return nil, nil, api.NewInvalidInputException("Invalid next token")
		}
		start, err = strconv.Atoi(parts[0])
		if err != nil || start < 0 {
			return nil, nil, api.NewInvalidInputException("Invalid next token")
		}
	}
	start = min(start, len(list))
	end := min(start+limit, len(list))
	if end == len(list) {
		return list[start:], nil, nil
	}
	return list[start:end], new(aws.EncodePageToken(strconv.Itoa(end))), nil
}

// pageLimit is how many items a page has: as many as asked for, or the most.
func pageLimit(asked *int32) int {
	if asked == nil {
		return pageSize
	}
	return int(*asked)
}

func descending(order *api.SortOrderType, byDefault bool) bool {
	if order == nil {
		return byDefault
	}
	return *order == api.SortOrderTypeDescending
}
