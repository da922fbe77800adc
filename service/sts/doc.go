// Package sts is the AWS Security Token Service: temporary credentials for roles, users and federated users, and what
// tells a caller who it is.
//
// Nothing is stored: a session token carries its session, and what the session may do is decided at each request by the
// policies that its role or user has then. So deleting a role ends its sessions. Whether a role may be assumed is asked by
// the handlers, once the second factor or the identity provider's word is checked, because both are condition keys: the role's
// trust policy and the caller's own policies decide. IAM gives the trust policy as a fact of the role, the provider by its
// operations, and judges second factors (service.Vault).
//
// Tokens and assertions of identity providers are judged on the cloud's clock. Keys of OpenID Connect issuers are fetched for
// each token (package engine/oidc says from where). Of an issuer's claims policies see aud, sub, amr, oaud, those of GitHub
// that AWS lists and Google's email. A SAML assertion is for AWS's sign-in addresses, and can be used again until it expires.
//
// Unlike the root user of an account at AWS, a caller that is root only because its access key was not issued here may
// assume roles that trust the account.
//
// Not here: AssumeRoot, delegated access tokens, access tokens of OAuth 2.0 (ProviderId), context assertions, identities of
// Amazon Cognito. A role's tags are those it had when the session was opened.
//
// It follows the "AWS Security Token Service API Reference" (2011-06-15) and the IAM user guide's "IAM and AWS STS quotas".
package sts
