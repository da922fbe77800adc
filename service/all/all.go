// Package all is the list of the services.
package all

import (
	"drydock/service"
	"drydock/service/logs"
	"drydock/service/s3"
)

// Modules makes every service, in the order in which they start.
func Modules(d service.Deps) []service.Module {
	return []service.Module{
		logs.New(d),
		s3.New(d),
	}
}
