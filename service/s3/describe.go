package s3

import (
	"net/http"
	"slices"
	"time"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
)

// describing is what requests that make objects say beside headers and body.
type describing struct {
	acl       *api.ObjectCannedACL
	grants    []*string // in the order of headerPermissions
	class     *api.StorageClass
	tagging   *string
	sse       *api.ServerSideEncryption
	kmsKey    *string
	context   *string
	bucketKey *bool
	customer  []*string
	lockMode  *api.ObjectLockMode
	lockUntil *time.Time
	hold      *api.ObjectLockLegalHoldStatus
}

// asked is what a request says of the object it makes that is decided once its bucket is known.
type asked struct {
	key  customerKey
	sse  sseRequest
	acl  aclRequest
	lock lockRequest
}

// describe checks what a request says of the object it makes, and sets it.
func (s *Service) describe(call *aws.Call, o *object, d describing) (a asked, err error) {
	if err := checkKey(o.Key); err != nil {
		return a, err
	}
	if err := checkMetadata(o.Meta); err != nil {
		return a, err
	}
	if err := relocation(o.Redirect); err != nil {
		return a, err
	}
	if a.acl, err = readACL(text(d.acl), objectACLs, d.grants...); err != nil {
		return a, err
	}
	if a.lock, err = readLock(d.lockMode, d.lockUntil, d.hold, call.Now()); err != nil {
		return a, err
	}
	if a.key, err = customer(d.customer[0], d.customer[1], d.customer[2]); err != nil {
		return a, err
	}
	a.sse = sseRequest{api.ServerSideEncryption(text(d.sse)), text(d.kmsKey), text(d.context), d.bucketKey}
	if err := a.sse.check(a.key); err != nil {
		return a, err
	}
	if o.ContentType == "" {
		o.ContentType = "binary/octet-stream"
	}
	if o.Class, err = checkClass(d.class); err != nil {
		return a, err
	}
	o.Tags, err = parseTagging(d.tagging)
	return a, err
}

// settle returns what a commit does before it writes the object: the bucket decides how it is encrypted, who
// owns it and how it is locked.
func (a *asked) settle(call *aws.Call, o *object, also func(*store.Tx, *bucket) error) func(*store.Tx, *bucket) error {
	now := call.Now()
	return func(tx *store.Tx, b *bucket) (err error) {
		if err := b.encryptedAs(&o.encryption, a); err != nil {
			return err
		}
		if o.ownership, err = a.acl.settle(call, tx, b, o.Key); err != nil {
			return err
		}
		if o.retention, err = a.lock.settle(b, now); err != nil || also == nil {
			return err
		}
		return also(tx, b)
	}
}

// checkDigest wants a digest of what is to be locked.
func (a *asked) checkDigest(call *aws.Call, d *declaration) error {
	if a.lock.empty() || d.md5 != nil || d.value != "" || call.Request.Host == "" {
		return nil
	}
	return invalidRequest("Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters")
}

// classes are the storage classes of general purpose buckets beside STANDARD.
var classes = []api.StorageClass{
	api.StorageClassReducedRedundancy, api.StorageClassStandardIa, api.StorageClassOnezoneIa, api.StorageClassIntelligentTiering,
	api.StorageClassGlacier, api.StorageClassGlacierIr, api.StorageClassDeepArchive,
}

// checkClass returns a storage class as objects keep it.
func checkClass(class *api.StorageClass) (string, error) {
	switch {
	case class == nil, *class == "", *class == api.StorageClassStandard:
		return "", nil
	case slices.Contains(classes, *class):
		return string(*class), nil
	}
	return "", aws.NewError(http.StatusBadRequest, "InvalidStorageClass", "The storage class you specified is not valid").With("StorageClassRequested", string(*class))
}
