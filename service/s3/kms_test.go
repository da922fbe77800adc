package s3_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/ledger"
	"drydock/service"
	"drydock/service/s3"
	"drydock/service/servicetest"
)

const keyARN = servicetest.KeyARN

func newKMSCloud(t *testing.T) (*servicetest.Cloud, *aws.Call, *servicetest.Keyring) {
	t.Helper()
	k := &servicetest.Keyring{}
	c := servicetest.New(t, func(d service.Deps) []service.Module { return append(s3.Modules(d), k.Module()) })
	call := c.Call(t)
	newBucket(t, call, "data")
	return c, call, k
}

func putKMS(call *aws.Call, key, data string, change func(*api.PutObjectInput)) (*api.PutObjectOutput, error) {
	in := &api.PutObjectInput{Bucket: "data", Key: key, Body: strings.NewReader(data), ServerSideEncryption: new(api.ServerSideEncryptionAWSKMS)}
	if change != nil {
		change(in)
	}
	return api.PutObject.Do(call, in)
}

func md5Of(data string) string {
	sum := md5.Sum([]byte(data))
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func TestKMS_SealsWithADataKeyOfTheCallers(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-29")
	c, call, k := newKMSCloud(t)
	for _, data := range []string{"small", string(random(1, 20<<10)), string(random(2, 200<<10))} {
		out, err := putKMS(call, "a/k", data, nil)
		if err != nil {
			t.Fatal(err)
		}
		if *out.ServerSideEncryption != "aws:kms" || *out.SSEKMSKeyID != keyARN+"alias/aws/s3" || out.BucketKeyEnabled != nil || *out.ETag == md5Of(data) {
			t.Errorf("put %+v", out)
		}
		if k.Via != "s3.amazonaws.com" || !maps.Equal(k.Context, map[string]string{"aws:s3:arn": "arn:aws:s3:::data/a/k"}) {
			t.Errorf("made via %s in %v", k.Via, k.Context)
		}
		head, err := api.HeadObject.Do(call, &api.HeadObjectInput{Bucket: "data", Key: "a/k"})
		if err != nil || *head.ServerSideEncryption != "aws:kms" || *head.SSEKMSKeyID != keyARN+"alias/aws/s3" || *head.ETag != *out.ETag {
			t.Errorf("head %+v, %v", head, err)
		}
		if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "a/k"}); got != data {
			t.Errorf("%d bytes put, other %d read", len(data), len(got))
		}
		if made, read := k.Counts(); made != 1 || read != 1 {
			t.Errorf("%d data keys made, %d decrypted", made, read)
		}
	}
	// Reading needs the key's permission too, seeing that the object is there does not.
	if err := setPolicy(call, "Allow", `{"AWS":"`+stranger+`"}`, "s3:GetObject", ""); err != nil {
		t.Fatal(err)
	}
	other := c.CallIn(t, stranger, "us-east-1")
	k.Refuse = other.Principal.ARN
	_, err := api.GetObject.Do(other, &api.GetObjectInput{Bucket: "data", Key: "a/k"})
	if !aws.IsError(err, "AccessDenied") || !strings.Contains(err.Error(), "kms:Decrypt") {
		t.Errorf("without the key: %v", err)
	}
	if _, err := api.HeadObject.Do(other, &api.HeadObjectInput{Bucket: "data", Key: "a/k"}); err != nil {
		t.Error(err)
	}
	_, err = api.HeadObject.Do(other, &api.HeadObjectInput{Bucket: "data", Key: "a/k", ChecksumMode: new(api.ChecksumModeEnabled)})
	servicetest.WantError(t, err, "AccessDenied")
	k.Disabled = "alias/aws/s3"
	_, err = api.GetObject.Do(call, &api.GetObjectInput{Bucket: "data", Key: "a/k"})
	servicetest.WantError(t, err, "KMS.DisabledException")
}

func TestKMS_SlowsDownWhatKMSThrottles(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-35")
	_, call, k := newKMSCloud(t)
	bucketKey := func(in *api.PutObjectInput) { in.BucketKeyEnabled = new(true) }
	for key, change := range map[string]func(*api.PutObjectInput){"k": nil, "shared": bucketKey} {
		if _, err := putKMS(call, key, "x", change); err != nil {
			t.Fatal(err)
		}
	}
	k.Throttled = true
	_, err := putKMS(call, "other", "x", nil)
	if !aws.IsError(err, "SlowDown") || err.Error() != "SlowDown: Please reduce your request rate for operations involving AWS KMS." {
		t.Errorf("put: %v", err)
	}
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "k"}); got != "SlowDown" {
		t.Errorf("get: %s", got)
	}
	// Neither a bucket key in use nor S3's own keys are asked of KMS.
	if _, err := putKMS(call, "shared", "y", bucketKey); err != nil {
		t.Errorf("put under the bucket key: %v", err)
	}
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "shared"}); got != "y" {
		t.Errorf("get under the bucket key: %s", got)
	}
	put(t, call, "data", "plain", "z")
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "plain"}); got != "z" {
		t.Errorf("get of SSE-S3: %s", got)
	}
}

func TestKMS_Refusals(t *testing.T) {
	t.Parallel()
	c, call, k := newKMSCloud(t)
	k.Missing, k.Disabled = "gone", "off"
	key, sum := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))), "mT2HRsMGJ5IX5C+0rreZ8Q=="
	for name, tt := range map[string]struct {
		change func(*api.PutObjectInput)
		want   string
	}{
		"missing key":           {func(in *api.PutObjectInput) { in.SSEKMSKeyID = new("gone") }, "KMS.NotFoundException"},
		"disabled key":          {func(in *api.PutObjectInput) { in.SSEKMSKeyID = new(keyARN + "off") }, "KMS.DisabledException"},
		"key without algorithm": {func(in *api.PutObjectInput) { in.ServerSideEncryption, in.SSEKMSKeyID = nil, new("mine") }, "InvalidArgument"},
		"key for SSE-S3":        {func(in *api.PutObjectInput) { *in.ServerSideEncryption, in.SSEKMSKeyID = "AES256", new("mine") }, "InvalidArgument"},
		"unknown algorithm":     {func(in *api.PutObjectInput) { *in.ServerSideEncryption = "rot13" }, "InvalidArgument"},
		"context":               {func(in *api.PutObjectInput) { in.SSEKMSEncryptionContext = new("{}") }, "InvalidArgument"},
		"context of numbers": {func(in *api.PutObjectInput) {
			in.SSEKMSEncryptionContext = new(base64.StdEncoding.EncodeToString([]byte(`{"a":1}`)))
		}, "InvalidArgument"},
		"customer's key too": {func(in *api.PutObjectInput) {
			in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = new("AES256"), &key, &sum
		}, "InvalidArgument"},
	} {
		if _, err := putKMS(call, "k", "x", tt.change); aws.ErrorCode(err) != tt.want {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
	newACLBucket(t, call, "open", api.ObjectOwnershipObjectWriter, api.PublicAccessBlockConfiguration{})
	if _, err := api.PutObject.Do(call, &api.PutObjectInput{Bucket: "open", Key: "k", ACL: new(api.ObjectCannedACLPublicRead), ServerSideEncryption: new(api.ServerSideEncryptionAWSKMS)}); err != nil {
		t.Fatal(err)
	}
	anyone := c.CallAs(t, aws.Principal{Type: aws.PrincipalAnonymous}, "us-east-1")
	_, err := api.GetObject.Do(anyone, &api.GetObjectInput{Bucket: "open", Key: "k"})
	servicetest.WantError(t, err, "InvalidArgument")
}

func TestKMS_EncryptionContextAndDualLayer(t *testing.T) {
	t.Parallel()
	_, call, k := newKMSCloud(t)
	given := base64.StdEncoding.EncodeToString([]byte(`{"team":"blue"}`))
	out, err := putKMS(call, "k", "x", func(in *api.PutObjectInput) { in.SSEKMSEncryptionContext, in.SSEKMSKeyID = &given, new("mine") })
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"team": "blue", "aws:s3:arn": "arn:aws:s3:::data/k"}
	shown, err := base64.StdEncoding.DecodeString(*out.SSEKMSEncryptionContext)
	if err != nil || string(shown) != `{"aws:s3:arn":"arn:aws:s3:::data/k","team":"blue"}` || !maps.Equal(k.Context, want) || *out.SSEKMSKeyID != keyARN+"mine" {
		t.Errorf("context %s, %v; %v", shown, err, k.Context)
	}
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "k"}); got != "x" || !maps.Equal(k.Context, want) {
		t.Errorf("read %s in %v", got, k.Context)
	}
	out, err = putKMS(call, "k", "x", func(in *api.PutObjectInput) {
		*in.ServerSideEncryption, in.BucketKeyEnabled = "aws:kms:dsse", new(true)
	})
	if err != nil || *out.ServerSideEncryption != "aws:kms:dsse" || out.BucketKeyEnabled != nil {
		t.Errorf("dual layer %+v, %v", out, err)
	}
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "k"}); got != "x" {
		t.Errorf("read %s", got)
	}
}

func setEncryption(t *testing.T, call *aws.Call, rule api.ServerSideEncryptionRule) {
	t.Helper()
	in := &api.PutBucketEncryptionInput{Bucket: "data", ServerSideEncryptionConfiguration: api.ServerSideEncryptionConfiguration{Rules: []api.ServerSideEncryptionRule{rule}}}
	if _, err := api.PutBucketEncryption.Do(call, in); err != nil {
		t.Fatal(err)
	}
}

func byKMS(key string) *api.ServerSideEncryptionByDefault {
	return &api.ServerSideEncryptionByDefault{SSEAlgorithm: api.ServerSideEncryptionAWSKMS, KMSMasterKeyID: &key}
}

func TestBucketEncryption_AppliesToAllWaysOfUploading(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-32")
	_, call, k := newKMSCloud(t)
	put(t, call, "data", "plain", "plain")
	setEncryption(t, call, api.ServerSideEncryptionRule{ApplyServerSideEncryptionByDefault: byKMS("mine")})
	rules, err := api.GetBucketEncryption.Do(call, &api.GetBucketEncryptionInput{Bucket: "data"})
	if err != nil || *rules.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.KMSMasterKeyID != "mine" {
		t.Errorf("rules %+v, %v", rules, err)
	}
	want := map[string]string{"empty": "", "small": "small", "row": string(random(3, 20<<10)), "large": string(random(4, 200<<10))}
	for key, data := range want {
		out := put(t, call, "data", key, data)
		if *out.ServerSideEncryption != "aws:kms" || *out.SSEKMSKeyID != keyARN+"mine" || *out.ETag == md5Of(data) {
			t.Errorf("%s: %+v", key, out)
		}
	}
	if made, _ := k.Counts(); made != len(want) {
		t.Errorf("%d data keys made for %d objects", made, len(want))
	}
	first, second := random(5, 5<<20), []byte("second")
	done := upload(t, call, "data", "parts", "", "", first, second)
	if *done.ServerSideEncryption != "aws:kms" || *done.SSEKMSKeyID != keyARN+"mine" {
		t.Errorf("multipart %+v", done)
	}
	if made, read := k.Counts(); made != 1 || read != 2 {
		t.Errorf("an upload of two parts made %d data keys and decrypted %d", made, read)
	}
	want["parts"] = string(first) + string(second)
	for _, from := range []string{"plain", "large", "parts"} {
		out, err := api.CopyObject.Do(call, &api.CopyObjectInput{Bucket: "data", Key: from + "-copy", CopySource: "data/" + from})
		if err != nil || *out.ServerSideEncryption != "aws:kms" {
			t.Errorf("copy of %s: %+v, %v", from, out, err)
		}
		want[from+"-copy"] = want[from]
	}
	want["plain"], want["plain-copy"] = "plain", "plain"
	for key, data := range want {
		if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: key}); got != data {
			t.Errorf("%s: %d bytes read, want %d", key, len(got), len(data))
		}
	}
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "parts", PartNumber: new(int32(2))}); got != "second" {
		t.Errorf("a part: %s", got)
	}
	out, err := api.PutObject.Do(call, &api.PutObjectInput{Bucket: "data", Key: "own", Body: strings.NewReader("x"), ServerSideEncryption: new(api.ServerSideEncryptionAes256)})
	if err != nil || *out.ServerSideEncryption != "AES256" || *out.ETag != md5Of("x") {
		t.Errorf("a request that says otherwise: %+v, %v", out, err)
	}
	if _, err := api.DeleteBucketEncryption.Do(call, &api.DeleteBucketEncryptionInput{Bucket: "data"}); err != nil {
		t.Fatal(err)
	}
	if out := put(t, call, "data", "again", "x"); *out.ServerSideEncryption != "AES256" {
		t.Errorf("after deleting: %+v", out)
	}
	copied, err := api.CopyObject.Do(call, &api.CopyObjectInput{Bucket: "data", Key: "back", CopySource: "data/small"})
	if err != nil || *copied.ServerSideEncryption != "AES256" || *copied.CopyObjectResult.ETag != md5Of("small") {
		t.Errorf("a copy back: %+v, %v", copied, err)
	}
}

func TestBucketKey_SavesCallsOfKMSForAWhile(t *testing.T) {
	t.Parallel()
	c, call, k := newKMSCloud(t)
	setEncryption(t, call, api.ServerSideEncryptionRule{ApplyServerSideEncryptionByDefault: byKMS("mine"), BucketKeyEnabled: new(true)})
	for i := range 20 {
		out := put(t, call, "data", fmt.Sprint(i), fmt.Sprint("data ", i))
		if out.BucketKeyEnabled == nil || !*out.BucketKeyEnabled {
			t.Fatalf("put %+v", out)
		}
	}
	if !maps.Equal(k.Context, map[string]string{"aws:s3:arn": "arn:aws:s3:::data"}) {
		t.Errorf("context %v", k.Context)
	}
	read := func(call *aws.Call) {
		t.Helper()
		for i := range 20 {
			if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: fmt.Sprint(i)}); got != fmt.Sprint("data ", i) {
				t.Errorf("read %s", got)
			}
		}
	}
	read(call)
	if made, decrypted := k.Counts(); made != 1 || decrypted != 0 {
		t.Errorf("%d data keys made, %d decrypted", made, decrypted)
	}
	other := aws.Root("aws", servicetest.Account)
	other.AccessKeyID = "another session"
	read(c.CallAs(t, other, "us-east-1"))
	if made, decrypted := k.Counts(); made != 0 || decrypted != 1 {
		t.Errorf("another caller: %d data keys made, %d decrypted", made, decrypted)
	}
	c.Advance(t, 6*time.Minute)
	put(t, call, "data", "later", "x")
	read(call)
	if made, decrypted := k.Counts(); made != 1 || decrypted != 1 {
		t.Errorf("later: %d data keys made, %d decrypted", made, decrypted)
	}
	out, err := putKMS(call, "k", "x", func(in *api.PutObjectInput) { in.BucketKeyEnabled = new(false) })
	if err != nil || out.BucketKeyEnabled != nil || k.Context["aws:s3:arn"] != "arn:aws:s3:::data/k" {
		t.Errorf("a request without: %+v, %v", out, err)
	}
}

func TestBucketEncryption_Refusals(t *testing.T) {
	t.Parallel()
	_, call, _ := newKMSCloud(t)
	for _, rule := range []api.ServerSideEncryptionRule{
		{ApplyServerSideEncryptionByDefault: &api.ServerSideEncryptionByDefault{SSEAlgorithm: "AES256", KMSMasterKeyID: new("mine")}},
		{ApplyServerSideEncryptionByDefault: &api.ServerSideEncryptionByDefault{SSEAlgorithm: "DES"}},
		{BlockedEncryptionTypes: &api.BlockedEncryptionTypes{EncryptionType: []api.EncryptionType{"NONE", "SSE-C"}}},
	} {
		in := &api.PutBucketEncryptionInput{Bucket: "data", ServerSideEncryptionConfiguration: api.ServerSideEncryptionConfiguration{Rules: []api.ServerSideEncryptionRule{rule}}}
		if _, err := api.PutBucketEncryption.Do(call, in); !aws.IsError(err, "InvalidArgument", "MalformedXML") {
			t.Errorf("%+v: %v", rule, err)
		}
	}
	setEncryption(t, call, api.ServerSideEncryptionRule{BlockedEncryptionTypes: &api.BlockedEncryptionTypes{EncryptionType: []api.EncryptionType{"SSE-C"}}})
	key, sum := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))), "mT2HRsMGJ5IX5C+0rreZ8Q=="
	_, err := api.PutObject.Do(call, &api.PutObjectInput{Bucket: "data", Key: "k", SSECustomerAlgorithm: new("AES256"), SSECustomerKey: &key, SSECustomerKeyMD5: &sum})
	servicetest.WantError(t, err, "AccessDenied")
	_, err = api.CreateMultipartUpload.Do(call, &api.CreateMultipartUploadInput{Bucket: "data", Key: "k", SSECustomerAlgorithm: new("AES256"), SSECustomerKey: &key, SSECustomerKeyMD5: &sum})
	servicetest.WantError(t, err, "AccessDenied")
}

func TestSSEC_InCopiesAndParts(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-30")
	_, call := newCloud(t)
	newBucket(t, call, "data")
	keyOf := func(c string) (algorithm, key, sum *string) {
		raw := []byte(strings.Repeat(c, 32))
		digest := md5.Sum(raw)
		return new("AES256"), new(base64.StdEncoding.EncodeToString(raw)), new(base64.StdEncoding.EncodeToString(digest[:]))
	}
	algorithm, key, sum := keyOf("a")
	_, other, otherSum := keyOf("b")
	u, err := api.CreateMultipartUpload.Do(call, &api.CreateMultipartUploadInput{Bucket: "data", Key: "k", SSECustomerAlgorithm: algorithm, SSECustomerKey: key, SSECustomerKeyMD5: sum})
	if err != nil || *u.SSECustomerAlgorithm != "AES256" || *u.SSECustomerKeyMD5 != *sum {
		t.Fatalf("%+v, %v", u, err)
	}
	part := &api.UploadPartInput{Bucket: "data", Key: "k", UploadID: *u.UploadID, PartNumber: 1, Body: bytes.NewReader([]byte("secret"))}
	_, err = api.UploadPart.Do(call, part)
	servicetest.WantError(t, err, "InvalidRequest")
	part.SSECustomerAlgorithm, part.SSECustomerKey, part.SSECustomerKeyMD5 = algorithm, other, otherSum
	_, err = api.UploadPart.Do(call, part)
	servicetest.WantError(t, err, "InvalidRequest")
	part.SSECustomerKey, part.SSECustomerKeyMD5 = key, sum
	p, err := api.UploadPart.Do(call, part)
	if err != nil || *p.ETag == md5Of("secret") {
		t.Fatalf("%+v, %v", p, err)
	}
	done := &api.CompletedMultipartUpload{Parts: []api.CompletedPart{{PartNumber: new(int32(1)), ETag: p.ETag}}}
	if _, err := api.CompleteMultipartUpload.Do(call, &api.CompleteMultipartUploadInput{Bucket: "data", Key: "k", UploadID: *u.UploadID, MultipartUpload: done}); err != nil {
		t.Fatal(err)
	}
	_, err = api.HeadObject.Do(call, &api.HeadObjectInput{Bucket: "data", Key: "k", SSECustomerAlgorithm: algorithm, SSECustomerKey: other, SSECustomerKeyMD5: otherSum})
	servicetest.WantError(t, err, "AccessDenied")
	in := &api.CopyObjectInput{Bucket: "data", Key: "copy", CopySource: "data/k"}
	_, err = api.CopyObject.Do(call, in)
	servicetest.WantError(t, err, "InvalidRequest")
	in.CopySourceSSECustomerAlgorithm, in.CopySourceSSECustomerKey, in.CopySourceSSECustomerKeyMD5 = algorithm, key, sum
	in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = algorithm, other, otherSum
	out, err := api.CopyObject.Do(call, in)
	if err != nil || *out.SSECustomerKeyMD5 != *otherSum {
		t.Fatalf("%+v, %v", out, err)
	}
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "copy", SSECustomerAlgorithm: algorithm, SSECustomerKey: other, SSECustomerKeyMD5: otherSum}); got != "secret" {
		t.Errorf("read %s", got)
	}
	plain := put(t, call, "data", "plain", "x")
	if *plain.ETag != md5Of("x") {
		t.Errorf("ETag %s", *plain.ETag)
	}
	_, err = api.GetObject.Do(call, &api.GetObjectInput{Bucket: "data", Key: "plain", SSECustomerAlgorithm: algorithm, SSECustomerKey: key, SSECustomerKeyMD5: sum})
	servicetest.WantError(t, err, "InvalidRequest")
}

func TestReplication_OfWhatKMSKeysEncrypt(t *testing.T) {
	t.Parallel()
	c, call, p := newPeers(t)
	newVersioned(t, call, "source")
	newVersioned(t, call, "copy")
	sending := rule("all", 1, "", "copy")
	role := p.role("copier", readSource, writeCopies)
	if err := replicateTo(call, role, sending); err != nil {
		t.Fatal(err)
	}
	write := func(key string, n int) string {
		t.Helper()
		data := string(random(9, n))
		if _, err := api.PutObject.Do(call, &api.PutObjectInput{Bucket: "source", Key: key, Body: strings.NewReader(data), ServerSideEncryption: new(api.ServerSideEncryptionAWSKMS), SSEKMSKeyID: new("mine")}); err != nil {
			t.Fatal(err)
		}
		c.WaitIdle(t)
		return data
	}
	write("unasked", 10)
	if got := status(t, call, "source", "unasked") + status(t, call, "copy", "unasked"); got != "404" && got != "NotFound" && got != "NoSuchKey" {
		t.Errorf("a rule that does not send such objects: %s", got)
	}
	sending.SourceSelectionCriteria = &api.SourceSelectionCriteria{SSEKMSEncryptedObjects: &api.SSEKMSEncryptedObjects{Status: api.SSEKMSEncryptedObjectsStatusEnabled}}
	sending.Destination.EncryptionConfiguration = &api.EncryptionConfiguration{ReplicaKMSKeyID: new("theirs")}
	if err := replicateTo(call, role, sending); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 10, 20 << 10, 200 << 10} {
		data := write("k", n)
		out, err := api.GetObject.Do(call, &api.GetObjectInput{Bucket: "copy", Key: "k"})
		if err != nil || *out.SSEKMSKeyID != keyARN+"theirs" || *out.ReplicationStatus != "REPLICA" || p.keys.Context["aws:s3:arn"] != "arn:aws:s3:::copy/k" {
			t.Fatalf("%d bytes: %+v, %v", n, out, err)
		}
		out.Body.Close()
		if got := get(t, call, &api.GetObjectInput{Bucket: "copy", Key: "k"}); got != data {
			t.Errorf("%d bytes: other %d are copied", n, len(got))
		}
	}
	p.keys.Missing = "theirs"
	write("late", 10)
	if got := status(t, call, "source", "late"); got != "FAILED" {
		t.Errorf("without the destination's key: %s", got)
	}
}

func TestReplication_KeepsOwnersAndLocks(t *testing.T) {
	t.Parallel()
	c, call, p := newPeers(t)
	for _, name := range []string{"source", "copy"} {
		if _, err := api.CreateBucket.Do(call, &api.CreateBucketInput{Bucket: name, ObjectLockEnabledForBucket: new(true), ObjectOwnership: new(api.ObjectOwnershipObjectWriter)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := replicateTo(call, p.role("copier", readSource, writeCopies), rule("all", 1, "", "copy")); err != nil {
		t.Fatal(err)
	}
	until := servicetest.Start.Add(days)
	in := &api.PutObjectInput{Bucket: "source", Key: "k", Body: strings.NewReader("x"), ObjectLockMode: new(api.ObjectLockModeCompliance), ObjectLockRetainUntilDate: &until}
	if _, err := api.PutObject.Do(call, in); err != nil {
		t.Fatal(err)
	}
	c.WaitIdle(t)
	out, err := api.GetObjectRetention.Do(call, &api.GetObjectRetentionInput{Bucket: "copy", Key: "k"})
	if err != nil || *out.Retention.Mode != "COMPLIANCE" || !out.Retention.RetainUntilDate.Equal(until) {
		t.Errorf("lock %+v, %v", out, err)
	}
	acl, err := api.GetObjectACL.Do(call, &api.GetObjectACLInput{Bucket: "copy", Key: "k"})
	if err != nil || *acl.Owner.ID != canonical(t, call) {
		t.Errorf("owner %+v, %v", acl, err)
	}
}
