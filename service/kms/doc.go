// Package kms is AWS Key Management Service: symmetric, asymmetric and HMAC keys that really encrypt, sign and
// authenticate; aliases, key policies and grants; states, rotation and deletion on the clock; keys of several regions; and
// import of key material.
//
// # What other services rely on
//
// A service encrypts with a key by kms.GenerateDataKey, Encrypt and Decrypt of api/kms, and looks it up by DescribeKey, in
// one of two ways:
//
//   - On behalf of the requester: the call keeps the requester as its principal and has Request.ViaService set to the
//     service's principal, "s3.amazonaws.com". From it and the call's region comes kms:ViaService,
//     "s3.us-east-1.amazonaws.com"; a value that names the region already is taken as it is.
//   - As itself: the principal is aws.ServicePrincipal("logs.us-east-1.amazonaws.com", account), as the key policies of that
//     service name it. Such a call comes from the account's own service: it counts as one by that service for
//     kms:ViaService, and kms:CallerAccount is the account given.
//
// The key is given as users give it: id, ARN, alias or alias ARN. Where the user named none, it is the service's AWS
// managed key, "alias/aws/s3": the first such call of an account in a region creates it, with the policy that lets every
// principal of the account use it through that service and nobody use it directly; DescribeKey of the alias creates it
// too, as on AWS. It rotates each year, and its policy lets nobody disable, delete, tag or change it. managed.go lists the
// services that have one.
//
// A ciphertext names its key, so Decrypt needs no KeyId; whoever stores one stores the key's ARN for showing it. The errors
// that matter to a caller: AccessDeniedException, NotFoundException, DisabledException, KMSInvalidStateException (pending
// deletion or import), InvalidCiphertextException (a wrong encryption context too). The encryption context is
// authenticated and shows in policies as kms:EncryptionContext:KEY. Operations read one row, two with an alias.
//
// # Invariants
//
// Key material is sealed under the root key of the data directory before it is stored, bound to its key, and is never
// logged. A ciphertext names account, key and material, so material that was rotated out still decrypts; it is made with a
// key of its own, derived from the material and 128 random bits, so a key does not wear out. Keys of several regions share
// id and material, and a change of either happens in all of their rows at once. Who may use a key is asked in the
// operation's handler, which knows the key behind an alias or a ciphertext; who may manage it is asked before, by
// api/authz. Grants are policies on the key: they count at once, so grant tokens are checked and not needed.
//
// # Quotas
//
// An account's cryptographic operations in a region count against the shared quota of the key's kind: 10,000, 20,000 or
// 100,000 a second, by region, for symmetric keys, HMAC keys and GenerateRandom, 1,000 for RSA keys, 1,000 for elliptic
// curves. Those that services make for a caller count as well, and a caller who uses another account's key counts where it
// comes from. A request counts once its key is known and the caller is allowed to use it. Beyond the quota it fails with
// ThrottlingException. Each quota can be set, by the code that Service Quotas has for it: "kms/L-6E3AF000" (symmetric),
// "kms/L-2AC98190" (RSA), "kms/L-DC14942D" (elliptic curves).
//
// Seconds are the machine's, not the cloud's. A quota bounds how fast a program calls, which nobody winds forward: by the
// cloud's clock a stopped cloud would never admit a program again that made its quota of calls, and a scaled or skipping
// one would admit any rate.
//
// # Differences
//
// What differs from AWS, or is not honoured:
//   - Custom key stores (CloudHSM, external) are not there: there are none to describe, and keys in them are refused.
//   - Keys of the specs SM2 and ML_DSA_44, 65 and 87, and wrapping under RSAES_PKCS1_V1_5 or SM2PKE, are refused.
//   - Recipient, for Nitro enclaves, is refused. GetKeyLastUsage answers NotImplemented.
//   - GetKeyPolicy and ListGrants go on to show the ARN of a user or role that was deleted, where AWS shows its unique id.
//     As on AWS, one made anew under that name has not what the deleted one had.
//   - A grantee of another account needs the consent of that account's policies too.
//   - Of the condition keys those are missing that come from Nitro attestations, custom key stores and networks, and
//     kms:GrantConstraintType.
//   - Of the quotas on requests per second there are the shared ones on cryptographic operations.
//
// It follows the "AWS Key Management Service API Reference" (2014-11-01), and of the developer guide "Key states of AWS KMS
// keys", "Rotating AWS KMS keys", "Multi-Region keys", "Importing key material", "Grants" and "AWS KMS condition keys".
package kms
