package filterpattern

import (
	"errors"
	"strings"
	"testing"
)

func TestParse_Errors(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]Error{
		"user@example.com":              {0, "Invalid character(s) in term 'user@example.com'", "other characters than letters, digits and _ stand in quotes"},
		"a ERROR: b":                    {2, "Invalid character(s) in term 'ERROR:'", "other characters than letters, digits and _ stand in quotes"},
		"a -":                           {3, "Invalid character(s) in term ''", "other characters than letters, digits and _ stand in quotes"},
		`"open`:                         {0, invalidPattern, "the quote is not closed"},
		"%open":                         {0, invalidPattern, "the regular expression is empty or not closed"},
		"%%":                            {0, invalidPattern, "the regular expression is empty or not closed"},
		"%something!%":                  {10, invalidPattern, "the character '!' is not supported in a regular expression"},
		"%a(b)%":                        {2, invalidPattern, "the character '(' is not supported in a regular expression"},
		"%é%":                           {1, invalidPattern, "the character 'Ã' is not supported in a regular expression"},
		`%\b%`:                          {1, invalidPattern, `the escape \b is not supported in a regular expression`},
		"%[a%":                          {0, invalidPattern, "error parsing regexp: missing closing ]: `[a`"},
		"%a**%":                         {0, invalidPattern, "error parsing regexp: invalid nested repetition operator: `**`"},
		"[":                             {1, invalidPattern, "expected the name of a field"},
		"[a":                            {2, invalidPattern, "expected an operator"},
		"[a b]":                         {3, invalidPattern, "expected an operator"},
		"[a,a]":                         {3, invalidPattern, `the field "a" stands twice`},
		"[..., a, ...]":                 {12, invalidPattern, "a second ellipsis"},
		"[a] b":                         {4, invalidPattern, "expected the pattern to end"},
		"[a=]":                          {3, invalidPattern, "expected a value"},
		"[a > x]":                       {5, invalidPattern, "expected a number"},
		"[a > 4*]":                      {5, invalidPattern, "expected a number"},
		"[a > %x%]":                     {5, invalidPattern, "a regular expression is compared with = or !="},
		"[a = 1 && b]":                  {11, invalidPattern, "expected an operator"},
		"[(a = 1]":                      {7, invalidPattern, "expected )"},
		"[a=%x%,b=%y%,c=%z%]":           {15, invalidPattern, "more than 2 regular expressions"},
		"{":                             {1, invalidPattern, "expected a selector that begins with $"},
		"{ }":                           {2, invalidPattern, "expected a selector that begins with $"},
		"{ $ = 1 }":                     {3, invalidPattern, "expected . or [ after $"},
		"{ a = 1 }":                     {2, invalidPattern, "expected a selector that begins with $"},
		"{ $. = 1 }":                    {4, invalidPattern, "expected the name of a property"},
		"{ $.a[x] = 1 }":                {6, invalidPattern, "expected a number, * or a name in quotes"},
		"{ $.a[1 = 1 }":                 {8, invalidPattern, "expected ]"},
		"{ $.a }":                       {6, invalidPattern, "expected an operator"},
		"{ $.a = }":                     {8, invalidPattern, "expected a value"},
		"{ $.a = 1":                     {9, invalidPattern, "expected &&, || or }"},
		"{ $.a = 1 } x":                 {12, invalidPattern, "expected the pattern to end"},
		"{ $.a IS 5 }":                  {9, invalidPattern, "expected NULL, TRUE or FALSE"},
		"{ $.a NOT NULL }":              {10, invalidPattern, "expected EXISTS"},
		"{ $.a = 1 && }":                {13, invalidPattern, "expected a selector that begins with $"},
		"{ ($.a = 1 }":                  {11, invalidPattern, "expected )"},
		"{ $.a > abc }":                 {8, invalidPattern, "expected a number"},
		`{ $.a = "x }`:                  {8, invalidPattern, "the quote is not closed"},
		strings.Repeat("a", MaxBytes+1): {MaxBytes, invalidPattern, "longer than 1024 bytes"},
	} {
		t.Run(pattern[:min(len(pattern), 40)], func(t *testing.T) {
			t.Parallel()
			_, err := Parse(pattern)
			e, ok := errors.AsType[*Error](err)
			if !ok {
				t.Fatalf("error %v, want an *Error", err)
			}
			if *e != want {
				t.Errorf("error %+v\nwant  %+v", *e, want)
			}
		})
	}
}

func TestParse_TakesTheLongest(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{
		"{" + strings.Repeat("(", 500) + "$.a=1" + strings.Repeat(")", 500) + "}",
		"{$.a=1" + strings.Repeat("||$.a=1", 145) + "}",
		"[" + strings.Repeat("a=1&&", 203) + "a=1]",
	} {
		p, err := Parse(pattern)
		if err != nil {
			t.Errorf("%.20s: %v", pattern, err)
			continue
		}
		if !p.Match(`{"a":1}`) && !p.Match("1") {
			t.Errorf("%.20s: does not match", pattern)
		}
	}
}

func TestUsesRegex(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]bool{
		"%a%": true, "[a=%b%]": true, "{$.a=%b%}": true, `"%a%"`: false, `{$.a="%b%"}`: false, "": false, "a": false,
	} {
		p, err := Parse(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if p.UsesRegex() != want || p.String() != pattern {
			t.Errorf("%s: uses a regular expression: %v, want %v", p, p.UsesRegex(), want)
		}
	}
}

func TestMatch_HardlyAllocates(t *testing.T) {
	for pattern, message := range map[string]string{
		"ERROR -timeout ?x": "an ERROR happened",
		"[ip, ..., status = 4*, bytes > 100 && bytes < 5000]":               `127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET / HTTP/1.0" 404 1534`,
		`{ $.eventType = "Up*" && ($.users[*].id >= 3 || $.x NOT EXISTS) }`: trail,
	} {
		p, err := Parse(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() { p.Match(message) }); n > 0 {
			t.Errorf("%s: %v allocations a message", pattern, n)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("ERROR -\"a b\" ?%c.%", "ERROR")
	f.Add("[ip, ..., status = 4* && x != %a%, bytes > 100 || bytes < 5]", `1 [2 3] "4 5" 404 7`)
	f.Add(`{ ($.a["b c"][0] = "x*" || $.d[*] >= -1e3) && $.e IS NULL }`, `{"a":{"b c":["xy"]},"d":[1,"\u00e9"],"e":null}`)
	f.Fuzz(func(t *testing.T, pattern, message string) {
		p, err := Parse(pattern)
		if err != nil {
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Position < 0 || e.Position > len(pattern) {
				t.Errorf("Parse(%q): %#v", pattern, err)
			}
			return
		}
		_, extracted := p.Extract(message)
		if extracted != p.Match(message) {
			t.Errorf("%q: Extract and Match differ on %q", pattern, message)
		}
	})
}
