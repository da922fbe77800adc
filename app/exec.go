package app

import (
	"crypto/rand"
	"errors"
	"io"
	"net/http"

	"drydock/app/execstream"
	"drydock/aws"
)

// controlCall is a call made by whoever controls the cloud: as the root of the default account.
func (c *Cloud) controlCall(r *http.Request) *aws.Call {
	return &aws.Call{
		Context: r.Context(), Cloud: c.Gateway, Partition: aws.PartitionOf(c.config.Region), Account: c.config.Account, Region: c.config.Region,
		Principal: aws.Root(aws.PartitionOf(c.config.Region), c.config.Account), RequestID: aws.NewUUID(rand.Reader),
	}
}

// exec runs a command in the machine behind a target: POST /_drydock/exec/TARGET, upgraded to execstream's protocol. The
// command ends when the connection or the machine does.
func (c *Cloud) exec(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != execstream.Protocol {
		w.Header().Set("Upgrade", execstream.Protocol)
		http.Error(w, "commands are run over a connection upgraded to "+execstream.Protocol+", as `drydock exec` does", http.StatusUpgradeRequired)
		return
	}
	name := r.PathValue("target")
	target, err := c.Enter(c.controlCall(r), name)
	if e, ok := errors.AsType[*aws.Error](err); ok {
		http.Error(w, e.Error(), http.StatusBadRequest)
		return
	} else if err != nil {
		c.log.Error("exec", "target", name, "error", err)
		http.Error(w, "the target could not be looked up", http.StatusInternalServerError)
		return
	} else if target == nil {
		http.Error(w, "no machine is known as "+name, http.StatusNotFound)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "only connections of HTTP/1.1 can be upgraded", http.StatusHTTPVersionNotSupported)
		return
	}
	defer conn.Close()
	c.log.Info("exec", "target", name, "resource", target.ARN)
	const upgraded = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + execstream.Protocol + "\r\n\r\n"
	if _, err = io.WriteString(conn, upgraded); err == nil {
		err = execstream.Serve(r.Context(), struct {
			io.Reader
			io.Writer
		}{buffered, conn}, target.Machine.Spawn, target.Command)
	}
	if err != nil {
		c.log.Info("exec was cut off", "target", name, "error", err)
	}
}
