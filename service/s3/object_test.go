package s3_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/ledger"
	"drydock/service/servicetest"
)

func TestObject_IsReadAsItWasPut(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-01", "S3-28", "S3-31")
	c, call := newCloud(t)
	newBucket(t, call, "data")
	for _, size := range []int{0, 1, 1024, 32 << 10, 32<<10 + 1, 128 << 10, 128<<10 + 1, 1<<20 + 5} {
		data := string(random(1, size))
		key := fmt.Sprintf("a/%d", size)
		out := put(t, call, "data", key, data)
		if *out.ServerSideEncryption != api.ServerSideEncryptionAes256 || out.VersionID != nil || out.ChecksumCRC64NVME == nil {
			t.Errorf("put of %d: %+v", size, out)
		}
		for n := range 4 { // what is read again comes from memory
			if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: key}); got != data {
				t.Errorf("%d bytes put, other %d read the %d. time", size, len(got), n)
			}
		}
		if size > 10 {
			if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: key, Range: new("bytes=3-9")}); got != data[3:10] {
				t.Errorf("%d bytes: range is %d", size, len(got))
			}
			if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: key, Range: new(fmt.Sprintf("bytes=%d-", size-4))}); got != data[size-4:] {
				t.Errorf("%d bytes: tail is %d", size, len(got))
			}
		}
	}
	if n := blobs(t, c); n != 4 {
		t.Errorf("%d blobs, want 4", n)
	}
	for info, err := range c.Blobs.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Blobs.Open(t.Context(), info.ID)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(r)
		if err != nil || bytes.Contains(raw, random(1, 32)) {
			t.Errorf("blob in the clear, %v", err)
		}
		r.Close()
	}
}

func TestObject_OverwritingAndDeletingFreesBlobs(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	newBucket(t, call, "data")
	large := string(random(2, 100<<10))
	for range 3 {
		put(t, call, "data", "k", large)
	}
	if _, err := api.CopyObject.Do(call, &api.CopyObjectInput{Bucket: "data", Key: "copy", CopySource: "data/k"}); err != nil {
		t.Fatal(err)
	}
	c.WaitIdle(t)
	if n := blobs(t, c); n != 1 {
		t.Errorf("%d blobs after overwriting, want 1 that the copy shares", n)
	}
	for _, key := range []string{"k", "k", "copy"} {
		if _, err := api.DeleteObject.Do(call, &api.DeleteObjectInput{Bucket: "data", Key: key}); err != nil {
			t.Fatal(err)
		}
		c.WaitIdle(t)
		if key == "k" {
			if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "copy"}); got != large {
				t.Errorf("the copy has %d bytes", len(got))
			}
		}
	}
	if n := blobs(t, c); n != 0 {
		t.Errorf("%d blobs are left", n)
	}
	if _, err := api.DeleteBucket.Do(call, &api.DeleteBucketInput{Bucket: "data"}); err != nil {
		t.Error(err)
	}
}

func TestRange(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	newBucket(t, call, "data")
	put(t, call, "data", "k", "0123456789")
	put(t, call, "data", "empty", "")
	for _, tt := range []struct{ key, span, want, content string }{
		{"k", "bytes=0-0", "0", "bytes 0-0/10"},
		{"k", "bytes=2-5", "2345", "bytes 2-5/10"},
		{"k", "bytes=7-", "789", "bytes 7-9/10"},
		{"k", "bytes=7-100", "789", "bytes 7-9/10"},
		{"k", "bytes=7-9223372036854775807", "789", "bytes 7-9/10"},
		{"k", "bytes=-3", "789", "bytes 7-9/10"},
		{"k", "bytes=-30", "0123456789", "bytes 0-9/10"},
		{"k", "bytes=10-", "InvalidRange", ""},
		{"k", "bytes=-0", "InvalidRange", ""},
		{"k", "bytes=5-2", "0123456789", ""},
		{"k", "bytes=0-1,3-4", "0123456789", ""},
		{"k", "lines=0-1", "0123456789", ""},
		{"empty", "bytes=0-", "InvalidRange", ""},
		{"empty", "bytes=-5", "InvalidRange", ""},
	} {
		in := &api.GetObjectInput{Bucket: "data", Key: tt.key, Range: &tt.span}
		if got := get(t, call, in); got != tt.want {
			t.Errorf("%s of %s is %q, want %q", tt.span, tt.key, got, tt.want)
		}
		if tt.content == "" {
			continue
		}
		out, err := api.HeadObject.Do(call, &api.HeadObjectInput{Bucket: "data", Key: tt.key, Range: &tt.span})
		if err != nil {
			t.Fatal(err)
		}
		if *out.ContentRange != tt.content || *out.ResponseStatus != 206 || *out.ContentLength != int64(len(tt.want)) {
			t.Errorf("head of %s: %s %d", tt.span, *out.ContentRange, *out.ContentLength)
		}
	}
}

func TestPutObject_Conditions(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	newBucket(t, call, "data")
	write := func(match, none *string) string {
		_, err := api.PutObject.Do(call, &api.PutObjectInput{Bucket: "data", Key: "k", Body: strings.NewReader("x"), IfMatch: match, IfNoneMatch: none})
		return aws.ErrorCode(err)
	}
	etag := new(`"9dd4e461268c8034f5c8564e155c67a6"`) // of "x"
	for i, tt := range []struct {
		match, none *string
		want        string
	}{
		{etag, nil, "NoSuchKey"}, {nil, new("*"), ""}, {nil, new("*"), "PreconditionFailed"}, {etag, nil, ""}, {new(`"other"`), nil, "PreconditionFailed"},
		{nil, etag, "NotImplemented"},
	} {
		if got := write(tt.match, tt.none); got != tt.want {
			t.Errorf("%d: %q, want %q", i, got, tt.want)
		}
	}
}

func keysOf(list []api.Object, prefixes []api.CommonPrefix) []string {
	var keys []string
	for _, o := range list {
		keys = append(keys, *o.Key)
	}
	for _, p := range prefixes {
		keys = append(keys, *p.Prefix)
	}
	slices.Sort(keys)
	return keys
}

func TestList_PagesOverKeysAndPrefixes(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-01")
	_, call := newCloud(t)
	newBucket(t, call, "data")
	all := []string{"a", "b/1", "b/2", "b/3/x", "b0", "c//d", "c/d", "photos/2025/jan", "photos/2026/feb", "z", "ü"}
	for _, key := range slices.Backward(all) {
		put(t, call, "data", key, "x")
	}
	for _, tt := range []struct {
		prefix, delimiter string
		want              []string
	}{
		{"", "", all},
		{"b", "", []string{"b/1", "b/2", "b/3/x", "b0"}},
		{"", "/", []string{"a", "b/", "b0", "c/", "photos/", "z", "ü"}},
		{"b/", "/", []string{"b/1", "b/2", "b/3/"}},
		{"photos/", "/", []string{"photos/2025/", "photos/2026/"}},
		{"c/", "/", []string{"c//", "c/d"}},
		{"", "2", []string{"a", "b/1", "b/2", "b/3/x", "b0", "c//d", "c/d", "photos/2", "z", "ü"}},
		{"nothing", "/", nil},
	} {
		for _, limit := range []int32{1, 2, 3, 1000} {
			name := fmt.Sprintf("prefix %q delimiter %q limit %d", tt.prefix, tt.delimiter, limit)
			var got, got1 []string
			in := &api.ListObjectsV2Input{Bucket: "data", Prefix: &tt.prefix, Delimiter: &tt.delimiter, MaxKeys: &limit}
			for {
				out, err := api.ListObjectsV2.Do(call, in)
				if err != nil {
					t.Fatal(err)
				}
				page := keysOf(out.Contents, out.CommonPrefixes)
				if int(*out.KeyCount) != len(page) || len(page) > int(limit) {
					t.Errorf("%s: a page of %d, count %d", name, len(page), *out.KeyCount)
				}
				got = append(got, page...)
				if in.ContinuationToken = out.NextContinuationToken; in.ContinuationToken == nil {
					break
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s:\n%s", name, diff)
			}
			in1 := &api.ListObjectsInput{Bucket: "data", Prefix: &tt.prefix, Delimiter: &tt.delimiter, MaxKeys: &limit}
			for {
				out, err := api.ListObjects.Do(call, in1)
				if err != nil {
					t.Fatal(err)
				}
				page := keysOf(out.Contents, out.CommonPrefixes)
				got1 = append(got1, page...)
				if !*out.IsTruncated {
					break
				}
				in1.Marker = out.NextMarker
				if tt.delimiter == "" {
					in1.Marker = &page[len(page)-1]
				}
			}
			if diff := cmp.Diff(tt.want, got1); diff != "" {
				t.Errorf("version 1, %s:\n%s", name, diff)
			}
		}
	}
	out, err := api.ListObjectsV2.Do(call, &api.ListObjectsV2Input{Bucket: "data", MaxKeys: new(int32(0))})
	if err != nil || *out.IsTruncated || *out.KeyCount != 0 {
		t.Errorf("max-keys 0: %+v, %v", out, err)
	}
	out, err = api.ListObjectsV2.Do(call, &api.ListObjectsV2Input{Bucket: "data", StartAfter: new("photos/2025/jan"), EncodingType: new(api.EncodingTypeURL)})
	if err != nil || fmt.Sprint(keysOf(out.Contents, nil)) != "[%C3%BC photos/2026/feb z]" {
		t.Errorf("start-after: %v, %v", keysOf(out.Contents, nil), err)
	}
	_, err = api.ListObjectsV2.Do(call, &api.ListObjectsV2Input{Bucket: "data", ContinuationToken: new("???")})
	servicetest.WantError(t, err, "InvalidArgument")
}

func TestMultipart_KeepsPartsAsSegments(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-02")
	c, call := newCloud(t)
	newBucket(t, call, "data")
	one, two, three := random(3, 5<<20), random(4, 5<<20+7), random(5, 100)
	whole := string(one) + string(two) + string(three)
	out := upload(t, call, "data", "big", "", "", one, two, three)
	if !strings.HasSuffix(*out.ETag, `-3"`) || out.ChecksumCRC64NVME == nil {
		t.Errorf("completed: %+v", out)
	}
	single := put(t, call, "data", "single", whole)
	if *single.ChecksumCRC64NVME != *out.ChecksumCRC64NVME {
		t.Errorf("joined checksum %s, of the whole %s", *out.ChecksumCRC64NVME, *single.ChecksumCRC64NVME)
	}
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "big"}); got != whole {
		t.Errorf("read %d bytes, want %d", len(got), len(whole))
	}
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "big", Range: new("bytes=5242875-10485770")}); got != whole[5242875:10485771] {
		t.Errorf("a range over parts has %d bytes", len(got))
	}
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "big", PartNumber: new(int32(2))}); got != string(two) {
		t.Errorf("part 2 has %d bytes", len(got))
	}
	head, err := api.HeadObject.Do(call, &api.HeadObjectInput{Bucket: "data", Key: "big", PartNumber: new(int32(3))})
	if err != nil || *head.PartsCount != 3 || *head.ContentLength != 100 {
		t.Errorf("head of part 3: %+v, %v", head, err)
	}
	if _, err := api.DeleteObject.Do(call, &api.DeleteObjectInput{Bucket: "data", Key: "big"}); err != nil {
		t.Fatal(err)
	}
	c.WaitIdle(t)
	if n := blobs(t, c); n != 1 {
		t.Errorf("%d blobs are left, want that of the single one", n)
	}
}

func TestGetObject_Conditions(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	newBucket(t, call, "data")
	etag := put(t, call, "data", "k", "x").ETag
	before, at, after := servicetest.Start.Add(-1e9), servicetest.Start, servicetest.Start.Add(1e9)
	for i, tt := range []struct {
		in   api.GetObjectInput
		want string
	}{
		{api.GetObjectInput{IfMatch: etag}, "x"},
		{api.GetObjectInput{IfMatch: new("other")}, "PreconditionFailed"},
		{api.GetObjectInput{IfNoneMatch: etag}, "NotModified"},
		{api.GetObjectInput{IfNoneMatch: new("other")}, "x"},
		{api.GetObjectInput{IfModifiedSince: &at}, "NotModified"},
		{api.GetObjectInput{IfModifiedSince: &before}, "x"},
		{api.GetObjectInput{IfUnmodifiedSince: &before}, "PreconditionFailed"},
		{api.GetObjectInput{IfUnmodifiedSince: &after}, "x"},
		{api.GetObjectInput{IfMatch: etag, IfUnmodifiedSince: &before}, "x"},
		{api.GetObjectInput{IfNoneMatch: etag, IfModifiedSince: &before}, "NotModified"},
	} {
		in := tt.in
		in.Bucket, in.Key = "data", "k"
		if got := get(t, call, &in); got != tt.want {
			t.Errorf("%d: %s, want %s", i, got, tt.want)
		}
	}
}
