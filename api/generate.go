// Package api is the folder of the generated packages, one for each AWS service: the types of its operations' inputs
// and outputs, the operations themselves and the constructors of its errors. Behaviour has no place below it.
//
// services.txt lists the services, patches/ holds fixes of their models, authz/ the permissions of their operations.
package api

//go:generate go run ../cmd/apigen
