package codecommit

import (
	"strconv"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/store"
)

func (s *Service) getComment(call *aws.Call, in *api.GetCommentInput) (*api.GetCommentOutput, error) {
	c, err := s.comment(call, in.CommentID)
	if err != nil {
		return nil, err
	}
	if c.Deleted {
		return nil, commentDeleted()
	}
	var shown *api.Comment
	err = s.DB.View(call, func(tx *store.Tx) (err error) {
		shown, err = c.show(tx, call)
		return err
	})
	return &api.GetCommentOutput{Comment: shown}, err
}

// changeComment changes a comment that was not deleted.
func (s *Service) changeComment(call *aws.Call, id string, do func(c *comment) error) (shown *api.Comment, err error) {
	if _, err := s.comment(call, id); err != nil {
		return nil, err
	}
	err = s.DB.Update(call, func(tx *store.Tx) error {
		c, _, err := getCommentRow(tx, call, id)
		if err != nil {
			return err
		}
		if c.Deleted {
			return commentDeleted()
		}
		if err := do(c); err != nil {
			return err
		}
		c.Modified = call.Now()
		if err := comments.Put(tx, c); err != nil {
			return err
		}
		shown, err = c.show(tx, call)
		return err
	})
	return shown, err
}

// updateComment changes the content of one of the caller's own comments.
func (s *Service) updateComment(call *aws.Call, in *api.UpdateCommentInput) (*api.UpdateCommentOutput, error) {
	if err := checkContent(in.Content); err != nil {
		return nil, err
	}
	shown, err := s.changeComment(call, in.CommentID, func(c *comment) error {
		if c.AuthorARN != call.Principal.ARN {
			return api.NewCommentNotCreatedByCallerException("You cannot modify or delete this comment. Only comment authors can modify or delete their comments.")
		}
		c.Content = in.Content
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateCommentOutput{Comment: shown}, nil
}

// deleteCommentContent takes out what a comment says; the comment stays.
func (s *Service) deleteCommentContent(call *aws.Call, in *api.DeleteCommentContentInput) (*api.DeleteCommentContentOutput, error) {
	shown, err := s.changeComment(call, in.CommentID, func(c *comment) error {
		c.Content, c.Deleted = "", true
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteCommentContentOutput{Comment: shown}, nil
}

// said is a thread with some of its comments.
type said struct {
	*thread
	comments []api.Comment
}

// listComments lists comments, thread by thread. The token holds the place of the thread and of the comment in it that
// the page ended with.
func (s *Service) listComments(call *aws.Call, scan *store.Index[thread], prefix store.Key, token *string, limit int) (page []said, next *string, err error) {
	var afterThread, afterComment int64
	if text := deref(token); text != "" {
		parts, err := aws.DecodePageToken(text, 2)
		if err != nil {
			return nil, nil, invalidToken()
		}
		if afterThread, err = strconv.ParseInt(parts[0], 10, 64); err != nil {
			return nil, nil, invalidToken()
		}
		if afterComment, err = strconv.ParseInt(parts[1], 10, 64); err != nil {
			return nil, nil, invalidToken()
		}
	}
	err = s.DB.View(call, func(tx *store.Tx) error {
		page, next = nil, nil
		count := 0
		var last [2]int64
		for t, err := range scan.Scan(tx, store.Range{Prefix: prefix, From: prefix.With(afterThread)}) {
			if err != nil {
				return err
			}
			from := int64(1)
			if t.Seq == afterThread {
				from = afterComment + 1
			}
			at := said{thread: t}
			key := store.K(t.ID)
			for c, err := range commentsByThread.Scan(tx, store.Range{Prefix: key, From: key.With(from)}) {
				if err != nil {
					return err
				}
				if count == limit {
					next = new(aws.EncodePageToken(strconv.FormatInt(last[0], 10), strconv.FormatInt(last[1], 10)))
					break
				}
				shown, err := c.show(tx, call)
				if err != nil {
					return err
				}
				at.comments = append(at.comments, *shown)
				last = [2]int64{t.Seq, c.Seq}
				count++
			}
			if len(at.comments) > 0 {
				page = append(page, at)
			}
			if next != nil {
				return nil
			}
		}
		return nil
	})
	return page, next, err
}

func commentsLimit(given *int32) (int, error) {
	if given == nil {
		return commentsPage, nil
	}
	return resultsOf(given, maxCommentsPage)
}

// getCommentsForComparedCommit lists the comments on a comparison of two commits, in pages. Without the commit before, they
// are those on all comparisons with the commit.
func (s *Service) getCommentsForComparedCommit(call *aws.Call, in *api.GetCommentsForComparedCommitInput) (*api.GetCommentsForComparedCommitOutput, error) {
	limit, err := commentsLimit(in.MaxResults)
	if err != nil {
		return nil, err
	}
	row, files, err := s.find(call, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	for _, text := range []*string{&in.AfterCommitID, in.BeforeCommitID} {
		if text == nil {
			continue
		}
		_, err := s.readCommit(call, files, *text)
		if aws.IsError(err, "CommitIdDoesNotExistException") {
			return nil, noCommit(*text)
		}
		if err != nil {
			return nil, err
		}
	}
	index, prefix := threadsByAfter, store.K(row.ID, in.AfterCommitID)
	if in.BeforeCommitID != nil {
		index, prefix = threadsByCommits, store.K(row.ID, *in.BeforeCommitID, in.AfterCommitID)
	}
	page, next, err := s.listComments(call, index, prefix, in.NextToken, limit)
	if err != nil {
		return nil, err
	}
	out := &api.GetCommentsForComparedCommitOutput{CommentsForComparedCommitData: []api.CommentsForComparedCommit{}, NextToken: next}
	for _, at := range page {
		out.CommentsForComparedCommitData = append(out.CommentsForComparedCommitData, api.CommentsForComparedCommit{
			RepositoryName: &row.Name, BeforeCommitID: optional(at.Before), AfterCommitID: &at.After, BeforeBlobID: optional(at.BeforeBlob),
			AfterBlobID: optional(at.AfterBlob), Location: at.showLocation(), Comments: at.comments,
		})
	}
	return out, nil
}

// getCommentsForPullRequest lists the comments on a pull request, or on one comparison that it shows, in pages.
func (s *Service) getCommentsForPullRequest(call *aws.Call, in *api.GetCommentsForPullRequestInput) (*api.GetCommentsForPullRequestOutput, error) {
	limit, err := commentsLimit(in.MaxResults)
	if err != nil {
		return nil, err
	}
	p, row, err := s.pull(call, in.PullRequestID)
	if err != nil {
		return nil, err
	}
	index, prefix := threadsByScope, store.K(pullScope(p))
	if in.RepositoryName != nil || in.BeforeCommitID != nil || in.AfterCommitID != nil {
		named, files, err := s.find(call, deref(in.RepositoryName))
		if err != nil {
			return nil, err
		}
		if named.ID != row.ID {
			return nil, notAssociated()
		}
		for _, text := range []*string{in.BeforeCommitID, in.AfterCommitID} {
			_, err := s.readCommit(call, files, deref(text))
			if aws.IsError(err, "CommitIdDoesNotExistException") {
				return nil, noCommit(deref(text))
			}
			if err != nil {
				return nil, err
			}
		}
		index, prefix = threadsByCommits, store.K(pullScope(p), *in.BeforeCommitID, *in.AfterCommitID)
	}
	page, next, err := s.listComments(call, index, prefix, in.NextToken, limit)
	if err != nil {
		return nil, err
	}
	out := &api.GetCommentsForPullRequestOutput{CommentsForPullRequestData: []api.CommentsForPullRequest{}, NextToken: next}
	for _, at := range page {
		out.CommentsForPullRequestData = append(out.CommentsForPullRequestData, api.CommentsForPullRequest{
			PullRequestID: &in.PullRequestID, RepositoryName: &row.Name, BeforeCommitID: &at.Before, AfterCommitID: &at.After,
			BeforeBlobID: optional(at.BeforeBlob), AfterBlobID: optional(at.AfterBlob), Location: at.showLocation(), Comments: at.comments,
		})
	}
	return out, nil
}
