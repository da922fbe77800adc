package logs

import (
	api "drydock/api/logs"
	"drydock/aws"
	"drydock/bus"
	"drydock/policy"
	"drydock/service"
)

// Service is CloudWatch Logs.
type Service struct {
	service.Deps

	sequence sequence
	tails    tails
	keyCache keyCache
	counters counters
	// documents remembers parsed policies.
	documents policy.Cache

	queriesAtWork gate
}

// New returns the service's module.
func New(d service.Deps) service.Module {
	s := &Service{Deps: d}
	return service.Module{
		API:        api.API,
		Operations: s.operations(),
		Tasks:      append(s.taskKinds(), s.queryTaskKinds()...),
		Targets:    []bus.Target{s.target()},
		Resources:  s.resourceTypes(),
		Facts:      s.facts,
		Start:      s.start,
		Stop:       s.stop,
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

		api.PutMetricFilter.Handle(s.putMetricFilter),
		api.DescribeMetricFilters.Handle(s.describeMetricFilters),
		api.DeleteMetricFilter.Handle(s.deleteMetricFilter),
		api.TestMetricFilter.Handle(s.testMetricFilter),
		api.PutSubscriptionFilter.Handle(s.putSubscriptionFilter),
		api.DescribeSubscriptionFilters.Handle(s.describeSubscriptionFilters),
		api.DeleteSubscriptionFilter.Handle(s.deleteSubscriptionFilter),
		api.PutDestination.Handle(s.putDestination),
		api.PutDestinationPolicy.Handle(s.putDestinationPolicy),
		api.DescribeDestinations.Handle(s.describeDestinations),
		api.DeleteDestination.Handle(s.deleteDestination),

		api.PutTransformer.Handle(s.putTransformer),
		api.GetTransformer.Handle(s.getTransformer),
		api.DeleteTransformer.Handle(s.deleteTransformer),
		api.TestTransformer.Handle(s.testTransformer),
		api.CreateLogAnomalyDetector.Handle(s.createLogAnomalyDetector),
		api.GetLogAnomalyDetector.Handle(s.getLogAnomalyDetector),
		api.ListLogAnomalyDetectors.Handle(s.listLogAnomalyDetectors),
		api.UpdateLogAnomalyDetector.Handle(s.updateLogAnomalyDetector),
		api.DeleteLogAnomalyDetector.Handle(s.deleteLogAnomalyDetector),
		api.ListAnomalies.Handle(s.listAnomalies),
		api.UpdateAnomaly.Handle(s.updateAnomaly),

		api.CreateLookupTable.Handle(s.createLookupTable),
		api.GetLookupTable.Handle(s.getLookupTable),
		api.DescribeLookupTables.Handle(s.describeLookupTables),
		api.UpdateLookupTable.Handle(s.updateLookupTable),
		api.DeleteLookupTable.Handle(s.deleteLookupTable),

		api.CreateExportTask.Handle(s.createExportTask),
		api.DescribeExportTasks.Handle(s.describeExportTasks),
		api.CancelExportTask.Handle(s.cancelExportTask),

		api.AssociateKMSKey.Handle(s.associateKMSKey),
		api.DisassociateKMSKey.Handle(s.disassociateKMSKey),
		api.PutResourcePolicy.Handle(s.putResourcePolicy),
		api.DescribeResourcePolicies.Handle(s.describeResourcePolicies),
		api.DeleteResourcePolicy.Handle(s.deleteResourcePolicy),
		api.PutDataProtectionPolicy.Handle(s.putDataProtectionPolicy),
		api.GetDataProtectionPolicy.Handle(s.getDataProtectionPolicy),
		api.DeleteDataProtectionPolicy.Handle(s.deleteDataProtectionPolicy),
		api.PutIndexPolicy.Handle(s.putIndexPolicy),
		api.DescribeIndexPolicies.Handle(s.describeIndexPolicies),
		api.DeleteIndexPolicy.Handle(s.deleteIndexPolicy),
		api.PutAccountPolicy.Handle(s.putAccountPolicy),
		api.DescribeAccountPolicies.Handle(s.describeAccountPolicies),
		api.DeleteAccountPolicy.Handle(s.deleteAccountPolicy),

		api.PutDeliverySource.Handle(s.putDeliverySource),
		api.GetDeliverySource.Handle(s.getDeliverySource),
		api.DescribeDeliverySources.Handle(s.describeDeliverySources),
		api.DeleteDeliverySource.Handle(s.deleteDeliverySource),
		api.PutDeliveryDestination.Handle(s.putDeliveryDestination),
		api.GetDeliveryDestination.Handle(s.getDeliveryDestination),
		api.DescribeDeliveryDestinations.Handle(s.describeDeliveryDestinations),
		api.DeleteDeliveryDestination.Handle(s.deleteDeliveryDestination),
		api.PutDeliveryDestinationPolicy.Handle(s.putDeliveryDestinationPolicy),
		api.GetDeliveryDestinationPolicy.Handle(s.getDeliveryDestinationPolicy),
		api.DeleteDeliveryDestinationPolicy.Handle(s.deleteDeliveryDestinationPolicy),
		api.CreateDelivery.Handle(s.createDelivery),
		api.GetDelivery.Handle(s.getDelivery),
		api.DescribeDeliveries.Handle(s.describeDeliveries),
		api.UpdateDeliveryConfiguration.Handle(s.updateDeliveryConfiguration),
		api.DeleteDelivery.Handle(s.deleteDelivery),
		api.DescribeConfigurationTemplates.Handle(s.describeConfigurationTemplates),

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
