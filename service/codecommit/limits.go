package codecommit

import "time"

// Quotas, as "Quotas in AWS CodeCommit" lists them, and sizes of pages.
const (
	maxNameLength        = 100
	maxDescriptionLength = 1000
	maxBranchLength      = 256
	maxBatchRepositories = 100
	maxBatchCommits      = 100
	maxTags              = 50
	maxTagKey            = 128
	maxTagValue          = 256
	// maxFileEntries is how many files a commit of the API changes.
	maxFileEntries = 100
	// maxFileSize bounds a file that the API reads or writes, and the changes in a folder; maxCommitSize all of a commit.
	maxFileSize   = 6 << 20
	maxCommitSize = 7 << 20
	// maxMessage, maxAuthorName and maxEmail bound what a commit says of itself.
	maxMessage    = 256 << 10
	maxAuthorName = 256
	maxEmail      = 256

	repositoriesPage = 1000
	branchesPage     = 100
	// differencesPage and historyPage are default and largest page.
	differencesPage = 100
	historyPage     = 100
	maxPage         = 1000
)

// compactDelay is how long after a change the repository is compacted; further changes meanwhile share the run.
const compactDelay = 10 * time.Minute
