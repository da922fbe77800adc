package codecommit

import (
	"slices"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/store"
)

func checkRuleName(name string) error {
	if name == "" {
		return api.NewApprovalRuleNameRequiredException("An approval rule name is required, but was not specified.")
	}
	if !validRuleName(name) {
		return api.NewInvalidApprovalRuleNameException("The name for the approval rule is not valid: %.100s", name)
	}
	return nil
}

func checkRuleContent(content string) error {
	if content == "" {
		return api.NewApprovalRuleContentRequiredException("The content for the approval rule is empty. You must provide some content for an approval " +
			"rule. The content cannot be null.")
	}
	if _, err := parseRule(content, false); err != nil {
		return api.NewInvalidApprovalRuleContentException("The content for the approval rule is not valid: %v.", err)
	}
	return nil
}

func (p *pullRequest) rule(name string) int {
	return slices.IndexFunc(p.Rules, func(r approvalRule) bool { return r.Name == name })
}

// recordRule adds the event of a change of a rule.
func (p *pullRequest) recordRule(tx *store.Tx, call *aws.Call, kind api.PullRequestEventType, r *approvalRule) error {
	return p.record(tx, pullEvent{
		Type: kind, Actor: call.Principal.ARN, Time: call.Now(), RuleName: r.Name, RuleID: r.ID, RuleContent: r.Content,
	})
}

// createPullRequestApprovalRule adds a rule to an open pull request.
func (s *Service) createPullRequestApprovalRule(call *aws.Call, in *api.CreatePullRequestApprovalRuleInput) (*api.CreatePullRequestApprovalRuleOutput, error) {
	if err := checkRuleName(in.ApprovalRuleName); err != nil {
		return nil, err
	}
	if err := checkRuleContent(in.ApprovalRuleContent); err != nil {
		return nil, err
	}
	rule := approvalRule{
		ID: call.NewUUID(), Name: in.ApprovalRuleName, Content: in.ApprovalRuleContent, Created: call.Now(), Modified: call.Now(),
		ModifiedBy: call.Principal.ARN,
	}
	_, err := s.updatePull(call, in.PullRequestID, func(tx *store.Tx, p *pullRequest) error {
		if p.rule(rule.Name) >= 0 {
			return api.NewApprovalRuleNameAlreadyExistsException("An approval rule with that name already exists. Approval rule names must be unique within " +
				"the scope of a pull request.")
		}
		if len(p.Rules) >= maxRules {
			return api.NewNumberOfRulesExceededException("The approval rule cannot be added. The pull request has the maximum number of approval rules " +
				"associated with it.")
		}
		p.Rules = append(p.Rules, rule)
		return p.recordRule(tx, call, api.PullRequestEventTypePullRequestApprovalRuleCreated, &rule)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreatePullRequestApprovalRuleOutput{ApprovalRule: rule.show()}, nil
}

// updatePullRequestApprovalRuleContent changes what a rule demands, unless it came from a template.
func (s *Service) updatePullRequestApprovalRuleContent(call *aws.Call, in *api.UpdatePullRequestApprovalRuleContentInput) (*api.UpdatePullRequestApprovalRuleContentOutput, error) {
	if err := checkRuleName(in.ApprovalRuleName); err != nil {
		return nil, err
	}
	if err := checkRuleContent(in.NewRuleContent); err != nil {
		return nil, err
	}
	var rule approvalRule
	_, err := s.updatePull(call, in.PullRequestID, func(tx *store.Tx, p *pullRequest) error {
		i := p.rule(in.ApprovalRuleName)
		if i < 0 {
			return api.NewApprovalRuleDoesNotExistException("The specified approval rule does not exist: %s", in.ApprovalRuleName)
		}
		if p.Rules[i].TemplateID != "" {
			return api.NewCannotModifyApprovalRuleFromTemplateException("The approval rule cannot be modified for the pull request because it was created by " +
				"an approval rule template and applied to the pull request automatically.")
		}
		if in.ExistingRuleContentSha256 != nil && *in.ExistingRuleContentSha256 != contentSum(p.Rules[i].Content) {
			return invalidSum()
		}
		p.Rules[i].Content, p.Rules[i].Modified, p.Rules[i].ModifiedBy = in.NewRuleContent, call.Now(), call.Principal.ARN
		rule = p.Rules[i]
		return p.recordRule(tx, call, api.PullRequestEventTypePullRequestApprovalRuleUpdated, &rule)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdatePullRequestApprovalRuleContentOutput{ApprovalRule: rule.show()}, nil
}

func invalidSum() error {
	return api.NewInvalidRuleContentSha256Exception("The SHA-256 hash signature for the rule content is not valid.")
}

// deletePullRequestApprovalRule removes a rule, unless it came from a template. One that is not there is no error: the
// answer names none then.
func (s *Service) deletePullRequestApprovalRule(call *aws.Call, in *api.DeletePullRequestApprovalRuleInput) (*api.DeletePullRequestApprovalRuleOutput, error) {
	if err := checkRuleName(in.ApprovalRuleName); err != nil {
		return nil, err
	}
	out := &api.DeletePullRequestApprovalRuleOutput{}
	_, err := s.updatePull(call, in.PullRequestID, func(tx *store.Tx, p *pullRequest) error {
		out.ApprovalRuleID = ""
		i := p.rule(in.ApprovalRuleName)
		if i < 0 {
			return nil
		}
		rule := p.Rules[i]
		if rule.TemplateID != "" {
			return api.NewCannotDeleteApprovalRuleFromTemplateException("The approval rule cannot be deleted from the pull request because it was created by " +
				"an approval rule template and applied to the pull request automatically.")
		}
		out.ApprovalRuleID = rule.ID
		p.Rules = slices.Delete(p.Rules, i, i+1)
		return p.recordRule(tx, call, api.PullRequestEventTypePullRequestApprovalRuleDeleted, &rule)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
