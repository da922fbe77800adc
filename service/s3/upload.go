package s3

import (
	"crypto/md5" //nolint:gosec // what S3's ETags are
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
)

// upload is a multipart upload under way: the object that will be, and the checksums it is to have.
type upload struct {
	BucketID, Key, ID string
	Initiated         time.Time
	Account           string
	Initiator         string // an ARN
	Object            object
	// Algorithm and Type are what the caller asked for; empty leaves it to the service.
	Algorithm api.ChecksumAlgorithm `cbor:",omitempty"`
	Type      api.ChecksumType      `cbor:",omitempty"`
	Due       time.Time             `cbor:",omitzero"`
	Rule      string                `cbor:",omitempty"`
}

// part is an uploaded part.
type part struct {
	UploadID string
	Number   int32
	ETag     string
	Modified time.Time
	Segment  segment
}

var (
	uploads = store.NewTable("s3/upload", func(u *upload) store.Key { return store.K(u.BucketID, u.Key, u.ID) })
	parts   = store.NewTable("s3/part", func(p *part) store.Key { return store.K(p.UploadID, p.Number) })
)

// algorithm is the checksum kept for each part.
func (u *upload) algorithm() api.ChecksumAlgorithm {
	if u.Algorithm == "" {
		return api.ChecksumAlgorithmCrc64nvme
	}
	return u.Algorithm
}

func (u *upload) checksumType() api.ChecksumType {
	if u.Type == "" {
		return api.ChecksumTypeFullObject
	}
	return u.Type
}

func getUpload(tx *store.Tx, b *bucket, key, id string) (*upload, error) {
	u, err := uploads.Get(tx, store.K(b.ID, key, id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, noSuchUpload(id)
	}
	return u, err
}

// createMultipartUpload begins an upload.
func (s *Service) createMultipartUpload(call *aws.Call, in *api.CreateMultipartUploadInput) (*api.CreateMultipartUploadOutput, error) {
	u := &upload{Key: in.Key, Initiated: call.Now().Truncate(time.Second), Account: call.Account, Initiator: call.Principal.ARN}
	u.Object = object{Key: in.Key, headers: headers{
		ContentType: text(in.ContentType), CacheControl: text(in.CacheControl), ContentDisposition: text(in.ContentDisposition),
		ContentEncoding: text(in.ContentEncoding), ContentLanguage: text(in.ContentLanguage), Expires: text(in.Expires),
		Redirect: text(in.WebsiteRedirectLocation), Meta: in.Metadata,
	}}
	said, err := s.describe(call, &u.Object, describing{
		acl: in.ACL, grants: []*string{in.GrantFullControl, in.GrantRead, in.GrantReadACP, nil, in.GrantWriteACP}, class: in.StorageClass, tagging: in.Tagging,
		sse: in.ServerSideEncryption, kmsKey: in.SSEKMSKeyID, context: in.SSEKMSEncryptionContext, bucketKey: in.BucketKeyEnabled,
		customer: []*string{in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5},
		lockMode: in.ObjectLockMode, lockUntil: in.ObjectLockRetainUntilDate, hold: in.ObjectLockLegalHoldStatus,
	})
	if err != nil {
		return nil, err
	}
	if u.Algorithm, u.Type, err = uploadChecksum(in); err != nil {
		return nil, err
	}
	if _, err := s.sealing(call, in.Bucket, in.ExpectedBucketOwner, &u.Object, &said); err != nil {
		return nil, err
	}
	random, err := s.random16()
	if err != nil {
		return nil, err
	}
	u.Object.retention = retention{said.lock.mode, said.lock.until, said.lock.hold} // the default counts from the end on
	u.ID = newID(call.Now().UnixNano(), random)
	err = s.DB.Update(call, func(tx *store.Tx) error {
		b, err := getBucket(tx, call, in.Bucket, in.ExpectedBucketOwner)
		if err != nil {
			return err
		}
		u.BucketID = b.ID
		if said.key.ring != nil && b.Encryption.BlocksCustomer {
			return accessDenied()
		}
		if u.Object.ownership, err = said.acl.settle(call, tx, b, u.Key); err != nil {
			return err
		}
		if !b.Lock.Enabled && !said.lock.empty() {
			return missingLock()
		}
		if err := s.planUpload(tx, b, u); err != nil {
			return err
		}
		return uploads.Put(tx, u)
	})
	if err != nil {
		return nil, err
	}
	out := &api.CreateMultipartUploadOutput{Bucket: &in.Bucket, Key: &in.Key, UploadID: &u.ID, ChecksumAlgorithm: optional(u.Algorithm), ChecksumType: optional(u.Type)}
	out.SSEKMSEncryptionContext = said.sse.shownContext(&u.Object.encryption)
	u.Object.encryption.shown(&out.ServerSideEncryption, &out.SSECustomerAlgorithm, &out.SSECustomerKeyMD5, &out.SSEKMSKeyID, &out.BucketKeyEnabled)
	if !u.Due.IsZero() {
		out.AbortDate, out.AbortRuleID = &u.Due, &u.Rule
	}
	return out, nil
}

// uploadChecksum follows the table of types in "Checking object integrity" of the User Guide.
func uploadChecksum(in *api.CreateMultipartUploadInput) (api.ChecksumAlgorithm, api.ChecksumType, error) {
	a, err := checkAlgorithm(in.ChecksumAlgorithm)
	if err != nil {
		return "", "", err
	}
	typ := api.ChecksumType(strings.ToUpper(text(in.ChecksumType)))
	_, linear := crcOf(a)
	switch {
	case a == "" && typ == "":
		return "", "", nil
	case a == "":
		return "", "", invalidRequest("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
	case typ != "" && typ != api.ChecksumTypeComposite && typ != api.ChecksumTypeFullObject:
		return "", "", invalidRequest("Value for x-amz-checksum-type header is invalid.")
	case a == api.ChecksumAlgorithmCrc64nvme && typ == "":
		typ = api.ChecksumTypeFullObject
	case typ == "":
		typ = api.ChecksumTypeComposite
	}
	if typ == api.ChecksumTypeFullObject && !linear || typ == api.ChecksumTypeComposite && a == api.ChecksumAlgorithmCrc64nvme {
		return "", "", invalidRequest("The %s checksum type cannot be used with the %s checksum algorithm.", typ, strings.ToLower(string(a)))
	}
	return a, typ, nil
}

// abortMultipartUpload forgets an upload and its parts.
func (s *Service) abortMultipartUpload(call *aws.Call, in *api.AbortMultipartUploadInput) (*api.AbortMultipartUploadOutput, error) {
	err := s.DB.Update(call, func(tx *store.Tx) error {
		b, err := getBucket(tx, call, in.Bucket, in.ExpectedBucketOwner)
		if err != nil {
			return err
		}
		u, err := getUpload(tx, b, in.Key, in.UploadID)
		if err != nil {
			return err
		}
		if in.IfMatchInitiatedTime != nil && !in.IfMatchInitiatedTime.Equal(u.Initiated) {
			return preconditionFailed("x-amz-if-match-initiated-time")
		}
		return s.dropUpload(tx, u)
	})
	if err != nil {
		return nil, err
	}
	return &api.AbortMultipartUploadOutput{}, nil
}

// dropUpload removes an upload with its parts.
func (s *Service) dropUpload(tx *store.Tx, u *upload) error {
	var segments []segment
	for p, err := range parts.Scan(tx, store.Range{Prefix: store.K(u.ID)}) {
		if err != nil {
			return err
		}
		segments = append(segments, p.Segment)
		if _, err := parts.Delete(tx, parts.Key(p)); err != nil {
			return err
		}
	}
	if err := s.dump(tx, garbageID(u.ID), segments); err != nil {
		return err
	}
	if err := unplanUpload(tx, u); err != nil {
		return err
	}
	_, err := uploads.Delete(tx, uploads.Key(u))
	return err
}

// garbageID makes an id for garbage of what has no hexadecimal id.
func garbageID(id string) string { return hex.EncodeToString([]byte(id[len(id)-8:])) + id }

// completeMultipartUpload makes an object of the parts, which stay where they are.
func (s *Service) completeMultipartUpload(call *aws.Call, in *api.CompleteMultipartUploadInput) (*api.CompleteMultipartUploadOutput, error) {
	if in.MultipartUpload == nil || len(in.MultipartUpload.Parts) == 0 {
		return nil, aws.NewError(http.StatusBadRequest, "InvalidRequest", "You must specify at least one part")
	}
	list := in.MultipartUpload.Parts
	for i := range list {
		switch {
		case list[i].PartNumber == nil || list[i].ETag == nil:
			return nil, malformedXML()
		case *list[i].PartNumber < 1 || *list[i].PartNumber > maxParts:
			return nil, invalidArgument("partNumber", strconv.Itoa(int(*list[i].PartNumber)), "Part number must be an integer between 1 and 10000, inclusive")
		case i > 0 && *list[i].PartNumber <= *list[i-1].PartNumber:
			return nil, aws.NewError(http.StatusBadRequest, "InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part number.").
				With("UploadId", in.UploadID)
		}
	}
	when := writeCondition{match: in.IfMatch, noneMatch: in.IfNoneMatch}
	if err := when.check(); err != nil {
		return nil, err
	}
	d, err := declared(nil, nil, in.ChecksumCRC32, in.ChecksumCRC32C, in.ChecksumCRC64NVME, in.ChecksumSHA1, in.ChecksumSHA256, in.ChecksumSHA512, in.ChecksumMD5)
	if err != nil && in.ChecksumType != nil && *in.ChecksumType == api.ChecksumTypeComposite {
		err = nil // a composite has "-N" behind it; it is compared below as it is
	}
	if err != nil {
		return nil, err
	}
	key, err := customer(in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5)
	if err != nil {
		return nil, err
	}
	// The parts are looked at on a snapshot; the transaction below only checks that they are still the same rows.
	u, segments, sum, err := s.assemble(call, in, list, &d)
	if err != nil {
		return nil, err
	}
	if key.ring != nil && key.md5 != u.Object.CustomerMD5 {
		return nil, invalidRequest("The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.")
	}
	o, now := u.Object, call.Now()
	o.Parts, o.Sum, o.ETag = int32(len(list)), sum.checksum, sum.etag
	for i := range segments {
		o.Size += segments[i].Size
	}
	b, err := s.commit(call, in.Bucket, in.ExpectedBucketOwner, &o, when, segments, func(tx *store.Tx, b *bucket) error {
		o.retention = u.Object.retention
		o.byDefault(b, now)
		return s.takeParts(tx, b, u, segments)
	})
	if err != nil {
		return nil, err
	}
	out := &api.CompleteMultipartUploadOutput{
		Bucket: &in.Bucket, Key: &in.Key, ETag: o.etag(), VersionID: o.writtenVersion(), ChecksumType: o.Sum.shownType(), Expiration: o.expiration(b),
		Location: new("http://" + in.Bucket + ".s3." + b.Region + ".amazonaws.com/" + encodeKey(in.Key)),
	}
	var algorithm, customerMD5 *string // which this output does not have
	o.encryption.shown(&out.ServerSideEncryption, &algorithm, &customerMD5, &out.SSEKMSKeyID, &out.BucketKeyEnabled)
	o.Sum.show(&out.ChecksumCRC32, &out.ChecksumCRC32C, &out.ChecksumCRC64NVME, &out.ChecksumSHA1, &out.ChecksumSHA256, &out.ChecksumSHA512, &out.ChecksumMD5)
	return out, nil
}

// assembled is what the parts together amount to.
type assembled struct {
	etag     string
	checksum checksum
}

// assemble checks the listed parts against those uploaded.
func (s *Service) assemble(call *aws.Call, in *api.CompleteMultipartUploadInput, list []api.CompletedPart, d *declaration) (u *upload, segments []segment, sum assembled, err error) {
	segments = make([]segment, 0, len(list))
	sums := make([]segmentSum, 0, len(list))
	hash := md5.New() //nolint:gosec // the ETag
	var size int64
	err = s.DB.View(call, func(tx *store.Tx) error {
		b, err := getBucket(tx, call, in.Bucket, in.ExpectedBucketOwner)
		if err != nil {
			return err
		}
		if u, err = getUpload(tx, b, in.Key, in.UploadID); err != nil {
			return err
		}
		for i := range list {
			p, err := parts.Get(tx, store.K(u.ID, *list[i].PartNumber))
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			if err != nil || strings.Trim(*list[i].ETag, `"`) != p.ETag {
				return invalidPart(in.UploadID, &list[i])
			}
			if err := checkPartSum(u, p, &list[i], in.UploadID); err != nil {
				return err
			}
			if p.Segment.Size < minPart && i < len(list)-1 {
				return aws.NewError(http.StatusBadRequest, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size").
					With("ProposedSize", p.Segment.Size).With("MinSizeAllowed", minPart).With("PartNumber", p.Number).With("ETag", p.ETag)
			}
			raw, err := hex.DecodeString(p.ETag)
			if err != nil {
				return err
			}
			hash.Write(raw)
			size += p.Segment.Size
			segments = append(segments, p.Segment)
			sums = append(sums, segmentSum{p.Segment.Sum, p.Segment.Size})
		}
		return nil
	})
	if err != nil {
		return nil, nil, sum, err
	}
	if size > maxObject {
		return nil, nil, sum, entityTooLarge(size, maxObject)
	}
	if in.MpuObjectSize != nil && *in.MpuObjectSize != size {
		return nil, nil, sum, invalidRequest("The provided 'x-amz-mp-object-size' header does not match what was computed.")
	}
	sum.etag = hex.EncodeToString(hash.Sum(nil)) + "-" + strconv.Itoa(len(list))
	sum.checksum = checksum{Algorithm: u.algorithm(), Type: u.checksumType()}
	if sum.checksum.Type == api.ChecksumTypeFullObject {
		sum.checksum.Value, err = joined(u.algorithm(), sums)
	} else {
		values := make([]string, len(sums))
		for i := range sums {
			values[i] = sums[i].value
		}
		sum.checksum.Value, err = composite(u.algorithm(), values)
	}
	if err == nil && d.value != "" && (d.algorithm != u.algorithm() || d.value != sum.checksum.Value && d.value != strings.TrimSuffix(sum.checksum.Value, "-"+strconv.Itoa(len(list)))) {
		err = badChecksum(d.algorithm)
	}
	return u, segments, sum, err
}

func invalidPart(upload string, p *api.CompletedPart) error {
	return aws.NewError(http.StatusBadRequest, "InvalidPart",
		"One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.").
		With("UploadId", upload).With("PartNumber", *p.PartNumber).With("ETag", strings.Trim(*p.ETag, `"`))
}

// checkPartSum compares the checksum that the caller has of a part.
func checkPartSum(u *upload, p *part, listed *api.CompletedPart, uploadID string) error {
	given := ""
	for i, v := range []*string{listed.ChecksumCRC32, listed.ChecksumCRC32C, listed.ChecksumCRC64NVME, listed.ChecksumSHA1, listed.ChecksumSHA256, listed.ChecksumSHA512, listed.ChecksumMD5} {
		if v != nil && algorithms[i] == u.algorithm() {
			given = *v
		}
	}
	switch {
	case given == "" && u.Type == api.ChecksumTypeComposite:
		a := strings.ToLower(string(u.Algorithm))
		return invalidRequest("The upload was created using a %s checksum. The complete request must include the checksum for each part. It was missing for part %d in the request.", a, p.Number)
	case given != "" && given != p.Segment.Sum:
		return invalidPart(uploadID, listed)
	}
	return nil
}

// takeParts removes the upload and its parts; those that the object has no use for become garbage.
func (s *Service) takeParts(tx *store.Tx, b *bucket, u *upload, segments []segment) error {
	if _, err := getUpload(tx, b, u.Key, u.ID); err != nil {
		return err
	}
	var unused []segment
	next := 0
	for p, err := range parts.Scan(tx, store.Range{Prefix: store.K(u.ID)}) {
		if err != nil {
			return err
		}
		if next < len(segments) && segments[next].Number == p.Number {
			if segments[next].Blob != p.Segment.Blob || string(segments[next].Inline) != string(p.Segment.Inline) {
				return aws.NewError(http.StatusConflict, "OperationAborted", "A conflicting conditional operation is currently in progress against this resource. Please try again.")
			}
			next++
		} else {
			unused = append(unused, p.Segment)
		}
		if _, err := parts.Delete(tx, parts.Key(p)); err != nil {
			return err
		}
	}
	if next != len(segments) {
		return noSuchUpload(u.ID)
	}
	if err := s.dump(tx, garbageID(u.ID), unused); err != nil {
		return err
	}
	if err := unplanUpload(tx, u); err != nil {
		return err
	}
	_, err := uploads.Delete(tx, uploads.Key(u))
	return err
}

// partSum is a part's checksum with its algorithm, for showing.
func (u *upload) partSum(p *part) *checksum {
	if u.Algorithm == "" {
		return &checksum{}
	}
	return &checksum{Algorithm: u.Algorithm, Type: u.Type, Value: p.Segment.Sum}
}
