package s3_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"drydock/api/iam"
	api "drydock/api/s3"
	control "drydock/api/s3control"
	"drydock/aws"
	"drydock/ledger"
	"drydock/policy"
	"drydock/service"
	"drydock/service/s3"
	"drydock/service/servicetest"
)

const (
	stranger = "444455556666"
	everyone = "http://acs.amazonaws.com/groups/global/AllUsers"
	anyUser  = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
	logGroup = "http://acs.amazonaws.com/groups/s3/LogDelivery"
)

// newACLBucket makes a bucket whose ACLs count, and that blocks no public access where block is empty.
func newACLBucket(t *testing.T, call *aws.Call, name string, ownership api.ObjectOwnership, block api.PublicAccessBlockConfiguration) {
	t.Helper()
	if _, err := api.CreateBucket.Do(call, &api.CreateBucketInput{Bucket: name, ObjectOwnership: &ownership}); err != nil {
		t.Fatal(err)
	}
	if _, err := api.PutPublicAccessBlock.Do(call, &api.PutPublicAccessBlockInput{Bucket: name, PublicAccessBlockConfiguration: block}); err != nil {
		t.Fatal(err)
	}
}

// canonical is an account's canonical user id, as it sees it.
func canonical(t *testing.T, call *aws.Call) string {
	t.Helper()
	out, err := api.ListBuckets.Do(call, &api.ListBucketsInput{})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Owner.ID
}

// grantsOf writes a list as "permission:grantee" for each entry, with names for known grantees.
func grantsOf(list []api.Grant, names map[string]string) string {
	var out []string
	for _, g := range list {
		grantee := ""
		switch {
		case g.Grantee.ID != nil:
			grantee = *g.Grantee.ID
		case g.Grantee.URI != nil:
			grantee = *g.Grantee.URI
		}
		if n := names[grantee]; n != "" {
			grantee = n
		}
		out = append(out, string(*g.Permission)+":"+grantee)
	}
	return strings.Join(out, " ")
}

func TestCreateBucket_ResetsTheACLOfTheCallersOwnInUSEast1(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	me := canonical(t, call)
	again := &api.CreateBucketInput{Bucket: "data", ObjectOwnership: new(api.ObjectOwnershipObjectWriter)}
	first := *again
	first.ACL = new(api.BucketCannedACL("log-delivery-write"))
	for _, tt := range []struct {
		in   *api.CreateBucketInput
		want string
	}{
		{&first, "FULL_CONTROL:owner WRITE:logs READ_ACP:logs"}, {again, "FULL_CONTROL:owner"}, {&first, "FULL_CONTROL:owner WRITE:logs READ_ACP:logs"},
	} {
		if _, err := api.CreateBucket.Do(call, tt.in); err != nil {
			t.Fatal(err)
		}
		acl, err := api.GetBucketACL.Do(call, &api.GetBucketACLInput{Bucket: "data"})
		if err != nil {
			t.Fatal(err)
		}
		if got := grantsOf(acl.Grants, map[string]string{me: "owner", "http://acs.amazonaws.com/groups/s3/LogDelivery": "logs"}); got != tt.want {
			t.Errorf("created with %v: grants %s, want %s", tt.in.ACL, got, tt.want)
		}
	}
}

func TestACL_IsDisabledByDefault(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-38", "S3-39", "S3-40")
	c, call := newCloud(t)
	other := c.CallIn(t, stranger, "us-east-1")
	newBucket(t, call, "data")
	me := canonical(t, call)
	controls, err := api.GetBucketOwnershipControls.Do(call, &api.GetBucketOwnershipControlsInput{Bucket: "data"})
	if err != nil || controls.OwnershipControls.Rules[0].ObjectOwnership != api.ObjectOwnershipBucketOwnerEnforced {
		t.Errorf("ownership %v, %v", controls, err)
	}
	block, err := api.GetPublicAccessBlock.Do(call, &api.GetPublicAccessBlockInput{Bucket: "data"})
	if err != nil || !*block.PublicAccessBlockConfiguration.BlockPublicACLs || !*block.PublicAccessBlockConfiguration.IgnorePublicACLs {
		t.Errorf("block %v, %v", block, err)
	}
	if err := setPolicy(call, "Allow", `{"AWS":"`+stranger+`"}`, "s3:*", ""); err != nil {
		t.Fatal(err)
	}
	put(t, other, "data", "theirs", "x")
	acl, err := api.GetObjectACL.Do(call, &api.GetObjectACLInput{Bucket: "data", Key: "theirs"})
	if err != nil || *acl.Owner.ID != me || grantsOf(acl.Grants, map[string]string{me: "owner"}) != "FULL_CONTROL:owner" {
		t.Errorf("another's upload has %+v, %v", acl, err)
	}
	_, err = api.PutBucketACL.Do(call, &api.PutBucketACLInput{Bucket: "data", ACL: new(api.BucketCannedACLPrivate)})
	servicetest.WantError(t, err, "AccessControlListNotSupported")
	for acl, want := range map[api.ObjectCannedACL]string{
		"bucket-owner-full-control": "", "private": "AccessControlListNotSupported", "public-read": "AccessControlListNotSupported", "nonsense": "InvalidArgument",
	} {
		_, err := api.PutObject.Do(call, &api.PutObjectInput{Bucket: "data", Key: "k", ACL: &acl, Body: strings.NewReader("x")})
		if got := aws.ErrorCode(err); got != want {
			t.Errorf("upload with %s: %v", acl, err)
		}
		_, err = api.PutObjectACL.Do(call, &api.PutObjectACLInput{Bucket: "data", Key: "theirs", ACL: &acl})
		if got := aws.ErrorCode(err); got != want {
			t.Errorf("ACL %s: %v", acl, err)
		}
	}
	_, err = api.PutObject.Do(call, &api.PutObjectInput{Bucket: "data", Key: "k", GrantFullControl: new(`id="` + me + `"`), Body: strings.NewReader("x")})
	if err != nil {
		t.Errorf("a grant of what is so anyway: %v", err)
	}
}

func TestCreateBucket_RefusesACLsThatItsOwnershipExcludes(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	for i, tt := range []struct {
		ownership api.ObjectOwnership
		acl       api.BucketCannedACL
		want      string
	}{
		{"", "private", ""},
		{"", "public-read", "InvalidBucketAclWithObjectOwnership"},
		{"BucketOwnerEnforced", "log-delivery-write", "InvalidBucketAclWithObjectOwnership"},
		{"ObjectWriter", "log-delivery-write", ""},
		{"BucketOwnerPreferred", "public-read", "InvalidBucketAclWithBlockPublicAccessError"},
		{"Nobody", "private", "MalformedXML"},
	} {
		in := &api.CreateBucketInput{Bucket: fmt.Sprintf("bucket-%d", i), ACL: &tt.acl}
		if tt.ownership != "" {
			in.ObjectOwnership = &tt.ownership
		}
		if _, err := api.CreateBucket.Do(call, in); aws.ErrorCode(err) != tt.want {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}

func TestACL_IsStoredAsItIsGiven(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-44", "S3-46", "S3-47")
	c, call := newCloud(t)
	newACLBucket(t, call, "data", api.ObjectOwnershipObjectWriter, api.PublicAccessBlockConfiguration{})
	put(t, call, "data", "k", "x")
	me, them := canonical(t, call), canonical(t, c.CallIn(t, stranger, "us-east-1"))
	names := map[string]string{me: "me", them: "them", everyone: "everyone", anyUser: "users", logGroup: "logs"}
	entry := func(typ api.Type, id, uri string, p api.Permission) api.Grant {
		g := api.Grant{Grantee: &api.Grantee{Type: typ}, Permission: &p}
		if id != "" {
			g.Grantee.ID = &id
		}
		if uri != "" {
			g.Grantee.URI = &uri
		}
		return g
	}
	xml := func(owner string, list ...api.Grant) *api.AccessControlPolicy {
		return &api.AccessControlPolicy{Owner: &api.Owner{ID: &owner}, Grants: list}
	}
	for _, tt := range []struct {
		name, acl   string
		full, read  string
		policy      *api.AccessControlPolicy
		bucket, key string // the list, or the error
	}{
		{name: "nothing", bucket: "MissingSecurityHeader", key: "MissingSecurityHeader"},
		{name: "canned", acl: "public-read-write", bucket: "FULL_CONTROL:me READ:everyone WRITE:everyone", key: "FULL_CONTROL:me READ:everyone WRITE:everyone"},
		{name: "users", acl: "authenticated-read", bucket: "FULL_CONTROL:me READ:users", key: "FULL_CONTROL:me READ:users"},
		{name: "logs", acl: "log-delivery-write", bucket: "FULL_CONTROL:me WRITE:logs READ_ACP:logs", key: "FULL_CONTROL:me WRITE:logs READ_ACP:logs"},
		{name: "unknown", acl: "mine", bucket: "InvalidArgument", key: "InvalidArgument"},
		{name: "headers", full: `id="` + me + `"`, read: `id=` + them + `, uri="` + everyone + `"`, bucket: "FULL_CONTROL:me READ:them READ:everyone", key: "FULL_CONTROL:me READ:them READ:everyone"},
		{name: "both", acl: "private", read: `id="` + me + `"`, bucket: "InvalidRequest", key: "InvalidRequest"},
		{name: "e-mail", read: `emailAddress="a@example.com"`, bucket: "MethodNotAllowed", key: "MethodNotAllowed"},
		{name: "bad id", read: `id="123"`, bucket: "InvalidArgument", key: "InvalidArgument"},
		{name: "bad group", read: `uri="http://example.com"`, bucket: "InvalidArgument", key: "InvalidArgument"},
		{name: "bad form", read: me, bucket: "InvalidArgument", key: "InvalidArgument"},
		{name: "document", policy: xml(me, entry("CanonicalUser", them, "", "WRITE_ACP"), entry("Group", "", logGroup, "READ")), bucket: "WRITE_ACP:them READ:logs", key: "WRITE_ACP:them READ:logs"},
		{name: "empty document", policy: xml(me), bucket: "", key: ""},
		{name: "another owner", policy: xml(them, entry("CanonicalUser", them, "", "READ")), bucket: "AccessDenied", key: "AccessDenied"},
		{name: "no owner", policy: &api.AccessControlPolicy{Grants: []api.Grant{entry("CanonicalUser", me, "", "READ")}}, bucket: "MalformedACLError", key: "MalformedACLError"},
		{name: "no permission", policy: xml(me, entry("CanonicalUser", me, "", "ALL")), bucket: "MalformedACLError", key: "MalformedACLError"},
		{name: "document and header", acl: "private", policy: xml(me, entry("CanonicalUser", me, "", "READ")), bucket: "UnexpectedContent", key: "UnexpectedContent"},
		{name: "document with e-mail", policy: xml(me, entry("AmazonCustomerByEmail", "", "", "READ")), bucket: "MethodNotAllowed", key: "MethodNotAllowed"},
		{name: "too many", policy: xml(me, make([]api.Grant, 101)...), bucket: "MalformedACLError", key: "MalformedACLError"},
		{name: "private", acl: "private", bucket: "FULL_CONTROL:me", key: "FULL_CONTROL:me"},
	} {
		in := &api.PutBucketACLInput{Bucket: "data", AccessControlPolicy: tt.policy}
		ins := &api.PutObjectACLInput{Bucket: "data", Key: "k", AccessControlPolicy: tt.policy}
		if tt.acl != "" {
			in.ACL, ins.ACL = new(api.BucketCannedACL(tt.acl)), new(api.ObjectCannedACL(tt.acl))
		}
		if tt.full != "" {
			in.GrantFullControl, ins.GrantFullControl = &tt.full, &tt.full
		}
		if tt.read != "" {
			in.GrantRead, ins.GrantRead = &tt.read, &tt.read
		}
		_, err := api.PutBucketACL.Do(call, in)
		got := aws.ErrorCode(err)
		if err == nil {
			out, err := api.GetBucketACL.Do(call, &api.GetBucketACLInput{Bucket: "data"})
			if err != nil || *out.Owner.ID != me {
				t.Fatalf("%s: %+v, %v", tt.name, out, err)
			}
			got = grantsOf(out.Grants, names)
		}
		if got != tt.bucket {
			t.Errorf("%s: bucket has %q, want %q", tt.name, got, tt.bucket)
		}
		_, err = api.PutObjectACL.Do(call, ins)
		got = aws.ErrorCode(err)
		if err == nil {
			out, err := api.GetObjectACL.Do(call, &api.GetObjectACLInput{Bucket: "data", Key: "k"})
			if err != nil || *out.Owner.ID != me {
				t.Fatalf("%s: %+v, %v", tt.name, out, err)
			}
			got = grantsOf(out.Grants, names)
		}
		if got != tt.key {
			t.Errorf("%s: object has %q, want %q", tt.name, got, tt.key)
		}
	}
	_, err := api.PutObjectACL.Do(call, &api.PutObjectACLInput{Bucket: "data", Key: "missing", ACL: new(api.ObjectCannedACLPrivate)})
	servicetest.WantError(t, err, "NoSuchKey")
	_, err = api.GetObjectACL.Do(call, &api.GetObjectACLInput{Bucket: "data", Key: "missing"})
	servicetest.WantError(t, err, "NoSuchKey")
}

func TestACL_AllowsWhatItGrants(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-36", "S3-41", "S3-45", "S3-48")
	c, call := newCloud(t)
	other := c.CallIn(t, stranger, "us-east-1")
	anyone := c.CallAs(t, aws.Principal{Type: aws.PrincipalAnonymous}, "us-east-1")
	newACLBucket(t, call, "data", api.ObjectOwnershipObjectWriter, api.PublicAccessBlockConfiguration{})
	put(t, call, "data", "k", "x")
	them := canonical(t, other)
	try := func(call *aws.Call) string {
		var out []string
		for _, a := range []struct {
			name string
			do   func() error
		}{
			{"get", func() error {
				if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "k"}); got != "x" {
					return aws.NewError(400, got, "")
				}
				return nil
			}},
			{"list", func() error {
				_, err := api.ListObjectsV2.Do(call, &api.ListObjectsV2Input{Bucket: "data"})
				return err
			}},
			{"put", func() error {
				_, err := api.PutObject.Do(call, &api.PutObjectInput{Bucket: "data", Key: "new", Body: strings.NewReader("n")})
				return err
			}},
			{"acl", func() error {
				_, err := api.GetObjectACL.Do(call, &api.GetObjectACLInput{Bucket: "data", Key: "k"})
				return err
			}},
			{"bucket-acl", func() error { _, err := api.GetBucketACL.Do(call, &api.GetBucketACLInput{Bucket: "data"}); return err }},
			{"website", func() error {
				_, err := api.GetBucketWebsite.Do(call, &api.GetBucketWebsiteInput{Bucket: "data"})
				return err
			}},
			{"lifecycle", func() error {
				_, err := api.GetBucketLifecycleConfiguration.Do(call, &api.GetBucketLifecycleConfigurationInput{Bucket: "data"})
				return err
			}},
		} {
			if aws.ErrorCode(a.do()) != "AccessDenied" {
				out = append(out, a.name)
			}
		}
		return strings.Join(out, " ")
	}
	for _, tt := range []struct{ bucket, key, other, anyone string }{
		{"private", "private", "", ""},
		{"public-read", "private", "list", "list"},
		{"private", "public-read", "get", "get"},
		{"authenticated-read", "authenticated-read", "get list", ""},
		{"id:READ", "id:READ", "get list", ""},
		{"id:READ_ACP", "id:READ_ACP", "acl bucket-acl", ""},
		{"id:FULL_CONTROL", "id:FULL_CONTROL", "get list put acl bucket-acl", ""},
		{"public-read-write", "private", "list put", "list put"},
	} {
		bucketIn, keyIn := &api.PutBucketACLInput{Bucket: "data"}, &api.PutObjectACLInput{Bucket: "data", Key: "k"}
		who := new(`id="` + them + `"`)
		switch tt.bucket {
		case "id:READ":
			bucketIn.GrantRead, keyIn.GrantRead = who, who
		case "id:READ_ACP":
			bucketIn.GrantReadACP, keyIn.GrantReadACP = who, who
		case "id:FULL_CONTROL":
			bucketIn.GrantFullControl, keyIn.GrantFullControl = who, who
		default:
			bucketIn.ACL, keyIn.ACL = new(api.BucketCannedACL(tt.bucket)), new(api.ObjectCannedACL(tt.key))
		}
		if _, err := api.PutBucketACL.Do(call, bucketIn); err != nil {
			t.Fatal(err)
		}
		if _, err := api.PutObjectACL.Do(call, keyIn); err != nil {
			t.Fatal(err)
		}
		for who, want := range map[*aws.Call]string{other: tt.other, anyone: tt.anyone} {
			if got := try(who); got != want {
				t.Errorf("%s, %s: %s may %q, want %q", tt.bucket, tt.key, who.Principal.Type, got, want)
			}
			if _, err := api.DeleteObject.Do(call, &api.DeleteObjectInput{Bucket: "data", Key: "new"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	// A grant to write is for new objects, not for those of others; and a policy can deny what an ACL allows.
	_, err := api.PutObject.Do(other, &api.PutObjectInput{Bucket: "data", Key: "k", Body: strings.NewReader("over")})
	servicetest.WantError(t, err, "AccessDenied")
	_, err = api.DeleteObject.Do(other, &api.DeleteObjectInput{Bucket: "data", Key: "k"})
	servicetest.WantError(t, err, "AccessDenied")
	if err := setPolicy(call, "Deny", `"*"`, "s3:PutObject", ""); err != nil {
		t.Fatal(err)
	}
	_, err = api.PutObject.Do(other, &api.PutObjectInput{Bucket: "data", Key: "new", Body: strings.NewReader("n")})
	servicetest.WantError(t, err, "AccessDenied")
}

func TestACL_IgnoredAndBlockedWhenPublic(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	anyone := c.CallAs(t, aws.Principal{Type: aws.PrincipalAnonymous}, "us-east-1")
	newACLBucket(t, call, "data", api.ObjectOwnershipBucketOwnerPreferred, api.PublicAccessBlockConfiguration{})
	in := &api.PutObjectInput{Bucket: "data", Key: "k", ACL: new(api.ObjectCannedACLPublicRead), Body: strings.NewReader("x")}
	if _, err := api.PutObject.Do(call, in); err != nil {
		t.Fatal(err)
	}
	read := func() string { return get(t, anyone, &api.GetObjectInput{Bucket: "data", Key: "k"}) }
	if got := read(); got != "x" {
		t.Errorf("a public object: %s", got)
	}
	block := func(p api.PublicAccessBlockConfiguration) {
		t.Helper()
		if _, err := api.PutPublicAccessBlock.Do(call, &api.PutPublicAccessBlockInput{Bucket: "data", PublicAccessBlockConfiguration: p}); err != nil {
			t.Fatal(err)
		}
	}
	block(api.PublicAccessBlockConfiguration{IgnorePublicACLs: new(true)})
	if got := read(); got != "AccessDenied" {
		t.Errorf("an ignored ACL: %s", got)
	}
	// An account's block counts for each of its buckets, and for its own users too.
	user := c.CallAs(t, aws.Principal{Type: aws.PrincipalUser, Account: servicetest.Account, Name: "u", ARN: "arn:aws:iam::111122223333:user/u"}, "us-east-1")
	if got := get(t, user, &api.GetObjectInput{Bucket: "data", Key: "k"}); got != "AccessDenied" {
		t.Errorf("an ignored ACL, for a user: %s", got)
	}
	block(api.PublicAccessBlockConfiguration{})
	if got := get(t, user, &api.GetObjectInput{Bucket: "data", Key: "k"}); got != "x" {
		t.Errorf("a user without policies, of a public object: %s", got)
	}
	whole := control.PublicAccessBlockConfiguration{IgnorePublicACLs: new(true)}
	if _, err := control.PutPublicAccessBlock.Do(call, &control.PutPublicAccessBlockInput{AccountID: servicetest.Account, PublicAccessBlockConfiguration: whole}); err != nil {
		t.Fatal(err)
	}
	if got := read(); got != "AccessDenied" {
		t.Errorf("an ACL that the account ignores: %s", got)
	}
	if _, err := control.DeletePublicAccessBlock.Do(call, &control.DeletePublicAccessBlockInput{AccountID: servicetest.Account}); err != nil {
		t.Fatal(err)
	}
	if out, err := api.GetPublicAccessBlock.Do(call, &api.GetPublicAccessBlockInput{Bucket: "data"}); err != nil || *out.PublicAccessBlockConfiguration.BlockPublicACLs {
		t.Errorf("a block of nothing: %+v, %v", out, err)
	}
	block(api.PublicAccessBlockConfiguration{BlockPublicACLs: new(true)})
	if got := read(); got != "x" {
		t.Errorf("blocking concerns new ACLs: %s", got)
	}
	in.Body = strings.NewReader("y")
	_, err := api.PutObject.Do(call, in)
	servicetest.WantError(t, err, "AccessDenied")
	_, err = api.PutObjectACL.Do(call, &api.PutObjectACLInput{Bucket: "data", Key: "k", ACL: new(api.ObjectCannedACLPublicRead)})
	servicetest.WantError(t, err, "AccessDenied")
	_, err = api.PutBucketACL.Do(call, &api.PutBucketACLInput{Bucket: "data", GrantRead: new(`uri="` + anyUser + `"`)})
	servicetest.WantError(t, err, "AccessDenied")
	// Disabling ACLs makes those that are there count no more, and enabling them again makes them count again.
	setOwnership(t, call, "data", api.ObjectOwnershipBucketOwnerEnforced)
	if got := read(); got != "AccessDenied" {
		t.Errorf("with ACLs disabled: %s", got)
	}
	setOwnership(t, call, "data", api.ObjectOwnershipObjectWriter)
	if got := read(); got != "x" {
		t.Errorf("with ACLs enabled again: %s", got)
	}
}

func setOwnership(t *testing.T, call *aws.Call, name string, o api.ObjectOwnership) {
	t.Helper()
	in := &api.PutBucketOwnershipControlsInput{Bucket: name, OwnershipControls: api.OwnershipControls{Rules: []api.OwnershipControlsRule{{ObjectOwnership: o}}}}
	if _, err := api.PutBucketOwnershipControls.Do(call, in); err != nil {
		t.Fatal(err)
	}
}

func TestOwnership_DecidesWhoOwnsAnUpload(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-39", "S3-40", "S3-45")
	c, call := newCloud(t)
	other := c.CallIn(t, stranger, "us-east-1")
	me, them := canonical(t, call), canonical(t, other)
	names := map[string]string{me: "me", them: "them"}
	for i, tt := range []struct {
		ownership   api.ObjectOwnership
		acl         api.ObjectCannedACL
		owner, list string
		mine, their string // what reading it gives
	}{
		{"BucketOwnerEnforced", "bucket-owner-full-control", me, "FULL_CONTROL:me", "x", "AccessDenied"},
		{"BucketOwnerPreferred", "bucket-owner-full-control", me, "FULL_CONTROL:me", "x", "AccessDenied"},
		{"BucketOwnerPreferred", "private", them, "FULL_CONTROL:them", "AccessDenied", "x"},
		{"ObjectWriter", "bucket-owner-full-control", them, "FULL_CONTROL:them FULL_CONTROL:me", "x", "x"},
		{"ObjectWriter", "bucket-owner-read", them, "FULL_CONTROL:them READ:me", "x", "x"},
		{"ObjectWriter", "private", them, "FULL_CONTROL:them", "AccessDenied", "x"},
	} {
		name := fmt.Sprintf("data%d", i)
		newACLBucket(t, call, name, tt.ownership, api.PublicAccessBlockConfiguration{})
		text := strings.ReplaceAll(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"`+stranger+`"},"Action":["s3:PutObject","s3:PutObjectAcl","s3:DeleteObject"],"Resource":"arn:aws:s3:::NAME/*"},`+
			`{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:*","Resource":"arn:aws:s3:::NAME/*"}]}`, "NAME", name)
		if _, err := api.PutBucketPolicy.Do(call, &api.PutBucketPolicyInput{Bucket: name, Policy: text}); err != nil {
			t.Fatal(err)
		}
		if _, err := api.PutObject.Do(other, &api.PutObjectInput{Bucket: name, Key: "k", ACL: &tt.acl, Body: strings.NewReader("x")}); err != nil {
			t.Fatal(err)
		}
		owner := call
		if tt.owner == them {
			owner = other
		}
		acl, err := api.GetObjectACL.Do(owner, &api.GetObjectACLInput{Bucket: name, Key: "k"})
		if err != nil || *acl.Owner.ID != tt.owner || grantsOf(acl.Grants, names) != tt.list {
			t.Errorf("%s, %s: %+v, %v", tt.ownership, tt.acl, acl, err)
		}
		in := &api.GetObjectInput{Bucket: name, Key: "k"}
		if mine, their := get(t, call, in), get(t, other, in); mine != tt.mine || their != tt.their {
			t.Errorf("%s, %s: the bucket's owner reads %s, the uploader %s", tt.ownership, tt.acl, mine, their)
		}
		list, err := api.ListObjects.Do(call, &api.ListObjectsInput{Bucket: name})
		if err != nil || *list.Contents[0].Owner.ID != tt.owner {
			t.Errorf("%s, %s: listed %+v, %v", tt.ownership, tt.acl, list, err)
		}
		// The bucket's owner can deny and delete what it does not own.
		deny := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::` + name + `/*"}]}`
		if _, err := api.PutBucketPolicy.Do(call, &api.PutBucketPolicyInput{Bucket: name, Policy: deny}); err != nil {
			t.Fatal(err)
		}
		if got := get(t, other, in); got != "AccessDenied" {
			t.Errorf("%s, %s: denied, the uploader reads %s", tt.ownership, tt.acl, got)
		}
		if _, err := api.DeleteObject.Do(call, &api.DeleteObjectInput{Bucket: name, Key: "k"}); err != nil {
			t.Errorf("%s, %s: %v", tt.ownership, tt.acl, err)
		}
	}
}

func TestOwnershipControls(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-49")
	c, call := newCloud(t)
	newACLBucket(t, call, "data", api.ObjectOwnershipObjectWriter, api.PublicAccessBlockConfiguration{})
	if _, err := api.PutBucketACL.Do(call, &api.PutBucketACLInput{Bucket: "data", ACL: new(api.BucketCannedACL("log-delivery-write"))}); err != nil {
		t.Fatal(err)
	}
	logs := c.CallAs(t, aws.ServicePrincipal("logging.s3.amazonaws.com", "999900001111"), "us-east-1")
	put(t, logs, "data", "log", "a request")
	_, err := api.GetObject.Do(logs, &api.GetObjectInput{Bucket: "data", Key: "other"})
	servicetest.WantError(t, err, "AccessDenied")
	enforce := &api.PutBucketOwnershipControlsInput{Bucket: "data", OwnershipControls: api.OwnershipControls{Rules: []api.OwnershipControlsRule{{ObjectOwnership: "BucketOwnerEnforced"}}}}
	_, err = api.PutBucketOwnershipControls.Do(call, enforce)
	servicetest.WantError(t, err, "InvalidBucketAclWithObjectOwnership")
	if _, err := api.PutBucketACL.Do(call, &api.PutBucketACLInput{Bucket: "data", ACL: new(api.BucketCannedACLPrivate)}); err != nil {
		t.Fatal(err)
	}
	if _, err := api.PutBucketOwnershipControls.Do(call, enforce); err != nil {
		t.Error(err)
	}
	if _, err := api.DeleteBucketOwnershipControls.Do(call, &api.DeleteBucketOwnershipControlsInput{Bucket: "data"}); err != nil {
		t.Error(err)
	}
	_, err = api.GetBucketOwnershipControls.Do(call, &api.GetBucketOwnershipControlsInput{Bucket: "data"})
	servicetest.WantError(t, err, "OwnershipControlsNotFoundError")
	_, err = api.PutBucketOwnershipControls.Do(call, &api.PutBucketOwnershipControlsInput{Bucket: "data"})
	servicetest.WantError(t, err, "MalformedXML")
}

// generous allows everything to everybody whom it is asked about.
type generous struct{ document *policy.Document }

func (generous) AccessKey(context.Context, string) (policy.AccessKey, error) {
	return policy.AccessKey{}, policy.ErrUnknownKey
}

func (generous) Password(context.Context, string, string, string) (aws.Principal, error) {
	return aws.Principal{}, policy.ErrUnknownKey
}

func (g generous) Grants(context.Context, *aws.Principal) (policy.Grants, error) {
	return policy.Grants{Identity: []policy.Source{{Name: "all", Document: g.document}}}, nil
}

func TestAnonymous_HasNoIdentityPolicies(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-41")
	document, err := policy.Parse(policy.KindInline, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	c := servicetest.New(t, func(d service.Deps) []service.Module {
		return append(s3.Modules(d), service.Module{API: iam.API, Identity: generous{document}})
	})
	newBucket(t, c.Call(t), "data")
	put(t, c.Call(t), "data", "k", "x")
	arn := "arn:aws:iam::" + servicetest.Account + ":"
	for want, principals := range map[string][]aws.Principal{
		"x": {
			{Type: aws.PrincipalUser, Account: servicetest.Account, Name: "ann", ID: "AIDAANN", ARN: arn + "user/ann"},
			{
				Type: aws.PrincipalAssumedRole, Account: servicetest.Account, Name: "app", RoleARN: arn + "role/app",
				ARN: "arn:aws:sts::" + servicetest.Account + ":assumed-role/app/s", Session: &aws.Session{Issued: servicetest.Start, Expires: servicetest.Start.Add(days)},
			},
		},
		"AccessDenied": {{Type: aws.PrincipalAnonymous}},
	} {
		for _, p := range principals {
			if got := get(t, c.CallAs(t, p, servicetest.Region), &api.GetObjectInput{Bucket: "data", Key: "k"}); got != want {
				t.Errorf("%s reads %s", p.Type, got)
			}
		}
	}
}

// TestACL_HasGrantsAndNothingElse sends lists as documents, from somebody who may change them.
func TestACL_HasGrantsAndNothingElse(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-44", "S3-46", "S3-47")
	c, call := newCloud(t)
	newACLBucket(t, call, "data", api.ObjectOwnershipObjectWriter, api.PublicAccessBlockConfiguration{})
	put(t, call, "data", "k", "x")
	put(t, call, "data", "other", "x")
	me := canonical(t, call)
	url := c.URL(t)
	const grantee = `<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><URI>` + everyone + `</URI></Grantee>`
	for name, tt := range map[string]struct {
		grant          string
		status, reader int
	}{
		"a grant":     {`<Grant>` + grantee + `<Permission>READ</Permission></Grant>`, 200, 200},
		"a denial":    {`<Grant>` + grantee + `<Permission>DENY</Permission></Grant>`, 400, 403},
		"a condition": {`<Grant>` + grantee + `<Permission>READ</Permission><Condition><IpAddress>10.0.0.0/8</IpAddress></Condition></Grant>`, 400, 403},
	} {
		changing := api.AccessControlPolicy{Owner: &api.Owner{ID: &me}, Grants: []api.Grant{
			{Grantee: &api.Grantee{Type: api.TypeGroup, URI: new(everyone)}, Permission: new(api.PermissionWriteAcp)},
		}}
		if _, err := api.PutObjectACL.Do(call, &api.PutObjectACLInput{Bucket: "data", Key: "k", AccessControlPolicy: &changing}); err != nil {
			t.Fatal(err)
		}
		document := `<AccessControlPolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Owner><ID>` + me + `</ID></Owner><AccessControlList>` +
			tt.grant + `<Grant>` + grantee + `<Permission>READ_ACP</Permission></Grant></AccessControlList></AccessControlPolicy>`
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url+"/data/k?acl", strings.NewReader(document))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != tt.status || tt.status == 400 && !strings.Contains(string(body), "<Code>MalformedACLError</Code>") {
			t.Errorf("%s: %d %s, %v", name, resp.StatusCode, body, err)
		}
		resp.Body.Close()
		// What was refused has granted nothing, and no other object is concerned.
		for key, want := range map[string]int{"k": tt.reader, "other": 403} {
			if a, _ := fetch(t, url, http.MethodGet, "", "/data/"+key); a.status != want {
				t.Errorf("after %s, reading %s: %d", name, key, a.status)
			}
		}
		if tt.status != 200 {
			continue
		}
		if _, text := fetch(t, url, http.MethodGet, "", "/data/k?acl"); !strings.Contains(text, "<Permission>READ</Permission>") {
			t.Errorf("after %s: %s", name, text)
		}
	}
}
