package s3

import (
	"errors"
	"maps"
	"mime"
	"strings"
	"time"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
)

// object is one version of an object, or a delete marker.
type object struct {
	BucketID, Key string
	// Seq orders the versions of a key.
	Seq int64
	// Version is the version id, empty for the null version.
	Version  string `cbor:",omitempty"`
	Marker   bool   `cbor:",omitempty"`
	Modified time.Time
	Size     int64  `cbor:",omitempty"`
	ETag     string `cbor:",omitempty"` // without quotes
	// ContentID names the bytes' row; empty for an object without bytes, for one that has them in Inline, sealed, and for a
	// delete marker.
	ContentID string `cbor:",omitempty"`
	Inline    []byte `cbor:",omitempty"`
	// Parts counts the parts of a multipart upload, 0 for any other object.
	Parts int32     `cbor:",omitempty"`
	Class string    `cbor:",omitempty"` // empty is STANDARD
	Sum   checksum  `cbor:",omitempty"`
	Tags  []api.Tag `cbor:",omitempty"`
	headers
	encryption
	ownership
	retention
	restoration
	placement
	// Replication tells how far the copies of the version are, or that it is one; empty where it goes nowhere.
	Replication api.ReplicationStatus `cbor:",omitempty"`
	// Lost tells that the storage of REDUCED_REDUNDANCY or ONEZONE_IA has lost the bytes.
	Lost bool `cbor:",omitempty"`
	// Noncurrent is when a newer version came, zero for the latest.
	Noncurrent time.Time `cbor:",omitzero"`
	// Due is when a lifecycle rule strikes, zero for never; Rule is its id.
	Due time.Time `cbor:",omitzero"`
	// Move is when a lifecycle rule changes the storage class, zero for not before Due.
	Move time.Time `cbor:",omitzero"`
	Rule string    `cbor:",omitempty"`
}

// headers are what an uploader says of an object and gets back.
type headers struct {
	ContentType, CacheControl, ContentDisposition string            `cbor:",omitempty"`
	ContentEncoding, ContentLanguage, Expires     string            `cbor:",omitempty"`
	Redirect                                      string            `cbor:",omitempty"`
	Meta                                          map[string]string `cbor:",omitempty"`
}

var (
	// currentObjects has the latest version of each key, unless that is a delete marker.
	currentObjects = store.NewTable("s3/object", func(o *object) store.Key { return store.K(o.BucketID, o.Key) })
	// olderObjects has all other versions and all delete markers, the newest of a key first.
	olderObjects = store.NewTable("s3/version", func(o *object) store.Key { return store.K(o.BucketID, o.Key, -o.Seq) }, nullVersions)
	nullVersions = store.NewIndex("null", func(o *object) []store.Key {
		if o.Version != "" {
			return nil
		}
		return []store.Key{store.K(o.BucketID, o.Key)}
	})
)

// versionID is the id as the API shows it.
func (o *object) versionID() string {
	if o.Version == "" {
		return "null"
	}
	return o.Version
}

// shownVersion is the id for the x-amz-version-id header, which buckets that never had versioning do not send.
func (o *object) shownVersion(b *bucket) *string {
	if b.Versioning == "" {
		return nil
	}
	return new(o.versionID())
}

// writtenVersion is shownVersion for what was just written: under suspended versioning S3 sends none for a null version.
func (o *object) writtenVersion() *string {
	if o.Version == "" {
		return nil
	}
	return &o.Version
}

func (o *object) etag() *string { return new(`"` + o.ETag + `"`) }

// class is the storage class for headers, which S3 leaves out for STANDARD.
func (o *object) class() *api.StorageClass {
	if o.Class == "" {
		return nil
	}
	return new(api.StorageClass(o.Class))
}

func (o *object) listedClass() string {
	if o.Class == "" {
		return string(api.StorageClassStandard)
	}
	return o.Class
}

// latest returns the latest version of a key, which may be a delete marker, or nil when there is none. In a View, which can
// change nothing, its row is shared.
func latest(tx *store.Tx, b *bucket, key string) (*object, error) {
	get := currentObjects.Shared
	if tx.Writable() {
		get = currentObjects.Get
	}
	o, err := get(tx, store.K(b.ID, key))
	if !errors.Is(err, store.ErrNotFound) {
		return o, err
	}
	if b.Versioning == "" {
		return nil, nil
	}
	return newestOlder(tx, b, key)
}

// newestOlder returns the newest row of olderObjects for a key, or nil.
func newestOlder(tx *store.Tx, b *bucket, key string) (*object, error) {
	for o, err := range olderObjects.Scan(tx, store.Range{Prefix: store.K(b.ID, key)}) {
		return o, err
	}
	return nil, nil
}

// getVersion returns a version by its id.
func getVersion(tx *store.Tx, b *bucket, key, id string) (*object, error) {
	seq, ok := versionSeq(id)
	if !ok && id != "null" {
		return nil, invalidArgument("versionId", id, "Invalid version id specified")
	}
	o, err := currentObjects.Get(tx, store.K(b.ID, key))
	if err == nil && o.versionID() == id {
		return o, nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if id == "null" {
		o, err = nullVersions.First(tx, store.K(b.ID, key))
	} else {
		o, err = olderObjects.Get(tx, store.K(b.ID, key, -seq))
	}
	if errors.Is(err, store.ErrNotFound) || err == nil && o.versionID() != id {
		return nil, noSuchVersion(key, id)
	}
	return o, err
}

// find returns the version that a request for reading means.
func (s *Service) find(tx *store.Tx, b *bucket, key string, version *string) (*object, error) {
	if version != nil && *version != "" {
		o, err := getVersion(tx, b, key, *version)
		if err == nil && o.Marker {
			err = aws.NewError(405, "MethodNotAllowed", "The specified method is not allowed against this resource.").
				With("ResourceType", "DeleteMarker").With("Allow", aws.Header("DELETE")).
				With("x-amz-delete-marker", aws.Header("true")).With("x-amz-version-id", aws.Header(o.versionID())).
				With("Last-Modified", aws.Header(httpDate(o.Modified)))
		}
		return o, err
	}
	o, err := latest(tx, b, key)
	switch {
	case err != nil:
		return nil, err
	case o == nil:
		return nil, noSuchKey(key)
	case o.Marker:
		return nil, noSuchKey(key).With("x-amz-delete-marker", aws.Header("true")).With("x-amz-version-id", aws.Header(o.versionID()))
	}
	return o, nil
}

// hidden words a missing key as the caller may know it: who may not list the bucket is not told that a key is missing.
func (s *Service) hidden(call *aws.Call, b *bucket, err error) error {
	if !aws.IsError(err, "NoSuchKey") {
		return err
	}
	if denied := call.Cloud.Authorize(call, aws.Check{Action: "s3:ListBucket", Resource: b.arn()}); denied != nil {
		return denied
	}
	return err
}

func httpDate(t time.Time) string { return t.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT") }

// checkKey refuses keys that cannot be.
func checkKey(key string) error {
	if len(key) > maxKey {
		return keyTooLong(key)
	}
	return nil
}

// checkMetadata bounds the user's metadata.
func checkMetadata(meta map[string]string) error {
	size := 0
	for k, v := range meta {
		size += len(k) + len(v)
	}
	if size > maxMetadata {
		return aws.NewError(400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size").
			With("Size", size).With("MaxSizeAllowed", maxMetadata)
	}
	return nil
}

// shownMeta is the user's metadata as headers: text that is not ASCII is encoded as RFC 2047 says.
func (h *headers) shownMeta() map[string]string {
	for _, v := range h.Meta {
		if !isASCII(v) {
			shown := make(map[string]string, len(h.Meta))
			for k, v := range h.Meta {
				if !isASCII(v) {
					v = mime.BEncoding.Encode("UTF-8", v)
				}
				shown[k] = v
			}
			return shown
		}
	}
	return maps.Clone(h.Meta) // of a row that may be shared
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 || r < ' ' }) < 0
}

// text returns what a pointer points to, or "".
func text[T ~string](p *T) string {
	if p == nil {
		return ""
	}
	return string(*p)
}

// optional returns nil for "".
func optional[T ~string](s T) *T {
	if s == "" {
		return nil
	}
	return new(s)
}
