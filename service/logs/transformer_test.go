package logs_test

import (
	"encoding/json"
	"strings"
	"testing"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/service/servicetest"
)

// processors reads a transformer as clients write it.
func processors(t *testing.T, text string) []api.Processor {
	t.Helper()
	var list []api.Processor
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&list); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return list
}

// cloudFrontLine is a line of standard logs.
var cloudFrontLine = strings.ReplaceAll("2019-12-04 21:02:31 LAX1 392 192.0.2.100 GET d111111abcdef8.cloudfront.net /index.html 200 - curl%208 - - Hit "+
	"SOX4xwn4XV6Q4rgb7XiVGOHms_BGlTAC4KyHmureZmBNrjGdRLiNIQ== d111111abcdef8.cloudfront.net https 23 0.001 - TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 Hit HTTP/2.0 "+
	"- - 11040 0.001 Hit text/html 78 - -", " ", "\t")

func TestTransformer_MakesFieldsOfMessages(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	for name, tc := range map[string]struct{ config, message, want string }{
		"json":             {`[{"ParseJSON":{}}]`, `{"a":{"b":1.50},"c":[true]}`, `{"a":{"b":1.50},"c":[true]}`},
		"json of a field":  {`[{"ParseJSON":{}},{"ParseJSON":{"Source":"in","Destination":"out"}}]`, `{"in":"{\"x\":1}"}`, `{"in":"{\"x\":1}","out":{"x":1}}`},
		"no json":          {`[{"ParseJSON":{}}]`, `text`, ``},
		"csv":              {`[{"CSV":{"Columns":["a","b"]}}]`, `1,"x, y",3`, `{"a":"1","b":"x, y","column_3":"3"}`},
		"key and value":    {`[{"ParseKeyValue":{"FieldDelimiter":" ","NonMatchValue":"-","KeyPrefix":"p_"}}]`, `a=1 b`, `{"p_a":"1","p_b":"-"}`},
		"grok":             {`[{"Grok":{"Match":"%{IP:ip} %{WORD:method} %{NUMBER:ms:INTEGER} \\[%{HTTPDATE:at}\\] %{GREEDYDATA:rest}"}}]`, `192.0.2.1 GET 17 [10/Oct/2020:13:55:36 -0700] a b`, `{"at":"10/Oct/2020:13:55:36 -0700","ip":"192.0.2.1","method":"GET","ms":17,"rest":"a b"}`},
		"vpc":              {`[{"ParseVPC":{}}]`, `2 123456789010 eni-1 192.0.2.1 192.0.2.2 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK`, `{"accountId":"123456789010","action":"ACCEPT","bytes":4249,"dstAddr":"192.0.2.2","dstPort":22,"end":1418530070,"interfaceId":"eni-1","logStatus":"OK","packets":20,"protocol":6,"srcAddr":"192.0.2.1","srcPort":20641,"start":1418530010,"version":2}`},
		"route 53":         {`[{"ParseRoute53":{}}]`, `1.0 2017-12-13T08:15:50.235Z Z123412341234 example.com AAAA NOERROR TCP IAD12 192.0.2.0 198.51.100.0/24`, `{"edgeLocation":"IAD12","ednsClientSubnet":"198.51.100.0/24","hostZoneId":"Z123412341234","protocol":"TCP","queryName":"example.com","queryTimestamp":"2017-12-13T08:15:50.235Z","queryType":"AAAA","resolverIp":"192.0.2.0","responseCode":"NOERROR","version":1}`},
		"postgres":         {`[{"ParsePostgres":{}}]`, `2019-03-10 03:54:59 UTC:10.0.0.123(52834):postgres@logtestdb:[20175]:ERROR: column "x" does not exist`, `{"dbName":"logtestdb","logLevel":"ERROR","logTime":"2019-03-10 03:54:59 UTC","processId":"20175","srcIp":"10.0.0.123(52834)","userName":"postgres"}`},
		"no postgres":      {`[{"ParsePostgres":{}}]`, `ERROR`, ``},
		"cloudfront":       {`[{"ParseCloudfront":{}},{"DeleteKeys":{"WithKeys":["date"]}}]`, cloudFrontLine, `"cs(User-Agent)":"curl 8","cs-bytes":23`},
		"add":              {`[{"ParseJSON":{}},{"AddKeys":{"Entries":[{"Key":"n.m","Value":"v ${a}"},{"Key":"a","Value":"kept"}]}}]`, `{"a":"b"}`, `{"a":"b","n":{"m":"v b"}}`},
		"delete":           {`[{"ParseJSON":{}},{"DeleteKeys":{"WithKeys":["a.b","none"]}}]`, `{"a":{"b":1,"c":2}}`, `{"a":{"c":2}}`},
		"move":             {`[{"ParseJSON":{}},{"MoveKeys":{"Entries":[{"Source":"a.x","Target":"b"}]}}]`, `{"a":{"x":1},"b":{"y":2}}`, `{"a":{},"b":{"x":1,"y":2}}`},
		"rename":           {`[{"ParseJSON":{}},{"RenameKeys":{"Entries":[{"Key":"a","RenameTo":"b"},{"Key":"c.d","RenameTo":"e"}]}}]`, `{"a":1,"c":{"d":2}}`, `{"b":1,"c":{"e":2}}`},
		"copy":             {`[{"ParseJSON":{}},{"CopyValue":{"Entries":[{"Source":"a.x","Target":"y"}]}}]`, `{"a":{"x":[1]}}`, `{"a":{"x":[1]},"y":[1]}`},
		"list":             {`[{"ParseJSON":{}},{"ListToMap":{"Source":"l","Key":"k","ValueKey":"v","Target":"m"}}]`, `{"l":[{"k":"a","v":1},{"k":"b","v":2},{"k":"b","v":3}]}`, `{"l":[{"k":"a","v":1},{"k":"b","v":2},{"k":"b","v":3}],"m":{"a":[1],"b":[2,3]}}`},
		"flat list":        {`[{"ParseJSON":{}},{"ListToMap":{"Source":"l","Key":"k","ValueKey":"v","Flatten":true,"FlattenedElement":"last"}},{"DeleteKeys":{"WithKeys":["l"]}}]`, `{"l":[{"k":"b","v":2},{"k":"b","v":3}]}`, `{"b":3}`},
		"strings":          {`[{"ParseJSON":{}},{"LowerCaseString":{"WithKeys":["a"]}},{"UpperCaseString":{"WithKeys":["b"]}},{"TrimString":{"WithKeys":["c"]}}]`, `{"a":"X","b":"y","c":" z "}`, `{"a":"x","b":"Y","c":"z"}`},
		"split":            {`[{"ParseJSON":{}},{"SplitString":{"Entries":[{"Source":"a","Delimiter":"-"}]}}]`, `{"a":"1-2"}`, `{"a":["1","2"]}`},
		"substitute":       {`[{"ParseJSON":{}},{"SubstituteString":{"Entries":[{"Source":"a","From":"(\\d+)","To":"<$1>"}]}}]`, `{"a":"x1"}`, `{"a":"x<1>"}`},
		"types":            {`[{"ParseJSON":{}},{"TypeConverter":{"Entries":[{"Key":"i","Type":"integer"},{"Key":"d","Type":"double"},{"Key":"b","Type":"boolean"},{"Key":"s","Type":"string"}]}}]`, `{"i":"12","d":"1.5","b":"TRUE","s":7}`, `{"b":true,"d":1.5,"i":12,"s":"7"}`},
		"wrong type":       {`[{"ParseJSON":{}},{"TypeConverter":{"Entries":[{"Key":"i","Type":"integer"}]}}]`, `{"i":"x"}`, ``},
		"date":             {`[{"ParseJSON":{}},{"DateTimeConverter":{"Source":"t","Target":"u","MatchPatterns":["dd/MMM/yyyy:HH:mm:ss Z"],"TargetFormat":"yyyy-MM-dd'T'HH:mm:ss.SSS'Z'","Locale":"en"}}]`, `{"t":"10/Oct/2020:13:55:36 -0700"}`, `{"t":"10/Oct/2020:13:55:36 -0700","u":"2020-10-10T20:55:36.000Z"}`},
		"epoch":            {`[{"ParseJSON":{}},{"DateTimeConverter":{"Source":"t","Target":"t","MatchPatterns":["epoch"]}}]`, `{"t":1602363336000}`, `{"t":"2020-10-10T20:55:36.000Z"}`},
		"nothing of AWS's": {`[{"ParseJSON":{}},{"AddKeys":{"Entries":[{"Key":"@message","Value":"x","OverwriteIfExists":true}]}}]`, `{"a":1,"@b":2}`, `{"a":1}`},
	} {
		out, err := api.TestTransformer.Do(call, &api.TestTransformerInput{TransformerConfig: processors(t, tc.config), LogEventMessages: []string{tc.message}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := ""
		if text := out.TransformedLogs[0].TransformedEventMessage; text != nil {
			got = *text
		}
		if got != tc.want && (tc.want == "" || tc.want[0] == '{' || !strings.Contains(got, tc.want)) {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

func TestTransformer_RefusesWhatIsNone(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createGroup(t, call, "app")
	for config, code := range map[string]string{
		`[{"AddKeys":{"Entries":[{"Key":"a","Value":"b"}]}}]`:             "InvalidParameterException",
		`[{"ParseJSON":{}},{"ParseVPC":{}}]`:                              "InvalidParameterException",
		`[{"ParseVPC":{"Source":"a"}}]`:                                   "InvalidParameterException",
		`[{"Grok":{"Match":"%{WORD:a}"}},{"Grok":{"Match":"%{WORD:a}"}}]`: "InvalidParameterException",
		`[{}]`:                             "InvalidParameterException",
		`[{"ParseJSON":{},"CSV":{}}]`:      "InvalidParameterException",
		`[{"Grok":{"Match":"%{NONE:a}"}}]`: "InvalidParameterException",
		`[{"Grok":{"Match":"text"}}]`:      "InvalidParameterException",
		`[{"ParseWAF":{}}]`:                "NotImplemented",
		`[{"ParseJSON":{}},{"ParseJSON":{}},{"ParseJSON":{}},{"ParseJSON":{}},{"ParseJSON":{}},{"ParseJSON":{}}]`:               "InvalidParameterException",
		`[{"ParseJSON":{}},{"SubstituteString":{"Entries":[{"Source":"a","From":"(","To":"x"}]}}]`:                              "InvalidParameterException",
		`[{"ParseJSON":{}},{"DateTimeConverter":{"Source":"a","Target":"a","MatchPatterns":["yyyy"],"SourceTimezone":"Moon"}}]`: "InvalidParameterException",
	} {
		_, err := api.PutTransformer.Do(call, &api.PutTransformerInput{LogGroupIdentifier: "app", TransformerConfig: processors(t, config)})
		if aws.ErrorCode(err) != code {
			t.Errorf("%s: %v, want %s", config, err, code)
		}
	}
	good := processors(t, `[{"ParseJSON":{}}]`)
	_, err := api.PutTransformer.Do(call, &api.PutTransformerInput{LogGroupIdentifier: "none", TransformerConfig: good})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.GetTransformer.Do(call, &api.GetTransformerInput{LogGroupIdentifier: "app"})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	if _, err = api.PutTransformer.Do(call, &api.PutTransformerInput{LogGroupIdentifier: "app", TransformerConfig: good}); err != nil {
		t.Fatal(err)
	}
	out, err := api.GetTransformer.Do(call, &api.GetTransformerInput{LogGroupIdentifier: "app"})
	if err != nil || len(out.TransformerConfig) != 1 || out.TransformerConfig[0].ParseJSON == nil {
		t.Errorf("transformer %+v, %v", out, err)
	}
	for _, code := range []string{"", "ResourceNotFoundException"} {
		_, err = api.DeleteTransformer.Do(call, &api.DeleteTransformerInput{LogGroupIdentifier: "app"})
		servicetest.WantError(t, err, code)
	}
}

func TestTransformer_FeedsSubscriptions(t *testing.T) {
	t.Parallel()
	c, call, box := cloudWithInbox(t, []string{"lambda"})
	for group, config := range map[string]string{"own": `[{"CSV":{"Columns":["level"]}},{"CopyValue":{"Entries":[{"Source":"@logGroupStream","Target":"stream"}]}}]`, "inherited": ""} {
		createGroup(t, call, group)
		createStream(t, call, group, "one")
		if config != "" {
			if _, err := api.PutTransformer.Do(call, &api.PutTransformerInput{LogGroupIdentifier: group, TransformerConfig: processors(t, config)}); err != nil {
				t.Fatal(err)
			}
		}
		subscribe(t, call, &api.PutSubscriptionFilterInput{
			LogGroupName: group, FilterName: "f", FilterPattern: `{ $.level = "ERROR" }`, DestinationARN: lambdaARN, ApplyOnTransformedLogs: new(true),
		})
	}
	putAccountPolicy(t, call, api.PolicyTypeTransformerPolicy, "p", `[{"csv":{"columns":["level","code"]}}]`, `LogGroupNamePrefix IN ["inh"]`)
	c.WaitIdle(t)
	box.take()
	for group, want := range map[string]string{"own": `{"column_2":"1","level":"ERROR","stream":"one"}`, "inherited": `{"code":"1","level":"ERROR"}`} {
		putMessages(t, call, group, "one", "ERROR,1", "INFO,2")
		c.WaitIdle(t)
		got := box.take()
		if len(got) != 1 {
			t.Fatalf("%s: %d messages", group, len(got))
		}
		if m := unpack(t, got[0]); len(m.LogEvents) != 1 || m.LogEvents[0].Message != want {
			t.Errorf("%s: message %+v", group, m)
		}
	}
}
