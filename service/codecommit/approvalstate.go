package codecommit

import (
	"errors"
	"regexp"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/store"
)

var revisionID = regexp.MustCompile(`^[0-9a-f]{64}$`)

func checkRevision(id string) error {
	if id == "" {
		return api.NewRevisionIDRequiredException("A revision ID is required, but was not provided.")
	}
	if !revisionID.MatchString(id) {
		return api.NewInvalidRevisionIDException("The revision ID is not valid. Use GetPullRequest to determine the value.")
	}
	return nil
}

// current refuses a revision that is not the one the pull request is at.
func (p *pullRequest) current(revision string) error {
	if p.Revision != revision {
		return api.NewRevisionNotCurrentException("The revision ID provided in the request does not match the current revision ID. Use GetPullRequest to " +
			"retrieve the current revision ID.")
	}
	return nil
}

// updatePullRequestApprovalState gives or takes back the caller's approval of a revision.
func (s *Service) updatePullRequestApprovalState(call *aws.Call, in *api.UpdatePullRequestApprovalStateInput) (*api.UpdatePullRequestApprovalStateOutput, error) {
	if err := checkRevision(in.RevisionID); err != nil {
		return nil, err
	}
	switch in.ApprovalState {
	case api.ApprovalStateApprove, api.ApprovalStateRevoke:
	case "":
		return nil, api.NewApprovalStateRequiredException("An approval state is required, but was not specified.")
	default:
		return nil, api.NewInvalidApprovalStateException("The state for the approval is not valid. Valid values include APPROVE and REVOKE.")
	}
	_, err := s.updatePull(call, in.PullRequestID, func(tx *store.Tx, p *pullRequest) error {
		if err := p.current(in.RevisionID); err != nil {
			return err
		}
		a := &approval{
			Account: p.Account, Region: p.Region, Number: p.Number, Revision: p.Revision, UserARN: call.Principal.ARN, Given: call.Now(),
		}
		if in.ApprovalState == api.ApprovalStateRevoke {
			if _, err := approvals.Delete(tx, approvals.Key(a)); err != nil {
				return err
			}
		} else if err := p.approve(tx, a); err != nil {
			return err
		}
		return p.record(tx, pullEvent{
			Type: api.PullRequestEventTypePullRequestApprovalStateChanged, Actor: a.UserARN, Time: call.Now(), Revision: p.Revision, Approval: in.ApprovalState,
		})
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdatePullRequestApprovalStateOutput{}, nil
}

func (p *pullRequest) approve(tx *store.Tx, a *approval) error {
	if p.AuthorARN == a.UserARN {
		return api.NewPullRequestCannotBeApprovedByAuthorException("The approval cannot be applied because the user approving the pull request matches the " +
			"user who created the pull request. You cannot approve a pull request that you created.")
	}
	users, err := p.approvers(tx, p.Revision)
	if err != nil {
		return err
	}
	if len(users) >= maxApprovals {
		return api.NewMaximumNumberOfApprovalsExceededException("The number of approvals required for the approval rule exceeds the maximum number allowed.")
	}
	return approvals.Put(tx, a)
}

// getPullRequestApprovalStates lists who approved a revision.
func (s *Service) getPullRequestApprovalStates(call *aws.Call, in *api.GetPullRequestApprovalStatesInput) (*api.GetPullRequestApprovalStatesOutput, error) {
	if err := checkRevision(in.RevisionID); err != nil {
		return nil, err
	}
	p, _, err := s.pull(call, in.PullRequestID)
	if err != nil {
		return nil, err
	}
	out := &api.GetPullRequestApprovalStatesOutput{Approvals: []api.Approval{}}
	err = s.DB.View(call, func(tx *store.Tx) error {
		users, err := p.approvers(tx, in.RevisionID)
		for _, user := range users {
			out.Approvals = append(out.Approvals, api.Approval{UserARN: &user, ApprovalState: new(api.ApprovalStateApprove)})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// evaluatePullRequestApprovalRules tells how the current revision stands with the rules.
func (s *Service) evaluatePullRequestApprovalRules(call *aws.Call, in *api.EvaluatePullRequestApprovalRulesInput) (*api.EvaluatePullRequestApprovalRulesOutput, error) {
	if err := checkRevision(in.RevisionID); err != nil {
		return nil, err
	}
	p, _, err := s.pull(call, in.PullRequestID)
	if err != nil {
		return nil, err
	}
	if err := p.current(in.RevisionID); err != nil {
		return nil, err
	}
	var e *evaluation
	err = s.DB.View(call, func(tx *store.Tx) (err error) {
		e, err = p.evaluate(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.EvaluatePullRequestApprovalRulesOutput{Evaluation: api.Evaluation{
		Approved: new(e.approved()), Overridden: new(e.overrider != ""), ApprovalRulesSatisfied: e.satisfied, ApprovalRulesNotSatisfied: e.unsatisfied,
	}}, nil
}

// overridePullRequestApprovalRules sets the rules of the current revision aside, or takes that back.
func (s *Service) overridePullRequestApprovalRules(call *aws.Call, in *api.OverridePullRequestApprovalRulesInput) (*api.OverridePullRequestApprovalRulesOutput, error) {
	if err := checkRevision(in.RevisionID); err != nil {
		return nil, err
	}
	switch in.OverrideStatus {
	case api.OverrideStatusOverride, api.OverrideStatusRevoke:
	case "":
		return nil, api.NewOverrideStatusRequiredException("An override status is required, but no value was provided. Valid values include OVERRIDE and REVOKE.")
	default:
		return nil, api.NewInvalidOverrideStatusException("The override status is not valid. Valid statuses are OVERRIDE and REVOKE.")
	}
	_, err := s.updatePull(call, in.PullRequestID, func(tx *store.Tx, p *pullRequest) error {
		if err := p.current(in.RevisionID); err != nil {
			return err
		}
		o := &override{Account: p.Account, Region: p.Region, Number: p.Number, Revision: p.Revision, By: call.Principal.ARN}
		set, err := overrides.Has(tx, overrides.Key(o))
		switch {
		case err != nil:
			return err
		case in.OverrideStatus == api.OverrideStatusRevoke:
			_, err = overrides.Delete(tx, overrides.Key(o))
		case set:
			return api.NewOverrideAlreadySetException("The pull request has already had its approval rules set to override.")
		default:
			err = overrides.Put(tx, o)
		}
		if err != nil {
			return err
		}
		return p.record(tx, pullEvent{
			Type: api.PullRequestEventTypePullRequestApprovalRuleOverridden, Actor: o.By, Time: call.Now(), Revision: p.Revision, Override: in.OverrideStatus,
		})
	})
	if err != nil {
		return nil, err
	}
	return &api.OverridePullRequestApprovalRulesOutput{}, nil
}

func (s *Service) getPullRequestOverrideState(call *aws.Call, in *api.GetPullRequestOverrideStateInput) (*api.GetPullRequestOverrideStateOutput, error) {
	if err := checkRevision(in.RevisionID); err != nil {
		return nil, err
	}
	p, _, err := s.pull(call, in.PullRequestID)
	if err != nil {
		return nil, err
	}
	out := &api.GetPullRequestOverrideStateOutput{Overridden: new(false)}
	err = s.DB.View(call, func(tx *store.Tx) error {
		set, err := overrides.Get(tx, store.K(p.Account, p.Region, p.Number, in.RevisionID))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil {
			out.Overridden, out.Overrider = new(true), &set.By
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
