package logs

import (
	"encoding/json"
	"slices"
	"strings"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/resource"
)

func (s *Service) resourceTypes() []resource.Type {
	types := []resource.Type{
		{
			Name:              "AWS::Logs::LogGroup",
			PrimaryIdentifier: []string{"LogGroupName"},
			ReadOnly:          []string{"Arn"},
			CreateOnly:        []string{"LogGroupName"},
			Create:            createGroupResource,
			Read:              readGroupResource,
			Update:            updateGroupResource,
			Delete:            deleteGroupResource,
			List:              listGroupResources,
		},
		{
			Name:              "AWS::Logs::LogStream",
			PrimaryIdentifier: []string{"LogGroupName", "LogStreamName"},
			CreateOnly:        []string{"LogGroupName", "LogStreamName"},
			Create:            createStreamResource,
			Read:              readStreamResource,
			Delete:            deleteStreamResource,
			List:              listStreamResources,
		},
		queryDefinitionType(),
	}
	return slices.Concat(types, filterResources(), policyResources(), deliveryResources())
}

// groupProperties are the properties of AWS::Logs::LogGroup that are carried out. Others are refused.
type groupProperties struct {
	LogGroupName              string `json:",omitempty"`
	LogGroupClass             string `json:",omitempty"`
	RetentionInDays           int32  `json:",omitempty"`
	DeletionProtectionEnabled bool   `json:",omitempty"`
	KMSKeyID                  string `json:"KmsKeyId,omitempty"`
	// DataProtectionPolicy is a policy's document, as JSON.
	DataProtectionPolicy json.RawMessage `json:",omitempty"`
	Tags                 []tagProperty   `json:",omitempty"`
	ARN                  string          `json:"Arn,omitempty"`
}

type tagProperty struct{ Key, Value string }

func (p *groupProperties) tags() map[string]string {
	var tags map[string]string
	for _, t := range p.Tags {
		if tags == nil {
			tags = map[string]string{}
		}
		tags[t.Key] = t.Value
	}
	return tags
}

func createGroupResource(call *aws.Call, desired resource.Properties) (string, error) {
	var p groupProperties
	if err := desired.Decode(&p); err != nil {
		return "", err
	}
	if p.LogGroupName == "" {
		p.LogGroupName = call.NewID("LogGroup-", 12)
	}
	in := &api.CreateLogGroupInput{LogGroupName: p.LogGroupName, Tags: p.tags(), DeletionProtectionEnabled: &p.DeletionProtectionEnabled}
	if p.LogGroupClass != "" {
		in.LogGroupClass = new(api.LogGroupClass(p.LogGroupClass))
	}
	in.KMSKeyID = optional(p.KMSKeyID)
	if _, err := api.CreateLogGroup.Do(call, in); err != nil {
		return "", err
	}
	// The id is returned with the error: the group is there, and whoever rolls back has to know it.
	if err := setGroupRetention(call, p.LogGroupName, 0, p.RetentionInDays); err != nil {
		return p.LogGroupName, err
	}
	return p.LogGroupName, setGroupProtection(call, p.LogGroupName, nil, p.DataProtectionPolicy)
}

func setGroupProtection(call *aws.Call, name string, current, desired json.RawMessage) error {
	var err error
	switch {
	case string(current) == string(desired):
	case desired == nil:
		_, err = api.DeleteDataProtectionPolicy.Do(call, &api.DeleteDataProtectionPolicyInput{LogGroupIdentifier: name})
	default:
		_, err = api.PutDataProtectionPolicy.Do(call, &api.PutDataProtectionPolicyInput{LogGroupIdentifier: name, PolicyDocument: string(desired)})
	}
	return err
}

func setGroupKey(call *aws.Call, name, current, desired string) error {
	var err error
	switch desired {
	case current:
	case "":
		_, err = api.DisassociateKMSKey.Do(call, &api.DisassociateKMSKeyInput{LogGroupName: &name})
	default:
		_, err = api.AssociateKMSKey.Do(call, &api.AssociateKMSKeyInput{LogGroupName: &name, KMSKeyID: desired})
	}
	return err
}

func setGroupRetention(call *aws.Call, name string, current, desired int32) error {
	var err error
	switch {
	case current == desired:
	case desired == 0:
		_, err = api.DeleteRetentionPolicy.Do(call, &api.DeleteRetentionPolicyInput{LogGroupName: name})
	default:
		_, err = api.PutRetentionPolicy.Do(call, &api.PutRetentionPolicyInput{LogGroupName: name, RetentionInDays: desired})
	}
	return err
}

func readGroupResource(call *aws.Call, id string) (resource.Properties, error) {
	out, err := api.DescribeLogGroups.Do(call, &api.DescribeLogGroupsInput{LogGroupIdentifiers: []string{id}})
	if err != nil {
		return nil, err
	}
	if len(out.LogGroups) == 0 {
		return nil, api.NewResourceNotFoundException(noLogGroup)
	}
	g := out.LogGroups[0]
	tags, err := api.ListTagsForResource.Do(call, &api.ListTagsForResourceInput{ResourceARN: *g.LogGroupARN})
	if err != nil {
		return nil, err
	}
	p := groupProperties{
		LogGroupName: *g.LogGroupName, LogGroupClass: string(*g.LogGroupClass), DeletionProtectionEnabled: *g.DeletionProtectionEnabled, ARN: *g.ARN,
	}
	p.RetentionInDays, p.KMSKeyID, p.Tags = given(g.RetentionInDays), given(g.KMSKeyID), tagList(tags.Tags)
	protection, err := api.GetDataProtectionPolicy.Do(call, &api.GetDataProtectionPolicyInput{LogGroupIdentifier: id})
	if err != nil {
		return nil, err
	}
	if protection.PolicyDocument != nil {
		p.DataProtectionPolicy = json.RawMessage(*protection.PolicyDocument)
	}
	return resource.Encode(p)
}

func updateGroupResource(call *aws.Call, id string, current, desired resource.Properties) error {
	var was, p groupProperties
	if err := current.Decode(&was); err != nil {
		return err
	}
	if err := desired.Decode(&p); err != nil {
		return err
	}
	if p.LogGroupClass != "" && p.LogGroupClass != was.LogGroupClass {
		return api.NewInvalidParameterException("The class of a log group cannot be changed.")
	}
	if err := setGroupRetention(call, id, was.RetentionInDays, p.RetentionInDays); err != nil {
		return err
	}
	if err := setGroupProtection(call, id, was.DataProtectionPolicy, p.DataProtectionPolicy); err != nil {
		return err
	}
	if err := setGroupKey(call, id, was.KMSKeyID, p.KMSKeyID); err != nil {
		return err
	}
	if p.DeletionProtectionEnabled != was.DeletionProtectionEnabled {
		_, err := api.PutLogGroupDeletionProtection.Do(call, &api.PutLogGroupDeletionProtectionInput{
			LogGroupIdentifier: id, DeletionProtectionEnabled: p.DeletionProtectionEnabled,
		})
		if err != nil {
			return err
		}
	}
	return setGroupTags(call, call.ARN("logs", "log-group:"+id).String(), was.tags(), p.tags())
}

func setGroupTags(call *aws.Call, arn string, current, desired map[string]string) error {
	var gone []string
	for key := range current {
		if _, kept := desired[key]; !kept {
			gone = append(gone, key)
		}
	}
	if gone != nil {
		if _, err := api.UntagResource.Do(call, &api.UntagResourceInput{ResourceARN: arn, TagKeys: gone}); err != nil {
			return err
		}
	}
	changed := map[string]string{}
	for key, value := range desired {
		if old, ok := current[key]; !ok || old != value {
			changed[key] = value
		}
	}
	if len(changed) == 0 {
		return nil
	}
	_, err := api.TagResource.Do(call, &api.TagResourceInput{ResourceARN: arn, Tags: changed})
	return err
}

func deleteGroupResource(call *aws.Call, id string) error {
	_, err := api.DeleteLogGroup.Do(call, &api.DeleteLogGroupInput{LogGroupName: id})
	return err
}

func listGroupResources(call *aws.Call) ([]string, error) {
	var ids []string
	in := &api.DescribeLogGroupsInput{}
	for {
		out, err := api.DescribeLogGroups.Do(call, in)
		if err != nil {
			return nil, err
		}
		for _, g := range out.LogGroups {
			ids = append(ids, *g.LogGroupName)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return ids, nil
		}
	}
}

// streamProperties are the properties of AWS::Logs::LogStream.
type streamProperties struct{ LogGroupName, LogStreamName string }

func (p *streamProperties) id() string { return p.LogGroupName + "|" + p.LogStreamName }

// streamOf splits an identifier. Names of groups have no "|", those of streams may.
func streamOf(id string) (streamProperties, error) {
	group, stream, ok := strings.Cut(id, "|")
	if !ok {
		return streamProperties{}, api.NewInvalidParameterException("Invalid identifier of a log stream: %s", id)
	}
	return streamProperties{group, stream}, nil
}

func createStreamResource(call *aws.Call, desired resource.Properties) (string, error) {
	var p streamProperties
	if err := desired.Decode(&p); err != nil {
		return "", err
	}
	if p.LogStreamName == "" {
		p.LogStreamName = call.NewID("LogStream-", 12)
	}
	if _, err := api.CreateLogStream.Do(call, &api.CreateLogStreamInput{LogGroupName: p.LogGroupName, LogStreamName: p.LogStreamName}); err != nil {
		return "", err
	}
	return p.id(), nil
}

func readStreamResource(call *aws.Call, id string) (resource.Properties, error) {
	p, err := streamOf(id)
	if err != nil {
		return nil, err
	}
	// A name comes first among those that begin with it.
	out, err := api.DescribeLogStreams.Do(call, &api.DescribeLogStreamsInput{
		LogGroupName: &p.LogGroupName, LogStreamNamePrefix: &p.LogStreamName, Limit: new(int32(1)),
	})
	if err != nil {
		return nil, err
	}
	if len(out.LogStreams) == 0 || *out.LogStreams[0].LogStreamName != p.LogStreamName {
		return nil, api.NewResourceNotFoundException(noLogStream)
	}
	return resource.Encode(p)
}

func deleteStreamResource(call *aws.Call, id string) error {
	p, err := streamOf(id)
	if err != nil {
		return err
	}
	_, err = api.DeleteLogStream.Do(call, &api.DeleteLogStreamInput{LogGroupName: p.LogGroupName, LogStreamName: p.LogStreamName})
	return err
}

func listStreamResources(call *aws.Call) ([]string, error) {
	groups, err := listGroupResources(call)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, group := range groups {
		in := &api.DescribeLogStreamsInput{LogGroupName: &group}
		for {
			out, err := api.DescribeLogStreams.Do(call, in)
			if aws.IsError(err, "ResourceNotFoundException") { // deleted since it was listed
				break
			}
			if err != nil {
				return nil, err
			}
			for _, stream := range out.LogStreams {
				p := streamProperties{group, *stream.LogStreamName}
				ids = append(ids, p.id())
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				break
			}
		}
	}
	return ids, nil
}
