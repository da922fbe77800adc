package codebuild

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/lang/buildspec"
	"drydock/machine"
	"drydock/store"
)

// run is one build being carried out, in one machine. It is used by one goroutine; only its log is shared with those
// that deliver output.
type run struct {
	s    *Service
	b    *build // as it was claimed: its configuration does not change any more
	role *role
	log  *buildLog

	machine *machine.Machine
	spec    *buildspec.Spec
	env     *environment
	shell   *shell
	text    []byte   // of the build specification
	token   string   // of the URL of the role's credentials
	sources []source // the main one first
	failed  bool     // a phase has failed
}

func newRun(s *Service, b *build) *run {
	r := &run{s: s, b: b, role: newRole(s, b)}
	r.log = newBuildLog(r)
	return r
}

// failure is why a phase failed: its status and the context that is shown with it.
type failure struct {
	status        api.StatusType
	code, message string
}

func fail(code, format string, args ...any) *failure {
	return &failure{status: api.StatusTypeFailed, code: code, message: fmt.Sprintf(format, args...)}
}

// clientError is a failure that the build's owner has to put right.
func clientError(format string, args ...any) *failure { return fail("CLIENT_ERROR", format, args...) }

// fault is a failure of drydock or its host.
func fault(err error) *failure {
	return &failure{status: api.StatusTypeFault, code: "INTERNAL_ERROR", message: err.Error()}
}

// phase is a part of the build with the function that carries it out.
type phase struct {
	name api.BuildPhaseType
	do   func(context.Context) *failure
}

// execute runs the build to its end and leaves nothing of it behind. An error means that the end could not be recorded.
func (r *run) execute(ctx context.Context) error {
	err := r.phases(ctx)
	cause := context.Cause(ctx)
	after := context.WithoutCancel(ctx)
	clearErr := r.clear(after)
	_ = r.log.close(after) // which logs it
	if errors.Is(cause, errStopped) || errors.Is(cause, errTimedOut) || errors.Is(err, errEnded) {
		return clearErr
	}
	// Where the process stops, the record stays as it is, and the next process finds the container dead.
	return errors.Join(err, clearErr)
}

// clear removes the machine with all that is in it.
func (r *run) clear(ctx context.Context) error {
	r.s.mu.Lock()
	delete(r.s.roles, r.token)
	r.s.mu.Unlock()
	r.closeSession()
	if r.shell != nil {
		r.shell.abandon()
	}
	if r.machine == nil {
		return nil
	}
	if err := r.machine.Remove(ctx); err != nil {
		return fmt.Errorf("remove machine of build %s: %w", r.b.ID, err)
	}
	r.machine = nil
	return nil
}

// phases goes through the build's phases. A failed phase ends the build, except that a failed build phase is followed by
// post_build and UPLOAD_ARTIFACTS, and that on-failure in the build specification may say otherwise.
func (r *run) phases(ctx context.Context) error {
	for _, p := range []phase{
		{api.BuildPhaseTypeProvisioning, r.provision}, {api.BuildPhaseTypeDownloadSource, r.downloadSource},
		{api.BuildPhaseTypeInstall, r.install}, {api.BuildPhaseTypePreBuild, r.preBuild}, {api.BuildPhaseTypeBuild, r.build},
		{api.BuildPhaseTypePostBuild, r.postBuild}, {api.BuildPhaseTypeUploadArtifacts, r.uploadArtifacts},
	} {
		failed, err := r.step(ctx, p)
		if err != nil {
			return err
		}
		if failed {
			r.failed = true
			if !r.goesOn(p.name) {
				break
			}
		}
		if r.b.Member == downloadMember && p.name == api.BuildPhaseTypeDownloadSource {
			break
		}
	}
	return r.finalize(ctx)
}

// goesOn tells whether the build goes on after a phase that failed.
func (r *run) goesOn(phase api.BuildPhaseType) bool {
	var p *buildspec.Phase
	if r.spec != nil {
		p = r.specPhase(phase)
	}
	if p != nil {
		switch p.OnFailure.Action {
		case buildspec.ActionContinue:
			return true
		case buildspec.ActionAbort, buildspec.ActionRetry:
			return false
		case buildspec.ActionDefault:
		}
	}
	return phase == api.BuildPhaseTypeBuild
}

func (r *run) specPhase(phase api.BuildPhaseType) *buildspec.Phase {
	switch phase {
	case api.BuildPhaseTypeInstall:
		return r.spec.Phases.Install
	case api.BuildPhaseTypePreBuild:
		return r.spec.Phases.PreBuild
	case api.BuildPhaseTypeBuild:
		return r.spec.Phases.Build
	case api.BuildPhaseTypePostBuild:
		return r.spec.Phases.PostBuild
	}
	return nil
}

// step carries out one phase and records its beginning and end.
func (r *run) step(ctx context.Context, p phase) (failed bool, err error) {
	if p.name != api.BuildPhaseTypeProvisioning { // which began when the build got its place
		err := r.update(ctx, func(b *build, now time.Time) { b.enter(p.name, now) })
		if err != nil {
			return false, err
		}
		if p.name != api.BuildPhaseTypeDownloadSource && p.name != api.BuildPhaseTypeUploadArtifacts {
			r.log.printf("Entering phase %s", p.name)
		}
	}
	f := p.do(ctx)
	if cause := context.Cause(ctx); cause != nil {
		return false, cause
	}
	status, shown := api.StatusTypeSucceeded, api.PhaseContext{StatusCode: new(""), Message: new("")}
	if f != nil {
		status, shown = f.status, api.PhaseContext{StatusCode: &f.code, Message: &f.message}
	}
	if p.name != api.BuildPhaseTypeProvisioning {
		r.log.printf("Phase complete: %s State: %s", p.name, status)
		r.log.printf("Phase context status code: %s Message: %s", *shown.StatusCode, *shown.Message)
	}
	r.log.flush(ctx)
	var contexts []api.PhaseContext
	if f != nil || p.name != api.BuildPhaseTypeProvisioning {
		contexts = []api.PhaseContext{shown}
	}
	return f != nil, r.update(ctx, func(b *build, now time.Time) {
		b.leave(status, contexts, now)
		if f != nil {
			b.RetryLimit = max(b.RetryLimit, r.retries(p.name, f))
		}
	})
}

// retries is how often the build is to be tried again where this failure has ended a phase.
func (r *run) retries(phase api.BuildPhaseType, f *failure) int32 {
	if r.spec == nil {
		return 0
	}
	p := r.specPhase(phase)
	if p == nil || p.OnFailure.Action != buildspec.ActionRetry {
		return 0
	}
	pattern, err := regexp.Compile(p.OnFailure.Pattern)
	if err != nil || !pattern.MatchString(f.message) {
		return 0
	}
	return int32(p.OnFailure.Retries)
}

// finalize ends the build. The log is complete before the build is.
func (r *run) finalize(ctx context.Context) error {
	if err := r.update(ctx, func(b *build, now time.Time) { b.enter(api.BuildPhaseTypeFinalizing, now) }); err != nil {
		return err
	}
	if err := r.clear(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	closeErr := r.log.close(ctx)
	return r.update(ctx, func(b *build, now time.Time) {
		if closeErr != nil {
			b.leave(api.StatusTypeFailed, contexts(clientError("Error while uploading logs to S3: %s", serviceError(closeErr))), now)
		} else {
			b.leave(api.StatusTypeSucceeded, nil, now)
		}
		status := api.StatusTypeSucceeded
		for i := range b.Detail.Phases {
			switch value(b.Detail.Phases[i].PhaseStatus) {
			case api.StatusTypeFault:
				status = api.StatusTypeFault
			case api.StatusTypeFailed:
				if status == api.StatusTypeSucceeded {
					status = api.StatusTypeFailed
				}
			}
		}
		b.end(status, now)
	})
}

// update changes the build's record, unless the build has been ended: then it returns errEnded.
func (r *run) update(ctx context.Context, change func(b *build, now time.Time)) error {
	now := r.s.Clock.Now()
	return r.s.DB.Update(ctx, func(tx *store.Tx) error {
		b, err := builds.Get(tx, builds.Key(r.b))
		if errors.Is(err, store.ErrNotFound) || err == nil && b.complete() {
			return errEnded
		}
		if err != nil {
			return err
		}
		change(b, now)
		if err := builds.Put(tx, b); err != nil || !b.complete() {
			return err
		}
		return r.s.conclude(tx, b, now)
	})
}

func (r *run) install(ctx context.Context) *failure { return r.commands(ctx, r.spec.Phases.Install) }

func (r *run) preBuild(ctx context.Context) *failure { return r.commands(ctx, r.spec.Phases.PreBuild) }

func (r *run) build(ctx context.Context) *failure { return r.commands(ctx, r.spec.Phases.Build) }

// postBuild runs after a failed build too, which its commands see by CODEBUILD_BUILD_SUCCEEDING. It is the last phase
// with commands, so what they leave in variables is taken from the shell here.
func (r *run) postBuild(ctx context.Context) *failure {
	f := r.commands(ctx, r.spec.Phases.PostBuild)
	if err := r.exportVariables(ctx); err != nil && f == nil {
		return fault(err)
	}
	return f
}

// commands runs a phase's commands up to the first that fails, then the finally block.
func (r *run) commands(ctx context.Context, p *buildspec.Phase) *failure {
	if p == nil {
		return nil
	}
	user := p.RunAs
	if user == "" {
		user = r.spec.RunAs
	}
	f := r.block(ctx, user, p.Commands)
	if last := r.block(ctx, user, p.Finally); f == nil {
		f = last
	}
	return f
}

func (r *run) block(ctx context.Context, user string, commands []string) *failure {
	for _, command := range commands {
		if ctx.Err() != nil {
			return nil // the phase's end notices
		}
		command = strings.TrimRight(command, "\n")
		r.log.printf("Running command %s", command)
		exit, err := r.shell.run(ctx, user, command)
		r.log.endLine()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if errors.Is(err, machine.ErrNotRunning) {
				return &failure{status: api.StatusTypeFault, code: "INTERNAL_ERROR", message: "Build container found dead before completing the build."}
			}
			r.shell.failing()
			return fail("COMMAND_EXECUTION_ERROR", "Error while executing command: %s. Reason: %v", command, err)
		}
		if reason := exitReason(exit); reason != "" {
			r.log.printf("Command did not exit successfully %s %s", command, reason)
			r.shell.failing()
			return fail("COMMAND_EXECUTION_ERROR", "Error while executing command: %s. Reason: %s", command, reason)
		}
	}
	return nil
}

// exitReason says why a command failed, or nothing.
func exitReason(exit machine.Exit) string {
	switch {
	case exit.Code == 0:
		return ""
	case exit.OutOfMemory:
		return fmt.Sprintf("exit status %d (out of memory)", exit.Code)
	case exit.Signal != 0:
		return "signal: " + exit.Signal.String()
	}
	return fmt.Sprintf("exit status %d", exit.Code)
}

// serviceError words the refusal of another service.
func serviceError(err error) string {
	if e, ok := errors.AsType[*aws.Error](err); ok {
		return e.Code + ": " + e.Message
	}
	return err.Error()
}

// exportVariables records the variables that the build specification exports.
func (r *run) exportVariables(ctx context.Context) error {
	var exported []api.ExportedEnvironmentVariable
	for _, name := range r.spec.Env.ExportedVariables {
		if !variableName.MatchString(name) {
			continue
		}
		text, err := r.shell.evaluate(ctx, "${"+name+"-}", maxExportedValue)
		if err != nil {
			return fmt.Errorf("exported variable %s: %w", name, err)
		}
		exported = append(exported, api.ExportedEnvironmentVariable{Name: new(name), Value: &text})
	}
	if exported == nil {
		return nil
	}
	return r.update(ctx, func(b *build, _ time.Time) { b.Detail.ExportedEnvironmentVariables = exported })
}

// expand lets the build's shell expand what artifacts and caches are named by.
func (r *run) expand(ctx context.Context, name string) (string, error) {
	if !strings.ContainsAny(name, "$`") {
		return name, nil
	}
	return r.shell.evaluate(ctx, name, maxExportedValue)
}

// readFile reads a small file of the machine.
func (r *run) readFile(path string, limit int64) ([]byte, error) {
	root, err := r.machine.OpenRoot("/")
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.Open(strings.TrimPrefix(path, "/"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fmt.Errorf("%s is no regular file", path))
	}
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return text, err
}
