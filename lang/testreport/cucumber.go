package testreport

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// feature, scenario and step are what Cucumber's JSON formatter writes.
type feature struct {
	Name     string     `json:"name"`
	URI      string     `json:"uri"`
	Elements []scenario `json:"elements"`
}

type scenario struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Before []step `json:"before"`
	Steps  []step `json:"steps"`
	After  []step `json:"after"`
}

type step struct {
	Keyword string `json:"keyword"`
	Name    string `json:"name"`
	Result  struct {
		Status   string  `json:"status"`
		Duration float64 `json:"duration"` // in nanoseconds
		Error    string  `json:"error_message"`
	} `json:"result"`
}

// readCucumber reads Cucumber's JSON, a feature at a time. Each scenario is a case; a background belongs to the scenario
// that follows it.
func readCucumber(r io.Reader, yield func(Case) error) error {
	d := json.NewDecoder(&values{r, maxValues})
	if err := delim(d, '['); err != nil {
		return err
	}
	for d.More() {
		var f feature
		if err := d.Decode(&f); err != nil {
			return jsonError(err)
		}
		var background []step
		for i := range f.Elements {
			s := &f.Elements[i]
			if s.Type == "background" {
				background = append(background, s.Steps...)
				continue
			}
			c := Case{Suite: f.URI, Prefix: f.Name, Name: s.Name, Status: Unknown}
			for _, steps := range [][]step{s.Before, background, s.Steps, s.After} {
				for j := range steps {
					steps[j].add(&c)
				}
			}
			background = nil
			if err := yield(c); err != nil {
				return err
			}
		}
	}
	return delim(d, ']')
}

// add counts a step into its scenario: the worst of the steps decides.
func (s *step) add(c *Case) {
	if d := s.Result.Duration; d > 0 && d < 1e15 && c.Duration < 1e18 {
		c.Duration += time.Duration(d)
	}
	status := Unknown
	switch s.Result.Status {
	case "passed":
		status = Succeeded
	case "failed":
		status = Failed
	case "skipped", "pending":
		status = Skipped
	case "undefined", "ambiguous":
		status = Errored
	}
	rank := map[Status]int{Unknown: 0, Succeeded: 1, Skipped: 2, Errored: 3, Failed: 4}
	if rank[status] > rank[c.Status] {
		c.Status = status
		if c.Message = s.Result.Error; c.Message == "" && status == Errored {
			c.Message = fmt.Sprintf("%s step: %s%s", s.Result.Status, s.Keyword, s.Name)
		}
	}
}

// delim reads one bracket.
func delim(d *json.Decoder, want json.Delim) error {
	t, err := d.Token()
	if err != nil {
		return jsonError(err)
	}
	if t != want {
		return fmt.Errorf("unexpected %v: expected %v", t, want)
	}
	return nil
}

// values is a reader of JSON that ends with ErrTooLarge where there are too many values: a few bytes can be as many
// records of a hundred.
type values struct {
	r    io.Reader
	left int
}

// Read implements io.Reader.
func (v *values) Read(p []byte) (int, error) {
	n, err := v.r.Read(p)
	if v.left -= bytes.Count(p[:n], []byte(",")); v.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}

func jsonError(err error) error {
	switch {
	case errors.Is(err, ErrTooLarge):
		return ErrTooLarge
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	}
	return err
}
