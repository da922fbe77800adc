package s3

import (
	"iter"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
)

// versions yields all versions in a range of keys, by key, the newest first.
func versions(tx *store.Tx, r store.Range) iter.Seq2[*object, error] {
	return func(yield func(*object, error) bool) {
		nextCurrent, stopCurrent := iter.Pull2(currentObjects.Scan(tx, r))
		defer stopCurrent()
		nextOlder, stopOlder := iter.Pull2(olderObjects.Scan(tx, r))
		defer stopOlder()
		current, err, more := nextCurrent()
		older, errOlder, moreOlder := nextOlder()
		for {
			if err != nil || errOlder != nil {
				if err == nil {
					err = errOlder
				}
				yield(nil, err)
				return
			}
			switch {
			case more && (!moreOlder || current.Key <= older.Key):
				if !yield(current, nil) {
					return
				}
				current, err, more = nextCurrent()
			case moreOlder:
				if !yield(older, nil) {
					return
				}
				older, errOlder, moreOlder = nextOlder()
			default:
				return
			}
		}
	}
}

// versionsBehind is versions without those of key that are not older than seq.
func versionsBehind(tx *store.Tx, r store.Range, key string, seq int64) iter.Seq2[*object, error] {
	return func(yield func(*object, error) bool) {
		for o, err := range versions(tx, r) {
			if err == nil && o.Key == key && o.Seq >= seq {
				continue
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

// listObjectVersions lists all versions and delete markers.
func (s *Service) listObjectVersions(call *aws.Call, in *api.ListObjectVersionsInput) (*api.ListObjectVersionsOutput, error) {
	limit, err := listLimit("max-keys", in.MaxKeys)
	if err != nil {
		return nil, err
	}
	show, err := encoding(in.EncodingType)
	if err != nil {
		return nil, err
	}
	keyMarker, idMarker := text(in.KeyMarker), text(in.VersionIDMarker)
	if idMarker != "" && keyMarker == "" {
		return nil, invalidArgument("version-id-marker", idMarker, "A version-id marker cannot be specified without a key marker.")
	}
	p := &page{prefix: text(in.Prefix), delimiter: text(in.Delimiter), limit: limit}
	out := &api.ListObjectVersionsOutput{
		Name: &in.Bucket, Prefix: show(p.prefix), KeyMarker: show(keyMarker), VersionIDMarker: &idMarker, MaxKeys: new(int32(limit)),
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
		scan := func(r store.Range) iter.Seq2[*object, error] { return versions(tx, r) }
		switch {
		case idMarker != "":
			seq, err := markerSeq(tx, b, keyMarker, idMarker)
			if err != nil {
				return err
			}
			after = nil
			scan = func(r store.Range) iter.Seq2[*object, error] {
				if at := space.With(keyMarker); string(at) > string(r.From) {
					r.From = at
				}
				return versionsBehind(tx, r, keyMarker, seq)
			}
		case keyMarker != "":
			after = space.With(keyMarker).End()
		}
		return fill(p, space, after, keyMarker, scan, func(o *object) string { return o.Key }, func(o *object) {
			lastID = o.versionID()
			newest := o.Noncurrent.IsZero()
			if o.Marker {
				out.DeleteMarkers = append(out.DeleteMarkers, api.DeleteMarkerEntry{
					Key: show(o.Key), VersionID: new(o.versionID()), IsLatest: &newest, LastModified: &o.Modified, Owner: ownerOf(o.ownership.owner(b)),
				})
				return
			}
			shown := api.ObjectVersion{
				Key: show(o.Key), VersionID: new(o.versionID()), IsLatest: &newest, LastModified: &o.Modified, ETag: o.etag(), Size: &o.Size, Owner: ownerOf(o.ownership.owner(b)),
				StorageClass: new(api.ObjectVersionStorageClass(o.listedClass())), RestoreStatus: o.restoreStatus(in.OptionalObjectAttributes),
			}
			if o.Sum.Value != "" {
				shown.ChecksumAlgorithm, shown.ChecksumType = []api.ChecksumAlgorithm{o.Sum.Algorithm}, &o.Sum.Type
			}
			out.Versions = append(out.Versions, shown)
		})
	})
	if err != nil {
		return nil, err
	}
	out.CommonPrefixes = p.shown(show)
	if p.delimiter != "" {
		out.Delimiter = show(p.delimiter)
	}
	if p.truncated {
		out.NextKeyMarker = show(p.last)
		if len(p.prefixes) == 0 || p.prefixes[len(p.prefixes)-1] != p.last {
			out.NextVersionIDMarker = &lastID
		}
	}
	return out, nil
}

// markerSeq returns the order of the version that a page ended with, which may be gone by now.
func markerSeq(tx *store.Tx, b *bucket, key, id string) (int64, error) {
	if seq, ok := versionSeq(id); ok {
		return seq, nil
	}
	if id != "null" {
		return 0, invalidArgument("version-id-marker", id, "Invalid version id specified")
	}
	o, err := getVersion(tx, b, key, id)
	if aws.IsError(err, "NoSuchVersion") {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return o.Seq, nil
}
