package logsinsights

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// logged is an event of tests.
type logged struct {
	q       *Query
	at      int64
	message string
	lambda  bool
}

func (e *logged) Timestamp() int64 { return e.at }
func (e *logged) Pointer() string  { return fmt.Sprint("p", e.at) }
func (e *logged) Field(need int) Value {
	name, _ := Unmasked(e.q.Needs()[need])
	switch name {
	case "@timestamp":
		return Time(e.at)
	case "@message":
		return Text(e.message)
	case "@logStream":
		return Text("stream")
	default:
		var found Value
		Discover(e.message, e.lambda, func(n, v string) bool {
			if n == name {
				found = Text(v)
			}
			return n != name
		})
		return found
	}
}

// start is when the first event of a test happens; the others come a minute later each.
var start = time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)

// run returns the result of a query as lines of "name=value", and the query.
func run(t *testing.T, text string, limit int, messages ...string) (string, *Execution) {
	t.Helper()
	q, err := Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	x := q.Start(start.Add(time.Hour), limit)
	for i, m := range messages {
		if err := x.Add(&logged{q: q, at: start.Add(time.Duration(i) * time.Minute).UnixMilli(), message: m, lambda: true}); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := x.Finish()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, row := range rows {
		var fields []string
		for _, f := range row {
			if f.Name != "@ptr" {
				fields = append(fields, f.Name+"="+f.Value)
			}
		}
		lines = append(lines, strings.Join(fields, " "))
	}
	return strings.Join(lines, "\n"), x
}

func TestQuery_Expressions(t *testing.T) {
	t.Parallel()
	const message = `{"n":10,"neg":-2.5,"s":"Hello World","code":"404","blank":"  ","ok":true,"no":false,"nil":null,"ip":"192.0.2.7","ip6":"2001:db8::1",` +
		`"foo-bar":"dashed","a":{"b":{"c":"deep"},"list":[{"id":"i-1"},{"id":"i-2"}]},"text":"xyZfooxyZ","raw":"{\"k\":[1,{\"x.y\":2}]}","@odd":"at","zero":0}`
	for expr, want := range map[string]string{
		"n + 5 * 2": "20", "(n + 5) * 2": "30", "n - 1 - 1": "8", "n / 4": "2.5", "n / 3": "3.3333", "2 ^ 3": "8", "10 % 3": "1", "-n": "-10",
		"n / zero": "<none>", "n + s": "<none>", "1 - -1": "2", "1000000 * 1000000": "1000000000000", "2 ^ 60": "1.152921504606847E+18",
		"n = 10": "1", "n = '10'": "1", "code = 404": "1", "n != 10": "0", "missing = 1": "0", "missing != 1": "1", "missing < 1": "0",
		"n > 9": "1", "n >= 10 and n <= 10": "1", "code > 5": "1", "s > 5": "0", "s < 'Z'": "1", "not (n = 10)": "0", "n = 1 or code = 404": "1",
		"s like 'World'": "1", `s like "world"`: "0", "s like /wor/": "0", "s like /(?i)wor/": "1", "s =~ /^Hello/": "1", "s not like 'x'": "1",
		"missing not like 'x'": "1", "code in [403, 404]": "1", "code not in ['404']": "0", "s in ['Hello World']": "1", "s in []": "0",
		"ok": "1", "no": "0", "ok = true": "1", "ok and not no": "1", "a.b.c": "deep", "a.list.1.id": "i-2", "a.list[0].id": "i-1", "`foo-bar`": "dashed", "@@odd": "at",
		"abs(neg)": "2.5", "ceil(neg)": "-2", "floor(neg)": "-3", "greatest(1, n, 3)": "10", "least(1, n, -3)": "-3", "sqrt(16)": "4", "log(1)": "0", "sqrt(0-1)": "<none>",
		"ispresent(n)": "1", "isPresent(missing)": "0", "ispresent(nil)": "0", "coalesce(missing, nil, s)": "Hello World",
		"isempty(missing)": "1", "isEmpty(s)": "0", "isblank(blank)": "1", "isempty(blank)": "0", "concat(s, '-', n)": "Hello World-10",
		"ltrim(text, 'xyZ')": "fooxyZ", "rtrim(text, 'xyZ')": "xyZfoo", "trim(text, 'xyZ')": "foo", "trim('  a ')": "a", "strlen('äöü')": "3",
		"toupper(s)": "HELLO WORLD", "tolower(s)": "hello world", "substr(text, 3, 3)": "foo", "substr(text, 3)": "fooxyZ", "substr(text, 90)": "",
		"replace('foo', 'o', '0')": "f00", "strcontains(s, 'lo W')": "1", "strcontains(missing, 'a')": "0",
		"datefloor(@timestamp, 1h)": "2026-01-02 03:00:00.000", "dateceil(@timestamp, 1h)": "2026-01-02 04:00:00.000", "bin(300s)": "2026-01-02 03:04:00.000",
		"bin(5m)": "2026-01-02 03:00:00.000", "bin(1w)": "2025-12-29 00:00:00.000", "bin(1mo)": "2026-01-01 00:00:00.000", "bin(2 hours)": "!",
		"bin(1q)": "2026-01-01 00:00:00.000", "dateceil(@timestamp, 1year)": "2027-01-01 00:00:00.000", "@timestamp": "2026-01-02 03:04:00.000",
		"fromMillis(1642195111000)": "2022-01-14 21:18:31.000", "toMillis(@timestamp)": "1767323040000", "now() - toMillis(@timestamp) / 1000": "3600",
		"isValidIp(ip)": "1", "isValidIpV6(ip)": "0", "isValidIpV4(ip)": "1", "isValidIp(s)": "0", "isIpInSubnet(ip, '192.0.2.0/24')": "1",
		"isIpv4InSubnet(ip, '10.0.0.0/8')": "0", "isIpv6InSubnet(ip6, '2001:db8::/32')": "1", "isIpv4InSubnet(ip6, '2001:db8::/32')": "0", "isIpInSubnet(ip, 'x')": "0",
		"jsonParse(raw)": `{"k":[1,{"x.y":2}]}`, "jsonStringify(jsonParse('[1, 2]'))": "[1,2]", "jsonParse('nope')": "<none>", "unmask(s)": "Hello World",
	} {
		if want == "!" {
			if _, err := Parse("fields " + expr); err == nil {
				t.Errorf("%s is taken", expr)
			}
			continue
		}
		got, _ := run(t, "fields "+expr+" as x", 10, message)
		if _, value, ok := strings.Cut(got, "x="); ok {
			got = value
		} else {
			got = "<none>"
		}
		if got != want {
			t.Errorf("%s is %q, want %q", expr, got, want)
		}
	}
}

func TestQuery_Commands(t *testing.T) {
	t.Parallel()
	events := []string{
		`{"level":"INFO","user":"ann","ms":5,"srv":"a"}`, `{"level":"ERROR","user":"bob","ms":50,"srv":"b"}`,
		`{"level":"INFO","user":"bob","ms":7,"srv":"a"}`, `{"level":"WARN","ms":9,"srv":"a"}`, "user=eve, method:GET, latency := 12",
	}
	for name, tc := range map[string]struct{ query, want string }{
		"latest first":    {"fields user | filter ispresent(user)", "user=bob\nuser=bob\nuser=ann"},
		"default fields":  {"filter level = 'WARN'", `@timestamp=2026-01-02 03:07:00.000 @message={"level":"WARN","ms":9,"srv":"a"}`},
		"comments":        {"# all\nfields ms # how long\n| filter user = 'ann' # only\n", "ms=5"},
		"keywords":        {"FIELDS ms AS m | FILTER user IN ['ann'] OR ms = 9 | SORT m DESC | LIMIT 1", "m=9"},
		"display":         {"fields user | filter ms = 5 | display level, ms * 2 as double | fields srv", "level=INFO double=10"},
		"several fields":  {"fields user | fields ms | filter ms = 5", "user=ann ms=5"},
		"sort":            {"fields ms | filter ms > 0 | sort ms asc | limit 2", "ms=5\nms=7"},
		"sort two":        {"fields srv, ms | filter ms > 0 | sort srv desc, ms", "srv=b ms=50\nsrv=a ms=5\nsrv=a ms=7\nsrv=a ms=9"},
		"sort, filter":    {"fields ms | sort ms asc | filter ms > 5 | limit 1", "ms=7"},
		"limit, sort":     {"fields ms | filter ms > 0 | limit 2 | sort ms asc", "ms=7\nms=9"},
		"dedup":           {"fields level, ms | filter ms > 0 | dedup level", "level=WARN ms=9\nlevel=INFO ms=7\nlevel=ERROR ms=50"},
		"dedup, missing":  {"fields user, ms | filter srv = 'a' | sort ms asc | dedup user", "user=ann ms=5\nuser=bob ms=7\nms=9"},
		"parse glob":      {`parse @message "user=*, method:*, latency := *" as @user, @method, @latency | filter ispresent(@user) | display @user, @method, @latency`, "@user=eve @method=GET @latency=12"},
		"parse regex":     {`fields @logStream | parse @message /user=(?<user2>\w+), method:(?<method2>\w+)/ | filter user2 like "ev"`, "@logStream=stream user2=eve method2=GET"},
		"parse as":        {`parse /lat(\w+) := (\d+)/ as a, b | filter b > 0 | display a, b + 1`, "a=ency b + 1=13"},
		"parse, stats":    {`parse @message "latency := *" as latency | stats avg(latency), count(latency), count(*)`, "avg(latency)=12 count(latency)=1 count(*)=5"},
		"stats":           {"stats count(*), sum(ms), avg(ms), min(ms), max(ms) by srv", "count(*)=1\nsrv=a count(*)=3 sum(ms)=21 avg(ms)=7 min(ms)=5 max(ms)=9\nsrv=b count(*)=1 sum(ms)=50 avg(ms)=50 min(ms)=50 max(ms)=50"},
		"count forms":     {"stats count() as a, count(user) as b, count_distinct(user) as c", "a=5 b=3 c=2"},
		"pct":             {"stats pct(ms, 50) as p50, pct(ms, 100) as p100, median(ms) as m, stddev(ms) as s by srv | filter srv = 'a'", "srv=a p50=7 p100=9 m=7 s=1.633"},
		"in time":         {"filter ispresent(ms) | stats earliest(ms), latest(ms), sortsFirst(level), sortsLast(level), latest(@timestamp)", "earliest(ms)=5 latest(ms)=9 sortsFirst(level)=ERROR sortsLast(level)=WARN latest(@timestamp)=2026-01-02 03:07:00.000"},
		"bin":             {"stats count(*) as n by bin(2m) as t | sort t desc", "t=2026-01-02 03:08:00.000 n=1\nt=2026-01-02 03:06:00.000 n=2\nt=2026-01-02 03:04:00.000 n=2"},
		"bin, named":      {"stats count(*) by bin(1h)", "bin(1h)=2026-01-02 03:00:00.000 count(*)=5"},
		"stats of stats":  {"stats sum(ms) / 2 as half by srv | stats max(half) as peak, min(half) as low", "peak=25 low=10.5"},
		"stats, aliases":  {"stats max(ms) as high, min(ms) as low, high - low as spread", "high=50 low=5 spread=45"},
		"stats, sorted":   {"filter ms > 0 | stats count(*) as n by level | sort n desc | limit 1", "level=INFO n=2"},
		"stats, nothing":  {"filter ms > 1000 | stats count(*)", ""},
		"stats, computed": {"stats count(*) by strlen(user) as length | filter length = 3", "length=3 count(*)=3"},
		"stats, display":  {"stats count(*) as n, max(ms) as m by srv | filter srv = 'b' | display m, n", "m=50 n=1"},
		"unknown later":   {"stats count(*) as n | sort @timestamp desc", "n=5"},
	} {
		if got, _ := run(t, tc.query, 1000, events...); got != tc.want {
			t.Errorf("%s: %s\n%s\nwant\n%s", name, tc.query, got, tc.want)
		}
	}
}

func TestQuery_CountsMatchesBeforeTheLimit(t *testing.T) {
	t.Parallel()
	got, x := run(t, "fields @message | filter @message like /a/", 2, "a1", "b", "a2", "a3")
	if got != "@message=a3\n@message=a2" || x.Matched() != 3 {
		t.Errorf("%d matched\n%s", x.Matched(), got)
	}
}

func TestQuery_Structures(t *testing.T) {
	t.Parallel()
	const doc = `{"events":[{"name":"exception","n":3},{"name":"user action","n":4}],"service":"s"}`
	for query, want := range map[string]string{
		"fields jsonParse(@message) as json_message | unnest json_message.events into event | display event.name":                  "event.name=exception\nevent.name=user action",
		"fields jsonParse(@message) as js | unnest js.events into e | filter e.n > 3 | display e.n, js.service, js.events[0].name": "e.n=4 js.service=s js.events.0.name=exception",
		"fields jsonParse(@message) as js | unnest js.events into e | stats sum(e.n) as n by e.name | sort n desc | limit 1":       "e.name=user action n=4",
		"fields jsonParse(@message) as js | unnest js.service into one | display one":                                              "one=s",
		"fields jsonParse(@message) as js | display js.`service`":                                                                  "js.service=s",
	} {
		if got, _ := run(t, query, 10, doc); got != want {
			t.Errorf("%s\n%s\nwant\n%s", query, got, want)
		}
	}
}

func TestQuery_SortsNaturally(t *testing.T) {
	t.Parallel()
	got, _ := run(t, "parse 'v=*' as v | sort v asc | display v", 10, "v=10", "v=9", "v=i-10", "v=i-9", "v=abc", "none", "v=-1")
	if want := "\nv=abc\nv=i-9\nv=i-10\nv=-1\nv=9\nv=10"; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestParse_Errors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                    "unexpected symbol found <EOF> at line 1 and position 1 [0,0]",
		"fields @timestamp |": "unexpected symbol found <EOF> at line 1 and position 20 [19,19]",
		"field @timestamp":    "unexpected symbol found field at line 1 and position 1 [0,5]",
		"fields @timestamp\n| filter @message like /e/i": "unexpected symbol found i at line 2 and position 27 [44,45]",
		"fields a | sort bin(1d) desc":                   "unexpected symbol found ( at line 1 and position 20 [19,20]",
		"filter a =":                                     "unexpected symbol found <EOF> at line 1 and position 11 [10,10]",
		"filter (a = 1":                                  "unexpected symbol found <EOF> at line 1 and position 14 [13,13]",
		"filter a like 'x":                               "unexpected symbol found 'x at line 1 and position 15 [14,16]",
		"filter a like /(/":                              "Invalid regular expression: ( [14,17]",
		"filter a like /(?=x)/":                          "Invalid regular expression: (?=x) [14,21]",
		"filter foo(a)":                                  "Unknown function: foo [7,10]",
		"filter abs(a, b)":                               "Invalid arguments for function: abs [7,16]",
		"filter count(a) > 1":                            "unexpected symbol found ( at line 1 and position 13 [12,13]",
		"stats count(*) as n by":                         "unexpected symbol found <EOF> at line 1 and position 23 [22,22]",
		"stats a by b":                                   "unexpected symbol found a at line 1 and position 7 [6,7]",
		"stats pct(a)":                                   "unexpected symbol found ) at line 1 and position 12 [11,12]",
		"stats pct(a, 101)":                              "Invalid arguments for function: pct [6,17]",
		"stats sum(a) as a, max(a) as a":                 "Ephemeral field is already defined: a [29,30]",
		"parse 'a*b*' as x":                              "Number of fields (1) does not match the number of wildcards (2) [6,17]",
		"parse 'a*' as x | fields x":                     "Ephemeral field is already defined: x [25,26]",
		"parse 'a*' as x | parse 'b*' as x":              "Ephemeral field is already defined: x [32,33]",
		"parse /a/":                                      "The pattern of parse names no field [6,9]",
		"limit 0":                                        "unexpected symbol found 0 at line 1 and position 7 [6,7]",
		"limit 100001":                                   "The limit must be at most 100000 [6,12]",
		"limit x":                                        "unexpected symbol found x at line 1 and position 7 [6,7]",
		"fields bin(5)":                                  "Invalid arguments for function: bin [7,13]",
		"fields bin(5parsecs)":                           "unexpected symbol found 5parsecs at line 1 and position 12 [11,19]",
		"fields a; b":                                    "unexpected symbol found ; at line 1 and position 9 [8,9]",
		"fields ä | filter":                              "unexpected symbol found <EOF> at line 1 and position 18 [17,17]",
		"fields a | source logGroups()":                  "unexpected symbol found source at line 1 and position 12 [11,17]",
		"SOURCE logGroups(namePrefix: ['a','b','c','d','e','f'])": "At most 5 values are allowed for namePrefix [17,54]",
		"pattern @message":                       "drydock does not carry out the command pattern. [0,7] unsupported",
		"filter " + strings.Repeat("(", 2000):    "unexpected symbol found ( at line 1 and position 108 [107,108]",
		"filter " + strings.Repeat("not ", 2000): "unexpected symbol found not at line 1 and position 404 [403,406]",
	} {
		_, err := Parse(text)
		got := "no error"
		if e, ok := errors.AsType[*Error](err); ok {
			got = fmt.Sprintf("%s [%d,%d]", e.Message, e.Start, e.End)
			if e.Unsupported {
				got += " unsupported"
			}
		}
		if got != want {
			t.Errorf("%.60s: %s\nwant %s", text, got, want)
		}
	}
}

func TestParse_Source(t *testing.T) {
	t.Parallel()
	q, err := Parse("SOURCE logGroups(accountIdentifiers:['111122223333'], namePrefix: [\"a\", 'b'], class: ['STANDARD']) | fields x")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&Source{[]string{"a", "b"}, []string{"111122223333"}, []string{"STANDARD"}}, q.Source()); diff != "" {
		t.Error(diff)
	}
	if q, err = Parse("SOURCE logGroups() | fields x"); err != nil || q.Source() == nil {
		t.Error(err)
	}
}

func TestQuery_NeedsFieldsUnmaskedApart(t *testing.T) {
	t.Parallel()
	q, err := Parse("fields @message, unmask(@message) as m, unmask(user), upper | filter unmask(@message) like 'x' | stats count(unmask(user))")
	if err != nil {
		t.Fatal(err)
	}
	var needs []string
	for _, need := range q.Needs() {
		name, unmasked := Unmasked(need)
		needs = append(needs, fmt.Sprint(name, " ", unmasked))
	}
	// The name within unmask is read like any other, which costs nothing unless its value is asked for.
	want := []string{"@message false", "@message true", "user false", "user true", "upper false"}
	if diff := cmp.Diff(want, needs); diff != "" || !q.Unmasks() {
		t.Error(diff)
	}
	if _, err := Parse("fields `\x00@message`"); err == nil {
		t.Error("a name can say that it is unmasked")
	}
}

func TestQuery_Requirements(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"filter @message like 'abc' and level = \"ERROR\"": "[{@message [abc] false} {level [ERROR] true}]",
		"filter @message like /req-(\\d+) failed$/":        "[{@message [ failed] false}]",
		"filter @message like /(?i)abc/":                   "[]",
		"filter @message like /a|b/ or x = 'y'":            "[]",
		"filter id = 'a' or id = 'b'":                      "[{id [a b] true}]",
		"filter id in ['a', 'b'] | filter n = 5":           "[{id [a b] true}]",
		"filter not (a = 'b') | filter c != 'd'":           "[]",
		"fields a as b | filter b = 'c'":                   "[]",
		"stats count(*) as n by k | filter k = 'x'":        "[]",
		"sort a | filter 'x' = y | stats count(*)":         "[{y [x] true}]",
		"limit 5 | filter y = 'x'":                         "[]",
	} {
		q, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(q.Requirements()); got != want && (got != "[]" || want != "[]") {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestDiscover(t *testing.T) {
	t.Parallel()
	var wide strings.Builder
	for i := range 300 {
		fmt.Fprintf(&wide, `%s"f%d":%d`, map[bool]string{true: "", false: ","}[i == 0], i, i)
	}
	for name, tc := range map[string]struct {
		message string
		lambda  bool
		want    string
	}{
		"json":     {` {"a":{"b":[1,{"c":"x y"}]},"t":true,"f":false,"n":null,"@x":1.50,"e":{},"u":"\u00e4"} `, false, "a.b.0=1 a.b.1.c=x y t=1 f=0 @@x=1.50 u=ä"},
		"broken":   {`{"a":1,"b":`, false, ""},
		"trailing": {`{"a":1} x`, false, ""},
		"embedded": {"INFO {not} {\"a\":1} {\"b\":2}", true, "a=1"},
		"plain":    {"INFO {\"a\":1}", false, ""},
		"flow": {"2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK", false,
			"version=2 accountId=123456789010 interfaceId=eni-1235b8ca123456789 srcAddr=172.31.16.139 dstAddr=172.31.16.21 srcPort=20641 dstPort=22 protocol=6 packets=20 bytes=4249 start=1418530010 end=1418530070 action=ACCEPT logStatus=OK"},
		"no flow": {"2 a b c d e f g h i j k l m", false, ""},
		"dns": {"1.0 2017-12-13T08:16:02.130Z Z123412341234 example.com A NOERROR UDP FRA6 192.168.1.1 -", false,
			"version=1.0 queryTimestamp=2017-12-13T08:16:02.130Z hostZoneId=Z123412341234 queryName=example.com queryType=A responseCode=NOERROR protocol=UDP edgeLocation=FRA6 resolverIp=192.168.1.1 ednsClientSubnet=-"},
		"report": {"REPORT RequestId: 3fb1e2a0-0000-4000-8000-000000000000\tDuration: 102.25 ms\tBilled Duration: 103 ms\tMemory Size: 128 MB\tMax Memory Used: 5 MB\tInit Duration: 99.5 ms\t\nXRAY TraceId: 1-5\tSegmentId: 6\tSampled: true", true,
			"@type=REPORT @requestId=3fb1e2a0-0000-4000-8000-000000000000 @duration=102.25 @billedDuration=103 @memorySize=1.28E8 @maxMemoryUsed=5000000.0 @initDuration=99.5 @xrayTraceId=1-5 @xraySegmentId=6"},
		"start": {"START RequestId: 3fb1 Version: $LATEST\n", true, "@type=START @requestId=3fb1"},
		"line":  {"2026-01-01T00:00:00.000Z\t3fb1e2a0-0000-4000-8000-000000000000\tINFO\t{\"k\":1}", true, "@requestId=3fb1e2a0-0000-4000-8000-000000000000 k=1"},
		"wide":  {"{" + wide.String() + "}", false, ""},
	} {
		var got []string
		Discover(tc.message, tc.lambda, func(n, v string) bool {
			got = append(got, n+"="+v)
			return true
		})
		if name == "wide" {
			if len(got) != MaxDiscovered {
				t.Errorf("%d fields of a wide event", len(got))
			}
			continue
		}
		if s := strings.Join(got, " "); s != tc.want {
			t.Errorf("%s: %s\nwant %s", name, s, tc.want)
		}
	}
}

func TestExecution_BoundsMemory(t *testing.T) {
	t.Parallel()
	q, err := Parse("fields concat(@message, @message) as m | dedup m")
	if err != nil {
		t.Fatal(err)
	}
	x := q.Start(start, 10)
	for i := range 3000 {
		if err = x.Add(&logged{q: q, at: int64(i), message: strings.Repeat("x", 100_000)}); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("error %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"fields @timestamp, `a b`.c as x | filter x like /a\\/b/ and y not in [1, 'b'] | sort x desc | limit 5",
		`parse @message "user=*, \* *" as a, b | stats count(*), pct(a, 95) as p by bin(5m), b | dedup b`,
		"SOURCE logGroups(namePrefix: ['a']) | unnest a.b into c | display c.d[0] + 1 # end", "stats max(a) as m, m - 1 as n | stats sum(m)",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := Parse(text)
		if err != nil {
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Start > e.End || e.End > len([]rune(text)) || e.Start < 0 {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		x := q.Start(start, 10)
		for i, m := range []string{`{"a":[{"b":1}],"x":"y"}`, "user=1, * 2", ""} {
			if x.Add(&logged{q: q, at: int64(i), message: m}) != nil {
				return
			}
		}
		_, _ = x.Finish()
	})
}
