package codecommit_test

import (
	"encoding/json"
	"slices"
	"testing"

	"drydock/resource"
	"drydock/service/servicetest"
)

// properties reads a resource's properties from JSON.
func properties(t *testing.T, text string) resource.Properties {
	t.Helper()
	var p resource.Properties
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRepositoryResource_LivesAsItsPropertiesSay(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	base := c.URL(t)
	types, err := resource.NewRegistry(c.Modules[0].Resources...)
	if err != nil {
		t.Fatal(err)
	}
	repository, _ := types.Lookup("AWS::CodeCommit::Repository")
	id, err := repository.Create(call, properties(t, `{"RepositoryName":"app","RepositoryDescription":"d","Tags":[{"Key":"b","Value":"2"},{"Key":"a","Value":"1"}]}`))
	if err != nil || id != *getRepository(t, call, "app").RepositoryID {
		t.Fatalf("created %q, %v", id, err)
	}
	read := func(name, rest string) resource.Properties {
		t.Helper()
		p, err := repository.Read(call, id)
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		want := `{"Arn":"arn:aws:codecommit:us-east-1:111122223333:` + name + `","CloneUrlHttp":"` + base + `/v1/repos/` + name +
			`","CloneUrlSsh":"ssh://git-codecommit.us-east-1.amazonaws.com/v1/repos/` + name + `","Id":"` + id + `","Name":"` + name + `",` + rest + `}`
		if string(got) != want {
			t.Errorf("properties %s\nwant %s", got, want)
		}
		return p
	}
	now := read("app", `"RepositoryDescription":"d","RepositoryName":"app","Tags":[{"Key":"a","Value":"1"},{"Key":"b","Value":"2"}]`)
	err = repository.Update(call, id, now, properties(t, `{"RepositoryName":"service","Tags":[{"Key":"b","Value":"3"},{"Key":"c","Value":"4"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	read("service", `"RepositoryName":"service","Tags":[{"Key":"b","Value":"3"},{"Key":"c","Value":"4"}]`)
	if ids, err := repository.List(call); err != nil || !slices.Equal(ids, []string{id}) {
		t.Errorf("listed %v, %v", ids, err)
	}
	if _, err := repository.Read(call.In("eu-west-1"), id); err == nil {
		t.Error("read in another region")
	}
	if err := repository.Delete(call, id); err != nil {
		t.Fatal(err)
	}
	_, err = repository.Read(call, id)
	servicetest.WantError(t, err, "RepositoryDoesNotExistException")
	if err := repository.Delete(call, id); err == nil {
		t.Error("deleted twice")
	}
	for _, text := range []string{`{"RepositoryName":"x","KmsKeyId":"k"}`, `{"RepositoryName":"x","Code":{}}`, `{}`} {
		if _, err := repository.Create(call, properties(t, text)); err == nil {
			t.Errorf("%s was accepted", text)
		}
	}
}
