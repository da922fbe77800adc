package kms

import (
	api "drydock/api/kms"
	"drydock/aws"
)

// page collects one page of a listing.
type page struct {
	limit int
	// after is the id behind which the page begins; empty for the first.
	after     string
	last      string
	count     int
	truncated bool
}

// newPage begins a page of at most limit entries, or of as many as are the default.
func newPage(limit *int32, def int, marker *string) (*page, error) {
	p := &page{limit: def}
	if limit != nil {
		p.limit = int(*limit)
	}
	if marker != nil {
		parts, err := aws.DecodePageToken(*marker, 1)
		if err != nil {
			return nil, api.NewInvalidMarkerException("Could not deserialize marker: %s", *marker)
		}
		p.after = parts[0]
	}
	return p, nil
}

// take tells whether the entry of an id is on the page; if it is not, the listing is over.
func (p *page) take(id string) bool {
	if p.count == p.limit {
		p.truncated = true
		return false
	}
	p.count, p.last = p.count+1, id
	return true
}

// next returns the marker of the next page, and whether there is one.
func (p *page) next() (marker *string, truncated *bool) {
	if p.truncated {
		marker = new(aws.EncodePageToken(p.last))
	}
	return marker, &p.truncated
}
