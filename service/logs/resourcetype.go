package logs

import (
	"drydock/aws"
	"drydock/resource"
)

// typed is a resource type whose properties are a structure P.
type typed[P any] struct {
	create func(call *aws.Call, p *P) (id string, err error)
	read   func(call *aws.Call, id string) (*P, error)
	update func(call *aws.Call, id string, was, p *P) error
	delete func(call *aws.Call, id string) error
	list   func(call *aws.Call) ([]string, error)
}

// of completes a resource type.
func (r typed[P]) of(t resource.Type) resource.Type {
	t.Create = func(call *aws.Call, desired resource.Properties) (string, error) {
		p := new(P)
		if err := desired.Decode(p); err != nil {
			return "", err
		}
		return r.create(call, p)
	}
	t.Read = func(call *aws.Call, id string) (resource.Properties, error) {
		p, err := r.read(call, id)
		if err != nil {
			return nil, err
		}
		return resource.Encode(p)
	}
	t.Update = func(call *aws.Call, id string, current, desired resource.Properties) error {
		was, p := new(P), new(P)
		if err := current.Decode(was); err != nil {
			return err
		}
		if err := desired.Decode(p); err != nil {
			return err
		}
		return r.update(call, id, was, p)
	}
	t.Delete, t.List = r.delete, r.list
	return t
}

// every collects the identifiers of a listing in pages.
func every(page func(token *string) (ids []string, next *string, err error)) ([]string, error) {
	var all []string
	var token *string
	for {
		ids, next, err := page(token)
		if err != nil {
			return nil, err
		}
		all = append(all, ids...)
		if token = next; token == nil {
			return all, nil
		}
	}
}

// optional is nil for the zero value.
func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// given is the value, or zero where there is none.
func given[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}

// named is the name, or a generated one.
func named(call *aws.Call, name, prefix string) string {
	if name == "" {
		return call.NewID(prefix, 12)
	}
	return name
}

// tagMap returns tags by their keys.
func tagMap(tags []tagProperty) map[string]string {
	p := groupProperties{Tags: tags}
	return p.tags()
}
