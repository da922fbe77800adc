package logs

import (
	"fmt"
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
	if rest, ok := strings.CutPrefix(parsed.Resource, "log-group:"); ok {
		name, _, _ := strings.Cut(rest, ":")
		return s.groupFacts(call, parsed, name)
	}
	var found policy.Facts
	var document string
	err = s.DB.View(call, func(tx *store.Tx) error {
		t, err := taggedAt(tx, parsed)
		if t != nil {
			found.Tags, document = *t.tags, t.policy
		}
		return err
	})
	if err == nil {
		err = s.addPolicy(&found, arn, document)
	}
	return found, err
}

// addPolicy parses a policy of the resource with the ARN, unless it is empty.
func (s *Service) addPolicy(to *policy.Facts, arn, text string) error {
	if text == "" {
		return nil
	}
	doc, err := s.documents.Parse(policy.KindResource, text)
	if err != nil {
		return fmt.Errorf("policy of %s: %w", arn, err)
	}
	to.Policies = append(to.Policies, policy.Source{Name: arn, Document: doc})
	return nil
}

// groupFacts are a group's tags and, for AWS services and other accounts, the resource policies that may let them in.
// Others do not need these, and reading them would cost each request of PutLogEvents.
func (s *Service) groupFacts(call *aws.Call, arn aws.ARN, name string) (found policy.Facts, err error) {
	err = s.DB.View(call, func(tx *store.Tx) error {
		g, err := sharedLogGroup(tx, groupKey{arn.Account, arn.Region, name})
		if g != nil {
			found.Tags = g.Tags
		}
		return err
	})
	service := call.Principal.Type == aws.PrincipalService
	if err != nil || !service && arn.Account == call.Principal.Account {
		return found, err
	}
	// As at AWS a service writes with a role, or because a policy says that it may.
	found.PolicyRequired = service
	of := store.K(arn.Account, arn.Region)
	group := aws.ARN{Partition: arn.Partition, Service: arn.Service, Region: arn.Region, Account: arn.Account, Resource: "log-group:" + name}.String()
	var documents []string
	err = s.DB.View(call, func(tx *store.Tx) error {
		for _, prefix := range []store.Key{of.With(""), of.With(group)} {
			for p, err := range resourcePolicies.Scan(tx, store.Range{Prefix: prefix}) {
				if err != nil {
					return err
				}
				documents = append(documents, p.Document)
			}
		}
		return nil
	})
	for _, text := range documents {
		if err == nil {
			err = s.addPolicy(&found, group, text)
		}
	}
	return found, err
}
