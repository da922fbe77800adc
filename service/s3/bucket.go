package s3

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"iter"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
)

// bucket is a bucket with what nearly every request to it must know.
type bucket struct {
	Partition, Name string
	// ID tells the bucket from earlier ones of the same name.
	ID              string
	Account, Region string
	Created         time.Time
	// Versioning is empty as long as it never was enabled.
	Versioning   api.BucketVersioningStatus `cbor:",omitempty"`
	Ownership    api.ObjectOwnership        `cbor:",omitempty"`
	PublicAccess publicAccess
	ACL          ownership `cbor:",omitzero"`
	Lock         lockRule  `cbor:",omitzero"`
	Encryption   defaults  `cbor:",omitzero"`
	// HasPolicy, HasLifecycle and HasCORS tell that a sibling row is worth reading.
	HasPolicy, HasLifecycle, HasCORS bool `cbor:",omitempty"`
	// Replicates and Notifies tell that what happens to objects may have to be told elsewhere.
	Replicates, Notifies bool `cbor:",omitempty"`
	// RequesterPays tells that callers of other accounts must agree to pay.
	RequesterPays bool `cbor:",omitempty"`
}

var (
	bucketsByAccount = store.NewIndex("account", func(b *bucket) []store.Key { return []store.Key{store.K(b.Partition, b.Account, b.Name)} })
	buckets          = store.NewTable("s3/bucket", func(b *bucket) store.Key { return store.K(b.Partition, b.Name) }, bucketsByAccount)
)

func (b *bucket) arn() string { return "arn:" + b.Partition + ":s3:::" + b.Name }

// findBucket returns a bucket of any region, for its expected owner if one is given. The row is shared: configure has one to
// be changed.
func findBucket(tx *store.Tx, call *aws.Call, name string, owner *string) (*bucket, error) {
	b, err := buckets.Shared(tx, store.K(call.Partition, name))
	if errors.Is(err, store.ErrNotFound) {
		b, err = behindPoint(tx, call, name)
	}
	if err == nil && owner != nil && *owner != "" && *owner != b.Account {
		return nil, accessDenied()
	}
	if err == nil {
		err = pays(call, b)
	}
	return b, err
}

// getBucket returns a bucket of the call's region. Requests over HTTP that are signed for another region are redirected,
// as AWS's regional endpoints do; the region is in a header, which clients follow.
func getBucket(tx *store.Tx, call *aws.Call, name string, owner *string) (*bucket, error) {
	b, err := findBucket(tx, call, name, owner)
	if err != nil {
		return nil, err
	}
	regional := call.Request.Host != "" && call.Principal.Type != aws.PrincipalAnonymous &&
		!(call.Request.Presigned && call.Request.SignedAt.IsZero()) // URLs of Signature Version 2 name no region
	if regional && b.Region != call.Region {
		return nil, aws.NewError(http.StatusMovedPermanently, "PermanentRedirect",
			"The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.").
			With("Bucket", b.Name).With("Endpoint", b.Name+".s3."+b.Region+".amazonaws.com").With("x-amz-bucket-region", aws.Header(b.Region))
	}
	return b, nil
}

// canonicalID is the canonical user id of an account: 64 hexadecimal digits that do not give the account away.
func canonicalID(account string) string {
	if account == anonymousAccount {
		return anonymousID
	}
	sum := sha256.Sum256([]byte("drydock canonical user " + account))
	return hex.EncodeToString(sum[:])
}

func ownerOf(account string) *api.Owner { return &api.Owner{ID: new(canonicalID(account))} }

// validBucketName follows "General purpose bucket naming rules" of the S3 User Guide.
func validBucketName(name string) bool {
	if len(name) < 3 || len(name) > 63 || strings.Contains(name, "..") {
		return false
	}
	for i, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !letter && (c != '.' && c != '-' || i == 0 || i == len(name)-1) {
			return false
		}
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return false
	}
	for _, prefix := range []string{"xn--", "sthree-", "amzn-s3-demo-"} {
		if strings.HasPrefix(name, prefix) {
			return false
		}
	}
	for _, suffix := range []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"} {
		if strings.HasSuffix(name, suffix) {
			return false
		}
	}
	return true
}

// regionFor returns the region of a new bucket. The endpoint of us-east-1 makes buckets anywhere, that of another region
// only its own.
func regionFor(call *aws.Call, in *api.CreateBucketInput) (string, error) {
	constraint := ""
	if c := in.CreateBucketConfiguration; c != nil && c.LocationConstraint != nil {
		constraint = string(*c.LocationConstraint)
	}
	illegal := func(name string) error {
		return aws.NewError(http.StatusBadRequest, "IllegalLocationConstraintException",
			"The %s location constraint is incompatible for the region specific endpoint this request was sent to.", name)
	}
	region := constraint
	switch {
	case constraint == "" && call.Region != defaultRegion:
		return "", illegal("unspecified")
	case constraint == "":
		return defaultRegion, nil
	case !slices.Contains(api.BucketLocationConstraint("").Values(), constraint):
		return "", aws.NewError(http.StatusBadRequest, "InvalidLocationConstraint", "The specified location-constraint is not valid").
			With("LocationConstraint", constraint)
	case constraint == "EU":
		region = "eu-west-1"
	}
	if call.Region != defaultRegion && call.Region != region || aws.PartitionOf(region) != call.Partition {
		return "", illegal(constraint)
	}
	return region, nil
}

// defaultRegion is where buckets without a location constraint are.
const defaultRegion = "us-east-1"

// createBucket makes a bucket.
func (s *Service) createBucket(call *aws.Call, in *api.CreateBucketInput) (*api.CreateBucketOutput, error) {
	if !validBucketName(in.Bucket) {
		return nil, aws.NewError(http.StatusBadRequest, "InvalidBucketName", "The specified bucket is not valid.").With("BucketName", in.Bucket)
	}
	if c := in.CreateBucketConfiguration; c != nil && (c.Location != nil || c.Bucket != nil) {
		return nil, notImplemented("directory buckets")
	}
	if text(in.BucketNamespace) != "" && *in.BucketNamespace != api.BucketNamespaceGlobal {
		return nil, notImplemented("the bucket namespace %s", *in.BucketNamespace)
	}
	region, err := regionFor(call, in)
	if err != nil {
		return nil, err
	}
	b := &bucket{
		Partition: call.Partition, Name: in.Bucket, ID: call.NewHex(16), Account: call.Account, Region: region, Created: call.Now().Truncate(time.Second),
		Ownership: api.ObjectOwnershipBucketOwnerEnforced, PublicAccess: publicAccess{true, true, true, true, true},
	}
	if in.ObjectLockEnabledForBucket != nil && *in.ObjectLockEnabledForBucket {
		b.Lock.Enabled, b.Versioning = true, api.BucketVersioningStatusEnabled
	}
	if err := newBucketACL(b, in); err != nil {
		return nil, err
	}
	c := &config{BucketID: b.ID}
	if in.CreateBucketConfiguration != nil && len(in.CreateBucketConfiguration.Tags) > 0 {
		if c.Tags, err = checkTags(in.CreateBucketConfiguration.Tags, maxBucketTags); err != nil {
			return nil, err
		}
	}
	err = s.DB.Update(call, func(tx *store.Tx) error {
		old, err := buckets.Get(tx, buckets.Key(b))
		switch {
		case err == nil && old.Account != call.Account:
			return api.NewBucketAlreadyExists("The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.").With("BucketName", in.Bucket)
		case err == nil && old.Region == defaultRegion && region == defaultRegion: // us-east-1 keeps its old ways
			if !old.hasACLs() {
				return nil
			}
			old.ACL = b.ACL
			return buckets.Put(tx, old)
		case err == nil:
			return api.NewBucketAlreadyOwnedByYou("Your previous request to create the named bucket succeeded and you already own it.").With("BucketName", in.Bucket)
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		if err := configs.Put(tx, c); err != nil {
			return err
		}
		return buckets.Put(tx, b)
	})
	if err != nil {
		return nil, err
	}
	location := "/" + in.Bucket
	if region != defaultRegion {
		location = "http://" + in.Bucket + ".s3.amazonaws.com/"
	}
	return &api.CreateBucketOutput{Location: &location, BucketARN: new(b.arn())}, nil
}

// headBucket tells whether a bucket is there and where.
func (s *Service) headBucket(call *aws.Call, in *api.HeadBucketInput) (*api.HeadBucketOutput, error) {
	b, err := s.bucket(call, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	return &api.HeadBucketOutput{BucketRegion: &b.Region, BucketARN: new(b.arn()), AccessPointAlias: new(false)}, nil
}

// bucket reads a bucket on a snapshot of its own.
func (s *Service) bucket(call *aws.Call, name string, owner *string) (b *bucket, err error) {
	err = s.DB.View(call, func(tx *store.Tx) error {
		b, err = getBucket(tx, call, name, owner)
		return err
	})
	return b, err
}

// getBucketLocation tells a bucket's region, from any region.
func (s *Service) getBucketLocation(call *aws.Call, in *api.GetBucketLocationInput) (*api.GetBucketLocationOutput, error) {
	var b *bucket
	err := s.DB.View(call, func(tx *store.Tx) (err error) {
		b, err = findBucket(tx, call, in.Bucket, in.ExpectedBucketOwner)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &api.GetBucketLocationOutput{}
	if b.Region != defaultRegion {
		out.LocationConstraint = new(api.BucketLocationConstraint(b.Region))
	}
	return out, nil
}

// listBuckets lists the caller's buckets in all regions.
func (s *Service) listBuckets(call *aws.Call, in *api.ListBucketsInput) (*api.ListBucketsOutput, error) {
	limit := maxBucketsPage
	if in.MaxBuckets != nil {
		if limit = int(*in.MaxBuckets); limit < 1 || limit > maxBucketsPage {
			return nil, invalidArgument("max-buckets", "", "Argument max-buckets must be an integer between 1 and 10000.")
		}
	}
	space := store.K(call.Partition, call.Account)
	r := store.Range{Prefix: space}
	if in.Prefix != nil && *in.Prefix != "" {
		r.From, r.To = space.StringPrefix(*in.Prefix)
	}
	if in.ContinuationToken != nil && *in.ContinuationToken != "" {
		last, err := aws.DecodePageToken(*in.ContinuationToken, 1)
		if err != nil {
			return nil, invalidArgument("continuation-token", *in.ContinuationToken, "The continuation token provided is incorrect")
		}
		r.After = space.With(last[0]).End()
	}
	out := &api.ListBucketsOutput{Buckets: []api.Bucket{}, Owner: ownerOf(call.Account), Prefix: in.Prefix}
	err := s.DB.View(call, func(tx *store.Tx) error {
		last := ""
		for b, err := range bucketsByAccount.Scan(tx, r) {
			switch {
			case err != nil:
				return err
			case in.BucketRegion != nil && *in.BucketRegion != "" && *in.BucketRegion != b.Region:
				continue
			case len(out.Buckets) == limit:
				out.ContinuationToken = new(aws.EncodePageToken(last))
				return nil
			}
			last = b.Name
			out.Buckets = append(out.Buckets, api.Bucket{Name: &b.Name, CreationDate: &b.Created, BucketRegion: &b.Region, BucketARN: new(b.arn())})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// deleteBucket removes an empty bucket with its configurations. Uploads that were not completed go with it.
func (s *Service) deleteBucket(call *aws.Call, in *api.DeleteBucketInput) (*api.DeleteBucketOutput, error) {
	err := s.DB.Update(call, func(tx *store.Tx) error {
		b, err := getBucket(tx, call, in.Bucket, in.ExpectedBucketOwner)
		if err != nil {
			return err
		}
		if err := hasPoints(tx, b); err != nil {
			return err
		}
		space := store.K(b.ID)
		used, err := holdsObjects(tx, space)
		if err != nil {
			return err
		}
		if used {
			return bucketNotEmpty(b)
		}
		for u, err := range uploads.Scan(tx, store.Range{Prefix: space}) {
			if err == nil {
				err = s.dropUpload(tx, u)
			}
			if err != nil {
				return err
			}
		}
		if err := s.forgetBucket(tx, b); err != nil {
			return err
		}
		if _, err := configs.Delete(tx, space); err != nil {
			return err
		}
		if _, err := policies.Delete(tx, space); err != nil {
			return err
		}
		_, err = buckets.Delete(tx, buckets.Key(b))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteBucketOutput{}, nil
}

// holdsObjects tells whether a bucket has any version of any object.
func holdsObjects(tx *store.Tx, space store.Key) (bool, error) {
	for _, table := range []*store.Table[object]{currentObjects, olderObjects} {
		next, stop := iter.Pull2(table.Scan(tx, store.Range{Prefix: space}))
		_, err, found := next()
		stop()
		if found || err != nil {
			return true, err
		}
	}
	return false, nil
}

func bucketNotEmpty(b *bucket) error {
	message := "The bucket you tried to delete is not empty"
	if b.Versioning != "" {
		message += ". You must delete all versions in the bucket."
	}
	return aws.NewError(http.StatusConflict, "BucketNotEmpty", "%s", message).With("BucketName", b.Name)
}
