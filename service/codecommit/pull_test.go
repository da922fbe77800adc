package codecommit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/ledger"
	"drydock/service/servicetest"
)

func createPull(t *testing.T, call *aws.Call, source string, change ...func(*api.CreatePullRequestInput)) api.PullRequest {
	t.Helper()
	in := &api.CreatePullRequestInput{Title: "Merge " + source, Targets: []api.Target{{RepositoryName: "app", SourceReference: source}}}
	for _, c := range change {
		c(in)
	}
	out, err := api.CreatePullRequest.Do(call, in)
	if err != nil {
		t.Fatal(err)
	}
	return out.PullRequest
}

func getPull(t *testing.T, call *aws.Call, id *string) api.PullRequest {
	t.Helper()
	out, err := api.GetPullRequest.Do(call, &api.GetPullRequestInput{PullRequestID: *id})
	if err != nil {
		t.Fatal(err)
	}
	return out.PullRequest
}

// events lists the types of what happened to a pull request, without PULL_REQUEST_.
func events(t *testing.T, call *aws.Call, id *string) []string {
	t.Helper()
	out, err := api.DescribePullRequestEvents.Do(call, &api.DescribePullRequestEventsInput{PullRequestID: *id})
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, e := range out.PullRequestEvents {
		types = append(types, strings.TrimPrefix(string(*e.PullRequestEventType), "PULL_REQUEST_"))
	}
	return types
}

func TestPullRequest_ShowsItsBranches(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CC-04")
	_, call := newCloud(t)
	diverged(t, call)
	p := createPull(t, call, "topic", func(in *api.CreatePullRequestInput) { in.Description = new("why"); in.ClientRequestToken = new("once") })
	base := *getHead(t, call, "app", "base")
	want := api.PullRequest{
		PullRequestID: new("1"), Title: new("Merge topic"), Description: new("why"), CreationDate: new(servicetest.Start), LastActivityDate: new(servicetest.Start),
		PullRequestStatus: new(api.PullRequestStatusEnumOpen), AuthorARN: &call.Principal.ARN, ClientRequestToken: new("once"), RevisionID: p.RevisionID,
		ApprovalRules: []api.ApprovalRule{},
		PullRequestTargets: []api.PullRequestTarget{{
			RepositoryName: new("app"), SourceReference: new("refs/heads/topic"), DestinationReference: new("refs/heads/main"),
			SourceCommit: getHead(t, call, "app", "topic"), DestinationCommit: getHead(t, call, "app", "main"), MergeBase: &base,
			MergeMetadata: &api.MergeMetadata{IsMerged: new(false)},
		}},
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, getPull(t, call, p.PullRequestID)); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	again := createPull(t, call, "topic", func(in *api.CreatePullRequestInput) { in.Description = new("why"); in.ClientRequestToken = new("once") })
	if diff := cmp.Diff(want, again); diff != "" {
		t.Errorf("with the same token (-want +got):\n%s", diff)
	}
	_, err := api.CreatePullRequest.Do(call, &api.CreatePullRequestInput{
		Title: "Other", ClientRequestToken: new("once"), Targets: []api.Target{{RepositoryName: "app", SourceReference: "topic"}},
	})
	servicetest.WantError(t, err, "IdempotencyParameterMismatchException")
}

func TestCreatePullRequest_Errors(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	diverged(t, call)
	createRepository(t, call, "empty")
	target := func(repository, source string, destination *string) []api.Target {
		return []api.Target{{RepositoryName: repository, SourceReference: source, DestinationReference: destination}}
	}
	good := target("app", "topic", nil)
	for code, in := range map[string]*api.CreatePullRequestInput{
		"TitleRequiredException":                     {Targets: good},
		"InvalidTitleException":                      {Title: strings.Repeat("x", 151), Targets: good},
		"InvalidDescriptionException":                {Title: "t", Description: new(strings.Repeat("x", 10241)), Targets: good},
		"InvalidClientRequestTokenException":         {Title: "t", ClientRequestToken: new(strings.Repeat("x", 65)), Targets: good},
		"TargetsRequiredException":                   {Title: "t"},
		"InvalidTargetsException":                    {Title: "t", Targets: slices.Concat(good, good)},
		"MultipleRepositoriesInPullRequestException": {Title: "t", Targets: slices.Concat(good, target("empty", "topic", nil))},
		"RepositoryNameRequiredException":            {Title: "t", Targets: target("", "topic", nil)},
		"RepositoryDoesNotExistException":            {Title: "t", Targets: target("none", "topic", nil)},
		"ReferenceNameRequiredException":             {Title: "t", Targets: target("app", "", nil)},
		"InvalidReferenceNameException":              {Title: "t", Targets: target("app", "a b", nil)},
		"ReferenceTypeNotSupportedException":         {Title: "t", Targets: target("app", "refs/tags/v1", nil)},
		"ReferenceDoesNotExistException":             {Title: "t", Targets: target("app", "none", nil)},
		"SourceAndDestinationAreSameException":       {Title: "t", Targets: target("app", "topic", new("refs/heads/topic"))},
	} {
		_, err := api.CreatePullRequest.Do(call, in)
		servicetest.WantError(t, err, code)
	}
	_, err := api.CreatePullRequest.Do(call, &api.CreatePullRequestInput{Title: "t", Targets: target("empty", "topic", nil)})
	servicetest.WantError(t, err, "ReferenceDoesNotExistException")
	for id, code := range map[string]string{"": "PullRequestIdRequiredException", "x": "InvalidPullRequestIdException", "7": "PullRequestDoesNotExistException"} {
		_, err := api.GetPullRequest.Do(call, &api.GetPullRequestInput{PullRequestID: id})
		servicetest.WantError(t, err, code)
	}
}

func TestPullRequest_ChangesAndCloses(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	diverged(t, call)
	p := createPull(t, call, "topic")
	c.Advance(t, 1e9)
	if _, err := api.UpdatePullRequestTitle.Do(call, &api.UpdatePullRequestTitleInput{PullRequestID: *p.PullRequestID, Title: "New"}); err != nil {
		t.Fatal(err)
	}
	if _, err := api.UpdatePullRequestDescription.Do(call, &api.UpdatePullRequestDescriptionInput{PullRequestID: *p.PullRequestID, Description: "More"}); err != nil {
		t.Fatal(err)
	}
	if now := getPull(t, call, p.PullRequestID); *now.Title != "New" || *now.Description != "More" || !now.LastActivityDate.After(*p.LastActivityDate) {
		t.Errorf("changed to %+v", now)
	}
	status := func(to api.PullRequestStatusEnum) error {
		_, err := api.UpdatePullRequestStatus.Do(call, &api.UpdatePullRequestStatusInput{PullRequestID: *p.PullRequestID, PullRequestStatus: to})
		return err
	}
	servicetest.WantError(t, status(""), "PullRequestStatusRequiredException")
	servicetest.WantError(t, status("x"), "InvalidPullRequestStatusException")
	servicetest.WantError(t, status("OPEN"), "InvalidPullRequestStatusUpdateException")
	if err := status("CLOSED"); err != nil {
		t.Fatal(err)
	}
	servicetest.WantError(t, status("OPEN"), "InvalidPullRequestStatusUpdateException")
	servicetest.WantError(t, status("CLOSED"), "InvalidPullRequestStatusUpdateException")
	_, err := api.UpdatePullRequestTitle.Do(call, &api.UpdatePullRequestTitleInput{PullRequestID: *p.PullRequestID, Title: "Late"})
	servicetest.WantError(t, err, "PullRequestAlreadyClosedException")
	if got, want := events(t, call, p.PullRequestID), []string{"CREATED", "STATUS_CHANGED"}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

func TestListPullRequests_ByStatusAndAuthorInPages(t *testing.T) {
	t.Parallel()
	c, users := newCloudFor(t, map[string]string{"dev": allowAll})
	call := c.Call(t)
	diverged(t, call)
	dev := c.CallAs(t, users.principal("dev"), servicetest.Region)
	for i := range 7 {
		as := call
		if i%2 == 1 {
			as = dev
		}
		createPull(t, as, "topic")
	}
	for _, id := range []string{"2", "3", "6"} {
		if _, err := api.UpdatePullRequestStatus.Do(call, &api.UpdatePullRequestStatusInput{PullRequestID: id, PullRequestStatus: "CLOSED"}); err != nil {
			t.Fatal(err)
		}
	}
	open, closed := new(api.PullRequestStatusEnumOpen), new(api.PullRequestStatusEnumClosed)
	for _, test := range []struct {
		status *api.PullRequestStatusEnum
		author *string
		want   string
	}{
		{nil, nil, "7 6 5 4 3 2 1"},
		{open, nil, "7 5 4 1"},
		{closed, nil, "6 3 2"},
		{nil, &dev.Principal.ARN, "6 4 2"},
		{closed, &dev.Principal.ARN, "6 2"},
	} {
		in := &api.ListPullRequestsInput{RepositoryName: "app", PullRequestStatus: test.status, AuthorARN: test.author, MaxResults: new(int32(2))}
		var got []string
		for {
			out, err := api.ListPullRequests.Do(call, in)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, out.PullRequestIDs...)
			if in.NextToken = out.NextToken; in.NextToken == nil {
				break
			}
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%v %v: %v, want %s", test.status, test.author, got, test.want)
		}
	}
	for code, in := range map[string]*api.ListPullRequestsInput{
		"InvalidMaxResultsException":        {RepositoryName: "app", MaxResults: new(int32(0))},
		"InvalidPullRequestStatusException": {RepositoryName: "app", PullRequestStatus: new(api.PullRequestStatusEnum("x"))},
		"InvalidAuthorArnException":         {RepositoryName: "app", AuthorARN: new("ann")},
		"InvalidContinuationTokenException": {RepositoryName: "app", NextToken: new("x")},
		"RepositoryDoesNotExistException":   {RepositoryName: "none"},
	} {
		_, err := api.ListPullRequests.Do(call, in)
		servicetest.WantError(t, err, code)
	}
}

func TestPullRequest_FollowsPushesAndCommits(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	c.URL(t)
	diverged(t, call)
	p := createPull(t, call, "topic")
	git := newClient(t)
	git.git("", "clone", "-b", "topic", asRoot(t, *getRepository(t, call, "app").CloneURLHTTP, servicetest.Account), "app")
	git.write("app/pushed", "x")
	git.git("app", "add", ".")
	git.git("app", "commit", "-m", "pushed")
	git.git("app", "push", "origin", "topic")
	pushed := getPull(t, call, p.PullRequestID)
	if want := git.git("app", "rev-parse", "HEAD"); *pushed.PullRequestTargets[0].SourceCommit != want || *pushed.RevisionID == *p.RevisionID {
		t.Errorf("after a push: %+v", pushed)
	}
	putFile(t, call, "app", "topic", "t2", "t2")
	committed := getPull(t, call, p.PullRequestID)
	if *committed.PullRequestTargets[0].SourceCommit != *getHead(t, call, "app", "topic") || *committed.RevisionID == *pushed.RevisionID {
		t.Errorf("after a commit: %+v", committed)
	}
	// The destination's tip is shown, but it is no new revision.
	putFile(t, call, "app", "main", "m2", "m2")
	moved := getPull(t, call, p.PullRequestID)
	if *moved.PullRequestTargets[0].DestinationCommit != *getHead(t, call, "app", "main") || *moved.RevisionID != *committed.RevisionID {
		t.Errorf("after a commit to the destination: %+v", moved)
	}
	out, err := api.DescribePullRequestEvents.Do(call, &api.DescribePullRequestEventsInput{
		PullRequestID: *p.PullRequestID, PullRequestEventType: new(api.PullRequestEventTypePullRequestSourceReferenceUpdated),
	})
	if err != nil || len(out.PullRequestEvents) != 2 {
		t.Fatalf("events %+v %v", out, err)
	}
	update := out.PullRequestEvents[0].PullRequestSourceReferenceUpdatedEventMetadata
	if *update.BeforeCommitID != *p.PullRequestTargets[0].SourceCommit || *update.AfterCommitID != *pushed.PullRequestTargets[0].SourceCommit ||
		*update.MergeBase != *getHead(t, call, "app", "base") || *update.RepositoryName != "app" {
		t.Errorf("update %+v", update)
	}
}

func TestPullRequest_ClosesWhenABranchIsDeletedOrForwarded(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	c.URL(t)
	diverged(t, call)
	git := newClient(t)
	git.git("", "clone", asRoot(t, *getRepository(t, call, "app").CloneURLHTTP, servicetest.Account), "app")
	for name, test := range map[string]struct {
		close func(t *testing.T)
		want  []string
	}{
		"source":      {func(*testing.T) { git.git("app", "push", "origin", ":source-s") }, []string{"CREATED", "STATUS_CHANGED"}},
		"destination": {func(t *testing.T) { deleteBranch(t, call, "destination-d") }, []string{"CREATED", "STATUS_CHANGED"}},
		"forwarded": {func(*testing.T) {
			git.git("app", "fetch")
			git.git("app", "checkout", "forwarded-d")
			git.git("app", "merge", "--ff-only", "origin/forwarded-s")
			git.write("app/more", "more")
			git.git("app", "add", ".")
			git.git("app", "commit", "-m", "more")
			git.git("app", "push", "origin", "forwarded-d")
		}, []string{"CREATED", "MERGE_STATE_CHANGED", "STATUS_CHANGED"}},
		"merged by git": {func(*testing.T) {
			git.git("app", "fetch")
			git.git("app", "checkout", "merged-by-git-d")
			git.git("app", "merge", "--no-ff", "-m", "Merge", "origin/merged-by-git-s")
			git.git("app", "push", "origin", "merged-by-git-d")
		}, []string{"CREATED"}},
	} {
		prefix := strings.ReplaceAll(name, " ", "-")
		base := *getHead(t, call, "app", "base")
		createBranch(t, call, "app", prefix+"-d", base)
		createBranch(t, call, "app", prefix+"-s", base)
		putFile(t, call, "app", prefix+"-s", "f", name)
		p := createPull(t, call, prefix+"-s", func(in *api.CreatePullRequestInput) { in.Targets[0].DestinationReference = new(prefix + "-d") })
		test.close(t)
		if got := events(t, call, p.PullRequestID); !slices.Equal(got, test.want) {
			t.Errorf("%s: events %v, want %v", name, got, test.want)
		}
		now := getPull(t, call, p.PullRequestID)
		if merged := *now.PullRequestTargets[0].MergeMetadata.IsMerged; merged != (name == "forwarded") || (*now.PullRequestStatus == "CLOSED") != (len(test.want) > 1) {
			t.Errorf("%s: %+v", name, now)
		}
	}
}

func deleteBranch(t *testing.T, call *aws.Call, branch string) {
	t.Helper()
	if _, err := api.DeleteBranch.Do(call, &api.DeleteBranchInput{RepositoryName: "app", BranchName: branch}); err != nil {
		t.Fatal(err)
	}
}

func TestMergePullRequest_MergesAndCloses(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CC-04")
	for _, option := range []api.MergeOptionTypeEnum{"FAST_FORWARD_MERGE", "SQUASH_MERGE", "THREE_WAY_MERGE"} {
		t.Run(string(option), func(t *testing.T) {
			t.Parallel()
			_, call := newCloud(t)
			diverged(t, call)
			destination := "main-files"
			if option == "FAST_FORWARD_MERGE" {
				destination = "base"
			}
			p := createPull(t, call, "topic-files", func(in *api.CreatePullRequestInput) { in.Targets[0].DestinationReference = &destination })
			source, before := *getHead(t, call, "app", "topic-files"), *getHead(t, call, "app", destination)
			var merged *api.PullRequest
			var err error
			switch option {
			case "FAST_FORWARD_MERGE":
				var out *api.MergePullRequestByFastForwardOutput
				if out, err = api.MergePullRequestByFastForward.Do(call, &api.MergePullRequestByFastForwardInput{PullRequestID: *p.PullRequestID, RepositoryName: "app", SourceCommitID: &source}); err == nil {
					merged = out.PullRequest
				}
			case "SQUASH_MERGE":
				var out *api.MergePullRequestBySquashOutput
				if out, err = api.MergePullRequestBySquash.Do(call, &api.MergePullRequestBySquashInput{PullRequestID: *p.PullRequestID, RepositoryName: "app"}); err == nil {
					merged = out.PullRequest
				}
			default:
				var out *api.MergePullRequestByThreeWayOutput
				if out, err = api.MergePullRequestByThreeWay.Do(call, &api.MergePullRequestByThreeWayInput{PullRequestID: *p.PullRequestID, RepositoryName: "app"}); err == nil {
					merged = out.PullRequest
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			head := getHead(t, call, "app", destination)
			want := &api.MergeMetadata{IsMerged: new(true), MergedBy: &call.Principal.ARN, MergeOption: &option, MergeCommitID: head}
			var parents []string
			switch option {
			case "FAST_FORWARD_MERGE":
				want.MergeCommitID = nil
				if *head != source {
					t.Errorf("forwarded to %s, want %s", *head, source)
				}
			case "SQUASH_MERGE":
				parents = []string{before}
			default:
				parents = []string{before, source}
			}
			if commit, err := api.GetCommit.Do(call, &api.GetCommitInput{RepositoryName: "app", CommitID: *head}); err != nil || parents != nil && !slices.Equal(commit.Commit.Parents, parents) {
				t.Errorf("commit %+v %v, want parents %v", commit, err, parents)
			}
			if diff := cmp.Diff(want, merged.PullRequestTargets[0].MergeMetadata); diff != "" || *merged.PullRequestStatus != "CLOSED" {
				t.Errorf("merge (-want +got):\n%s", diff)
			}
			if got, want := events(t, call, p.PullRequestID), []string{"CREATED", "MERGE_STATE_CHANGED", "STATUS_CHANGED"}; !slices.Equal(got, want) {
				t.Errorf("events %v, want %v", got, want)
			}
			_, err = api.MergePullRequestBySquash.Do(call, &api.MergePullRequestBySquashInput{PullRequestID: *p.PullRequestID, RepositoryName: "app"})
			servicetest.WantError(t, err, "PullRequestAlreadyClosedException")
		})
	}
}

func TestMergePullRequest_Errors(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	diverged(t, call)
	createRepository(t, call, "other")
	p := createPull(t, call, "topic")
	main := *getHead(t, call, "app", "main")
	for _, test := range []struct{ code, id, repository, source string }{
		{"PullRequestIdRequiredException", "", "app", ""},
		{"PullRequestDoesNotExistException", "9", "app", ""},
		{"RepositoryNameRequiredException", "1", "", ""},
		{"RepositoryDoesNotExistException", "1", "none", ""},
		{"RepositoryNotAssociatedWithPullRequestException", "1", "other", ""},
		{"InvalidCommitIdException", "1", "app", "x"},
		{"TipOfSourceReferenceIsDifferentException", "1", "app", main},
		{"ManualMergeRequiredException", "1", "app", ""},
	} {
		in := &api.MergePullRequestByThreeWayInput{PullRequestID: test.id, RepositoryName: test.repository}
		if test.source != "" {
			in.SourceCommitID = &test.source
		}
		_, err := api.MergePullRequestByThreeWay.Do(call, in)
		servicetest.WantError(t, err, test.code)
	}
	_, err := api.MergePullRequestByFastForward.Do(call, &api.MergePullRequestByFastForwardInput{PullRequestID: *p.PullRequestID, RepositoryName: "app"})
	servicetest.WantError(t, err, "ManualMergeRequiredException")
	if *getHead(t, call, "app", "main") != main || *getPull(t, call, p.PullRequestID).PullRequestStatus != "OPEN" {
		t.Error("a refused merge had an effect")
	}
}

func TestPullRequest_AsksForPermissionInItsRepository(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CC-07")
	arn := "arn:aws:codecommit:us-east-1:" + servicetest.Account + ":"
	c, users := newCloudFor(t, map[string]string{
		"app":   `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"codecommit:*","Resource":"` + arn + `app"}]}`,
		"other": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"codecommit:*","Resource":"` + arn + `other"}]}`,
		"dev":   protectMain,
	})
	call := c.Call(t)
	diverged(t, call)
	createPull(t, call, "topic-files")
	as := func(name string) *aws.Call { return c.CallAs(t, users.principal(name), servicetest.Region) }
	get := func(call *aws.Call) error {
		_, err := api.GetPullRequest.Do(call, &api.GetPullRequestInput{PullRequestID: "1"})
		return err
	}
	if err := get(as("app")); err != nil {
		t.Error(err)
	}
	servicetest.WantError(t, get(as("other")), "AccessDeniedException")
	merge := func(name string) error {
		_, err := api.MergePullRequestBySquash.Do(as(name), &api.MergePullRequestBySquashInput{PullRequestID: "1", RepositoryName: "app"})
		return err
	}
	servicetest.WantError(t, merge("other"), "AccessDeniedException")
	servicetest.WantError(t, merge("dev"), "AccessDeniedException")
	if err := merge("app"); err != nil {
		t.Error(err)
	}
}

func TestDescribePullRequestEvents_InPagesAndByActor(t *testing.T) {
	t.Parallel()
	c, users := newCloudFor(t, map[string]string{"dev": allowAll})
	call := c.Call(t)
	diverged(t, call)
	dev := c.CallAs(t, users.principal("dev"), servicetest.Region)
	p := createPull(t, call, "topic")
	for i := range 5 {
		as := call
		if i%2 == 0 {
			as = dev
		}
		putFile(t, as, "app", "topic", fmt.Sprint("f", i), "x")
	}
	list := func(change func(*api.DescribePullRequestEventsInput)) (n, pages int) {
		in := &api.DescribePullRequestEventsInput{PullRequestID: *p.PullRequestID, MaxResults: new(int32(2))}
		change(in)
		for {
			out, err := api.DescribePullRequestEvents.Do(call, in)
			if err != nil {
				t.Fatal(err)
			}
			n, pages = n+len(out.PullRequestEvents), pages+1
			if in.NextToken = out.NextToken; in.NextToken == nil {
				return n, pages
			}
		}
	}
	updated := new(api.PullRequestEventTypePullRequestSourceReferenceUpdated)
	for name, test := range map[string]struct {
		change func(*api.DescribePullRequestEventsInput)
		n      int
		pages  int
	}{
		"all":      {func(*api.DescribePullRequestEventsInput) {}, 6, 3},
		"by type":  {func(in *api.DescribePullRequestEventsInput) { in.PullRequestEventType = updated }, 5, 3},
		"by actor": {func(in *api.DescribePullRequestEventsInput) { in.ActorARN = &dev.Principal.ARN }, 3, 2},
		"by both": {func(in *api.DescribePullRequestEventsInput) {
			in.ActorARN, in.PullRequestEventType = &call.Principal.ARN, updated
		}, 2, 1},
	} {
		if n, pages := list(test.change); n != test.n || pages != test.pages {
			t.Errorf("%s: %d events in %d pages", name, n, pages)
		}
	}
	for code, in := range map[string]*api.DescribePullRequestEventsInput{
		"InvalidPullRequestEventTypeException": {PullRequestID: "1", PullRequestEventType: new(api.PullRequestEventType("x"))},
		"InvalidActorArnException":             {PullRequestID: "1", ActorARN: new("x")},
		"InvalidMaxResultsException":           {PullRequestID: "1", MaxResults: new(int32(-1))},
		"InvalidContinuationTokenException":    {PullRequestID: "1", NextToken: new("x")},
		"PullRequestDoesNotExistException":     {PullRequestID: "2"},
	} {
		_, err := api.DescribePullRequestEvents.Do(call, in)
		servicetest.WantError(t, err, code)
	}
}
