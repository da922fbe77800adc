package ledger

import (
	"bufio"
	_ "embed" // for waiting.txt
	"fmt"
	"strings"
)

//go:embed waiting.txt
var waitingText string

// Wait says that a requirement cannot be covered before a service is there.
type Wait struct {
	ID      string
	Service string // the folder below service/ that is missing
	Reason  string
	Line    int // in waiting.txt, from 1
}

// Waiting returns the entries of waiting.txt.
func Waiting() ([]Wait, error) {
	return parseWaiting(waitingText)
}

func parseWaiting(text string) ([]Wait, error) {
	known, err := index()
	if err != nil {
		return nil, err
	}
	var waits []Wait
	seen := map[string]int{}
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) < 3 {
			return nil, fmt.Errorf("waiting.txt:%d: want «ID service reason»", n)
		}
		id := fields[0]
		if _, ok := known[id]; !ok {
			return nil, fmt.Errorf("waiting.txt:%d: no requirement has the id %q", n, id)
		}
		if first, ok := seen[id]; ok {
			return nil, fmt.Errorf("waiting.txt:%d: %s stands already in line %d", n, id, first)
		}
		seen[id] = n
		waits = append(waits, Wait{ID: id, Service: fields[1], Reason: strings.Join(fields[2:], " "), Line: n})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("waiting.txt: %w", err)
	}
	return waits, nil
}
