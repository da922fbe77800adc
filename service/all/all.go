// Package all is the list of the services.
package all

import (
	"drydock/service"
	"drydock/service/codecommit"
	"drydock/service/logs"
)

// Modules makes every service, in the order in which they start.
func Modules(d service.Deps) []service.Module {
	return []service.Module{
		codecommit.New(d),
		logs.New(d),
	}
}
