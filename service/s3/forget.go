package s3

import (
	"drydock/store"
)

// forgetBucket removes what a bucket that goes has planned and configured beside its own rows. What is still on its way
// for it finds that it is gone.
func (s *Service) forgetBucket(tx *store.Tx, b *bucket) error {
	if err := s.forgetLifecycle(tx, b); err != nil {
		return err
	}
	for n, err := range namedConfigs.Scan(tx, store.Range{Prefix: store.K(b.ID)}) {
		if err == nil {
			_, err = namedConfigs.Delete(tx, namedConfigs.Key(n))
		}
		if err == nil && n.Kind == kindInventory {
			err = s.Tasks.Cancel(tx, inventoryKind, inventoryTask(b, n.ID))
		}
		if err != nil {
			return err
		}
	}
	return s.forgetLogs(tx, b)
}
