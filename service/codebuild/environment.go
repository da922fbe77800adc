package codebuild

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	api "drydock/api/codebuild"
	"drydock/aws"
)

// environment is a build's variables, in order; a later value of a name replaces the earlier one.
type environment struct {
	names  []string
	values map[string]string
}

func newEnvironment() *environment { return &environment{values: map[string]string{}} }

func (e *environment) set(name, value string) {
	if _, ok := e.values[name]; !ok {
		e.names = append(e.names, name)
	}
	e.values[name] = value
}

// list is the environment as processes get it.
func (e *environment) list() []string {
	out := make([]string, 0, len(e.names))
	for _, name := range e.names {
		out = append(out, name+"="+e.values[name])
	}
	return out
}

// makeEnvironment puts together the variables: CodeBuild's own, then the build specification's, then the project's with
// those of StartBuild over them; each wins over those before it.
func (r *run) makeEnvironment(ctx context.Context) *failure {
	e := newEnvironment()
	d := &r.b.Detail
	credentials, _, err := r.role.get(ctx)
	if err != nil {
		return r.roleFailure(err)
	}
	e.set("HOME", r.machine.Path("/root"))
	e.set("LANG", "C.UTF-8")
	e.set("AWS_REGION", r.b.Region)
	e.set("AWS_DEFAULT_REGION", r.b.Region)
	endpoint := r.s.Endpoint()
	if endpoint != "" {
		e.set("AWS_ENDPOINT_URL", endpoint)
	}
	if askedByClients(endpoint) {
		e.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", strings.TrimSuffix(endpoint, "/")+planePrefix+"credentials/"+r.serveRole())
	} else {
		e.set("AWS_ACCESS_KEY_ID", credentials.AccessKeyID)
		e.set("AWS_SECRET_ACCESS_KEY", credentials.SecretAccessKey)
		e.set("AWS_SESSION_TOKEN", credentials.SessionToken)
	}
	e.set("CODEBUILD_CI", "true")
	e.set("CODEBUILD_BUILD_ARN", *d.ARN)
	e.set("CODEBUILD_BUILD_ID", *d.ID)
	e.set("CODEBUILD_BUILD_IMAGE", d.Environment.Image)
	e.set("CODEBUILD_BUILD_NUMBER", strconv.FormatInt(*d.BuildNumber, 10))
	e.set("CODEBUILD_BUILD_SUCCEEDING", "1")
	e.set("CODEBUILD_INITIATOR", *d.Initiator)
	e.set("CODEBUILD_KMS_KEY_ID", value(d.EncryptionKey))
	e.set("CODEBUILD_LOG_PATH", value(d.Logs.StreamName))
	e.set("CODEBUILD_PROJECT_ARN", strings.Replace((*d.ARN)[:strings.LastIndexByte(*d.ARN, ':')], ":build/", ":project/", 1))
	e.set("CODEBUILD_START_TIME", strconv.FormatInt(d.StartTime.UnixMilli(), 10))
	for i, src := range r.sources {
		suffix := ""
		if i > 0 {
			suffix = "_" + src.id
		}
		e.set("CODEBUILD_SRC_DIR"+suffix, r.machine.Path(src.dir))
		e.set("CODEBUILD_RESOLVED_SOURCE_VERSION"+suffix, src.resolved)
		e.set("CODEBUILD_SOURCE_REPO_URL"+suffix, src.location)
		version := src.version
		if version == "" {
			version = src.resolved
		}
		e.set("CODEBUILD_SOURCE_VERSION"+suffix, version)
	}
	if r.b.Member != "" {
		e.set("CODEBUILD_BATCH_BUILD_IDENTIFIER", r.b.Member)
	}
	if r.spec.Env.GitCredentialHelper {
		r.helpGit(e)
	}
	for _, v := range r.spec.Env.Variables {
		e.set(v.Name, v.Value)
	}
	own := func(name string) bool {
		return slices.ContainsFunc(d.Environment.EnvironmentVariables, func(v api.EnvironmentVariable) bool { return v.Name == name })
	}
	for _, v := range r.spec.Env.ParameterStore {
		if !own(v.Name) {
			return r.noParameter(v.Value)
		}
	}
	for _, v := range r.spec.Env.SecretsManager {
		if !own(v.Name) {
			return r.noSecret(v.SecretID)
		}
	}
	for _, v := range d.Environment.EnvironmentVariables {
		switch value(v.Type) {
		case api.EnvironmentVariableTypeParameterStore:
			return r.noParameter(v.Value)
		case api.EnvironmentVariableTypeSecretsManager:
			return r.noSecret(v.Value)
		}
		e.set(v.Name, v.Value)
	}
	r.findCommands(e)
	for name, v := range e.values {
		if !variableName.MatchString(name) || strings.ContainsRune(v, 0) {
			return clientError("Invalid environment variable %q", name)
		}
	}
	r.env = e
	return nil
}

// askedByClients tells whether AWS's clients ask an endpoint for credentials: over plain HTTP only one on
// this host. Over TLS they would ask any, but need not trust its certificate.
func askedByClients(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// serveRole has the role's credentials served until the build has ended, and returns the token of their URL.
func (r *run) serveRole() string {
	r.token = aws.NewUUID(r.s.Random)
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.s.roles[r.token] = r.role
	return r.token
}

// gitHelper is git's setting for the AWS CLI's credential helper. That one serves hosts of Amazon's only, unless told
// otherwise, which it can be for "get" alone; the others, "store" and "erase", do nothing anyway.
const gitHelper = `!f() { test "$1" != get || aws codecommit credential-helper --ignore-host-check get; }; f`

// helpGit lets git in the build reach this cloud's repositories under their AWS names, with the service role's
// credentials by way of the AWS CLI.
func (r *run) helpGit(e *environment) {
	endpoint := strings.TrimSuffix(r.s.Endpoint(), "/")
	amazon := "https://git-codecommit." + r.b.Region + ".amazonaws.com"
	settings := [][2]string{{"url." + endpoint + "/v1/repos/.insteadOf", amazon + "/v1/repos/"}}
	for _, host := range []string{amazon, endpoint} {
		settings = append(settings, [2]string{"credential." + host + ".helper", gitHelper},
			[2]string{"credential." + host + ".useHttpPath", "true"})
	}
	for i, s := range settings {
		e.set("GIT_CONFIG_KEY_"+strconv.Itoa(i), s[0])
		e.set("GIT_CONFIG_VALUE_"+strconv.Itoa(i), s[1])
	}
	e.set("GIT_CONFIG_COUNT", strconv.Itoa(len(settings)))
}

// noParameter is the failure of a build that needs Systems Manager, which this cloud does not have yet.
func (r *run) noParameter(name string) *failure {
	return fail("Decrypted Variables Error", "Unable to fetch parameter %s: NotImplemented: drydock does not implement GetParameters of Amazon Simple Systems Manager (SSM).", name)
}

// noSecret is the failure of a build that needs Secrets Manager, which this cloud does not have yet.
func (r *run) noSecret(id string) *failure {
	return fail("Secrets Manager Error", "Unable to fetch secret %s: NotImplemented: drydock does not implement GetSecretValue of AWS Secrets Manager.", id)
}

func (r *run) roleFailure(err error) *failure {
	return fail("ACCESS_DENIED", "%s", fmt.Sprintf("CodeBuild is not authorized to perform: sts:AssumeRole on %s. Error message: %s", r.role.arn, serviceError(err)))
}
