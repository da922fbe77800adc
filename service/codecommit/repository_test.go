package codecommit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/service/servicetest"
)

func getRepository(t *testing.T, call *aws.Call, name string) *api.RepositoryMetadata {
	t.Helper()
	out, err := api.GetRepository.Do(call, &api.GetRepositoryInput{RepositoryName: name})
	if err != nil {
		t.Fatal(err)
	}
	return out.RepositoryMetadata
}

func listRepositories(t *testing.T, call *aws.Call, in api.ListRepositoriesInput) []string {
	t.Helper()
	names := []string{}
	for {
		out, err := api.ListRepositories.Do(call, &in)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range out.Repositories {
			names = append(names, *r.RepositoryName)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return names
		}
	}
}

func TestRepository_LivesFromCreationToDeletion(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	c.URL(t)
	made, err := api.CreateRepository.Do(call, &api.CreateRepositoryInput{
		RepositoryName: "app", RepositoryDescription: new("an app"), Tags: map[string]string{"team": "a"},
	})
	if err != nil {
		t.Fatal(err)
	}
	m := made.RepositoryMetadata
	if got, want := *m.ARN, "arn:aws:codecommit:us-east-1:111122223333:app"; got != want {
		t.Errorf("ARN %s, want %s", got, want)
	}
	if diff := cmp.Diff(m, getRepository(t, call, "app")); diff != "" {
		t.Errorf("GetRepository differs from CreateRepository:\n%s", diff)
	}
	if *m.RepositoryDescription != "an app" || *m.AccountID != servicetest.Account || !m.CreationDate.Equal(servicetest.Start) {
		t.Errorf("metadata %+v", m)
	}
	putFile(t, call, "app", "main", "f", "content")

	c.Advance(t, time.Hour)
	if _, err := api.UpdateRepositoryDescription.Do(call, &api.UpdateRepositoryDescriptionInput{RepositoryName: "app"}); err != nil {
		t.Fatal(err)
	}
	if _, err := api.UpdateRepositoryName.Do(call, &api.UpdateRepositoryNameInput{OldName: "app", NewName: "service"}); err != nil {
		t.Fatal(err)
	}
	renamed := getRepository(t, call, "service")
	if *renamed.RepositoryID != *m.RepositoryID || renamed.RepositoryDescription != nil || *renamed.DefaultBranch != "main" ||
		!renamed.LastModifiedDate.Equal(servicetest.Start.Add(time.Hour)) || !strings.HasSuffix(*renamed.CloneURLHTTP, "/v1/repos/service") {
		t.Errorf("renamed %+v", renamed)
	}
	_, err = api.GetRepository.Do(call, &api.GetRepositoryInput{RepositoryName: "app"})
	servicetest.WantError(t, err, "RepositoryDoesNotExistException")

	deleted, err := api.DeleteRepository.Do(call, &api.DeleteRepositoryInput{RepositoryName: "service"})
	if err != nil || *deleted.RepositoryID != *m.RepositoryID {
		t.Errorf("deleted %+v %v", deleted, err)
	}
	deleted, err = api.DeleteRepository.Do(call, &api.DeleteRepositoryInput{RepositoryName: "service"})
	if err != nil || deleted.RepositoryID != nil {
		t.Errorf("deleted once more: %+v %v, want no id and no error", deleted, err)
	}
	anew := createRepository(t, call, "service")
	if *anew.RepositoryID == *m.RepositoryID || anew.DefaultBranch != nil {
		t.Errorf("created anew: %+v, want an empty one", anew)
	}
}

func TestRepository_IsOfItsAccountAndRegion(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	createRepository(t, call, "app")
	for _, other := range []*aws.Call{call.In("eu-west-1"), c.CallIn(t, "444455556666", servicetest.Region)} {
		_, err := api.GetRepository.Do(other, &api.GetRepositoryInput{RepositoryName: "app"})
		servicetest.WantError(t, err, "RepositoryDoesNotExistException")
		if names := listRepositories(t, other, api.ListRepositoriesInput{}); len(names) != 0 {
			t.Errorf("lists %v", names)
		}
		createRepository(t, other, "app")
	}
	if names := listRepositories(t, call, api.ListRepositoriesInput{}); len(names) != 1 {
		t.Errorf("lists %v", names)
	}
}

func TestListRepositories_SortsByNameAndDate(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	for _, name := range []string{"b", "c", "a"} {
		createRepository(t, call, name)
		c.Advance(t, time.Minute)
	}
	putFile(t, call, "b", "main", "f", "x") // is a modification
	date, down := api.SortByEnumLastModifiedDate, api.OrderEnumDescending
	for _, test := range []struct {
		in   api.ListRepositoriesInput
		want string
	}{
		{api.ListRepositoriesInput{}, "a b c"},
		{api.ListRepositoriesInput{Order: &down}, "c b a"},
		{api.ListRepositoriesInput{SortBy: &date}, "c a b"},
		{api.ListRepositoriesInput{SortBy: &date, Order: &down}, "b a c"},
	} {
		if got := strings.Join(listRepositories(t, call, test.in), " "); got != test.want {
			t.Errorf("listed %s, want %s", got, test.want)
		}
	}
	for code, in := range map[string]*api.ListRepositoriesInput{
		"InvalidSortByException":            {SortBy: new(api.SortByEnum("size"))},
		"InvalidOrderException":             {Order: new(api.OrderEnum("up"))},
		"InvalidContinuationTokenException": {NextToken: new("x")},
	} {
		_, err := api.ListRepositories.Do(call, in)
		servicetest.WantError(t, err, code)
	}
}

func TestBatchGetRepositories_NamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createRepository(t, call, "a")
	createRepository(t, call, "b")
	out, err := api.BatchGetRepositories.Do(call, &api.BatchGetRepositoriesInput{RepositoryNames: []string{"b", "x", "a"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Repositories) != 2 || *out.Repositories[0].RepositoryName != "b" || !slices.Equal(out.RepositoriesNotFound, []string{"x"}) {
		t.Errorf("%+v", out)
	}
	_, err = api.BatchGetRepositories.Do(call, &api.BatchGetRepositoriesInput{})
	servicetest.WantError(t, err, "RepositoryNamesRequiredException")
	_, err = api.BatchGetRepositories.Do(call, &api.BatchGetRepositoriesInput{RepositoryNames: make([]string, 101)})
	servicetest.WantError(t, err, "MaximumRepositoryNamesExceededException")
}

func TestRepository_Errors(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createRepository(t, call, "app")
	create := func(in api.CreateRepositoryInput) error {
		_, err := api.CreateRepository.Do(call, &in)
		return err
	}
	for _, test := range []struct {
		in            api.CreateRepositoryInput
		code, message string
	}{
		{api.CreateRepositoryInput{}, "RepositoryNameRequiredException", ""},
		{api.CreateRepositoryInput{RepositoryName: "a b"}, "InvalidRepositoryNameException", ""},
		{api.CreateRepositoryInput{RepositoryName: "a.git"}, "InvalidRepositoryNameException", ""},
		{api.CreateRepositoryInput{RepositoryName: strings.Repeat("a", 101)}, "InvalidRepositoryNameException", ""},
		{api.CreateRepositoryInput{RepositoryName: "../a"}, "InvalidRepositoryNameException", ""},
		{api.CreateRepositoryInput{RepositoryName: "app"}, "RepositoryNameExistsException", "Repository named app already exists"},
		{api.CreateRepositoryInput{RepositoryName: "b", RepositoryDescription: new(strings.Repeat("a", 1001))}, "InvalidRepositoryDescriptionException", ""},
		{api.CreateRepositoryInput{RepositoryName: "b", Tags: map[string]string{"aws:x": ""}}, "InvalidSystemTagUsageException", ""},
		{api.CreateRepositoryInput{RepositoryName: "b", Tags: map[string]string{"": ""}}, "InvalidTagsMapException", ""},
	} {
		err := create(test.in)
		servicetest.WantError(t, err, test.code)
		if test.message != "" && !strings.HasSuffix(err.Error(), test.message) {
			t.Errorf("message %q, want %q", err, test.message)
		}
	}
	_, err := api.GetRepository.Do(call, &api.GetRepositoryInput{RepositoryName: "none"})
	if err == nil || !strings.HasSuffix(err.Error(), ": none does not exist") {
		t.Errorf("error %v", err)
	}
	createRepository(t, call, "b")
	_, err = api.UpdateRepositoryName.Do(call, &api.UpdateRepositoryNameInput{OldName: "app", NewName: "b"})
	servicetest.WantError(t, err, "RepositoryNameExistsException")
	_, err = api.UpdateRepositoryName.Do(call, &api.UpdateRepositoryNameInput{OldName: "none", NewName: "c"})
	servicetest.WantError(t, err, "RepositoryDoesNotExistException")
	_, err = api.UpdateRepositoryDescription.Do(call, &api.UpdateRepositoryDescriptionInput{RepositoryName: "none"})
	servicetest.WantError(t, err, "RepositoryDoesNotExistException")
	_, err = api.DeleteRepository.Do(call, &api.DeleteRepositoryInput{})
	servicetest.WantError(t, err, "RepositoryNameRequiredException")
}

func TestTags_AreChangedAndListed(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	arn := *createRepository(t, call, "app").ARN
	tag := func(arn string, tags map[string]string) error {
		_, err := api.TagResource.Do(call, &api.TagResourceInput{ResourceARN: arn, Tags: tags})
		return err
	}
	if err := tag(arn, map[string]string{"a": "1", "b": "2"}); err != nil {
		t.Fatal(err)
	}
	if _, err := api.UntagResource.Do(call, &api.UntagResourceInput{ResourceARN: arn, TagKeys: []string{"a", "x"}}); err != nil {
		t.Fatal(err)
	}
	out, err := api.ListTagsForResource.Do(call, &api.ListTagsForResourceInput{ResourceARN: arn})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"b": "2"}, out.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	many := map[string]string{}
	for i := range 50 {
		many[fmt.Sprint("k", i)] = ""
	}
	servicetest.WantError(t, tag(arn, many), "TooManyTagsException")
	servicetest.WantError(t, tag(arn, nil), "TagsMapRequiredException")
	servicetest.WantError(t, tag("", many), "ResourceArnRequiredException")
	servicetest.WantError(t, tag("arn:aws:s3:::app", many), "InvalidResourceArnException")
	servicetest.WantError(t, tag(arn+"x", many), "RepositoryDoesNotExistException")
	_, err = api.UntagResource.Do(call, &api.UntagResourceInput{ResourceARN: arn})
	servicetest.WantError(t, err, "TagKeysListRequiredException")
}

func TestTags_DecideAccess(t *testing.T) {
	t.Parallel()
	c, users := newCloudFor(t, map[string]string{"dev": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"codecommit:*",
		"Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"a"}}}}`})
	call := c.Call(t)
	arn := *createRepository(t, call, "mine").ARN
	createRepository(t, call, "theirs")
	if _, err := api.TagResource.Do(call, &api.TagResourceInput{ResourceARN: arn, Tags: map[string]string{"team": "a"}}); err != nil {
		t.Fatal(err)
	}
	dev := c.CallAs(t, users.principal("dev"), servicetest.Region)
	getRepository(t, dev, "mine")
	_, err := api.GetRepository.Do(dev, &api.GetRepositoryInput{RepositoryName: "theirs"})
	servicetest.WantError(t, err, "AccessDeniedException")
}
