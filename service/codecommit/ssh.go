package codecommit

import (
	"errors"
	"fmt"
	"strings"

	"drydock/aws"
	"drydock/engine/git"
	"drydock/service"
)

// failed is the exit status of a command that could not be carried out, as git's own.
const failed = 128

// serveSSH serves a git client that came over SSH. Its command is the name of git's service and the path in quotes.
func (s *Service) serveSSH(call *aws.Call, session *service.SSHSession) int {
	wanted, name, err := parseCommand(session.Command)
	if err == nil {
		err = s.serveStream(call, session, wanted, name)
	}
	if err == nil {
		return 0
	}
	if ended, ok := errors.AsType[*git.CommandError](err); ok { // which has told the client why
		return ended.Status
	}
	text := "internal failure"
	switch e, ok := errors.AsType[*aws.Error](err); {
	case ok && e.Code == "RepositoryDoesNotExistException":
		text = "repository not found: " + name
	case ok:
		text = e.Message
	case errors.Is(err, git.ErrProtocol):
		text = "only git-upload-pack and git-receive-pack of repositories are served"
	default:
		s.Log.ErrorContext(call, "git over SSH failed", "request", call.RequestID, "error", err)
	}
	_, _ = fmt.Fprintf(session.Err, "%s\r\n", text) // a client that has gone need not know
	return failed
}

func (s *Service) serveStream(call *aws.Call, session *service.SSHSession, wanted git.Service, name string) error {
	row, files, err := s.admit(call, call.Region, name, wanted)
	if err != nil {
		return err
	}
	p := &push{service: s, call: call, row: row}
	defer p.end()
	return files.ServeStream(call, wanted, git.Stream{In: session.In, Out: session.Out, Protocol: session.GitProtocol}, p.authorize, p.committed)
}

// parseCommand reads a command such as "git-upload-pack '/v1/repos/name'". Names need no escapes within the quotes.
func parseCommand(command string) (wanted git.Service, name string, err error) {
	verb, path, _ := strings.Cut(strings.TrimSpace(command), " ")
	if verb == "git" {
		var rest string
		rest, path, _ = strings.Cut(path, " ")
		verb = "git-" + rest
	}
	wanted = git.Service(verb)
	if wanted != git.UploadPack && wanted != git.ReceivePack {
		return "", "", git.ErrProtocol
	}
	if len(path) >= 2 && path[0] == '\'' && path[len(path)-1] == '\'' {
		path = path[1 : len(path)-1]
	}
	name, ok := strings.CutPrefix("/"+strings.TrimPrefix(path, "/"), planePrefix)
	if !ok {
		return "", "", git.ErrProtocol
	}
	return wanted, name, nil
}
