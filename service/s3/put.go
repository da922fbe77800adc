package s3

import (
	"errors"
	"net/http"
	"net/url"
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
	asked, err := s.describe(call, o, describing{
		acl: in.ACL, grants: []*string{in.GrantFullControl, in.GrantRead, in.GrantReadACP, nil, in.GrantWriteACP}, class: in.StorageClass, tagging: in.Tagging,
		sse: in.ServerSideEncryption, kmsKey: in.SSEKMSKeyID, context: in.SSEKMSEncryptionContext, bucketKey: in.BucketKeyEnabled,
		customer: []*string{in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5},
		lockMode: in.ObjectLockMode, lockUntil: in.ObjectLockRetainUntilDate, hold: in.ObjectLockLegalHoldStatus,
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
	ring := s.Keys // unless the bucket has it otherwise, which the transaction below notices
	if asked.sse.algorithm != "" || asked.key.ring != nil {
		if ring, err = s.sealing(call, in.Bucket, in.ExpectedBucketOwner, o, &asked); err != nil {
			return nil, err
		}
	}
	got, err := s.receive(call, in.Body, ring, &d, want)
	if err != nil {
		return nil, err
	}
	if err := asked.checkDigest(call, &d); err != nil {
		s.discard(call, got.segment)
		return nil, err
	}
	if d.algorithm != "" {
		want = d.algorithm // the trailer may have said more
	}
	o.Sum = checksum{Algorithm: want, Type: api.ChecksumTypeFullObject, Value: got.sum(want)}
	o.Size, o.ETag = got.segment.Size, o.encryption.etag(call, got.md5)
	b, err := s.commit(call, in.Bucket, in.ExpectedBucketOwner, o, when, []segment{got.segment}, asked.settle(call, o, nil))
	for range attempts {
		if !errors.Is(err, errDefault) {
			break
		}
		next, e := s.sealing(call, in.Bucket, in.ExpectedBucketOwner, o, &asked)
		if err = e; err != nil {
			break
		}
		if err = got.segment.rewrap(ring, next); err != nil {
			break
		}
		ring, o.ETag = next, o.encryption.etag(call, got.md5)
		b, err = s.commit(call, in.Bucket, in.ExpectedBucketOwner, o, when, []segment{got.segment}, asked.settle(call, o, nil))
	}
	if err != nil {
		s.discard(call, got.segment)
		return nil, err
	}
	out := &api.PutObjectOutput{ETag: o.etag(), VersionID: o.writtenVersion(), ChecksumType: o.Sum.shownType(), Expiration: o.expiration(b), SSEKMSEncryptionContext: asked.sse.shownContext(&o.encryption)}
	o.encryption.shown(&out.ServerSideEncryption, &out.SSECustomerAlgorithm, &out.SSECustomerKeyMD5, &out.SSEKMSKeyID, &out.BucketKeyEnabled)
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
