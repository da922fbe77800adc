package sts

import (
	api "drydock/api/sts"
	"drydock/aws"
	"drydock/service"
)

// Service is STS.
type Service struct{ service.Deps }

// New returns the service's module.
func New(d service.Deps) service.Module {
	s := &Service{Deps: d}
	return service.Module{API: api.API, Operations: s.operations()}
}

// operations is the table of what the service carries out.
func (s *Service) operations() []aws.Handler {
	return []aws.Handler{
		api.AssumeRole.Handle(s.assumeRole),
		api.AssumeRoleWithSAML.Handle(s.assumeRoleWithSAML),
		api.AssumeRoleWithWebIdentity.Handle(s.assumeRoleWithWebIdentity),
		api.GetSessionToken.Handle(s.getSessionToken),
		api.GetFederationToken.Handle(s.getFederationToken),
		api.GetCallerIdentity.Handle(s.getCallerIdentity),
		api.GetAccessKeyInfo.Handle(s.getAccessKeyInfo),
		api.DecodeAuthorizationMessage.Handle(s.decodeAuthorizationMessage),
	}
}
