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
// Not here: passwords and password policies, MFA devices, SAML and OIDC providers, server certificates, SSH keys,
// credential and access reports, delegation requests. Their operations answer NotImplemented.
//
// It follows the "AWS Identity and Access Management API Reference" (2010-05-08) and the user guide's "IAM and AWS STS
// quotas" and "IAM identifiers".
package iam
