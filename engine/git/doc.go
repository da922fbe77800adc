// Package git keeps git repositories, encrypted on disk, and serves them: to unmodified git clients over smart HTTP (Handler),
// and to Go callers as objects, references, differences, commits and merges on the same history (Repository). Fetch is
// the client's side: it checks out a version of any reachable repository.
//
// The work on packs and references is done by the host's git, driven without a shell, with an environment made from
// nothing and configuration given per process, so that neither the machine's nor a user's settings have a say. Git
// 2.38 or newer is needed; a missing or older one is ErrGitUnusable at the first use.
//
// On the disk a repository lies sealed (sealedFolder), each under a key that callers keep. Git works on a working copy of it,
// a plain bare repository that is made when it is needed and may be taken away at any time. Working copies lie in memory
// where the host has a memory file system (tmpfs) with room for them, so that nothing plain is on a disk unless the host
// swaps; else, and on hosts other than Linux, in the engine's folder for temporary files, plain: from the first use on until
// other copies need the room, the engine is closed or, after a crash, Sweep comes by.
//
// What is acknowledged is sealed and synced on disk: after a change, what is new of the objects and then the references are
// saved from the working copy before the acknowledgement is passed on, and a working copy that cannot be saved is thrown
// away. A push or commit that was not acknowledged may still have happened, as with every git server. No process outlives
// the call that started it.
//
// The package knows nothing of accounts or permissions: callers decide before they call, and in ReceivePack's authorize
// for each push.
package git
