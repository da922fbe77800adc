package logs

import (
	"errors"
	"strings"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/policy"
	"drydock/store"
)

// resourcePolicy lets AWS services and other accounts in: to the log groups of an account, or to the one with its ARN.
type resourcePolicy struct {
	Account, Region string
	// Resource is the ARN of the group that the policy is attached to, "" for one of the account.
	Resource string
	Name     string
	Document string
	Revision string
	Updated  time.Time
}

var resourcePolicies = store.NewTable("logs/resourcepolicy", func(p *resourcePolicy) store.Key {
	return store.K(p.Account, p.Region, p.Resource, p.Name)
})

// putResourcePolicy makes or replaces a policy.
func (s *Service) putResourcePolicy(call *aws.Call, in *api.PutResourcePolicyInput) (*api.PutResourcePolicyOutput, error) {
	if in.PolicyDocument == nil {
		return nil, api.NewInvalidParameterException("PolicyDocument must be given.")
	}
	p := &resourcePolicy{Account: call.Account, Region: call.Region, Document: *in.PolicyDocument, Revision: call.NewUUID(), Updated: call.Now()}
	limit := maxPolicyBytes
	switch {
	case in.ResourceARN != nil:
		p.Resource, limit = strings.TrimSuffix(*in.ResourceARN, ":*"), maxGroupPolicyBytes
		if _, err := groupName(call, p.Resource); err != nil || !strings.HasPrefix(p.Resource, "arn:") {
			return nil, api.NewInvalidParameterException("Invalid resource ARN: %s", *in.ResourceARN)
		}
		if in.PolicyName != nil {
			p.Name = *in.PolicyName
		}
	case in.PolicyName == nil || *in.PolicyName == "":
		return nil, api.NewInvalidParameterException("PolicyName must be given.")
	default:
		p.Name = *in.PolicyName
	}
	if len(p.Document) > limit {
		return nil, api.NewInvalidParameterException("The policy document exceeds the limit of %d bytes.", limit)
	}
	if _, err := policy.Parse(policy.KindResource, p.Document); err != nil {
		return nil, api.NewInvalidParameterException("%s", err)
	}
	err := s.DB.Update(call, func(tx *store.Tx) error {
		if p.Resource != "" {
			name, err := groupName(call, p.Resource)
			if err != nil {
				return err
			}
			if _, err := getLogGroup(tx, call, name); err != nil {
				return err
			}
		}
		if err := p.replaces(tx, in.ExpectedRevisionID); err != nil {
			return err
		}
		return resourcePolicies.Put(tx, p)
	})
	if err != nil {
		return nil, err
	}
	return &api.PutResourcePolicyOutput{ResourcePolicy: new(p.describe()), RevisionID: &p.Revision}, nil
}

// replaces checks that the policy can take the place of what is there.
func (p *resourcePolicy) replaces(tx *store.Tx, expected *string) error {
	n, revision := 0, ""
	for old, err := range resourcePolicies.Scan(tx, store.Range{Prefix: store.K(p.Account, p.Region, p.Resource)}) {
		if err != nil {
			return err
		}
		if old.Name == p.Name {
			revision = old.Revision
		} else if n++; p.Resource != "" {
			return api.NewLimitExceededException(limitExceeded) // a group has one
		}
	}
	if revision == "" && n >= maxResourcePolicies {
		return api.NewLimitExceededException(limitExceeded)
	}
	return checkRevision(expected, revision)
}

// checkRevision compares the revision that a request expects with the one that is there.
func checkRevision(expected *string, revision string) error {
	if expected != nil && *expected != revision {
		return api.NewOperationAbortedException("The expected revision id does not match the current one.")
	}
	return nil
}

// describeResourcePolicies lists the account's policies, or those of groups.
func (s *Service) describeResourcePolicies(call *aws.Call, in *api.DescribeResourcePoliciesInput) (*api.DescribeResourcePoliciesOutput, error) {
	of := store.K(call.Account, call.Region)
	l := listTable(resourcePolicies, store.Range{Prefix: of.With("")}, in.Limit, in.NextToken)
	ofGroups := in.PolicyScope != nil && *in.PolicyScope == api.PolicyScopeResource
	switch {
	case in.ResourceARN != nil:
		l.within.Prefix = of.With(strings.TrimSuffix(*in.ResourceARN, ":*"))
	case ofGroups:
		l.within = store.Range{Prefix: of, From: of.With("").End()}
	}
	found, next, err := l.page(s, call)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeResourcePoliciesOutput{ResourcePolicies: make([]api.ResourcePolicy, len(found)), NextToken: next}
	for i, p := range found {
		out.ResourcePolicies[i] = p.describe()
	}
	return out, nil
}

func (p *resourcePolicy) describe() api.ResourcePolicy {
	shown := api.ResourcePolicy{PolicyDocument: &p.Document, LastUpdatedTime: new(p.Updated.UnixMilli()), RevisionID: &p.Revision, PolicyScope: new(api.PolicyScopeAccount)}
	if p.Name != "" {
		shown.PolicyName = &p.Name
	}
	if p.Resource != "" {
		shown.ResourceARN, shown.PolicyScope = &p.Resource, new(api.PolicyScopeResource)
	}
	return shown
}

// deleteResourcePolicy removes a policy.
func (s *Service) deleteResourcePolicy(call *aws.Call, in *api.DeleteResourcePolicyInput) (*api.DeleteResourcePolicyOutput, error) {
	name, resource := "", ""
	if in.PolicyName != nil {
		name = *in.PolicyName
	}
	if in.ResourceARN != nil {
		resource = strings.TrimSuffix(*in.ResourceARN, ":*")
	}
	err := s.DB.Update(call, func(tx *store.Tx) error {
		p, err := resourcePolicies.Get(tx, store.K(call.Account, call.Region, resource, name))
		if errors.Is(err, store.ErrNotFound) {
			return api.NewResourceNotFoundException("Policy with name [%s] does not exist.", name)
		}
		if err != nil {
			return err
		}
		if err := checkRevision(in.ExpectedRevisionID, p.Revision); err != nil {
			return err
		}
		_, err = resourcePolicies.Delete(tx, resourcePolicies.Key(p))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteResourcePolicyOutput{}, nil
}
