// Package terraform applies Terraform modules to drydock with the stock provider: each folder of testdata is a module that
// uses the resources of one service. It is applied, planned again without a change, applied with its variable revision
// raised, planned again, and destroyed. The test wants terraform and a mirror of the provider, so it has a build tag and a
// target of its own: make terraform.
package terraform
