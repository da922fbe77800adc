package policy

import (
	"testing"
	"time"

	"drydock/aws"

	"github.com/google/go-cmp/cmp"
)

// needsInput has the kinds of member that grants name.
type needsInput struct {
	_       struct{}          `aws:"shape=Input"`
	Name    string            `aws:"name,required"`
	Path    *string           `aws:"Path"`
	User    *string           `aws:"UserName"`
	IDs     []string          `aws:"ids"`
	Targets []needsTarget     `aws:"targets"`
	Target  *needsTarget      `aws:"target"`
	Tags    []needsTag        `aws:"tags"`
	Map     map[string]string `aws:"map"`
	Header  *string           `aws:"x-amz-tagging,member=Tagging,header"`
	Flag    *bool             `aws:"flag"`
	Days    *int32            `aws:"days"`
	Until   *time.Time        `aws:"until"`
}

type needsTarget struct {
	Repository *string `aws:"repositoryName"`
}

type needsTag struct {
	Key   string  `aws:"TagKey,required"`
	Value *string `aws:"TagValue"`
}

func TestNeeds(t *testing.T) {
	t.Parallel()
	call := &aws.Call{Region: "eu-west-1", Account: home, Principal: *cast["bob"]}
	asRole := &aws.Call{Region: "eu-west-1", Account: home, Principal: *cast["dev"]}
	full := &needsInput{
		Name: "n", Path: new("/p/"), IDs: []string{"proj:1", "arn:aws:codebuild:eu-west-1:111122223333:build/other:2"},
		Targets: []needsTarget{{new("a")}, {nil}, {new("b")}}, Target: &needsTarget{new("t")},
		Tags: []needsTag{{"Env", new("x")}}, Map: map[string]string{"K": "v"}, Header: new("A=1"), Flag: new(true),
		Days: new(int32(7)), Until: new(time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC)),
	}
	const res = "arn:${Partition}:s:${Region}:${Account}:"
	const out = "arn:aws:s:eu-west-1:111122223333:"
	cases := []struct {
		name  string
		call  *aws.Call
		grant aws.Grant
		in    *needsInput
		want  []Need
	}{
		{"no resource", call, aws.Grant{}, full, []Need{{Resources: []string{"*"}}}},
		{"member", call, aws.Grant{Resources: []string{res + "r/${name}"}}, full, []Need{{Resources: []string{out + "r/n"}}}},
		{"absent member", call, aws.Grant{Resources: []string{res + "${target.repositoryName}", res + "${name}"}}, &needsInput{Name: "n"}, []Need{{Resources: []string{out + "n"}}}},
		{"nested lists", call, aws.Grant{Resources: []string{res + "${targets[].repositoryName}", res + "${target.repositoryName}"}}, full, []Need{{Resources: []string{out + "a", out + "b", out + "t"}}}},
		{"an ARN stands for itself", call, aws.Grant{Resources: []string{res + "r/${name}/x"}}, &needsInput{Name: "arn:aws:s:::y"}, []Need{{Resources: []string{"arn:aws:s:::y"}}}},
		{"an ARN of another service does not", call, aws.Grant{Resources: []string{res + "r/${name}/x"}}, &needsInput{Name: "arn:aws:t:::y"}, []Need{{Resources: []string{out + "r/arn:aws:t:::y/x"}}}},
		{"nor one beside another member", call, aws.Grant{Resources: []string{res + "${Path}/${name}"}}, &needsInput{Path: new("b"), Name: "arn:aws:s:::y"}, []Need{{Resources: []string{out + "b/arn:aws:s:::y"}}}},
		{"a member alone may be any ARN", call, aws.Grant{Resources: []string{"${name}"}}, &needsInput{Name: "arn:aws:t:::y"}, []Need{{Resources: []string{"arn:aws:t:::y"}}}},
		{"names in ids and ARNs", call, aws.Grant{Resources: []string{res + "project/${ids[]:name}"}}, full, []Need{{Resources: []string{out + "project/proj", out + "project/other"}}}},
		{"default", call, aws.Grant{Resources: []string{res + "role${Path:-/}${name}"}}, &needsInput{Name: "n"}, []Need{{Resources: []string{out + "role/n"}}}},
		{"default not needed", call, aws.Grant{Resources: []string{res + "role${Path:-/}${name}"}}, full, []Need{{Resources: []string{out + "role/p/n"}}}},
		{"caller", call, aws.Grant{Resources: []string{res + "user/${UserName:-$User}", res + "me/${$User}"}}, full, []Need{{Resources: []string{out + "user/bob", out + "me/bob"}}}},
		{"caller is no user", asRole, aws.Grant{Resources: []string{res + "user/${UserName:-$User}", res + "me/${$User}"}}, full, []Need{{Resources: []string{"*"}}}},
		{"copy source", call, aws.Grant{Resources: []string{res + "${name:source}"}}, &needsInput{Name: "/b/a%20b/c?versionId=7"}, []Need{{Resources: []string{out + "b/a b/c"}}}},
		{"log group", call, aws.Grant{Resources: []string{res + "${name:group}:x"}}, &needsInput{Name: "arn:aws:logs:r:1:log-group:/aws/g:*"}, []Need{{Resources: []string{out + "/aws/g:x"}}}},
		{"URL", call, aws.Grant{Resources: []string{res + "${name:url}"}}, &needsInput{Name: "https://h/p"}, []Need{{Resources: []string{out + "h/p"}}}},
		{"when", call, aws.Grant{When: "UserName|flag"}, full, []Need{{Resources: []string{"*"}}}},
		{"when not", call, aws.Grant{When: "UserName|flag"}, &needsInput{Flag: new(false)}, nil},
		{"unless", call, aws.Grant{When: "!UserName|flag"}, full, nil},
		{"unless not", call, aws.Grant{When: "!UserName"}, full, []Need{{Resources: []string{"*"}}}},
		{"keys", call, aws.Grant{Keys: []string{
			"s:Name=name", "s:Absent=UserName", "s:Ids=ids", `s:To="x.com"`, "aws:RequestTag/=tags", "aws:TagKeys=tags",
			"s:Context:=map", "s:ContextKeys=map", "s:Object/=x-amz-tagging", "s:Days=days", "s:Until=until", "s:Flag=flag",
		}}, full, []Need{{Resources: []string{"*"}, Keys: Map{
			"s:name": {"n"}, "s:ids": full.IDs, "s:to": {"x.com"}, "aws:requesttag/env": {"x"}, "aws:tagkeys": {"Env"},
			"s:context:k": {"v"}, "s:contextkeys": {"K"}, "s:object/a": {"1"}, "s:days": {"7"}, "s:until": {"2024-06-01T00:00:00Z"}, "s:flag": {"true"},
		}}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.grant.Action = "s:Do"
			for i := range c.want {
				c.want[i].Action = "s:Do"
			}
			got := Needs(c.call, &aws.Operation{Grants: []aws.Grant{c.grant}}, c.in)
			if len(got) == 0 {
				got = nil
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
