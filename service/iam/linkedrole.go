package iam

import (
	"context"
	"errors"
	"fmt"
	"strings"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/store"
	"drydock/task"
)

// linkedService is what is known of a service that has a role of its own in each account.
type linkedService struct {
	role, policy string
	// suffix tells that the role may be made more than once.
	suffix bool
}

// linkedServices are the services with a role of their own, as the service authorization documentation lists them.
var linkedServices = map[string]linkedService{
	"autoscaling.amazonaws.com":                              {"AWSServiceRoleForAutoScaling", "AutoScalingServiceRolePolicy", true},
	"ecs.amazonaws.com":                                      {"AWSServiceRoleForECS", "AmazonECSServiceRolePolicy", false},
	"elasticloadbalancing.amazonaws.com":                     {"AWSServiceRoleForElasticLoadBalancing", "AWSElasticLoadBalancingServiceRolePolicy", false},
	"elasticbeanstalk.amazonaws.com":                         {"AWSServiceRoleForElasticBeanstalk", "AWSElasticBeanstalkServiceRolePolicy", false},
	"rds.amazonaws.com":                                      {"AWSServiceRoleForRDS", "AmazonRDSServiceRolePolicy", false},
	"spot.amazonaws.com":                                     {"AWSServiceRoleForEC2Spot", "AWSEC2SpotServiceRolePolicy", false},
	"spotfleet.amazonaws.com":                                {"AWSServiceRoleForEC2SpotFleet", "AWSEC2SpotFleetServiceRolePolicy", false},
	"ssm.amazonaws.com":                                      {"AWSServiceRoleForAmazonSSM", "AmazonSSMServiceRolePolicy", false},
	"config.amazonaws.com":                                   {"AWSServiceRoleForConfig", "AWSConfigServiceRolePolicy", false},
	"cloudtrail.amazonaws.com":                               {"AWSServiceRoleForCloudTrail", "CloudTrailServiceRolePolicy", false},
	"guardduty.amazonaws.com":                                {"AWSServiceRoleForAmazonGuardDuty", "AmazonGuardDutyServiceRolePolicy", false},
	"organizations.amazonaws.com":                            {"AWSServiceRoleForOrganizations", "AWSOrganizationsServiceTrustPolicy", false},
	"elasticache.amazonaws.com":                              {"AWSServiceRoleForElastiCache", "ElastiCacheServiceRolePolicy", false},
	"es.amazonaws.com":                                       {"AWSServiceRoleForAmazonElasticsearchService", "AmazonElasticsearchServiceRolePolicy", false},
	"opensearchservice.amazonaws.com":                        {"AWSServiceRoleForAmazonOpenSearchService", "AmazonOpenSearchServiceRolePolicy", false},
	"replication.dynamodb.amazonaws.com":                     {"AWSServiceRoleForDynamoDBReplication", "DynamoDBReplicationServiceRolePolicy", false},
	"dynamodb.application-autoscaling.amazonaws.com":         {"AWSServiceRoleForApplicationAutoScaling_DynamoDBTable", "AWSApplicationAutoscalingDynamoDBTablePolicy", false},
	"ecs.application-autoscaling.amazonaws.com":              {"AWSServiceRoleForApplicationAutoScaling_ECSService", "AWSApplicationAutoscalingECSServicePolicy", false},
	"lambda.application-autoscaling.amazonaws.com":           {"AWSServiceRoleForApplicationAutoScaling_LambdaConcurrency", "AWSApplicationAutoscalingLambdaConcurrencyPolicy", false},
	"codestar-notifications.amazonaws.com":                   {"AWSServiceRoleForCodeStarNotifications", "AWSCodeStarNotificationsServiceRolePolicy", false},
	"inspector2.amazonaws.com":                               {"AWSServiceRoleForAmazonInspector2", "AmazonInspector2ServiceRolePolicy", false},
	"securityhub.amazonaws.com":                              {"AWSServiceRoleForSecurityHub", "AWSSecurityHubServiceRolePolicy", false},
	"ops.apigateway.amazonaws.com":                           {"AWSServiceRoleForAPIGateway", "APIGatewayServiceRolePolicy", false},
	"events.amazonaws.com":                                   {"AWSServiceRoleForCloudWatchEvents", "CloudWatchEventsServiceRolePolicy", false},
	"access-analyzer.amazonaws.com":                          {"AWSServiceRoleForAccessAnalyzer", "AccessAnalyzerServiceRolePolicy", false},
	"support.amazonaws.com":                                  {"AWSServiceRoleForSupport", "AWSSupportServiceRolePolicy", false},
	"trustedadvisor.amazonaws.com":                           {"AWSServiceRoleForTrustedAdvisor", "AWSTrustedAdvisorServiceRolePolicy", false},
	"fis.amazonaws.com":                                      {"AWSServiceRoleForFIS", "AmazonFISServiceRolePolicy", false},
	"acm.amazonaws.com":                                      {"AWSServiceRoleForCertificateManager", "CertificateManagerServiceRolePolicy", false},
	"apidestinations.events.amazonaws.com":                   {"AWSServiceRoleForAmazonEventBridgeApiDestinations", "AmazonEventBridgeApiDestinationsServiceRolePolicy", false},
	"application-insights.amazonaws.com":                     {"AWSServiceRoleForApplicationInsights", "CloudwatchApplicationInsightsServiceLinkedRolePolicy", false},
	"apprunner.amazonaws.com":                                {"AWSServiceRoleForAppRunner", "AppRunnerServiceRolePolicy", false},
	"appstream.application-autoscaling.amazonaws.com":        {"AWSServiceRoleForApplicationAutoScaling_AppStreamFleet", "AWSApplicationAutoscalingAppStreamFleetPolicy", false},
	"autoscaling-plans.amazonaws.com":                        {"AWSServiceRoleForAutoScalingPlans_EC2AutoScaling", "AWSAutoScalingPlansEC2AutoScalingPolicy", false},
	"backup.amazonaws.com":                                   {"AWSServiceRoleForBackup", "AWSBackupServiceLinkedRolePolicyForBackup", false},
	"batch.amazonaws.com":                                    {"AWSServiceRoleForBatch", "BatchServiceRolePolicy", false},
	"cassandra.application-autoscaling.amazonaws.com":        {"AWSServiceRoleForApplicationAutoScaling_CassandraTable", "AWSApplicationAutoscalingCassandraTablePolicy", false},
	"cloudhsm.amazonaws.com":                                 {"AWSServiceRoleForCloudHSM", "CloudHSMServiceRolePolicy", false},
	"codeguru-reviewer.amazonaws.com":                        {"AWSServiceRoleForAmazonCodeGuruReviewer", "AmazonCodeGuruReviewerServiceRolePolicy", false},
	"cognito-idp.amazonaws.com":                              {"AWSServiceRoleForAmazonCognitoIdp", "AmazonCognitoIdpServiceRolePolicy", false},
	"compute-optimizer.amazonaws.com":                        {"AWSServiceRoleForComputeOptimizer", "ComputeOptimizerServiceRolePolicy", false},
	"custom-resource.application-autoscaling.amazonaws.com":  {"AWSServiceRoleForApplicationAutoScaling_CustomResource", "AWSApplicationAutoScalingCustomResourcePolicy", false},
	"dax.amazonaws.com":                                      {"AWSServiceRoleForDAX", "DAXServiceRolePolicy", false},
	"ec2.application-autoscaling.amazonaws.com":              {"AWSServiceRoleForApplicationAutoScaling_EC2SpotFleetRequest", "AWSApplicationAutoscalingEC2SpotFleetRequestPolicy", false},
	"ec2fleet.amazonaws.com":                                 {"AWSServiceRoleForEC2Fleet", "AWSEC2FleetServiceRolePolicy", false},
	"eks-fargate.amazonaws.com":                              {"AWSServiceRoleForAmazonEKSForFargate", "AmazonEKSForFargateServiceRolePolicy", false},
	"eks-nodegroup.amazonaws.com":                            {"AWSServiceRoleForAmazonEKSNodegroup", "AWSServiceRoleForAmazonEKSNodegroup", false},
	"eks.amazonaws.com":                                      {"AWSServiceRoleForAmazonEKS", "AmazonEKSServiceRolePolicy", false},
	"elasticfilesystem.amazonaws.com":                        {"AWSServiceRoleForAmazonElasticFileSystem", "AmazonElasticFileSystemServiceRolePolicy", false},
	"elasticmapreduce.amazonaws.com":                         {"AWSServiceRoleForEMRCleanup", "AmazonEMRCleanupPolicy", false},
	"elasticmapreduce.application-autoscaling.amazonaws.com": {"AWSServiceRoleForApplicationAutoScaling_EMRInstanceGroup", "AWSApplicationAutoscalingEMRInstanceGroupPolicy", false},
	"email.cognito-idp.amazonaws.com":                        {"AWSServiceRoleForAmazonCognitoIdpEmailService", "AmazonCognitoIdpEmailServiceRolePolicy", false},
	"fsx.amazonaws.com":                                      {"AWSServiceRoleForAmazonFSx", "AmazonFSxServiceRolePolicy", false},
	"globalaccelerator.amazonaws.com":                        {"AWSServiceRoleForGlobalAccelerator", "AWSGlobalAcceleratorSLRPolicy", false},
	"imagebuilder.amazonaws.com":                             {"AWSServiceRoleForImageBuilder", "AWSServiceRoleForImageBuilder", false},
	"inspector.amazonaws.com":                                {"AWSServiceRoleForAmazonInspector", "AmazonInspectorServiceRolePolicy", false},
	"kafka.amazonaws.com":                                    {"AWSServiceRoleForKafka", "KafkaServiceRolePolicy", false},
	"lakeformation.amazonaws.com":                            {"AWSServiceRoleForLakeFormationDataAccess", "LakeFormationDataAccessServiceRolePolicy", false},
	"logger.cloudfront.amazonaws.com":                        {"AWSServiceRoleForCloudFrontLogger", "AWSCloudFrontLogger", false},
	"macie.amazonaws.com":                                    {"AWSServiceRoleForAmazonMacie", "AmazonMacieServiceRolePolicy", false},
	"maintenance.elasticbeanstalk.amazonaws.com":             {"AWSServiceRoleForElasticBeanstalkMaintenance", "AWSElasticBeanstalkMaintenance", false},
	"managedupdates.elasticbeanstalk.amazonaws.com":          {"AWSServiceRoleForElasticBeanstalkManagedUpdates", "AWSElasticBeanstalkManagedUpdatesServiceRolePolicy", false},
	"member.org.stacksets.cloudformation.amazonaws.com":      {"AWSServiceRoleForCloudFormationStackSetsOrgMember", "CloudFormationStackSetsOrgMemberServiceRolePolicy", false},
	"memorydb.amazonaws.com":                                 {"AWSServiceRoleForMemoryDB", "MemoryDBServiceRolePolicy", false},
	"mq.amazonaws.com":                                       {"AWSServiceRoleForAmazonMQ", "AmazonMQServiceRolePolicy", false},
	"mrk.kms.amazonaws.com":                                  {"AWSServiceRoleForKeyManagementServiceMultiRegionKeys", "AWSKeyManagementServiceMultiRegionKeysServiceRolePolicy", false},
	"networkfirewall.amazonaws.com":                          {"AWSServiceRoleForNetworkFirewall", "AWSNetworkFirewallServiceRolePolicy", false},
	"observabilityadmin.amazonaws.com":                       {"AWSServiceRoleForObservabilityAdmin", "AWSObservabilityAdminServiceRolePolicy", false},
	"ops.emr-serverless.amazonaws.com":                       {"AWSServiceRoleForAmazonEMRServerless", "AmazonEMRServerlessServiceRolePolicy", false},
	"pullthroughcache.ecr.amazonaws.com":                     {"AWSServiceRoleForECRPullThroughCache", "AWSECRPullThroughCache_ServiceRolePolicy", false},
	"ram.amazonaws.com":                                      {"AWSServiceRoleForResourceAccessManager", "AWSResourceAccessManagerServiceRolePolicy", false},
	"rds.application-autoscaling.amazonaws.com":              {"AWSServiceRoleForApplicationAutoScaling_RDSCluster", "AWSApplicationAutoscalingRDSClusterPolicy", false},
	"redshift.amazonaws.com":                                 {"AWSServiceRoleForRedshift", "AmazonRedshiftServiceLinkedRolePolicy", false},
	"replication.ecr.amazonaws.com":                          {"AWSServiceRoleForECRReplication", "ECRReplicationServiceRolePolicy", false},
	"replicator.lambda.amazonaws.com":                        {"AWSServiceRoleForLambdaReplicator", "AWSLambdaReplicator", false},
	"resource-explorer-2.amazonaws.com":                      {"AWSServiceRoleForResourceExplorer", "AWSResourceExplorerServiceRolePolicy", false},
	"rolesanywhere.amazonaws.com":                            {"AWSServiceRoleForRolesAnywhere", "AWSRolesAnywhereServicePolicy", false},
	"sagemaker.application-autoscaling.amazonaws.com":        {"AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint", "AWSApplicationAutoscalingSageMakerEndpointPolicy", false},
	"servicequotas.amazonaws.com":                            {"AWSServiceRoleForServiceQuotas", "ServiceQuotasServiceRolePolicy", false},
	"sso.amazonaws.com":                                      {"AWSServiceRoleForSSO", "AWSSSOServiceRolePolicy", false},
	"stacksets.cloudformation.amazonaws.com":                 {"AWSServiceRoleForCloudFormationStackSetsOrgAdmin", "CloudFormationStackSetsOrgAdminServiceRolePolicy", false},
	"transitgateway.amazonaws.com":                           {"AWSServiceRoleForVPCTransitGateway", "AWSVPCTransitGatewayServiceRolePolicy", false},
	"wafv2.amazonaws.com":                                    {"AWSServiceRoleForWAFV2Logging", "WAFV2LoggingServiceRolePolicy", false},
}

// createServiceLinkedRole makes the role through which a service acts in the account.
func (s *Service) createServiceLinkedRole(call *aws.Call, in *api.CreateServiceLinkedRoleInput) (*api.CreateServiceLinkedRoleOutput, error) {
	service, ok := linkedServices[in.AWSServiceName]
	if !ok {
		return nil, api.NewInvalidInputException("Service %s does not have a service-linked role.", in.AWSServiceName)
	}
	name := service.role
	if in.CustomSuffix != nil {
		if !service.suffix {
			return nil, api.NewInvalidInputException("Custom suffix is not allowed for %s", in.AWSServiceName)
		}
		name += "_" + *in.CustomSuffix
	}
	e, err := newEntity(call, roleKind, "AROA", name, new(linkedPath+in.AWSServiceName+"/"), nil)
	if err != nil {
		return nil, err
	}
	e.Role = &roleSettings{MaxSession: defaultSessionHours * 3600}
	if in.Description != nil {
		e.Role.Description = *in.Description
	}
	trust := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":[%q]},"Action":["sts:AssumeRole"]}]}`, in.AWSServiceName)
	doc, err := checkTrust(trust)
	if err != nil {
		return nil, err
	}
	arn := aws.ARN{Partition: call.Partition, Service: "iam", Account: awsAccount, Resource: "policy" + linkedPath + service.policy}.String()
	out := &api.CreateServiceLinkedRoleOutput{}
	err = s.update(call, func(tx *store.Tx) error {
		exists, err := entities.Has(tx, entities.Key(e))
		if err != nil {
			return err
		}
		if exists {
			return api.NewInvalidInputException("Service role name %s has been taken in this account, please try a different suffix.", name)
		}
		if err := e.setTrust(tx, trust, doc); err != nil {
			return err
		}
		p, err := findPolicy(tx, call.Account, arn)
		if err != nil {
			return err
		}
		e.Attached = nil
		if p != nil {
			e.Attached = []string{arn}
			if err := link(tx, e, arn, policyUsage); err != nil {
				return err
			}
		}
		if err := insertEntity(tx, e); err != nil {
			return err
		}
		shown, err := e.listedRole(tx)
		out.Role = &shown
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// deletion is the removal of a service's role, which a task carries out.
type deletion struct {
	Account, ID string
	RoleID      string
	Status      api.DeletionTaskStatusType
}

var deletions = store.NewTable("iam/deletion", func(d *deletion) store.Key { return store.K(d.Account, d.ID) })

// linkedDeletionKind removes a service's role. Its key is the deletion's account and id.
const linkedDeletionKind = "iam.linkedrole"

// deleteServiceLinkedRole has a service's role deleted.
func (s *Service) deleteServiceLinkedRole(call *aws.Call, in *api.DeleteServiceLinkedRoleInput) (*api.DeleteServiceLinkedRoleOutput, error) {
	d := &deletion{Account: call.Account, Status: api.DeletionTaskStatusTypeInProgress}
	id, now := call.NewUUID(), call.Now()
	err := s.DB.Update(call, func(tx *store.Tx) error {
		e, err := getEntity(tx, call.Account, roleKind, in.RoleName)
		if err != nil {
			return err
		}
		if !e.linked() {
			return api.NewNoSuchEntityException("The role with name %s is not a service-linked role.", in.RoleName)
		}
		d.ID, d.RoleID = "task"+e.Path+e.Name+"/"+id, e.ID
		if err := deletions.Put(tx, d); err != nil {
			return err
		}
		return s.Tasks.Schedule(tx, linkedDeletionKind, d.Account+" "+d.ID, now, nil)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteServiceLinkedRoleOutput{DeletionTaskID: d.ID}, nil
}

// removeLinkedRole carries a deletion out. Whether the service still uses the role
// is not asked: the service alone knows.
func (s *Service) removeLinkedRole(ctx context.Context, t task.Task) (task.Next, error) {
	account, id, _ := strings.Cut(t.Key, " ")
	err := s.updateAccount(ctx, account, func(tx *store.Tx) error {
		d, err := deletions.Get(tx, store.K(account, id))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		e, err := entityByID(tx, d.RoleID)
		if err != nil {
			return err
		}
		if e != nil {
			for _, arn := range e.Attached {
				if err := unlink(tx, e, arn, policyUsage); err != nil {
					return err
				}
			}
			if err := removeEntity(tx, e); err != nil {
				return err
			}
		}
		d.Status = api.DeletionTaskStatusTypeSucceeded
		return deletions.Put(tx, d)
	})
	return task.Done, err
}

func (s *Service) getServiceLinkedRoleDeletionStatus(call *aws.Call, in *api.GetServiceLinkedRoleDeletionStatusInput) (*api.GetServiceLinkedRoleDeletionStatusOutput, error) {
	if !strings.HasPrefix(in.DeletionTaskID, "task"+linkedPath) {
		return nil, api.NewInvalidInputException("The DeletionTaskId %s is not valid.", in.DeletionTaskID)
	}
	var d *deletion
	err := s.DB.View(call, func(tx *store.Tx) (err error) {
		d, err = deletions.Get(tx, store.K(call.Account, in.DeletionTaskID))
		if errors.Is(err, store.ErrNotFound) {
			return api.NewNoSuchEntityException("The deletion task %s cannot be found.", in.DeletionTaskID)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.GetServiceLinkedRoleDeletionStatusOutput{Status: d.Status}, nil
}
