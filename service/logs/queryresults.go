package logs

import (
	"strconv"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/lang/logsinsights"
	"drydock/store"
)

// resultRows is a row of the store that has some rows of a query's result.
type resultRows struct {
	Query string
	// First is the index of the first of them.
	First int
	Rows  [][]logsinsights.Field
}

var queryRows = store.NewTable("logs/queryrows", func(r *resultRows) store.Key { return store.K(r.Query, r.First) })

// chunksOf splits a result.
func chunksOf(id string, rows [][]logsinsights.Field) []*resultRows {
	var chunks []*resultRows
	size := 0
	for i, row := range rows {
		if len(chunks) == 0 || size > resultChunkBytes {
			chunks, size = append(chunks, &resultRows{Query: id, First: i}), 0
		}
		c := chunks[len(chunks)-1]
		c.Rows = append(c.Rows, row)
		for _, f := range row {
			size += len(f.Name) + len(f.Value) + 16
		}
	}
	return chunks
}

// getQueryResults returns a page of a query's result, which is empty until the query is complete.
func (s *Service) getQueryResults(call *aws.Call, in *api.GetQueryResultsInput) (*api.GetQueryResultsOutput, error) {
	limit, from := maxQueryPage, 0
	if in.MaxItems != nil && *in.MaxItems > 0 {
		limit = int(*in.MaxItems)
	}
	if in.NextToken != nil {
		var err error
		if from, err = parseOffset(*in.NextToken); err != nil {
			return nil, err
		}
	}
	out := &api.GetQueryResultsOutput{Results: [][]api.ResultField{}, QueryLanguage: new(api.QueryLanguageCwli)}
	err := s.DB.View(call, func(tx *store.Tx) error {
		q, err := getQuery(tx, call, in.QueryID)
		if err != nil {
			return err
		}
		out.Status, out.Statistics = &q.Status, q.Statistics.describe()
		if q.Status != api.QueryStatusComplete || from >= q.Rows {
			return nil
		}
		// The row that has the first one wanted is the last that begins at or before it.
		r := store.Range{Prefix: store.K(q.ID)}
		for c, err := range queryRows.Scan(tx, store.Range{Prefix: r.Prefix, To: store.K(q.ID, from+1), Reverse: true}) {
			if err != nil {
				return err
			}
			r.From = queryRows.Key(c)
			break
		}
		bytes := 0
		for c, err := range queryRows.Scan(tx, r) {
			if err != nil {
				return err
			}
			for i, row := range c.Rows {
				at := c.First + i
				switch {
				case at < from:
					continue
				case len(out.Results) == limit || bytes > maxResultPageBytes:
					out.NextToken = new(aws.EncodePageToken(strconv.Itoa(at)))
					return nil
				}
				fields := make([]api.ResultField, len(row))
				for k := range row {
					fields[k] = api.ResultField{Field: &row[k].Name, Value: &row[k].Value}
					bytes += len(row[k].Name) + len(row[k].Value)
				}
				out.Results = append(out.Results, fields)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *queryStatistics) describe() *api.QueryStatistics {
	return &api.QueryStatistics{
		RecordsMatched: new(float64(s.Matched)), RecordsScanned: new(float64(s.Scanned)), BytesScanned: new(float64(s.Bytes)),
		EstimatedRecordsSkipped: new(float64(s.SkippedEvents)), EstimatedBytesSkipped: new(float64(s.SkippedBytes)), LogGroupsScanned: new(float64(s.Groups)),
	}
}
