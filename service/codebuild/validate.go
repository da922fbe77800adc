package codebuild

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	api "drydock/api/codebuild"
	"drydock/aws"
)

// notImplemented refuses an input that would have to change what a build does and cannot yet.
func notImplemented(what string) error {
	return aws.NewError(501, "NotImplemented", "drydock does not implement %s of AWS CodeBuild.", what)
}

// refuseUnsupported refuses the parts of a project that are for later.
func refuseUnsupported(vpc *api.VPCConfig, files []api.ProjectFileSystemLocation) error {
	switch {
	case vpc != nil && (value(vpc.VPCID) != "" || len(vpc.Subnets)+len(vpc.SecurityGroupIDs) > 0):
		return notImplemented("vpcConfig")
	case len(files) > 0:
		return notImplemented("fileSystemLocations")
	}
	return nil
}

// completeProject checks a project and fills in what AWS fills in.
func completeProject(call *aws.Call, d *api.Project) error {
	if d.TimeoutInMinutes == nil {
		d.TimeoutInMinutes = new(int32(defaultTimeout))
	}
	if *d.TimeoutInMinutes > maxTimeout {
		return api.NewInvalidInputException("1 validation error detected: Value '%d' at 'timeoutInMinutes' failed to satisfy constraint: "+
			"Member must have value less than or equal to %d", *d.TimeoutInMinutes, maxTimeout)
	}
	if d.QueuedTimeoutInMinutes == nil {
		d.QueuedTimeoutInMinutes = new(int32(defaultQueuedTimeout))
	}
	if d.EncryptionKey == nil {
		d.EncryptionKey = new(call.ARN("kms", "alias/aws/s3").String())
	}
	if d.Cache == nil {
		d.Cache = &api.ProjectCache{Type: api.CacheTypeNoCache}
	}
	if d.Tags == nil {
		d.Tags = []api.Tag{}
	}
	if repeatedTag(d.Tags) {
		return api.NewInvalidInputException("Duplicate tag keys are not allowed")
	}
	if retries := d.AutoRetryLimit; retries != nil && (*retries < 0 || *retries > maxAutoRetries) {
		return api.NewInvalidInputException("Auto retry limit must be between 0 and %d", maxAutoRetries)
	}
	if limit := d.ConcurrentBuildLimit; limit != nil {
		switch {
		case *limit < 1:
			return api.NewInvalidInputException("Project-level concurrent build limit must be greater than or equal to 1")
		case *limit > maxConcurrentBuilds:
			return api.NewInvalidInputException("Project-level concurrent build limit cannot exceed the account-level concurrent build limit of %d", maxConcurrentBuilds)
		}
	}
	if err := checkEnvironment(d.Environment); err != nil {
		return err
	}
	if err := checkSources(d.Source, d.SecondarySources, d.SecondarySourceVersions); err != nil {
		return err
	}
	if err := completeArtifacts(*d.Name, d.Source, d.Artifacts, d.SecondaryArtifacts); err != nil {
		return err
	}
	if err := checkCache(d.Cache); err != nil {
		return err
	}
	return checkLogs(d.LogsConfig)
}

// variableName is what a shell takes for a variable.
var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func checkEnvironment(e *api.ProjectEnvironment) error {
	switch {
	case value(e.Certificate) != "":
		return notImplemented("certificate")
	case e.RegistryCredential != nil:
		return notImplemented("registryCredential")
	case e.DockerServer != nil:
		return notImplemented("dockerServer")
	case e.ComputeConfiguration != nil:
		return notImplemented("computeConfiguration")
	}
	if e.PrivilegedMode == nil {
		e.PrivilegedMode = new(false)
	}
	if e.ImagePullCredentialsType == nil {
		e.ImagePullCredentialsType = new(api.ImagePullCredentialsTypeCodebuild)
	}
	lambda := strings.HasSuffix(string(e.Type), "LAMBDA_CONTAINER")
	if lambda != strings.HasPrefix(string(e.ComputeType), "BUILD_LAMBDA_") {
		return api.NewInvalidInputException("Compute type %s is not supported for environment type %s", e.ComputeType, e.Type)
	}
	if strings.HasPrefix(e.Image, "aws/codebuild/") && *e.ImagePullCredentialsType == api.ImagePullCredentialsTypeServiceRole {
		return api.NewInvalidInputException("Invalid image pull credentials type: only CODEBUILD is supported for curated images")
	}
	if e.EnvironmentVariables == nil {
		e.EnvironmentVariables = []api.EnvironmentVariable{}
	}
	return checkVariables(e.EnvironmentVariables)
}

func checkVariables(variables []api.EnvironmentVariable) error {
	var names []string
	for i := range variables {
		v := &variables[i]
		if v.Type == nil {
			v.Type = new(api.EnvironmentVariableTypePlaintext)
		}
		if !variableName.MatchString(v.Name) || strings.ContainsRune(v.Value, 0) {
			return api.NewInvalidInputException("Invalid environment variable name: %s", v.Name)
		}
		names = append(names, v.Name)
	}
	slices.Sort(names)
	for i := 1; i < len(names); i++ {
		if names[i] == names[i-1] {
			return api.NewInvalidInputException("Duplicate environment variable name: %s", names[i])
		}
	}
	return nil
}

var sourceIdentifier = regexp.MustCompile(`^[A-Za-z0-9_]{1,127}$`)

func checkSources(main *api.ProjectSource, more []api.ProjectSource, versions []api.ProjectSourceVersion) error {
	if err := checkSource(main); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i := range more {
		src := &more[i]
		id := value(src.SourceIdentifier)
		if !sourceIdentifier.MatchString(id) {
			return api.NewInvalidInputException("Invalid secondary source: sourceIdentifier must consist of letters, digits and underscores")
		}
		if seen[id] {
			return api.NewInvalidInputException("Invalid secondary source: duplicate sourceIdentifier %s", id)
		}
		seen[id] = true
		if src.Type == api.SourceTypeNoSource || src.Type == api.SourceTypeCodepipeline {
			return api.NewInvalidInputException("Invalid secondary source: type %s is not supported", src.Type)
		}
		if err := checkSource(src); err != nil {
			return err
		}
	}
	for _, v := range versions {
		if !seen[v.SourceIdentifier] {
			return api.NewInvalidInputException("Invalid secondary source version: no secondary source has the identifier %s", v.SourceIdentifier)
		}
	}
	return nil
}

func checkSource(src *api.ProjectSource) error {
	location := value(src.Location)
	if src.Auth != nil && src.Auth.Type != api.SourceAuthTypeOAuth {
		return notImplemented("source auth " + string(src.Auth.Type))
	}
	if value(src.ReportBuildStatus) {
		return notImplemented("reportBuildStatus")
	}
	switch src.Type {
	case api.SourceTypeNoSource:
		if location != "" {
			return api.NewInvalidInputException("Invalid project source: location must not be specified for source type NO_SOURCE")
		}
		if value(src.Buildspec) == "" {
			return api.NewInvalidInputException("Invalid project source: buildspec must be specified for source type NO_SOURCE")
		}
		if isBuildspecPath(*src.Buildspec) {
			return api.NewInvalidInputException("Invalid project source: buildspec must be inline or an S3 object for source type NO_SOURCE")
		}
	case api.SourceTypeCodepipeline:
		if location != "" {
			return api.NewInvalidInputException("Invalid project source: location must not be specified for source type CODEPIPELINE")
		}
	case api.SourceTypeS3:
		if _, _, ok := splitS3(location); !ok {
			return api.NewInvalidInputException("Invalid project source: location must be a valid S3 source")
		}
	default:
		u, err := url.Parse(location)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "git" {
			return api.NewInvalidInputException("Invalid project source: location must be a valid %s source", src.Type)
		}
		if src.Type == api.SourceTypeCodecommit {
			if _, ok := codecommitName(u); !ok {
				return api.NewInvalidInputException("Invalid project source: location must be a valid CODECOMMIT source")
			}
		}
	}
	return nil
}

// splitS3 splits "bucket/key", also as an ARN. The key of a folder ends in "/".
func splitS3(location string) (bucket, key string, ok bool) {
	location = strings.TrimPrefix(location, "arn:aws:s3:::")
	bucket, key, _ = strings.Cut(location, "/")
	return bucket, key, bucket != "" && key != "" && !strings.Contains(bucket, ":")
}

// codecommitName is the repository that a CodeCommit URL names.
func codecommitName(u *url.URL) (string, bool) {
	name, ok := strings.CutPrefix(u.Path, "/v1/repos/")
	name = strings.TrimSuffix(name, "/")
	return name, ok && name != "" && !strings.Contains(name, "/")
}

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

func completeArtifacts(projectName string, src *api.ProjectSource, main *api.ProjectArtifacts, more []api.ProjectArtifacts) error {
	if (main.Type == api.ArtifactsTypeCodepipeline) != (src.Type == api.SourceTypeCodepipeline) {
		return api.NewInvalidInputException("Invalid artifacts: artifacts type and source type must both be CODEPIPELINE if one of them is")
	}
	if err := completeArtifact(projectName, main); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i := range more {
		id := value(more[i].ArtifactIdentifier)
		if !sourceIdentifier.MatchString(id) || seen[id] {
			return api.NewInvalidInputException("Invalid secondary artifacts: artifactIdentifier must be unique and consist of letters, digits and underscores")
		}
		seen[id] = true
		if more[i].Type != api.ArtifactsTypeS3 {
			return api.NewInvalidInputException("Invalid secondary artifacts: type must be S3")
		}
		if err := completeArtifact(id, &more[i]); err != nil {
			return err
		}
	}
	return nil
}

func completeArtifact(name string, a *api.ProjectArtifacts) error {
	if a.Type != api.ArtifactsTypeS3 {
		if a.Type == api.ArtifactsTypeNoArtifacts && value(a.Location) != "" {
			return api.NewInvalidInputException("Invalid artifacts: location must not be specified for artifacts type NO_ARTIFACTS")
		}
		return nil
	}
	if !bucketName.MatchString(value(a.Location)) {
		return api.NewInvalidInputException("Invalid artifacts: location must be a valid S3 bucket name")
	}
	if a.BucketOwnerAccess != nil && *a.BucketOwnerAccess != api.BucketOwnerAccessNone {
		return notImplemented("bucketOwnerAccess")
	}
	if value(a.Name) == "" && !value(a.OverrideArtifactName) {
		a.Name = &name
	}
	if a.NamespaceType == nil {
		a.NamespaceType = new(api.ArtifactNamespaceNone)
	}
	if a.Packaging == nil {
		a.Packaging = new(api.ArtifactPackagingNone)
	}
	if a.EncryptionDisabled == nil {
		a.EncryptionDisabled = new(false)
	}
	return nil
}

func checkCache(c *api.ProjectCache) error {
	switch c.Type {
	case api.CacheTypeS3:
		if bucket, _, _ := strings.Cut(value(c.Location), "/"); !bucketName.MatchString(bucket) {
			return api.NewInvalidInputException("Invalid cache: location must be a valid S3 bucket name followed by the prefix")
		}
	case api.CacheTypeLocal:
		if len(c.Modes) == 0 {
			return api.NewInvalidInputException("Invalid cache: at least one mode must be specified for cache type LOCAL")
		}
	}
	return nil
}

func checkLogs(l *api.LogsConfig) error {
	if l == nil || l.S3Logs == nil {
		return nil
	}
	if l.S3Logs.BucketOwnerAccess != nil && *l.S3Logs.BucketOwnerAccess != api.BucketOwnerAccessNone {
		return notImplemented("bucketOwnerAccess")
	}
	if l.S3Logs.Status == api.LogsConfigStatusTypeEnabled {
		if bucket, _, _ := strings.Cut(strings.TrimPrefix(value(l.S3Logs.Location), "arn:aws:s3:::"), "/"); !bucketName.MatchString(bucket) {
			return api.NewInvalidInputException("Invalid s3Logs: location must be a valid S3 bucket name followed by the prefix")
		}
	}
	return nil
}

// trimKind takes the kind of resource off an ARN's last part.
func trimKind(resource, kind string) string { return strings.TrimPrefix(resource, kind) }
