// Package resource is the registry of resource types (AWS::S3::Bucket ...): how to create, read, update, delete and list
// any resource of the cloud by its properties. It is the one way in which CloudFormation, Cloud Control and Config reach
// the services.
package resource

import (
	"encoding/json"
	"fmt"
	"sort"

	"drydock/aws"
)

// Properties are a resource's properties as its CloudFormation type has them.
type Properties map[string]json.RawMessage

// Type is one resource type. The functions call the service's API as the call's principal. An operation that the type
// does not have is nil.
type Type struct {
	// Name is "AWS::Service::Resource".
	Name string
	// PrimaryIdentifier names the properties that identify a resource; read-only ones are allowed.
	PrimaryIdentifier []string
	// ReadOnly names the properties that cannot be given, CreateOnly those that cannot be changed.
	ReadOnly, CreateOnly []string

	// Create makes a resource and returns its identifier: the primary identifier's values joined by "|".
	Create func(call *aws.Call, desired Properties) (id string, err error)
	// Read returns all properties, the read-only ones too.
	Read func(call *aws.Call, id string) (Properties, error)
	// Update changes a resource from its present properties to the desired ones.
	Update func(call *aws.Call, id string, current, desired Properties) error
	Delete func(call *aws.Call, id string) error
	// List returns the identifiers of all resources of the type in the call's account and region.
	List func(call *aws.Call) ([]string, error)
}

// Registry holds the types by name. It is filled at start-up and then only read.
type Registry struct{ types map[string]Type }

// NewRegistry returns the registry of the given types. A name given twice is an error.
func NewRegistry(types ...Type) (*Registry, error) {
	r := &Registry{types: make(map[string]Type, len(types))}
	for _, t := range types {
		if _, taken := r.types[t.Name]; taken {
			return nil, fmt.Errorf("resource type %s registered twice", t.Name)
		}
		r.types[t.Name] = t
	}
	return r, nil
}

// Lookup returns the type of that name.
func (r *Registry) Lookup(name string) (Type, bool) {
	t, ok := r.types[name]
	return t, ok
}

// Names lists the types in order.
func (r *Registry) Names() []string {
	names := make([]string, 0, len(r.types))
	for name := range r.types {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
