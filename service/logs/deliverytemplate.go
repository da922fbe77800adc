package logs

import (
	"slices"
	"strings"

	api "drydock/api/logs"
	"drydock/aws"
)

// deliveryTemplate is a type of logs that a service delivers.
type deliveryTemplate struct {
	service, resource, logType string
	destinations               []api.DeliveryDestinationType
	// fields are those of a record; nil where they are not known here, and then not checked.
	fields []string
	// action is what a caller must be allowed to do on the resource.
	action string
}

var (
	anywhere = []api.DeliveryDestinationType{api.DeliveryDestinationTypeCwl, api.DeliveryDestinationTypeFh, api.DeliveryDestinationTypeS3}

	cloudFrontFields = strings.Fields("date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) " +
		"cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol " +
		"ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte " +
		"x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end")
)

// deliveryTemplates are the types of logs by which AWS's documentation of vended logs lists the services, in the order of
// services.
var deliveryTemplates = slices.Concat(
	templates("bedrock", "knowledge-base", "APPLICATION_LOGS"),
	[]deliveryTemplate{{
		service: "cloudfront", resource: "distribution", logType: "ACCESS_LOGS", destinations: anywhere, fields: cloudFrontFields,
		action: "cloudfront:AllowVendedLogDeliveryForResource",
	}},
	templates("codewhisperer", "customization", "EVENT_LOGS"),
	templates("entityresolution", "matchingworkflow", "WORKFLOW_LOGS"),
	templates("events", "event-bus", "ERROR_LOGS", "INFO_LOGS", "TRACE_LOGS"),
	templates("mediapackagev2", "channelGroup", "EGRESS_ACCESS_LOGS", "INGRESS_ACCESS_LOGS"),
	templates("pcs", "cluster", "PCS_JOBCOMP_LOGS", "PCS_SCHEDULER_AUDIT_LOGS", "PCS_SCHEDULER_LOGS"),
	templates("qbusiness", "application", "EVENT_LOGS", "SYNC_JOB_LOGS"),
	templates("ses", "mailmanager-ingress-point", "APPLICATION_LOGS", "TRAFFIC_POLICY_DEBUG_LOGS"),
	templates("sso", "instance", "ERROR_LOGS"),
	templates("workmail", "organization", "ACCESS_CONTROL_LOGS", "AUTHENTICATION_LOGS", "AVAILABILITY_PROVIDER_LOGS", "MAILBOX_ACCESS_LOGS"),
)

func templates(service, resource string, logTypes ...string) []deliveryTemplate {
	found := make([]deliveryTemplate, len(logTypes))
	for i, t := range logTypes {
		found[i] = deliveryTemplate{
			service: service, resource: resource, logType: t, destinations: anywhere, action: service + ":AllowVendedLogDeliveryForResource",
		}
	}
	return found
}

// delivers tells whether the logs of a service are known.
func delivers(service string) bool {
	return slices.ContainsFunc(deliveryTemplates, func(t deliveryTemplate) bool { return t.service == service })
}

// templateOf returns the template of a service's type of logs, or nil.
func templateOf(service, logType string) *deliveryTemplate {
	i := slices.IndexFunc(deliveryTemplates, func(t deliveryTemplate) bool { return t.service == service && t.logType == logType })
	if i < 0 {
		return nil
	}
	return &deliveryTemplates[i]
}

// describeConfigurationTemplates lists what can be delivered where.
func (s *Service) describeConfigurationTemplates(_ *aws.Call, in *api.DescribeConfigurationTemplatesInput) (*api.DescribeConfigurationTemplatesOutput, error) {
	wanted := func(list []string, value string) bool { return len(list) == 0 || slices.Contains(list, value) }
	limit, after := defaultDescribeLimit, ""
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	if in.NextToken != nil {
		parts, err := aws.DecodePageToken(*in.NextToken, 1)
		if err != nil {
			return nil, api.NewValidationException("The specified nextToken is invalid.")
		}
		after = parts[0]
	}
	out := &api.DescribeConfigurationTemplatesOutput{ConfigurationTemplates: []api.ConfigurationTemplate{}}
	place := func(t *deliveryTemplate, to api.DeliveryDestinationType) string {
		return t.service + " " + t.logType + " " + string(to)
	}
	last := ""
	for i := range deliveryTemplates {
		t := &deliveryTemplates[i]
		for _, to := range t.destinations {
			at := place(t, to)
			switch {
			case at <= after, in.Service != nil && *in.Service != t.service, !wanted(in.LogTypes, t.logType), !wanted(in.ResourceTypes, t.resource),
				len(in.DeliveryDestinationTypes) > 0 && !slices.Contains(in.DeliveryDestinationTypes, to):
				continue
			case len(out.ConfigurationTemplates) == limit:
				out.NextToken = new(aws.EncodePageToken(last))
				return out, nil
			}
			last = at
			out.ConfigurationTemplates = append(out.ConfigurationTemplates, t.describe(to))
		}
	}
	return out, nil
}

func (t *deliveryTemplate) describe(to api.DeliveryDestinationType) api.ConfigurationTemplate {
	shown := api.ConfigurationTemplate{
		Service: &t.service, LogType: &t.logType, ResourceType: &t.resource, DeliveryDestinationType: &to,
		AllowedOutputFormats: destinationFormats[to], AllowedActionForAllowVendedLogsDeliveryForResource: &t.action,
		DefaultDeliveryConfigValues: &api.ConfigurationTemplateDeliveryConfigValues{RecordFields: t.fields},
	}
	for _, f := range t.fields {
		shown.AllowedFields = append(shown.AllowedFields, api.RecordField{Name: &f, Mandatory: new(false)})
	}
	return shown
}
