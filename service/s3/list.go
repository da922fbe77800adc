package s3

import (
	"iter"
	"net/url"
	"strconv"
	"strings"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
)

// listLimit reads a max-keys, max-uploads or max-parts parameter.
func listLimit(name string, asked *int32) (int, error) {
	switch {
	case asked == nil:
		return maxList, nil
	case *asked < 0:
		return 0, invalidArgument(name, strconv.Itoa(int(*asked)), "Argument %s must be an integer between 0 and 2147483647", name)
	}
	return int(min(*asked, maxList)), nil
}

// encodeKey is a key as encoding-type url shows it.
func encodeKey(key string) string {
	return strings.NewReplacer("+", "%20", "%2F", "/", "%2A", "*").Replace(url.QueryEscape(key))
}

// encoding returns the function that shows keys.
func encoding(typ *api.EncodingType) (func(string) *string, error) {
	switch {
	case typ == nil || *typ == "":
		return func(s string) *string { return &s }, nil
	case *typ == api.EncodingTypeURL:
		return func(s string) *string { return new(encodeKey(s)) }, nil
	}
	return nil, invalidArgument("encoding-type", string(*typ), "Invalid Encoding Method specified in Request")
}

// page is one page of a listing by key.
type page struct {
	prefix, delimiter string
	limit             int
	prefixes          []string // the common prefixes found
	count             int
	truncated         bool
	last              string // the key or common prefix found last
}

// common returns the common prefix that a key falls under.
func (p *page) common(key string) (string, bool) {
	if p.delimiter == "" {
		return "", false
	}
	head, _, found := strings.Cut(key[len(p.prefix):], p.delimiter)
	if !found {
		return "", false
	}
	return key[:len(p.prefix)+len(head)+len(p.delimiter)], true
}

// fill goes over the rows of a bucket whose keys have the prefix, in order, beginning behind the position after (or at
// the beginning for nil) and leaving out the common prefix done. It calls add for each row that is listed by itself. What
// lies under a common prefix is stepped over by seeking.
func fill[T any](p *page, space store.Key, after store.Key, done string, scan func(store.Range) iter.Seq2[T, error], key func(T) string, add func(T)) error {
	from, to := space.StringPrefix(p.prefix)
	if p.limit == 0 {
		return nil
	}
	for {
		var skip string
		for row, err := range scan(store.Range{From: from, To: to, After: after}) {
			if err != nil {
				return err
			}
			k := key(row)
			prefix, rolled := p.common(k)
			if rolled && prefix == done {
				skip = prefix
				break
			}
			if p.count == p.limit {
				p.truncated = true
				return nil
			}
			p.count++
			if rolled {
				p.prefixes, p.last, skip = append(p.prefixes, prefix), prefix, prefix
				break
			}
			p.last = k
			add(row)
		}
		if skip == "" {
			return nil
		}
		_, from = space.StringPrefix(skip)
	}
}

func (p *page) shown(show func(string) *string) []api.CommonPrefix {
	var list []api.CommonPrefix
	for _, prefix := range p.prefixes {
		list = append(list, api.CommonPrefix{Prefix: show(prefix)})
	}
	return list
}

// objects fills a page with the latest versions of a bucket's keys behind marker.
func (s *Service) objects(call *aws.Call, p *page, name string, owner *string, marker string, withOwner bool, optional []api.OptionalObjectAttributes, show func(string) *string) (list []api.Object, err error) {
	err = s.DB.View(call, func(tx *store.Tx) error {
		b, err := getBucket(tx, call, name, owner)
		if err != nil {
			return err
		}
		space := store.K(b.ID)
		var after store.Key
		if marker != "" {
			after = space.With(marker)
		}
		scan := func(r store.Range) iter.Seq2[*object, error] { return currentObjects.Scan(tx, r) }
		return fill(p, space, after, marker, scan, func(o *object) string { return o.Key }, func(o *object) {
			shown := api.Object{
				Key: show(o.Key), LastModified: &o.Modified, ETag: o.etag(), Size: &o.Size, StorageClass: new(api.ObjectStorageClass(o.listedClass())),
			}
			if o.Sum.Value != "" {
				shown.ChecksumAlgorithm, shown.ChecksumType = []api.ChecksumAlgorithm{o.Sum.Algorithm}, &o.Sum.Type
			}
			shown.RestoreStatus = o.restoreStatus(optional)
			if withOwner {
				shown.Owner = ownerOf(o.ownership.owner(b))
			}
			list = append(list, shown)
		})
	})
	return list, err
}

// listObjects is the first version of listing.
func (s *Service) listObjects(call *aws.Call, in *api.ListObjectsInput) (*api.ListObjectsOutput, error) {
	limit, err := listLimit("max-keys", in.MaxKeys)
	if err != nil {
		return nil, err
	}
	show, err := encoding(in.EncodingType)
	if err != nil {
		return nil, err
	}
	p := &page{prefix: text(in.Prefix), delimiter: text(in.Delimiter), limit: limit}
	list, err := s.objects(call, p, in.Bucket, in.ExpectedBucketOwner, text(in.Marker), true, in.OptionalObjectAttributes, show)
	if err != nil {
		return nil, err
	}
	out := &api.ListObjectsOutput{
		Name: &in.Bucket, Prefix: show(p.prefix), Marker: show(text(in.Marker)), MaxKeys: new(int32(limit)), IsTruncated: &p.truncated,
		Contents: list, CommonPrefixes: p.shown(show), EncodingType: in.EncodingType,
	}
	if p.delimiter != "" {
		out.Delimiter = show(p.delimiter)
		if p.truncated {
			out.NextMarker = show(p.last)
		}
	}
	return out, nil
}

// listObjectsV2 is the second version of listing.
func (s *Service) listObjectsV2(call *aws.Call, in *api.ListObjectsV2Input) (*api.ListObjectsV2Output, error) {
	limit, err := listLimit("max-keys", in.MaxKeys)
	if err != nil {
		return nil, err
	}
	show, err := encoding(in.EncodingType)
	if err != nil {
		return nil, err
	}
	marker := text(in.StartAfter)
	if in.ContinuationToken != nil {
		last, err := aws.DecodePageToken(*in.ContinuationToken, 1)
		if err != nil {
			return nil, invalidArgument("continuation-token", *in.ContinuationToken, "The continuation token provided is incorrect")
		}
		marker = last[0]
	}
	p := &page{prefix: text(in.Prefix), delimiter: text(in.Delimiter), limit: limit}
	list, err := s.objects(call, p, in.Bucket, in.ExpectedBucketOwner, marker, in.FetchOwner != nil && *in.FetchOwner, in.OptionalObjectAttributes, show)
	if err != nil {
		return nil, err
	}
	out := &api.ListObjectsV2Output{
		Name: &in.Bucket, Prefix: show(p.prefix), MaxKeys: new(int32(limit)), IsTruncated: &p.truncated, KeyCount: new(int32(p.count)),
		Contents: list, CommonPrefixes: p.shown(show), EncodingType: in.EncodingType, ContinuationToken: in.ContinuationToken,
	}
	if p.delimiter != "" {
		out.Delimiter = show(p.delimiter)
	}
	if in.StartAfter != nil {
		out.StartAfter = show(*in.StartAfter)
	}
	if p.truncated {
		out.NextContinuationToken = new(aws.EncodePageToken(p.last))
	}
	return out, nil
}

// listMultipartUploads lists the uploads under way by key, those of a key in the order in which they began.
func (s *Service) listMultipartUploads(call *aws.Call, in *api.ListMultipartUploadsInput) (*api.ListMultipartUploadsOutput, error) {
	limit, err := listLimit("max-uploads", in.MaxUploads)
	if err != nil {
		return nil, err
	}
	show, err := encoding(in.EncodingType)
	if err != nil {
		return nil, err
	}
	p := &page{prefix: text(in.Prefix), delimiter: text(in.Delimiter), limit: limit}
	out := &api.ListMultipartUploadsOutput{
		Bucket: &in.Bucket, KeyMarker: show(text(in.KeyMarker)), UploadIDMarker: new(text(in.UploadIDMarker)), MaxUploads: new(int32(limit)),
		IsTruncated: &p.truncated, EncodingType: in.EncodingType,
	}
	lastID := ""
	err = s.DB.View(call, func(tx *store.Tx) error {
		b, err := getBucket(tx, call, in.Bucket, in.ExpectedBucketOwner)
		if err != nil {
			return err
		}
		space := store.K(b.ID)
		var after store.Key
		switch {
		case text(in.KeyMarker) != "" && text(in.UploadIDMarker) != "":
			after = space.With(*in.KeyMarker, *in.UploadIDMarker)
		case text(in.KeyMarker) != "":
			after = space.With(*in.KeyMarker).End()
		}
		scan := func(r store.Range) iter.Seq2[*upload, error] { return uploads.Scan(tx, r) }
		return fill(p, space, after, text(in.KeyMarker), scan, func(u *upload) string { return u.Key }, func(u *upload) {
			shown := api.MultipartUpload{
				UploadID: &u.ID, Key: show(u.Key), Initiated: &u.Initiated, StorageClass: new(api.StorageClass(u.Object.listedClass())),
				Owner: ownerOf(u.Object.ownership.owner(b)), Initiator: &api.Initiator{ID: &u.Initiator}, ChecksumAlgorithm: optional(u.Algorithm), ChecksumType: optional(u.Type),
			}
			lastID = u.ID
			out.Uploads = append(out.Uploads, shown)
		})
	})
	if err != nil {
		return nil, err
	}
	out.CommonPrefixes = p.shown(show)
	if p.prefix != "" {
		out.Prefix = show(p.prefix)
	}
	if p.delimiter != "" {
		out.Delimiter = show(p.delimiter)
	}
	if p.truncated {
		out.NextKeyMarker = show(p.last)
		if n := len(out.Uploads); n > 0 && (len(p.prefixes) == 0 || p.prefixes[len(p.prefixes)-1] != p.last) {
			out.NextUploadIDMarker = &lastID
		}
	}
	return out, nil
}
