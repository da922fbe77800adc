// Package s3 is Amazon S3: buckets, objects with their versions, multipart uploads, and the configurations of buckets
// that drydock honours. Operations on configurations that it does not honour are not bound, except for reading what was
// never set.
//
// # Rows
//
// A bucket's name is unique in a partition, whoever owns it. The latest version of a key is a row of currentObjects
// unless it is a delete marker; all other versions, and delete markers, are rows of olderObjects, newest first. So a
// bucket that never had versioning has one row a key, and listing it reads nothing else. A few bytes are in these rows,
// sealed; more are in contents, which copies share by counting references: a content is a list of segments, one for each
// part of a multipart upload, and a segment is a blob or, when it is small, sealed bytes in the row itself.
//
// Every change of an object passes putLatest or removeVersion, which keep this order and the lifecycle's due rows.
//
// # Bytes
//
// Bodies are streamed: read, hashed and sealed in one pass, in constant memory. All content is sealed under a random
// key for each segment, which is wrapped by the data directory's root key, by a data key of KMS (SSE-KMS), or by the
// customer's (SSE-C), which is not kept. Blobs are committed before the row that refers to them; those that lose their row
// become garbage rows in the same transaction, which a task removes.
//
// # Who may do what
//
// An access control list counts as a resource-based policy beside the bucket's own: facts writes its grants to the caller
// as statements, so that the policy engine weighs them, and explanations show them. An object of another account than the
// bucket's is that account's to grant, and the bucket owner's to deny and to delete. Canonical user ids are derived from
// account ids and cannot be turned back, so any well-formed id is taken for an account's. Grants to e-mail addresses are
// refused as S3 does since October 2025.
//
// # Archives
//
// A version in GLACIER or DEEP_ARCHIVE is read once RestoreObject has made a copy, which takes as long on the clock as AWS
// says; a task ends the restore and later the copy. What is in an archive tier of INTELLIGENT_TIERING
// comes back for good.
//
// # Encryption
//
// KMS is called as the requester, through S3, and never within a transaction. A bucket that encrypts by default with KMS is
// noticed by the transaction that writes: the segments' keys are then wrapped anew, so that other buckets pay nothing. Bucket
// keys are kept in memory for minutes, for the caller that KMS gave them to. Dual-layer encryption is one layer here, and
// neither SSE-C nor SSE-KMS is refused over plain HTTP.
//
// # SelectObjectContent
//
// The language and the readers of CSV and JSON are lang/s3select's; results stream while the object is read.
//
// Not here: MFA delete, restores of type SELECT; SelectObjectContent of Parquet and with scan ranges.
package s3
