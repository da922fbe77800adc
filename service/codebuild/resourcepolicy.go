package codebuild

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/policy"
	"drydock/store"
)

// resourcePolicy is the policy of a project or report group, by which its account shares it with others.
type resourcePolicy struct {
	// ARN is the resource's, Region and Kind ("project", "report-group") what it says.
	ARN, Region, Kind string
	Modified          time.Time
	Text              string
	// Accounts are those that the policy names.
	Accounts []string
}

var (
	// sharedByARN and sharedByTime have what is shared with an account.
	sharedByARN = store.NewIndex("sharedarn", func(p *resourcePolicy) (keys []store.Key) {
		for _, account := range p.Accounts {
			keys = append(keys, store.K(account, p.Region, p.Kind, p.ARN))
		}
		return keys
	})
	sharedByTime = store.NewIndex("sharedtime", func(p *resourcePolicy) (keys []store.Key) {
		for _, account := range p.Accounts {
			keys = append(keys, store.K(account, p.Region, p.Kind, p.Modified))
		}
		return keys
	})
	resourcePolicies = store.NewTable("codebuild/policy", func(p *resourcePolicy) store.Key { return store.K(p.ARN) }, sharedByARN, sharedByTime)
)

// policyTarget takes apart the ARN of a resource that may have a policy; only its own account sets one.
func policyTarget(call *aws.Call, text string) (kind string, p place, err error) {
	arn, err := aws.ParseARN(text)
	kind, name, _ := strings.Cut(arn.Resource, "/")
	if err != nil || arn.Service != "codebuild" || kind != "project" && kind != "report-group" || arn.Account != call.Account || arn.Region != call.Region {
		return "", place{}, api.NewInvalidInputException("Invalid resource ARN: %s", text)
	}
	return kind, place{arn.Account, arn.Region, name}, nil
}

// checkTarget returns an error unless the resource is there.
func checkTarget(tx *store.Tx, kind string, p place) error {
	has := projects.Has
	if kind == "report-group" {
		has = reportGroups.Has
	}
	exists, err := has(tx, store.K(p.account, p.region, p.name))
	if err == nil && !exists {
		err = api.NewResourceNotFoundException("Resource not found: %s", p.arn(kind+"/"+p.name))
	}
	return err
}

// putResourcePolicy sets the policy of a project or report group.
func (s *Service) putResourcePolicy(call *aws.Call, in *api.PutResourcePolicyInput) (*api.PutResourcePolicyOutput, error) {
	kind, target, err := policyTarget(call, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	row := &resourcePolicy{ARN: in.ResourceARN, Region: call.Region, Kind: kind, Modified: call.Now(), Text: in.Policy}
	if row.Accounts, err = checkResourcePolicy(in.Policy, in.ResourceARN, call.Account); err != nil {
		return nil, err
	}
	err = s.DB.Update(call, func(tx *store.Tx) error {
		if err := checkTarget(tx, kind, target); err != nil {
			return err
		}
		return resourcePolicies.Put(tx, row)
	})
	if err != nil {
		return nil, err
	}
	return &api.PutResourcePolicyOutput{ResourceARN: &in.ResourceARN}, nil
}

// checkResourcePolicy checks a policy and returns the other accounts that it lets in by their names.
func checkResourcePolicy(text, arn, owner string) ([]string, error) {
	document, err := policy.Parse(policy.KindResource, text)
	if err != nil {
		return nil, api.NewInvalidInputException("Invalid policy: %v", err)
	}
	var accounts []string
	for i := range document.Statements {
		st := &document.Statements[i]
		for _, r := range st.Resources {
			if r != arn {
				return nil, api.NewInvalidInputException("Invalid policy: the resource of each statement must be %s", arn)
			}
		}
		for _, a := range st.Actions {
			if !strings.HasPrefix(strings.ToLower(a), "codebuild:") {
				return nil, api.NewInvalidInputException("Invalid policy: %s is no action of CodeBuild", a)
			}
		}
		if st.Principals == nil || st.Effect != policy.Allow {
			continue
		}
		for _, p := range st.Principals.AWS {
			account := p
			if a, err := aws.ParseARN(p); err == nil {
				account = a.Account
			}
			if aws.ValidAccount(account) && account != owner && !slices.Contains(accounts, account) {
				accounts = append(accounts, account)
			}
		}
	}
	return accounts, nil
}

// getResourcePolicy shows the policy of a resource.
func (s *Service) getResourcePolicy(call *aws.Call, in *api.GetResourcePolicyInput) (*api.GetResourcePolicyOutput, error) {
	if _, _, err := policyTarget(call, in.ResourceARN); err != nil {
		return nil, err
	}
	var text string
	err := s.DB.View(call, func(tx *store.Tx) error {
		p, err := resourcePolicies.Get(tx, store.K(in.ResourceARN))
		if errors.Is(err, store.ErrNotFound) {
			return api.NewResourceNotFoundException("Resource ARN %s has no resource policy", in.ResourceARN)
		}
		if err == nil {
			text = p.Text
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.GetResourcePolicyOutput{Policy: &text}, nil
}

// deleteResourcePolicy removes the policy of a resource. One that is not there is no error.
func (s *Service) deleteResourcePolicy(call *aws.Call, in *api.DeleteResourcePolicyInput) (*api.DeleteResourcePolicyOutput, error) {
	if _, _, err := policyTarget(call, in.ResourceARN); err != nil {
		return nil, err
	}
	err := s.DB.Update(call, func(tx *store.Tx) error {
		_, err := resourcePolicies.Delete(tx, store.K(in.ResourceARN))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteResourcePolicyOutput{}, nil
}

// listSharedProjects lists the ARNs of the projects that other accounts share with the caller's.
func (s *Service) listSharedProjects(call *aws.Call, in *api.ListSharedProjectsInput) (*api.ListSharedProjectsOutput, error) {
	arns, next, err := s.listShared(call, "project", in.SortBy, in.SortOrder, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &api.ListSharedProjectsOutput{Projects: arns, NextToken: next}, nil
}

// listSharedReportGroups lists the ARNs of the report groups that other accounts share with the caller's.
func (s *Service) listSharedReportGroups(call *aws.Call, in *api.ListSharedReportGroupsInput) (*api.ListSharedReportGroupsOutput, error) {
	arns, next, err := s.listShared(call, "report-group", in.SortBy, in.SortOrder, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &api.ListSharedReportGroupsOutput{ReportGroups: arns, NextToken: next}, nil
}

func (s *Service) listShared(call *aws.Call, kind string, sortBy *api.SharedResourceSortByType, order *api.SortOrderType, token *string, limit *int32) (arns []string, next *string, err error) {
	by := along(sharedByARN, func(p *resourcePolicy) store.Key { return store.K(call.Account, p.Region, p.Kind, p.ARN) })
	if value(sortBy) == api.SharedResourceSortByTypeModifiedTime {
		by = along(sharedByTime, func(p *resourcePolicy) store.Key { return store.K(call.Account, p.Region, p.Kind, p.Modified) })
	}
	r, err := pageRange(store.K(call.Account, call.Region, kind), descending(order, false), token)
	if err != nil {
		return nil, nil, err
	}
	err = s.DB.View(call, func(tx *store.Tx) error {
		var found []*resourcePolicy
		var err error
		found, next, err = by.page(tx, r, pageLimit(limit))
		arns = []string{}
		for _, p := range found {
			arns = append(arns, p.ARN)
		}
		return err
	})
	return arns, next, err
}

// facts gives the tags and the policy of a project, report group or fleet to policies.
func (s *Service) facts(call *aws.Call, arn string) (policy.Facts, error) {
	a, err := aws.ParseARN(arn)
	if err != nil {
		return policy.Facts{}, nil //nolint:nilerr // what is no ARN has no facts
	}
	facts := policy.Facts{Account: a.Account}
	text := ""
	err = s.DB.View(call, func(tx *store.Tx) error {
		tags, err := tagsOf(tx, a)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		facts.Tags = map[string]string{}
		for _, t := range tags {
			facts.Tags[value(t.Key)] = value(t.Value)
		}
		p, err := resourcePolicies.Get(tx, store.K(arn))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil {
			text = p.Text
		}
		return err
	})
	if err != nil {
		return policy.Facts{}, fmt.Errorf("facts of %s: %w", arn, err)
	}
	if text == "" {
		return facts, nil
	}
	document, err := policy.Parse(policy.KindResource, text)
	if err != nil {
		return policy.Facts{}, fmt.Errorf("policy of %s: %w", arn, err)
	}
	facts.Policies = []policy.Source{{Name: arn, Document: document}}
	return facts, nil
}

// tagsOf reads the tags of a resource, or returns store.ErrNotFound.
func tagsOf(tx *store.Tx, a aws.ARN) ([]api.Tag, error) {
	kind, name, _ := strings.Cut(a.Resource, "/")
	key := store.K(a.Account, a.Region, name)
	switch kind {
	case "project":
		p, err := projects.Get(tx, key)
		if err != nil {
			return nil, err
		}
		return p.Detail.Tags, nil
	case "report-group":
		g, err := reportGroups.Get(tx, key)
		if err != nil {
			return nil, err
		}
		return g.Detail.Tags, nil
	case "fleet":
		f, err := fleets.Get(tx, store.K(a.Account, a.Region, ownerName(name)))
		if err != nil {
			return nil, err
		}
		return f.Detail.Tags, nil
	}
	return nil, store.ErrNotFound
}
