package codecommit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "drydock/api/codecommit"
	"drydock/api/iam"
	"drydock/aws"
	"drydock/bus"
	"drydock/ledger"
	"drydock/service"
	"drydock/service/codecommit"
	"drydock/service/servicetest"
)

const (
	topic    = "arn:aws:sns:us-east-1:111122223333:pushes"
	function = "arn:aws:lambda:us-east-1:111122223333:function:onPush"
)

// inbox collects what triggers deliver.
type inbox struct {
	mu         sync.Mutex // guards deliveries
	deliveries []bus.Delivery
}

func (b *inbox) deliver(_ context.Context, d bus.Delivery) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deliveries = append(b.deliveries, d)
	return nil
}

// record is what tests look at of a message.
type record struct {
	CodeCommit struct {
		References []struct {
			Commit, Ref      string
			Created, Deleted bool
		}
	}
	CustomData                                              *string
	EventName, EventSource, EventSourceARN, EventTime       string
	EventTriggerName, EventTriggerConfigID, UserIdentityARN string
	EventPartNumber, EventTotalParts                        int
}

// take returns the records that came since the last time, in the order of the triggers' names and the references.
func (b *inbox) take(t *testing.T, c *servicetest.Cloud) []record {
	t.Helper()
	c.WaitIdle(t)
	b.mu.Lock()
	defer b.mu.Unlock()
	var records []record
	for _, d := range b.deliveries {
		var message struct{ Records []record }
		if err := json.Unmarshal(d.Payload, &message); err != nil {
			t.Fatal(err)
		}
		records = append(records, message.Records...)
	}
	b.deliveries = nil
	slices.SortFunc(records, func(a, b record) int { return strings.Compare(a.EventTriggerName, b.EventTriggerName) })
	return records
}

func (r record) String() string {
	var refs []string
	for _, ref := range r.CodeCommit.References {
		kind := ""
		if ref.Created {
			kind = "+"
		}
		if ref.Deleted {
			kind = "-"
		}
		refs = append(refs, kind+ref.Ref)
	}
	slices.Sort(refs)
	return r.EventTriggerName + " " + strings.Join(refs, " ")
}

// newCloudWithTargets returns a cloud in which something takes what is sent to topics and functions.
func newCloudWithTargets(t *testing.T) (*servicetest.Cloud, *aws.Call, *inbox) {
	t.Helper()
	b := &inbox{}
	c := servicetest.New(t, func(d service.Deps) []service.Module {
		return []service.Module{codecommit.New(d), new(servicetest.Keyring).Module(), {
			API: iam.API, Targets: []bus.Target{{Service: "sns", Deliver: b.deliver}, {Service: "lambda", Deliver: b.deliver}},
		}}
	})
	return c, c.Call(t), b
}

func putTriggers(t *testing.T, call *aws.Call, list ...api.RepositoryTrigger) string {
	t.Helper()
	out, err := api.PutRepositoryTriggers.Do(call, &api.PutRepositoryTriggersInput{RepositoryName: "app", Triggers: append([]api.RepositoryTrigger{}, list...)})
	if err != nil {
		t.Fatal(err)
	}
	return *out.ConfigurationID
}

func TestTriggers_TellOfPushesAndChangesOfBranchesAndTags(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CC-11", "CC-13", "CC-14")
	c, call, inbox := newCloudWithTargets(t)
	c.URL(t)
	createRepository(t, call, "app")
	all := []api.RepositoryTriggerEventEnum{"all"}
	configuration := putTriggers(t, call,
		api.RepositoryTrigger{Name: "all", DestinationARN: topic, Events: all, CustomData: new("<team> ${x}")},
		api.RepositoryTrigger{Name: "created", DestinationARN: function, Events: []api.RepositoryTriggerEventEnum{"createReference", "deleteReference"}},
		api.RepositoryTrigger{Name: "main", DestinationARN: function, Events: []api.RepositoryTriggerEventEnum{"updateReference"}, Branches: []string{"main", "prod"}},
	)
	says := func(what string, want ...string) []record {
		t.Helper()
		records := inbox.take(t, c)
		var got []string
		for _, r := range records {
			got = append(got, r.String())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
		return records
	}
	head := putFile(t, call, "app", "main", "f", "0").CommitID
	first := says("first commit", "all +refs/heads/main", "created +refs/heads/main")
	if len(first) == 2 {
		r := first[0]
		if *r.CustomData != "<team> ${x}" || first[1].CustomData != nil {
			t.Errorf("custom data %v %v", *r.CustomData, first[1].CustomData)
		}
		got := []any{
			r.EventName, r.EventSource, r.EventSourceARN, r.EventTime, r.EventTriggerConfigID, r.UserIdentityARN, r.EventPartNumber, r.EventTotalParts,
			r.CodeCommit.References[0].Commit,
		}
		want := []any{
			"ReferenceChanges", "aws:codecommit", "arn:aws:codecommit:us-east-1:111122223333:app", servicetest.Start.Format("2006-01-02T15:04:05.000-0700"),
			configuration, call.Principal.ARN, 1, 1, head,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("record (-want +got):\n%s", diff)
		}
	}
	putFile(t, call, "app", "main", "f", "1")
	says("commit", "all refs/heads/main", "main refs/heads/main")
	git := newClient(t)
	git.git("", "clone", asRoot(t, *getRepository(t, call, "app").CloneURLHTTP, servicetest.Account), "app")
	git.git("app", "tag", "v1")
	git.write("app/g", "g")
	git.git("app", "add", ".")
	git.git("app", "commit", "-m", "g")
	git.git("app", "push", "origin", "main", "v1", "HEAD:topic")
	says("push", "all +refs/heads/topic +refs/tags/v1 refs/heads/main", "created +refs/heads/topic +refs/tags/v1", "main refs/heads/main")
	git.git("app", "push", "origin", ":v1")
	says("deleted tag", "all -refs/tags/v1", "created -refs/tags/v1")

	// Neither pull requests nor comments reach triggers, but a merge does: it moves a branch.
	p := createPull(t, call, "topic")
	_, err := api.PostCommentForPullRequest.Do(call, &api.PostCommentForPullRequestInput{
		PullRequestID: *p.PullRequestID, RepositoryName: "app", BeforeCommitID: head, AfterCommitID: *p.PullRequestTargets[0].SourceCommit, Content: "x",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := addRule(call, p.PullRequestID, "one", approvers(1)); err != nil {
		t.Fatal(err)
	}
	says("comment and pull request")
	deleteBranch(t, call, "topic")
	deleted := says("deleted branch", "all -refs/heads/topic", "created -refs/heads/topic")
	if len(deleted) == 2 && deleted[0].CodeCommit.References[0].Commit != *p.PullRequestTargets[0].SourceCommit {
		t.Errorf("deleted %+v", deleted[0])
	}
	putTriggers(t, call)
	putFile(t, call, "app", "main", "f", "2")
	says("without triggers")
}

func TestTriggers_AreKeptAndReplaced(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CC-12")
	_, call := newCloud(t)
	createRepository(t, call, "app")
	get := func() *api.GetRepositoryTriggersOutput {
		t.Helper()
		out, err := api.GetRepositoryTriggers.Do(call, &api.GetRepositoryTriggersInput{RepositoryName: "app"})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if diff := cmp.Diff(&api.GetRepositoryTriggersOutput{Triggers: []api.RepositoryTrigger{}}, get()); diff != "" {
		t.Errorf("at first (-want +got):\n%s", diff)
	}
	list := []api.RepositoryTrigger{
		{Name: "a", DestinationARN: topic, CustomData: new(""), Branches: []string{"main"}, Events: []api.RepositoryTriggerEventEnum{"all"}},
		{Name: "b", DestinationARN: function, Branches: []string{}, Events: []api.RepositoryTriggerEventEnum{"updateReference", "createReference"}},
	}
	id := putTriggers(t, call, list...)
	if diff := cmp.Diff(&api.GetRepositoryTriggersOutput{ConfigurationID: &id, Triggers: list}, get()); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	if again := putTriggers(t, call, list...); again == id {
		t.Error("a new configuration has the old id")
	}
	good := list[0]
	many := make([]api.RepositoryTrigger, 11)
	for i := range many {
		many[i] = good
		many[i].Name = fmt.Sprint("t", i)
	}
	with := func(change func(*api.RepositoryTrigger)) []api.RepositoryTrigger {
		t := good
		change(&t)
		return []api.RepositoryTrigger{t}
	}
	for name, test := range map[string]struct {
		code string
		list []api.RepositoryTrigger
	}{
		"no list":         {"RepositoryTriggersListRequiredException", nil},
		"eleven":          {"MaximumRepositoryTriggersExceededException", many},
		"no name":         {"RepositoryTriggerNameRequiredException", with(func(t *api.RepositoryTrigger) { t.Name = "" })},
		"bad name":        {"InvalidRepositoryTriggerNameException", with(func(t *api.RepositoryTrigger) { t.Name = "a b" })},
		"same name":       {"InvalidRepositoryTriggerNameException", []api.RepositoryTrigger{good, good}},
		"no destination":  {"RepositoryTriggerDestinationArnRequiredException", with(func(t *api.RepositoryTrigger) { t.DestinationARN = "" })},
		"bad destination": {"InvalidRepositoryTriggerDestinationArnException", with(func(t *api.RepositoryTrigger) { t.DestinationARN = "arn:aws:sqs:us-east-1:111122223333:q" })},
		"no ARN":          {"InvalidRepositoryTriggerDestinationArnException", with(func(t *api.RepositoryTrigger) { t.DestinationARN = "pushes" })},
		"other region":    {"InvalidRepositoryTriggerRegionException", with(func(t *api.RepositoryTrigger) { t.DestinationARN = "arn:aws:sns:eu-west-1:111122223333:pushes" })},
		"custom data":     {"InvalidRepositoryTriggerCustomDataException", with(func(t *api.RepositoryTrigger) { t.CustomData = new(strings.Repeat("x", 1001)) })},
		"branches":        {"MaximumBranchesExceededException", with(func(t *api.RepositoryTrigger) { t.Branches = slices.Repeat([]string{"b"}, 11) })},
		"branch":          {"InvalidRepositoryTriggerBranchNameException", with(func(t *api.RepositoryTrigger) { t.Branches = []string{"a b"} })},
		"no events":       {"RepositoryTriggerEventsListRequiredException", with(func(t *api.RepositoryTrigger) { t.Events = nil })},
		"event":           {"InvalidRepositoryTriggerEventsException", with(func(t *api.RepositoryTrigger) { t.Events = []api.RepositoryTriggerEventEnum{"x"} })},
		"all and another": {"InvalidRepositoryTriggerEventsException", with(func(t *api.RepositoryTrigger) { t.Events = []api.RepositoryTriggerEventEnum{"all", "createReference"} })},
	} {
		_, err := api.PutRepositoryTriggers.Do(call, &api.PutRepositoryTriggersInput{RepositoryName: "app", Triggers: test.list})
		if aws.ErrorCode(err) != test.code {
			t.Errorf("%s: %v, want %s", name, err, test.code)
		}
		_, err = api.TestRepositoryTriggers.Do(call, &api.TestRepositoryTriggersInput{RepositoryName: "app", Triggers: test.list})
		if aws.ErrorCode(err) != test.code {
			t.Errorf("test of %s: %v, want %s", name, err, test.code)
		}
	}
	if _, err := api.PutRepositoryTriggers.Do(call, &api.PutRepositoryTriggersInput{RepositoryName: "app", Triggers: many[:10]}); err != nil {
		t.Errorf("ten: %v", err)
	}
	_, err := api.PutRepositoryTriggers.Do(call, &api.PutRepositoryTriggersInput{RepositoryName: "none", Triggers: list})
	servicetest.WantError(t, err, "RepositoryDoesNotExistException")
	_, err = api.GetRepositoryTriggers.Do(call, &api.GetRepositoryTriggersInput{RepositoryName: "none"})
	servicetest.WantError(t, err, "RepositoryDoesNotExistException")
}

func TestTestRepositoryTriggers_SendsOrSaysWhyNot(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CC-11")
	list := []api.RepositoryTrigger{{Name: "a", DestinationARN: topic, Events: []api.RepositoryTriggerEventEnum{"all"}}}
	test := func(call *aws.Call) *api.TestRepositoryTriggersOutput {
		t.Helper()
		out, err := api.TestRepositoryTriggers.Do(call, &api.TestRepositoryTriggersInput{RepositoryName: "app", Triggers: list})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	c, call, inbox := newCloudWithTargets(t)
	createRepository(t, call, "app")
	if out := test(call); !slices.Equal(out.SuccessfulExecutions, []string{"a"}) || len(out.FailedExecutions) != 0 {
		t.Errorf("%+v", out)
	}
	if records := inbox.take(t, c); len(records) != 1 || records[0].CodeCommit.References[0].Commit != strings.Repeat("0", 40) {
		t.Errorf("sample %v", records)
	}
	head := putFile(t, call, "app", "trunk", "f", "0").CommitID
	test(call)
	if records := inbox.take(t, c); len(records) != 1 || records[0].CodeCommit.References[0].Commit != head || records[0].String() != "a refs/heads/trunk" {
		t.Errorf("newest commit %v", records)
	}
	_, alone := newCloud(t)
	createRepository(t, alone, "app")
	if out := test(alone); len(out.SuccessfulExecutions) != 0 || len(out.FailedExecutions) != 1 || *out.FailedExecutions[0].Trigger != "a" {
		t.Errorf("without a target: %+v", out)
	}
}
