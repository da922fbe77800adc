package codebuild

import (
	"slices"

	api "drydock/api/codebuild"
	"drydock/aws"
)

// overridden is the project as one StartBuild wants it. The project's own record is not changed.
func overridden(call *aws.Call, p *project, in *api.StartBuildInput) (*api.Project, error) {
	d := p.Detail
	source := *d.Source
	if in.SourceTypeOverride != nil && *in.SourceTypeOverride != source.Type {
		// Another type's location means nothing.
		source = api.ProjectSource{Type: *in.SourceTypeOverride, Buildspec: source.Buildspec, Location: source.Location}
		if source.Type == api.SourceTypeNoSource {
			source.Location = nil
		}
	}
	override(&source.Location, in.SourceLocationOverride)
	override(&source.Auth, in.SourceAuthOverride)
	override(&source.GitCloneDepth, in.GitCloneDepthOverride)
	override(&source.GitSubmodulesConfig, in.GitSubmodulesConfigOverride)
	override(&source.Buildspec, in.BuildspecOverride)
	override(&source.InsecureSSL, in.InsecureSSLOverride)
	override(&source.ReportBuildStatus, in.ReportBuildStatusOverride)
	override(&source.BuildStatusConfig, in.BuildStatusConfigOverride)
	d.Source = &source
	overrideList(&d.SecondarySources, in.SecondarySourcesOverride)
	overrideList(&d.SecondarySourceVersions, in.SecondarySourcesVersionOverride)

	env := *d.Environment
	overrideValue(&env.Type, in.EnvironmentTypeOverride)
	overrideValue(&env.Image, in.ImageOverride)
	overrideValue(&env.ComputeType, in.ComputeTypeOverride)
	override(&env.Certificate, in.CertificateOverride)
	override(&env.PrivilegedMode, in.PrivilegedModeOverride)
	override(&env.RegistryCredential, in.RegistryCredentialOverride)
	override(&env.ImagePullCredentialsType, in.ImagePullCredentialsTypeOverride)
	override(&env.Fleet, in.FleetOverride)
	if err := checkVariables(in.EnvironmentVariablesOverride); err != nil {
		return nil, err
	}
	env.EnvironmentVariables = slices.Clone(env.EnvironmentVariables)
	for _, v := range in.EnvironmentVariablesOverride {
		i := slices.IndexFunc(env.EnvironmentVariables, func(old api.EnvironmentVariable) bool { return old.Name == v.Name })
		if i >= 0 {
			env.EnvironmentVariables[i] = v
		} else {
			env.EnvironmentVariables = append(env.EnvironmentVariables, v)
		}
	}
	d.Environment = &env

	artifacts := *d.Artifacts
	if in.ArtifactsOverride != nil {
		artifacts = *in.ArtifactsOverride
	}
	d.Artifacts = &artifacts
	overrideList(&d.SecondaryArtifacts, in.SecondaryArtifactsOverride)
	override(&d.Cache, in.CacheOverride)
	if in.ServiceRoleOverride != nil {
		role, err := ownRole(call, *in.ServiceRoleOverride)
		if err != nil {
			return nil, err
		}
		d.ServiceRole = &role
	}
	override(&d.TimeoutInMinutes, in.TimeoutInMinutesOverride)
	override(&d.QueuedTimeoutInMinutes, in.QueuedTimeoutInMinutesOverride)
	override(&d.EncryptionKey, in.EncryptionKeyOverride)
	override(&d.LogsConfig, in.LogsConfigOverride)
	override(&d.AutoRetryLimit, in.AutoRetryLimitOverride)
	return &d, completeProject(call, &d)
}

func overrideValue[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}
