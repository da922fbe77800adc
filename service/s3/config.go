package s3

import (
	"net/http"
	"slices"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
)

// config is what is configured for a bucket beside what each request must know.
type config struct {
	BucketID          string
	Tags              []api.Tag                              `cbor:",omitempty"`
	CORS              []api.CORSRule                         `cbor:",omitempty"`
	Lifecycle         []api.LifecycleRule                    `cbor:",omitempty"`
	TransitionMinimum api.TransitionDefaultMinimumObjectSize `cbor:",omitempty"`
	Encryption        []api.ServerSideEncryptionRule         `cbor:",omitempty"`
	Replication       *api.ReplicationConfiguration          `cbor:",omitempty"`
	Notification      *api.NotificationConfiguration         `cbor:",omitempty"`
	// Listeners are the destinations in Notification.
	Listeners  []listener                 `cbor:",omitempty"`
	Logging    *api.LoggingEnabled        `cbor:",omitempty"`
	Website    *api.WebsiteConfiguration  `cbor:",omitempty"`
	Accelerate api.BucketAccelerateStatus `cbor:",omitempty"`
}

var configs = store.NewTable("s3/config", func(c *config) store.Key { return store.K(c.BucketID) })

// publicAccess is a bucket's block of public access. Configured tells one that blocks nothing from none at all.
type publicAccess struct{ BlockACLs, IgnoreACLs, BlockPolicy, Restrict, Configured bool }

// config reads a bucket's configuration.
func (s *Service) config(call *aws.Call, name string, owner *string) (b *bucket, c *config, err error) {
	err = s.DB.View(call, func(tx *store.Tx) error {
		if b, err = getBucket(tx, call, name, owner); err != nil {
			return err
		}
		c, err = configs.Get(tx, store.K(b.ID))
		return err
	})
	return b, c, err
}

// configure changes a bucket's configuration.
func (s *Service) configure(call *aws.Call, name string, owner *string, change func(*store.Tx, *bucket, *config) error) error {
	return s.DB.Update(call, func(tx *store.Tx) error {
		b, err := getBucket(tx, call, name, owner)
		if err != nil {
			return err
		}
		if b, err = buckets.Get(tx, buckets.Key(b)); err != nil {
			return err
		}
		c, err := configs.Get(tx, store.K(b.ID))
		if err != nil {
			return err
		}
		if err := change(tx, b, c); err != nil {
			return err
		}
		if err := configs.Put(tx, c); err != nil {
			return err
		}
		return buckets.Put(tx, b)
	})
}

// putBucketVersioning enables or suspends versioning.
func (s *Service) putBucketVersioning(call *aws.Call, in *api.PutBucketVersioningInput) (*api.PutBucketVersioningOutput, error) {
	status := text(in.VersioningConfiguration.Status)
	if !slices.Contains(api.BucketVersioningStatus("").Values(), status) {
		return nil, aws.NewError(http.StatusBadRequest, "IllegalVersioningConfigurationException", "The Versioning element must be specified")
	}
	if text(in.VersioningConfiguration.MFADelete) == string(api.MFADeleteEnabled) {
		return nil, notImplemented("MFA delete")
	}
	return &api.PutBucketVersioningOutput{}, s.configure(call, in.Bucket, in.ExpectedBucketOwner, func(_ *store.Tx, b *bucket, _ *config) error {
		if b.Lock.Enabled && status != string(api.BucketVersioningStatusEnabled) {
			return aws.NewError(http.StatusConflict, "InvalidBucketState", "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.")
		}
		if err := keepVersioning(b, status); err != nil {
			return err
		}
		b.Versioning = api.BucketVersioningStatus(status)
		return nil
	})
}

// getBucketVersioning tells the state, nothing as long as versioning never was enabled.
func (s *Service) getBucketVersioning(call *aws.Call, in *api.GetBucketVersioningInput) (*api.GetBucketVersioningOutput, error) {
	b, err := s.bucket(call, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	return &api.GetBucketVersioningOutput{Status: optional(b.Versioning)}, nil
}

// putBucketEncryption sets how objects are encrypted whose uploads do not say.
func (s *Service) putBucketEncryption(call *aws.Call, in *api.PutBucketEncryptionInput) (*api.PutBucketEncryptionOutput, error) {
	rules := in.ServerSideEncryptionConfiguration.Rules
	if len(rules) != 1 {
		return nil, malformedXML()
	}
	next, err := checkDefaults(&rules[0])
	if err != nil {
		return nil, err
	}
	return &api.PutBucketEncryptionOutput{}, s.configure(call, in.Bucket, in.ExpectedBucketOwner, func(_ *store.Tx, b *bucket, c *config) error {
		c.Encryption, b.Encryption = rules, next
		return nil
	})
}

// getBucketEncryption shows the default encryption, which every bucket has.
func (s *Service) getBucketEncryption(call *aws.Call, in *api.GetBucketEncryptionInput) (*api.GetBucketEncryptionOutput, error) {
	_, c, err := s.config(call, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	rules := c.Encryption
	if len(rules) == 0 {
		rules = []api.ServerSideEncryptionRule{{
			ApplyServerSideEncryptionByDefault: &api.ServerSideEncryptionByDefault{SSEAlgorithm: api.ServerSideEncryptionAes256}, BucketKeyEnabled: new(false),
		}}
	}
	return &api.GetBucketEncryptionOutput{ServerSideEncryptionConfiguration: &api.ServerSideEncryptionConfiguration{Rules: rules}}, nil
}

// deleteBucketEncryption goes back to the default, SSE-S3.
func (s *Service) deleteBucketEncryption(call *aws.Call, in *api.DeleteBucketEncryptionInput) (*api.DeleteBucketEncryptionOutput, error) {
	return &api.DeleteBucketEncryptionOutput{}, s.configure(call, in.Bucket, in.ExpectedBucketOwner, func(_ *store.Tx, b *bucket, c *config) error {
		c.Encryption, b.Encryption = nil, defaults{}
		return nil
	})
}

// putPublicAccessBlock sets what public access is blocked.
func (s *Service) putPublicAccessBlock(call *aws.Call, in *api.PutPublicAccessBlockInput) (*api.PutPublicAccessBlockOutput, error) {
	on := func(p *bool) bool { return p != nil && *p }
	p := &in.PublicAccessBlockConfiguration
	block := publicAccess{on(p.BlockPublicACLs), on(p.IgnorePublicACLs), on(p.BlockPublicPolicy), on(p.RestrictPublicBuckets), true}
	return &api.PutPublicAccessBlockOutput{}, s.configure(call, in.Bucket, in.ExpectedBucketOwner, func(_ *store.Tx, b *bucket, _ *config) error {
		b.PublicAccess = block
		return nil
	})
}

// getPublicAccessBlock shows what public access is blocked.
func (s *Service) getPublicAccessBlock(call *aws.Call, in *api.GetPublicAccessBlockInput) (*api.GetPublicAccessBlockOutput, error) {
	b, err := s.bucket(call, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	p := b.PublicAccess
	if !p.Configured {
		return nil, missingConfiguration("NoSuchPublicAccessBlockConfiguration", b.Name, "The public access block configuration was not found")
	}
	return &api.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: &api.PublicAccessBlockConfiguration{
		BlockPublicACLs: &p.BlockACLs, IgnorePublicACLs: &p.IgnoreACLs, BlockPublicPolicy: &p.BlockPolicy, RestrictPublicBuckets: &p.Restrict,
	}}, nil
}

// deletePublicAccessBlock blocks nothing any more.
func (s *Service) deletePublicAccessBlock(call *aws.Call, in *api.DeletePublicAccessBlockInput) (*api.DeletePublicAccessBlockOutput, error) {
	return &api.DeletePublicAccessBlockOutput{}, s.configure(call, in.Bucket, in.ExpectedBucketOwner, func(_ *store.Tx, b *bucket, _ *config) error {
		b.PublicAccess = publicAccess{}
		return nil
	})
}
