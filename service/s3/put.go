package s3

import (
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
)

// putObject stores a body as the latest version of a key.
func (s *Service) putObject(call *aws.Call, in *api.PutObjectInput) (*api.PutObjectOutput, error) {
	if in.WriteOffsetBytes != nil {
		return nil, notImplemented("appending to objects")
	}
	o := &object{Key: in.Key, headers: headers{
		ContentType: text(in.ContentType), CacheControl: text(in.CacheControl), ContentDisposition: text(in.ContentDisposition),
		ContentEncoding: text(in.ContentEncoding), ContentLanguage: text(in.ContentLanguage), Expires: text(in.Expires),
		Redirect: text(in.WebsiteRedirectLocation), Meta: in.Metadata,
	}}
	key, err := s.describe(o, describing{
		acl: in.ACL, grants: []*string{in.GrantFullControl, in.GrantRead, in.GrantReadACP, in.GrantWriteACP}, class: in.StorageClass, tagging: in.Tagging,
		sse: in.ServerSideEncryption, customer: []*string{in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5},
		lock: in.ObjectLockMode != nil || in.ObjectLockLegalHoldStatus != nil || in.ObjectLockRetainUntilDate != nil,
	})
	if err != nil {
		return nil, err
	}
	d, err := declared(in.ContentMD5, in.ChecksumAlgorithm, in.ChecksumCRC32, in.ChecksumCRC32C, in.ChecksumCRC64NVME, in.ChecksumSHA1,
		in.ChecksumSHA256, in.ChecksumSHA512, in.ChecksumMD5)
	if err != nil {
		return nil, err
	}
	if err := checkNewerSums(in.ChecksumXXHASH64, in.ChecksumXXHASH3, in.ChecksumXXHASH128); err != nil {
		return nil, err
	}
	if err := checkLength(call, in.ContentLength, maxBody); err != nil {
		return nil, err
	}
	when := writeCondition{match: in.IfMatch, noneMatch: in.IfNoneMatch}
	if err := when.check(); err != nil {
		return nil, err
	}
	if in.ContentLength == nil || *in.ContentLength > maxInline {
		// A large body is not read for nothing: a bucket that is not there and a condition that does not hold are noticed
		// before. The transaction below looks again.
		err = s.DB.View(call, func(tx *store.Tx) error {
			b, err := getBucket(tx, call, in.Bucket, in.ExpectedBucketOwner)
			if err != nil {
				return err
			}
			return when.holds(tx, b, in.Key)
		})
		if err != nil {
			return nil, err
		}
	}
	want := d.algorithm
	if want == "" {
		want = api.ChecksumAlgorithmCrc64nvme
	}
	got, err := s.receive(call, in.Body, s.ringFor(key), &d, want)
	if err != nil {
		return nil, err
	}
	if d.algorithm != "" {
		want = d.algorithm // the trailer may have said more
	}
	o.Sum = checksum{Algorithm: want, Type: api.ChecksumTypeFullObject, Value: got.sum(want)}
	o.Size, o.ETag = got.segment.Size, hex.EncodeToString(got.md5[:])
	b, err := s.commit(call, in.Bucket, in.ExpectedBucketOwner, o, when, []segment{got.segment}, nil)
	if err != nil {
		s.discard(call, got.segment)
		return nil, err
	}
	out := &api.PutObjectOutput{ETag: o.etag(), VersionID: o.writtenVersion(), ChecksumType: o.Sum.shownType(), Expiration: o.expiration(b)}
	o.encryption.shown(&out.ServerSideEncryption, &out.SSECustomerAlgorithm, &out.SSECustomerKeyMD5)
	o.Sum.show(&out.ChecksumCRC32, &out.ChecksumCRC32C, &out.ChecksumCRC64NVME, &out.ChecksumSHA1, &out.ChecksumSHA256, &out.ChecksumSHA512, &out.ChecksumMD5)
	return out, nil
}

// commit makes o, with its content, the latest version. also runs in the same transaction.
func (s *Service) commit(call *aws.Call, name string, owner *string, o *object, when writeCondition, segments []segment, also func(*store.Tx, *bucket) error) (b *bucket, err error) {
	now := call.Now()
	random, err := s.random16()
	if err != nil {
		return nil, err
	}
	content := call.NewHex(32)
	err = s.DB.Update(call, func(tx *store.Tx) (err error) {
		if b, err = getBucket(tx, call, name, owner); err != nil {
			return err
		}
		if err := when.holds(tx, b, o.Key); err != nil {
			return err
		}
		if also != nil {
			if err := also(tx, b); err != nil {
				return err
			}
		}
		if segments != nil {
			if err := o.fill(tx, content, segments); err != nil {
				return err
			}
		}
		return s.create(tx, call, b, o, now, random)
	})
	return b, err
}

// describing is what requests that make objects say beside headers and body.
type describing struct {
	acl      *api.ObjectCannedACL
	grants   []*string
	class    *api.StorageClass
	tagging  *string
	sse      *api.ServerSideEncryption
	customer []*string
	lock     bool
}

// describe checks what a request says of the object it makes, and sets it.
func (s *Service) describe(o *object, d describing) (key customerKey, err error) {
	if err := checkKey(o.Key); err != nil {
		return key, err
	}
	if err := checkMetadata(o.Meta); err != nil {
		return key, err
	}
	if err := relocation(o.Redirect); err != nil {
		return key, err
	}
	if err := checkObjectACL(d.acl, d.grants...); err != nil {
		return key, err
	}
	if d.lock {
		return key, invalidRequest("Bucket is missing Object Lock Configuration")
	}
	if key, err = customer(d.customer[0], d.customer[1], d.customer[2]); err != nil {
		return key, err
	}
	if err := checkEncryption(d.sse, key); err != nil {
		return key, err
	}
	o.CustomerMD5 = key.md5
	if o.ContentType == "" {
		o.ContentType = "binary/octet-stream"
	}
	if o.Class, err = checkClass(d.class); err != nil {
		return key, err
	}
	o.Tags, err = parseTagging(d.tagging)
	return key, err
}

// classes are the storage classes whose objects can be read at once, as all can be here.
var classes = []api.StorageClass{
	api.StorageClassReducedRedundancy, api.StorageClassStandardIa, api.StorageClassOnezoneIa, api.StorageClassIntelligentTiering, api.StorageClassGlacierIr,
}

func checkClass(class *api.StorageClass) (string, error) {
	switch {
	case class == nil, *class == "", *class == api.StorageClassStandard:
		return "", nil
	case slices.Contains(classes, *class):
		return string(*class), nil
	case *class == api.StorageClassGlacier, *class == api.StorageClassDeepArchive:
		return "", notImplemented("the storage class %s", *class)
	}
	return "", aws.NewError(http.StatusBadRequest, "InvalidStorageClass", "The storage class you specified is not valid").With("StorageClassRequested", string(*class))
}

func checkNewerSums(values ...*string) error {
	for _, v := range values {
		if v != nil {
			return notImplemented("xxHash checksums")
		}
	}
	return nil
}

// checkLength wants the length of a body that came over HTTP. Upload forms, whose files have none, say nothing of their
// payload either.
func checkLength(call *aws.Call, length *int64, limit int64) error {
	switch {
	case length == nil && call.Request.Host != "" && call.Request.PayloadHash != "":
		return aws.NewError(http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header.")
	case length != nil && *length > limit:
		return entityTooLarge(*length, limit)
	}
	return nil
}

// parseTagging reads the tags of an x-amz-tagging header, which has the form of a query.
func parseTagging(tagging *string) ([]api.Tag, error) {
	if text(tagging) == "" {
		return nil, nil
	}
	var tags []api.Tag
	for pair := range strings.SplitSeq(*tagging, "&") {
		k, v, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(k)
		if err != nil {
			return nil, invalidArgument("x-amz-tagging", *tagging, "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
		}
		value, err := url.QueryUnescape(v)
		if err != nil {
			return nil, invalidArgument("x-amz-tagging", *tagging, "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
		}
		tags = append(tags, api.Tag{Key: key, Value: value})
	}
	return checkTags(tags, maxObjectTags)
}

// writeCondition is what a request to write wants to find.
type writeCondition struct{ match, noneMatch *string }

// check refuses conditions that S3 does not have.
func (c writeCondition) check() error {
	if c.noneMatch != nil && *c.noneMatch != "*" {
		return aws.NewError(http.StatusNotImplemented, "NotImplemented", "A header you provided implies functionality that is not implemented").
			With("Header", "If-None-Match").With("additionalMessage", "We don't accept the provided value of If-None-Match header for this API")
	}
	return nil
}

// holds looks at the latest version.
func (c writeCondition) holds(tx *store.Tx, b *bucket, key string) error {
	if c.match == nil && c.noneMatch == nil {
		return nil
	}
	o, err := latest(tx, b, key)
	if err != nil {
		return err
	}
	there := o != nil && !o.Marker
	switch {
	case c.noneMatch != nil && there:
		return preconditionFailed("If-None-Match")
	case c.match != nil && !there:
		return noSuchKey(key)
	case c.match != nil && !matchesETag(*c.match, o.ETag):
		return preconditionFailed("If-Match")
	}
	return nil
}

// matchesETag tells whether a header's list of ETags names one.
func matchesETag(list, etag string) bool {
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimPrefix(strings.TrimSpace(item), "W/")
		if item == "*" || strings.Trim(item, `"`) == etag {
			return true
		}
	}
	return false
}
