package codebuild

import (
	"context"
	"errors"
	"path"
	"strings"
	"time"

	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/machine"
	"drydock/service"
	"drydock/store"
)

const (
	// binFolder has the commands that CodeBuild gives to builds; it is the last folder of their PATH.
	binFolder = "/codebuild/bin"
	// pauseFolder has a FIFO for each codebuild-breakpoint that waits.
	pauseFolder = "/codebuild/breakpoint"
)

// The commands of a build whose debug session is enabled; FOLDER and TARGET stand for the folder and the session's
// target. The one that waits reads from a FIFO, which it shows by its final name when it is sure to get what is written
// there; the one that resumes writes to all. Both ends are opened for reading and writing, so that none waits for the
// other to be opened. Anyone in the machine may resume. The build goes on a moment after codebuild-resume has ended: its
// end could cut off whoever resumed it.
const (
	breakpointScript = `#!/bin/sh
folder=FOLDER
umask 0
rm -f "$folder/.$$"
mkfifo "$folder/.$$" || exit
exec 3<>"$folder/.$$" 4<"$folder/.$$"
trap 'rm -f "$folder/.$$" "$folder/$$"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
mv -f "$folder/.$$" "$folder/$$" || exit
echo 'Build is paused temporarily and you can use codebuild-resume command in the session to resume this build'
echo 'Enter it by: drydock exec -t TARGET -- sh'
read -r answer <&4
exec 3>&-
cat <&4 >/dev/null
sleep 0.2
`
	resumeScript = `#!/bin/sh
folder=FOLDER
paused=
for f in "$folder"/*; do
	if [ -p "$f" ]; then
		paused=1
		exec 9<>"$f"
		echo resume >&9
		rm -f "$f"
	fi
done
if [ -n "$paused" ]; then
	echo 'The build is resumed'
else
	echo 'The build is not paused: there is nothing to resume'
fi
`
	// ignoredScript stands for both in other builds.
	ignoredScript = `#!/bin/sh
echo "${0##*/} is ignored: session debugging is not enabled for this build"
`
)

// sessionOf is what a build shows of its debug session at its beginning; nothing where it was not asked for.
func sessionOf(enabled *bool) *api.DebugSession {
	if enabled == nil {
		return nil
	}
	return &api.DebugSession{SessionEnabled: enabled}
}

// debugged tells whether the build's debug session is enabled, nil where it was not asked for.
func (b *build) debugged() *bool {
	if s := b.Detail.DebugSession; s != nil {
		return s.SessionEnabled
	}
	return nil
}

// sessionTarget is what Session Manager calls the build.
func (b *build) sessionTarget() string { return "codebuild:" + b.uuid() }

// writeCommands puts codebuild-breakpoint and codebuild-resume into the machine.
func (r *run) writeCommands() error {
	root, err := r.machine.OpenRoot("/")
	if err != nil {
		return err
	}
	defer root.Close()
	in := func(p string) string { return strings.TrimPrefix(p, "/") }
	for _, folder := range []string{binFolder, pauseFolder} {
		if err := root.MkdirAll(in(folder), 0o755); err != nil {
			return err
		}
	}
	if err := root.Chmod(in(pauseFolder), 0o777); err != nil { // run-as users pause too
		return err
	}
	fill := strings.NewReplacer("FOLDER", quote(r.machine.Path(pauseFolder)), "TARGET", r.b.sessionTarget())
	for name, text := range map[string]string{"codebuild-breakpoint": breakpointScript, "codebuild-resume": resumeScript} {
		if !value(r.b.debugged()) {
			text = ignoredScript
		}
		name = in(path.Join(binFolder, name))
		if err := root.WriteFile(name, []byte(fill.Replace(text)), 0o755); err != nil {
			return err
		}
		if err := root.Chmod(name, 0o755); err != nil { // whatever the process's umask
			return err
		}
	}
	return nil
}

// findCommands has the build's processes find CodeBuild's commands, after all others.
func (r *run) findCommands(e *environment) {
	search := e.values["PATH"]
	if search == "" {
		search = r.s.Machines.Capabilities().Path
	}
	e.set("PATH", search+":"+r.machine.Path(binFolder))
}

// session is a machine that can be entered. It has its own reference, as the run lets go of its machine at the end.
type session struct {
	run     *run
	machine *machine.Machine
}

// openSession lets commands of others into the machine, where the build's debug session is enabled: from the moment on
// at which, by its logs, CodeBuild configures the agent of Session Manager, until the machine ends. A service role that
// may not do what the agent does is no failure of the build: nobody can enter, as at AWS.
func (r *run) openSession(ctx context.Context) error {
	if !value(r.b.debugged()) {
		return nil
	}
	target := r.b.sessionTarget()
	err := r.update(ctx, func(b *build, _ time.Time) { b.Detail.DebugSession.SessionTarget = &target })
	if err != nil {
		return err
	}
	r.s.mu.Lock()
	r.s.sessions[r.b.uuid()] = &session{r, r.machine}
	r.s.mu.Unlock()
	if err := r.mayConnect(ctx); err != nil {
		r.log.printf("Session %s cannot be entered: %s", target, serviceError(err))
	}
	return nil
}

// closeSession lets nobody in any more.
func (r *run) closeSession() {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	delete(r.s.sessions, r.b.uuid())
}

// sessionActions are what the agent of Session Manager does with the service role's credentials.
var sessionActions = []string{
	"ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
}

// mayConnect tells why the service role may not have sessions, if it may not.
func (r *run) mayConnect(ctx context.Context) error {
	call, err := r.role.call(ctx)
	if err != nil {
		return err
	}
	call.Request = aws.RequestInfo{} // the agent calls by itself, not CodeBuild
	for _, action := range sessionActions {
		if err := r.s.Cloud.Authorize(call, aws.Check{Action: action, Resource: "*"}); err != nil {
			return err
		}
	}
	return nil
}

// enter finds the machine behind a session's target, or behind a build's id or ARN. What enters has the environment of
// the build's commands, in the folder of its source.
func (s *Service) enter(call *aws.Call, target string) (*service.SessionTarget, error) {
	arn, err := aws.ParseARN(target)
	isARN := err == nil && arn.Service == "codebuild" && strings.HasPrefix(arn.Resource, "build/")
	if strings.HasPrefix(target, "arn:") && !isARN || !strings.Contains(target, ":") {
		return nil, nil
	}
	s.mu.Lock()
	found := s.sessions[uuidOf(target)]
	s.mu.Unlock()
	if found == nil {
		return nil, s.notEntered(call, target, isARN, arn)
	}
	r := found.run
	if target != r.b.ID && target != r.b.sessionTarget() && target != *r.b.Detail.ARN {
		return nil, s.notEntered(call, target, isARN, arn)
	}
	if err := r.mayConnect(call); err != nil {
		if aws.ErrorCode(err) == "" {
			return nil, err
		}
		return nil, notConnected(target, "its service role may not have sessions: "+serviceError(err)).WithCause(err)
	}
	return &service.SessionTarget{ARN: *r.b.Detail.ARN, Machine: found.machine, Command: machine.Command{Env: r.env.list(), Dir: r.sources[0].dir}}, nil
}

// notEntered tells why a build has no session. One of which only the session's target is known is not looked for: then
// all that can be told is that it is not connected. Nothing is told of what is no build's.
func (s *Service) notEntered(call *aws.Call, target string, isARN bool, arn aws.ARN) error {
	key := store.K(call.Account, call.Region, target)
	if isARN {
		key = store.K(arn.Account, arn.Region, strings.TrimPrefix(arn.Resource, "build/"))
	}
	var b *build
	err := s.DB.View(call, func(tx *store.Tx) (err error) {
		b, err = builds.Get(tx, key)
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound) && strings.HasPrefix(target, "codebuild:"):
		return notConnected(target, "no build of that session runs")
	case errors.Is(err, store.ErrNotFound) && isARN:
		return api.NewResourceNotFoundException("Build %s does not exist", target)
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	case !value(b.debugged()):
		return api.NewInvalidInputException("Build %s has no debug session: it was started without debugSessionEnabled", b.ID)
	case b.complete():
		return notConnected(target, "the build has ended")
	}
	return notConnected(target, "the build is still in "+value(b.Detail.CurrentPhase))
}

// notConnected is what Session Manager says of a target that it does not reach, with the reason.
func notConnected(target, reason string) *aws.Error {
	return aws.NewError(400, "TargetNotConnected", "%s is not connected: %s", target, reason)
}
