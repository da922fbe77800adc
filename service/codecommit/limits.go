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

	// maxMergePaths bounds how many paths a side of a merge differs in, maxMergeContent the size of the files that are
	// merged line by line. AWS has such bounds and does not publish them.
	maxMergePaths   = 100_000
	maxMergeContent = 64 << 20
	// maxResolutions is how many conflicts a merge decides, a bound that AWS does not publish either.
	maxResolutions = 1000
	// maxCode and maxCodeFiles bound the files that a repository resource is made with.
	maxCode      = 20 << 20
	maxCodeFiles = 10_000

	maxTitle           = 150
	maxPullDescription = 10240
	maxToken           = 64
	maxOpenPulls       = 1000
	// maxForwarded is how far back a push is searched for the source of a pull request.
	maxForwarded = 10_000
	// Of approval rules and their templates.
	maxRuleName       = 100
	maxRuleContent    = 3000
	maxRules          = 30
	maxApprovals      = 200
	maxPool           = 50
	maxTemplates      = 1000
	maxAssociated     = 25
	maxDestinations   = 100
	maxBatchTemplates = 100
	maxComment        = 10240
	// Of triggers.
	maxTriggers        = 10
	maxTriggerName     = 100
	maxTriggerBranches = 10
	maxCustomData      = 1000
	// triggerPart is how many references one message of a trigger tells of.
	triggerPart = 1000

	repositoriesPage = 1000
	branchesPage     = 100
	// differencesPage and historyPage are default and largest page.
	differencesPage = 100
	historyPage     = 100
	maxPage         = 1000
	pullsPage       = 100
	eventsPage      = 100
	templatesPage   = 100
	reactionsPage   = 1000
	// commentsPage and maxCommentsPage are default and largest page.
	commentsPage    = 100
	maxCommentsPage = 500
	// conflictsPage and hunksPage are the largest pages of a merge's conflicts.
	conflictsPage = 1000
	hunksPage     = 1000
)

// compactDelay is how long after a change the repository is compacted; further changes meanwhile share the run.
const compactDelay = 10 * time.Minute
