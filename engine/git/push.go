package git

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

const (
	pushHeadLimit    = 32 << 20
	pushUpdatesLimit = 100_000
)

// errNoPush means that a client said nothing where a push was expected.
var errNoPush = errors.New("nothing was pushed")

// pushHead is what a client says at the head of a push, before the pack.
type pushHead struct {
	updates      []RefUpdate
	shallow      []ID
	capabilities []string
}

func (h *pushHead) has(capability string) bool {
	return slices.Contains(h.capabilities, capability)
}

// needsPack tells that a pack follows the head: it does unless everything is deleted.
func (h *pushHead) needsPack() bool {
	for _, u := range h.updates {
		if u.New != "" {
			return true
		}
	}
	return false
}

// readPushHead reads the commands of a push and leaves r at the pack. A push of nothing has no updates.
func readPushHead(r io.Reader) (*pushHead, error) {
	h := &pushHead{}
	size := 0
	for {
		kind, data, err := readPkt(r)
		if errors.Is(err, io.EOF) && size == 0 {
			return nil, fmt.Errorf("%w: %w", errNoPush, io.ErrUnexpectedEOF)
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, fmt.Errorf("read the commands of a push: %w", err)
		}
		if kind == pktFlush {
			return h, nil
		}
		if kind != pktData {
			return nil, fmt.Errorf("a special pkt-line in the commands of a push: %w", ErrProtocol)
		}
		if size += len(data); size > pushHeadLimit || len(h.updates) >= pushUpdatesLimit {
			return nil, fmt.Errorf("the commands of a push: %w", ErrTooLarge)
		}
		if err := h.add(string(data)); err != nil {
			return nil, err
		}
	}
}

func (h *pushHead) add(line string) error {
	if id, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "shallow "); ok {
		if !isHexID(id) || len(h.updates) > 0 {
			return fmt.Errorf("a misplaced shallow line in a push: %w", ErrProtocol)
		}
		h.shallow = append(h.shallow, ID(id))
		return nil
	}
	if strings.HasPrefix(line, "push-cert") {
		// Never announced, so no client that heeds the announcement sends one.
		return fmt.Errorf("signed pushes are not supported: %w", ErrProtocol)
	}
	command, capabilities, found := strings.Cut(line, "\x00")
	if found {
		if len(h.updates) > 0 {
			return fmt.Errorf("capabilities behind the first command of a push: %w", ErrProtocol)
		}
		h.capabilities = strings.Fields(capabilities)
	} else {
		command = strings.TrimSuffix(command, "\n")
	}
	parts := strings.SplitN(command, " ", 3)
	if len(parts) != 3 || !isHexID(parts[0]) || !isHexID(parts[1]) || parts[2] == "" || strings.ContainsAny(parts[2], "\n\r") {
		return fmt.Errorf("malformed command in a push: %w", ErrProtocol)
	}
	u := RefUpdate{Ref: parts[2]}
	if parts[0] != string(zeroID) {
		u.Old = ID(parts[0])
	}
	if parts[1] != string(zeroID) {
		u.New = ID(parts[1])
	}
	h.updates = append(h.updates, u)
	return nil
}

// encode writes the head anew, so that git is told exactly what was authorized, however a client spelled it. Git is
// always asked for a report, from which the outcome is known.
func (h *pushHead) encode() []byte {
	var b []byte
	for _, id := range h.shallow {
		b = appendPkt(b, "shallow "+string(id))
	}
	for i, u := range h.updates {
		line := u.Old.wire() + " " + u.New.wire() + " " + u.Ref
		if i == 0 {
			line += "\x00" + strings.Join(h.capabilities, " ")
			if !h.reports() {
				line += " report-status"
			}
		}
		b = appendPkt(b, line)
	}
	return appendFlush(b)
}

func (h *pushHead) reports() bool { return h.has("report-status") || h.has("report-status-v2") }

// bandSize is the size of a side-band's packets, with the band's byte, or 0 without side-band.
func (h *pushHead) bandSize() int {
	switch {
	case h.has("side-band-64k"):
		return pktPayload
	case h.has("side-band"):
		return 996
	default:
		return 0
	}
}

// refuse returns the answer to a push none of whose updates is carried out.
func (h *pushHead) refuse(reason func(RefUpdate) string) []byte {
	var report []byte
	if h.reports() {
		report = appendPkt(report, "unpack ok\n")
		for _, u := range h.updates {
			report = appendPkt(report, "ng "+u.Ref+" "+oneLine(reason(u))+"\n")
		}
		report = appendFlush(report)
	}
	return h.wrap(report)
}

// wrap puts a report into the side-band the client asked for, and ends the answer.
func (h *pushHead) wrap(report []byte) []byte {
	if size := h.bandSize(); size > 0 {
		return appendFlush(appendBand(nil, bandData, report, size))
	}
	return report
}

// oneLine makes text fit for a line of a report.
func oneLine(s string) string {
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, s)
	s = strings.TrimSpace(s)
	if s == "" {
		return "refused"
	}
	return s[:min(len(s), 1000)]
}

// parseReport returns the references that a report-status says were changed, beside an error those it got to.
func parseReport(report []byte) (map[string]bool, error) {
	done := map[string]bool{}
	r := strings.NewReader(string(report))
	for {
		kind, data, err := readPkt(r)
		if errors.Is(err, io.EOF) || err == nil && kind == pktFlush {
			return done, nil
		}
		if err != nil {
			return done, fmt.Errorf("read git's report: %w", err)
		}
		if ref, ok := strings.CutPrefix(strings.TrimSuffix(string(data), "\n"), "ok "); ok {
			done[ref] = true
		}
	}
}
