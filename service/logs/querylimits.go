package logs

import "time"

// Quotas of Logs Insights, as "CloudWatch Logs quotas" and the API reference list them.
const (
	// maxRunningQueries is how many queries an account runs at once in a region.
	maxRunningQueries = 100
	// maxQueryGroups is how many groups a query names, maxSourceGroups how many its SOURCE command chooses.
	maxQueryGroups  = 50
	maxSourceGroups = 10_000
	// defaultQueryRows is how many rows a query returns that sets no limit, maxQueryPage how many a page of its results has.
	defaultQueryRows = 10_000
	maxQueryPage     = 10_000
	// queryTimeout is how long a query may run, queryRetention how long its results are kept.
	queryTimeout   = time.Hour
	queryRetention = 7 * 24 * time.Hour
	// defaultQueriesListed and defaultDefinitionsListed bound pages that ask for no limit, defaultGroupsListed those of
	// ListLogGroupsForQuery.
	defaultQueriesListed     = 1000
	defaultDefinitionsListed = 1000
	defaultGroupsListed      = 50
	// maxQueryDefinitions is how many an account saves in a region.
	maxQueryDefinitions = 1000
)

const (
	// queryChunkEvents and queryChunkBytes are how much a transaction of a query reads at most; between two the query looks
	// whether it was stopped.
	queryChunkEvents = 100_000
	queryChunkBytes  = 32 << 20
	// queriesAtOnce is how many queries are at work at a time.
	queriesAtOnce = 8
	// resultChunkBytes is about how large a row of results is.
	resultChunkBytes = 256 << 10
	// maxResultPageBytes bounds a page of results.
	maxResultPageBytes = 32 << 20
	// sampledEvents is how many events GetLogGroupFields looks at.
	sampledEvents = 10_000
	// fieldsWindow and fieldsAround are the times it looks at: the latest, or those around a given one.
	fieldsWindow = 15 * time.Minute
	fieldsAround = 8 * time.Minute
)
