package sts

import "time"

// Quotas and defaults.
const (
	defaultRoleSession   = time.Hour
	defaultUserSession   = 12 * time.Hour
	maxRootSession       = time.Hour // of the root user's GetSessionToken and GetFederationToken
	maxChainedSession    = time.Hour
	maxSession           = 12 * time.Hour
	maxSkew              = time.Minute     // by which the clocks of identity providers may be ahead
	maxRedeem            = 5 * time.Minute // in which a SAML assertion has to be used
	maxSessionPolicy     = 2048            // characters of a session policy, and of it with the ARNs of managed ones
	maxSessionPolicyARNs = 10
	maxSessionTags       = 50
	maxTagKey            = 128 // characters
	maxTagValue          = 256
	packedBytes          = 2048 // what policies and tags may take when they are packed
	accessDenied         = "AccessDenied"
	packedPercentOfQuota = 100
	notMFA               = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user."
)
