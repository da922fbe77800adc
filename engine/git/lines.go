package git

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Lines are the lines of a text from Start up to but not End, counted from 0, with their ends.
type Lines struct {
	Start, End int
	Text       []byte
}

// Hunk is a stretch of a file that at least one side of a merge changed, as it is in the three versions.
type Hunk struct {
	// Conflict tells that both sides changed it, in different ways. Changes that touch are one.
	Conflict                  bool
	Base, Source, Destination Lines
	// fromSource tells that the source's lines are the merged ones.
	fromSource bool
}

// FileMerge is a file of which both sides changed lines.
type FileMerge struct {
	Hunks []Hunk
	base  [][]byte
}

// Conflicts is how many of the hunks are in conflict.
func (m *FileMerge) Conflicts() int {
	n := 0
	for _, h := range m.Hunks {
		if h.Conflict {
			n++
		}
	}
	return n
}

// Text returns the merged file: resolve gives the text that takes the place of a hunk in conflict.
func (m *FileMerge) Text(resolve func(Hunk) []byte) []byte {
	var out []byte
	at := 0
	for _, h := range m.Hunks {
		out = append(out, bytes.Join(m.base[at:h.Base.Start], nil)...)
		switch {
		case h.Conflict:
			out = append(out, resolve(h)...)
		case h.fromSource:
			out = append(out, h.Source.Text...)
		default:
			out = append(out, h.Destination.Text...)
		}
		at = h.Base.End
	}
	return append(out, bytes.Join(m.base[at:], nil)...)
}

// IsBinary tells, by git's rule, whether content is no text.
func IsBinary(content []byte) bool {
	return bytes.IndexByte(content[:min(len(content), 8000)], 0) >= 0
}

// MergeLines merges two versions of a file line by line over their base; without a base the whole file is one hunk. It
// returns ErrTooLarge when a version has more than limit bytes.
func (r *Repository) MergeLines(ctx context.Context, base, source, destination ID, limit int64) (*FileMerge, error) {
	versions := [3][][]byte{}
	for i, id := range []ID{base, source, destination} {
		if id == "" {
			continue
		}
		content, err := r.ReadBlob(ctx, id, limit)
		if err != nil {
			return nil, err
		}
		versions[i] = splitLines(content)
	}
	theirs, err := r.changedLines(ctx, base, source, len(versions[1]))
	if err != nil {
		return nil, err
	}
	ours, err := r.changedLines(ctx, base, destination, len(versions[2]))
	if err != nil {
		return nil, err
	}
	return &FileMerge{Hunks: mergeHunks(versions, theirs, ours), base: versions[0]}, nil
}

// splitLines returns the lines with their ends.
func splitLines(content []byte) [][]byte {
	if len(content) == 0 {
		return nil
	}
	lines := bytes.SplitAfter(content, []byte("\n"))
	if len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// lineChange tells that the lines [from, to) of the base became [newFrom, newTo).
type lineChange struct{ from, to, newFrom, newTo int }

// changedLines compares two blobs with git.
func (r *Repository) changedLines(ctx context.Context, base, version ID, lines int) ([]lineChange, error) {
	if base == "" {
		return []lineChange{{newTo: lines}}, nil
	}
	if base == version {
		return nil, nil
	}
	out, err := r.run(ctx, nil, "diff", "--no-ext-diff", "--no-textconv", "--no-color", "--text", "-U0", "--end-of-options", string(base), string(version))
	if err != nil {
		return nil, fmt.Errorf("compare lines: %w", err)
	}
	var changes []lineChange
	for line := range bytes.Lines(out) {
		// Lines of the files follow "+", "-" or "\".
		if !bytes.HasPrefix(line, []byte("@@ -")) {
			continue
		}
		c, err := parseHunkHead(string(line))
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// parseHunkHead reads "@@ -a,b +c,d @@". Where there are no lines, the number is that of the line before.
func parseHunkHead(head string) (c lineChange, err error) {
	fields := strings.Fields(head)
	if len(fields) < 4 {
		return c, fmt.Errorf("unexpected line %.100q of git diff", head)
	}
	span := func(text string) (from, to int, err error) {
		first, count, more := strings.Cut(text[1:], ",")
		if from, err = strconv.Atoi(first); err != nil {
			return 0, 0, fmt.Errorf("unexpected line %.100q of git diff", head)
		}
		n := 1
		if more {
			if n, err = strconv.Atoi(count); err != nil {
				return 0, 0, fmt.Errorf("unexpected line %.100q of git diff", head)
			}
		}
		if n > 0 {
			from--
		}
		return from, from + n, nil
	}
	if c.from, c.to, err = span(fields[1]); err != nil {
		return c, err
	}
	c.newFrom, c.newTo, err = span(fields[2])
	return c, err
}

// mergeHunks joins the changes of both sides, which are in order, where they overlap or touch.
func mergeHunks(versions [3][][]byte, theirs, ours []lineChange) []Hunk {
	var hunks []Hunk
	shift := [2]int{} // of each side's lines against the base's, behind what has been looked at
	sides := [2][]lineChange{theirs, ours}
	for len(sides[0])+len(sides[1]) > 0 {
		first := 0
		if len(sides[0]) == 0 || len(sides[1]) > 0 && sides[1][0].from < sides[0][0].from {
			first = 1
		}
		from, to := sides[first][0].from, sides[first][0].to
		start := [2]int{from + shift[0], from + shift[1]}
		changed := [2]bool{}
		// A side's own changes never touch each other, so one joins only where the other side led up to it.
		for grew := true; grew; {
			grew = false
			for i := range sides {
				for len(sides[i]) > 0 && sides[i][0].from <= to {
					c := sides[i][0]
					to = max(to, c.to)
					shift[i] += c.newTo - c.newFrom - (c.to - c.from)
					sides[i], changed[i], grew = sides[i][1:], true, true
				}
			}
		}
		at := func(version, from, to int) Lines {
			return Lines{Start: from, End: to, Text: bytes.Join(versions[version][from:to], nil)}
		}
		h := Hunk{Base: at(0, from, to), Source: at(1, start[0], to+shift[0]), Destination: at(2, start[1], to+shift[1])}
		h.fromSource = changed[0]
		h.Conflict = changed[0] && changed[1] && !bytes.Equal(h.Source.Text, h.Destination.Text)
		hunks = append(hunks, h)
	}
	return hunks
}
