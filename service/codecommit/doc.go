// Package codecommit is AWS CodeCommit: private git repositories, reached by stock git clients below /v1/repos/ and by
// the API as branches, commits, files and merges of the same history.
//
// A repository is a row (account, region, name) and a folder of package engine/git under an id of its own, so renames
// move no files and a repository created anew under an old name starts empty. Deletion removes the row at once and the
// files by task.
//
// Every change of a reference, whether pushed or made by the API, goes through refs.go: what is about to change is
// noted in the store, git moves the reference, and moved, the one place where effects of a change belong, follows up
// in one transaction that also takes the note away. What a crash left between the two is found by comparing the notes
// with the references at the next start. Two changes of one reference that follow each other at once may be reported
// in either order; each report carries the ids before and after.
//
// Git clients are authorized for codecommit:GitPull or codecommit:GitPush when they connect, without
// codecommit:References, and pushes once more for each reference with it; a push of several references of which one is
// refused is refused as a whole. The region of a git client is that of the host git-codecommit.REGION.* or of the
// signature; a repository that is not there but in exactly one other region of the account is served from that one,
// because behind a local address neither tells git's region.
//
// Not here yet: pull requests, comments, approval rules, triggers and events; listings of conflicts, merge commits and
// the history of a file; SSH; encryption at rest: git data lies on disk as git writes it, and a repository with a KMS
// key is refused. Merges know no conflict resolution: whatever strategy is given, what conflicts has to be merged by a
// client. Repositories live in the data directory of one process.
//
// It follows the "AWS CodeCommit API Reference" (2015-04-13) and, of the user guide, "Quotas in AWS CodeCommit" and
// "Limit pushes and merges to branches". Where AWS's wording of an error is not public, it is the reference's.
package codecommit
