// Package all is the list of the services.
package all

import (
	"slices"

	"drydock/service"
	"drydock/service/codebuild"
	"drydock/service/codecommit"
	"drydock/service/iam"
	"drydock/service/logs"
	"drydock/service/s3"
	"drydock/service/sts"
)

// Modules makes every service, in the order in which they start.
func Modules(d service.Deps) []service.Module {
	return slices.Concat(
		[]service.Module{
			iam.New(d),
			sts.New(d),
		},
		s3.Modules(d),
		[]service.Module{
			logs.New(d),
			codecommit.New(d),
			codebuild.New(d),
		},
	)
}
