package s3

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/blob"
	"drydock/blob/seal"
	"drydock/store"
)

// copyCondition is what a copy wants of its source.
type copyCondition struct {
	match, noneMatch               *string
	modifiedSince, unmodifiedSince *time.Time
}

// copySource reads x-amz-copy-source and asks whether the caller may read it.
func (s *Service) copySource(call *aws.Call, source string, owner *string, when copyCondition, sse ...*string) (*reading, error) {
	path, query, _ := strings.Cut(source, "?")
	r := &reading{owner: owner, match: when.match, noneMatch: when.noneMatch, modifiedSince: when.modifiedSince, unmodifiedSince: when.unmodifiedSince}
	if id, ok := strings.CutPrefix(query, "versionId="); ok {
		r.version = &id
	}
	path, err := url.PathUnescape(path)
	if err != nil {
		return nil, invalidArgument("x-amz-copy-source", source, "Invalid copy source encoding")
	}
	if strings.HasPrefix(path, "arn:") {
		return nil, notImplemented("copies from access points")
	}
	var ok bool
	if r.bucket, r.key, ok = strings.Cut(strings.TrimPrefix(path, "/"), "/"); !ok || r.key == "" {
		return nil, invalidArgument("x-amz-copy-source", source, "Invalid copy source object key")
	}
	if r.customer, err = customer(sse[0], sse[1], sse[2]); err != nil {
		return nil, err
	}
	check := aws.Check{Action: "s3:GetObject", Resource: "arn:" + call.Partition + ":s3:::" + r.bucket + "/" + r.key}
	if r.version != nil {
		check.Action, check.Keys = "s3:GetObjectVersion", map[string][]string{"s3:VersionId": {*r.version}}
	}
	return r, call.Cloud.Authorize(call, check)
}

// copyError words a condition on the source that does not hold: copies have no 304.
func copyError(err error) error {
	switch {
	case aws.IsError(err, "NotModified"):
		return preconditionFailed("x-amz-copy-source-If-None-Match")
	case aws.IsError(err, "InvalidObjectState"):
		return api.NewInvalidObjectState("Operation is not valid for the source object's storage class")
	case aws.IsError(err, "MethodNotAllowed") && !errors.Is(err, errLost):
		return invalidRequest("The source of a copy request may not specifically refer to a delete marker by version id.")
	}
	return err
}

// inRegionOf lets a copy read from any region, wherever the request was signed for.
func inRegionOf(call *aws.Call) *aws.Call {
	next := *call
	next.Request.Host = ""
	return &next
}

// copyObject makes an object of another one. Where both are sealed under the same key the bytes are shared.
func (s *Service) copyObject(call *aws.Call, in *api.CopyObjectInput) (*api.CopyObjectOutput, error) {
	from, err := s.copySource(call, in.CopySource, in.ExpectedSourceBucketOwner, copyCondition{
		in.CopySourceIfMatch, in.CopySourceIfNoneMatch, in.CopySourceIfModifiedSince, in.CopySourceIfUnmodifiedSince,
	}, in.CopySourceSSECustomerAlgorithm, in.CopySourceSSECustomerKey, in.CopySourceSSECustomerKeyMD5)
	if err != nil {
		return nil, err
	}
	o := &object{Key: in.Key, headers: headers{
		ContentType: text(in.ContentType), CacheControl: text(in.CacheControl), ContentDisposition: text(in.ContentDisposition),
		ContentEncoding: text(in.ContentEncoding), ContentLanguage: text(in.ContentLanguage), Expires: text(in.Expires),
		Redirect: text(in.WebsiteRedirectLocation), Meta: in.Metadata,
	}}
	replaceMeta, err := directive("x-amz-metadata-directive", text(in.MetadataDirective))
	if err != nil {
		return nil, err
	}
	replaceTags, err := directive("x-amz-tagging-directive", text(in.TaggingDirective))
	if err != nil {
		return nil, err
	}
	said, err := s.describe(call, o, describing{
		acl: in.ACL, grants: []*string{in.GrantFullControl, in.GrantRead, in.GrantReadACP, nil, in.GrantWriteACP}, class: in.StorageClass, tagging: in.Tagging,
		sse: in.ServerSideEncryption, kmsKey: in.SSEKMSKeyID, context: in.SSEKMSEncryptionContext, bucketKey: in.BucketKeyEnabled,
		customer: []*string{in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5},
		lockMode: in.ObjectLockMode, lockUntil: in.ObjectLockRetainUntilDate, hold: in.ObjectLockLegalHoldStatus,
	})
	if err != nil {
		return nil, err
	}
	when := writeCondition{match: in.IfMatch, noneMatch: in.IfNoneMatch}
	if err := when.check(); err != nil {
		return nil, err
	}
	algorithm, err := checkAlgorithm(in.ChecksumAlgorithm)
	if err != nil {
		return nil, err
	}
	onItself := from.bucket == in.Bucket && from.key == in.Key && from.version == nil
	if onItself && !replaceMeta && in.StorageClass == nil && in.ServerSideEncryption == nil && in.BucketKeyEnabled == nil && in.WebsiteRedirectLocation == nil && said.key.ring == nil && algorithm == "" {
		return nil, invalidRequest("This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.")
	}
	for range attempts {
		out, err := s.copyOnce(call, in, o, from, when, &said, algorithm, replaceMeta, replaceTags)
		if !errors.Is(err, errMoved) && !errors.Is(err, errDefault) && !errors.Is(err, blob.ErrNotFound) {
			return out, err
		}
	}
	return nil, aws.NewError(http.StatusConflict, "OperationAborted", "A conflicting conditional operation is currently in progress against this resource. Please try again.")
}

// errMoved tells that a copy's source was replaced meanwhile.
var errMoved = errors.New("source changed")

func (s *Service) copyOnce(call *aws.Call, in *api.CopyObjectInput, asked *object, from *reading, when writeCondition, said *asked, algorithm api.ChecksumAlgorithm, replaceMeta, replaceTags bool) (*api.CopyObjectOutput, error) {
	f, err := s.read(inRegionOf(call), from, true)
	if err != nil {
		return nil, copyError(err)
	}
	source := f.object
	if err := source.readable(""); err != nil {
		return nil, copyError(err)
	}
	if source.Size > maxBody {
		return nil, invalidRequest("The specified copy source is larger than the maximum allowable size for a copy source: %d", int64(maxBody))
	}
	o := *asked
	if !replaceMeta {
		o.headers = source.headers
		o.Redirect = asked.Redirect // is never copied
	}
	if !replaceTags {
		if o.Tags = source.Tags; len(o.Tags) > 0 {
			check := aws.Check{Action: "s3:GetObjectTagging", Resource: "arn:" + call.Partition + ":s3:::" + from.bucket + "/" + from.key}
			if err := call.Cloud.Authorize(call, check); err != nil {
				return nil, err
			}
		}
	}
	o.Size, o.ETag, o.Sum = source.Size, source.ETag, source.Sum
	var segments []segment
	also := func(tx *store.Tx, _ *bucket) error {
		o.ContentID, o.Inline = source.ContentID, source.Inline
		err := share(tx, o.ContentID)
		if errors.Is(err, store.ErrNotFound) {
			return errMoved
		}
		return err
	}
	ring, err := s.sealing(call, in.Bucket, in.ExpectedBucketOwner, &o, said)
	if err != nil {
		return nil, err
	}
	shared := source.CustomerMD5 == "" && source.SSE == "" && ring == s.Keys && source.Parts == 0 && (algorithm == "" || algorithm == source.Sum.Algorithm)
	if !shared {
		if segments, err = s.copyBytes(call, f, from, ring, algorithm, &o); err != nil {
			return nil, err
		}
		also = nil
	}
	b, err := s.commit(call, in.Bucket, in.ExpectedBucketOwner, &o, when, segments, said.settle(call, &o, also))
	if err != nil {
		s.discard(call, segments...)
		return nil, err
	}
	result := &api.CopyObjectResult{ETag: o.etag(), LastModified: &o.Modified, ChecksumType: o.Sum.shownType()}
	o.Sum.show(&result.ChecksumCRC32, &result.ChecksumCRC32C, &result.ChecksumCRC64NVME, &result.ChecksumSHA1, &result.ChecksumSHA256, &result.ChecksumSHA512, &result.ChecksumMD5)
	out := &api.CopyObjectOutput{CopyObjectResult: result, VersionID: o.writtenVersion(), CopySourceVersionID: source.shownVersion(f.bucket), Expiration: o.expiration(b), SSEKMSEncryptionContext: said.sse.shownContext(&o.encryption)}
	o.encryption.shown(&out.ServerSideEncryption, &out.SSECustomerAlgorithm, &out.SSECustomerKeyMD5, &out.SSEKMSKeyID, &out.BucketKeyEnabled)
	return out, nil
}

// copyBytes seals the source's bytes anew, as one segment: also where the source has parts, since a copy has none.
func (s *Service) copyBytes(call *aws.Call, f *found, from *reading, ring *seal.RootKey, algorithm api.ChecksumAlgorithm, o *object) (_ []segment, err error) {
	want := algorithm
	if want == "" {
		if want = f.object.Sum.Algorithm; want == "" {
			want = api.ChecksumAlgorithmCrc64nvme
		}
	}
	exact := *from
	exact.version = new(f.object.versionID())
	g, source, err := s.openObject(inRegionOf(call), &exact)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	if g.object.Seq != f.object.Seq {
		return nil, errMoved
	}
	got, err := s.receive(call, source, ring, &declaration{}, want)
	if err != nil {
		return nil, err
	}
	o.ETag, o.Sum = o.encryption.etag(call, got.md5), checksum{Algorithm: want, Type: api.ChecksumTypeFullObject, Value: got.sum(want)}
	return []segment{got.segment}, nil
}

// directive reads COPY or REPLACE.
func directive(name, value string) (replace bool, err error) {
	switch value {
	case "", "COPY":
		return false, nil
	case "REPLACE":
		return true, nil
	}
	return false, invalidArgument(name, value, "Unknown directive.")
}
