package shape_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drydock/aws"
	"drydock/wire/shape"
)

type color string

func (color) Values() []string { return []string{"RED", "GREEN"} }

type tag struct {
	Key   string  `aws:"Key,member=key,required,min=1,max=4"`
	Value *string `aws:"Value,member=value,max=3"`
}

type input struct {
	_     struct{}          `aws:"shape=Input"`
	Name  string            `aws:"RepositoryName,required,min=1,max=8" pattern:"[a-z]+"`
	Color *color            `aws:"Color"`
	Count *int32            `aws:"Count,min=1,max=10"`
	Tags  []tag             `aws:"Tags,max=2"`
	Names []string          `aws:"Names,each.min=2,each.max=5" eachpattern:"[a-z]*"`
	Env   map[string]string `aws:"Env,key.max=3,each.max=2"`
	Token string            `aws:"Token,required,token"`
	Key   *string           `aws:"Secret,sensitive,min=5"`
	Child *input            `aws:"Child"`
	When  *time.Time        `aws:"When"`
}

func operation(pkg string, p aws.Protocol) *aws.Operation {
	return &aws.Operation{Name: "Do", Input: reflect.TypeFor[input](),
		API: &aws.API{Package: pkg, Protocols: []aws.Protocol{p}}}
}

func TestValidate_Wordings(t *testing.T) {
	t.Parallel()
	const detected = "1 validation error detected: "
	for name, c := range map[string]struct {
		in   input
		want string
	}{
		"valid":   {input{Name: "abc"}, ""},
		"short":   {input{}, "2 validation errors detected: Value '' at 'repositoryName' failed to satisfy constraint: Member must have length greater than or equal to 1; Value '' at 'repositoryName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]+"},
		"long":    {input{Name: "abcdefghi"}, detected + "Value 'abcdefghi' at 'repositoryName' failed to satisfy constraint: Member must have length less than or equal to 8"},
		"pattern": {input{Name: "a1"}, detected + "Value 'a1' at 'repositoryName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]+"},
		"enum":    {input{Name: "a", Color: new(color("BLUE"))}, detected + "Value 'BLUE' at 'color' failed to satisfy constraint: Member must satisfy enum value set: [RED, GREEN]"},
		"number":  {input{Name: "a", Count: new(int32(11))}, detected + "Value '11' at 'count' failed to satisfy constraint: Member must have value less than or equal to 10"},
		"element": {input{Name: "a", Tags: []tag{{Key: "k"}, {Key: "k", Value: new("long")}}}, detected + "Value 'long' at 'tags.2.member.value' failed to satisfy constraint: Member must have length less than or equal to 3"},
		"list":    {input{Name: "a", Tags: make([]tag, 3)}, "many"},
		"members": {input{Name: "a", Names: []string{"ok", "x"}}, detected + "Value '[ok, x]' at 'names' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 5, Member must have length greater than or equal to 2, Member must satisfy regular expression pattern: [a-z]*]"},
		"keys":    {input{Name: "a", Env: map[string]string{"long": ""}}, detected + "Value '{long=}' at 'env' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 3]"},
		"values":  {input{Name: "a", Env: map[string]string{"k": "long"}}, detected + "Value '{k=long}' at 'env' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 2]"},
		"secret":  {input{Name: "a", Key: new("abc")}, detected + "Value at 'secret' failed to satisfy constraint: Member must have length greater than or equal to 5"},
		"nested":  {input{Name: "a", Child: &input{Name: "A"}}, detected + "Value 'A' at 'child.repositoryName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]+"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := shape.Validate(operation("kms", aws.ProtocolJSON), &c.in, nil)
			switch {
			case c.want == "":
				if err != nil {
					t.Error(err)
				}
			case aws.ErrorCode(err) != "ValidationException":
				t.Errorf("got %v", err)
			case c.want == "many":
				if !strings.Contains(err.Error(), "4 validation errors detected") {
					t.Error(err)
				}
			default:
				if diff := cmp.Diff("ValidationException: "+c.want, err.Error()); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func missing(in any) *shape.Missing {
	m := &shape.Missing{}
	m.Check(shape.Of(reflect.TypeOf(in)), 0)
	return m
}

func TestValidate_AnswersAsTheAPIDoes(t *testing.T) {
	t.Parallel()
	const null = "1 validation error detected: Value null at 'repositoryName' failed to satisfy constraint: Member must not be null"
	for _, c := range []struct {
		pkg, want string
		protocol  aws.Protocol
	}{
		{"kms", "ValidationException: " + null, aws.ProtocolJSON},
		{"lambda", "ValidationException: " + null, aws.ProtocolRESTJSON},
		{"iam", "ValidationError: " + null, aws.ProtocolQuery},
		{"logs", "InvalidParameterException: " + null, aws.ProtocolJSON},
		{"codebuild", "InvalidInputException: " + null, aws.ProtocolJSON},
		{"ecr", "InvalidParameterException: Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must not be null'", aws.ProtocolJSON},
		{"ec2", "MissingParameter: The request must contain the parameter RepositoryName", aws.ProtocolEC2},
		{"s3", "MissingRequestBodyError: Request Body is empty", aws.ProtocolRESTXML},
	} {
		in := &input{}
		if got := shape.Validate(operation(c.pkg, c.protocol), in, missing(in)); got == nil || got.Error() != c.want {
			t.Errorf("%s:\ngot  %v\nwant %s", c.pkg, got, c.want)
		}
	}
	in := &input{}
	if err := shape.Validate(operation("codecommit", aws.ProtocolJSON), in, missing(in)); err != nil {
		t.Errorf("codecommit raises its own errors: %v", err)
	}
}

func TestFillTokens_KeepsWhatWasSent(t *testing.T) {
	t.Parallel()
	in := &input{}
	shape.FillTokens(in, strings.NewReader(strings.Repeat("x", 16)))
	if len(in.Token) != 36 {
		t.Errorf("token %q", in.Token)
	}
	in.Token = "mine"
	shape.FillTokens(in, strings.NewReader(""))
	if in.Token != "mine" {
		t.Errorf("token %q", in.Token)
	}
}

func TestCompilePattern(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, value string
		want           bool
	}{
		{`[a-z]+`, "abc", true}, {`[a-z]+`, "abc1", false}, {`^[a-z]+`, "abc1", true}, {`[a-z]{1,2048}`, "abc", true},
		{`[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*`, "a\U0001F600", true},
		{`[\u0020-\uD7FF]*`, "\x01", false}, {`[\p{Alnum}]+`, "a1", true}, {`\p{Alnum}+`, "-", false}, {`a|b`, "ab", false},
	} {
		re, err := shape.CompilePattern(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
		} else if got := re.MatchString(c.value); got != c.want {
			t.Errorf("%s matches %q: %t", c.pattern, c.value, got)
		}
	}
	if _, err := shape.CompilePattern(`(?!x)y`); err == nil {
		t.Error("a look-ahead compiled")
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	at := time.Date(2014, 4, 29, 18, 30, 38, 120e6, time.UTC)
	for format, want := range map[shape.TimeFormat]string{
		shape.Unix: "1398796238.12", shape.ISO8601: "2014-04-29T18:30:38.120Z", shape.RFC822: "Tue, 29 Apr 2014 18:30:38 GMT",
	} {
		text := string(shape.AppendTime(nil, at, format))
		if text != want {
			t.Errorf("got %s, want %s", text, want)
		}
		back, err := shape.ParseTime(text)
		if err != nil || back.Unix() != at.Unix() {
			t.Errorf("%s: %v, %v", text, back, err)
		}
	}
	for _, bad := range []string{"", "x", "1e300", "NaN", "2014-13-01", "Tue"} {
		if got, err := shape.ParseTime(bad); err == nil {
			t.Errorf("%q parsed as %v", bad, got)
		}
	}
}
