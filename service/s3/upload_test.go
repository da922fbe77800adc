package s3_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/service/servicetest"
)

func TestChecksums_AreVerifiedAndKept(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	newBucket(t, call, "data")
	large := strings.Repeat("x", 100<<10)
	b64 := func(sum []byte) *string { return new(base64.StdEncoding.EncodeToString(sum)) }
	sumMD5, sum256 := md5.Sum([]byte(large)), sha256.Sum256([]byte(large))
	for name, tt := range map[string]struct {
		in   api.PutObjectInput
		want string
	}{
		"md5":            {api.PutObjectInput{ContentMD5: b64(sumMD5[:])}, ""},
		"wrong md5":      {api.PutObjectInput{ContentMD5: b64(sum256[:16])}, "BadDigest"},
		"no md5":         {api.PutObjectInput{ContentMD5: new("x")}, "InvalidDigest"},
		"sha256":         {api.PutObjectInput{ChecksumSHA256: b64(sum256[:])}, ""},
		"wrong sha256":   {api.PutObjectInput{ChecksumSHA256: b64(make([]byte, 32))}, "BadDigest"},
		"no sha256":      {api.PutObjectInput{ChecksumSHA256: new("abc")}, "InvalidRequest"},
		"two":            {api.PutObjectInput{ChecksumSHA256: b64(sum256[:]), ChecksumCRC32: new("AAAAAA==")}, "InvalidRequest"},
		"only announced": {api.PutObjectInput{ChecksumAlgorithm: new(api.ChecksumAlgorithmCrc32)}, "InvalidRequest"},
		"unknown":        {api.PutObjectInput{ChecksumAlgorithm: new(api.ChecksumAlgorithm("CRC99"))}, "InvalidRequest"},
		"xxhash":         {api.PutObjectInput{ChecksumAlgorithm: new(api.ChecksumAlgorithmXxhash64)}, "NotImplemented"},
	} {
		in := tt.in
		in.Bucket, in.Key, in.Body = "data", "k", strings.NewReader(large)
		_, err := api.PutObject.Do(call, &in)
		if got := aws.ErrorCode(err); got != tt.want {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	// Values of the catalogue of CRCs for "123456789".
	for a, want := range map[api.ChecksumAlgorithm]string{api.ChecksumAlgorithmCrc32: "y/Q5Jg==", api.ChecksumAlgorithmCrc32c: "4waSgw==", api.ChecksumAlgorithmCrc64nvme: "rosUhgp5mIg="} {
		in := &api.PutObjectInput{Bucket: "data", Key: "check", Body: strings.NewReader("123456789")}
		members := map[api.ChecksumAlgorithm]**string{api.ChecksumAlgorithmCrc32: &in.ChecksumCRC32, api.ChecksumAlgorithmCrc32c: &in.ChecksumCRC32C, api.ChecksumAlgorithmCrc64nvme: &in.ChecksumCRC64NVME}
		*members[a] = &want
		if _, err := api.PutObject.Do(call, in); err != nil {
			t.Errorf("%s: %v", a, err)
		}
		head, err := api.HeadObject.Do(call, &api.HeadObjectInput{Bucket: "data", Key: "check", ChecksumMode: new(api.ChecksumModeEnabled)})
		shown := map[api.ChecksumAlgorithm]*string{api.ChecksumAlgorithmCrc32: head.ChecksumCRC32, api.ChecksumAlgorithmCrc32c: head.ChecksumCRC32C, api.ChecksumAlgorithmCrc64nvme: head.ChecksumCRC64NVME}
		if err != nil || shown[a] == nil || *shown[a] != want || *head.ChecksumType != api.ChecksumTypeFullObject {
			t.Errorf("%s: shown %+v, %v", a, head, err)
		}
	}
}

func TestMultipart_Checksums(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	newBucket(t, call, "data")
	one, two := random(1, 5<<20), random(2, 1000)
	whole := put(t, call, "data", "whole", string(one)+string(two))
	out := upload(t, call, "data", "full", api.ChecksumAlgorithmCrc64nvme, api.ChecksumTypeFullObject, one, two)
	if *out.ChecksumCRC64NVME != *whole.ChecksumCRC64NVME || *out.ChecksumType != api.ChecksumTypeFullObject {
		t.Errorf("full: %+v", out)
	}
	for _, a := range []api.ChecksumAlgorithm{api.ChecksumAlgorithmCrc32, api.ChecksumAlgorithmCrc32c} {
		full := upload(t, call, "data", "full32", a, api.ChecksumTypeFullObject, one, two)
		in := &api.PutObjectInput{Bucket: "data", Key: "again", Body: bytes.NewReader(append(bytes.Clone(one), two...)), ChecksumCRC32: full.ChecksumCRC32, ChecksumCRC32C: full.ChecksumCRC32C}
		if _, err := api.PutObject.Do(call, in); err != nil {
			t.Errorf("%s joined: %v", a, err)
		}
	}
	s1, s2 := sha256.Sum256(one), sha256.Sum256(two)
	both := sha256.Sum256(append(s1[:], s2[:]...))
	sha := upload(t, call, "data", "sha", api.ChecksumAlgorithmSha256, "", one, two)
	if want := base64.StdEncoding.EncodeToString(both[:]) + "-2"; *sha.ChecksumSHA256 != want || *sha.ChecksumType != api.ChecksumTypeComposite {
		t.Errorf("composite: %+v", sha)
	}
	m1, m2 := md5.Sum(one), md5.Sum(two)
	etag := md5.Sum(append(m1[:], m2[:]...))
	if want := `"` + hex.EncodeToString(etag[:]) + `-2"`; *sha.ETag != want {
		t.Errorf("etag %s, want %s", *sha.ETag, want)
	}
	got, err := api.GetObjectAttributes.Do(call, &api.GetObjectAttributesInput{Bucket: "data", Key: "sha", ObjectAttributes: []api.ObjectAttributes{api.ObjectAttributesObjectParts}, MaxParts: new(int32(1))})
	if err != nil || *got.ObjectParts.TotalPartsCount != 2 || len(got.ObjectParts.Parts) != 1 || !*got.ObjectParts.IsTruncated {
		t.Errorf("attributes: %+v, %v", got, err)
	}
	_, err = api.CreateMultipartUpload.Do(call, &api.CreateMultipartUploadInput{Bucket: "data", Key: "k", ChecksumAlgorithm: new(api.ChecksumAlgorithmSha1), ChecksumType: new(api.ChecksumTypeFullObject)})
	servicetest.WantError(t, err, "InvalidRequest")
}

func TestMultipart_Errors(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	newBucket(t, call, "data")
	u, err := api.CreateMultipartUpload.Do(call, &api.CreateMultipartUploadInput{Bucket: "data", Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	var etags []*string
	for n := int32(1); n <= 3; n++ {
		for range 2 { // the second replaces the first
			p, err := api.UploadPart.Do(call, &api.UploadPartInput{Bucket: "data", Key: "k", UploadID: *u.UploadID, PartNumber: n, Body: bytes.NewReader(random(byte(n), 50<<10))})
			if err != nil {
				t.Fatal(err)
			}
			etags = append(etags[:n-1], p.ETag)
		}
	}
	c.WaitIdle(t)
	if n := blobs(t, c); n != 3 {
		t.Errorf("%d blobs, want one a part", n)
	}
	complete := func(id string, numbers ...int32) string {
		in := &api.CompleteMultipartUploadInput{Bucket: "data", Key: "k", UploadID: id, MultipartUpload: &api.CompletedMultipartUpload{}}
		for _, n := range numbers {
			in.MultipartUpload.Parts = append(in.MultipartUpload.Parts, api.CompletedPart{PartNumber: &n, ETag: etags[(n-1)%3]})
		}
		_, err := api.CompleteMultipartUpload.Do(call, in)
		return aws.ErrorCode(err)
	}
	for _, tt := range []struct {
		id      string
		numbers []int32
		want    string
	}{
		{*u.UploadID, []int32{1, 2}, "EntityTooSmall"}, {*u.UploadID, []int32{2, 1}, "InvalidPartOrder"}, {*u.UploadID, []int32{1, 1}, "InvalidPartOrder"},
		{*u.UploadID, []int32{4}, "InvalidPart"}, {*u.UploadID, nil, "InvalidRequest"}, {"nope", []int32{1}, "NoSuchUpload"}, {*u.UploadID, []int32{2}, ""},
		{*u.UploadID, []int32{2}, "NoSuchUpload"},
	} {
		if tt.want == "" {
			list, err := api.ListParts.Do(call, &api.ListPartsInput{Bucket: "data", Key: "k", UploadID: *u.UploadID, MaxParts: new(int32(2))})
			if err != nil || len(list.Parts) != 2 || *list.NextPartNumberMarker != 2 || !*list.IsTruncated {
				t.Errorf("parts: %+v, %v", list, err)
			}
		}
		if got := complete(tt.id, tt.numbers...); got != tt.want {
			t.Errorf("complete %v: %q, want %q", tt.numbers, got, tt.want)
		}
	}
	c.WaitIdle(t)
	if n := blobs(t, c); n != 1 {
		t.Errorf("%d blobs after completion with one part", n)
	}
	_, err = api.UploadPart.Do(call, &api.UploadPartInput{Bucket: "data", Key: "k", UploadID: *u.UploadID, PartNumber: 10001, Body: strings.NewReader("")})
	servicetest.WantError(t, err, "InvalidArgument")
	_, err = api.UploadPart.Do(call, &api.UploadPartInput{Bucket: "data", Key: "k", UploadID: *u.UploadID, PartNumber: 1, Body: strings.NewReader("")})
	servicetest.WantError(t, err, "NoSuchUpload")
	_, err = api.AbortMultipartUpload.Do(call, &api.AbortMultipartUploadInput{Bucket: "data", Key: "k", UploadID: *u.UploadID})
	servicetest.WantError(t, err, "NoSuchUpload")
}

func TestListMultipartUploads_Pages(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	newBucket(t, call, "data")
	for _, key := range []string{"a", "b", "b", "c/1", "c/2", "d"} {
		if _, err := api.CreateMultipartUpload.Do(call, &api.CreateMultipartUploadInput{Bucket: "data", Key: key}); err != nil {
			t.Fatal(err)
		}
		c.Advance(t, time.Second)
	}
	for _, limit := range []int32{1, 2, 100} {
		text := ""
		in := &api.ListMultipartUploadsInput{Bucket: "data", Delimiter: new("/"), MaxUploads: &limit}
		for {
			out, err := api.ListMultipartUploads.Do(call, in)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range out.CommonPrefixes {
				text += *p.Prefix
			}
			for _, u := range out.Uploads {
				text += *u.Key
			}
			if !*out.IsTruncated {
				break
			}
			in.KeyMarker, in.UploadIDMarker = out.NextKeyMarker, out.NextUploadIDMarker
		}
		if limit < 100 && text != "abbc/d" && text != "abc/bd" || limit == 100 && text != "c/abbd" {
			t.Errorf("limit %d: %s", limit, text)
		}
	}
}

func TestCopyObject(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	newBucket(t, call, "data")
	_, err := api.PutObject.Do(call, &api.PutObjectInput{
		Bucket: "data", Key: "a b", Body: strings.NewReader("source"), ContentType: new("text/plain"), Metadata: map[string]string{"k": "v"}, Tagging: new("t=1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	replace := new(api.MetadataDirectiveReplace)
	for name, tt := range map[string]struct {
		in   api.CopyObjectInput
		want string
	}{
		"plain":              {api.CopyObjectInput{Key: "c", CopySource: "/data/a%20b"}, "text/plain v 1"},
		"replaced":           {api.CopyObjectInput{Key: "c", CopySource: "data/a%20b", MetadataDirective: replace, TaggingDirective: new(api.TaggingDirectiveReplace)}, "binary/octet-stream  0"},
		"onto itself":        {api.CopyObjectInput{Key: "a b", CopySource: "data/a%20b"}, "InvalidRequest"},
		"other checksum":     {api.CopyObjectInput{Key: "c", CopySource: "data/a%20b", ChecksumAlgorithm: new(api.ChecksumAlgorithmSha256)}, "text/plain v 1"},
		"missing":            {api.CopyObjectInput{Key: "c", CopySource: "data/nothing"}, "NoSuchKey"},
		"no bucket":          {api.CopyObjectInput{Key: "c", CopySource: "other/k"}, "NoSuchBucket"},
		"no key":             {api.CopyObjectInput{Key: "c", CopySource: "data"}, "InvalidArgument"},
		"condition":          {api.CopyObjectInput{Key: "c", CopySource: "data/a%20b", CopySourceIfMatch: new("x")}, "PreconditionFailed"},
		"negative condition": {api.CopyObjectInput{Key: "c", CopySource: "data/a%20b", CopySourceIfNoneMatch: new("36cd38f49b9afa08222c0dc9ebfe35eb")}, "PreconditionFailed"},
	} {
		in := tt.in
		in.Bucket = "data"
		_, err := api.CopyObject.Do(call, &in)
		got := aws.ErrorCode(err)
		if err == nil {
			if text := get(t, call, &api.GetObjectInput{Bucket: "data", Key: in.Key}); text != "source" {
				t.Errorf("%s: content %s", name, text)
			}
			head, err := api.HeadObject.Do(call, &api.HeadObjectInput{Bucket: "data", Key: in.Key})
			if err != nil {
				t.Fatal(err)
			}
			tags := "0"
			if head.TagCount != nil {
				tags = "1"
			}
			got = *head.ContentType + " " + head.Metadata["k"] + " " + tags
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q (%v)", name, got, tt.want, err)
		}
	}
}
