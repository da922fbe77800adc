package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drydock/cmd/apigen/gen"
	"drydock/cmd/apigen/model"
)

const repositories = `{"metadata": {"protocol": "json", "signingName": "code"},
 "operations": {
  "Get": {"name": "Get", "http": {}, "input": {"shape": "GetRequest"}},
  "List": {"name": "List", "http": {}},
  "Ping": {"name": "Ping", "http": {}}},
 "shapes": {
  "GetRequest": {"type": "structure", "members": {
   "Name": {"shape": "S", "locationName": "name"}, "targets": {"shape": "Targets"}, "tags": {"shape": "Tags"}}},
  "Targets": {"type": "list", "member": {"shape": "Target"}},
  "Target": {"type": "structure", "members": {"arn": {"shape": "S"}}},
  "Tags": {"type": "map", "key": {"shape": "S"}, "value": {"shape": "S"}},
  "S": {"type": "string"}}}`

func loadModel(t *testing.T, source string) *model.Model {
	t.Helper()
	tree, err := model.ParseTree([]byte(source))
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Load(tree)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestParseGrants(t *testing.T) {
	t.Parallel()
	got, err := parseGrants(`
# a comment
Get   Read            arn:${Partition}:code:${Region}:${Account}:${name}|${targets[].arn}  code:Name=name code:Path=a/${name} aws:RequestTag/=tags
Get   iam:Tag,if=tags|name
Get   Old,unless=name  arn:aws:code:::${name:-/}/${name:name}/${name:-$User}/${$User}  code:To="x.amazonaws.com"
Ping  -
`, "code", loadModel(t, repositories))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]gen.Grant{
		"Get": {
			{
				Action:    "code:Read",
				Resources: []string{"arn:${Partition}:code:${Region}:${Account}:${name}", "${targets[].arn}"},
				Keys:      []string{"code:Name=name", "code:Path=a/${name}", "aws:RequestTag/=tags"},
			},
			{Action: "iam:Tag", When: "tags|name"},
			{
				Action:    "code:Old",
				Resources: []string{"arn:aws:code:::${name:-/}/${name:name}/${name:-$User}/${$User}"},
				Keys:      []string{`code:To="x.amazonaws.com"`},
				When:      "!name",
			},
		},
		"List": {{Action: "code:List"}}, // no line: the operation's name on any resource
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("grants (-want +got):\n%s", diff)
	}
}

func TestParseGrants_RefusesMistakes(t *testing.T) {
	t.Parallel()
	m := loadModel(t, repositories)
	for text, want := range map[string]string{
		"\nPut Put":                        `line 2: unknown operation "Put"`,
		"Get":                              "is missing",
		"Get - arn:x":                      "nothing may follow",
		"Ping -\nPing Ping":                "needs no permission and needs one",
		"Get Get,when=name":                `unknown option "when=name"`,
		"Get Get,if=nam":                   `no member "nam"`,
		"Get Get,unless=name|nam":          `no member "nam"`,
		"Get Get arn:${name:upper}":        `unknown filter "upper"`,
		"Get Get arn:${name:-$Usr}":        `"$Usr" is no variable`,
		"Get Get arn:${nam:-x}":            `no member "nam"`,
		`Get Get - code:To="x`:             "between quotes",
		"Get Get arn:${Name}":              `"Name" is "name" on the wire`,
		"Get Get arn:${name":               "closing brace",
		"Get Get arn:${targets.arn}":       `nothing to look for "arn" in`,
		"Get Get arn:${name[]}":            "is no list",
		"Get Get repository/${name}":       "neither an ARN",
		"Get Get arn:${targets[].missing}": `no member "missing"`,
		"Get Get - Name=name":              "no condition key",
		"Get Get - code:Name":              "no condition key",
		"Get Get - code:Name=a/${nam}":     `no member "nam"`,
		"List List arn:${name}":            "has no input",
	} {
		_, err := parseGrants(text, "code", m)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", text, err, want)
		}
	}
}
