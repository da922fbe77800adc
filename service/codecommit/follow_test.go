package codecommit

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"

	api "drydock/api/codecommit"
	"drydock/api/iam"
	"drydock/bus"
	"drydock/engine/git"
	"drydock/service"
	"drydock/service/servicetest"
	"drydock/store"
)

func TestTriggers_SendManyReferencesInParts(t *testing.T) {
	t.Parallel()
	var s *Service
	var mu sync.Mutex // guards got
	var got []int
	c := servicetest.New(t, func(d service.Deps) []service.Module {
		s = newService(d)
		return []service.Module{s.module(), new(servicetest.Keyring).Module(), {API: iam.API, Targets: []bus.Target{{Service: "sns", Deliver: func(_ context.Context, d bus.Delivery) error {
			var message notice
			if err := json.Unmarshal(d.Payload, &message); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			got = append(got, message.Records[0].EventPartNumber, message.Records[0].EventTotalParts, len(message.Records[0].CodeCommit.References))
			return nil
		}}}}}
	})
	call := c.Call(t)
	if _, err := api.CreateRepository.Do(call, &api.CreateRepositoryInput{RepositoryName: "app"}); err != nil {
		t.Fatal(err)
	}
	_, err := api.PutRepositoryTriggers.Do(call, &api.PutRepositoryTriggersInput{RepositoryName: "app", Triggers: []api.RepositoryTrigger{
		{Name: "all", DestinationARN: "arn:aws:sns:us-east-1:111122223333:pushes", Events: []api.RepositoryTriggerEventEnum{"all"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	row, _, err := s.find(call, "app")
	if err != nil {
		t.Fatal(err)
	}
	var updates []git.RefUpdate
	for i := range triggerPart + 1 {
		updates = append(updates, git.RefUpdate{Ref: fmt.Sprint("refs/tags/v", i), New: "1"})
	}
	noted, err := s.begin(call, row, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.moved(call, noted, updates); err != nil {
		t.Fatal(err)
	}
	c.WaitIdle(t)
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(got, []int{1, 2, triggerPart, 2, 2, 1}) && !slices.Equal(got, []int{2, 2, 1, 1, 2, triggerPart}) {
		t.Errorf("parts %v", got)
	}
}

func TestPullRequest_IsMergedAfterACrash(t *testing.T) {
	t.Parallel()
	c := newCrashed(t)
	topic, err := api.CreateBranch.Do(c.call, &api.CreateBranchInput{RepositoryName: "app", BranchName: "topic", CommitID: string(c.first)})
	if err != nil {
		t.Fatal(topic, err)
	}
	source := git.ID(c.put("topic", c.first))
	made, err := api.CreatePullRequest.Do(c.call, &api.CreatePullRequestInput{Title: "t", Targets: []api.Target{{RepositoryName: "app", SourceReference: "topic"}}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Service.begin(c.call, c.row, func(noted *change) {
		noted.PullRequest, noted.Revision, noted.MergeOption = 1, *made.PullRequest.RevisionID, api.MergeOptionTypeEnumFastForwardMerge
	}, move{Ref: "refs/heads/main", Old: string(c.first), New: string(source)})
	if err != nil {
		t.Fatal(err)
	}
	merge := func() error {
		_, err := api.MergePullRequestByFastForward.Do(c.call, &api.MergePullRequestByFastForwardInput{PullRequestID: "1", RepositoryName: "app"})
		return err
	}
	servicetest.WantError(t, merge(), "ConcurrentReferenceUpdateException") // the first merge is under way
	if _, err := c.files.MergeFastForward(t.Context(), "main", c.first, source); err != nil {
		t.Fatal(err)
	}
	if !c.restart() {
		t.Error("the merge was not followed up")
	}
	out, err := api.GetPullRequest.Do(c.call, &api.GetPullRequestInput{PullRequestID: "1"})
	if err != nil || *out.PullRequest.PullRequestStatus != "CLOSED" || !*out.PullRequest.PullRequestTargets[0].MergeMetadata.IsMerged {
		t.Errorf("%+v %v", out, err)
	}
	servicetest.WantError(t, merge(), "PullRequestAlreadyClosedException")
}

func TestPullRequest_FollowsAPushWhoseClientHasGone(t *testing.T) {
	t.Parallel()
	c := newCrashed(t)
	if _, err := api.CreateBranch.Do(c.call, &api.CreateBranchInput{RepositoryName: "app", BranchName: "topic", CommitID: string(c.first)}); err != nil {
		t.Fatal(err)
	}
	if _, err := api.CreatePullRequest.Do(c.call, &api.CreatePullRequestInput{Title: "t", Targets: []api.Target{{RepositoryName: "app", SourceReference: "topic"}}}); err != nil {
		t.Fatal(err)
	}
	noted := c.begin(move{Ref: "refs/heads/topic", Old: string(c.first), Open: true})
	made, err := c.files.CommitFiles(t.Context(), git.CommitRequest{
		Branch: "topic", Parent: c.first, Author: git.NewSignature("a", "a@b", servicetest.Start), Message: "m",
		Changes: []git.FileChange{{Path: "g", Content: []byte("g")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.moved(gone, noted, []git.RefUpdate{made.Update}); err != nil {
		t.Fatal(err)
	}
	out, err := api.GetPullRequest.Do(c.call, &api.GetPullRequestInput{PullRequestID: "1"})
	if err != nil || *out.PullRequest.PullRequestTargets[0].SourceCommit != string(made.Commit) {
		t.Errorf("%+v %v", out, err)
	}
}

func TestPurge_LeavesNothingOfADeletedRepository(t *testing.T) {
	t.Parallel()
	c := newCrashed(t)
	second := c.put("main", c.first)
	if _, err := api.CreateBranch.Do(c.call, &api.CreateBranchInput{RepositoryName: "app", BranchName: "topic", CommitID: string(c.first)}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, err := api.CreatePullRequest.Do(c.call, &api.CreatePullRequestInput{Title: "t", Targets: []api.Target{{RepositoryName: "app", SourceReference: "topic"}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range purgeBatch {
		out, err := api.PostCommentForComparedCommit.Do(c.call, &api.PostCommentForComparedCommitInput{RepositoryName: "app", AfterCommitID: second, Content: fmt.Sprint(i)})
		if err != nil {
			t.Fatal(err)
		}
		if i%50 > 0 {
			continue
		}
		if _, err := api.PutCommentReaction.Do(c.call, &api.PutCommentReactionInput{CommentID: *out.Comment.CommentID, ReactionValue: "heart"}); err != nil {
			t.Fatal(err)
		}
	}
	p, err := api.GetPullRequest.Do(c.call, &api.GetPullRequestInput{PullRequestID: "2"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = api.OverridePullRequestApprovalRules.Do(c.call, &api.OverridePullRequestApprovalRulesInput{
		PullRequestID: "2", RevisionID: *p.PullRequest.RevisionID, OverrideStatus: "OVERRIDE",
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.PutRepositoryTriggers.Do(c.call, &api.PutRepositoryTriggersInput{RepositoryName: "app", Triggers: []api.RepositoryTrigger{}}); err != nil {
		t.Fatal(err)
	}
	if _, err := api.DeleteRepository.Do(c.call, &api.DeleteRepositoryInput{RepositoryName: "app"}); err != nil {
		t.Fatal(err)
	}
	_, err = api.GetPullRequest.Do(c.call, &api.GetPullRequestInput{PullRequestID: "2"})
	servicetest.WantError(t, err, "PullRequestDoesNotExistException")
	c.cloud.WaitIdle(t)
	err = c.DB.View(t.Context(), func(tx *store.Tx) error {
		left := map[string]int{
			"pull requests": count(t, tx, pullRequests), "events": count(t, tx, pullEvents), "overrides": count(t, tx, overrides), "threads": count(t, tx, threads),
			"comments": count(t, tx, comments), "reactions": count(t, tx, reactions), "triggers": count(t, tx, triggerRows),
		}
		for what, n := range left {
			if n > 0 {
				t.Errorf("%d %s are left", n, what)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func count[T any](t *testing.T, tx *store.Tx, table *store.Table[T]) int {
	t.Helper()
	n := 0
	for _, err := range table.Scan(tx, store.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}
