package wiretest

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drydock/api/s3"
	"drydock/api/s3control"
	"drydock/aws"
	"drydock/wire"
)

// lenient returns the operation of an API that passes over what its model does not have.
func lenient(op *aws.Operation) *aws.Operation {
	api, other := *op.API, *op
	api.StrictXML = false
	other.API = &api
	return &other
}

// document decodes a REST-XML body as an operation's input.
func document(op *aws.Operation, body string) (any, error) {
	in := op.NewInput()
	r := httptest.NewRequest(op.Method, "/", strings.NewReader(body))
	_, err := wire.For(aws.ProtocolRESTXML).Decode(op, &wire.Request{Request: r}, in)
	return in, err
}

func TestStrictXML_RefusesWhatTheModelDoesNotHave(t *testing.T) {
	t.Parallel()
	const notPublished = "The XML you provided was not well-formed or did not validate against our published schema"
	lifecycle, acl := s3.PutBucketLifecycleConfiguration.Operation, s3.PutBucketACL.Operation
	for name, c := range map[string]struct {
		op         *aws.Operation
		body, code string
		// never tells that services without a schema refuse it too.
		never bool
	}{
		"misspelt":              {lifecycle, `<LifecycleConfiguration><Rule><Expirations><Days>1</Days></Expirations></Rule></LifecycleConfiguration>`, "MalformedXML", false},
		"capitals":              {lifecycle, `<LifecycleConfiguration><Rule><status>Enabled</status></Rule></LifecycleConfiguration>`, "MalformedXML", false},
		"member's name":         {lifecycle, `<LifecycleConfiguration><Rules><Status>Enabled</Status></Rules></LifecycleConfiguration>`, "MalformedXML", false},
		"in the root":           {lifecycle, `<LifecycleConfiguration><Rule/><Status>Enabled</Status></LifecycleConfiguration>`, "MalformedXML", false},
		"a level too low":       {lifecycle, `<LifecycleConfiguration><Rule><Rule/></Rule></LifecycleConfiguration>`, "MalformedXML", false},
		"empty":                 {lifecycle, `<LifecycleConfiguration><Rule/><Other/></LifecycleConfiguration>`, "MalformedXML", false},
		"in an empty structure": {s3.PutBucketNotificationConfiguration.Operation, `<NotificationConfiguration><EventBridgeConfiguration><Event>a</Event></EventBridgeConfiguration></NotificationConfiguration>`, "MalformedXML", false},
		"obsolete elsewhere":    {s3.PutBucketNotificationConfiguration.Operation, `<NotificationConfiguration><QueueConfiguration><InvocationRole>a</InvocationRole></QueueConfiguration></NotificationConfiguration>`, "MalformedXML", false},
		"scalar twice":          {lifecycle, `<LifecycleConfiguration><Rule><Status>Disabled</Status><Status>Enabled</Status></Rule></LifecycleConfiguration>`, "MalformedXML", false},
		"structure twice":       {lifecycle, `<LifecycleConfiguration><Rule><Expiration/><ID>a</ID><Expiration/></Rule></LifecycleConfiguration>`, "MalformedXML", false},
		"list twice":            {s3.PutBucketTagging.Operation, `<Tagging><TagSet></TagSet><TagSet/></Tagging>`, "MalformedXML", false},
		"another item":          {s3.PutBucketTagging.Operation, `<Tagging><TagSet><member><Key>a</Key></member></TagSet></Tagging>`, "MalformedXML", false},
		"text":                  {lifecycle, `<LifecycleConfiguration>a<Rule/></LifecycleConfiguration>`, "MalformedXML", false},
		"text below":            {lifecycle, `<LifecycleConfiguration><Rule><Expiration><Days>1</Days> 1</Expiration></Rule></LifecycleConfiguration>`, "MalformedXML", false},
		"text between items":    {s3.PutBucketTagging.Operation, `<Tagging><TagSet><![CDATA[a]]></TagSet></Tagging>`, "MalformedXML", false},
		"no-break space":        {lifecycle, "<LifecycleConfiguration>\u00a0<Rule/></LifecycleConfiguration>", "MalformedXML", false},
		"elements in text":      {lifecycle, `<LifecycleConfiguration><Rule><Status><b>Enabled</b></Status></Rule></LifecycleConfiguration>`, "MalformedXML", true},
		"another root":          {lifecycle, `<Lifecycle><Rule/></Lifecycle>`, "MalformedXML", true},
		"item of a root":        {lifecycle, `<Rule/>`, "MalformedXML", true},
		"another's root":        {s3.CompleteMultipartUpload.Operation, `<MultipartUpload><Part/></MultipartUpload>`, "MalformedXML", true},
		"not an XML":            {lifecycle, `{"Rules": []}`, "MalformedXML", true},
		"effect of a grant":     {acl, `<AccessControlPolicy><AccessControlList><Grant><Effect>Deny</Effect></Grant></AccessControlList></AccessControlPolicy>`, "MalformedACLError", false},
		"type as an element":    {acl, `<AccessControlPolicy><AccessControlList><Grant><Grantee><Type>Group</Type></Grantee></Grant></AccessControlList></AccessControlPolicy>`, "MalformedACLError", false},
		"prefixed type":         {s3.PutObjectACL.Operation, `<AccessControlPolicy><AccessControlList><Grant><Grantee><xsi:type>Group</xsi:type></Grantee></Grant></AccessControlList></AccessControlPolicy>`, "MalformedACLError", false},
		"open":                  {acl, `<AccessControlPolicy>`, "MalformedACLError", true},
		"select":                {s3.SelectObjectContent.Operation, `<SelectObjectContentRequest><Where/></SelectObjectContentRequest>`, "MalformedXML", false},
		"header as an element":  {s3control.CreateAccessPoint.Operation, `<CreateAccessPointRequest><Bucket>b</Bucket><AccountId>1</AccountId></CreateAccessPointRequest>`, "MalformedXML", false},
		"another's request":     {s3control.CreateAccessPoint.Operation, `<CreateBucketRequest><Bucket>b</Bucket></CreateBucketRequest>`, "MalformedXML", true},
		"key of a map twice":    {s3control.CreateJob.Operation, userMetadata(`<entry><key>a</key><key>b</key><value>c</value></entry>`), "MalformedXML", false},
		"value of a map twice":  {s3control.CreateJob.Operation, userMetadata(`<entry><key>a</key><value>b</value><value>c</value></entry>`), "MalformedXML", false},
		"more than an entry":    {s3control.CreateJob.Operation, userMetadata(`<entry><key>a</key><value>b</value><note/></entry>`), "MalformedXML", false},
		"not an entry":          {s3control.CreateJob.Operation, userMetadata(`<item><key>a</key><value>b</value></item>`), "MalformedXML", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := document(c.op, c.body)
			var e *aws.Error
			if !errors.As(err, &e) || e.Code != c.code || e.Message != notPublished || e.Status != 400 {
				t.Errorf("got %v, want %s", err, c.code)
			}
			if _, err := document(lenient(c.op), c.body); (err != nil) != c.never {
				t.Errorf("without a schema: %v", err)
			}
		})
	}
}

// userMetadata is the one document with a map.
func userMetadata(entries string) string {
	return `<CreateJobRequest><Operation><S3PutObjectCopy><NewObjectMetadata><UserMetadata>` + entries +
		`</UserMetadata></NewObjectMetadata></S3PutObjectCopy></Operation></CreateJobRequest>`
}

func TestStrictXML_TakesWhatClientsSend(t *testing.T) {
	t.Parallel()
	enabled := s3.ExpirationStatusEnabled
	rule := s3.LifecycleRule{ID: new("r"), Prefix: new(" p "), Status: enabled, Expiration: &s3.LifecycleExpiration{Days: new(int32(1))}}
	expires := &s3.PutBucketLifecycleConfigurationInput{LifecycleConfiguration: &s3.BucketLifecycleConfiguration{Rules: []s3.LifecycleRule{rule}}}
	read := s3.PermissionRead
	grant := &s3.PutBucketACLInput{AccessControlPolicy: &s3.AccessControlPolicy{Owner: &s3.Owner{ID: new("o"), DisplayName: new("")},
		Grants: []s3.Grant{{Grantee: &s3.Grantee{Type: s3.TypeGroup, URI: new("u")}, Permission: &read}}}}
	parts := &s3.CompleteMultipartUploadInput{MultipartUpload: &s3.CompletedMultipartUpload{Parts: []s3.CompletedPart{{PartNumber: new(int32(1))}, {PartNumber: new(int32(2))}}}}
	called := &s3.PutBucketNotificationConfigurationInput{NotificationConfiguration: s3.NotificationConfiguration{LambdaFunctionConfigurations: []s3.LambdaFunctionConfiguration{
		{LambdaFunctionARN: "f", Events: []s3.Event{s3.EventS3ObjectCreatedAll}},
	}}}
	const fields = `<ID>r</ID><Prefix> p </Prefix><Status>Enabled</Status><Expiration><Days> 1 </Days></Expiration>`
	for name, c := range map[string]struct {
		op   *aws.Operation
		body string
		want any
	}{
		"plain":      {s3.PutBucketLifecycleConfiguration.Operation, `<LifecycleConfiguration><Rule>` + fields + `</Rule></LifecycleConfiguration>`, expires},
		"namespace":  {s3.PutBucketLifecycleConfiguration.Operation, `<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule>` + fields + `</Rule></LifecycleConfiguration>`, expires},
		"docs' one":  {s3.PutBucketLifecycleConfiguration.Operation, `<LifecycleConfiguration xmlns="http://doc.s3.amazonaws.com/2006-03-01"><Rule>` + fields + `</Rule></LifecycleConfiguration>`, expires},
		"prefixed":   {s3.PutBucketLifecycleConfiguration.Operation, `<a:LifecycleConfiguration xmlns:a="http://s3.amazonaws.com/doc/2006-03-01/"><a:Rule>` + strings.NewReplacer("</", "</a:", "<", "<a:").Replace(fields) + `</a:Rule></a:LifecycleConfiguration>`, expires},
		"prolog":     {s3.PutBucketLifecycleConfiguration.Operation, "\ufeff" + `<?xml version="1.0" encoding="UTF-8"?>` + "\r\n<!-- by hand -->\n" + `<LifecycleConfiguration><Rule>` + fields + `</Rule></LifecycleConfiguration>` + "\n<!-- end -->\n", expires},
		"layout":     {s3.PutBucketLifecycleConfiguration.Operation, "<LifecycleConfiguration>\r\n\t<!-- a --><Rule>" + strings.ReplaceAll(fields, "><", ">\n <!-- b --><") + "<?x y?> </Rule>\n</LifecycleConfiguration>", expires},
		"order":      {s3.PutBucketLifecycleConfiguration.Operation, `<LifecycleConfiguration><Rule><Expiration><Days>1</Days></Expiration><Status>Enabled</Status><Prefix> p </Prefix><ID>r</ID></Rule></LifecycleConfiguration>`, expires},
		"shape":      {s3.PutBucketLifecycleConfiguration.Operation, `<BucketLifecycleConfiguration><Rule>` + fields + `</Rule></BucketLifecycleConfiguration>`, expires},
		"parts":      {s3.CompleteMultipartUpload.Operation, `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part><Part><PartNumber>2</PartNumber></Part></CompleteMultipartUpload>`, parts},
		"completed":  {s3.CompleteMultipartUpload.Operation, `<CompletedMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Part><PartNumber>1</PartNumber></Part><Part><PartNumber>2</PartNumber></Part></CompletedMultipartUpload>`, parts},
		"type":       {s3.PutBucketACL.Operation, `<AccessControlPolicy><Owner><ID>o</ID><DisplayName/></Owner><AccessControlList><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><URI>u</URI></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>`, grant},
		"attributes": {s3.PutBucketACL.Operation, `<AccessControlPolicy xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b"><Owner><ID>o</ID><DisplayName></DisplayName></Owner><AccessControlList><Grant><Grantee xsi:type="Group" lang="en"><URI>u</URI></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>`, grant},
		"role":       {s3.PutBucketNotificationConfiguration.Operation, `<NotificationConfiguration><CloudFunctionConfiguration><CloudFunction>f</CloudFunction><InvocationRole>arn</InvocationRole><Event>s3:ObjectCreated:*</Event></CloudFunctionConfiguration></NotificationConfiguration>`, called},
		"nothing":    {s3.PutBucketLifecycleConfiguration.Operation, "", &s3.PutBucketLifecycleConfigurationInput{}},
		"map": {s3control.CreateJob.Operation, userMetadata(`<entry><key>a</key><value>b</value></entry> <entry><value>d</value><key>c</key></entry>`), &s3control.CreateJobInput{
			Operation: s3control.JobOperation{S3PutObjectCopy: &s3control.S3CopyObjectOperation{NewObjectMetadata: &s3control.S3ObjectMetadata{UserMetadata: map[string]string{"a": "b", "c": "d"}}}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := document(c.op, c.body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
