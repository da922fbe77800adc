// Package managed has the policies that AWS manages, with the statements they really have. They lie compressed in the
// binary and are unpacked when first asked for, so that they cost nothing at start. Only each policy's default version
// is known. Documents name resources of the partition "aws".
package managed

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/base32"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// data has a line for each policy, in the order of names: name, path, default version, dates of creation and of the
// last change, document as JSON; separated by tabs.
//
//go:embed policies.tsv.gz
var data []byte

// Policy is one of AWS's policies. It is not to be changed.
type Policy struct {
	// Name is the last part of the ARN, such as "ReadOnlyAccess".
	Name string
	// Path begins and ends with a slash: "/", "/service-role/", "/job-function/", "/aws-service-role/", "/root-task/".
	Path string
	// Version is the default version's id, such as "v3".
	Version string
	// Created is when the policy was made, Updated when its default version was.
	Created, Updated time.Time
	// Document is the default version's document, without white space.
	Document string
}

// ARN returns the policy's ARN in a partition.
func (p *Policy) ARN(partition string) string {
	return "arn:" + partition + ":iam::aws:policy" + p.Path + p.Name
}

// ID returns a unique id of the form of IAM's, the same each time. It is derived from the name and not AWS's own.
func (p *Policy) ID() string {
	sum := sha256.Sum256([]byte(p.Name))
	return "ANPA" + base32.StdEncoding.EncodeToString(sum[:])[:17]
}

// catalogue is what is unpacked on first use.
type catalogue struct {
	all    []*Policy
	byName map[string]*Policy
}

var load = sync.OnceValue(func() catalogue {
	c, err := parse(data)
	if err != nil {
		panic(fmt.Sprintf("the embedded policies are damaged: %v", err))
	}
	return c
})

func parse(compressed []byte) (catalogue, error) {
	zip, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return catalogue{}, fmt.Errorf("unpacking: %w", err)
	}
	text, err := io.ReadAll(zip)
	if err != nil {
		return catalogue{}, fmt.Errorf("unpacking: %w", err)
	}
	c := catalogue{byName: map[string]*Policy{}}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 6 {
			return catalogue{}, fmt.Errorf("a line has %d fields", len(f))
		}
		p := &Policy{Name: f[0], Path: f[1], Version: f[2], Document: f[5]}
		if p.Created, err = time.Parse(time.RFC3339, f[3]); err != nil {
			return catalogue{}, fmt.Errorf("policy %s: %w", p.Name, err)
		}
		if p.Updated, err = time.Parse(time.RFC3339, f[4]); err != nil {
			return catalogue{}, fmt.Errorf("policy %s: %w", p.Name, err)
		}
		c.all = append(c.all, p)
		c.byName[p.Name] = p
	}
	return c, nil
}

// All returns every policy in the order of names. The slice is not to be changed.
func All() []*Policy { return load().all }

// Get finds a policy by its ARN, in any partition.
func Get(arn string) (*Policy, bool) {
	_, rest, ok := strings.Cut(arn, ":iam::aws:policy/")
	if !ok || !strings.HasPrefix(arn, "arn:aws") {
		return nil, false
	}
	p := load().byName[rest[strings.LastIndexByte(rest, '/')+1:]]
	if p == nil || p.Path+p.Name != "/"+rest {
		return nil, false
	}
	return p, true
}
