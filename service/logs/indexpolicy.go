package logs

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/store"
)

// indexPolicy names the fields of a group's events that queries may look up.
type indexPolicy struct {
	Account, Region, Group string
	Document               string
	Updated                time.Time
}

var indexPolicies = store.NewTable("logs/indexpolicy", func(p *indexPolicy) store.Key { return store.K(p.Account, p.Region, p.Group) })

// checkIndexPolicy refuses a document that is none.
func checkIndexPolicy(text string) error {
	var doc struct {
		Fields   []string
		FieldsV2 map[string]struct {
			Type string `json:"type"`
		}
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&doc); err != nil {
		return api.NewInvalidParameterException("Invalid policy document: %v", err)
	}
	n := len(doc.Fields) + len(doc.FieldsV2)
	if n == 0 || n > maxIndexFields {
		return api.NewInvalidParameterException("A field index policy must have between 1 and %d fields.", maxIndexFields)
	}
	for name, f := range doc.FieldsV2 {
		if f.Type != "FACET" && f.Type != "FIELD_INDEX" {
			return api.NewInvalidParameterException("The field %s has an invalid type: %s", name, f.Type)
		}
	}
	for i, name := range doc.Fields {
		if name == "" || len(name) > maxIndexFieldBytes || slices.Contains(doc.Fields[:i], name) {
			return api.NewInvalidParameterException("The field %q is invalid, or named twice.", name)
		}
	}
	return nil
}

// putIndexPolicy sets a group's policy.
func (s *Service) putIndexPolicy(call *aws.Call, in *api.PutIndexPolicyInput) (*api.PutIndexPolicyOutput, error) {
	if err := checkIndexPolicy(in.PolicyDocument); err != nil {
		return nil, err
	}
	p := &indexPolicy{Document: in.PolicyDocument, Updated: call.Now()}
	var g *logGroup
	err := s.DB.Update(call, func(tx *store.Tx) (err error) {
		if g, err = resolveLogGroup(tx, call, nil, &in.LogGroupIdentifier); err != nil {
			return err
		}
		if err := g.standard(call); err != nil {
			return err
		}
		p.Account, p.Region, p.Group = g.Account, g.Region, g.Name
		return indexPolicies.Put(tx, p)
	})
	if err != nil {
		return nil, err
	}
	return &api.PutIndexPolicyOutput{IndexPolicy: new(p.describe(g))}, nil
}

// indexPolicyOf returns a group's policy: its own, or else the account's that selects it; nil when there is none.
func indexPolicyOf(tx *store.Tx, g *logGroup) (*api.IndexPolicy, error) {
	own, err := indexPolicies.Get(tx, store.K(g.Account, g.Region, g.Name))
	if err == nil {
		return new(own.describe(g)), nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	for p, err := range accountPoliciesOf(tx, g.Account, g.Region, api.PolicyTypeFieldIndexPolicy) {
		if err != nil {
			return nil, err
		}
		selected, err := p.selects(g)
		if err != nil {
			return nil, err
		}
		if selected {
			return &api.IndexPolicy{
				LogGroupIdentifier: new(g.arn()), PolicyDocument: &p.Document, PolicyName: &p.Name, LastUpdateTime: new(p.Updated.UnixMilli()),
				Source: new(api.IndexSourceAccount),
			}, nil
		}
	}
	return nil, nil
}

func (p *indexPolicy) describe(g *logGroup) api.IndexPolicy {
	return api.IndexPolicy{
		LogGroupIdentifier: new(g.arn()), PolicyDocument: &p.Document, LastUpdateTime: new(p.Updated.UnixMilli()), Source: new(api.IndexSourceLogGroup),
	}
}

// describeIndexPolicies returns the policies that are in force for groups.
func (s *Service) describeIndexPolicies(call *aws.Call, in *api.DescribeIndexPoliciesInput) (*api.DescribeIndexPoliciesOutput, error) {
	if in.NextToken != nil { // a request has no more groups than a page
		return nil, api.NewInvalidParameterException("The specified nextToken is invalid.")
	}
	out := &api.DescribeIndexPoliciesOutput{IndexPolicies: []api.IndexPolicy{}}
	err := s.DB.View(call, func(tx *store.Tx) error {
		for _, id := range in.LogGroupIdentifiers {
			g, err := resolveLogGroup(tx, call, nil, &id)
			if err != nil {
				return err
			}
			p, err := indexPolicyOf(tx, g)
			if err != nil {
				return err
			}
			if p != nil {
				out.IndexPolicies = append(out.IndexPolicies, *p)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// deleteIndexPolicy removes a group's policy.
func (s *Service) deleteIndexPolicy(call *aws.Call, in *api.DeleteIndexPolicyInput) (*api.DeleteIndexPolicyOutput, error) {
	err := s.DB.Update(call, func(tx *store.Tx) error {
		g, err := resolveLogGroup(tx, call, nil, &in.LogGroupIdentifier)
		if err != nil {
			return err
		}
		existed, err := indexPolicies.Delete(tx, store.K(g.Account, g.Region, g.Name))
		if err == nil && !existed {
			return api.NewResourceNotFoundException("The log group has no field index policy.")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteIndexPolicyOutput{}, nil
}
