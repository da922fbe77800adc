package buildspec

import (
	"fmt"
	"strings"
	"testing"
)

func TestBatch_Builds(t *testing.T) {
	t.Parallel()
	spec, err := Parse([]byte(`
version: 0.2
phases: {build: {commands: ["true"]}}
batch:
  build-matrix:
    static: {ignore-failure: true, env: {type: LINUX_CONTAINER, variables: {A: a}}}
    dynamic:
      buildspec: [x.yml, y.yml]
      env: {compute-type: [BUILD_GENERAL1_SMALL], variables: {V: ["1", "2"]}}
`))
	if err != nil {
		t.Fatal(err)
	}
	builds, ok := spec.Batch.Builds()
	var got []string
	for _, b := range builds {
		got = append(got, fmt.Sprintf("%s %s %s %v %v", b.Identifier, b.Buildspec, b.Env.ComputeType, b.Env.Variables, b.IgnoreFailure))
	}
	want := `build0 x.yml BUILD_GENERAL1_SMALL [{A a} {V 1}] true
build1 x.yml BUILD_GENERAL1_SMALL [{A a} {V 2}] true
build2 y.yml BUILD_GENERAL1_SMALL [{A a} {V 1}] true
build3 y.yml BUILD_GENERAL1_SMALL [{A a} {V 2}] true`
	if text := strings.Join(got, "\n"); !ok || text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

func TestBatch_BuildsAreBounded(t *testing.T) {
	t.Parallel()
	many := make([]string, 11)
	b := Batch{Matrix: &Matrix{Images: many, Buildspecs: many}}
	if builds, ok := b.Builds(); ok {
		t.Errorf("%d builds", len(builds))
	}
	if builds, ok := (&Batch{List: make([]BatchBuild, 101)}).Builds(); ok {
		t.Errorf("%d builds", len(builds))
	}
}
