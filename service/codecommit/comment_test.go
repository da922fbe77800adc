package codecommit_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/service/servicetest"
)

func comparedComment(t *testing.T, call *aws.Call, before *string, after, content string, location *api.Location) *api.PostCommentForComparedCommitOutput {
	t.Helper()
	out, err := api.PostCommentForComparedCommit.Do(call, &api.PostCommentForComparedCommitInput{
		RepositoryName: "app", BeforeCommitID: before, AfterCommitID: after, Content: content, Location: location,
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestComments_OnComparedCommits(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	diverged(t, call)
	before, after := getHead(t, call, "app", "base"), *getHead(t, call, "app", "topic")
	place := &api.Location{FilePath: new("shared"), FilePosition: new(int64(22)), RelativeFileVersion: new(api.RelativeFileVersionEnumAfter)}
	first := comparedComment(t, call, before, after, "first", place)
	if first.BeforeBlobID == nil || first.AfterBlobID == nil || *first.BeforeBlobID == *first.AfterBlobID {
		t.Errorf("blobs of %+v", first)
	}
	if diff := cmp.Diff(place, first.Location); diff != "" {
		t.Errorf("location (-want +got):\n%s", diff)
	}
	want := &api.Comment{
		CommentID: first.Comment.CommentID, Content: new("first"), CreationDate: new(servicetest.Start), LastModifiedDate: new(servicetest.Start),
		AuthorARN: &call.Principal.ARN, Deleted: new(false), ClientRequestToken: first.Comment.ClientRequestToken, CallerReactions: []string{}, ReactionCounts: map[string]int32{},
	}
	if diff := cmp.Diff(want, first.Comment); diff != "" {
		t.Errorf("comment (-want +got):\n%s", diff)
	}
	general := comparedComment(t, call, before, after, "general", nil)
	comparedComment(t, call, nil, after, "alone", nil)
	c.Advance(t, 1e9)
	reply, err := api.PostCommentReply.Do(call, &api.PostCommentReplyInput{InReplyTo: *first.Comment.CommentID, Content: "reply"})
	if err != nil || *reply.Comment.InReplyTo != *first.Comment.CommentID {
		t.Fatalf("reply %+v %v", reply, err)
	}
	comparedComment(t, call, before, after, "second", place)

	list := func(before *string, limit int32) string {
		t.Helper()
		in := &api.GetCommentsForComparedCommitInput{RepositoryName: "app", BeforeCommitID: before, AfterCommitID: after, MaxResults: &limit}
		var got []string
		for {
			out, err := api.GetCommentsForComparedCommit.Do(call, in)
			if err != nil {
				t.Fatal(err)
			}
			for _, group := range out.CommentsForComparedCommitData {
				at := "-"
				if group.Location != nil {
					at = *group.Location.FilePath
				}
				for _, c := range group.Comments {
					got = append(got, at+":"+*c.Content)
				}
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				return strings.Join(got, " ")
			}
		}
	}
	for limit := range int32(5) {
		if got := list(before, limit+1); got != "shared:first shared:reply shared:second -:general" {
			t.Errorf("in pages of %d: %s", limit+1, got)
		}
	}
	if got := list(nil, 2); got != "shared:first shared:reply shared:second -:general -:alone" {
		t.Errorf("on all comparisons: %s", got)
	}
	if _, err := api.UpdateComment.Do(call, &api.UpdateCommentInput{CommentID: *general.Comment.CommentID, Content: "changed"}); err != nil {
		t.Fatal(err)
	}
	got, err := api.GetComment.Do(call, &api.GetCommentInput{CommentID: *general.Comment.CommentID})
	if err != nil || *got.Comment.Content != "changed" || !got.Comment.LastModifiedDate.After(*got.Comment.CreationDate) {
		t.Errorf("changed to %+v %v", got, err)
	}
	deleted, err := api.DeleteCommentContent.Do(call, &api.DeleteCommentContentInput{CommentID: *general.Comment.CommentID})
	if err != nil || !*deleted.Comment.Deleted || deleted.Comment.Content != nil {
		t.Errorf("deleted %+v %v", deleted, err)
	}
	_, err = api.GetComment.Do(call, &api.GetCommentInput{CommentID: *general.Comment.CommentID})
	servicetest.WantError(t, err, "CommentDeletedException")
	_, err = api.UpdateComment.Do(call, &api.UpdateCommentInput{CommentID: *general.Comment.CommentID, Content: "x"})
	servicetest.WantError(t, err, "CommentDeletedException")
	_, err = api.DeleteCommentContent.Do(call, &api.DeleteCommentContentInput{CommentID: *general.Comment.CommentID})
	servicetest.WantError(t, err, "CommentDeletedException")
}

func TestComments_OnPullRequestsStayApart(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	diverged(t, call)
	createRepository(t, call, "other")
	before, after := *getHead(t, call, "app", "main"), *getHead(t, call, "app", "topic")
	comparedComment(t, call, &before, after, "on the commits", nil)
	for range 2 {
		createPull(t, call, "topic")
	}
	for i, id := range []string{"1", "2", "1"} {
		in := &api.PostCommentForPullRequestInput{
			PullRequestID: id, RepositoryName: "app", BeforeCommitID: before, AfterCommitID: after, Content: fmt.Sprint("comment ", i), ClientRequestToken: new(fmt.Sprint("token", i)),
		}
		out, err := api.PostCommentForPullRequest.Do(call, in)
		if err != nil {
			t.Fatal(err)
		}
		again, err := api.PostCommentForPullRequest.Do(call, in)
		if err != nil || *again.Comment.CommentID != *out.Comment.CommentID {
			t.Errorf("with the same token: %+v %v", again, err)
		}
		in.Content = "other"
		_, err = api.PostCommentForPullRequest.Do(call, in)
		servicetest.WantError(t, err, "IdempotencyParameterMismatchException")
	}
	list := func(in *api.GetCommentsForPullRequestInput) string {
		t.Helper()
		out, err := api.GetCommentsForPullRequest.Do(call, in)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, group := range out.CommentsForPullRequestData {
			for _, c := range group.Comments {
				got = append(got, *group.PullRequestID+":"+*c.Content)
			}
		}
		return strings.Join(got, ", ")
	}
	if got := list(&api.GetCommentsForPullRequestInput{PullRequestID: "1"}); got != "1:comment 0, 1:comment 2" {
		t.Errorf("all of it: %s", got)
	}
	if got := list(&api.GetCommentsForPullRequestInput{PullRequestID: "2", RepositoryName: new("app"), BeforeCommitID: &before, AfterCommitID: &after}); got != "2:comment 1" {
		t.Errorf("of the comparison: %s", got)
	}
	if got := list(&api.GetCommentsForPullRequestInput{PullRequestID: "2", RepositoryName: new("app"), BeforeCommitID: &after, AfterCommitID: &before}); got != "" {
		t.Errorf("of another comparison: %s", got)
	}
	for code, in := range map[string]*api.GetCommentsForPullRequestInput{
		"PullRequestIdRequiredException":                  {},
		"RepositoryNotAssociatedWithPullRequestException": {PullRequestID: "1", RepositoryName: new("other"), BeforeCommitID: &before, AfterCommitID: &after},
		"RepositoryNameRequiredException":                 {PullRequestID: "1", BeforeCommitID: &before, AfterCommitID: &after},
		"CommitIdRequiredException":                       {PullRequestID: "1", RepositoryName: new("app"), AfterCommitID: &after},
		"InvalidMaxResultsException":                      {PullRequestID: "1", MaxResults: new(int32(0))},
		"InvalidContinuationTokenException":               {PullRequestID: "1", NextToken: new("x")},
	} {
		_, err := api.GetCommentsForPullRequest.Do(call, in)
		servicetest.WantError(t, err, code)
	}
	_, err := api.PostCommentForPullRequest.Do(call, &api.PostCommentForPullRequestInput{
		PullRequestID: "1", RepositoryName: "other", BeforeCommitID: before, AfterCommitID: after, Content: "x",
	})
	servicetest.WantError(t, err, "RepositoryNotAssociatedWithPullRequestException")
}

func TestPostComment_Errors(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	diverged(t, call)
	before, after := *getHead(t, call, "app", "base"), *getHead(t, call, "app", "topic")
	good := api.PostCommentForComparedCommitInput{RepositoryName: "app", BeforeCommitID: &before, AfterCommitID: after, Content: "x"}
	at := func(path string, position int64, version string) *api.Location {
		return &api.Location{FilePath: &path, FilePosition: &position, RelativeFileVersion: new(api.RelativeFileVersionEnum(version))}
	}
	for name, test := range map[string]struct {
		code   string
		change func(*api.PostCommentForComparedCommitInput)
	}{
		"repository":    {"RepositoryDoesNotExistException", func(in *api.PostCommentForComparedCommitInput) { in.RepositoryName = "none" }},
		"no content":    {"CommentContentRequiredException", func(in *api.PostCommentForComparedCommitInput) { in.Content = "" }},
		"too long":      {"CommentContentSizeLimitExceededException", func(in *api.PostCommentForComparedCommitInput) { in.Content = strings.Repeat("x", 10241) }},
		"token":         {"InvalidClientRequestTokenException", func(in *api.PostCommentForComparedCommitInput) { in.ClientRequestToken = new(strings.Repeat("x", 65)) }},
		"no commit":     {"CommitIdRequiredException", func(in *api.PostCommentForComparedCommitInput) { in.AfterCommitID = "" }},
		"bad commit":    {"InvalidCommitIdException", func(in *api.PostCommentForComparedCommitInput) { in.AfterCommitID = "x" }},
		"other commit":  {"CommitDoesNotExistException", func(in *api.PostCommentForComparedCommitInput) { in.AfterCommitID = strings.Repeat("0", 40) }},
		"same commits":  {"BeforeCommitIdAndAfterCommitIdAreSameException", func(in *api.PostCommentForComparedCommitInput) { in.AfterCommitID = before }},
		"no path":       {"PathRequiredException", func(in *api.PostCommentForComparedCommitInput) { in.Location = at("", 1, "AFTER") }},
		"invalid path":  {"InvalidPathException", func(in *api.PostCommentForComparedCommitInput) { in.Location = at("a/../b", 1, "AFTER") }},
		"other path":    {"PathDoesNotExistException", func(in *api.PostCommentForComparedCommitInput) { in.Location = at("none", 1, "AFTER") }},
		"version":       {"InvalidRelativeFileVersionEnumException", func(in *api.PostCommentForComparedCommitInput) { in.Location = at("shared", 1, "x") }},
		"no such line":  {"InvalidFilePositionException", func(in *api.PostCommentForComparedCommitInput) { in.Location = at("shared", 23, "AFTER") }},
		"not in before": {"InvalidFilePositionException", func(in *api.PostCommentForComparedCommitInput) { in.Location = at("t", 1, "BEFORE") }},
	} {
		in := good
		test.change(&in)
		_, err := api.PostCommentForComparedCommit.Do(call, &in)
		if aws.ErrorCode(err) != test.code {
			t.Errorf("%s: %v, want %s", name, err, test.code)
		}
	}
	for id, code := range map[string]string{
		"": "CommentIdRequiredException", "x": "InvalidCommentIdException", "00000000-0000-4000-8000-000000000000": "CommentDoesNotExistException",
	} {
		_, err := api.GetComment.Do(call, &api.GetCommentInput{CommentID: id})
		servicetest.WantError(t, err, code)
	}
}

func TestComments_AreChangedByTheirAuthorsAndSeenByWhoMay(t *testing.T) {
	t.Parallel()
	c, users := newCloudFor(t, map[string]string{
		"dev":   allowAll,
		"other": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"codecommit:*","Resource":"arn:aws:codecommit:us-east-1:111122223333:other"}]}`,
	})
	call := c.Call(t)
	diverged(t, call)
	id := *comparedComment(t, call, nil, *getHead(t, call, "app", "topic"), "mine", nil).Comment.CommentID
	dev, other := c.CallAs(t, users.principal("dev"), servicetest.Region), c.CallAs(t, users.principal("other"), servicetest.Region)
	_, err := api.UpdateComment.Do(dev, &api.UpdateCommentInput{CommentID: id, Content: "x"})
	servicetest.WantError(t, err, "CommentNotCreatedByCallerException")
	_, err = api.GetComment.Do(other, &api.GetCommentInput{CommentID: id})
	servicetest.WantError(t, err, "AccessDeniedException")
	_, err = api.GetComment.Do(call.In("eu-west-1"), &api.GetCommentInput{CommentID: id})
	servicetest.WantError(t, err, "CommentDoesNotExistException")
}

func TestReactions_OnePerUser(t *testing.T) {
	t.Parallel()
	c, users := newCloudFor(t, map[string]string{"ann": allowAll, "bob": allowAll})
	call := c.Call(t)
	diverged(t, call)
	id := *comparedComment(t, call, nil, *getHead(t, call, "app", "topic"), "react", nil).Comment.CommentID
	ann, bob := c.CallAs(t, users.principal("ann"), servicetest.Region), c.CallAs(t, users.principal("bob"), servicetest.Region)
	put := func(call *aws.Call, value string) error {
		_, err := api.PutCommentReaction.Do(call, &api.PutCommentReactionInput{CommentID: id, ReactionValue: value})
		return err
	}
	for _, r := range []struct {
		call  *aws.Call
		value string
	}{{call, ":thumbsup:"}, {ann, "U+1F44D"}, {bob, "❤️"}, {call, "confused"}} {
		if err := put(r.call, r.value); err != nil {
			t.Fatal(err)
		}
	}
	servicetest.WantError(t, put(call, ":unknown:"), "InvalidReactionValueException")
	shown, err := api.GetComment.Do(call, &api.GetCommentInput{CommentID: id})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int32{"THUMBSUP": 1, "HEART": 1, "CONFUSED": 1}, shown.Comment.ReactionCounts); diff != "" || shown.Comment.CallerReactions[0] != "CONFUSED" {
		t.Errorf("%v (-want +got):\n%s", shown.Comment.CallerReactions, diff)
	}
	if err := put(bob, "👍"); err != nil {
		t.Fatal(err)
	}
	in := &api.GetCommentReactionsInput{CommentID: id, MaxResults: new(int32(2))}
	var got []string
	for {
		out, err := api.GetCommentReactions.Do(call, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range out.ReactionsForComment {
			got = append(got, fmt.Sprint(*r.Reaction.ShortCode, *r.Reaction.Unicode, *r.Reaction.Emoji, len(r.ReactionUsers)))
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if diff := cmp.Diff([]string{"confusedU+1F615😕1", "thumbsupU+1F44D👍1", "thumbsupU+1F44D👍1"}, got); diff != "" {
		t.Errorf("reactions (-want +got):\n%s", diff)
	}
	mine, err := api.GetCommentReactions.Do(call, &api.GetCommentReactionsInput{CommentID: id, ReactionUserARN: &ann.Principal.ARN})
	if err != nil || len(mine.ReactionsForComment) != 1 || mine.ReactionsForComment[0].ReactionUsers[0] != ann.Principal.ARN {
		t.Errorf("ann's %+v %v", mine, err)
	}
	if err := put(call, "none"); err != nil {
		t.Fatal(err)
	}
	if shown, err = api.GetComment.Do(call, &api.GetCommentInput{CommentID: id}); err != nil || len(shown.Comment.CallerReactions) != 0 || shown.Comment.ReactionCounts["CONFUSED"] != 0 {
		t.Errorf("taken back: %+v %v", shown, err)
	}
	if _, err := api.DeleteCommentContent.Do(call, &api.DeleteCommentContentInput{CommentID: id}); err != nil {
		t.Fatal(err)
	}
	servicetest.WantError(t, put(call, "heart"), "CommentDeletedException")
	_, err = api.GetCommentReactions.Do(call, &api.GetCommentReactionsInput{CommentID: id})
	servicetest.WantError(t, err, "CommentDeletedException")
}
