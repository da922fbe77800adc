package logs

import (
	api "drydock/api/logs"
	"drydock/aws"
	"drydock/service"
)

// Service is CloudWatch Logs.
type Service struct {
	service.Deps

	sequence sequence
	tails    tails

	queriesAtWork gate
}

// New returns the service's module.
func New(d service.Deps) service.Module {
	s := &Service{Deps: d}
	return service.Module{
		API:        api.API,
		Operations: s.operations(),
		Tasks:      append(s.taskKinds(), s.queryTaskKinds()...),
		Resources:  s.resourceTypes(),
		Facts:      s.facts,
		Start:      s.start,
	}
}

// operations is the table of what the service carries out.
func (s *Service) operations() []aws.Handler {
	return []aws.Handler{
		api.CreateLogGroup.Handle(s.createLogGroup),
		api.DescribeLogGroups.Handle(s.describeLogGroups),
		api.ListLogGroups.Handle(s.listLogGroups),
		api.DeleteLogGroup.Handle(s.deleteLogGroup),
		api.PutLogGroupDeletionProtection.Handle(s.putLogGroupDeletionProtection),
		api.PutRetentionPolicy.Handle(s.putRetentionPolicy),
		api.DeleteRetentionPolicy.Handle(s.deleteRetentionPolicy),
		api.TagResource.Handle(s.tagResource),
		api.UntagResource.Handle(s.untagResource),
		api.ListTagsForResource.Handle(s.listTagsForResource),
		api.TagLogGroup.Handle(s.tagLogGroup),
		api.UntagLogGroup.Handle(s.untagLogGroup),
		api.ListTagsLogGroup.Handle(s.listTagsLogGroup),

		api.CreateLogStream.Handle(s.createLogStream),
		api.DescribeLogStreams.Handle(s.describeLogStreams),
		api.DeleteLogStream.Handle(s.deleteLogStream),

		api.PutLogEvents.Handle(s.putLogEvents),
		api.GetLogEvents.Handle(s.getLogEvents),
		api.FilterLogEvents.Handle(s.filterLogEvents),
		api.StartLiveTail.Handle(s.startLiveTail),
		api.TestMetricFilter.Handle(s.testMetricFilter),

		api.StartQuery.Handle(s.startQuery),
		api.StopQuery.Handle(s.stopQuery),
		api.GetQueryResults.Handle(s.getQueryResults),
		api.DescribeQueries.Handle(s.describeQueries),
		api.ListLogGroupsForQuery.Handle(s.listLogGroupsForQuery),
		api.GetLogRecord.Handle(s.getLogRecord),
		api.GetLogGroupFields.Handle(s.getLogGroupFields),
		api.PutQueryDefinition.Handle(s.putQueryDefinition),
		api.DescribeQueryDefinitions.Handle(s.describeQueryDefinitions),
		api.DeleteQueryDefinition.Handle(s.deleteQueryDefinition),
	}
}
