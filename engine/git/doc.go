// Package git keeps bare git repositories on disk and serves them: to unmodified git clients over smart HTTP (Handler),
// and to Go callers as objects, references, differences, commits and merges on the same history (Repository). Fetch is
// the client's side: it checks out a version of any reachable repository.
//
// The work on packs and references is done by the host's git, driven without a shell, with an environment made from
// nothing and configuration given per process, so that neither the machine's nor a user's settings have a say. Git
// 2.38 or newer is needed; a missing or older one is ErrGitUnusable at the first use.
//
// What is acknowledged is on disk: git syncs objects and references, and this package syncs the folders they were
// renamed in before it passes the acknowledgement on. A push or commit that was not acknowledged may still have
// happened, as with every git server. No process outlives the call that started it.
//
// The package knows nothing of accounts or permissions: callers decide before they call, and in ReceivePack's authorize
// for each push.
package git
