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
// key for each segment, which is wrapped by the data directory's root key, or for SSE-C by the customer's, which is not
// kept. Blobs are committed before the row that refers to them; those that lose their row become garbage rows in the same
// transaction, which a task removes.
//
// Not here: SSE-KMS, object lock, ACLs beyond the bucket owner's full control, storage classes other than STANDARD that
// need a restore, replication, notifications, access logs, website hosting, inventory, analytics.
package s3
