package codecommit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/service/servicetest"
)

// approvers is the content of a rule that wants n approvals from a pool.
func approvers(n int, pool ...string) string {
	members := ""
	if len(pool) > 0 {
		members = `,"ApprovalPoolMembers":["` + strings.Join(pool, `","`) + `"]`
	}
	return fmt.Sprintf(`{"Version":"2018-11-08","Statements":[{"Type":"Approvers","NumberOfApprovalsNeeded":%d%s}]}`, n, members)
}

func addRule(call *aws.Call, id *string, name, content string) error {
	_, err := api.CreatePullRequestApprovalRule.Do(call, &api.CreatePullRequestApprovalRuleInput{PullRequestID: *id, ApprovalRuleName: name, ApprovalRuleContent: content})
	return err
}

func approve(call *aws.Call, p api.PullRequest, state api.ApprovalState) error {
	_, err := api.UpdatePullRequestApprovalState.Do(call, &api.UpdatePullRequestApprovalStateInput{
		PullRequestID: *p.PullRequestID, RevisionID: *p.RevisionID, ApprovalState: state,
	})
	return err
}

func squash(call *aws.Call, p api.PullRequest) error {
	_, err := api.MergePullRequestBySquash.Do(call, &api.MergePullRequestBySquashInput{PullRequestID: *p.PullRequestID, RepositoryName: "app"})
	return err
}

func TestApprovalRules_DecideWhetherAPullRequestMerges(t *testing.T) {
	t.Parallel()
	c, users := newCloudFor(t, map[string]string{"ann": allowAll, "bob": allowAll})
	author := c.Call(t)
	ann, bob := c.CallAs(t, users.principal("ann"), servicetest.Region), c.CallAs(t, users.principal("bob"), servicetest.Region)
	diverged(t, author)
	p := createPull(t, author, "topic-files", func(in *api.CreatePullRequestInput) { in.Targets[0].DestinationReference = new("main-files") })
	if err := addRule(author, p.PullRequestID, "two", approvers(2)); err != nil {
		t.Fatal(err)
	}
	if err := addRule(author, p.PullRequestID, "ann's", approvers(1, "CodeCommitApprovers:"+servicetest.Account+":ann")); aws.ErrorCode(err) != "InvalidApprovalRuleNameException" {
		t.Errorf("a name with an apostrophe: %v", err)
	}
	if err := addRule(author, p.PullRequestID, "ann only", approvers(1, "CodeCommitApprovers:"+servicetest.Account+":ann")); err != nil {
		t.Fatal(err)
	}
	evaluate := func(wantApproved bool, satisfied, unsatisfied []string) {
		t.Helper()
		out, err := api.EvaluatePullRequestApprovalRules.Do(author, &api.EvaluatePullRequestApprovalRulesInput{PullRequestID: *p.PullRequestID, RevisionID: *p.RevisionID})
		if err != nil {
			t.Fatal(err)
		}
		want := api.Evaluation{Approved: &wantApproved, Overridden: new(false), ApprovalRulesSatisfied: satisfied, ApprovalRulesNotSatisfied: unsatisfied}
		if diff := cmp.Diff(want, out.Evaluation); diff != "" {
			t.Errorf("evaluation (-want +got):\n%s", diff)
		}
	}
	evaluate(false, []string{}, []string{"two", "ann only"})
	servicetest.WantError(t, squash(author, p), "PullRequestApprovalRulesNotSatisfiedException")
	servicetest.WantError(t, approve(author, p, "APPROVE"), "PullRequestCannotBeApprovedByAuthorException")
	if err := approve(bob, p, "APPROVE"); err != nil {
		t.Fatal(err)
	}
	servicetest.WantError(t, squash(author, p), "PullRequestApprovalRulesNotSatisfiedException")
	if err := approve(ann, p, "APPROVE"); err != nil {
		t.Fatal(err)
	}
	evaluate(true, []string{"two", "ann only"}, []string{})
	if err := approve(bob, p, "REVOKE"); err != nil {
		t.Fatal(err)
	}
	evaluate(false, []string{"ann only"}, []string{"two"})
	if err := approve(bob, p, "APPROVE"); err != nil {
		t.Fatal(err)
	}
	states, err := api.GetPullRequestApprovalStates.Do(author, &api.GetPullRequestApprovalStatesInput{PullRequestID: *p.PullRequestID, RevisionID: *p.RevisionID})
	want := []api.Approval{
		{UserARN: &ann.Principal.ARN, ApprovalState: new(api.ApprovalStateApprove)}, {UserARN: &bob.Principal.ARN, ApprovalState: new(api.ApprovalStateApprove)},
	}
	if diff := cmp.Diff(want, states.Approvals); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	// A new commit is a new revision, which nobody approved.
	old := p
	putFile(t, author, "app", "topic-files", "t", "changed")
	p = getPull(t, author, p.PullRequestID)
	evaluate(false, []string{}, []string{"two", "ann only"})
	servicetest.WantError(t, approve(bob, old, "APPROVE"), "RevisionNotCurrentException")
	servicetest.WantError(t, squash(author, p), "PullRequestApprovalRulesNotSatisfiedException")
	for _, call := range []*aws.Call{ann, bob} {
		if err := approve(call, p, "APPROVE"); err != nil {
			t.Fatal(err)
		}
	}
	if err := squash(author, p); err != nil {
		t.Error(err)
	}
	servicetest.WantError(t, approve(ann, p, "APPROVE"), "PullRequestAlreadyClosedException")
	kinds := []string{
		"CREATED", "APPROVAL_RULE_CREATED", "APPROVAL_RULE_CREATED", "APPROVAL_STATE_CHANGED", "APPROVAL_STATE_CHANGED", "APPROVAL_STATE_CHANGED",
		"APPROVAL_STATE_CHANGED", "SOURCE_REFERENCE_UPDATED", "APPROVAL_STATE_CHANGED", "APPROVAL_STATE_CHANGED", "MERGE_STATE_CHANGED", "STATUS_CHANGED",
	}
	if got := events(t, author, p.PullRequestID); !slices.Equal(got, kinds) {
		t.Errorf("events %v", got)
	}
}

func TestApprovalRules_CanBeOverridden(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	diverged(t, call)
	p := createPull(t, call, "topic-files", func(in *api.CreatePullRequestInput) { in.Targets[0].DestinationReference = new("main-files") })
	if err := addRule(call, p.PullRequestID, "one", approvers(1)); err != nil {
		t.Fatal(err)
	}
	override := func(status api.OverrideStatus) error {
		_, err := api.OverridePullRequestApprovalRules.Do(call, &api.OverridePullRequestApprovalRulesInput{
			PullRequestID: *p.PullRequestID, RevisionID: *p.RevisionID, OverrideStatus: status,
		})
		return err
	}
	state := func() *api.GetPullRequestOverrideStateOutput {
		t.Helper()
		out, err := api.GetPullRequestOverrideState.Do(call, &api.GetPullRequestOverrideStateInput{PullRequestID: *p.PullRequestID, RevisionID: *p.RevisionID})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	servicetest.WantError(t, override(""), "OverrideStatusRequiredException")
	servicetest.WantError(t, override("x"), "InvalidOverrideStatusException")
	if err := override("OVERRIDE"); err != nil {
		t.Fatal(err)
	}
	servicetest.WantError(t, override("OVERRIDE"), "OverrideAlreadySetException")
	if out := state(); !*out.Overridden || *out.Overrider != call.Principal.ARN {
		t.Errorf("state %+v", out)
	}
	if err := override("REVOKE"); err != nil {
		t.Fatal(err)
	}
	if out := state(); *out.Overridden || out.Overrider != nil {
		t.Errorf("state %+v", out)
	}
	servicetest.WantError(t, squash(call, p), "PullRequestApprovalRulesNotSatisfiedException")
	if err := override("OVERRIDE"); err != nil {
		t.Fatal(err)
	}
	if err := squash(call, p); err != nil {
		t.Error(err)
	}
	if got := events(t, call, p.PullRequestID); !slices.Equal(got[2:5], []string{"APPROVAL_RULE_OVERRIDDEN", "APPROVAL_RULE_OVERRIDDEN", "APPROVAL_RULE_OVERRIDDEN"}) {
		t.Errorf("events %v", got)
	}
}

func TestApprovalRule_ChangesAndGoes(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	diverged(t, call)
	p := createPull(t, call, "topic")
	if err := addRule(call, p.PullRequestID, "one", approvers(1)); err != nil {
		t.Fatal(err)
	}
	servicetest.WantError(t, addRule(call, p.PullRequestID, "one", approvers(1)), "ApprovalRuleNameAlreadyExistsException")
	servicetest.WantError(t, addRule(call, p.PullRequestID, "", approvers(1)), "ApprovalRuleNameRequiredException")
	servicetest.WantError(t, addRule(call, p.PullRequestID, "x", ""), "ApprovalRuleContentRequiredException")
	for _, content := range []string{
		"x", "{}", approvers(0), approvers(201), approvers(1, "ann"), approvers(1, "CodeCommitApprovers:1:ann"), approvers(1) + "x",
		`{"Version":"2018-11-08","Statements":[]}`, `{"Version":"2018-11-08","Statements":[{"Type":"x","NumberOfApprovalsNeeded":1}]}`,
		`{"Version":"2012-10-17","Statements":[{"Type":"Approvers","NumberOfApprovalsNeeded":1}]}`,
		`{"Version":"2018-11-08","Unknown":1,"Statements":[{"Type":"Approvers","NumberOfApprovalsNeeded":1}]}`,
		`{"Version":"2018-11-08","DestinationReferences":["refs/heads/main"],"Statements":[{"Type":"Approvers","NumberOfApprovalsNeeded":1}]}`,
		approvers(1, slices.Repeat([]string{"CodeCommitApprovers:111122223333:a"}, 51)...),
	} {
		servicetest.WantError(t, addRule(call, p.PullRequestID, "x", content), "InvalidApprovalRuleContentException")
	}
	rule := getPull(t, call, p.PullRequestID).ApprovalRules[0]
	update := func(name, content string, sum *string) (*api.UpdatePullRequestApprovalRuleContentOutput, error) {
		return api.UpdatePullRequestApprovalRuleContent.Do(call, &api.UpdatePullRequestApprovalRuleContentInput{
			PullRequestID: *p.PullRequestID, ApprovalRuleName: name, NewRuleContent: content, ExistingRuleContentSha256: sum,
		})
	}
	_, err := update("one", approvers(2), new("x"))
	servicetest.WantError(t, err, "InvalidRuleContentSha256Exception")
	_, err = update("none", approvers(2), nil)
	servicetest.WantError(t, err, "ApprovalRuleDoesNotExistException")
	changed, err := update("one", approvers(2), rule.RuleContentSha256)
	if err != nil || *changed.ApprovalRule.ApprovalRuleContent != approvers(2) || *changed.ApprovalRule.ApprovalRuleID != *rule.ApprovalRuleID {
		t.Errorf("changed to %+v %v", changed, err)
	}
	remove := func(name string) string {
		t.Helper()
		out, err := api.DeletePullRequestApprovalRule.Do(call, &api.DeletePullRequestApprovalRuleInput{PullRequestID: *p.PullRequestID, ApprovalRuleName: name})
		if err != nil {
			t.Fatal(err)
		}
		return out.ApprovalRuleID
	}
	if id := remove("one"); id != *rule.ApprovalRuleID {
		t.Errorf("deleted %s", id)
	}
	if id := remove("one"); id != "" {
		t.Errorf("deleted again: %s", id)
	}
	for i := range 30 {
		if err := addRule(call, p.PullRequestID, fmt.Sprint("rule ", i), approvers(1)); err != nil {
			t.Fatal(err)
		}
	}
	servicetest.WantError(t, addRule(call, p.PullRequestID, "x", approvers(1)), "NumberOfRulesExceededException")
	if got := events(t, call, p.PullRequestID)[:4]; !slices.Equal(got, []string{"CREATED", "APPROVAL_RULE_CREATED", "APPROVAL_RULE_UPDATED", "APPROVAL_RULE_DELETED"}) {
		t.Errorf("events %v", got)
	}
}

func TestTemplates_MakeTheRulesOfNewPullRequests(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	diverged(t, call)
	createRepository(t, call, "other")
	content := `{"Version":"2018-11-08","DestinationReferences":["refs/heads/main"],"Statements":[{"Type":"Approvers","NumberOfApprovalsNeeded":1}]}`
	made, err := api.CreateApprovalRuleTemplate.Do(call, &api.CreateApprovalRuleTemplateInput{
		ApprovalRuleTemplateName: "for main", ApprovalRuleTemplateContent: content, ApprovalRuleTemplateDescription: new("d"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.AssociateApprovalRuleTemplateWithRepository.Do(call, &api.AssociateApprovalRuleTemplateWithRepositoryInput{
		ApprovalRuleTemplateName: "for main", RepositoryName: "app",
	}); err != nil {
		t.Fatal(err)
	}
	if p := createPull(t, call, "topic", func(in *api.CreatePullRequestInput) { in.Targets[0].DestinationReference = new("base") }); len(p.ApprovalRules) != 0 {
		t.Errorf("into another branch: %+v", p.ApprovalRules)
	}
	p := createPull(t, call, "topic")
	if len(p.ApprovalRules) != 1 {
		t.Fatalf("rules %+v", p.ApprovalRules)
	}
	rule := p.ApprovalRules[0]
	origin := &api.OriginApprovalRuleTemplate{ApprovalRuleTemplateID: made.ApprovalRuleTemplate.ApprovalRuleTemplateID, ApprovalRuleTemplateName: new("for main")}
	if diff := cmp.Diff(origin, rule.OriginApprovalRuleTemplate); diff != "" || *rule.ApprovalRuleName != "for main" || *rule.ApprovalRuleContent != content {
		t.Errorf("rule %+v\n%s", rule, diff)
	}
	servicetest.WantError(t, squash(call, p), "PullRequestApprovalRulesNotSatisfiedException")
	_, err = api.DeletePullRequestApprovalRule.Do(call, &api.DeletePullRequestApprovalRuleInput{PullRequestID: *p.PullRequestID, ApprovalRuleName: "for main"})
	servicetest.WantError(t, err, "CannotDeleteApprovalRuleFromTemplateException")
	_, err = api.UpdatePullRequestApprovalRuleContent.Do(call, &api.UpdatePullRequestApprovalRuleContentInput{
		PullRequestID: *p.PullRequestID, ApprovalRuleName: "for main", NewRuleContent: approvers(1),
	})
	servicetest.WantError(t, err, "CannotModifyApprovalRuleFromTemplateException")
}

func TestTemplates_ChangeAndGo(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	create := func(name, content string, description *string) error {
		_, err := api.CreateApprovalRuleTemplate.Do(call, &api.CreateApprovalRuleTemplateInput{
			ApprovalRuleTemplateName: name, ApprovalRuleTemplateContent: content, ApprovalRuleTemplateDescription: description,
		})
		return err
	}
	for _, name := range []string{"a", "b", "c"} {
		if err := create(name, approvers(1), nil); err != nil {
			t.Fatal(err)
		}
	}
	servicetest.WantError(t, create("", approvers(1), nil), "ApprovalRuleTemplateNameRequiredException")
	servicetest.WantError(t, create("x/y", approvers(1), nil), "InvalidApprovalRuleTemplateNameException")
	servicetest.WantError(t, create("a", approvers(1), nil), "ApprovalRuleTemplateNameAlreadyExistsException")
	servicetest.WantError(t, create("x", "", nil), "ApprovalRuleTemplateContentRequiredException")
	servicetest.WantError(t, create("x", "{}", nil), "InvalidApprovalRuleTemplateContentException")
	servicetest.WantError(t, create("x", approvers(1), new(strings.Repeat("x", 1001))), "InvalidApprovalRuleTemplateDescriptionException")
	get := func(name string) (api.ApprovalRuleTemplate, error) {
		out, err := api.GetApprovalRuleTemplate.Do(call, &api.GetApprovalRuleTemplateInput{ApprovalRuleTemplateName: name})
		if err != nil {
			return api.ApprovalRuleTemplate{}, err
		}
		return out.ApprovalRuleTemplate, nil
	}
	_, err := get("x")
	servicetest.WantError(t, err, "ApprovalRuleTemplateDoesNotExistException")
	first, err := get("a")
	if err != nil || first.ApprovalRuleTemplateDescription != nil || *first.LastModifiedUser != call.Principal.ARN {
		t.Errorf("template %+v %v", first, err)
	}
	if _, err := api.UpdateApprovalRuleTemplateDescription.Do(call, &api.UpdateApprovalRuleTemplateDescriptionInput{
		ApprovalRuleTemplateName: "a", ApprovalRuleTemplateDescription: "new",
	}); err != nil {
		t.Fatal(err)
	}
	_, err = api.UpdateApprovalRuleTemplateContent.Do(call, &api.UpdateApprovalRuleTemplateContentInput{
		ApprovalRuleTemplateName: "a", NewRuleContent: approvers(2), ExistingRuleContentSha256: new("x"),
	})
	servicetest.WantError(t, err, "InvalidRuleContentSha256Exception")
	if _, err := api.UpdateApprovalRuleTemplateContent.Do(call, &api.UpdateApprovalRuleTemplateContentInput{
		ApprovalRuleTemplateName: "a", NewRuleContent: approvers(2), ExistingRuleContentSha256: first.RuleContentSha256,
	}); err != nil {
		t.Fatal(err)
	}
	rename := func(from, to string) error {
		_, err := api.UpdateApprovalRuleTemplateName.Do(call, &api.UpdateApprovalRuleTemplateNameInput{OldApprovalRuleTemplateName: from, NewApprovalRuleTemplateName: to})
		return err
	}
	servicetest.WantError(t, rename("a", "b"), "ApprovalRuleTemplateNameAlreadyExistsException")
	servicetest.WantError(t, rename("x", "y"), "ApprovalRuleTemplateDoesNotExistException")
	if err := rename("a", "z"); err != nil {
		t.Fatal(err)
	}
	now, err := get("z")
	if err != nil || *now.ApprovalRuleTemplateID != *first.ApprovalRuleTemplateID || *now.ApprovalRuleTemplateDescription != "new" || *now.ApprovalRuleTemplateContent != approvers(2) {
		t.Errorf("template %+v %v", now, err)
	}
	var names []string
	in := &api.ListApprovalRuleTemplatesInput{MaxResults: new(int32(2))}
	for {
		out, err := api.ListApprovalRuleTemplates.Do(call, in)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, out.ApprovalRuleTemplateNames...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if !slices.Equal(names, []string{"b", "c", "z"}) {
		t.Errorf("templates %v", names)
	}
	createRepository(t, call, "app")
	batch, err := api.BatchAssociateApprovalRuleTemplateWithRepositories.Do(call, &api.BatchAssociateApprovalRuleTemplateWithRepositoriesInput{
		ApprovalRuleTemplateName: "z", RepositoryNames: []string{"app", "none"},
	})
	if err != nil || !slices.Equal(batch.AssociatedRepositoryNames, []string{"app"}) || len(batch.Errors) != 1 || *batch.Errors[0].ErrorCode != "RepositoryDoesNotExistException" {
		t.Errorf("associated %+v %v", batch, err)
	}
	remove := func() (string, error) {
		out, err := api.DeleteApprovalRuleTemplate.Do(call, &api.DeleteApprovalRuleTemplateInput{ApprovalRuleTemplateName: "z"})
		if err != nil {
			return "", err
		}
		return out.ApprovalRuleTemplateID, nil
	}
	_, err = remove()
	servicetest.WantError(t, err, "ApprovalRuleTemplateInUseException")
	// A repository takes its associations along.
	if _, err := api.DeleteRepository.Do(call, &api.DeleteRepositoryInput{RepositoryName: "app"}); err != nil {
		t.Fatal(err)
	}
	if id, err := remove(); err != nil || id != *first.ApprovalRuleTemplateID {
		t.Errorf("deleted %q %v", id, err)
	}
	if id, err := remove(); err != nil || id != "" {
		t.Errorf("deleted again %q %v", id, err)
	}
}

func TestAssociations_InPagesAndWithinTheirLimit(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	var repositories []string
	for i := range 5 {
		repositories = append(repositories, fmt.Sprint("r", i))
		createRepository(t, call, repositories[i])
	}
	for i := range 26 {
		_, err := api.CreateApprovalRuleTemplate.Do(call, &api.CreateApprovalRuleTemplateInput{ApprovalRuleTemplateName: fmt.Sprint("t", i), ApprovalRuleTemplateContent: approvers(1)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = api.AssociateApprovalRuleTemplateWithRepository.Do(call, &api.AssociateApprovalRuleTemplateWithRepositoryInput{ApprovalRuleTemplateName: fmt.Sprint("t", i), RepositoryName: "r0"})
		if i < 25 && err != nil || i == 25 && aws.ErrorCode(err) != "MaximumRuleTemplatesAssociatedWithRepositoryException" {
			t.Errorf("template %d: %v", i, err)
		}
	}
	if _, err := api.BatchAssociateApprovalRuleTemplateWithRepositories.Do(call, &api.BatchAssociateApprovalRuleTemplateWithRepositoriesInput{
		ApprovalRuleTemplateName: "t0", RepositoryNames: repositories,
	}); err != nil {
		t.Fatal(err)
	}
	var got []string
	in := &api.ListRepositoriesForApprovalRuleTemplateInput{ApprovalRuleTemplateName: "t0", MaxResults: new(int32(2))}
	for {
		out, err := api.ListRepositoriesForApprovalRuleTemplate.Do(call, in)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, out.RepositoryNames...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if slices.Sort(got); !slices.Equal(got, repositories) {
		t.Errorf("repositories %v", got)
	}
	listed := func() int {
		t.Helper()
		n := 0
		in := &api.ListAssociatedApprovalRuleTemplatesForRepositoryInput{RepositoryName: "r0", MaxResults: new(int32(10))}
		for {
			out, err := api.ListAssociatedApprovalRuleTemplatesForRepository.Do(call, in)
			if err != nil {
				t.Fatal(err)
			}
			n += len(out.ApprovalRuleTemplateNames)
			if in.NextToken = out.NextToken; in.NextToken == nil {
				return n
			}
		}
	}
	if n := listed(); n != 25 {
		t.Errorf("%d templates", n)
	}
	if _, err := api.DisassociateApprovalRuleTemplateFromRepository.Do(call, &api.DisassociateApprovalRuleTemplateFromRepositoryInput{
		ApprovalRuleTemplateName: "t1", RepositoryName: "r0",
	}); err != nil {
		t.Fatal(err)
	}
	batch, err := api.BatchDisassociateApprovalRuleTemplateFromRepositories.Do(call, &api.BatchDisassociateApprovalRuleTemplateFromRepositoriesInput{
		ApprovalRuleTemplateName: "t0", RepositoryNames: append(repositories, "none"),
	})
	if err != nil || !slices.Equal(batch.DisassociatedRepositoryNames, repositories) || len(batch.Errors) != 1 {
		t.Errorf("disassociated %+v %v", batch, err)
	}
	if n := listed(); n != 23 {
		t.Errorf("%d templates are left", n)
	}
	_, err = api.BatchAssociateApprovalRuleTemplateWithRepositories.Do(call, &api.BatchAssociateApprovalRuleTemplateWithRepositoriesInput{ApprovalRuleTemplateName: "t0"})
	servicetest.WantError(t, err, "RepositoryNamesRequiredException")
	_, err = api.BatchAssociateApprovalRuleTemplateWithRepositories.Do(call, &api.BatchAssociateApprovalRuleTemplateWithRepositoriesInput{
		ApprovalRuleTemplateName: "t0", RepositoryNames: make([]string, 101),
	})
	servicetest.WantError(t, err, "MaximumRepositoryNamesExceededException")
}
