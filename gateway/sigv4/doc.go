// Package sigv4 verifies, on the server's side, that an HTTP request was signed by the holder of an AWS access key:
// Signature Version 4 in the Authorization header, in a presigned URL and in the fields of a browser's upload form, its
// asymmetric variant SigV4a, and the chunked and trailing forms of signed payloads. It words each refusal as the AWS
// service concerned words it. A small client-side Signer is here too, for tools and tests.
//
// The package decides who signed a request and that it arrived unaltered. It does not decide what the signer may do,
// which service a request is for, or whether a request without a signature is welcome: those are the gateway's.
// Signature Version 2 is refused but in the presigned URLs and upload forms of S3, which botocore makes by default.
//
// Signed times are judged by the machine's clock, since that is what a client signs with, and not by the cloud's.
package sigv4
