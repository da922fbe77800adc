package codecommit_test

import (
	"strings"
	"testing"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/ledger"
	"drydock/service/servicetest"
)

// diverged makes a repository whose branches "main" and "topic" both went on from a first commit: both changed other
// lines of "shared", main changed "m" and topic "t".
func diverged(t *testing.T, call *aws.Call) {
	t.Helper()
	createRepository(t, call, "app")
	lines := strings.Repeat("line\n", 20)
	first := putFile(t, call, "app", "main", "shared", "top\n"+lines+"bottom\n").CommitID
	createBranch(t, call, "app", "topic", first)
	createBranch(t, call, "app", "base", first)
	putFile(t, call, "app", "main", "m", "m")
	putFile(t, call, "app", "topic", "t", "t")
	createBranch(t, call, "app", "main-files", *getHead(t, call, "app", "main"))
	createBranch(t, call, "app", "topic-files", *getHead(t, call, "app", "topic"))
	putFile(t, call, "app", "main", "shared", "TOP\n"+lines+"bottom\n")
	putFile(t, call, "app", "topic", "shared", "top\n"+lines+"BOTTOM\n")
}

func TestMergeOptions_DependOnTheDetail(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	diverged(t, call)
	putFile(t, call, "app", "base", "shared", "other\n")
	byLine := new(api.ConflictDetailLevelTypeEnumLineLevel)
	for _, test := range []struct {
		source, destination string
		level               *api.ConflictDetailLevelTypeEnum
		want                string
	}{
		{"topic", "topic-files", nil, "FAST_FORWARD_MERGE SQUASH_MERGE THREE_WAY_MERGE"},
		{"topic-files", "main-files", nil, "SQUASH_MERGE THREE_WAY_MERGE"},
		{"topic", "main", nil, ""},
		{"topic", "main", byLine, "SQUASH_MERGE THREE_WAY_MERGE"},
		{"topic", "base", byLine, ""},
	} {
		out, err := api.GetMergeOptions.Do(call, &api.GetMergeOptionsInput{
			RepositoryName: "app", SourceCommitSpecifier: test.source, DestinationCommitSpecifier: test.destination, ConflictDetailLevel: test.level,
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, option := range out.MergeOptions {
			got = append(got, string(option))
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s into %s: %v, want %s", test.source, test.destination, got, test.want)
		}
	}
}

func TestMergeBranches_MakeTheHistoryGitSees(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CC-04")
	c, call := newCloud(t)
	c.URL(t)
	diverged(t, call)
	base := *getHead(t, call, "app", "base")
	topic, mainFiles := *getHead(t, call, "app", "topic-files"), *getHead(t, call, "app", "main-files")
	three, err := api.MergeBranchesByThreeWay.Do(call, &api.MergeBranchesByThreeWayInput{
		RepositoryName: "app", SourceCommitSpecifier: "topic-files", DestinationCommitSpecifier: "main-files", AuthorName: new("Bob"),
		Email: new("bob@example.com"), CommitMessage: new("Merge it"),
	})
	if err != nil {
		t.Fatal(err)
	}
	fast, err := api.MergeBranchesByFastForward.Do(call, &api.MergeBranchesByFastForwardInput{
		RepositoryName: "app", SourceCommitSpecifier: *three.CommitID, DestinationCommitSpecifier: base, TargetBranch: new("base"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if *fast.CommitID != *three.CommitID || *fast.TreeID != *three.TreeID || *getHead(t, call, "app", "base") != *three.CommitID {
		t.Errorf("fast-forward to %s, want %s", *fast.CommitID, *three.CommitID)
	}
	squash, err := api.MergeBranchesBySquash.Do(call, &api.MergeBranchesBySquashInput{
		RepositoryName: "app", SourceCommitSpecifier: "topic", DestinationCommitSpecifier: "refs/heads/main",
		ConflictDetailLevel: new(api.ConflictDetailLevelTypeEnumLineLevel),
	})
	if err != nil {
		t.Fatal(err)
	}
	git := newClient(t)
	git.git("", "clone", asRoot(t, *getRepository(t, call, "app").CloneURLHTTP, servicetest.Account), "app")
	if got := git.git("app", "log", "-1", "--format=%P %an %s", "origin/main-files"); got != mainFiles+" "+topic+" Bob Merge it" {
		t.Errorf("three-way: %s", got)
	}
	if got := git.git("app", "log", "-1", "--format=%H %s", "origin/main"); got != *squash.CommitID+" Merge topic into main" {
		t.Errorf("squash: %s", got)
	}
	if got := strings.Fields(git.git("app", "log", "-1", "--format=%P", "origin/main")); len(got) != 1 {
		t.Errorf("a squashed commit has the parents %v", got)
	}
	if content := git.read("app/shared"); !strings.HasPrefix(content, "TOP\n") || !strings.HasSuffix(content, "\nBOTTOM\n") {
		t.Errorf("merged into %q", content)
	}
}

func TestMergeBranches_Errors(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	diverged(t, call)
	head := *getHead(t, call, "app", "main")
	for _, test := range []struct {
		code                string
		source, destination string
		target              *string
	}{
		{"CommitRequiredException", "", "main", nil},
		{"CommitDoesNotExistException", "none", "main", nil},
		{"InvalidCommitException", "a..b", "main", nil},
		{"BranchNameRequiredException", "topic", head, nil},
		{"BranchDoesNotExistException", "topic", "main", new("none")},
		{"InvalidBranchNameException", "topic", "main", new("a b")},
		{"ConcurrentReferenceUpdateException", "topic", "base", new("main")},
		{"ManualMergeRequiredException", "topic", "main", nil},
	} {
		_, err := api.MergeBranchesByThreeWay.Do(call, &api.MergeBranchesByThreeWayInput{
			RepositoryName: "app", SourceCommitSpecifier: test.source, DestinationCommitSpecifier: test.destination, TargetBranch: test.target,
		})
		servicetest.WantError(t, err, test.code)
	}
	_, err := api.MergeBranchesByFastForward.Do(call, &api.MergeBranchesByFastForwardInput{
		RepositoryName: "app", SourceCommitSpecifier: "topic", DestinationCommitSpecifier: "main",
	})
	servicetest.WantError(t, err, "ManualMergeRequiredException")
	_, err = api.GetMergeOptions.Do(call, &api.GetMergeOptionsInput{
		RepositoryName: "app", SourceCommitSpecifier: "topic", DestinationCommitSpecifier: "main", ConflictDetailLevel: new(api.ConflictDetailLevelTypeEnum("x")),
	})
	servicetest.WantError(t, err, "InvalidConflictDetailLevelException")
	if now := *getHead(t, call, "app", "main"); now != head {
		t.Errorf("refused merges moved the branch to %s", now)
	}
}

func TestBranchProtection_CoversMerges(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CC-07")
	c, users := newCloudFor(t, map[string]string{"dev": protectMain})
	diverged(t, c.Call(t))
	dev := c.CallAs(t, users.principal("dev"), servicetest.Region)
	merge := func(destination string, target *string) error {
		_, err := api.MergeBranchesBySquash.Do(dev, &api.MergeBranchesBySquashInput{
			RepositoryName: "app", SourceCommitSpecifier: "topic-files", DestinationCommitSpecifier: destination, TargetBranch: target,
		})
		return err
	}
	// The branch is protected however it is named.
	head := *getHead(t, dev, "app", "main")
	for _, destination := range []string{"main", "refs/heads/main"} {
		servicetest.WantError(t, merge(destination, nil), "AccessDeniedException")
	}
	servicetest.WantError(t, merge(head, new("main")), "AccessDeniedException")
	if err := merge("main-files", nil); err != nil {
		t.Errorf("merge into another branch: %v", err)
	}
	if *getHead(t, dev, "app", "main") != head {
		t.Error("main has moved")
	}
}
