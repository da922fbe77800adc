package filterpattern

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// matches parses a pattern and lists the messages that match it.
func matches(t *testing.T, pattern string, messages []string) []string {
	t.Helper()
	p, err := Parse(pattern)
	if err != nil {
		t.Fatalf("Parse(%q): %v", pattern, err)
	}
	var found []string
	for _, m := range messages {
		if p.Match(m) {
			found = append(found, m)
		}
	}
	return found
}

func TestMatch_Terms(t *testing.T) {
	t.Parallel()
	const (
		bad      = "[ERROR 400] BAD REQUEST"
		unauth   = "[ERROR 401] UNAUTHORIZED REQUEST"
		denied   = "[ERROR 419] MISSING ARGUMENTS"
		invalid  = "[ERROR 420] INVALID ARGUMENTS"
		success  = "[SUCCESS 200] AUTHORIZED REQUEST"
		warn     = "[WARN] it's a warning"
		exiting  = "Exiting with ERRORCODE: -1"
		lower    = "an error, in small letters"
		internal = `said "quoted" \ back`
	)
	all := []string{bad, unauth, denied, invalid, success, warn, exiting, lower, internal}
	for pattern, want := range map[string][]string{
		"":                          all,
		"  ":                        all,
		"ERROR":                     {bad, unauth, denied, invalid, exiting},
		`"ERROR"`:                   {bad, unauth, denied, invalid, exiting},
		"ERROR ARGUMENTS":           {denied, invalid},
		"?ERROR ?ARGUMENTS":         {bad, unauth, denied, invalid, exiting},
		"?ERROR ?WARN":              {bad, unauth, denied, invalid, warn, exiting},
		"ERROR -ARGUMENTS":          {bad, unauth, exiting},
		`ERROR -"BAD REQUEST"`:      {unauth, denied, invalid, exiting},
		`"ERROR" - "Exiting"`:       {bad, unauth, denied, invalid},
		"-ERROR":                    {success, warn, lower, internal},
		"-ERROR -error -AUTHORIZED": {warn, internal},
		`"ERROR 4"`:                 {bad, unauth, denied, invalid},
		`"INTERNAL SERVER ERROR"`:   nil,
		"ERROR ?ARGUMENTS":          {denied, invalid}, // the question mark is ignored beside other terms
		`"\"quoted\" \\ back"`:      {internal},
		"%AUTHORIZED%":              {unauth, success},
		"%ERROR\\s40[0-1]%":         {bad, unauth},
		"-%[A-Z]{4}%":               {lower, internal},
		"?%^Exit% ?%ARGUMENTS$%":    {denied, invalid, exiting},
		`%\[WARN\]%`:                {warn},
		`%ERROR\s\d\d\d%`:           {bad, unauth, denied, invalid},
	} {
		t.Run(pattern, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(want, matches(t, pattern, all)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMatch_Fields(t *testing.T) {
	t.Parallel()
	const (
		ok      = `127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 200 1534`
		missing = `127.0.0.1 - frank [10/Oct/2000:13:35:22 -0700] "GET /apache_pb.gif HTTP/1.0" 404 5324`
		failing = `10.0.0.7 - - [10/Oct/2000:13:50:35 -0700] "GET /apache_pb.html HTTP/1.0" 500 4355`
		short   = "ERROR message"
		both    = "ERROR WARN message"
		single  = "WARN"
		open    = `"never closed [either`
	)
	all := []string{ok, missing, failing, short, both, single, open}
	for pattern, want := range map[string][]string{
		"[ip, user, username, timestamp, request, status_code, bytes]": {ok, missing, failing},
		"[a,b]":                               {short},
		"[w]":                                 {single},
		"[,,]":                                {both, open},
		"[...]":                               all,
		"[..., status_code, bytes]":           {ok, missing, failing, short, both, open},
		"[ip, user, ..., status_code, bytes]": {ok, missing, failing},
		"[ip, user, username, timestamp, request, status_code, bytes > 5000]":              {missing},
		"[ip, user, username, timestamp, request, status_code = 200, bytes]":               {ok},
		"[ip, user, username, timestamp, request, status_code = 4*, bytes]":                {missing},
		"[ip, user, username, timestamp, request = *html*, status_code, bytes]":            {ok, failing},
		"[ip, user, username, timestamp, request =*.html*, status_code = 5*,]":             {failing},
		"[..., request=*.html*, status_code=2*,]":                                          {ok},
		"[ip, user, username, timestamp, request, status_code = 4* && bytes > 1000]":       {missing},
		"[..., status_code = 4* || status_code = 5*, bytes]":                               {missing, failing},
		"[..., status_code != 200 && status_code != 4*, bytes > 1]":                        {failing},
		"[..., (status_code = 200 || status_code = 404) && status_code != 404, bytes>1e3]": {ok},
		"[..., bytes > 1000 && bytes <= 4355]":                                             {ok, failing},
		"[..., bytes >= 4355 && bytes < +5324.5]":                                          {missing, failing},
		"[ip=%127\\.0\\.0\\.[1-9]%, user, username, timestamp, request, code, bytes]":      {ok, missing},
		"[ip!=%127\\.0\\.0\\.[1-9]%, user, username, timestamp, request, code, bytes]":     {failing},
		"[ip = 127.0.0.1, ..., request=\"GET /index.html HTTP/1.0\", code, bytes]":         {ok},
		"[w1=ERROR, w2]":                                      {short},
		"[w1=ERROR || w1=%WARN%, ...]":                        {short, both, single},
		"[w1=!ERROR&&w1=!WARN, w2, ...]":                      {ok, missing, failing, open},
		"[ip, user, username=frank, time, ..., bytes = 1534]": {ok},
		`[ a = "\"never", ...]`:                               {open},
	} {
		t.Run(pattern, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(want, matches(t, pattern, all)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

const trail = `{
  "eventType": "UpdateTrail",
  "sourceIPAddress": "111.111.111.111",
  "arrayKey": ["value", "another value"],
  "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
  "SomeObject": null,
  "ThisFlag": true,
  "user": {"id": 1, "email": "John.Stiles@example.com"},
  "users": [{"id": 2, "email": "John.Doe@example.com"}, {"id": 3, "email": "Jane.Doe@example.com"}],
  "actions": ["GET", "PUT", "DELETE"],
  "coordinates": [[0, 1, 2], [4, 5, 6], [7, 8, 9]],
  "latency": 55.5, "negative": -3e2, "code": "400", "cluster.name": "c", "k.e-y": {"x": "\u00e9\"t"}, "off": false,
  "wild": "Ev*ent", "empty": ""
}`

func TestMatch_JSON(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]bool{
		// The guide's.
		`{ $.eventType = "UpdateTrail" }`:                                    true,
		`{ $.eventType = UpdateTrail }`:                                      true,
		`{ $.eventType = "Trail" }`:                                          false,
		`{ $.eventType = *Trail }`:                                           true,
		`{ $.eventType = Update* }`:                                          true,
		`{ $.eventType = "*dateTr*" }`:                                       true,
		`{ $.eventType = %Trail% }`:                                          true,
		`{ $.eventType != %^Trail% }`:                                        true,
		`{ $.sourceIPAddress != 123.123.* }`:                                 true,
		`{ $.sourceIPAddress = 111.111.* }`:                                  true,
		`{ $.sourceIPAddress = %111\.111.*% }`:                               true,
		`{ $.arrayKey[0] = "value" }`:                                        true,
		`{ $.arrayKey[1] = "value" }`:                                        false,
		`{ $.eventType[0] = "value" }`:                                       false,
		`{ $.objectList[1].id = 2 }`:                                         true,
		`{ $.SomeObject IS NULL }`:                                           true,
		`{ $.eventType IS NULL }`:                                            false,
		`{ $.SomeOtherObject NOT EXISTS }`:                                   true,
		`{ $.SomeObject NOT EXISTS }`:                                        false,
		`{ $.SomeObject EXISTS }`:                                            true,
		`{ $.ThisFlag IS TRUE }`:                                             true,
		`{ $.ThisFlag IS FALSE }`:                                            false,
		`{ $.off IS FALSE }`:                                                 true,
		`{ $.off = false }`:                                                  true,
		`{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }`: true,
		`{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }`:                               false,
		`{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch && $.actions[2] = nomatch }`:   true,
		`{ ($.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch) && $.actions[2] = nomatch }`: false,
		`{ $.users = 1 }`:                            false, // an array is no value
		`{ $.users != 1 }`:                           false,
		`{ $.nowhere != 1 }`:                         false,
		`{ $.SomeObject != 1 }`:                      false,
		`{ $.latency >= 55 }`:                        true,
		`{ $.latency > 55.5 }`:                       false,
		`{ $.latency <= 55.5 }`:                      true,
		`{ $.latency = 555e-1 }`:                     true,
		`{ $.negative < -200 }`:                      true,
		`{ $.negative > +1000 }`:                     false,
		`{ $.latency != 500 }`:                       true,
		`{ $.latency = 5* }`:                         true,
		`{ $.latency = * }`:                          true,
		`{ $.code = 400 }`:                           true,
		`{ $.code > 300 }`:                           false, // a string is no number
		`{ $.['cluster.name'] = "c" }`:               true,
		`{ $.["k.e-y"].x = "é\"t" }`:                 true,
		`{ $["code"] = 400 }`:                        true,
		`{ $.users[*].id = 3 }`:                      true,
		`{ $.users[*].id = 4 }`:                      false,
		`{ $.coordinates[*][*] = 9 }`:                true,
		`{ $.coordinates[2][*] = 4 }`:                false,
		`{ $.users[*].id = 3 && $.users[0].id = 2 }`: true,
		`{ $.wild = Ev*ent }`:                        true, // an asterisk inside stands for itself
		`{ $.eventType = Up*Trail }`:                 false,
		`{ $.empty = "" }`:                           true,
		`{$.code=400&&$.code=4*||$.x=1}`:             true,
	} {
		t.Run(pattern, func(t *testing.T) {
			t.Parallel()
			if got := matches(t, pattern, []string{trail}) != nil; got != want {
				t.Errorf("matched %v, want %v", got, want)
			}
		})
	}
}

func TestMatch_OnlyJSON(t *testing.T) {
	t.Parallel()
	good := []string{`{"a":1}`, ` {"a" : 1 } `, `{"b":[{},[],"\"",1e5,-0.5,null],"a":1}`, `{"\u0061":1}`, `{"a":{"a":2},"a":1}`}
	bad := []string{
		"", "a", `"a"`, "1", `{"a":1`, `{"a":1}}`, `{"a":1} x`, `START {"a":1}`, `{"a":1,}`, `{a:1}`, `{"a":01,"a":1}`, `{"a":1,"b":.5}`,
		`{"a":1,"b":tru}`, `{"a":1,"b":"\n` + "\n" + `"}`, `{"a":1 "b":2}`, `{"a":1,"b":[1 2]}`, `{"a":1,"b":1e}`, `{"a":1,"b":-}`, `{"a":1,"b":"`, `{"a":1,"b":"\`,
		`{"a":1,"b":` + strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1) + "}",
		strings.Repeat(`{"a":`, 1_000_000),
	}
	if diff := cmp.Diff(good, matches(t, "{ $.a = 1 }", append(good, bad...))); diff != "" {
		t.Error(diff)
	}
}

func TestExtract(t *testing.T) {
	t.Parallel()
	const message = `127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534`
	for pattern, want := range map[string]map[string]string{
		"[..., request=*.html*, status_code=4*,]": {
			"$1": "127.0.0.1", "$2": "-", "$3": "frank", "$4": "10/Oct/2000:13:25:15 -0700",
			"$request": "GET /index.html HTTP/1.0", "$status_code": "404", "$7": "1534",
		},
		"[ip, ...]": {
			"$ip": "127.0.0.1", "$2": "-", "$3": "frank", "$4": "10/Oct/2000:13:25:15 -0700",
			"$5": "GET /index.html HTTP/1.0", "$6": "404", "$7": "1534",
		},
		"[a,b]": {},
		"frank": {},
	} {
		p, err := Parse(pattern)
		if err != nil {
			t.Fatal(err)
		}
		got, matched := p.Extract(message)
		if diff := cmp.Diff(want, got); diff != "" || matched != p.Match(message) {
			t.Errorf("%s: matched %v\n%s", pattern, matched, diff)
		}
	}
}

func TestSelector(t *testing.T) {
	t.Parallel()
	type result struct {
		value string
		ok    bool
	}
	for _, c := range []struct {
		pattern, ref, message string
		want                  result
	}{
		{"{ $.latency = * }", "$.latency", trail, result{"55.5", true}},
		{"{ $.latency = * }", "$.code", trail, result{"400", true}},
		{"{ $.latency = * }", "$.users[1].id", trail, result{"3", true}},
		{"{ $.latency = * }", "$.users", trail, result{"", false}},
		{"{ $.latency = * }", "$.SomeObject", trail, result{"", false}},
		{"{ $.latency = * }", "$.latency", "no JSON", result{"", false}},
		{"[a, ..., b]", "$b", "1 2 3 4", result{"4", true}},
		{"[a, ..., b]", "$a", "1 2 3 4", result{"1", true}},
		{"[a, ..., b]", "$3", "1 2 3 4", result{"3", true}},
		{"[a, ..., b]", "$5", "1 2 3 4", result{"", false}},
		{"[a, ..., b]", "$b", "1", result{"", false}},
	} {
		p, err := Parse(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		s, err := p.Selector(c.ref)
		if err != nil {
			t.Errorf("%s of %s: %v", c.ref, c.pattern, err)
			continue
		}
		if value, ok := s.Value(c.message); (result{value, ok}) != c.want {
			t.Errorf("%s of %s: %q, %v; want %v", c.ref, c.pattern, value, ok, c.want)
		}
	}
	for _, c := range [][2]string{{"ERROR", "$.a"}, {"", "$1"}, {"[a]", "$b"}, {"[a]", "a"}, {"[a]", "$"}, {"[a]", "$0"}, {"{$.a=1}", "$a"}, {"{$.a=1}", "$.a b"}} {
		p, err := Parse(c[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Selector(c[1]); err == nil {
			t.Errorf("%s of %s: no error", c[1], c[0])
		}
	}
}
