package codecommit

import (
	"errors"
	"strconv"
	"time"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/store"
)

// pullRequest asks for a branch to be merged into another of the same repository.
type pullRequest struct {
	Account, Region string
	// Number is the id, counted up in the account and region.
	Number       int64
	RepositoryID string
	Title        string
	Description  string
	AuthorARN    string
	Token        string
	Status       api.PullRequestStatusEnum
	// Created is when it was made, Activity when something last happened to it.
	Created, Activity time.Time
	// Source and Destination are the full names of the branches, the commits are their tips: as long as the pull request
	// is open, those that the branches have now.
	Source, Destination                        string
	SourceCommit, DestinationCommit, MergeBase string
	// Revision changes with the source's tip, so that approvals count for what was seen.
	Revision string
	Merged   merged
	Rules    []approvalRule
	// Events counts the rows of events.
	Events int64
}

// merged is how a pull request was merged; the zero value is that it was not.
type merged struct {
	By     string
	Commit string
	Option api.MergeOptionTypeEnum
}

var (
	pullsByRepository = store.NewIndex("repository", func(p *pullRequest) []store.Key {
		return []store.Key{store.K(p.RepositoryID, p.Number)}
	})
	pullsByStatus = store.NewIndex("status", func(p *pullRequest) []store.Key {
		return []store.Key{store.K(p.RepositoryID, string(p.Status), p.Number)}
	})
	pullsByAuthor = store.NewIndex("author", func(p *pullRequest) []store.Key {
		return []store.Key{store.K(p.RepositoryID, p.AuthorARN, p.Number)}
	})
	pullsByAuthorAndStatus = store.NewIndex("author-status", func(p *pullRequest) []store.Key {
		return []store.Key{store.K(p.RepositoryID, p.AuthorARN, string(p.Status), p.Number)}
	})
	// pullsByBranch finds the open pull requests that a branch is part of.
	pullsByBranch = store.NewIndex("branch", func(p *pullRequest) []store.Key {
		if p.Status != api.PullRequestStatusEnumOpen {
			return nil
		}
		return []store.Key{store.K(p.RepositoryID, p.Source), store.K(p.RepositoryID, p.Destination)}
	})
	pullsByToken = store.NewIndex("token", func(p *pullRequest) []store.Key {
		if p.Token == "" {
			return nil
		}
		return []store.Key{store.K(p.Account, p.Region, p.AuthorARN, p.Token)}
	})
	pullRequests = store.NewTable("codecommit/pullrequest", func(p *pullRequest) store.Key { return store.K(p.Account, p.Region, p.Number) },
		pullsByRepository, pullsByStatus, pullsByAuthor, pullsByAuthorAndStatus, pullsByBranch, pullsByToken)
)

// counter holds the last id of an account and region's pull requests.
type counter struct {
	Account, Region string
	PullRequests    int64
}

var counters = store.NewTable("codecommit/counter", func(c *counter) store.Key { return store.K(c.Account, c.Region) })

func (p *pullRequest) id() string { return strconv.FormatInt(p.Number, 10) }

func (p *pullRequest) open() bool { return p.Status == api.PullRequestStatusEnumOpen }

// show is the pull request as the API shows it.
func (p *pullRequest) show(row *repository) *api.PullRequest {
	target := api.PullRequestTarget{
		RepositoryName: &row.Name, SourceReference: &p.Source, DestinationReference: &p.Destination, SourceCommit: &p.SourceCommit,
		DestinationCommit: &p.DestinationCommit, MergeMetadata: p.Merged.show(),
	}
	if p.MergeBase != "" {
		target.MergeBase = &p.MergeBase
	}
	shown := &api.PullRequest{
		PullRequestID: new(p.id()), Title: &p.Title, CreationDate: &p.Created, LastActivityDate: &p.Activity, PullRequestStatus: &p.Status,
		AuthorARN: &p.AuthorARN, PullRequestTargets: []api.PullRequestTarget{target}, ClientRequestToken: &p.Token, RevisionID: &p.Revision,
		ApprovalRules: []api.ApprovalRule{},
	}
	if p.Description != "" {
		shown.Description = &p.Description
	}
	for i := range p.Rules {
		shown.ApprovalRules = append(shown.ApprovalRules, p.Rules[i].show())
	}
	return shown
}

func (m merged) show() *api.MergeMetadata {
	shown := &api.MergeMetadata{IsMerged: new(m.By != "")}
	if m.By != "" {
		shown.MergedBy, shown.MergeOption = &m.By, &m.Option
	}
	if m.Commit != "" {
		shown.MergeCommitID = &m.Commit
	}
	return shown
}

func noPullRequest(id string) error {
	return api.NewPullRequestDoesNotExistException("The pull request ID could not be found: %.50s. Make sure that you have specified the correct "+
		"repository name and pull request ID, and then try again.", id)
}

func pullRequestClosed() error {
	return api.NewPullRequestAlreadyClosedException("The pull request status cannot be updated because it is already closed.")
}

func pullRequestNumber(id string) (int64, error) {
	if id == "" {
		return 0, api.NewPullRequestIDRequiredException("A pull request ID is required, but none was provided.")
	}
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil || number < 1 || strconv.FormatInt(number, 10) != id {
		return 0, api.NewInvalidPullRequestIDException("The pull request ID is not valid: %.50s. Make sure that you have provided the full ID and that "+
			"the pull request is in the specified repository, and then try again.", id)
	}
	return number, nil
}

// getPull returns a pull request and its repository.
func getPull(tx *store.Tx, call *aws.Call, number int64) (*pullRequest, *repository, error) {
	p, err := pullRequests.Get(tx, store.K(call.Account, call.Region, number))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, noPullRequest(strconv.FormatInt(number, 10))
	}
	if err != nil {
		return nil, nil, err
	}
	row, err := repositoriesByID.First(tx, store.K(p.RepositoryID))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, noPullRequest(p.id())
	}
	return p, row, err
}

// pull finds the pull request that a request is about, and decides whether the caller may do what was asked for in its
// repository, which the request need not name.
func (s *Service) pull(call *aws.Call, id string) (p *pullRequest, row *repository, err error) {
	number, err := pullRequestNumber(id)
	if err != nil {
		return nil, nil, err
	}
	err = s.DB.View(call, func(tx *store.Tx) (err error) {
		p, row, err = getPull(tx, call, number)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return p, row, authorize(call, row, "")
}

// authorize decides whether the caller may carry out the operation in a repository, and on one of its references.
func authorize(call *aws.Call, row *repository, ref string) error {
	check := aws.Check{Action: "codecommit:" + call.Operation.Name, Resource: row.arn()}
	if ref != "" {
		check.Keys = map[string][]string{"codecommit:References": {ref}}
	}
	return call.Cloud.Authorize(call, check)
}

// updatePull changes a pull request that is open.
func (s *Service) updatePull(call *aws.Call, id string, do func(tx *store.Tx, p *pullRequest) error) (*api.PullRequest, error) {
	p, row, err := s.pull(call, id)
	if err != nil {
		return nil, err
	}
	err = s.DB.Update(call, func(tx *store.Tx) error {
		if p, row, err = getPull(tx, call, p.Number); err != nil {
			return err
		}
		if !p.open() {
			return pullRequestClosed()
		}
		if err := do(tx, p); err != nil {
			return err
		}
		p.Activity = call.Now()
		return pullRequests.Put(tx, p)
	})
	if err != nil {
		return nil, err
	}
	return p.show(row), nil
}

func (s *Service) getPullRequest(call *aws.Call, in *api.GetPullRequestInput) (*api.GetPullRequestOutput, error) {
	p, row, err := s.pull(call, in.PullRequestID)
	if err != nil {
		return nil, err
	}
	return &api.GetPullRequestOutput{PullRequest: *p.show(row)}, nil
}

// listPullRequests lists the ids of a repository's pull requests, the newest first, in pages.
func (s *Service) listPullRequests(call *aws.Call, in *api.ListPullRequestsInput) (*api.ListPullRequestsOutput, error) {
	limit, err := resultsOf(in.MaxResults, pullsPage)
	if err != nil {
		return nil, err
	}
	switch deref(in.PullRequestStatus) {
	case "", api.PullRequestStatusEnumOpen, api.PullRequestStatusEnumClosed:
	default:
		return nil, invalidPullStatus()
	}
	if in.AuthorARN != nil {
		if _, err := aws.ParseARN(*in.AuthorARN); err != nil {
			return nil, api.NewInvalidAuthorARNException("The Amazon Resource Name (ARN) is not valid. Make sure that you have provided the full ARN for the " +
				"author of the pull request, and then try again.")
		}
	}
	row, err := s.row(call, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	index, prefix := pullsByRepository, store.K(row.ID)
	switch {
	case in.AuthorARN != nil && in.PullRequestStatus != nil:
		index, prefix = pullsByAuthorAndStatus, store.K(row.ID, *in.AuthorARN, string(*in.PullRequestStatus))
	case in.AuthorARN != nil:
		index, prefix = pullsByAuthor, store.K(row.ID, *in.AuthorARN)
	case in.PullRequestStatus != nil:
		index, prefix = pullsByStatus, store.K(row.ID, string(*in.PullRequestStatus))
	}
	r := store.Range{Prefix: prefix, Reverse: true}
	if token := deref(in.NextToken); token != "" {
		last, err := decodeNumber(token)
		if err != nil {
			return nil, err
		}
		r.To = prefix.With(last)
	}
	out := &api.ListPullRequestsOutput{PullRequestIDs: []string{}}
	err = s.DB.View(call, func(tx *store.Tx) error {
		for p, err := range index.Scan(tx, r) {
			if err != nil {
				return err
			}
			if len(out.PullRequestIDs) == limit {
				out.NextToken = new(aws.EncodePageToken(out.PullRequestIDs[limit-1]))
				return nil
			}
			out.PullRequestIDs = append(out.PullRequestIDs, p.id())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// decodeNumber reads a page token that holds a number.
func decodeNumber(token string) (int64, error) {
	parts, err := aws.DecodePageToken(token, 1)
	if err != nil {
		return 0, invalidToken()
	}
	n, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil {
		return 0, invalidToken()
	}
	return n, nil
}

// resultsOf is the size of a page; most is also the default.
func resultsOf(given *int32, most int) (int, error) {
	return limitOf(given, most, api.NewInvalidMaxResultsException("The specified number of maximum results is not valid."))
}

func (s *Service) updatePullRequestTitle(call *aws.Call, in *api.UpdatePullRequestTitleInput) (*api.UpdatePullRequestTitleOutput, error) {
	if err := checkTitle(in.Title); err != nil {
		return nil, err
	}
	shown, err := s.updatePull(call, in.PullRequestID, func(_ *store.Tx, p *pullRequest) error {
		p.Title = in.Title
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdatePullRequestTitleOutput{PullRequest: *shown}, nil
}

func (s *Service) updatePullRequestDescription(call *aws.Call, in *api.UpdatePullRequestDescriptionInput) (*api.UpdatePullRequestDescriptionOutput, error) {
	if err := checkPullDescription(in.Description); err != nil {
		return nil, err
	}
	shown, err := s.updatePull(call, in.PullRequestID, func(_ *store.Tx, p *pullRequest) error {
		p.Description = in.Description
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdatePullRequestDescriptionOutput{PullRequest: *shown}, nil
}

func invalidPullStatus() error {
	return api.NewInvalidPullRequestStatusException("The pull request status is not valid. The only valid values are OPEN and CLOSED.")
}

// updatePullRequestStatus closes a pull request without merging it.
func (s *Service) updatePullRequestStatus(call *aws.Call, in *api.UpdatePullRequestStatusInput) (*api.UpdatePullRequestStatusOutput, error) {
	invalid := api.NewInvalidPullRequestStatusUpdateException("The pull request status update is not valid. The only valid update is from OPEN to CLOSED.")
	switch in.PullRequestStatus {
	case "":
		return nil, api.NewPullRequestStatusRequiredException("A pull request status is required, but none was provided.")
	case api.PullRequestStatusEnumClosed, api.PullRequestStatusEnumOpen:
	default:
		return nil, invalidPullStatus()
	}
	shown, err := s.updatePull(call, in.PullRequestID, func(tx *store.Tx, p *pullRequest) error {
		if in.PullRequestStatus == api.PullRequestStatusEnumOpen {
			return invalid
		}
		row, err := repositoriesByID.First(tx, store.K(p.RepositoryID))
		if err != nil {
			return err
		}
		if err := p.close(tx, row, call.Principal.ARN, call.Now()); err != nil {
			return err
		}
		return repositories.Put(tx, row)
	})
	if aws.IsError(err, "PullRequestAlreadyClosedException") {
		err = invalid
	}
	if err != nil {
		return nil, err
	}
	return &api.UpdatePullRequestStatusOutput{PullRequest: *shown}, nil
}
