// Package codecommit is AWS CodeCommit: private git repositories, reached by stock git clients below /v1/repos/, over HTTP
// and, where the cloud listens for it, SSH, and by the API as branches, commits, files, merges and pull requests of the same history.
//
// A repository is a row (account, region, name) and a folder of package engine/git under an id of its own, so renames
// move no files and a repository created anew under an old name starts empty. Deletion removes the row at once, and the
// files, pull requests and comments by task.
//
// Every change of a reference, whether pushed or made by the API, goes through refs.go: what is about to change is
// noted in the store, git moves the reference, and moved, the one place where effects of a change belong, follows up
// in one transaction that also takes the note away: it tells triggers and brings open pull requests in line with their
// branches. What a crash left between the two is found by comparing the notes with the references at the next start. Two
// changes of one reference that follow each other at once may be reported in either order; each report carries the ids
// before and after.
//
// Git clients are authorized for codecommit:GitPull or codecommit:GitPush when they connect, without
// codecommit:References, and pushes once more for each reference with it; a push of several references of which one is
// refused is refused as a whole. The region of a git client is that of the host git-codecommit.REGION.* or of the
// signature; a repository that is not there but in exactly one other region of the account is served from that one,
// because behind a local address neither tells git's region. Requests that name a pull request or a comment are
// authorized for the repository it is in, merges of pull requests with the destination as codecommit:References.
//
// Merges compare the two sides path by path with their best common ancestor. By file, whatever both sides changed in
// different ways is a conflict. By line (and with AUTOMERGE) files are merged as git merges them, and a merge that git
// makes by itself, knowing renames, is none. Hunks count lines from 0; End is the line behind the last. A pull request
// closes when one of its branches is deleted, and as merged when its destination is pushed straight on to its source
// (which is how AWS tells a fast-forward; a merge commit that was pushed closes nothing). GetMergeCommit finds merge
// commits, not squashed ones. Renames are followed in the history of a file, not through merges.
//
// Triggers are delivered over the bus with the transaction that follows up the change. A destination whose service is
// not there is passed over, and TestRepositoryTriggers says that it cannot be reached; where the service is there, its
// success means that the message is on its way. Filters by author or actor do not ask IAM whether the user exists.
//
// Over SSH the user name is the id that IAM gave to the user's public key, and the region is the cloud's default one.
//
// A repository is encrypted at rest: its files are sealed under a data key of its own, which a KMS key encrypts, by default
// the AWS managed key of CodeCommit. Each request that uses the files has KMS decrypt the data key as the caller, through
// CodeCommit and with the repository's id as encryption context (whose key AWS does not publish; it is aws:codecommit:id
// here), so a key that is disabled, or that the caller may not use, counts at once. UpdateRepositoryEncryptionKey encrypts
// the same data key anew. What an earlier version left unencrypted is encrypted when a caller uses it first. What the service
// does of its own accord (packing files, following pull requests) needs no KMS key. While drydock runs, repositories in use have
// a plain copy in memory, or in the data directory where the host has no memory file system with room for it (package
// engine/git).
//
// Not here yet: events for EventBridge and notification rules. Repositories live in the data directory of one process.
//
// It follows the "AWS CodeCommit API Reference" (2015-04-13) and, of the user guide, "Quotas in AWS CodeCommit", "Limit
// pushes and merges to branches", "Merge a pull request", "Create an approval rule for a pull request" and "Create a
// trigger for an Amazon SNS topic". Where AWS's wording of an error is not public, as with those of KMS keys, it is the reference's. The emoji of
// reactions are those of its examples and of the console, as the guide's table is not public as text. The order of
// ListPullRequests (newest first) and bounds on the size of merges are not published by AWS.
package codecommit
