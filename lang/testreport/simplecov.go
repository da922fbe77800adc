package testreport

import (
	"encoding/json"
	"io"
	"maps"
	"slices"
)

// simpleFile is what SimpleCov has of a file: a list of lines, or since version 0.18 that and its branches.
type simpleFile struct {
	lines    []any
	branches map[string]map[string]any
}

// UnmarshalJSON reads both forms.
func (f *simpleFile) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '[' {
		return json.Unmarshal(data, &f.lines)
	}
	var with struct {
		Lines    []any           `json:"lines"`
		Branches json.RawMessage `json:"branches"`
	}
	if err := json.Unmarshal(data, &with); err != nil {
		return err
	}
	f.lines = with.Lines
	if len(with.Branches) > 0 && with.Branches[0] == '{' { // coverage.json lists them otherwise
		return json.Unmarshal(with.Branches, &f.branches)
	}
	return nil
}

// readSimpleCov reads SimpleCov's .resultset.json, and its coverage.json. Each command's results are apart.
func readSimpleCov(r io.Reader, yield func(Coverage) error) error {
	d := json.NewDecoder(&values{r, maxValues})
	var files fileLines
	err := members(d, func(key string) error {
		if key == "coverage" {
			return simpleFiles(d, &files)
		}
		// Of a command, or something else such as "meta".
		var command struct {
			Coverage map[string]simpleFile `json:"coverage"`
		}
		if err := d.Decode(&command); err != nil {
			return jsonError(err)
		}
		for _, path := range slices.Sorted(maps.Keys(command.Coverage)) {
			file := command.Coverage[path]
			if err := file.add(path, &files); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if files.order == nil {
		return errNoRecords
	}
	return files.yield(yield)
}

func simpleFiles(d *json.Decoder, files *fileLines) error {
	return members(d, func(path string) error {
		var file simpleFile
		if err := d.Decode(&file); err != nil {
			return jsonError(err)
		}
		return file.add(path, files)
	})
}

func (f *simpleFile) add(path string, files *fileLines) error {
	for i, v := range f.lines {
		if hits, ok := number(v); ok { // others are no code
			if err := files.add(path, i+1, lineCoverage{hits: hits}); err != nil {
				return err
			}
		}
	}
	at := 0
	for _, condition := range slices.Sorted(maps.Keys(f.branches)) {
		for _, branch := range slices.Sorted(maps.Keys(f.branches[condition])) {
			at--
			l := lineCoverage{branches: 1}
			if hits, _ := number(f.branches[condition][branch]); hits > 0 {
				l.taken = 1
			}
			if err := files.add(path, at, l); err != nil {
				return err
			}
		}
	}
	return nil
}

// members calls member for each key of an object; it reads the value.
func members(d *json.Decoder, member func(key string) error) error {
	if err := delim(d, '{'); err != nil {
		return err
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return jsonError(err)
		}
		key, _ := t.(string)
		if err := member(key); err != nil {
			return err
		}
	}
	return delim(d, '}')
}
