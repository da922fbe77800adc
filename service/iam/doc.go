// Package iam is AWS Identity and Access Management: users, groups, roles and instance profiles, the policies attached to
// them, access keys, service-specific credentials for git, and the policy simulator. It also is the policy.Identity that
// the gateway asks for every request.
//
// Invariants: IAM is global, so rows are keyed by account and never by region. Names are unique in any case of their
// letters, and found in any. Every change of what a caller may do goes through Service.update, which marks the account as
// changed in the same transaction: whatever is remembered of an account counts only as long as its mark stands, so that
// any number of processes may remember. Trust policies hold the unique ids of the principals that they name; a principal
// that is deleted and made again is another one.
//
// There is no console to sign in to, so a password is good for ChangePassword only: that it has expired or must be changed is
// told and keeps nobody out. MFA devices are virtual ones, of users; codes count on the cloud's clock, each once. The
// thumbprint of an OpenID Connect issuer that is not given is asked for, and stays empty where the issuer does not answer,
// which at AWS is an error; an issuer may have a port, and one on a loopback or private address speaks plain HTTP, which AWS
// does not take. A service's own role is deleted without asking whether the service still uses it.
//
// Last uses are written once an hour for each key, and for each action of each user and role (useLog), in the request that is
// the first to do it: reports are exact to the hour, and no queue has to survive a crash. Of the root user
// only the keys are followed. Of tracked actions a report lists those that were used.
//
// The simulators take the scenario of ResourceHandlingOption and ask for the action alone: the resources that launching an
// instance needs besides come with EC2.
//
// Not here: MFA devices of the root user, hardware devices, delegation requests, the management of root credentials, reports on
// an organization. Their operations answer NotImplemented.
//
// It follows the "AWS Identity and Access Management API Reference" (2010-05-08) and the user guide's "IAM and AWS STS
// quotas" and "IAM identifiers".
package iam
