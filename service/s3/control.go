package s3

import (
	control "drydock/api/s3control"
	"drydock/aws"
	"drydock/service"
)

// Modules returns the service's two APIs: S3, and S3 Control, which has what belongs to accounts rather than to buckets.
// They share rows.
func Modules(d service.Deps) []service.Module {
	s := newService(d)
	return []service.Module{{API: control.API, Operations: s.controlOperations()}, s.module()}
}

// controlOperations is the table of what is carried out of S3 Control.
func (s *Service) controlOperations() []aws.Handler {
	return []aws.Handler{
		control.PutPublicAccessBlock.Handle(s.putAccountBlock),
		control.GetPublicAccessBlock.Handle(s.getAccountBlock),
		control.DeletePublicAccessBlock.Handle(s.deleteAccountBlock),

		control.CreateAccessPoint.Handle(s.createAccessPoint),
		control.GetAccessPoint.Handle(s.getAccessPoint),
		control.ListAccessPoints.Handle(s.listAccessPoints),
		control.DeleteAccessPoint.Handle(s.deleteAccessPoint),
		control.PutAccessPointPolicy.Handle(s.putAccessPointPolicy),
		control.GetAccessPointPolicy.Handle(s.getAccessPointPolicy),
		control.GetAccessPointPolicyStatus.Handle(s.getAccessPointPolicyStatus),
		control.DeleteAccessPointPolicy.Handle(s.deleteAccessPointPolicy),

		control.TagResource.Handle(s.tagResource),
		control.UntagResource.Handle(s.untagResource),
		control.ListTagsForResource.Handle(s.listTagsForResource),
	}
}
