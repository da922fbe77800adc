package codecommit

import (
	"errors"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/engine/git"
	"drydock/store"
)

// comment is a remark on a comparison of two commits, or a reply to one.
type comment struct {
	ID           string
	RepositoryID string
	ThreadID     string
	// Seq is the place in the thread, from 1.
	Seq               int64
	InReplyTo         string
	Content           string
	AuthorARN, Token  string
	Created, Modified time.Time
	Deleted           bool
	// Request tells requests with the same token apart.
	Request string
	// Reactions counts the users by their reaction.
	Reactions map[string]int32
}

// thread is what the comments on one place of a comparison have in common.
type thread struct {
	ID           string
	RepositoryID string
	// Scope is the pull request's number and repository, or of comments that belong to none, the repository alone.
	Scope string
	// PullRequest is the id of the pull request, if there is one.
	PullRequest string
	// Seq is the place in the order in which the threads of the scope were begun.
	Seq                   int64
	Before, After         string
	BeforeBlob, AfterBlob string
	Path                  string
	Position              *int64
	Version               api.RelativeFileVersionEnum
	Comments              int64
}

var (
	commentsByThread = store.NewIndex("thread", func(c *comment) []store.Key { return []store.Key{store.K(c.ThreadID, c.Seq)} })
	commentsByToken  = store.NewIndex("token", func(c *comment) []store.Key {
		if c.Token == "" {
			return nil
		}
		return []store.Key{store.K(c.AuthorARN, c.Token)}
	})
	comments = store.NewTable("codecommit/comment", func(c *comment) store.Key { return store.K(c.ID) }, commentsByThread, commentsByToken)

	threadsByScope = store.NewIndex("scope", func(t *thread) []store.Key { return []store.Key{store.K(t.Scope, t.Seq)} })
	// threadsByAfter and threadsByCommits find those of one comparison.
	threadsByAfter = store.NewIndex("after", func(t *thread) []store.Key {
		return []store.Key{store.K(t.Scope, t.After, t.Seq)}
	})
	threadsByCommits = store.NewIndex("commits", func(t *thread) []store.Key {
		return []store.Key{store.K(t.Scope, t.Before, t.After, t.Seq)}
	})
	threadsByRepository = store.NewIndex("repository", func(t *thread) []store.Key { return []store.Key{store.K(t.RepositoryID, t.ID)} })
	threads             = store.NewTable("codecommit/thread", func(t *thread) store.Key { return store.K(t.ID) },
		threadsByScope, threadsByAfter, threadsByCommits, threadsByRepository)
)

func checkContent(content string) error {
	if content == "" {
		return api.NewCommentContentRequiredException("The comment is empty. You must provide some content for a comment. The content cannot be null.")
	}
	if utf8.RuneCountInString(content) > maxComment {
		return api.NewCommentContentSizeLimitExceededException("The comment is too large. Comments are limited to %d characters.", maxComment)
	}
	return nil
}

var commentID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

func checkCommentID(id string) error {
	if id == "" {
		return api.NewCommentIDRequiredException("The comment ID is missing or null. A comment ID is required.")
	}
	if !commentID.MatchString(id) {
		return api.NewInvalidCommentIDException("The comment ID is not in a valid format. Make sure that you have provided the full comment ID.")
	}
	return nil
}

func noComment() error {
	return api.NewCommentDoesNotExistException("No comment exists with the provided ID. Verify that you have used the correct ID, and then try again.")
}

func commentDeleted() error {
	return api.NewCommentDeletedException("This comment has already been deleted. You cannot edit or delete a deleted comment.")
}

// getComment returns a comment and the repository it is in, which has to be the caller's.
func getCommentRow(tx *store.Tx, call *aws.Call, id string) (*comment, *repository, error) {
	c, err := comments.Get(tx, store.K(id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, noComment()
	}
	if err != nil {
		return nil, nil, err
	}
	row, err := repositoriesByID.First(tx, store.K(c.RepositoryID))
	if errors.Is(err, store.ErrNotFound) || err == nil && (row.Account != call.Account || row.Region != call.Region) {
		return nil, nil, noComment()
	}
	return c, row, err
}

// comment finds the comment that a request is about, and decides whether the caller may do what was asked for in its
// repository.
func (s *Service) comment(call *aws.Call, id string) (c *comment, err error) {
	if err := checkCommentID(id); err != nil {
		return nil, err
	}
	var row *repository
	err = s.DB.View(call, func(tx *store.Tx) (err error) {
		c, row, err = getCommentRow(tx, call, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return c, authorize(call, row, "")
}

// show is the comment as the API shows it to a caller.
func (c *comment) show(tx *store.Tx, call *aws.Call) (*api.Comment, error) {
	shown := &api.Comment{
		CommentID: &c.ID, CreationDate: &c.Created, LastModifiedDate: &c.Modified, AuthorARN: &c.AuthorARN, Deleted: &c.Deleted,
		ClientRequestToken: &c.Token, CallerReactions: []string{}, ReactionCounts: map[string]int32{},
	}
	if c.InReplyTo != "" {
		shown.InReplyTo = &c.InReplyTo
	}
	if !c.Deleted {
		shown.Content = &c.Content
	}
	maps.Copy(shown.ReactionCounts, c.Reactions)
	mine, err := reactions.Get(tx, store.K(c.ID, call.Principal.ARN))
	if err == nil {
		shown.CallerReactions = append(shown.CallerReactions, mine.Reaction)
	} else if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	return shown, nil
}

// post is a comment that is to be made on a place of a comparison.
type post struct {
	scope, pullRequest string
	before, after      *string
	location           *api.Location
	content            string
	token              *string
}

// newThread checks the place of a comment and describes it.
func (s *Service) newThread(call *aws.Call, row *repository, files *git.Repository, in *post) (*thread, error) {
	if err := checkContent(in.content); err != nil {
		return nil, err
	}
	if err := checkToken(deref(in.token)); err != nil {
		return nil, err
	}
	t := &thread{RepositoryID: row.ID, Scope: in.scope, PullRequest: in.pullRequest, Before: deref(in.before), After: deref(in.after)}
	given := []string{t.After}
	if in.before != nil {
		given = append(given, t.Before)
	}
	for _, text := range given {
		id, err := checkCommitID(text)
		if err != nil {
			return nil, err
		}
		if _, err := files.Commit(call, id); errors.Is(err, git.ErrNotFound) || errors.Is(err, git.ErrWrongType) {
			return nil, noCommit(text)
		} else if err != nil {
			return nil, err
		}
	}
	if t.Before == t.After {
		return nil, api.NewBeforeCommitIDAndAfterCommitIDAreSameException("The before commit ID and the after commit ID are the same, which is not valid. The " +
			"before commit ID and the after commit ID must be different commit IDs.")
	}
	if in.location != nil {
		if err := t.place(call, files, in.location); err != nil {
			return nil, err
		}
	}
	position := ""
	if t.Position != nil {
		position = strconv.FormatInt(*t.Position, 10)
	}
	t.ID = derivedID(t.RepositoryID, t.Scope, t.Before, t.After, t.Path, position, string(t.Version))
	return t, nil
}

// place checks the location of a comment: a file of the comparison, and if given, one of its lines.
func (t *thread) place(call *aws.Call, files *git.Repository, l *api.Location) error {
	t.Path, t.Position, t.Version = strings.Trim(deref(l.FilePath), "/"), l.FilePosition, deref(l.RelativeFileVersion)
	switch t.Version {
	case api.RelativeFileVersionEnumAfter, "":
	case api.RelativeFileVersionEnumBefore:
		if t.Before == "" {
			return invalidVersion()
		}
	default:
		return invalidVersion()
	}
	if t.Path == "" {
		if t.Position != nil || t.Version != "" {
			return pathRequired()
		}
		return nil
	}
	for _, version := range []struct {
		commit string
		blob   *string
	}{{t.Before, &t.BeforeBlob}, {t.After, &t.AfterBlob}} {
		if version.commit == "" {
			continue
		}
		entry, err := files.FileAt(call, git.ID(version.commit), t.Path)
		switch {
		case err == nil:
			*version.blob = string(entry.ID)
		case errors.Is(err, git.ErrInvalidPath):
			return invalidPath(t.Path)
		case errors.Is(err, git.ErrWrongType):
			return api.NewInvalidFileLocationException("The location of the file is not valid. Make sure that you include the file name and extension.")
		case !errors.As(err, new(*git.PathError)):
			return err
		}
	}
	if t.BeforeBlob == "" && t.AfterBlob == "" {
		return api.NewPathDoesNotExistException("Could not find path %s", t.Path)
	}
	if t.Position == nil {
		return nil
	}
	blob := t.AfterBlob
	if t.Version == api.RelativeFileVersionEnumBefore {
		blob = t.BeforeBlob
	}
	return checkPosition(call, files, blob, *t.Position)
}

func invalidVersion() error {
	return api.NewInvalidRelativeFileVersionEnumException("Either the enum is not in a valid format, or the specified file version enum is not valid in respect " +
		"to the current file version.")
}

// checkPosition looks whether a file has a line. Lines of files that are too large for the API are not counted.
func checkPosition(call *aws.Call, files *git.Repository, blob string, position int64) error {
	invalid := api.NewInvalidFilePositionException("The position is not valid. Make sure that the line number exists in the version of the file you want to " +
		"comment on.")
	if blob == "" || position < 0 {
		return invalid
	}
	content, err := files.ReadBlob(call, git.ID(blob), maxFileSize)
	if errors.Is(err, git.ErrTooLarge) {
		return nil
	}
	if err != nil {
		return err
	}
	if position > int64(countLines(content)) {
		return invalid
	}
	return nil
}

// say adds a comment to a thread that may be new. With a token that the caller has used before, it returns what that made.
func say(tx *store.Tx, t *thread, c *comment) error {
	c.Request = derivedID(t.ID, c.InReplyTo, c.Content)
	if c.Token != "" {
		earlier, err := commentsByToken.First(tx, store.K(c.AuthorARN, c.Token))
		if err == nil {
			if earlier.Request != c.Request {
				return tokenReused()
			}
			*c = *earlier
			return nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	known, err := threads.Get(tx, threads.Key(t))
	switch {
	case err == nil:
		*t = *known
	case !errors.Is(err, store.ErrNotFound):
		return err
	default:
		last, err := lastThread(tx, t.Scope)
		if err != nil {
			return err
		}
		t.Seq, t.Comments = last+1, 0
	}
	t.Comments++
	if err := threads.Put(tx, t); err != nil {
		return err
	}
	c.ThreadID, c.Seq = t.ID, t.Comments
	return comments.Put(tx, c)
}

// lastThread is the place of the scope's newest thread, 0 when there is none.
func lastThread(tx *store.Tx, scope string) (int64, error) {
	for last, err := range threadsByScope.Scan(tx, store.Range{Prefix: store.K(scope), Reverse: true}) {
		if err != nil {
			return 0, err
		}
		return last.Seq, nil
	}
	return 0, nil
}

// newComment is a comment without its place in a thread.
func newComment(call *aws.Call, repositoryID, content string, token *string) *comment {
	return &comment{
		ID: call.NewUUID(), RepositoryID: repositoryID, Content: content, AuthorARN: call.Principal.ARN, Token: deref(token), Created: call.Now(),
		Modified: call.Now(),
	}
}

// say makes a comment and returns it and its thread.
func (s *Service) say(call *aws.Call, t *thread, c *comment) (shown *api.Comment, err error) {
	err = s.DB.Update(call, func(tx *store.Tx) error {
		said, place := *c, *t
		if err := say(tx, &place, &said); err != nil {
			return err
		}
		shown, err = said.show(tx, call)
		return err
	})
	return shown, err
}

// showLocation is the place of a thread as the API shows it; none is nil.
func (t *thread) showLocation() *api.Location {
	if t.Path == "" {
		return nil
	}
	l := &api.Location{FilePath: &t.Path, FilePosition: t.Position}
	if t.Version != "" {
		l.RelativeFileVersion = &t.Version
	}
	return l
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// postCommentForComparedCommit comments on the comparison of two commits, or on one commit.
func (s *Service) postCommentForComparedCommit(call *aws.Call, in *api.PostCommentForComparedCommitInput) (*api.PostCommentForComparedCommitOutput, error) {
	row, files, err := s.find(call, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	t, err := s.newThread(call, row, files, &post{
		scope: row.ID, before: in.BeforeCommitID, after: &in.AfterCommitID, location: in.Location, content: in.Content, token: in.ClientRequestToken,
	})
	if err != nil {
		return nil, err
	}
	shown, err := s.say(call, t, newComment(call, row.ID, in.Content, in.ClientRequestToken))
	if err != nil {
		return nil, err
	}
	return &api.PostCommentForComparedCommitOutput{
		RepositoryName: &row.Name, BeforeCommitID: in.BeforeCommitID, AfterCommitID: &in.AfterCommitID, BeforeBlobID: optional(t.BeforeBlob),
		AfterBlobID: optional(t.AfterBlob), Location: t.showLocation(), Comment: shown,
	}, nil
}

// postCommentForPullRequest comments on a comparison that a pull request shows.
func (s *Service) postCommentForPullRequest(call *aws.Call, in *api.PostCommentForPullRequestInput) (*api.PostCommentForPullRequestOutput, error) {
	row, files, err := s.find(call, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	p, err := s.pullOf(call, row, in.PullRequestID)
	if err != nil {
		return nil, err
	}
	t, err := s.newThread(call, row, files, &post{
		scope: pullScope(p), pullRequest: p.id(), before: &in.BeforeCommitID, after: &in.AfterCommitID, location: in.Location, content: in.Content,
		token: in.ClientRequestToken,
	})
	if err != nil {
		return nil, err
	}
	shown, err := s.say(call, t, newComment(call, row.ID, in.Content, in.ClientRequestToken))
	if err != nil {
		return nil, err
	}
	return &api.PostCommentForPullRequestOutput{
		RepositoryName: &row.Name, PullRequestID: &in.PullRequestID, BeforeCommitID: &in.BeforeCommitID, AfterCommitID: &in.AfterCommitID,
		BeforeBlobID: optional(t.BeforeBlob), AfterBlobID: optional(t.AfterBlob), Location: t.showLocation(), Comment: shown,
	}, nil
}

// pullScope is the scope of a pull request's comments.
func pullScope(p *pullRequest) string { return p.RepositoryID + "/" + p.id() }

// pullOf returns a pull request of a repository.
func (s *Service) pullOf(call *aws.Call, row *repository, id string) (p *pullRequest, err error) {
	number, err := pullRequestNumber(id)
	if err != nil {
		return nil, err
	}
	err = s.DB.View(call, func(tx *store.Tx) (err error) {
		p, _, err = getPull(tx, call, number)
		return err
	})
	if err == nil && p.RepositoryID != row.ID {
		err = notAssociated()
	}
	return p, err
}

// postCommentReply answers a comment.
func (s *Service) postCommentReply(call *aws.Call, in *api.PostCommentReplyInput) (*api.PostCommentReplyOutput, error) {
	if err := checkContent(in.Content); err != nil {
		return nil, err
	}
	if err := checkToken(deref(in.ClientRequestToken)); err != nil {
		return nil, err
	}
	to, err := s.comment(call, in.InReplyTo)
	if err != nil {
		return nil, err
	}
	c := newComment(call, to.RepositoryID, in.Content, in.ClientRequestToken)
	c.InReplyTo = to.ID
	var t *thread
	err = s.DB.View(call, func(tx *store.Tx) (err error) {
		t, err = threads.Get(tx, store.K(to.ThreadID))
		return err
	})
	if err != nil {
		return nil, err
	}
	shown, err := s.say(call, t, c)
	if err != nil {
		return nil, err
	}
	return &api.PostCommentReplyOutput{Comment: shown}, nil
}
