package s3

import (
	"slices"

	api "drydock/api/s3"
	"drydock/aws"
)

// getObjectAttributes tells the attributes that are asked for.
func (s *Service) getObjectAttributes(call *aws.Call, in *api.GetObjectAttributesInput) (*api.GetObjectAttributesOutput, error) {
	for _, a := range in.ObjectAttributes {
		if !slices.Contains(a.Values(), string(a)) {
			return nil, invalidArgument("x-amz-object-attributes", string(a), "Invalid attribute name specified.")
		}
	}
	limit, err := listLimit("x-amz-max-parts", in.MaxParts)
	if err != nil {
		return nil, err
	}
	r := &reading{bucket: in.Bucket, key: in.Key, version: in.VersionID, owner: in.ExpectedBucketOwner}
	if r.customer, err = customer(in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5); err != nil {
		return nil, err
	}
	asked := func(a api.ObjectAttributes) bool { return slices.Contains(in.ObjectAttributes, a) }
	f, err := s.read(call, r, asked(api.ObjectAttributesObjectParts))
	if err != nil {
		return nil, err
	}
	o := f.object
	if asked(api.ObjectAttributesChecksum) && o.SSE != "" { // which tells of the content
		if _, err := s.ring(call, f.bucket, &o.encryption, r.customer); err != nil {
			return nil, err
		}
	}
	out := &api.GetObjectAttributesOutput{LastModified: &o.Modified, VersionID: o.shownVersion(f.bucket)}
	if asked(api.ObjectAttributesETag) {
		out.ETag = &o.ETag
	}
	if asked(api.ObjectAttributesObjectSize) {
		out.ObjectSize = &o.Size
	}
	if asked(api.ObjectAttributesStorageClass) {
		out.StorageClass = new(api.StorageClass(o.listedClass()))
	}
	if asked(api.ObjectAttributesChecksum) && o.Sum.Value != "" {
		c := &api.Checksum{ChecksumType: o.Sum.shownType()}
		o.Sum.show(&c.ChecksumCRC32, &c.ChecksumCRC32C, &c.ChecksumCRC64NVME, &c.ChecksumSHA1, &c.ChecksumSHA256, &c.ChecksumSHA512, &c.ChecksumMD5)
		out.Checksum = c
	}
	if asked(api.ObjectAttributesObjectParts) && o.Parts > 0 {
		marker := int32(0)
		if in.PartNumberMarker != nil {
			marker = *in.PartNumberMarker
		}
		out.ObjectParts = f.attributeParts(limit, marker)
	}
	return out, nil
}

// attributeParts lists the parts behind marker. S3 lists them one by one only where they have composite checksums.
func (f *found) attributeParts(limit int, marker int32) *api.GetObjectAttributesParts {
	out := &api.GetObjectAttributesParts{
		TotalPartsCount: &f.object.Parts, PartNumberMarker: &marker, MaxParts: new(int32(limit)), IsTruncated: new(false), NextPartNumberMarker: new(int32(0)),
	}
	if f.object.Sum.Type != api.ChecksumTypeComposite {
		return out
	}
	for i := range f.segments {
		g := &f.segments[i]
		if g.Number <= marker {
			continue
		}
		if len(out.Parts) == limit {
			*out.IsTruncated = true
			break
		}
		p := api.ObjectPart{PartNumber: &g.Number, Size: &g.Size}
		sum := checksum{Algorithm: f.object.Sum.Algorithm, Value: g.Sum}
		sum.show(&p.ChecksumCRC32, &p.ChecksumCRC32C, &p.ChecksumCRC64NVME, &p.ChecksumSHA1, &p.ChecksumSHA256, &p.ChecksumSHA512, &p.ChecksumMD5)
		out.Parts, out.NextPartNumberMarker = append(out.Parts, p), &g.Number
	}
	return out
}
