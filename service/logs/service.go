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
}

// New returns the service's module.
func New(d service.Deps) service.Module {
	s := &Service{Deps: d}
	return service.Module{
		API:        api.API,
		Operations: s.operations(),
		Tasks:      s.taskKinds(),
		Start:      s.start,
	}
}

// operations is the table of what the service carries out.
func (s *Service) operations() []aws.Handler {
	return []aws.Handler{
		api.CreateLogGroup.Handle(s.createLogGroup),
		api.DescribeLogGroups.Handle(s.describeLogGroups),
		api.DeleteLogGroup.Handle(s.deleteLogGroup),
		api.PutRetentionPolicy.Handle(s.putRetentionPolicy),
		api.DeleteRetentionPolicy.Handle(s.deleteRetentionPolicy),

		api.CreateLogStream.Handle(s.createLogStream),
		api.DescribeLogStreams.Handle(s.describeLogStreams),
		api.DeleteLogStream.Handle(s.deleteLogStream),

		api.PutLogEvents.Handle(s.putLogEvents),
		api.GetLogEvents.Handle(s.getLogEvents),
		api.FilterLogEvents.Handle(s.filterLogEvents),
	}
}
