// Package sts is the AWS Security Token Service: temporary credentials for roles, users and federated users, and what
// tells a caller who it is.
//
// Nothing is stored: a session token carries its session, and what the session may do is decided at each request by the
// policies that its role or user has then. So deleting a role ends its sessions. Whether a role may be assumed is decided
// before the handler runs, by the role's trust policy and the caller's own policies: IAM gives the trust policy as a fact
// of the role.
//
// Unlike the root user of an account at AWS, a caller that is root only because its access key was not issued here may
// assume roles that trust the account.
//
// Not here: AssumeRoleWithSAML and AssumeRoleWithWebIdentity, AssumeRoot, second factors (there are no MFA devices, so each
// one named is wrong). A role's tags are those it had when the session was opened.
//
// It follows the "AWS Security Token Service API Reference" (2011-06-15) and the IAM user guide's "IAM and AWS STS quotas".
package sts
