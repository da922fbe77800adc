// Command gocache is a build cache for the go command (GOCACHEPROG) that begins with what another cache has: it reads the
// files of a GOCACHE folder that an HTTP server shows, and keeps what is built in a folder of its own. With it a build in
// a fresh machine need not compile the standard library and all dependencies again.
//
//	GOCACHEPROG="gocache URL FOLDER"
package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// request and response are the go command's side and ours of its cache protocol.
type request struct {
	ID       int64
	Command  string
	ActionID []byte
	OutputID []byte
	BodySize int64
}

type response struct {
	ID            int64
	Err           string   `json:",omitempty"`
	KnownCommands []string `json:",omitempty"`
	Miss          bool     `json:",omitempty"`
	OutputID      []byte   `json:",omitempty"`
	Size          int64    `json:",omitempty"`
	DiskPath      string   `json:",omitempty"`
}

// cache is the remote folder and the local one.
type cache struct {
	url, dir string

	mu  sync.Mutex // guards out
	out *json.Encoder
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: gocache URL FOLDER")
		os.Exit(2)
	}
	c := &cache{url: os.Args[1], dir: os.Args[2], out: json.NewEncoder(os.Stdout)}
	if err := c.serve(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "gocache:", err)
		os.Exit(1)
	}
}

// serve answers requests until the go command closes the cache; gets run beside each other.
func (c *cache) serve(in io.Reader) error {
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return err
	}
	if err := c.answer(response{KnownCommands: []string{"get", "put", "close"}}); err != nil {
		return err
	}
	var gets sync.WaitGroup
	defer gets.Wait()
	for requests := json.NewDecoder(in); ; {
		var req request
		if err := requests.Decode(&req); err != nil {
			return fmt.Errorf("read request: %w", err)
		}
		switch req.Command {
		case "get":
			gets.Go(func() { _ = c.answer(c.get(req)) }) // a go command that is gone needs no answer
		case "put":
			var body []byte
			if req.BodySize > 0 {
				if err := requests.Decode(&body); err != nil {
					return fmt.Errorf("read body: %w", err)
				}
			}
			if err := c.answer(c.put(req, body)); err != nil {
				return err
			}
		case "close":
			return c.answer(response{ID: req.ID})
		default:
			return fmt.Errorf("unknown command %q", req.Command)
		}
	}
}

func (c *cache) answer(r response) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.Encode(r)
}

func (c *cache) put(req request, body []byte) response {
	path := filepath.Join(c.dir, hex.EncodeToString(req.OutputID))
	if err := os.WriteFile(path, body, 0o644); err != nil {
		return response{ID: req.ID, Err: err.Error()}
	}
	return response{ID: req.ID, DiskPath: path}
}

// get looks an action up as the go command does in its own folder: ID-a names the output and its size, ID-d holds it.
func (c *cache) get(req request) response {
	miss := response{ID: req.ID, Miss: true}
	entry, err := c.fetch(hex.EncodeToString(req.ActionID), "a")
	if err != nil {
		return miss
	}
	var version, action, output string
	var size, stored int64
	if _, err := fmt.Sscan(string(entry), &version, &action, &output, &size, &stored); err != nil || version != "v1" {
		return miss
	}
	id, err := hex.DecodeString(output)
	if err != nil {
		return miss
	}
	path := filepath.Join(c.dir, output)
	if info, err := os.Stat(path); err != nil || info.Size() != size {
		body, err := c.fetch(output, "d")
		if err != nil || int64(len(body)) != size {
			return miss
		}
		if err := os.WriteFile(path, body, 0o644); err != nil {
			return response{ID: req.ID, Err: err.Error()}
		}
	}
	return response{ID: req.ID, OutputID: id, Size: size, DiskPath: path}
}

func (c *cache) fetch(id, kind string) ([]byte, error) {
	resp, err := http.Get(strings.Join([]string{c.url, id[:2], id + "-" + kind}, "/"))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s %s", id, resp.Status)
	}
	return io.ReadAll(resp.Body)
}
