// Package all is the list of the services.
package all

import (
	"drydock/service"
	"drydock/service/codebuild"
	"drydock/service/codecommit"
	"drydock/service/iam"
	"drydock/service/kms"
	"drydock/service/logs"
	"drydock/service/s3"
	"drydock/service/sts"
)

// Modules makes every service, in the order in which they start.
func Modules(d service.Deps) []service.Module {
	return append(s3.Modules(d),
		iam.New(d),
		sts.New(d),
		kms.New(d),
		logs.New(d),
		codecommit.New(d),
		codebuild.New(d),
	)
}
