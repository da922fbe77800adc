package iam

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/policy"
	"drydock/store"
)

// simulation is a question to the policy simulator.
type simulation struct {
	principal          *aws.Principal
	identity, boundary []policy.Source
	resource           []policy.Source
	owner              string // the account that owns the resources; empty: as their ARNs say
	actions, resources []string
	context            policy.Map
}

// What the service calls the policies that matched. The API's model lists other words, which it does not use.
const (
	sourceIdentity api.PolicySourceType = "IAM Policy"
	sourceBoundary api.PolicySourceType = "IAM Permissions Boundary Policy"
	sourceResource api.PolicySourceType = "Resource Policy"
)

// simulateCustomPolicy evaluates policies that no one has.
func (s *Service) simulateCustomPolicy(call *aws.Call, in *api.SimulateCustomPolicyInput) (*api.SimulateCustomPolicyOutput, error) {
	sim := simulation{principal: &aws.Principal{Type: aws.PrincipalUser, Account: call.Account}, context: policy.Map{}}
	l, err := sim.run(&api.SimulatePrincipalPolicyInput{
		PolicyInputList: in.PolicyInputList, PermissionsBoundaryPolicyInputList: in.PermissionsBoundaryPolicyInputList,
		ActionNames: in.ActionNames, ResourceARNs: in.ResourceARNs, ResourcePolicy: in.ResourcePolicy, ResourceOwner: in.ResourceOwner,
		CallerARN: in.CallerARN, ContextEntries: in.ContextEntries, Marker: in.Marker, MaxItems: in.MaxItems,
	})
	if err != nil {
		return nil, err
	}
	return &api.SimulateCustomPolicyOutput{EvaluationResults: l.items, IsTruncated: l.truncated(), Marker: l.marker}, nil
}

// simulatePrincipalPolicy evaluates the policies of a user, group or role, and further ones with them.
func (s *Service) simulatePrincipalPolicy(call *aws.Call, in *api.SimulatePrincipalPolicyInput) (*api.SimulatePrincipalPolicyOutput, error) {
	e, h, err := s.policySource(call, in.PolicySourceARN)
	if err != nil {
		return nil, err
	}
	sim := simulation{identity: h.identity, boundary: h.boundary, principal: simulated(e), context: simulatedContext(call, e)}
	l, err := sim.run(in)
	if err != nil {
		return nil, err
	}
	return &api.SimulatePrincipalPolicyOutput{EvaluationResults: l.items, IsTruncated: l.truncated(), Marker: l.marker}, nil
}

// policySource returns the entity with an ARN and what it holds.
func (s *Service) policySource(call *aws.Call, arn string) (e *entity, h *holding, err error) {
	if a, err := aws.ParseARN(arn); err != nil || a.Service != "iam" {
		return nil, nil, api.NewInvalidInputException("Invalid Entity Arn: %s", arn)
	}
	err = s.DB.View(call, func(tx *store.Tx) error {
		if e, err = findPrincipal(tx, arn); err != nil {
			return err
		}
		if e == nil || e.Account != call.Account {
			return api.NewNoSuchEntityException("The entity %s cannot be found.", arn)
		}
		mark, err := markOf(tx, call.Account)
		if err != nil {
			return err
		}
		h, err = s.collect(tx, mark, e)
		return err
	})
	return e, h, err
}

// simulated is the caller that a simulation of an entity's policies supposes.
func simulated(e *entity) *aws.Principal {
	p := e.principal()
	switch e.Kind {
	case roleKind:
		p.Type, p.RoleARN = aws.PrincipalAssumedRole, p.ARN
	case groupKind:
		p = aws.Principal{Type: aws.PrincipalUser, Account: e.Account}
	case userKind:
	}
	return &p
}

// simulatedContext are the condition keys that follow from who the caller is and when.
func simulatedContext(call *aws.Call, e *entity) policy.Map {
	keys := policy.Map{
		"aws:currenttime":      {call.Now().Format("2006-01-02T15:04:05Z")},
		"aws:epochtime":        {strconv.FormatInt(call.Now().Unix(), 10)},
		"aws:principalaccount": {e.Account},
	}
	if e.Kind == groupKind {
		return keys
	}
	keys["aws:principalarn"], keys["aws:userid"] = []string{e.arn()}, []string{e.ID}
	if e.Kind == userKind {
		keys["aws:username"], keys["aws:principaltype"] = []string{e.Name}, []string{string(aws.PrincipalUser)}
	} else {
		keys["aws:principaltype"] = []string{string(aws.PrincipalAssumedRole)}
	}
	for k, v := range e.Tags {
		keys["aws:principaltag/"+strings.ToLower(k)] = []string{v}
	}
	return keys
}

// run fills in what the request gives and evaluates every action on every resource.
func (sim *simulation) run(in *api.SimulatePrincipalPolicyInput) (l listing[api.EvaluationResult], err error) {
	p, err := newPage(in.Marker, in.MaxItems)
	if err != nil {
		return l, err
	}
	if err := sim.complete(in); err != nil {
		return l, err
	}
	var positions []string
	for i := range len(sim.actions) * len(sim.resources) {
		positions = append(positions, fmt.Sprintf("%08d", i))
	}
	at := cut(p, positions, func(s string) string { return s })
	l.marker, l.items = at.marker, []api.EvaluationResult{}
	for _, position := range at.items {
		i, err := strconv.Atoi(position)
		if err != nil {
			return l, fmt.Errorf("position of a simulation: %w", err)
		}
		l.items = append(l.items, sim.evaluate(sim.actions[i/len(sim.resources)], sim.resources[i%len(sim.resources)]))
	}
	return l, nil
}

// complete adds the request's policies, context and resources.
func (sim *simulation) complete(in *api.SimulatePrincipalPolicyInput) error {
	more, err := inputPolicies(policy.KindInline, "PolicyInputList", in.PolicyInputList)
	if err != nil {
		return err
	}
	sim.identity = slices.Concat(sim.identity, more)
	if len(in.PermissionsBoundaryPolicyInputList) > 0 {
		sim.boundary, err = inputPolicies(policy.KindInline, "PermissionsBoundaryPolicyInputList", in.PermissionsBoundaryPolicyInputList)
		if err != nil {
			return err
		}
	}
	if in.CallerARN != nil {
		a, err := aws.ParseARN(*in.CallerARN)
		if err != nil || a.Service != "iam" || !strings.HasPrefix(a.Resource, "user/") {
			return api.NewInvalidInputException("Invalid Caller Arn: %s", *in.CallerARN)
		}
		sim.principal = &aws.Principal{Type: aws.PrincipalUser, Account: a.Account, ARN: *in.CallerARN, Name: lastName(a.Resource), ID: sim.principal.ID}
	}
	if in.ResourcePolicy != nil {
		if sim.principal.ARN == "" {
			return api.NewInvalidInputException("A CallerArn is required when a ResourcePolicy is given.")
		}
		if sim.resource, err = inputPolicies(policy.KindResource, "ResourcePolicy", []string{*in.ResourcePolicy}); err != nil {
			return err
		}
	}
	if in.ResourceOwner != nil {
		a, err := aws.ParseARN(*in.ResourceOwner)
		if err != nil || !aws.ValidAccount(a.Account) {
			return api.NewInvalidInputException("Invalid Resource Owner: %s", *in.ResourceOwner)
		}
		sim.owner = a.Account
	}
	for _, entry := range in.ContextEntries {
		if entry.ContextKeyName != nil {
			sim.context[strings.ToLower(*entry.ContextKeyName)] = entry.ContextKeyValues
		}
	}
	for _, action := range in.ActionNames {
		if service, name, ok := strings.Cut(action, ":"); !ok || service == "" || name == "" {
			return api.NewInvalidInputException("Invalid Content Action Name: %s", action)
		}
	}
	sim.actions, sim.resources = in.ActionNames, in.ResourceARNs
	if len(sim.resources) == 0 {
		sim.resources = []string{"*"}
	}
	return nil
}

// inputPolicies parses policies that a request brings along.
func inputPolicies(k policy.Kind, list string, texts []string) ([]policy.Source, error) {
	sources := make([]policy.Source, 0, len(texts))
	for i, text := range texts {
		doc, err := policy.Parse(k, text)
		if err != nil {
			if m, ok := errors.AsType[*policy.Malformed](err); ok {
				return nil, api.NewInvalidInputException("Invalid Content %s.%d: %s", list, i+1, m.Message)
			}
			return nil, err
		}
		sources = append(sources, policy.Source{Name: fmt.Sprintf("%s.%d", list, i+1), Document: doc})
	}
	return sources, nil
}

// evaluate decides one action on one resource.
func (sim *simulation) evaluate(action, resource string) api.EvaluationResult {
	request := policy.Request{
		Principal: sim.principal, Action: action, Resource: resource, ResourceAccount: sim.owner, Context: sim.context,
		Identity: sim.identity, Boundary: sim.boundary, ResourcePolicies: sim.resource, Explain: true,
	}
	d := policy.Evaluate(&request)
	result := api.EvaluationResult{
		EvalActionName: action, EvalResourceName: &resource, EvalDecision: api.PolicyEvaluationDecisionType(d.Reason),
		MatchedStatements: []api.Statement{}, MissingContextValues: sim.missing(d.Considered),
	}
	for _, c := range d.Considered {
		if !c.Matched {
			continue
		}
		typ := sourceIdentity
		if c.Type == policy.TypeBoundary {
			typ = sourceBoundary
		} else if c.Type == policy.TypeResource {
			typ = sourceResource
		}
		start, end := c.Statement.Start, c.Statement.End
		result.MatchedStatements = append(result.MatchedStatements, api.Statement{
			SourcePolicyID: new(lastName(c.Source)), SourcePolicyType: &typ,
			StartPosition: &api.Position{Line: new(int32(start.Line)), Column: new(int32(start.Column))},
			EndPosition:   &api.Position{Line: new(int32(end.Line)), Column: new(int32(end.Column))},
		})
	}
	if len(sim.boundary) > 0 {
		request.Identity, request.Boundary, request.ResourcePolicies, request.ResourceAccount = sim.boundary, nil, nil, sim.principal.Account
		result.PermissionsBoundaryDecisionDetail = &api.PermissionsBoundaryDecisionDetail{
			AllowedByPermissionsBoundary: new(policy.Evaluate(&request).Allowed),
		}
	}
	return result
}

// missing lists the condition keys that the statements for the action ask for and nobody gave.
func (sim *simulation) missing(considered []policy.Considered) []string {
	missing := []string{}
	for _, c := range considered {
		if c.Why == actionMismatch {
			continue
		}
		for _, condition := range c.Statement.Conditions {
			if _, ok := sim.context[strings.ToLower(condition.Key)]; !ok {
				missing = append(missing, condition.Key)
			}
		}
	}
	slices.Sort(missing)
	return slices.Compact(missing)
}

// actionMismatch is what package policy says of a statement about other actions.
const actionMismatch = "action does not match"

// contextKeys are the condition keys in policies, sorted, each once.
func contextKeys(lists ...[]policy.Source) []string {
	found := map[string]string{}
	for _, sources := range lists {
		for _, source := range sources {
			if source.Document == nil {
				continue
			}
			for _, k := range source.Document.ContextKeys() {
				if _, ok := found[strings.ToLower(k)]; !ok {
					found[strings.ToLower(k)] = k
				}
			}
		}
	}
	keys := slices.AppendSeq(make([]string, 0, len(found)), maps.Values(found))
	slices.Sort(keys)
	return keys
}

func (s *Service) getContextKeysForCustomPolicy(_ *aws.Call, in *api.GetContextKeysForCustomPolicyInput) (*api.GetContextKeysForCustomPolicyOutput, error) {
	sources, err := inputPolicies(policy.KindInline, "PolicyInputList", in.PolicyInputList)
	if err != nil {
		return nil, err
	}
	return &api.GetContextKeysForCustomPolicyOutput{ContextKeyNames: contextKeys(sources)}, nil
}

func (s *Service) getContextKeysForPrincipalPolicy(call *aws.Call, in *api.GetContextKeysForPrincipalPolicyInput) (*api.GetContextKeysForPrincipalPolicyOutput, error) {
	sources, err := inputPolicies(policy.KindInline, "PolicyInputList", in.PolicyInputList)
	if err != nil {
		return nil, err
	}
	_, h, err := s.policySource(call, in.PolicySourceARN)
	if err != nil {
		return nil, err
	}
	return &api.GetContextKeysForPrincipalPolicyOutput{ContextKeyNames: contextKeys(h.identity, sources)}, nil
}
