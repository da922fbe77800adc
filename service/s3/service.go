package s3

import (
	"context"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/policy"
	"drydock/service"
	"drydock/task"
)

// Service is Amazon S3.
type Service struct {
	service.Deps
	documents  policy.Cache
	readers    readers
	recorder   recorder
	digests    digests
	bucketKeys bucketKeys
	// plaintexts keeps what is read again and again.
	plaintexts plaintexts
}

// New returns the module of S3 alone: see Modules.
func New(d service.Deps) service.Module {
	return newService(d).module()
}

func newService(d service.Deps) *Service { return &Service{Deps: d} }

func (s *Service) module() service.Module {
	return service.Module{
		API:        api.API,
		Operations: s.operations(),
		Tasks: []task.Kind{
			{Name: garbageKind, Reconcile: s.collect},
			{Name: lifecycleKind, Reconcile: s.expire},
			{Name: planKind, Reconcile: s.replan},
			{Name: restoreKind, Reconcile: s.restored},
			{Name: zoneKind, Reconcile: s.sweepZone},
			{Name: replicationKind, Reconcile: s.replicate},
			{Name: accessLogKind, Reconcile: s.deliver},
			{Name: inventoryKind, Reconcile: s.report},
			{Name: adoptKind, Reconcile: s.adopt},
		},
		DataPlanes: []service.DataPlane{s.websites()},
		Accessed:   s.logAccess,
		Resources:  s.resources(),
		FactsFor:   s.facts,
		CORS:       s.cors,
		Faults:     map[string]func(*aws.Call, map[string]string) error{"lose": s.lose, "lose-zone": s.loseZone},
		Holds:      s.holds,
		Start:      s.start,
		Stop:       s.stop,
	}
}

func (s *Service) stop(ctx context.Context) error {
	s.digests.close()
	return s.flush(ctx)
}

// operations is the table of what the service carries out.
func (s *Service) operations() []aws.Handler {
	return []aws.Handler{
		api.CreateBucket.Handle(s.createBucket),
		api.HeadBucket.Handle(s.headBucket),
		api.GetBucketLocation.Handle(s.getBucketLocation),
		api.ListBuckets.Handle(s.listBuckets),
		api.DeleteBucket.Handle(s.deleteBucket),

		api.PutObject.Handle(s.putObject),
		api.GetObject.Handle(s.getObject),
		api.HeadObject.Handle(s.headObject),
		api.GetObjectAttributes.Handle(s.getObjectAttributes),
		api.CopyObject.Handle(s.copyObject),
		api.DeleteObject.Handle(s.deleteObject),
		api.DeleteObjects.Handle(s.deleteObjects),
		api.SelectObjectContent.Handle(s.selectObjectContent),
		api.ListObjects.Handle(s.listObjects),
		api.ListObjectsV2.Handle(s.listObjectsV2),
		api.ListObjectVersions.Handle(s.listObjectVersions),

		api.RestoreObject.Handle(s.restoreObject),
		api.PutObjectLockConfiguration.Handle(s.putObjectLockConfiguration),
		api.GetObjectLockConfiguration.Handle(s.getObjectLockConfiguration),
		api.PutObjectRetention.Handle(s.putObjectRetention),
		api.GetObjectRetention.Handle(s.getObjectRetention),
		api.PutObjectLegalHold.Handle(s.putObjectLegalHold),
		api.GetObjectLegalHold.Handle(s.getObjectLegalHold),

		api.CreateMultipartUpload.Handle(s.createMultipartUpload),
		api.UploadPart.Handle(s.uploadPart),
		api.UploadPartCopy.Handle(s.uploadPartCopy),
		api.ListParts.Handle(s.listParts),
		api.ListMultipartUploads.Handle(s.listMultipartUploads),
		api.CompleteMultipartUpload.Handle(s.completeMultipartUpload),
		api.AbortMultipartUpload.Handle(s.abortMultipartUpload),

		api.PutObjectTagging.Handle(s.putObjectTagging),
		api.GetObjectTagging.Handle(s.getObjectTagging),
		api.DeleteObjectTagging.Handle(s.deleteObjectTagging),
		api.PutBucketTagging.Handle(s.putBucketTagging),
		api.GetBucketTagging.Handle(s.getBucketTagging),
		api.DeleteBucketTagging.Handle(s.deleteBucketTagging),

		api.PutBucketVersioning.Handle(s.putBucketVersioning),
		api.GetBucketVersioning.Handle(s.getBucketVersioning),
		api.PutBucketEncryption.Handle(s.putBucketEncryption),
		api.GetBucketEncryption.Handle(s.getBucketEncryption),
		api.DeleteBucketEncryption.Handle(s.deleteBucketEncryption),
		api.PutBucketLifecycleConfiguration.Handle(s.putBucketLifecycleConfiguration),
		api.GetBucketLifecycleConfiguration.Handle(s.getBucketLifecycleConfiguration),
		api.DeleteBucketLifecycle.Handle(s.deleteBucketLifecycle),
		api.PutBucketCors.Handle(s.putBucketCORS),
		api.GetBucketCors.Handle(s.getBucketCORS),
		api.DeleteBucketCors.Handle(s.deleteBucketCORS),

		api.PutBucketPolicy.Handle(s.putBucketPolicy),
		api.GetBucketPolicy.Handle(s.getBucketPolicy),
		api.GetBucketPolicyStatus.Handle(s.getBucketPolicyStatus),
		api.DeleteBucketPolicy.Handle(s.deleteBucketPolicy),
		api.PutPublicAccessBlock.Handle(s.putPublicAccessBlock),
		api.GetPublicAccessBlock.Handle(s.getPublicAccessBlock),
		api.DeletePublicAccessBlock.Handle(s.deletePublicAccessBlock),
		api.PutBucketOwnershipControls.Handle(s.putBucketOwnershipControls),
		api.GetBucketOwnershipControls.Handle(s.getBucketOwnershipControls),
		api.DeleteBucketOwnershipControls.Handle(s.deleteBucketOwnershipControls),
		api.PutBucketACL.Handle(s.putBucketACL),
		api.GetBucketACL.Handle(s.getBucketACL),
		api.PutObjectACL.Handle(s.putObjectACL),
		api.GetObjectACL.Handle(s.getObjectACL),

		api.PutBucketAccelerateConfiguration.Handle(s.putBucketAccelerateConfiguration),
		api.GetBucketAccelerateConfiguration.Handle(s.getBucketAccelerateConfiguration),
		api.PutBucketRequestPayment.Handle(s.putBucketRequestPayment),
		api.GetBucketRequestPayment.Handle(s.getBucketRequestPayment),
		api.PutBucketLogging.Handle(s.putBucketLogging),
		api.GetBucketLogging.Handle(s.getBucketLogging),
		api.PutBucketNotificationConfiguration.Handle(s.putBucketNotificationConfiguration),
		api.GetBucketNotificationConfiguration.Handle(s.getBucketNotificationConfiguration),
		api.PutBucketReplication.Handle(s.putBucketReplication),
		api.GetBucketReplication.Handle(s.getBucketReplication),
		api.DeleteBucketReplication.Handle(s.deleteBucketReplication),
		api.PutBucketWebsite.Handle(s.putBucketWebsite),
		api.GetBucketWebsite.Handle(s.getBucketWebsite),
		api.DeleteBucketWebsite.Handle(s.deleteBucketWebsite),

		api.PutBucketInventoryConfiguration.Handle(s.putBucketInventoryConfiguration),
		api.GetBucketInventoryConfiguration.Handle(s.getBucketInventoryConfiguration),
		api.ListBucketInventoryConfigurations.Handle(s.listBucketInventoryConfigurations),
		api.DeleteBucketInventoryConfiguration.Handle(s.deleteBucketInventoryConfiguration),
		api.PutBucketAnalyticsConfiguration.Handle(s.putBucketAnalyticsConfiguration),
		api.GetBucketAnalyticsConfiguration.Handle(s.getBucketAnalyticsConfiguration),
		api.ListBucketAnalyticsConfigurations.Handle(s.listBucketAnalyticsConfigurations),
		api.DeleteBucketAnalyticsConfiguration.Handle(s.deleteBucketAnalyticsConfiguration),
		api.PutBucketMetricsConfiguration.Handle(s.putBucketMetricsConfiguration),
		api.GetBucketMetricsConfiguration.Handle(s.getBucketMetricsConfiguration),
		api.ListBucketMetricsConfigurations.Handle(s.listBucketMetricsConfigurations),
		api.DeleteBucketMetricsConfiguration.Handle(s.deleteBucketMetricsConfiguration),
		api.PutBucketIntelligentTieringConfiguration.Handle(s.putBucketIntelligentTieringConfiguration),
		api.GetBucketIntelligentTieringConfiguration.Handle(s.getBucketIntelligentTieringConfiguration),
		api.ListBucketIntelligentTieringConfigurations.Handle(s.listBucketIntelligentTieringConfigurations),
		api.DeleteBucketIntelligentTieringConfiguration.Handle(s.deleteBucketIntelligentTieringConfiguration),
	}
}
