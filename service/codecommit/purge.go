package codecommit

import (
	"context"

	"drydock/store"
)

// purgeBatch is how many rows a transaction removes.
const purgeBatch = 500

// purge removes what is left in the store of a deleted repository: its pull requests and comments, batch by batch.
func (s *Service) purge(ctx context.Context, repositoryID string) error {
	for {
		left := purgeBatch
		err := s.DB.Update(ctx, func(tx *store.Tx) error {
			left = purgeBatch
			if _, err := triggerRows.Delete(tx, store.K(repositoryID)); err != nil {
				return err
			}
			if err := purgePulls(tx, repositoryID, &left); err != nil {
				return err
			}
			return purgeThreads(tx, repositoryID, &left)
		})
		if err != nil || left > 0 {
			return err
		}
	}
}

// purgeRows removes the rows of a range of a table as long as some are left to remove.
func purgeRows[T any](tx *store.Tx, table *store.Table[T], r store.Range, left *int) error {
	return purgeScan(tx, table, table.Scan(tx, r), left, nil)
}

// purgeScan removes rows; before removes what belongs to each of them first.
func purgeScan[T any](tx *store.Tx, table *store.Table[T], scan func(yield func(*T, error) bool), left *int, before func(*T) error) error {
	var rows []*T
	for row, err := range scan {
		if err != nil {
			return err
		}
		if rows = append(rows, row); len(rows) >= *left {
			break
		}
	}
	for _, row := range rows {
		if *left <= 0 {
			return nil
		}
		if before != nil {
			if err := before(row); err != nil {
				return err
			}
			if *left <= 0 {
				return nil
			}
		}
		if _, err := table.Delete(tx, table.Key(row)); err != nil {
			return err
		}
		*left--
	}
	return nil
}

func purgePulls(tx *store.Tx, repositoryID string, left *int) error {
	return purgeScan(tx, pullRequests, pullsByRepository.Scan(tx, store.Range{Prefix: store.K(repositoryID)}), left, func(p *pullRequest) error {
		r := store.Range{Prefix: store.K(p.Account, p.Region, p.Number)}
		if err := purgeRows(tx, pullEvents, r, left); err != nil {
			return err
		}
		if err := purgeRows(tx, approvals, r, left); err != nil {
			return err
		}
		return purgeRows(tx, overrides, r, left)
	})
}

func purgeThreads(tx *store.Tx, repositoryID string, left *int) error {
	return purgeScan(tx, threads, threadsByRepository.Scan(tx, store.Range{Prefix: store.K(repositoryID)}), left, func(t *thread) error {
		return purgeScan(tx, comments, commentsByThread.Scan(tx, store.Range{Prefix: store.K(t.ID)}), left, func(c *comment) error {
			return purgeRows(tx, reactions, store.Range{Prefix: store.K(c.ID)}, left)
		})
	})
}
