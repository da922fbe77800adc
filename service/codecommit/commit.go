package codecommit

import (
	"errors"
	"fmt"
	"strconv"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/engine/git"
)

func checkCommitID(text string) (git.ID, error) {
	if text == "" {
		return "", api.NewCommitIDRequiredException("A commit ID is required, but no commit ID was specified.")
	}
	id, err := git.ParseID(text)
	if err != nil {
		return "", api.NewInvalidCommitIDException("The specified commit ID is not valid: %.100s", text)
	}
	return id, nil
}

func noCommit(specifier string) error {
	return api.NewCommitDoesNotExistException("The specified commit does not exist: %.300s", specifier)
}

func commitRequired() error { return api.NewCommitRequiredException("A commit was not specified.") }

// resolve finds the commit of a specifier: a full commit id, a branch, a tag, a full reference name or HEAD.
func (s *Service) resolve(call *aws.Call, files *git.Repository, specifier string) (git.ID, error) {
	if specifier == "" {
		return "", commitRequired()
	}
	id, err := files.ResolveCommit(call, specifier)
	switch {
	case errors.Is(err, git.ErrInvalidName):
		return "", api.NewInvalidCommitException("The specified commit is not valid: %.300s", specifier)
	case errors.Is(err, git.ErrNotFound), errors.Is(err, git.ErrWrongType), errors.Is(err, git.ErrInvalidID):
		return "", noCommit(specifier)
	}
	return id, err
}

// showCommit is a commit as the API shows it.
func showCommit(c *git.Commit) api.Commit {
	shown := api.Commit{
		CommitID: new(string(c.ID)), TreeID: new(string(c.Tree)), Parents: []string{}, Message: &c.Message,
		Author: showUser(c.Author), Committer: showUser(c.Committer), AdditionalData: &c.Extra,
	}
	for _, parent := range c.Parents {
		shown.Parents = append(shown.Parents, string(parent))
	}
	return shown
}

func showUser(u git.Signature) *api.UserInfo {
	return &api.UserInfo{Name: &u.Name, Email: &u.Email, Date: &u.Date}
}

// readCommit returns a commit by its full id.
func (s *Service) readCommit(call *aws.Call, files *git.Repository, text string) (*git.Commit, error) {
	id, err := checkCommitID(text)
	if err != nil {
		return nil, err
	}
	c, err := files.Commit(call, id)
	if errors.Is(err, git.ErrNotFound) || errors.Is(err, git.ErrWrongType) {
		return nil, api.NewCommitIDDoesNotExistException("The specified commit ID does not exist: %s", text)
	}
	return c, err
}

func (s *Service) getCommit(call *aws.Call, in *api.GetCommitInput) (*api.GetCommitOutput, error) {
	_, files, err := s.find(call, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	c, err := s.readCommit(call, files, in.CommitID)
	if err != nil {
		return nil, err
	}
	return &api.GetCommitOutput{Commit: showCommit(c)}, nil
}

// batchGetCommits shows several commits and lists those that it cannot show.
func (s *Service) batchGetCommits(call *aws.Call, in *api.BatchGetCommitsInput) (*api.BatchGetCommitsOutput, error) {
	switch n := len(in.CommitIDs); {
	case n == 0:
		return nil, api.NewCommitIDsListRequiredException("A list of commit IDs is required, but was either not specified or the list was empty.")
	case n > maxBatchCommits:
		return nil, api.NewCommitIDsLimitExceededException("The maximum number of allowed commit IDs in a batch request is %d.", maxBatchCommits)
	}
	_, files, err := s.find(call, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	out := &api.BatchGetCommitsOutput{Commits: []api.Commit{}, Errors: []api.BatchGetCommitsError{}}
	for _, id := range in.CommitIDs {
		c, err := s.readCommit(call, files, id)
		var refusal *aws.Error
		switch {
		case errors.As(err, &refusal):
			out.Errors = append(out.Errors, api.BatchGetCommitsError{CommitID: &id, ErrorCode: &refusal.Code, ErrorMessage: &refusal.Message})
		case err != nil:
			return nil, err
		default:
			out.Commits = append(out.Commits, showCommit(c))
		}
	}
	return out, nil
}

// getDifferences compares two commits, or lists all files of one, in pages. A page token holds the commits, so that a
// listing goes on with them when a branch moves.
func (s *Service) getDifferences(call *aws.Call, in *api.GetDifferencesInput) (*api.GetDifferencesOutput, error) {
	limit := differencesPage
	if in.MaxResults != nil {
		if *in.MaxResults < 1 {
			return nil, api.NewInvalidMaxResultsException("The specified number of maximum results is not valid.")
		}
		limit = min(int(*in.MaxResults), maxPage)
	}
	_, files, err := s.find(call, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	q, err := s.differencesQuery(call, files, in)
	if err != nil {
		return nil, err
	}
	q.Limit = limit
	differences, more, err := files.Diff(call, q)
	switch {
	case errors.Is(err, git.ErrInvalidPath):
		return nil, invalidPath(q.AfterPath)
	case errors.As(err, new(*git.PathError)):
		return nil, api.NewPathDoesNotExistException("Could not find path %s", q.AfterPath)
	case errors.Is(err, git.ErrNotFound), errors.Is(err, git.ErrWrongType): // only a forged token can name such commits
		return nil, invalidToken()
	case err != nil:
		return nil, err
	}
	out := &api.GetDifferencesOutput{Differences: []api.Difference{}}
	for _, d := range differences {
		out.Differences = append(out.Differences, api.Difference{
			ChangeType: new(api.ChangeTypeEnum(d.Change)), BeforeBlob: showBlob(d.Before), AfterBlob: showBlob(d.After),
		})
	}
	if more {
		out.NextToken = new(aws.EncodePageToken(string(q.Before), string(q.After), strconv.Itoa(q.Skip+len(differences))))
	}
	return out, nil
}

// differencesQuery finds the commits and the position of a listing.
func (s *Service) differencesQuery(call *aws.Call, files *git.Repository, in *api.GetDifferencesInput) (q git.DiffQuery, err error) {
	q.BeforePath, q.AfterPath = deref(in.BeforePath), deref(in.AfterPath)
	if q.After, err = s.resolve(call, files, in.AfterCommitSpecifier); err != nil {
		return q, err
	}
	if before := deref(in.BeforeCommitSpecifier); before != "" {
		if q.Before, err = s.resolve(call, files, before); err != nil {
			return q, err
		}
	}
	token := deref(in.NextToken)
	if token == "" {
		return q, nil
	}
	parts, err := aws.DecodePageToken(token, 3)
	if err != nil {
		return q, invalidToken()
	}
	if q.After, err = git.ParseID(parts[1]); err != nil {
		return q, invalidToken()
	}
	if q.Before = ""; parts[0] != "" {
		if q.Before, err = git.ParseID(parts[0]); err != nil {
			return q, invalidToken()
		}
	}
	if q.Skip, err = strconv.Atoi(parts[2]); err != nil || q.Skip < 0 {
		return q, invalidToken()
	}
	return q, nil
}

func showBlob(e *git.Entry) *api.BlobMetadata {
	if e == nil {
		return nil
	}
	return &api.BlobMetadata{BlobID: new(string(e.ID)), Path: &e.Path, Mode: new(e.Mode.String())}
}

// signed is who a commit of the API names as its author and committer.
func signed(call *aws.Call, name, email *string) (git.Signature, error) {
	if len(deref(name)) > maxAuthorName {
		return git.Signature{}, api.NewNameLengthExceededException("The user name is not valid because it has exceeded the character limit for author names.")
	}
	if !validEmail(deref(email)) {
		return git.Signature{}, api.NewInvalidEmailException("The specified email address either contains one or more characters that are " +
			"not allowed, or it exceeds the maximum number of characters allowed for an email address.")
	}
	author := deref(name)
	if author == "" {
		author = call.Principal.Name
	}
	if author == "" {
		author = "root"
	}
	return git.NewSignature(author, deref(email), call.Now()), nil
}

func validEmail(email string) bool {
	if len(email) > maxEmail {
		return false
	}
	for _, c := range email {
		if c <= ' ' || c == '<' || c == '>' || c == 0x7f {
			return false
		}
	}
	return true
}

// messageOr is the message of a commit, or else a default.
func messageOr(message *string, format string, args ...any) (string, error) {
	if len(deref(message)) > maxMessage {
		return "", api.NewCommitMessageLengthExceededException("The commit message is too long. Provide a shorter string. ")
	}
	if m := deref(message); m != "" {
		return m, nil
	}
	return fmt.Sprintf(format, args...), nil
}
