package s3_test

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
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

var asParquet = api.InputSerialization{Parquet: &api.ParquetInput{}}

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

// parquetFile is a file of lang/parquet's tests, where its columns are told.
func parquetFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile("../../lang/parquet/testdata/" + name + ".parquet")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestSelectObjectContent_QueriesParquet(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	newBucket(t, call, "data")
	flat, snappy := parquetFile(t, "flat"), parquetFile(t, "snappy")
	put(t, call, "data", "flat", flat)
	put(t, call, "data", "snappy", snappy)
	put(t, call, "data", "nested", parquetFile(t, "nested"))
	put(t, call, "data", "brotli", parquetFile(t, "brotli"))
	put(t, call, "data", "int96", parquetFile(t, "int96"))
	put(t, call, "data", "cut", flat[:len(flat)-1])
	put(t, call, "data", "empty", "")
	toJSON := api.OutputSerialization{JSON: &api.JSONOutput{}}
	for _, tt := range []struct {
		key, query string
		out        api.OutputSerialization
		want, code string
	}{
		{"flat", "SELECT s.id, s.name, s.d9, s.flag FROM S3Object s WHERE s.i16 < -14000", toCSV, "47,näme 3,0.27,false\n48,näme 0,0.28,true\n49,näme 1,0.29,false\n", ""},
		{"flat", "SELECT COUNT(*), COUNT(flag), MAX(f64) FROM S3Object", toCSV, "50,43,4.9\n", ""},
		{"flat", "SELECT day, ms, t32 FROM S3Object WHERE id = 1", toJSON, `{"day":"1961-07-12T00:00:00Z","ms":"2024-02-29T02:02:03.004Z","t32":"01:01:05.006"}` + "\n", ""},
		{"flat", "SELECT name FROM S3Object WHERE id = 3", toJSON, `{"name":null}` + "\n", ""},
		{"snappy", "SELECT id FROM S3Object WHERE name LIKE '%2' LIMIT 2", toCSV, "2\n6\n", ""},
		{"nested", "SELECT * FROM S3Object LIMIT 1", toJSON, `{"id":0,"tags":[],"at":{"x":0,"y":null},"path":[],"grid":null,"attrs":null,"deep":{"in":{"list":[]}}}` + "\n", ""},
		{"nested", "SELECT s.tags[1] AS t, s.attrs.k1 AS k, s.path FROM S3Object s WHERE s.at.x = 2", toJSON, `{"t":"t1","k":null,"path":[{"x":2,"y":0},{"x":2,"y":1}]}` + "\n", ""},
		{"nested", "SELECT COUNT(p.x) FROM S3Object[*].path[*] p", toCSV, "12\n", ""},
		{"nested", "SELECT s.nothing FROM S3Object s", toCSV, "", "EvaluatorBindingDoesNotExist"},
		{"brotli", "SELECT * FROM S3Object s", toCSV, "", "ParquetUnsupportedCompressionCodec"},
		{"int96", "SELECT us FROM S3Object s", toCSV, "", "UnsupportedParquetType"},
		{"int96", "SELECT id FROM S3Object s LIMIT 1", toCSV, "0\n", ""},
		{"cut", "SELECT id FROM S3Object s LIMIT 1", toCSV, "", "ParquetParsingError"},
		{"empty", "SELECT id FROM S3Object s LIMIT 1", toCSV, "", "ParquetParsingError"},
	} {
		got, _, code := query(t, call, &api.SelectObjectContentInput{Key: tt.key, Expression: tt.query, InputSerialization: asParquet, OutputSerialization: tt.out})
		if got != tt.want || code != tt.code {
			t.Errorf("%s of %s\n got %q, %s\nwant %q, %s", tt.query, tt.key, got, code, tt.want, tt.code)
		}
	}
	// Only what is named is read; what comes out of it is more than what was read where it was compressed.
	_, one, _ := query(t, call, &api.SelectObjectContentInput{Key: "flat", Expression: "SELECT SUM(i32) FROM S3Object", InputSerialization: asParquet, OutputSerialization: toCSV})
	_, all, _ := query(t, call, &api.SelectObjectContentInput{Key: "flat", Expression: "SELECT * FROM S3Object", InputSerialization: asParquet, OutputSerialization: toCSV})
	if one == nil || all == nil || *one.BytesScanned >= *all.BytesScanned || *all.BytesReturned == 0 {
		t.Errorf("one column: %+v, all: %+v", one, all)
	}
	_, packed, _ := query(t, call, &api.SelectObjectContentInput{Key: "snappy", Expression: "SELECT * FROM S3Object", InputSerialization: asParquet, OutputSerialization: toCSV})
	if packed == nil || *packed.BytesProcessed == *packed.BytesScanned {
		t.Errorf("compressed: %+v", packed)
	}
	// The file has row groups of 20 rows; the first begins behind its magic number.
	got, _, code := query(t, call, &api.SelectObjectContentInput{Key: "snappy", Expression: "SELECT COUNT(*), MIN(id) FROM S3Object", InputSerialization: asParquet,
		OutputSerialization: toCSV, ScanRange: &api.ScanRange{Start: new(int64(5))}})
	if got != "30,20\n" || code != "" {
		t.Errorf("behind the first row group: %q, %s", got, code)
	}
}

// A file in parts, of which one ends within the footer, reads as one in a piece, and so does one under a customer's key.
func TestSelectObjectContent_QueriesParquetInParts(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	newBucket(t, call, "data")
	file := parquetFile(t, "flat")
	footer := len(file) - 8 - int(binary.LittleEndian.Uint32([]byte(file[len(file)-8:])))
	const part = 5 << 20
	file = file[:footer] + strings.Repeat("x", 2*part-footer-100) + file[footer:] // between the pages and what tells of them
	u, err := api.CreateMultipartUpload.Do(call, &api.CreateMultipartUploadInput{Bucket: "data", Key: "parts"})
	if err != nil {
		t.Fatal(err)
	}
	done := &api.CompletedMultipartUpload{}
	for i := range 3 {
		n := int32(i + 1)
		piece := file[i*part : min((i+1)*part, len(file))]
		p, err := api.UploadPart.Do(call, &api.UploadPartInput{Bucket: "data", Key: "parts", UploadID: *u.UploadID, PartNumber: n, Body: strings.NewReader(piece)})
		if err != nil {
			t.Fatal(err)
		}
		done.Parts = append(done.Parts, api.CompletedPart{PartNumber: &n, ETag: p.ETag})
	}
	if _, err := api.CompleteMultipartUpload.Do(call, &api.CompleteMultipartUploadInput{Bucket: "data", Key: "parts", UploadID: *u.UploadID, MultipartUpload: done}); err != nil {
		t.Fatal(err)
	}
	key := strings.Repeat("k", 32)
	hash := md5.Sum([]byte(key))
	sum := base64.StdEncoding.EncodeToString(hash[:])
	key = base64.StdEncoding.EncodeToString([]byte(key))
	if _, err := api.PutObject.Do(call, &api.PutObjectInput{Bucket: "data", Key: "sealed", Body: strings.NewReader(file), SSECustomerAlgorithm: new("AES256"), SSECustomerKey: &key, SSECustomerKeyMD5: &sum}); err != nil {
		t.Fatal(err)
	}
	for _, in := range []*api.SelectObjectContentInput{{Key: "parts"}, {Key: "sealed", SSECustomerAlgorithm: new("AES256"), SSECustomerKey: &key, SSECustomerKeyMD5: &sum}} {
		in.Expression, in.InputSerialization, in.OutputSerialization = "SELECT COUNT(*), SUM(id), MAX(name) FROM S3Object", asParquet, toCSV
		got, stats, code := query(t, call, in)
		if got != "50,1225,näme 3\n" || code != "" || *stats.BytesScanned > 100<<10 {
			t.Errorf("%s: %q, %s, %+v", in.Key, got, code, stats)
		}
	}
}

func TestSelectObjectContent_ScanRanges(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	newBucket(t, call, "data")
	put(t, call, "data", "plain", "A,B\nC,D\nD,E\nE,F\nG,H\nI,J\n")
	put(t, call, "data", "header", "x,y\n1,a\n2,b\n3,c")
	put(t, call, "data", "lines", "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n")
	lines := api.InputSerialization{JSON: &api.JSONInput{Type: new(api.JSONTypeLines)}}
	span := func(n ...int64) *api.ScanRange {
		r := &api.ScanRange{}
		if n[0] >= 0 {
			r.Start = &n[0]
		}
		if len(n) > 1 {
			r.End = &n[1]
		}
		return r
	}
	for _, tt := range []struct {
		key  string
		in   api.InputSerialization
		span *api.ScanRange
		want string
	}{
		{"plain", asCSV("NONE"), span(1, 4), "C,D\n"}, // the User Guide's example
		{"plain", asCSV("NONE"), span(4, 4), "C,D\n"},
		{"plain", asCSV("NONE"), span(5, 7), ""},
		{"plain", asCSV("NONE"), span(0, 3), "A,B\n"},
		{"plain", asCSV("NONE"), span(15), "G,H\nI,J\n"},
		{"plain", asCSV("NONE"), span(-1, 5), "I,J\n"},
		{"plain", asCSV("NONE"), span(-1, 1000), "A,B\nC,D\nD,E\nE,F\nG,H\nI,J\n"},
		{"header", asCSV("USE"), span(0, 4), "1,a\n"},
		{"header", asCSV("USE"), span(0, 3), ""},
		{"header", asCSV("IGNORE"), span(9, 100), "3,c\n"},
		{"lines", lines, span(1, 8), "2\n"},
		{"lines", lines, span(8), "2\n3\n"},
	} {
		got, stats, code := query(t, call, &api.SelectObjectContentInput{Key: tt.key, Expression: "SELECT * FROM S3Object", InputSerialization: tt.in, OutputSerialization: toCSV, ScanRange: tt.span})
		if got != tt.want || code != "" {
			t.Errorf("%s: %q, %s, want %q; %+v", tt.key, got, code, tt.want, stats)
		}
	}
	got, stats, code := query(t, call, &api.SelectObjectContentInput{Key: "header", Expression: "SELECT s.y FROM S3Object s", InputSerialization: asCSV("USE"), OutputSerialization: toCSV, ScanRange: span(6, 8)})
	if got != "b\n" || code != "" || *stats.BytesScanned != 8 || *stats.BytesProcessed != 8 || *stats.BytesReturned != 2 {
		t.Errorf("by the header's name: %q, %s, %+v", got, code, stats)
	}
	// Ranges that meet have each record once.
	var text, want strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&text, "%d,%s\n", i, strings.Repeat("x", i%13))
		fmt.Fprintf(&want, "%d\n", i)
	}
	put(t, call, "data", "long", text.String())
	all := ""
	for at := int64(0); at < int64(text.Len()); at += 100_003 {
		part, _, _ := query(t, call, &api.SelectObjectContentInput{Key: "long", Expression: "SELECT _1 FROM S3Object", InputSerialization: asCSV("NONE"), OutputSerialization: toCSV, ScanRange: span(at, at+100_002)})
		all += part
	}
	if all != want.String() {
		t.Errorf("ranges that meet have %d bytes, want %d", len(all), want.Len())
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
		}, "ParquetParsingError"},
		"compressed parquet": {func(in *api.SelectObjectContentInput) {
			in.InputSerialization = api.InputSerialization{Parquet: &api.ParquetInput{}, CompressionType: new(api.CompressionTypeGzip)}
		}, "InvalidCompressionFormat"},
		"JSON type": {func(in *api.SelectObjectContentInput) {
			in.InputSerialization = api.InputSerialization{JSON: &api.JSONInput{}}
		}, "InvalidJsonType"},
		"quotes": {func(in *api.SelectObjectContentInput) {
			in.OutputSerialization = api.OutputSerialization{CSV: &api.CSVOutput{QuoteFields: new(api.QuoteFields("NEVER"))}}
		}, "InvalidQuoteFields"},
		"empty scan range":  {func(in *api.SelectObjectContentInput) { in.ScanRange = &api.ScanRange{} }, "InvalidScanRange"},
		"scan range behind": {func(in *api.SelectObjectContentInput) { in.ScanRange = &api.ScanRange{Start: new(int64(8))} }, "InvalidScanRange"},
		"scan range backward": {func(in *api.SelectObjectContentInput) {
			in.ScanRange = &api.ScanRange{Start: new(int64(5)), End: new(int64(4))}
		}, "InvalidScanRange"},
		"scan range of quoted records": {func(in *api.SelectObjectContentInput) {
			in.ScanRange, in.InputSerialization.CSV.AllowQuotedRecordDelimiter = &api.ScanRange{Start: new(int64(5))}, new(true)
		}, "UnsupportedScanRangeInput"},
		"scan range of a compressed object": {func(in *api.SelectObjectContentInput) {
			in.ScanRange, in.InputSerialization.CompressionType = &api.ScanRange{Start: new(int64(5))}, new(api.CompressionTypeBzip2)
		}, "UnsupportedScanRangeInput"},
		"scan range of a document": {func(in *api.SelectObjectContentInput) {
			in.ScanRange, in.InputSerialization = &api.ScanRange{Start: new(int64(5))}, api.InputSerialization{JSON: &api.JSONInput{Type: new(api.JSONTypeDocument)}}
		}, "UnsupportedScanRangeInput"},
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
