package s3_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/service/servicetest"
)

// query selects from an object. It returns the records, the statistics, and the code of what the stream ended with.
func query(t *testing.T, call *aws.Call, in *api.SelectObjectContentInput) (records string, stats *api.Stats, code string) {
	t.Helper()
	in.Bucket, in.ExpressionType = "data", api.ExpressionTypeSQL
	out, err := api.SelectObjectContent.Do(call, in)
	if err != nil {
		return "", nil, aws.ErrorCode(err)
	}
	code = "no end"
	for event, err := range out.Payload {
		if err != nil {
			return records, stats, aws.ErrorCode(err)
		}
		switch e := event.(*api.SelectObjectContentEventStream); {
		case e.Records != nil:
			records += string(e.Records.Payload)
		case e.Stats != nil:
			stats = e.Stats.Details
		case e.End != nil:
			code = ""
		}
	}
	return records, stats, code
}

func asCSV(header api.FileHeaderInfo) api.InputSerialization {
	return api.InputSerialization{CSV: &api.CSVInput{FileHeaderInfo: &header}}
}

var toCSV = api.OutputSerialization{CSV: &api.CSVOutput{}}

func TestSelectObjectContent_QueriesCSVAndJSON(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	newBucket(t, call, "data")
	put(t, call, "data", "people.csv", "name,age\nAnn,31\nBob,4\n")
	put(t, call, "data", "rules.json", `{"Rules":[{"id":1},{"id":2}]}`)
	got, stats, code := query(t, call, &api.SelectObjectContentInput{Key: "people.csv", Expression: "SELECT s.name FROM S3Object s WHERE s.age > 20", InputSerialization: asCSV("USE"), OutputSerialization: toCSV})
	if got != "Ann\n" || code != "" || *stats.BytesScanned != 22 || *stats.BytesProcessed != 22 || *stats.BytesReturned != 4 {
		t.Errorf("CSV: %q, %+v, %s", got, stats, code)
	}
	json := api.InputSerialization{JSON: &api.JSONInput{Type: new(api.JSONTypeDocument)}}
	got, _, code = query(t, call, &api.SelectObjectContentInput{Key: "rules.json", Expression: "SELECT SUM(r.id) AS s FROM S3Object[*].Rules[*] r", InputSerialization: json, OutputSerialization: api.OutputSerialization{JSON: &api.JSONOutput{}}})
	if got != `{"s":3}`+"\n" || code != "" {
		t.Errorf("JSON: %q, %s", got, code)
	}
}

func TestSelectObjectContent_StreamsCompressedObjects(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	newBucket(t, call, "data")
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	var want strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(w, "%d,some text that is read for nothing,%d\n", i, i%7)
		if i%7 == 3 {
			fmt.Fprintf(&want, "%d\n", i)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	put(t, call, "data", "k.gz", packed.String())
	in := func(compression api.CompressionType) *api.SelectObjectContentInput {
		input := asCSV("NONE")
		input.CompressionType = &compression
		return &api.SelectObjectContentInput{Key: "k.gz", Expression: "SELECT _1 FROM S3Object WHERE _3 = 3", InputSerialization: input, OutputSerialization: toCSV, RequestProgress: &api.RequestProgress{Enabled: new(true)}}
	}
	got, stats, code := query(t, call, in("GZIP"))
	if got != want.String() || code != "" || *stats.BytesScanned != int64(packed.Len()) || *stats.BytesProcessed <= *stats.BytesScanned {
		t.Errorf("%d bytes selected, want %d; %+v, %s", len(got), want.Len(), stats, code)
	}
	if _, _, code := query(t, call, in("BZIP2")); code != "InvalidCompressionFormat" {
		t.Errorf("another compression: %s", code)
	}
	put(t, call, "data", "k.gz", packed.String()[:packed.Len()/2])
	if got, _, code := query(t, call, in("GZIP")); code != "TruncatedInput" || got == "" {
		t.Errorf("half of it: %d bytes and %s", len(got), code)
	}
	// Whoever stops listening leaves nothing open.
	put(t, call, "data", "k.gz", packed.String())
	stop := in("GZIP")
	stop.Bucket, stop.ExpressionType = "data", api.ExpressionTypeSQL
	out, err := api.SelectObjectContent.Do(call, stop)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range out.Payload {
		if err != nil {
			t.Error(err)
		}
		break
	}
}

func TestSelectObjectContent_Refusals(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	newBucket(t, call, "data")
	put(t, call, "data", "k", "a,b\n1,2\n")
	if err := putClass(t, call, "cold", "GLACIER", "x"); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		change func(*api.SelectObjectContentInput)
		want   string
	}{
		"nothing":        {func(*api.SelectObjectContentInput) {}, ""},
		"missing key":    {func(in *api.SelectObjectContentInput) { in.Key = "missing" }, "NoSuchKey"},
		"archived":       {func(in *api.SelectObjectContentInput) { in.Key = "cold" }, "InvalidObjectState"},
		"syntax":         {func(in *api.SelectObjectContentInput) { in.Expression = "SELECT" }, "ParseSelectMissingFrom"},
		"missing column": {func(in *api.SelectObjectContentInput) { in.Expression = "SELECT s.c FROM S3Object s" }, "MissingHeaders"},
		"no format":      {func(in *api.SelectObjectContentInput) { in.InputSerialization = api.InputSerialization{} }, "ObjectSerializationConflict"},
		"no output":      {func(in *api.SelectObjectContentInput) { in.OutputSerialization = api.OutputSerialization{} }, "ObjectSerializationConflict"},
		"header":         {func(in *api.SelectObjectContentInput) { in.InputSerialization = asCSV("MAYBE") }, "InvalidFileHeaderInfo"},
		"compression": {func(in *api.SelectObjectContentInput) {
			in.InputSerialization.CompressionType = new(api.CompressionType("ZIP"))
		}, "InvalidCompressionFormat"},
		"parquet": {func(in *api.SelectObjectContentInput) {
			in.InputSerialization = api.InputSerialization{Parquet: &api.ParquetInput{}}
		}, "NotImplemented"},
		"JSON type": {func(in *api.SelectObjectContentInput) {
			in.InputSerialization = api.InputSerialization{JSON: &api.JSONInput{}}
		}, "InvalidJsonType"},
		"quotes": {func(in *api.SelectObjectContentInput) {
			in.OutputSerialization = api.OutputSerialization{CSV: &api.CSVOutput{QuoteFields: new(api.QuoteFields("NEVER"))}}
		}, "InvalidQuoteFields"},
		"scan range": {func(in *api.SelectObjectContentInput) { in.ScanRange = &api.ScanRange{} }, "NotImplemented"},
		"not what it is": {func(in *api.SelectObjectContentInput) {
			in.InputSerialization = api.InputSerialization{JSON: &api.JSONInput{Type: new(api.JSONTypeLines)}}
		}, "JSONParsingError"},
		"field delimiter": {func(in *api.SelectObjectContentInput) { in.InputSerialization.CSV.FieldDelimiter = new("long") }, "InvalidRequestParameter"},
	} {
		in := &api.SelectObjectContentInput{Key: "k", Expression: "SELECT * FROM S3Object", InputSerialization: asCSV("USE"), OutputSerialization: toCSV}
		tt.change(in)
		if _, _, code := query(t, call, in); code != tt.want {
			t.Errorf("%s: %s, want %s", name, code, tt.want)
		}
	}
	_, err := api.SelectObjectContent.Do(call, &api.SelectObjectContentInput{Bucket: "data", Key: "k", Expression: "x", ExpressionType: "XPATH"})
	servicetest.WantError(t, err, "InvalidExpressionType")
	other := c.CallIn(t, stranger, "us-east-1")
	if _, _, code := query(t, other, &api.SelectObjectContentInput{Key: "k", Expression: "SELECT * FROM S3Object", InputSerialization: asCSV("USE"), OutputSerialization: toCSV}); code != "AccessDenied" {
		t.Errorf("a stranger: %s", code)
	}
}
