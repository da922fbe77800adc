package codebuild

import (
	"context"
	"runtime"
	"sync"

	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/service"
	"drydock/store"
	"drydock/task"
)

// principalName is the service principal that assumes a project's service role.
const principalName = "codebuild.amazonaws.com"

// Service is CodeBuild.
type Service struct {
	service.Deps
	// instance tells the machines of this process from those of an earlier one, which are dead.
	instance string
	// capacity is how many builds run at once on this host.
	capacity int

	mu       sync.Mutex                         // guards the fields below
	running  map[string]context.CancelCauseFunc // by task key
	roles    map[string]*role                   // of the builds that run, by the token of their credentials' URL
	sessions map[string]*session                // that can be entered, by the builds' UUIDs
}

// New returns the service's module.
func New(d service.Deps) service.Module {
	s := &Service{
		Deps: d, instance: aws.NewUUID(d.Random), capacity: max(runtime.NumCPU(), 2), running: map[string]context.CancelCauseFunc{},
		roles: map[string]*role{}, sessions: map[string]*session{},
	}
	return service.Module{
		Holds:      s.holds,
		API:        api.API,
		Operations: s.operations(),
		Tasks: []task.Kind{
			{Name: buildTask, Reconcile: s.reconcileBuild, Long: true},
			{Name: timeoutTask, Reconcile: s.reconcileTimeout},
			{Name: garbageTask, Reconcile: s.reconcileGarbage},
			{Name: batchTask, Reconcile: s.reconcileBatch},
			{Name: batchTimeoutTask, Reconcile: s.reconcileBatchTimeout},
			{Name: combineTask, Reconcile: s.reconcileCombine, Long: true},
			{Name: reportTask, Reconcile: s.reconcileReport},
			{Name: reportGroupTask, Reconcile: s.reconcileReportGroup},
		},
		DataPlanes: []service.DataPlane{{Prefix: planePrefix, Serve: s.servePlane}},
		Resources:  s.resourceTypes(),
		Facts:      s.facts,
		Enter:      s.enter,
		Start:      s.start,
	}
}

// operations is the table of what the service carries out.
func (s *Service) operations() []aws.Handler {
	return []aws.Handler{
		api.CreateProject.Handle(s.createProject),
		api.BatchGetProjects.Handle(s.batchGetProjects),
		api.ListProjects.Handle(s.listProjects),
		api.UpdateProject.Handle(s.updateProject),
		api.DeleteProject.Handle(s.deleteProject),
		api.InvalidateProjectCache.Handle(s.invalidateProjectCache),

		api.UpdateProjectVisibility.Handle(s.updateProjectVisibility),
		api.CreateWebhook.Handle(s.createWebhook),
		api.UpdateWebhook.Handle(s.updateWebhook),
		api.DeleteWebhook.Handle(s.deleteWebhook),
		api.ImportSourceCredentials.Handle(s.importSourceCredentials),
		api.ListSourceCredentials.Handle(s.listSourceCredentials),
		api.DeleteSourceCredentials.Handle(s.deleteSourceCredentials),

		api.StartBuild.Handle(s.startBuild),
		api.RetryBuild.Handle(s.retryBuild),
		api.BatchGetBuilds.Handle(s.batchGetBuilds),
		api.ListBuilds.Handle(s.listBuilds),
		api.ListBuildsForProject.Handle(s.listBuildsForProject),
		api.StopBuild.Handle(s.stopBuild),
		api.BatchDeleteBuilds.Handle(s.batchDeleteBuilds),

		api.StartBuildBatch.Handle(s.startBuildBatch),
		api.RetryBuildBatch.Handle(s.retryBuildBatch),
		api.BatchGetBuildBatches.Handle(s.batchGetBuildBatches),
		api.ListBuildBatches.Handle(s.listBuildBatches),
		api.ListBuildBatchesForProject.Handle(s.listBuildBatchesForProject),
		api.StopBuildBatch.Handle(s.stopBuildBatch),
		api.DeleteBuildBatch.Handle(s.deleteBuildBatch),

		api.CreateReportGroup.Handle(s.createReportGroup),
		api.BatchGetReportGroups.Handle(s.batchGetReportGroups),
		api.ListReportGroups.Handle(s.listReportGroups),
		api.UpdateReportGroup.Handle(s.updateReportGroup),
		api.DeleteReportGroup.Handle(s.deleteReportGroup),
		api.GetReportGroupTrend.Handle(s.getReportGroupTrend),
		api.BatchGetReports.Handle(s.batchGetReports),
		api.ListReports.Handle(s.listReports),
		api.ListReportsForReportGroup.Handle(s.listReportsForReportGroup),
		api.DeleteReport.Handle(s.deleteReport),
		api.DescribeTestCases.Handle(s.describeTestCases),
		api.DescribeCodeCoverages.Handle(s.describeCodeCoverages),

		api.CreateFleet.Handle(s.createFleet),
		api.BatchGetFleets.Handle(s.batchGetFleets),
		api.ListFleets.Handle(s.listFleets),
		api.UpdateFleet.Handle(s.updateFleet),
		api.DeleteFleet.Handle(s.deleteFleet),

		api.PutResourcePolicy.Handle(s.putResourcePolicy),
		api.GetResourcePolicy.Handle(s.getResourcePolicy),
		api.DeleteResourcePolicy.Handle(s.deleteResourcePolicy),
		api.ListSharedProjects.Handle(s.listSharedProjects),
		api.ListSharedReportGroups.Handle(s.listSharedReportGroups),

		api.ListCuratedEnvironmentImages.Handle(s.listCuratedEnvironmentImages),
	}
}

// start lets builds that waited when the process died begin as soon as there is room. Those that ran are found dead by
// their own tasks, which are still due.
func (s *Service) start(ctx context.Context) error {
	now := s.Clock.Now()
	return s.DB.Update(ctx, func(tx *store.Tx) error { return s.admit(tx, now) })
}
