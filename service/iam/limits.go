package iam

import "time"

// Quotas and defaults, as "IAM and AWS STS quotas" lists them.
const (
	maxUsers            = 5000
	maxGroups           = 300
	maxRoles            = 1000
	maxPolicies         = 1500
	maxInstanceProfiles = 1000

	maxGroupsPerUser       = 10
	maxAttached            = 10 // managed policies a user, group or role
	maxKeysPerUser         = 2
	maxCredentials         = 2 // service-specific ones a user and service
	maxMFADevices          = 8
	maxSerialLength        = 256 // of an MFA device, which is the ARN of a virtual one
	maxSSHKeys             = 5
	maxSigningCertificates = 2
	maxServerCertificates  = 20
	maxOIDCProviders       = 100
	maxSAMLProviders       = 100
	maxClientIDs           = 100
	maxThumbprints         = 5
	maxReusePrevention     = 24
	maxVersions            = 5 // a managed policy
	maxTags                = 50
	maxRolesPerProfile     = 1
	maxPolicySize          = 6144 // characters that are not white space, as in those below
	maxUserInlineSize      = 2048
	maxGroupInlineSize     = 5120
	maxRoleInlineSize      = 10240
	maxTrustPolicySize     = 2048
	defaultSessionHours    = 1
	defaultPageSize        = 100

	defaultPasswordLength = 8 // where an account has no policy
	defaultPasswordKinds  = 3 // of four kinds of characters, there
	policyPasswordLength  = 6 // of a policy that names none
)

// How long reports last, and how far back they look.
const (
	credentialReportLife = 4 * time.Hour
	accessReportLife     = 7 * 24 * time.Hour
	accessReportDays     = 400
)

// useResolution is how exactly the last use of keys and roles is known: it is written once in this time.
const useResolution = time.Hour
