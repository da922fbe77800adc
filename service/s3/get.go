package s3

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/blob"
	"drydock/blob/seal"
	"drydock/store"
)

// reading is what requests to read an object have in common.
type reading struct {
	bucket, key                            string
	version, owner, match, noneMatch, span *string
	modifiedSince, unmodifiedSince         *time.Time
	part                                   *int32
	customer                               customerKey
}

// found is what reading comes to: an object and the bytes of it that are wanted.
type found struct {
	bucket   *bucket
	object   *object
	segments []segment
	off, n   int64
	partial  bool
	part     int32 // of a request for one part
}

// read finds an object and checks what the request asks of it. With bytes, the segments are there.
func (s *Service) read(call *aws.Call, r *reading, bytes bool) (f *found, err error) {
	err = s.DB.View(call, func(tx *store.Tx) error {
		f = &found{}
		if f.bucket, err = getBucket(tx, call, r.bucket, r.owner); err != nil {
			return err
		}
		if f.object, err = s.find(tx, f.bucket, r.key, r.version); err != nil {
			return err
		}
		if f.object, err = f.object.settle(tx); err != nil {
			return err
		}
		if bytes || r.part != nil {
			f.segments, err = f.object.segments(tx)
		}
		return err
	})
	if err != nil {
		if f != nil && f.bucket != nil {
			err = s.hidden(call, f.bucket, err)
		}
		return nil, err
	}
	if err := f.object.encryption.check(r.customer); err != nil {
		return nil, err
	}
	if err := f.object.lost(); err != nil {
		return nil, err
	}
	if err := readCondition(r, f.object); err != nil {
		return nil, err
	}
	f.n = f.object.Size
	switch {
	case r.part != nil && r.span != nil:
		return nil, invalidRequest("Cannot specify both Range header and partNumber query parameter")
	case r.part != nil:
		return f, f.selectPart(*r.part)
	case r.span != nil:
		f.off, f.n, f.partial, err = parseRange(*r.span, f.object.Size)
	}
	return f, err
}

// readCondition is RFC 9110's order of preconditions, as GetObject's reference tells it.
func readCondition(r *reading, o *object) error {
	modified := o.Modified
	notModified := func() error {
		return aws.NewError(http.StatusNotModified, "NotModified", "Not Modified").
			With("ETag", aws.Header(*o.etag())).With("Last-Modified", aws.Header(httpDate(modified)))
	}
	switch {
	case r.match != nil && !matchesETag(*r.match, o.ETag):
		return preconditionFailed("If-Match")
	case r.match == nil && r.unmodifiedSince != nil && modified.After(*r.unmodifiedSince):
		return preconditionFailed("If-Unmodified-Since")
	case r.noneMatch != nil && matchesETag(*r.noneMatch, o.ETag):
		return notModified()
	case r.noneMatch == nil && r.modifiedSince != nil && !modified.After(*r.modifiedSince):
		return notModified()
	}
	return nil
}

// parseRange reads a Range header of one range. Any other is as if it were not there.
func parseRange(span string, size int64) (off, n int64, partial bool, err error) {
	list, ok := strings.CutPrefix(span, "bytes=")
	if !ok || strings.Contains(list, ",") {
		return 0, size, false, nil
	}
	a, b, ok := strings.Cut(strings.TrimSpace(list), "-")
	if !ok {
		return 0, size, false, nil
	}
	from, errFrom := strconv.ParseInt(a, 10, 64)
	to, errTo := strconv.ParseInt(b, 10, 64)
	switch {
	case a == "" && errTo == nil: // the last bytes
		n = min(to, size)
		off = size - n
	case a == "" || errFrom != nil || b != "" && (errTo != nil || to < from):
		return 0, size, false, nil //nolint:nilerr // a range that is none is ignored
	case b == "":
		off, n = from, size-from
	default:
		off, n = from, min(to, size-1)+1-from
	}
	if n <= 0 || off >= size {
		return 0, 0, false, aws.NewError(http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable").
			With("RangeRequested", span).With("ActualObjectSize", size).With("Content-Range", aws.Header("bytes */"+strconv.FormatInt(size, 10)))
	}
	return off, n, true, nil
}

// selectPart narrows down to one part, counted from 1.
func (f *found) selectPart(number int32) error {
	if number < 1 || number > maxParts {
		return invalidArgument("partNumber", strconv.Itoa(int(number)), "Part number must be an integer between 1 and 10000, inclusive")
	}
	count := max(1, f.object.Parts)
	if number > count {
		return aws.NewError(http.StatusRequestedRangeNotSatisfiable, "InvalidPartNumber", "The requested partnumber is not satisfiable").
			With("ActualPartCount", count).With("PartNumberRequested", number)
	}
	f.part = number
	if f.object.Parts > 0 {
		for _, g := range f.segments[:number-1] {
			f.off += g.Size
		}
		f.n = f.segments[number-1].Size
	}
	f.partial = f.n > 0
	return nil
}

// contentRange is the header of partial content.
func (f *found) contentRange() *string {
	if !f.partial {
		return nil
	}
	return new("bytes " + strconv.FormatInt(f.off, 10) + "-" + strconv.FormatInt(f.off+f.n-1, 10) + "/" + strconv.FormatInt(f.object.Size, 10))
}

// sum is the checksum to show: of the object, or of the one part; none of a range.
func (f *found) sum(mode *api.ChecksumMode) checksum {
	switch {
	case text(mode) != string(api.ChecksumModeEnabled):
		return checksum{}
	case f.part > 0 && f.object.Parts > 0:
		return checksum{Algorithm: f.object.Sum.Algorithm, Type: f.object.Sum.Type, Value: f.segments[f.part-1].Sum}
	case f.partial && f.part == 0:
		return checksum{}
	}
	return f.object.Sum
}

func (f *found) status() *int32 {
	if !f.partial {
		return nil
	}
	return new(int32(http.StatusPartialContent))
}

func (f *found) partsCount() *int32 {
	if f.part == 0 || f.object.Parts == 0 {
		return nil
	}
	return &f.object.Parts
}

func (o *object) tagCount() *int32 {
	if len(o.Tags) == 0 {
		return nil
	}
	return new(int32(len(o.Tags)))
}

// override returns what a response-* parameter says instead of an object's header. Only signed requests may say it.
func override(given *string, own string) *string {
	if given != nil {
		return given
	}
	return optional(own)
}

// attempts is how often a read looks again for an object whose bytes went before they could be opened.
const attempts = 5

// getObject answers with an object's bytes.
func (s *Service) getObject(call *aws.Call, in *api.GetObjectInput) (*api.GetObjectOutput, error) {
	r := &reading{
		bucket: in.Bucket, key: in.Key, version: in.VersionID, owner: in.ExpectedBucketOwner, match: in.IfMatch, noneMatch: in.IfNoneMatch,
		span: in.Range, modifiedSince: in.IfModifiedSince, unmodifiedSince: in.IfUnmodifiedSince, part: in.PartNumber,
	}
	var err error
	if r.customer, err = customer(in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5); err != nil {
		return nil, err
	}
	if call.Principal.Type == aws.PrincipalAnonymous && (in.ResponseCacheControl != nil || in.ResponseContentDisposition != nil || in.ResponseContentEncoding != nil ||
		in.ResponseContentLanguage != nil || in.ResponseContentType != nil || in.ResponseExpires != nil) {
		return nil, invalidRequest("Request specific response headers cannot be used for anonymous GET requests.")
	}
	f, body, err := s.openObject(call, r)
	if err != nil {
		return nil, err
	}
	o := f.object
	out := &api.GetObjectOutput{
		Body: body, ContentLength: &f.n, AcceptRanges: new("bytes"), LastModified: &o.Modified, ETag: o.etag(), VersionID: o.shownVersion(f.bucket),
		CacheControl: override(in.ResponseCacheControl, o.CacheControl), ContentDisposition: override(in.ResponseContentDisposition, o.ContentDisposition),
		ContentEncoding: override(in.ResponseContentEncoding, o.ContentEncoding), ContentLanguage: override(in.ResponseContentLanguage, o.ContentLanguage),
		ContentType: override(in.ResponseContentType, o.ContentType), Expires: optional(o.Expires), ContentRange: f.contentRange(),
		WebsiteRedirectLocation: optional(o.Redirect), Metadata: o.shownMeta(), StorageClass: o.class(), TagCount: o.tagCount(), PartsCount: f.partsCount(),
		Expiration: o.expiration(f.bucket), ResponseStatus: f.status(), ReplicationStatus: optional(o.Replication), Restore: o.restore(),
	}
	s.shownLock(call, f.bucket, o, &out.ObjectLockMode, &out.ObjectLockRetainUntilDate, &out.ObjectLockLegalHoldStatus)
	if in.ResponseExpires != nil {
		out.Expires = new(httpDate(*in.ResponseExpires))
	}
	o.encryption.shown(&out.ServerSideEncryption, &out.SSECustomerAlgorithm, &out.SSECustomerKeyMD5, &out.SSEKMSKeyID, &out.BucketKeyEnabled)
	if sum := f.sum(in.ChecksumMode); sum.Value != "" {
		sum.show(&out.ChecksumCRC32, &out.ChecksumCRC32C, &out.ChecksumCRC64NVME, &out.ChecksumSHA1, &out.ChecksumSHA256, &out.ChecksumSHA512, &out.ChecksumMD5)
		out.ChecksumType = sum.shownType()
	}
	return out, nil
}

// openObject finds an object and opens the bytes that are wanted of it.
func (s *Service) openObject(call *aws.Call, r *reading) (f *found, body io.ReadCloser, err error) {
	f, err = s.opening(call, r, func(f *found, ring *seal.RootKey) (io.Closer, error) {
		body, err = s.open(call, f.segments, ring, f.off, f.n)
		return body, err
	})
	return f, body, err
}

// opening finds an object and calls open, again when the object's bytes went before that. What open returns is told by
// onClose, if it has that, what to call when it needs the bytes no longer.
func (s *Service) opening(call *aws.Call, r *reading, open func(*found, *seal.RootKey) (io.Closer, error)) (f *found, err error) {
	for range attempts {
		if f, err = s.read(call, r, true); err != nil {
			return nil, err
		}
		if err := f.object.readable("The operation is not valid for the object's storage class"); err != nil {
			return nil, err
		}
		if err := s.touch(call, f.bucket, f.object); err != nil {
			return nil, err
		}
		ring, err := s.ring(call, f.bucket, &f.object.encryption, r.customer)
		if err != nil {
			return nil, err
		}
		held, err := s.hold(call, f)
		if err == nil {
			var body io.Closer
			if body, err = open(f, ring); err == nil {
				if b, ok := body.(interface{ onClose(func()) }); ok {
					b.onClose(held)
				} else {
					held()
				}
				return f, nil
			}
			held()
		}
		if !errors.Is(err, blob.ErrNotFound) && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("content of %s/%s went away again and again", r.bucket, r.key)
}

// hold keeps the blobs of a content with several segments from being deleted until the function is called. The content
// has to be there after it was marked: whoever deletes it looks at the mark.
func (s *Service) hold(call *aws.Call, f *found) (func(), error) {
	id := f.object.ContentID
	if len(f.segments) < 2 {
		return func() {}, nil
	}
	s.readers.begin(id)
	err := s.DB.View(call, func(tx *store.Tx) error {
		there, err := contents.Has(tx, store.K(id))
		if err == nil && !there {
			err = store.ErrNotFound
		}
		return err
	})
	if err != nil {
		s.readers.end(id)
		return nil, err
	}
	return func() { s.readers.end(id) }, nil
}

// headObject answers with what is known of an object.
func (s *Service) headObject(call *aws.Call, in *api.HeadObjectInput) (*api.HeadObjectOutput, error) {
	r := &reading{
		bucket: in.Bucket, key: in.Key, version: in.VersionID, owner: in.ExpectedBucketOwner, match: in.IfMatch, noneMatch: in.IfNoneMatch,
		span: in.Range, modifiedSince: in.IfModifiedSince, unmodifiedSince: in.IfUnmodifiedSince, part: in.PartNumber,
	}
	var err error
	if r.customer, err = customer(in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5); err != nil {
		return nil, err
	}
	f, err := s.read(call, r, false)
	if err != nil {
		return nil, err
	}
	o := f.object
	if text(in.ChecksumMode) != "" && o.SSE != "" { // the checksum tells of the content
		if _, err := s.ring(call, f.bucket, &o.encryption, r.customer); err != nil {
			return nil, err
		}
	}
	archive, err := s.archiveStatus(call, f.bucket, o)
	if err != nil {
		return nil, err
	}
	out := &api.HeadObjectOutput{
		ContentLength: &f.n, AcceptRanges: new("bytes"), LastModified: &o.Modified, ETag: o.etag(), VersionID: o.shownVersion(f.bucket),
		CacheControl: override(in.ResponseCacheControl, o.CacheControl), ContentDisposition: override(in.ResponseContentDisposition, o.ContentDisposition),
		ContentEncoding: override(in.ResponseContentEncoding, o.ContentEncoding), ContentLanguage: override(in.ResponseContentLanguage, o.ContentLanguage),
		ContentType: override(in.ResponseContentType, o.ContentType), Expires: optional(o.Expires), ContentRange: f.contentRange(),
		WebsiteRedirectLocation: optional(o.Redirect), Metadata: o.shownMeta(), StorageClass: o.class(), TagCount: o.tagCount(), PartsCount: f.partsCount(),
		Expiration: o.expiration(f.bucket), ResponseStatus: f.status(), ReplicationStatus: optional(o.Replication), ArchiveStatus: archive, Restore: o.restore(),
	}
	s.shownLock(call, f.bucket, o, &out.ObjectLockMode, &out.ObjectLockRetainUntilDate, &out.ObjectLockLegalHoldStatus)
	if in.ResponseExpires != nil {
		out.Expires = new(httpDate(*in.ResponseExpires))
	}
	o.encryption.shown(&out.ServerSideEncryption, &out.SSECustomerAlgorithm, &out.SSECustomerKeyMD5, &out.SSEKMSKeyID, &out.BucketKeyEnabled)
	if sum := f.sum(in.ChecksumMode); sum.Value != "" {
		sum.show(&out.ChecksumCRC32, &out.ChecksumCRC32C, &out.ChecksumCRC64NVME, &out.ChecksumSHA1, &out.ChecksumSHA256, &out.ChecksumSHA512, &out.ChecksumMD5)
		out.ChecksumType = sum.shownType()
	}
	return out, nil
}
