// Package s3 is Amazon S3: buckets, objects with their versions, multipart uploads, and what buckets are configured to do;
// and, as a second API over the same rows, what S3 Control has of accounts and access points.
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
// says; a task ends the restore and later the copy. Which tier of INTELLIGENT_TIERING an object is in follows from when it
// was read last, which is written at most once a day: nothing happens when an object moves, so s3:IntelligentTiering, the
// event, cannot be waited for.
//
// # Zones
//
// An object of ONEZONE_IA is in one availability zone of its bucket's region, which has the zones a, b and c: the one that
// FNV-1a, in 32 bits, of "BUCKET/KEY" names, modulo three. Losing a zone (POST /_drydock/fault/s3/lose-zone with
// {"zone":"us-east-1a"}) raises the number of its losses, which every reader of such an object compares with the number at
// the time when the bytes came: so it counts at once for all of them, and a task removes the bytes. Objects of other
// classes, and copies in them, outlive it. A lost object is listed and answers 405 like one that REDUCED_REDUNDANCY lost,
// since AWS documents nothing else. Parts of uploads that are not complete are in no zone yet.
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
// The language and the readers of CSV and JSON are lang/s3select's, that of Parquet is lang/parquet's; results stream while
// the object is read. Of Parquet only the columns are read that the query names. A scan range bounds where records begin,
// or row groups of Parquet, which the User Guide has as supported; a header counts wherever the range begins.
//
// # What follows from a change
//
// Requests that change an object end in create, retagged and deleted, which tell listeners through the bus and queue
// replications in the same transaction. A replication is a row and a task for each version and destination; the task takes
// on the configuration's role, asks for its permissions as for any caller's, and writes the copy with the source's version
// id and order, sharing the content's row unless a key of KMS stands between. Refusals end it at once as FAILED, as does
// what the destination lacks; AWS tries for longer. Replication time control and metrics are stored and change nothing:
// copies are made at once.
//
// Upload forms are told of as s3:ObjectCreated:Put. EventBridge is stored as a destination and told nothing.
//
// # Access logs
//
// The gateway tells of each answered request. Records gather in memory while the batch before them is written, so they
// cost no request a wait for the disk, and those of the last instants before a crash are lost: AWS's best effort. A task
// delivers them five minutes after the first, as logging.s3.amazonaws.com, whom the target has to let; otherwise they are
// dropped. There are no records of what lifecycle rules do, nor one for each key that DeleteObjects deletes.
//
// # Websites, access points
//
// A website answers at BUCKET.s3-website-REGION.amazonaws.com, with a dot in place of the hyphen too, and below localhost; a
// host name that is a bucket's name is not enough. An access point's alias, its ARN and its host stand for a bucket's name
// everywhere; facts then gives the access point's policy, and the bucket behind it is asked as well. One for a VPC refuses
// everybody, since no request comes from a VPC.
//
// # Blobs after a crash
//
// A blob is marked in the transaction that first refers to it, so the sweep after a start asks for each blob there is
// whether it has a mark.
//
// Not here: MFA delete, restores of type SELECT, grants on delivered logs, inventories as ORC or Parquet or under a key of
// KMS, existing objects' replication, x-amz-request-charged in answers. Analytics, metrics and transfer acceleration are
// stored and change nothing, and so does the InvocationRole that the first notification configurations had. Of S3 Control
// there are the account's block of public access, access points, and tags.
package s3
