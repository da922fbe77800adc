package logs

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/store"
)

// accountPolicy is in force for all groups of an account and region that it selects.
type accountPolicy struct {
	Account, Region string
	Type            api.PolicyType
	Name            string
	Document        string
	Selection       string
	Updated         time.Time
}

var accountPolicies = store.NewTable("logs/accountpolicy", func(p *accountPolicy) store.Key {
	return store.K(p.Account, p.Region, string(p.Type), p.Name)
})

func accountPoliciesOf(tx *store.Tx, account, region string, t api.PolicyType) iter.Seq2[*accountPolicy, error] {
	return accountPolicies.Scan(tx, store.Range{Prefix: store.K(account, region, string(t))})
}

// accountPolicyRules is what differs between the types of policy: how many there are at most, and the field that their
// selection is about, "" where they take none.
var accountPolicyRules = map[api.PolicyType]struct {
	limit int
	field string
}{
	api.PolicyTypeDataProtectionPolicy:     {1, ""},
	api.PolicyTypeSubscriptionFilterPolicy: {1, "LogGroupName"},
	api.PolicyTypeFieldIndexPolicy:         {20, "LogGroupNamePrefix"},
	api.PolicyTypeTransformerPolicy:        {20, "LogGroupNamePrefix"},
}

// putAccountPolicy makes or replaces a policy.
func (s *Service) putAccountPolicy(call *aws.Call, in *api.PutAccountPolicyInput) (*api.PutAccountPolicyOutput, error) {
	rules, ok := accountPolicyRules[in.PolicyType]
	if !ok {
		return nil, notImplemented("drydock does not have account policies of the type " + string(in.PolicyType) + ".")
	}
	p := &accountPolicy{
		Account: call.Account, Region: call.Region, Type: in.PolicyType, Name: in.PolicyName, Document: in.PolicyDocument, Updated: call.Now(),
	}
	if in.SelectionCriteria != nil && *in.SelectionCriteria != "" {
		p.Selection = *in.SelectionCriteria
		sel, err := parseSelection(p.Selection)
		if err != nil {
			return nil, err
		}
		if sel.field != rules.field || sel.field == "LogGroupName" && !sel.not {
			return nil, api.NewInvalidParameterException("The selection criteria %s are not supported for a policy of the type %s.", p.Selection, p.Type)
		}
	}
	check, err := s.checkAccountPolicy(call, p)
	if err != nil {
		return nil, err
	}
	err = s.DB.Update(call, func(tx *store.Tx) error {
		if err := check(tx); err != nil {
			return err
		}
		n := 0
		for other, err := range accountPoliciesOf(tx, p.Account, p.Region, p.Type) {
			if err != nil {
				return err
			}
			if other.Name != p.Name {
				n++
			}
		}
		if n >= rules.limit {
			return api.NewLimitExceededException(limitExceeded)
		}
		if err := accountPolicies.Put(tx, p); err != nil {
			return err
		}
		return watchAll(tx, p.Account, p.Region)
	})
	if err != nil {
		return nil, err
	}
	return &api.PutAccountPolicyOutput{AccountPolicy: new(p.describe())}, nil
}

// checkAccountPolicy reads the document, and returns what is left to be checked in the transaction.
func (s *Service) checkAccountPolicy(call *aws.Call, p *accountPolicy) (func(*store.Tx) error, error) {
	nothing := func(*store.Tx) error { return nil }
	switch p.Type {
	case api.PolicyTypeDataProtectionPolicy:
		parsed, err := parseProtection(p.Document)
		if err != nil {
			return nil, err
		}
		return func(tx *store.Tx) error { return parsed.findings.exists(tx, call) }, nil
	case api.PolicyTypeSubscriptionFilterPolicy:
		f, err := p.subscription()
		if err != nil {
			return nil, err
		}
		if err := s.checkSubscribed(call, f.DestinationARN, f.RoleARN); err != nil {
			return nil, err
		}
		return func(tx *store.Tx) error { return s.sendControl(tx, f, call.Now()) }, nil
	case api.PolicyTypeFieldIndexPolicy:
		return nothing, checkIndexPolicy(p.Document)
	case api.PolicyTypeTransformerPolicy:
		_, err := p.transformer()
		return nothing, err
	case api.PolicyTypeMetricExtractionPolicy:
	}
	return nil, fmt.Errorf("no rules for policies of type %s", p.Type)
}

// subscription is the filter that a policy of that type has in its document.
func (p *accountPolicy) subscription() (*subscriptionFilter, error) {
	var doc struct {
		DestinationARN string `json:"DestinationArn"`
		FilterPattern  string
		Distribution   api.Distribution
		RoleARN        string `json:"RoleArn"`
	}
	d := json.NewDecoder(strings.NewReader(p.Document))
	d.DisallowUnknownFields()
	if err := d.Decode(&doc); err != nil {
		return nil, api.NewInvalidParameterException("Invalid policy document: %v", err)
	}
	if doc.Distribution == "" {
		doc.Distribution = api.DistributionByLogStream
	}
	if !slices.Contains(doc.Distribution.Values(), string(doc.Distribution)) {
		return nil, api.NewInvalidParameterException("Invalid distribution: %s", doc.Distribution)
	}
	if _, err := parsePattern(&doc.FilterPattern); err != nil {
		return nil, err
	}
	return &subscriptionFilter{
		Account: p.Account, Region: p.Region, Name: p.Name, Pattern: doc.FilterPattern, DestinationARN: doc.DestinationARN,
		RoleARN: doc.RoleARN, Distribution: doc.Distribution,
	}, nil
}

// accountSubscription is the account's subscription that takes in a group, or nil.
func accountSubscription(tx *store.Tx, g *logGroup) (*subscriptionFilter, error) {
	if g.Class != api.LogGroupClassStandard {
		return nil, nil
	}
	for p, err := range accountPoliciesOf(tx, g.Account, g.Region, api.PolicyTypeSubscriptionFilterPolicy) {
		if err != nil {
			return nil, err
		}
		selected, err := p.selects(g)
		if err != nil {
			return nil, err
		}
		if !selected {
			continue
		}
		f, err := p.subscription()
		if err == nil {
			f.Group = g.Name
		}
		return f, err
	}
	return nil, nil
}

// selection is a parsed selection of groups: a field, and the values that it has or has not.
type selection struct {
	field  string
	not    bool
	values []string
}

// parseSelection reads selection criteria, as in `LogGroupName NOT IN ["a", "b"]`.
func parseSelection(text string) (selection, error) {
	invalid := api.NewInvalidParameterException("Invalid selection criteria: %s", text)
	var sel selection
	field, rest, ok := strings.Cut(strings.TrimSpace(text), " ")
	if !ok {
		return sel, invalid
	}
	sel.field = field
	if rest = strings.TrimSpace(rest); strings.HasPrefix(rest, "NOT ") {
		sel.not, rest = true, strings.TrimSpace(rest[len("NOT "):])
	}
	switch {
	case strings.HasPrefix(rest, "IN"):
		if err := json.Unmarshal([]byte(rest[len("IN"):]), &sel.values); err != nil {
			return sel, invalid
		}
	case strings.HasPrefix(rest, "=") && !sel.not:
		var value string
		if err := json.Unmarshal([]byte(rest[1:]), &value); err != nil {
			return sel, invalid
		}
		sel.values = []string{value}
	default:
		return sel, invalid
	}
	return sel, nil
}

// selects tells whether the policy is in force for a group.
func (p *accountPolicy) selects(g *logGroup) (bool, error) {
	if p.Selection == "" {
		return true, nil
	}
	sel, err := parseSelection(p.Selection)
	if err != nil {
		return false, err
	}
	named := slices.ContainsFunc(sel.values, func(v string) bool {
		if sel.field == "LogGroupNamePrefix" {
			return strings.HasPrefix(g.Name, v)
		}
		return g.Name == v
	})
	return named != sel.not, nil
}

// describeAccountPolicies lists the policies of a type.
func (s *Service) describeAccountPolicies(call *aws.Call, in *api.DescribeAccountPoliciesInput) (*api.DescribeAccountPoliciesOutput, error) {
	of := store.K(call.Account, call.Region, string(in.PolicyType))
	if in.PolicyName != nil {
		of = of.With(*in.PolicyName)
	}
	l := listTable(accountPolicies, store.Range{Prefix: of}, nil, in.NextToken)
	own := in.AccountIdentifiers == nil || slices.Contains(in.AccountIdentifiers, call.Account)
	l.wanted = func(*accountPolicy) bool { return own }
	found, next, err := l.page(s, call)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeAccountPoliciesOutput{AccountPolicies: make([]api.AccountPolicy, len(found)), NextToken: next}
	for i, p := range found {
		out.AccountPolicies[i] = p.describe()
	}
	return out, nil
}

func (p *accountPolicy) describe() api.AccountPolicy {
	shown := api.AccountPolicy{
		PolicyName: &p.Name, PolicyDocument: &p.Document, PolicyType: &p.Type, LastUpdatedTime: new(p.Updated.UnixMilli()),
		Scope: new(api.ScopeAll), AccountID: &p.Account,
	}
	if p.Selection != "" {
		shown.SelectionCriteria = &p.Selection
	}
	return shown
}

// deleteAccountPolicy removes a policy.
func (s *Service) deleteAccountPolicy(call *aws.Call, in *api.DeleteAccountPolicyInput) (*api.DeleteAccountPolicyOutput, error) {
	err := s.DB.Update(call, func(tx *store.Tx) error {
		existed, err := accountPolicies.Delete(tx, store.K(call.Account, call.Region, string(in.PolicyType), in.PolicyName))
		if err != nil {
			return err
		}
		if !existed {
			return api.NewResourceNotFoundException("The specified account policy does not exist.")
		}
		return watchAll(tx, call.Account, call.Region)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteAccountPolicyOutput{}, nil
}

// accountProtects tells whether a data protection policy is in force for all of the caller's groups.
func accountProtects(tx *store.Tx, call *aws.Call) (bool, error) {
	for _, err := range accountPoliciesOf(tx, call.Account, call.Region, api.PolicyTypeDataProtectionPolicy) {
		return err == nil, err
	}
	return false, nil
}
