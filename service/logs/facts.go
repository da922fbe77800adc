package logs

import (
	"errors"
	"strings"

	"drydock/aws"
	"drydock/policy"
	"drydock/store"
)

// facts tells policies the tags of what has an ARN, those of a group also for its streams, and who else may use it.
func (s *Service) facts(call *aws.Call, arn string) (policy.Facts, error) {
	parsed, err := aws.ParseARN(arn)
	if err != nil {
		return policy.Facts{}, nil //nolint:nilerr // what is no ARN has no facts
	}
	kind, rest, _ := strings.Cut(parsed.Resource, ":")
	var found policy.Facts
	var documents []string
	err = s.DB.View(call, func(tx *store.Tx) (err error) {
		switch kind {
		case "log-group":
			name, _, _ := strings.Cut(rest, ":")
			found, documents, err = groupFacts(tx, call, parsed, name)
		case "destination":
			var d *destination
			if d, err = destinationAt(tx, parsed); d != nil {
				found.Tags = d.Tags
				documents = append(documents, d.AccessPolicy)
			}
		default:
			var t *tagged
			if t, err = taggedAt(tx, parsed); t != nil {
				found.Tags = *t.tags
				documents = append(documents, t.policy)
			}
		}
		if errors.Is(err, store.ErrNotFound) {
			err = nil
		}
		return err
	})
	if err != nil {
		return policy.Facts{}, err
	}
	for _, text := range documents {
		if text == "" {
			continue
		}
		doc, err := s.documents.Parse(policy.KindResource, text)
		if err != nil {
			return policy.Facts{}, err
		}
		found.Policies = append(found.Policies, policy.Source{Name: arn, Document: doc})
	}
	return found, nil
}

// groupFacts are a group's tags and, for AWS services and other accounts, the resource policies that may let them in.
// Others do not need these, and reading them would cost each request of PutLogEvents.
func groupFacts(tx *store.Tx, call *aws.Call, arn aws.ARN, name string) (found policy.Facts, documents []string, err error) {
	g, err := findLogGroup(tx, groupKey{arn.Account, arn.Region, name})
	if err != nil {
		return found, nil, err
	}
	if g != nil {
		found.Tags = g.Tags
	}
	service := call.Principal.Type == aws.PrincipalService
	if !service && arn.Account == call.Principal.Account {
		return found, nil, nil
	}
	// As at AWS a service writes with a role, or because a policy says that it may.
	found.PolicyRequired = service
	of := store.K(arn.Account, arn.Region)
	group := aws.ARN{Partition: arn.Partition, Service: arn.Service, Region: arn.Region, Account: arn.Account, Resource: "log-group:" + name}
	for _, prefix := range []store.Key{of.With(""), of.With(group.String())} {
		for p, err := range resourcePolicies.Scan(tx, store.Range{Prefix: prefix}) {
			if err != nil {
				return found, nil, err
			}
			documents = append(documents, p.Document)
		}
	}
	return found, documents, nil
}
