package s3_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/service/s3"
	"drydock/service/servicetest"
)

func newCloud(t testing.TB) (*servicetest.Cloud, *aws.Call) {
	t.Helper()
	c := servicetest.New(t, s3.Modules)
	return c, c.Call(t)
}

// newBucket makes a bucket in us-east-1.
func newBucket(t testing.TB, call *aws.Call, name string) {
	t.Helper()
	if _, err := api.CreateBucket.Do(call, &api.CreateBucketInput{Bucket: name}); err != nil {
		t.Fatal(err)
	}
}

func enableVersioning(t testing.TB, call *aws.Call, name string, status api.BucketVersioningStatus) {
	t.Helper()
	_, err := api.PutBucketVersioning.Do(call, &api.PutBucketVersioningInput{Bucket: name, VersioningConfiguration: api.VersioningConfiguration{Status: &status}})
	if err != nil {
		t.Fatal(err)
	}
}

func put(t testing.TB, call *aws.Call, bucket, key, data string) *api.PutObjectOutput {
	t.Helper()
	out, err := api.PutObject.Do(call, &api.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader(data)})
	if err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
	return out
}

// get returns an object's bytes, or its error's code.
func get(t testing.TB, call *aws.Call, in *api.GetObjectInput) string {
	t.Helper()
	out, err := api.GetObject.Do(call, in)
	if err != nil {
		return aws.ErrorCode(err)
	}
	data, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatalf("read %s: %v", in.Key, err)
	}
	if err := out.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func random(seed byte, n int) []byte {
	data := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(data)
	return data
}

// blobs counts the blobs there are.
func blobs(t testing.TB, c *servicetest.Cloud) int {
	t.Helper()
	n := 0
	for _, err := range c.Blobs.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func upload(t testing.TB, call *aws.Call, bucket, key string, algorithm api.ChecksumAlgorithm, typ api.ChecksumType, parts ...[]byte) *api.CompleteMultipartUploadOutput {
	t.Helper()
	create := &api.CreateMultipartUploadInput{Bucket: bucket, Key: key}
	if algorithm != "" {
		create.ChecksumAlgorithm = &algorithm
	}
	if typ != "" {
		create.ChecksumType = &typ
	}
	u, err := api.CreateMultipartUpload.Do(call, create)
	if err != nil {
		t.Fatal(err)
	}
	done := &api.CompletedMultipartUpload{}
	for i, data := range parts {
		p, err := api.UploadPart.Do(call, &api.UploadPartInput{Bucket: bucket, Key: key, UploadID: *u.UploadID, PartNumber: int32(i + 1), Body: bytes.NewReader(data)})
		if err != nil {
			t.Fatal(err)
		}
		done.Parts = append(done.Parts, api.CompletedPart{
			PartNumber: new(int32(i + 1)), ETag: p.ETag, ChecksumCRC32: p.ChecksumCRC32, ChecksumCRC32C: p.ChecksumCRC32C, ChecksumCRC64NVME: p.ChecksumCRC64NVME,
			ChecksumSHA1: p.ChecksumSHA1, ChecksumSHA256: p.ChecksumSHA256,
		})
	}
	out, err := api.CompleteMultipartUpload.Do(call, &api.CompleteMultipartUploadInput{Bucket: bucket, Key: key, UploadID: *u.UploadID, MultipartUpload: done})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
