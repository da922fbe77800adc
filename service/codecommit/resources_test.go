package codecommit_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"slices"
	"testing"

	api "drydock/api/codecommit"
	"drydock/api/s3"
	"drydock/aws"
	"drydock/resource"
	"drydock/service"
	"drydock/service/codecommit"
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
	for _, text := range []string{`{"RepositoryName":"x y"}`, `{}`} {
		if _, err := repository.Create(call, properties(t, text)); err == nil {
			t.Errorf("%s was accepted", text)
		}
	}
}

func TestRepositoryResource_HasTriggersAndCode(t *testing.T) {
	t.Parallel()
	var archive bytes.Buffer
	files := zip.NewWriter(&archive)
	for name, mode := range map[string]fs.FileMode{"README.md": 0o644, "bin/run": 0o755} {
		header := &zip.FileHeader{Name: name}
		header.SetMode(mode)
		w, err := files.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, name); err != nil {
			t.Fatal(err)
		}
	}
	if err := files.Close(); err != nil {
		t.Fatal(err)
	}
	objects := map[string][]byte{"code.zip": archive.Bytes(), "text": []byte("no archive")}
	c := servicetest.New(t, func(d service.Deps) []service.Module {
		return []service.Module{codecommit.New(d), new(servicetest.Keyring).Module(), {API: s3.API, Operations: []aws.Handler{
			s3.GetObject.Handle(func(_ *aws.Call, in *s3.GetObjectInput) (*s3.GetObjectOutput, error) {
				return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(objects[in.Key]))}, nil
			}),
		}}}
	})
	call := c.Call(t)
	types, err := resource.NewRegistry(c.Modules[0].Resources...)
	if err != nil {
		t.Fatal(err)
	}
	repository, _ := types.Lookup("AWS::CodeCommit::Repository")
	trigger := `{"Name":"all","DestinationArn":"arn:aws:sns:us-east-1:111122223333:t","CustomData":"x","Events":["all"],"Branches":["main"]}`
	id, err := repository.Create(call, properties(t, `{"RepositoryName":"app","Code":{"BranchName":"trunk","S3":{"Bucket":"b","Key":"code.zip"}},"Triggers":[`+trigger+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	file, err := api.GetFile.Do(call, &api.GetFileInput{RepositoryName: "app", CommitSpecifier: new("trunk"), FilePath: "bin/run"})
	if err != nil || string(file.FileContent) != "bin/run" || file.FileMode != "EXECUTABLE" {
		t.Errorf("file %+v %v", file, err)
	}
	now, err := repository.Read(call, id)
	if err != nil || string(now["Triggers"]) != "["+trigger+"]" {
		t.Errorf("triggers %s %v", now["Triggers"], err)
	}
	if _, shown := now["KmsKeyId"]; shown {
		t.Errorf("the managed key is read back: %s", now["KmsKeyId"])
	}
	if err := repository.Update(call, id, now, properties(t, `{"RepositoryName":"app","KmsKeyId":"mine"}`)); err != nil {
		t.Fatal(err)
	}
	now, err = repository.Read(call, id)
	if err != nil || string(now["KmsKeyId"]) != `"`+servicetest.KeyARN+`mine"` {
		t.Errorf("key %s %v", now["KmsKeyId"], err)
	}
	if err := repository.Update(call, id, now, properties(t, `{"RepositoryName":"app"}`)); err != nil {
		t.Fatal(err)
	}
	out, err := api.GetRepositoryTriggers.Do(call, &api.GetRepositoryTriggersInput{RepositoryName: "app"})
	if err != nil || len(out.Triggers) != 0 {
		t.Errorf("triggers %+v %v", out, err)
	}
	// What cannot be filled is not left behind.
	for _, text := range []string{
		`{"RepositoryName":"bad","Code":{"S3":{"Bucket":"b","Key":"text"}}}`, `{"RepositoryName":"bad","Triggers":[{"Name":"x"}]}`,
	} {
		if _, err := repository.Create(call, properties(t, text)); err == nil {
			t.Errorf("%s was accepted", text)
		}
		_, err = api.GetRepository.Do(call, &api.GetRepositoryInput{RepositoryName: "bad"})
		servicetest.WantError(t, err, "RepositoryDoesNotExistException")
	}
}
