package sigv4

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what version 2 is made of
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// version2Resources are the query parameters that belong to the resource in a string to sign: "Signing and authenticating
// REST requests (AWS signature version 2)" of the Amazon S3 User Guide, and what botocore adds to it.
var version2Resources = []string{
	"accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "encryption", "inventory", "lifecycle", "location",
	"logging", "metrics", "notification", "object-lock", "partNumber", "policy", "replication", "requestPayment", "response-cache-control",
	"response-content-disposition", "response-content-encoding", "response-content-language", "response-content-type",
	"response-expires", "restore", "retention", "storageClass", "tagging", "torrent", "uploadId", "uploads", "versionId",
	"versioning", "versions", "website", "legal-hold", "select", "select-type", "publicAccessBlock",
}

// verifyVersion2 checks a presigned URL of Signature Version 2, which botocore still makes for S3 unless told otherwise.
// Its signature names no region and covers no body.
func (v *Verifier) verifyVersion2(r *http.Request, want Want) (Result, error) {
	query := r.URL.Query()
	a := authorization{accessKeyID: query.Get("AWSAccessKeyId"), signature: query.Get("Signature"), token: query.Get("x-amz-security-token"), presigned: true}
	expires, err := strconv.ParseInt(query.Get("Expires"), 10, 64)
	if err != nil {
		return Result{}, refuse(MalformedQuery, "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters")
	}
	end := time.Unix(expires, 0).UTC()
	if now := v.wall(); now.After(end) {
		return Result{}, refuse(Expired, "Request has expired").with("Expires", end.Format(isoExtended)).with("ServerTime", now.Format(isoExtended))
	}
	key, err := v.find(r.Context(), &a)
	if err != nil {
		return Result{}, err
	}
	if !key.Trusted {
		if err := checkVersion2(&a, key.Secret, version2Text(r, query, want.Bucket)); err != nil {
			return Result{}, err
		}
	}
	return Result{
		AccessKeyID: a.accessKeyID, Algorithm: "AWS", Presigned: true, Expires: end, Payload: PayloadUnsigned, DecodedLength: r.ContentLength,
		Signature: a.signature, SessionToken: a.token, Trusted: key.Trusted, Principal: key.Principal,
	}, nil
}

// checkVersion2 compares a signature of version 2 with that of a text.
func checkVersion2(a *authorization, secret, text string) error {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(text))
	if subtle.ConstantTimeCompare([]byte(base64.StdEncoding.EncodeToString(mac.Sum(nil))), []byte(a.signature)) == 1 {
		return nil
	}
	e := refuse(SignatureMismatch, "The request signature we calculated does not match the signature you provided. Check your key and signing method.").
		with("AWSAccessKeyId", a.accessKeyID).with("SignatureProvided", a.signature).with("StringToSign", text)
	e.AccessKeyID = a.accessKeyID
	return e
}

// version2Text is the string to sign of a request.
func version2Text(r *http.Request, query url.Values, bucket string) string {
	amz := map[string]string{}
	for name, values := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-amz-") {
			amz[lower] = strings.TrimSpace(strings.Join(values, ","))
		}
	}
	field := func(name string) string {
		if s := query.Get(strings.ToLower(name)); s != "" {
			return s
		}
		return r.Header.Get(name)
	}
	for name, values := range query {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-amz-") {
			amz[lower] = strings.TrimSpace(strings.Join(values, ","))
		}
	}
	var b strings.Builder
	b.WriteString(r.Method + "\n" + field("Content-MD5") + "\n" + field("Content-Type") + "\n" + query.Get("Expires") + "\n")
	names := make([]string, 0, len(amz))
	for name := range amz {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b.WriteString(name + ":" + amz[name] + "\n")
	}
	if bucket != "" {
		b.WriteString("/" + bucket)
	}
	b.WriteString(wirePath(r))
	separator := "?"
	resources := slices.Sorted(slices.Values(version2Resources))
	for _, name := range resources {
		values, ok := query[name]
		if !ok {
			continue
		}
		b.WriteString(separator + name)
		if values[0] != "" {
			b.WriteString("=" + values[0])
		}
		separator = "&"
	}
	return b.String()
}

// verifyVersion2Policy checks an upload form that is signed with version 2, whose text is the encoded policy.
func (v *Verifier) verifyVersion2Policy(ctx context.Context, form map[string]string) (Result, *PostPolicy, error) {
	a := authorization{accessKeyID: form["awsaccesskeyid"], signature: form["signature"], token: form["x-amz-security-token"]}
	if a.accessKeyID == "" {
		return Result{}, nil, badField("AWSAccessKeyId", "", "Bucket POST must contain a field named 'AWSAccessKeyId'.  If it is specified, please check the order of the fields.")
	}
	key, err := v.find(ctx, &a)
	if err != nil {
		return Result{}, nil, err
	}
	if !key.Trusted {
		if err := checkVersion2(&a, key.Secret, form["policy"]); err != nil {
			return Result{}, nil, err
		}
	}
	policy, err := ParsePostPolicy(form["policy"])
	if err != nil {
		return Result{}, nil, err
	}
	if v.wall().After(policy.Expiration) {
		return Result{}, nil, refuse(PolicyDenied, "Invalid according to Policy: Policy expired.")
	}
	return Result{
		AccessKeyID: a.accessKeyID, Algorithm: "AWS", FormSigned: true, Expires: policy.Expiration, Payload: PayloadUnsigned, DecodedLength: -1,
		Signature: a.signature, SessionToken: a.token, Trusted: key.Trusted, Principal: key.Principal,
	}, policy, nil
}
