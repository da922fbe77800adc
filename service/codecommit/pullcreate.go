package codecommit

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/engine/git"
	"drydock/store"
)

func checkTitle(title string) error {
	if title == "" {
		return api.NewTitleRequiredException("A pull request title is required. It cannot be empty or null.")
	}
	if utf8.RuneCountInString(title) > maxTitle {
		return api.NewInvalidTitleException("The title of the pull request is not valid. Pull request titles cannot exceed %d characters in length.", maxTitle)
	}
	return nil
}

func checkPullDescription(text string) error {
	if utf8.RuneCountInString(text) > maxPullDescription {
		return api.NewInvalidDescriptionException("The pull request description is not valid. Descriptions cannot be more than %d characters.", maxPullDescription)
	}
	return nil
}

func checkToken(token string) error {
	if len(token) > maxToken {
		return api.NewInvalidClientRequestTokenException("The client request token is not valid.")
	}
	return nil
}

func tokenReused() error {
	return api.NewIdempotencyParameterMismatchException("The client request token is not valid. Either the token is not in a valid format, or the token " +
		"has been used in a previous request and cannot be reused.")
}

// pullTarget checks the targets of a pull request and returns the only one, with the full names of its branches.
func pullTarget(targets []api.Target) (target api.Target, err error) {
	switch len(targets) {
	case 0:
		return target, api.NewTargetsRequiredException("An array of target objects is required. It cannot be empty or null.")
	case 1:
	default:
		for _, other := range targets[1:] {
			if other.RepositoryName != targets[0].RepositoryName {
				return target, api.NewMultipleRepositoriesInPullRequestException("You cannot include more than one repository in a pull request. Make " +
					"sure you have specified only one repository name in your request, and then try again.")
			}
		}
		return target, api.NewInvalidTargetsException("The targets for the pull request is not valid: a pull request has one target.")
	}
	target = targets[0]
	if err := checkRepositoryName(target.RepositoryName); err != nil {
		return target, err
	}
	if target.SourceReference, err = branchReference(target.SourceReference); err != nil {
		return target, err
	}
	if target.DestinationReference != nil {
		destination, err := branchReference(*target.DestinationReference)
		if err != nil {
			return target, err
		}
		target.DestinationReference = &destination
	}
	return target, nil
}

// branchReference is the full name of a branch that is given in full or by its name alone.
func branchReference(name string) (string, error) {
	full := name
	switch {
	case name == "":
		return "", api.NewReferenceNameRequiredException("A reference name is required, but none was provided.")
	case strings.HasPrefix(name, "refs/heads/"):
	case strings.HasPrefix(name, "refs/"):
		if git.ValidRefName(name) {
			return "", api.NewReferenceTypeNotSupportedException("The specified reference is not a supported type: %.300s", name)
		}
	default:
		full = "refs/heads/" + name
	}
	if !git.ValidRefName(full) {
		return "", api.NewInvalidReferenceNameException("The specified reference name format is not valid: %.300s. Reference names must conform to the "+
			"Git references format (for example, refs/heads/main).", name)
	}
	return full, nil
}

func noReference(name string) error {
	return api.NewReferenceDoesNotExistException("The specified reference does not exist: %.300s", name)
}

// tip returns the commit a branch is at, by its full name.
func tip(call *aws.Call, files *git.Repository, ref string) (git.ID, error) {
	at, err := files.Ref(call, ref)
	if errors.Is(err, git.ErrNotFound) {
		return "", noReference(ref)
	}
	return at.ID, err
}

// createPullRequest asks for a branch to be merged. With a token that the caller has used before, it shows what that made.
func (s *Service) createPullRequest(call *aws.Call, in *api.CreatePullRequestInput) (*api.CreatePullRequestOutput, error) {
	if err := checkTitle(in.Title); err != nil {
		return nil, err
	}
	if err := checkPullDescription(deref(in.Description)); err != nil {
		return nil, err
	}
	if err := checkToken(deref(in.ClientRequestToken)); err != nil {
		return nil, err
	}
	target, err := pullTarget(in.Targets)
	if err != nil {
		return nil, err
	}
	row, files, err := s.find(call, target.RepositoryName)
	if err != nil {
		return nil, err
	}
	if target.DestinationReference == nil {
		branch, err := files.DefaultBranch(call)
		if err != nil {
			return nil, err
		}
		if branch == "" {
			return nil, noReference("HEAD")
		}
		target.DestinationReference = new("refs/heads/" + branch)
	}
	if target.SourceReference == *target.DestinationReference {
		return nil, api.NewSourceAndDestinationAreSameException("The source branch and destination branch for the pull request are the same. You must " +
			"specify different branches for the source and destination.")
	}
	// While this goes on, no change of a branch is followed up, so none is missed.
	defer s.follow.lock(row.ID)()
	p, err := s.newPull(call, in, target, row, files)
	if err != nil {
		return nil, err
	}
	err = s.DB.Update(call, func(tx *store.Tx) error {
		earlier, err := pullsByToken.First(tx, store.K(p.Account, p.Region, p.AuthorARN, p.Token))
		switch {
		case p.Token == "" || errors.Is(err, store.ErrNotFound):
			return insertPull(tx, call, row.ID, p)
		case err != nil:
			return err
		}
		if earlier.Title != p.Title || earlier.Description != p.Description || earlier.RepositoryID != p.RepositoryID || earlier.Source != p.Source ||
			earlier.Destination != p.Destination {
			return tokenReused()
		}
		*p = *earlier
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.CreatePullRequestOutput{PullRequest: *p.show(row)}, nil
}

// newPull is a pull request without a number and rules.
func (s *Service) newPull(call *aws.Call, in *api.CreatePullRequestInput, target api.Target, row *repository, files *git.Repository) (*pullRequest, error) {
	p := &pullRequest{
		Account: row.Account, Region: row.Region, RepositoryID: row.ID, Title: in.Title, Description: deref(in.Description),
		AuthorARN: call.Principal.ARN, Token: deref(in.ClientRequestToken), Status: api.PullRequestStatusEnumOpen, Created: call.Now(), Activity: call.Now(),
		Source: target.SourceReference, Destination: *target.DestinationReference, Revision: call.NewHex(64),
	}
	source, err := tip(call, files, p.Source)
	if err != nil {
		return nil, err
	}
	destination, err := tip(call, files, p.Destination)
	if err != nil {
		return nil, err
	}
	base, err := files.MergeBase(call, source, destination)
	if err != nil && !errors.Is(err, git.ErrNotFound) {
		return nil, fmt.Errorf("merge base of a pull request: %w", err)
	}
	p.SourceCommit, p.DestinationCommit, p.MergeBase = string(source), string(destination), string(base)
	return p, nil
}

// insertPull gives a pull request its number and the rules of the repository's templates.
func insertPull(tx *store.Tx, call *aws.Call, repositoryID string, p *pullRequest) error {
	row, err := repositoriesByID.First(tx, store.K(repositoryID))
	if errors.Is(err, store.ErrNotFound) {
		return noRepository(repositoryID)
	}
	if err != nil {
		return err
	}
	if row.OpenPulls >= maxOpenPulls {
		return api.NewMaximumOpenPullRequestsExceededException("You cannot create the pull request because the repository has too many open pull "+
			"requests. The maximum number of open pull requests for a repository is %d. Close one or more open pull requests, and then try again.", maxOpenPulls)
	}
	row.OpenPulls++
	if err := repositories.Put(tx, row); err != nil {
		return err
	}
	last, err := counters.Get(tx, store.K(p.Account, p.Region))
	if errors.Is(err, store.ErrNotFound) {
		last, err = &counter{Account: p.Account, Region: p.Region}, nil
	}
	if err != nil {
		return err
	}
	last.PullRequests++
	if err := counters.Put(tx, last); err != nil {
		return err
	}
	p.Number, p.Events, p.Rules = last.PullRequests, 0, nil
	if err := addTemplateRules(tx, row, p); err != nil {
		return err
	}
	err = p.record(tx, pullEvent{
		Type: api.PullRequestEventTypePullRequestCreated, Actor: p.AuthorARN, Time: call.Now(), Source: p.SourceCommit, Destination: p.DestinationCommit,
		MergeBase: p.MergeBase,
	})
	if err != nil {
		return err
	}
	return pullRequests.Put(tx, p)
}
