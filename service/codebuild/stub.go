package codebuild
import ("context";"time"; "drydock/task"; "drydock/store"; "drydock/lang/buildspec")
func (s *Service) dropCache(tx *store.Tx, id string, now time.Time) error { return nil }
func (s *Service) reconcileGarbage(context.Context, task.Task) (task.Next, error) { return task.Done, nil }
func (r *run) selectRuntimes(ctx context.Context, v []buildspec.Variable) *failure { return nil }
func (r *run) fetchS3(ctx context.Context, src *source) *failure { return nil }
func (r *run) restoreCache(ctx context.Context) error { return nil }
