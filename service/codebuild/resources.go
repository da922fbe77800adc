package codebuild

import (
	"encoding/json"
	"errors"
	"maps"

	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/resource"
)

func (s *Service) resourceTypes() []resource.Type {
	return []resource.Type{
		{
			Name: "AWS::CodeBuild::Project", PrimaryIdentifier: []string{"Name"}, ReadOnly: []string{"Arn"}, CreateOnly: []string{"Name"},
			Create: createProjectResource, Read: readProjectResource, Update: updateProjectResource, Delete: deleteProjectResource,
			List: listProjectResources,
		},
		{
			Name: "AWS::CodeBuild::ReportGroup", PrimaryIdentifier: []string{"Arn"}, ReadOnly: []string{"Arn"}, CreateOnly: []string{"Name", "Type"},
			Create: createGroupResource, Read: readGroupResource, Update: updateGroupResource, Delete: deleteGroupResource, List: listGroupResources,
		},
		{
			Name: "AWS::CodeBuild::SourceCredential", PrimaryIdentifier: []string{"Id"}, ReadOnly: []string{"Id"}, CreateOnly: []string{"ServerType"},
			Create: createCredentialResource, Read: readCredentialResource, Update: updateCredentialResource, Delete: deleteCredentialResource,
			List: listCredentialResources,
		},
		{
			Name: "AWS::CodeBuild::Fleet", PrimaryIdentifier: []string{"Arn"}, ReadOnly: []string{"Arn"}, CreateOnly: []string{"Name"},
			Create: createFleetResource, Read: readFleetResource, Update: updateFleetResource, Delete: deleteFleetResource, List: listFleetResources,
		},
	}
}

// propertyNames are the names of properties that differ from those of the API's types by more than encoding/json bears
// with: it reads names in any case.
var propertyNames = map[string]string{
	"ARN": "Arn", "Buildspec": "BuildSpec", "FleetARN": "FleetArn", "ID": "Id", "InsecureSSL": "InsecureSsl", "TargetURL": "TargetUrl",
	"VCPU": "vCpu", "Memory": "memory", "Disk": "disk", "MachineType": "machineType", "InstanceType": "instanceType",
}

// properties are what a structure of the API's types holds, without what is not set, under the names of properties.
func properties(from any) (resource.Properties, error) {
	text, err := json.Marshal(from)
	if err != nil {
		return nil, err
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	return resource.Encode(renamed(all))
}

func renamed(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, member := range v {
			if member == nil {
				continue
			}
			if other, ok := propertyNames[name]; ok {
				name = other
			}
			out[name] = renamed(member)
		}
		return out
	case []any:
		for i := range v {
			v[i] = renamed(v[i])
		}
	}
	return v
}

// without are the properties less those that only say how to do something.
func without(p resource.Properties, names ...string) resource.Properties {
	p = maps.Clone(p)
	for _, name := range names {
		delete(p, name)
	}
	return p
}

// projectProperties are the properties of AWS::CodeBuild::Project that are carried out. Others are refused. The webhook
// of Triggers is one that has to be entered at the source provider.
type projectProperties struct {
	Name, Description       *string
	Source                  *api.ProjectSource
	SecondarySources        []api.ProjectSource
	SourceVersion           *string
	SecondarySourceVersions []api.ProjectSourceVersion
	Artifacts               *api.ProjectArtifacts
	SecondaryArtifacts      []api.ProjectArtifacts
	Cache                   *api.ProjectCache
	Environment             *api.ProjectEnvironment
	ServiceRole             *string
	TimeoutInMinutes        *int32
	QueuedTimeoutInMinutes  *int32
	EncryptionKey           *string
	Tags                    []api.Tag
	LogsConfig              *api.LogsConfig
	BadgeEnabled            *bool
	BuildBatchConfig        *api.ProjectBuildBatchConfig
	ConcurrentBuildLimit    *int32
	AutoRetryLimit          *int32
	Visibility              *api.ProjectVisibilityType
	ResourceAccessRole      *string
	Triggers                *triggerProperties
	ARN                     *string
}

type triggerProperties struct {
	Webhook            *bool
	FilterGroups       [][]api.WebhookFilter
	BuildType          *api.WebhookBuildType
	ScopeConfiguration *api.ScopeConfiguration
}

func (t *triggerProperties) wanted() bool { return t != nil && value(t.Webhook) }

// required returns an error unless what the API requires is there.
func (p *projectProperties) required() error {
	if p.Source == nil || p.Artifacts == nil || p.Environment == nil || value(p.ServiceRole) == "" {
		return aws.NewError(400, "ValidationException", "Properties validation failed: Source, Artifacts, Environment and ServiceRole are required")
	}
	return nil
}

func createProjectResource(call *aws.Call, desired resource.Properties) (string, error) {
	var p projectProperties
	if err := desired.Decode(&p); err != nil {
		return "", err
	}
	if err := p.required(); err != nil {
		return "", err
	}
	if value(p.Name) == "" {
		p.Name = new(call.NewID("Project-", 12))
	}
	_, err := api.CreateProject.Do(call, &api.CreateProjectInput{
		Name: *p.Name, Description: p.Description, Source: *p.Source, SecondarySources: p.SecondarySources, SourceVersion: p.SourceVersion,
		SecondarySourceVersions: p.SecondarySourceVersions, Artifacts: *p.Artifacts, SecondaryArtifacts: p.SecondaryArtifacts, Cache: p.Cache,
		Environment: *p.Environment, ServiceRole: *p.ServiceRole, TimeoutInMinutes: p.TimeoutInMinutes,
		QueuedTimeoutInMinutes: p.QueuedTimeoutInMinutes, EncryptionKey: p.EncryptionKey, Tags: p.Tags, LogsConfig: p.LogsConfig,
		BadgeEnabled: p.BadgeEnabled, BuildBatchConfig: p.BuildBatchConfig, ConcurrentBuildLimit: p.ConcurrentBuildLimit, AutoRetryLimit: p.AutoRetryLimit,
	})
	if err != nil {
		return "", err
	}
	// The id is returned with the error: the project is there, and whoever rolls back has to know it.
	return *p.Name, setProjectSurroundings(call, &projectProperties{}, &p)
}

// setProjectSurroundings changes what is beside the project: its visibility and its webhook.
func setProjectSurroundings(call *aws.Call, was, p *projectProperties) error {
	if value(p.Visibility) != value(was.Visibility) || value(p.ResourceAccessRole) != value(was.ResourceAccessRole) {
		visibility := api.ProjectVisibilityTypePrivate
		if p.Visibility != nil {
			visibility = *p.Visibility
		}
		_, err := api.UpdateProjectVisibility.Do(call, &api.UpdateProjectVisibilityInput{
			ProjectARN: projectARN(call, *p.Name), ProjectVisibility: visibility, ResourceAccessRole: p.ResourceAccessRole,
		})
		if err != nil {
			return err
		}
	}
	var err error
	switch {
	case p.Triggers.wanted() && was.Triggers.wanted():
		_, err = api.UpdateWebhook.Do(call, &api.UpdateWebhookInput{
			ProjectName: *p.Name, FilterGroups: orEmpty(p.Triggers.FilterGroups), BuildType: p.Triggers.BuildType,
		})
	case p.Triggers.wanted():
		_, err = api.CreateWebhook.Do(call, &api.CreateWebhookInput{
			ProjectName: *p.Name, FilterGroups: p.Triggers.FilterGroups, BuildType: p.Triggers.BuildType,
			ScopeConfiguration: p.Triggers.ScopeConfiguration, ManualCreation: new(true),
		})
	case was.Triggers.wanted():
		_, err = api.DeleteWebhook.Do(call, &api.DeleteWebhookInput{ProjectName: *p.Name})
	}
	return err
}

func readProjectResource(call *aws.Call, id string) (resource.Properties, error) {
	out, err := api.BatchGetProjects.Do(call, &api.BatchGetProjectsInput{Names: []string{id}})
	if err != nil {
		return nil, err
	}
	if len(out.Projects) == 0 {
		return nil, noProject(call, id)
	}
	d := &out.Projects[0]
	p := projectProperties{
		Name: d.Name, Description: d.Description, Source: d.Source, SecondarySources: d.SecondarySources, SourceVersion: d.SourceVersion,
		SecondarySourceVersions: d.SecondarySourceVersions, Artifacts: d.Artifacts, SecondaryArtifacts: d.SecondaryArtifacts, Cache: d.Cache,
		Environment: d.Environment, ServiceRole: d.ServiceRole, TimeoutInMinutes: d.TimeoutInMinutes,
		QueuedTimeoutInMinutes: d.QueuedTimeoutInMinutes, EncryptionKey: d.EncryptionKey, Tags: d.Tags, LogsConfig: d.LogsConfig,
		BadgeEnabled: d.Badge.BadgeEnabled, BuildBatchConfig: d.BuildBatchConfig, ConcurrentBuildLimit: d.ConcurrentBuildLimit,
		AutoRetryLimit: d.AutoRetryLimit, Visibility: d.ProjectVisibility, ResourceAccessRole: d.ResourceAccessRole, ARN: d.ARN,
	}
	if w := d.Webhook; w != nil {
		p.Triggers = &triggerProperties{Webhook: new(true), FilterGroups: w.FilterGroups, BuildType: w.BuildType, ScopeConfiguration: w.ScopeConfiguration}
	}
	return properties(p)
}

// updateProjectResource changes a project. What is no longer desired becomes what it is without being given.
func updateProjectResource(call *aws.Call, id string, current, desired resource.Properties) error {
	var was, p projectProperties
	if err := current.Decode(&was); err != nil {
		return err
	}
	if err := desired.Decode(&p); err != nil {
		return err
	}
	if err := p.required(); err != nil {
		return err
	}
	p.Name = &id
	in := &api.UpdateProjectInput{
		Name: id, Description: orDefault(p.Description, ""), Source: p.Source, SecondarySources: orEmpty(p.SecondarySources),
		SourceVersion: orDefault(p.SourceVersion, ""), SecondarySourceVersions: orEmpty(p.SecondarySourceVersions), Artifacts: p.Artifacts,
		SecondaryArtifacts: orEmpty(p.SecondaryArtifacts), Cache: orDefault(p.Cache, api.ProjectCache{Type: api.CacheTypeNoCache}),
		Environment: p.Environment, ServiceRole: p.ServiceRole, TimeoutInMinutes: orDefault(p.TimeoutInMinutes, defaultTimeout),
		QueuedTimeoutInMinutes: orDefault(p.QueuedTimeoutInMinutes, defaultQueuedTimeout),
		EncryptionKey:          orDefault(p.EncryptionKey, call.ARN("kms", "alias/aws/s3").String()), Tags: orEmpty(p.Tags),
		LogsConfig:   orDefault(p.LogsConfig, api.LogsConfig{CloudWatchLogs: &api.CloudWatchLogsConfig{Status: api.LogsConfigStatusTypeEnabled}}),
		BadgeEnabled: orDefault(p.BadgeEnabled, false), BuildBatchConfig: orDefault(p.BuildBatchConfig, api.ProjectBuildBatchConfig{}),
		ConcurrentBuildLimit: orDefault(p.ConcurrentBuildLimit, -1), AutoRetryLimit: orDefault(p.AutoRetryLimit, 0),
	}
	if _, err := api.UpdateProject.Do(call, in); err != nil {
		return err
	}
	return setProjectSurroundings(call, &was, &p)
}

func orDefault[T any](given *T, otherwise T) *T {
	if given == nil {
		return &otherwise
	}
	return given
}

func deleteProjectResource(call *aws.Call, id string) error {
	_, err := api.DeleteProject.Do(call, &api.DeleteProjectInput{Name: id})
	return err
}

func listProjectResources(call *aws.Call) (ids []string, err error) {
	in := &api.ListProjectsInput{}
	for {
		out, err := api.ListProjects.Do(call, in)
		if err != nil {
			return nil, err
		}
		ids = append(ids, out.Projects...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return ids, nil
		}
	}
}

// groupProperties are the properties of AWS::CodeBuild::ReportGroup. DeleteReports is for its deletion only, which is
// told nothing but the ARN: a group with reports is deleted with them.
type groupProperties struct {
	Name         *string
	Type         *api.ReportType
	ExportConfig *api.ReportExportConfig
	Tags         []api.Tag
	ARN          *string
}

func createGroupResource(call *aws.Call, desired resource.Properties) (string, error) {
	var p groupProperties
	if err := without(desired, "DeleteReports").Decode(&p); err != nil {
		return "", err
	}
	if p.Type == nil || p.ExportConfig == nil {
		return "", aws.NewError(400, "ValidationException", "Properties validation failed: Type and ExportConfig are required")
	}
	if value(p.Name) == "" {
		p.Name = new(call.NewID("ReportGroup-", 12))
	}
	out, err := api.CreateReportGroup.Do(call, &api.CreateReportGroupInput{Name: *p.Name, Type: *p.Type, ExportConfig: *p.ExportConfig, Tags: p.Tags})
	if err != nil {
		return "", err
	}
	return *out.ReportGroup.ARN, nil
}

func readGroupResource(call *aws.Call, id string) (resource.Properties, error) {
	out, err := api.BatchGetReportGroups.Do(call, &api.BatchGetReportGroupsInput{ReportGroupARNs: []string{id}})
	if err != nil {
		return nil, err
	}
	if len(out.ReportGroups) == 0 {
		return nil, api.NewResourceNotFoundException("Report group not found: %s", id)
	}
	g := &out.ReportGroups[0]
	return properties(groupProperties{g.Name, g.Type, g.ExportConfig, g.Tags, g.ARN})
}

func updateGroupResource(call *aws.Call, id string, _, desired resource.Properties) error {
	var p groupProperties
	if err := without(desired, "DeleteReports").Decode(&p); err != nil {
		return err
	}
	_, err := api.UpdateReportGroup.Do(call, &api.UpdateReportGroupInput{ARN: id, ExportConfig: p.ExportConfig, Tags: orEmpty(p.Tags)})
	return err
}

func deleteGroupResource(call *aws.Call, id string) error {
	_, err := api.DeleteReportGroup.Do(call, &api.DeleteReportGroupInput{ARN: id, DeleteReports: new(true)})
	return err
}

func listGroupResources(call *aws.Call) (ids []string, err error) {
	in := &api.ListReportGroupsInput{}
	for {
		out, err := api.ListReportGroups.Do(call, in)
		if err != nil {
			return nil, err
		}
		ids = append(ids, out.ReportGroups...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return ids, nil
		}
	}
}

// credentialProperties are the properties of AWS::CodeBuild::SourceCredential. The token is never read.
type credentialProperties struct {
	ServerType *api.ServerType
	AuthType   *api.AuthType
	Username   *string
	Token      *string
	ID         *string
}

func createCredentialResource(call *aws.Call, desired resource.Properties) (string, error) {
	return importCredential(call, desired, false)
}

func importCredential(call *aws.Call, desired resource.Properties, overwrite bool) (string, error) {
	var p credentialProperties
	if err := desired.Decode(&p); err != nil {
		return "", err
	}
	if p.ServerType == nil || p.AuthType == nil || value(p.Token) == "" {
		return "", aws.NewError(400, "ValidationException", "Properties validation failed: ServerType, AuthType and Token are required")
	}
	out, err := api.ImportSourceCredentials.Do(call, &api.ImportSourceCredentialsInput{
		ServerType: *p.ServerType, AuthType: *p.AuthType, Username: p.Username, Token: *p.Token, ShouldOverwrite: &overwrite,
	})
	if err != nil {
		return "", err
	}
	return *out.ARN, nil
}

func readCredentialResource(call *aws.Call, id string) (resource.Properties, error) {
	out, err := api.ListSourceCredentials.Do(call, &api.ListSourceCredentialsInput{})
	if err != nil {
		return nil, err
	}
	for _, c := range out.SourceCredentialsInfos {
		if *c.ARN == id {
			return properties(credentialProperties{ServerType: c.ServerType, AuthType: c.AuthType, ID: c.ARN})
		}
	}
	return nil, api.NewResourceNotFoundException("Source credentials not found: %s", id)
}

func updateCredentialResource(call *aws.Call, id string, _, desired resource.Properties) error {
	is, err := importCredential(call, desired, true)
	if err == nil && is != id {
		err = errors.New("source credentials changed their ARN")
	}
	return err
}

func deleteCredentialResource(call *aws.Call, id string) error {
	_, err := api.DeleteSourceCredentials.Do(call, &api.DeleteSourceCredentialsInput{ARN: id})
	return err
}

func listCredentialResources(call *aws.Call) (ids []string, err error) {
	out, err := api.ListSourceCredentials.Do(call, &api.ListSourceCredentialsInput{})
	if err != nil {
		return nil, err
	}
	for _, c := range out.SourceCredentialsInfos {
		ids = append(ids, *c.ARN)
	}
	return ids, nil
}
