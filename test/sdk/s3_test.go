package sdk

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"drydock/ledger"
	"drydock/test/cloud"
)

// newBucket makes a bucket and waits for it as programs do.
func newBucket(t *testing.T, client *s3.Client, name string) *string {
	t.Helper()
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	if err := s3.NewBucketExistsWaiter(client).Wait(t.Context(), &s3.HeadBucketInput{Bucket: &name}, time.Minute); err != nil {
		t.Fatal(err)
	}
	return &name
}

// noise is n bytes that are the same in every run.
func noise(n int) []byte {
	b := make([]byte, n)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(b) // it cannot fail
	return b
}

// TestS3_OrdinaryUse puts, pages through, presigns and deletes objects.
func TestS3_OrdinaryUse(t *testing.T) {
	ledger.Covers(t, "S3-01")
	t.Parallel()
	c, root := start(t)
	// The signatures of keys that were issued are verified.
	client := s3.NewFromConfig(newUser(t, c, root, "ada", `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}`), pathStyle)
	bucket := newBucket(t, client, "files")
	var want []string
	for i := range 25 {
		key := fmt.Sprintf("logs/%02d + ü.txt", i)
		want = append(want, key)
		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: &key, Body: strings.NewReader(key),
			ContentType: aws.String("text/plain"), Metadata: map[string]string{"number": fmt.Sprint(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for p := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: bucket, MaxKeys: aws.Int32(10), Prefix: aws.String("logs/")}); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			got = append(got, *o.Key)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %q", got)
	}
	object, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: &want[3], Range: aws.String("bytes=5-6")})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(object.Body)
	if err != nil || string(body) != "03" || object.Metadata["number"] != "3" || *object.ContentRange != "bytes 5-6/16" {
		t.Errorf("got %q, %v, metadata %v, range %s", body, err, object.Metadata, *object.ContentRange)
	}
	_, err = client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: aws.String("absent")})
	if _, ok := errors.AsType[*types.NoSuchKey](err); !ok {
		t.Errorf("got %v, want NoSuchKey", err)
	}
	_, err = client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("absent")})
	if _, ok := errors.AsType[*types.NotFound](err); !ok {
		t.Errorf("got %v, want NotFound", err)
	}
	_, err = client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: &want[0], Body: strings.NewReader("x"), IfNoneMatch: aws.String("*")})
	wantCode(t, err, "PreconditionFailed")

	presign := s3.NewPresignClient(client)
	put, err := presign.PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: aws.String("by/url")})
	if err != nil {
		t.Fatal(err)
	}
	send(t, put.Method, put.URL, "from anybody", http.StatusOK)
	get, err := presign.PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: aws.String("by/url")}, s3.WithPresignExpires(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if got := send(t, get.Method, get.URL, "", http.StatusOK); got != "from anybody" {
		t.Errorf("got %q by the presigned URL", got)
	}
	if got := send(t, get.Method, strings.Replace(get.URL, "by/url", "by/other", 1), "", http.StatusForbidden); !strings.Contains(got, "SignatureDoesNotMatch") {
		t.Errorf("got %q by a changed URL", got)
	}
	doomed := &types.Delete{}
	for _, key := range want {
		doomed.Objects = append(doomed.Objects, types.ObjectIdentifier{Key: aws.String(key)})
	}
	deleted, err := client.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: bucket, Delete: doomed})
	if err != nil || len(deleted.Deleted) != len(want) || len(deleted.Errors) != 0 {
		t.Errorf("deleted %+v, %v", deleted, err)
	}
	_, err = client.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: bucket})
	wantCode(t, err, "BucketNotEmpty")
}

func send(t *testing.T, method, url, body string, status int) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != status {
		t.Errorf("%s %s: %s: %s", method, url, resp.Status, got)
	}
	return string(got)
}

// TestS3_StreamsOverTLS sends a stream that cannot be read twice, so in chunks with a trailing checksum, and in parts.
func TestS3_StreamsOverTLS(t *testing.T) {
	ledger.Covers(t, "IAM-08", "S3-02", "S3-06")
	t.Parallel()
	c, root := start(t)
	trusted := trusting(t, c)
	client := s3.NewFromConfig(root, pathStyle, func(o *s3.Options) {
		o.BaseEndpoint, o.HTTPClient = aws.String(strings.Replace(c.Endpoint, "http://", "https://", 1)), trusted
	})
	bucket := newBucket(t, client, "streams")
	content := noise(12 << 20)
	sum := sha256.Sum256(content)

	put, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: aws.String("stream"), ContentLength: aws.Int64(int64(len(content))),
		Body: io.MultiReader(bytes.NewReader(content)), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32c})
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToString(put.ChecksumCRC32C) == "" {
		t.Error("the answer has no checksum")
	}
	wantContent(t, client, bucket, "stream", sum)

	upload, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: bucket, Key: aws.String("parts")})
	if err != nil {
		t.Fatal(err)
	}
	done := &types.CompletedMultipartUpload{}
	for part := range slices.Chunk(content, 5<<20) {
		number := int32(len(done.Parts) + 1)
		up, err := client.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: bucket, Key: upload.Key, UploadId: upload.UploadId, PartNumber: &number, Body: bytes.NewReader(part)})
		if err != nil {
			t.Fatal(err)
		}
		done.Parts = append(done.Parts, types.CompletedPart{PartNumber: &number, ETag: up.ETag, ChecksumCRC32: up.ChecksumCRC32})
	}
	whole, err := client.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{Bucket: bucket, Key: upload.Key, UploadId: upload.UploadId, MultipartUpload: done})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(*whole.ETag, `-3"`) {
		t.Errorf("the ETag of three parts is %s", *whole.ETag)
	}
	wantContent(t, client, bucket, "parts", sum)
	_, err = client.ListParts(t.Context(), &s3.ListPartsInput{Bucket: bucket, Key: upload.Key, UploadId: upload.UploadId})
	wantCode(t, err, "NoSuchUpload")
}

// wantContent reads an object as a stream and compares its hash.
func wantContent(t *testing.T, client *s3.Client, bucket *string, key string, sum [sha256.Size]byte) {
	t.Helper()
	object, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		t.Fatal(err)
	}
	defer object.Body.Close()
	h := sha256.New()
	if _, err := io.Copy(h, object.Body); err != nil {
		t.Fatalf("read %s: %v", key, err)
	}
	if !bytes.Equal(h.Sum(nil), sum[:]) {
		t.Errorf("%s came back changed", key)
	}
}

// trusting is an HTTP client that trusts a cloud's authority.
func trusting(t *testing.T, c *cloud.Process) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(send(t, http.MethodGet, c.Endpoint+"/_drydock/ca", "", http.StatusOK))) {
		t.Fatal("the cloud's authority has no certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// TestS3_IsThrottledByKMS takes more data keys than the quota of KMS has: one a second here, so that the pace of the machine
// does not matter.
func TestS3_IsThrottledByKMS(t *testing.T) {
	ledger.Covers(t, "S3-35")
	t.Parallel()
	c := cloud.New(t, "--ephemeral", "--quota", "kms/L-6E3AF000=1")
	client := s3.NewFromConfig(configure(t, c, account, "drydock", ""), pathStyle, func(o *s3.Options) { o.RetryMaxAttempts = 1 })
	bucket := newBucket(t, client, "busy")
	put := func(how types.ServerSideEncryption) error {
		_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: aws.String("k"), Body: strings.NewReader("x"), ServerSideEncryption: how})
		return err
	}
	var err error
	for range 1000 {
		if err = put(types.ServerSideEncryptionAwsKms); err != nil {
			break
		}
	}
	wantCode(t, err, "SlowDown")
	for range 100 {
		if err := put(types.ServerSideEncryptionAes256); err != nil {
			t.Fatal(err)
		}
	}
}
