package s3_test

import (
	"net/http"
	"strings"
	"testing"

	api "drydock/api/s3"
	control "drydock/api/s3control"
	"drydock/aws"
	"drydock/service/servicetest"
)

func TestAccessPoint_StandsBeforeItsBucket(t *testing.T) {
	t.Parallel()
	c, call, _ := newPeers(t)
	other := c.CallIn(t, "444455556666", "us-east-1")
	newBucket(t, call, "data")
	made, err := control.CreateAccessPoint.Do(call, &control.CreateAccessPointInput{AccountID: servicetest.Account, Name: "door", Bucket: "data"})
	if err != nil {
		t.Fatal(err)
	}
	alias, arn := *made.Alias, *made.AccessPointARN
	if arn != "arn:aws:s3:us-east-1:111122223333:accesspoint/door" || !strings.HasSuffix(alias, "-s3alias") || len(alias) > 63 {
		t.Errorf("made %+v", made)
	}
	put(t, call, alias, "a/k", "hello")
	for _, name := range []string{"data", alias, arn, "door-111122223333"} {
		if got := get(t, call, &api.GetObjectInput{Bucket: name, Key: "a/k"}); got != "hello" {
			t.Errorf("through %s: %s", name, got)
		}
		if out, err := api.ListObjectsV2.Do(call, &api.ListObjectsV2Input{Bucket: name}); err != nil || *out.KeyCount != 1 {
			t.Errorf("list through %s: %v", name, err)
		}
	}
	if _, body := fetch(t, c.URL(t), http.MethodGet, "", "/"+alias+"/a/k"); !strings.Contains(body, "<Code>AccessDenied</Code>") {
		t.Errorf("without a policy, everyone: %s", body)
	}
	// Another account needs both policies.
	read := func() string { return get(t, other, &api.GetObjectInput{Bucket: alias, Key: "a/k"}) }
	policy := func(resource string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"s3:GetObject","Resource":"` + resource + `"}]}`
	}
	set := func(doc string) error {
		_, err := control.PutAccessPointPolicy.Do(call, &control.PutAccessPointPolicyInput{AccountID: servicetest.Account, Name: "door", Policy: doc})
		return err
	}
	servicetest.WantError(t, set(policy("arn:aws:s3:::data/*")), "MalformedPolicy")
	if err := set(policy(arn + "/object/a/*")); err != nil {
		t.Fatal(err)
	}
	if got := read(); got != "AccessDenied" {
		t.Errorf("with the point's policy alone: %s", got)
	}
	allow(t, call, "data", `"*"`, "s3:GetObject", `,"Condition":{"StringEquals":{"s3:DataAccessPointAccount":"111122223333"}}`)
	if got := read(); got != "hello" {
		t.Errorf("with both policies: %s", got)
	}
	if got := get(t, other, &api.GetObjectInput{Bucket: "data", Key: "a/k"}); got != "AccessDenied" {
		t.Errorf("past the point: %s", got)
	}
	if got := get(t, other, &api.GetObjectInput{Bucket: alias, Key: "b"}); got != "AccessDenied" {
		t.Errorf("another key: %s", got)
	}
	if _, err := control.DeleteAccessPointPolicy.Do(call, &control.DeleteAccessPointPolicyInput{AccountID: servicetest.Account, Name: "door"}); err != nil {
		t.Fatal(err)
	}
	if got := read(); got != "AccessDenied" {
		t.Errorf("with the bucket's policy alone: %s", got)
	}
	_, err = control.GetAccessPointPolicy.Do(call, &control.GetAccessPointPolicyInput{AccountID: servicetest.Account, Name: "door"})
	servicetest.WantError(t, err, "NoSuchAccessPointPolicy")
	remove(t, call, "data", "a/k", nil)
	_, err = api.DeleteBucket.Do(call, &api.DeleteBucketInput{Bucket: "data"})
	servicetest.WantError(t, err, "BucketHasAccessPointsAttached")
	if _, err := control.DeleteAccessPoint.Do(call, &control.DeleteAccessPointInput{AccountID: servicetest.Account, Name: "door"}); err != nil {
		t.Fatal(err)
	}
	if got := get(t, call, &api.GetObjectInput{Bucket: alias, Key: "a/k"}); got != "NoSuchAccessPoint" {
		t.Errorf("through a point that is gone: %s", got)
	}
	if _, err := api.DeleteBucket.Do(call, &api.DeleteBucketInput{Bucket: "data"}); err != nil {
		t.Error(err)
	}
}

func TestAccessPoints_AreListedTaggedAndRefused(t *testing.T) {
	t.Parallel()
	c, call, _ := newPeers(t)
	newBucket(t, call, "data")
	newBucket(t, call, "rest")
	create := func(call *aws.Call, name, bucket string) error {
		_, err := control.CreateAccessPoint.Do(call, &control.CreateAccessPointInput{AccountID: call.Account, Name: name, Bucket: bucket, Tags: []control.Tag{{Key: "k", Value: "v"}}})
		return err
	}
	for name, bucket := range map[string]string{"one": "data", "two": "data", "six": "rest"} {
		if err := create(call, name, bucket); err != nil {
			t.Fatal(err)
		}
	}
	servicetest.WantError(t, create(call, "one", "data"), "AccessPointAlreadyOwnedByYou")
	servicetest.WantError(t, create(call, "new", "missing"), "NoSuchBucket")
	servicetest.WantError(t, create(call, "New", "data"), "InvalidArgument")
	servicetest.WantError(t, create(c.CallIn(t, "444455556666", "us-east-1"), "new", "data"), "AccessDenied")
	_, err := control.GetAccessPoint.Do(call, &control.GetAccessPointInput{AccountID: "444455556666", Name: "one"})
	servicetest.WantError(t, err, "AccessDenied")
	_, err = control.GetAccessPoint.Do(call, &control.GetAccessPointInput{AccountID: servicetest.Account, Name: "none"})
	servicetest.WantError(t, err, "NoSuchAccessPoint")
	got, err := control.GetAccessPoint.Do(call, &control.GetAccessPointInput{AccountID: servicetest.Account, Name: "one"})
	if err != nil || *got.Bucket != "data" || *got.NetworkOrigin != control.NetworkOriginInternet || !*got.PublicAccessBlockConfiguration.BlockPublicPolicy {
		t.Errorf("point %+v, %v", got, err)
	}
	names := func(bucket *string, size int32) (list []string) {
		in := &control.ListAccessPointsInput{AccountID: servicetest.Account, Bucket: bucket, MaxResults: &size}
		for {
			out, err := control.ListAccessPoints.Do(call, in)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range out.AccessPointList {
				list = append(list, p.Name)
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				return list
			}
		}
	}
	if all, some := strings.Join(names(nil, 1), " "), strings.Join(names(new("data"), 1), " "); all != "one six two" || some != "one two" {
		t.Errorf("all %s, of a bucket %s", all, some)
	}
	for _, arn := range []string{"arn:aws:s3:us-east-1:111122223333:accesspoint/one", "arn:aws:s3:::data"} {
		if _, err := control.TagResource.Do(call, &control.TagResourceInput{AccountID: servicetest.Account, ResourceARN: arn, Tags: []control.Tag{{Key: "a", Value: "1"}, {Key: "k", Value: "2"}}}); err != nil {
			t.Fatal(err)
		}
		if _, err := control.UntagResource.Do(call, &control.UntagResourceInput{AccountID: servicetest.Account, ResourceARN: arn, TagKeys: []string{"a"}}); err != nil {
			t.Fatal(err)
		}
		out, err := control.ListTagsForResource.Do(call, &control.ListTagsForResourceInput{AccountID: servicetest.Account, ResourceARN: arn})
		if err != nil || len(out.Tags) != 1 || out.Tags[0] != (control.Tag{Key: "k", Value: "2"}) {
			t.Errorf("tags of %s: %+v, %v", arn, out, err)
		}
	}
	tags, err := api.GetBucketTagging.Do(call, &api.GetBucketTaggingInput{Bucket: "data"})
	if err != nil || len(tags.TagSet) != 1 {
		t.Errorf("the bucket's tags are %+v, %v", tags, err)
	}
}

func TestAccountPublicAccessBlock_CountsForAllBuckets(t *testing.T) {
	t.Parallel()
	c, call, _ := newPeers(t)
	anyone := c.CallAs(t, aws.Principal{Type: aws.PrincipalAnonymous}, "us-east-1")
	newBucket(t, call, "data")
	put(t, call, "data", "k", "x")
	allow(t, call, "data", `"*"`, "s3:GetObject", "")
	read := func() string { return get(t, anyone, &api.GetObjectInput{Bucket: "data", Key: "k"}) }
	if got := read(); got != "x" {
		t.Fatalf("a public bucket: %s", got)
	}
	_, err := control.GetPublicAccessBlock.Do(call, &control.GetPublicAccessBlockInput{AccountID: servicetest.Account})
	servicetest.WantError(t, err, "NoSuchPublicAccessBlockConfiguration")
	block := control.PublicAccessBlockConfiguration{RestrictPublicBuckets: new(true), BlockPublicPolicy: new(true)}
	if _, err := control.PutPublicAccessBlock.Do(call, &control.PutPublicAccessBlockInput{AccountID: servicetest.Account, PublicAccessBlockConfiguration: block}); err != nil {
		t.Fatal(err)
	}
	if got := read(); got != "AccessDenied" {
		t.Errorf("blocked for the account: %s", got)
	}
	servicetest.WantError(t, setPolicy(call, "Allow", `"*"`, "s3:GetObject", ""), "AccessDenied")
	out, err := control.GetPublicAccessBlock.Do(call, &control.GetPublicAccessBlockInput{AccountID: servicetest.Account})
	if err != nil || !*out.PublicAccessBlockConfiguration.RestrictPublicBuckets || *out.PublicAccessBlockConfiguration.BlockPublicACLs {
		t.Errorf("block %+v, %v", out, err)
	}
	if _, err := control.DeletePublicAccessBlock.Do(call, &control.DeletePublicAccessBlockInput{AccountID: servicetest.Account}); err != nil {
		t.Fatal(err)
	}
	if got := read(); got != "x" {
		t.Errorf("not blocked any more: %s", got)
	}
	_, err = control.PutPublicAccessBlock.Do(call, &control.PutPublicAccessBlockInput{AccountID: "444455556666", PublicAccessBlockConfiguration: block})
	servicetest.WantError(t, err, "AccessDenied")
}

func TestRequestPayment_OthersMustAgreeToPay(t *testing.T) {
	t.Parallel()
	c, call, _ := newPeers(t)
	newBucket(t, call, "data")
	put(t, call, "data", "k", "x")
	allow(t, call, "data", `"*"`, "s3:GetObject*", "")
	out, err := api.GetBucketRequestPayment.Do(call, &api.GetBucketRequestPaymentInput{Bucket: "data"})
	if err != nil || *out.Payer != api.PayerBucketOwner {
		t.Errorf("payer %v, %v", out, err)
	}
	pay := func(p api.Payer) error {
		_, err := api.PutBucketRequestPayment.Do(call, &api.PutBucketRequestPaymentInput{Bucket: "data", RequestPaymentConfiguration: api.RequestPaymentConfiguration{Payer: p}})
		return err
	}
	servicetest.WantError(t, pay("Nobody"), "MalformedXML")
	if err := pay(api.PayerRequester); err != nil {
		t.Fatal(err)
	}
	other := c.CallIn(t, "444455556666", "us-east-1")
	for name, tt := range map[string]struct {
		call        *aws.Call
		payer, want string
	}{
		"owner": {call, "", "x"}, "another": {other, "", "AccessDenied"}, "another who pays": {other, "requester", "x"},
		"anyone": {c.CallAs(t, aws.Principal{Type: aws.PrincipalAnonymous}, "us-east-1"), "requester", "AccessDenied"},
	} {
		request := *tt.call
		request.Request = aws.RequestInfo{Host: "localhost", SourceIP: "127.0.0.1", Payer: tt.payer}
		if got := get(t, &request, &api.GetObjectInput{Bucket: "data", Key: "k"}); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
	newBucket(t, other, "others")
	request := *other
	request.Request = aws.RequestInfo{Host: "localhost", SourceIP: "127.0.0.1"}
	copied := &api.CopyObjectInput{Bucket: "others", Key: "k", CopySource: "data/k"}
	_, err = api.CopyObject.Do(&request, copied)
	servicetest.WantError(t, err, "AccessDenied")
	request.Request.Payer = "requester"
	_, err = api.CopyObject.Do(&request, copied)
	servicetest.WantError(t, err, "")
	accelerate := func(status api.BucketAccelerateStatus) error {
		_, err := api.PutBucketAccelerateConfiguration.Do(call, &api.PutBucketAccelerateConfigurationInput{Bucket: "data", AccelerateConfiguration: api.AccelerateConfiguration{Status: &status}})
		return err
	}
	servicetest.WantError(t, accelerate("On"), "MalformedXML")
	if err := accelerate(api.BucketAccelerateStatusEnabled); err != nil {
		t.Fatal(err)
	}
	got, err := api.GetBucketAccelerateConfiguration.Do(call, &api.GetBucketAccelerateConfigurationInput{Bucket: "data"})
	if err != nil || *got.Status != api.BucketAccelerateStatusEnabled {
		t.Errorf("acceleration %+v, %v", got, err)
	}
}
