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
	"drydock/blob/seal"
	"drydock/store"
)

// findUpload reads an upload on a snapshot of its own and returns the ring that its parts are sealed under.
func (s *Service) findUpload(call *aws.Call, bucketName, key, id string, owner *string, c customerKey) (u *upload, ring *seal.RootKey, err error) {
	var b *bucket
	err = s.DB.View(call, func(tx *store.Tx) error {
		if b, err = getBucket(tx, call, bucketName, owner); err != nil {
			return err
		}
		u, err = getUpload(tx, b, key, id)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if c.md5 != u.Object.CustomerMD5 {
		return nil, nil, invalidRequest("The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.")
	}
	ring, err = s.ring(call, b, &u.Object.encryption, c)
	return u, ring, err
}

func checkPartNumber(n int32) error {
	if n < 1 || n > maxParts {
		return invalidArgument("partNumber", strconv.Itoa(int(n)), "Part number must be an integer between 1 and 10000, inclusive")
	}
	return nil
}

// putPart writes a part in place of an earlier one of its number.
func (s *Service) putPart(call *aws.Call, bucketName string, u *upload, p *part) error {
	id := call.NewHex(32)
	return s.DB.Update(call, func(tx *store.Tx) error {
		b, err := getBucket(tx, call, bucketName, nil)
		if err != nil {
			return err
		}
		if _, err := getUpload(tx, b, u.Key, u.ID); err != nil {
			return err
		}
		old, err := parts.Get(tx, parts.Key(p))
		if err == nil {
			err = s.dump(tx, id, []segment{old.Segment})
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err := hold(tx, []segment{p.Segment}); err != nil {
			return err
		}
		return parts.Put(tx, p)
	})
}

// uploadPart stores a body as a part.
func (s *Service) uploadPart(call *aws.Call, in *api.UploadPartInput) (*api.UploadPartOutput, error) {
	if err := checkPartNumber(in.PartNumber); err != nil {
		return nil, err
	}
	c, err := customer(in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5)
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
	u, ring, err := s.findUpload(call, in.Bucket, in.Key, in.UploadID, in.ExpectedBucketOwner, c)
	if err != nil {
		return nil, err
	}
	if u.Algorithm != "" && d.algorithm != "" && d.algorithm != u.Algorithm {
		return nil, invalidRequest("Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum Type: %s",
			strings.ToLower(string(u.Algorithm)), strings.ToLower(string(d.algorithm)))
	}
	got, err := s.receive(call, in.Body, ring, &d, u.algorithm())
	if err != nil {
		return nil, err
	}
	p := &part{UploadID: u.ID, Number: in.PartNumber, ETag: u.Object.encryption.etag(call, got.md5), Modified: call.Now().Truncate(time.Second), Segment: got.segment}
	p.Segment.Number, p.Segment.Sum = in.PartNumber, got.sum(u.algorithm())
	if err := s.putPart(call, in.Bucket, u, p); err != nil {
		s.discard(call, got.segment)
		return nil, err
	}
	out := &api.UploadPartOutput{ETag: new(`"` + p.ETag + `"`)}
	u.Object.encryption.shown(&out.ServerSideEncryption, &out.SSECustomerAlgorithm, &out.SSECustomerKeyMD5, &out.SSEKMSKeyID, &out.BucketKeyEnabled)
	shown := u.partSum(p)
	if d.value != "" {
		shown = &checksum{Algorithm: d.algorithm, Value: d.value}
	}
	shown.show(&out.ChecksumCRC32, &out.ChecksumCRC32C, &out.ChecksumCRC64NVME, &out.ChecksumSHA1, &out.ChecksumSHA256, &out.ChecksumSHA512, &out.ChecksumMD5)
	return out, nil
}

// uploadPartCopy stores a range of an object as a part.
func (s *Service) uploadPartCopy(call *aws.Call, in *api.UploadPartCopyInput) (_ *api.UploadPartCopyOutput, err error) {
	if err := checkPartNumber(in.PartNumber); err != nil {
		return nil, err
	}
	c, err := customer(in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5)
	if err != nil {
		return nil, err
	}
	from, err := s.copySource(call, in.CopySource, in.ExpectedSourceBucketOwner, copyCondition{
		in.CopySourceIfMatch, in.CopySourceIfNoneMatch, in.CopySourceIfModifiedSince, in.CopySourceIfUnmodifiedSince,
	}, in.CopySourceSSECustomerAlgorithm, in.CopySourceSSECustomerKey, in.CopySourceSSECustomerKeyMD5)
	if err != nil {
		return nil, err
	}
	u, ring, err := s.findUpload(call, in.Bucket, in.Key, in.UploadID, in.ExpectedBucketOwner, c)
	if err != nil {
		return nil, err
	}
	f, source, err := s.openObject(inRegionOf(call), from)
	if err != nil {
		return nil, copyError(err)
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	reader := io.Reader(source)
	if in.CopySourceRange != nil {
		off, n, err := copyRange(*in.CopySourceRange, f.object.Size)
		if err != nil {
			return nil, err
		}
		part := *from
		part.span = new(fmt.Sprintf("bytes=%d-%d", off, off+n-1))
		if err := source.Close(); err != nil {
			return nil, err
		}
		if f, source, err = s.openObject(inRegionOf(call), &part); err != nil {
			source = http.NoBody
			return nil, copyError(err)
		}
		reader = source
	}
	if f.n > maxBody {
		return nil, invalidRequest("The specified copy source is larger than the maximum allowable size for a copy source: %d", int64(maxBody))
	}
	got, err := s.receive(call, reader, ring, &declaration{}, u.algorithm())
	if err != nil {
		return nil, err
	}
	p := &part{UploadID: u.ID, Number: in.PartNumber, ETag: u.Object.encryption.etag(call, got.md5), Modified: call.Now().Truncate(time.Second), Segment: got.segment}
	p.Segment.Number, p.Segment.Sum = in.PartNumber, got.sum(u.algorithm())
	if err := s.putPart(call, in.Bucket, u, p); err != nil {
		s.discard(call, got.segment)
		return nil, err
	}
	result := &api.CopyPartResult{ETag: new(`"` + p.ETag + `"`), LastModified: &p.Modified}
	u.partSum(p).show(&result.ChecksumCRC32, &result.ChecksumCRC32C, &result.ChecksumCRC64NVME, &result.ChecksumSHA1, &result.ChecksumSHA256, &result.ChecksumSHA512, &result.ChecksumMD5)
	out := &api.UploadPartCopyOutput{CopyPartResult: result, CopySourceVersionID: f.object.shownVersion(f.bucket)}
	u.Object.encryption.shown(&out.ServerSideEncryption, &out.SSECustomerAlgorithm, &out.SSECustomerKeyMD5, &out.SSEKMSKeyID, &out.BucketKeyEnabled)
	return out, nil
}

// copyRange reads "bytes=first-last", the only form that copies know.
func copyRange(span string, size int64) (off, n int64, err error) {
	var last int64
	if k, err := fmt.Sscanf(span, "bytes=%d-%d", &off, &last); err != nil || k != 2 || off < 0 || last < off {
		return 0, 0, invalidArgument("x-amz-copy-source-range", span, "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy")
	}
	if last >= size {
		return 0, 0, invalidArgument("x-amz-copy-source-range", span, "Range specified is not valid for source object of size: %d", size)
	}
	return off, last - off + 1, nil
}

// listParts lists an upload's parts.
func (s *Service) listParts(call *aws.Call, in *api.ListPartsInput) (*api.ListPartsOutput, error) {
	limit, err := listLimit("max-parts", in.MaxParts)
	if err != nil {
		return nil, err
	}
	marker := int32(0)
	if in.PartNumberMarker != nil {
		marker = *in.PartNumberMarker
	}
	out := &api.ListPartsOutput{
		Bucket: &in.Bucket, Key: &in.Key, UploadID: &in.UploadID, MaxParts: new(int32(limit)), PartNumberMarker: &marker, NextPartNumberMarker: new(int32(0)),
		IsTruncated: new(false), StorageClass: new(api.StorageClassStandard),
	}
	err = s.DB.View(call, func(tx *store.Tx) error {
		b, err := getBucket(tx, call, in.Bucket, in.ExpectedBucketOwner)
		if err != nil {
			return err
		}
		u, err := getUpload(tx, b, in.Key, in.UploadID)
		if err != nil {
			return err
		}
		out.Owner, out.Initiator = ownerOf(u.Object.ownership.owner(b)), &api.Initiator{ID: &u.Initiator}
		out.ChecksumAlgorithm, out.ChecksumType = optional(u.Algorithm), optional(u.Type)
		if u.Object.Class != "" {
			out.StorageClass = u.Object.class()
		}
		if !u.Due.IsZero() {
			out.AbortDate, out.AbortRuleID = &u.Due, &u.Rule
		}
		for p, err := range parts.Scan(tx, store.Range{Prefix: store.K(u.ID), After: store.K(u.ID, marker)}) {
			if err != nil {
				return err
			}
			if len(out.Parts) == limit {
				*out.IsTruncated = true
				return nil
			}
			shown := api.Part{PartNumber: &p.Number, LastModified: &p.Modified, ETag: new(`"` + p.ETag + `"`), Size: &p.Segment.Size}
			u.partSum(p).show(&shown.ChecksumCRC32, &shown.ChecksumCRC32C, &shown.ChecksumCRC64NVME, &shown.ChecksumSHA1, &shown.ChecksumSHA256, &shown.ChecksumSHA512, &shown.ChecksumMD5)
			out.Parts, out.NextPartNumberMarker = append(out.Parts, shown), &p.Number
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
