package s3select

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
)

type jsonInput struct {
	d     *json.Decoder
	array bool // the elements of an array are the records
	began bool
	start int64
}

// NewJSON returns an input of JSON values one after the other, on lines or not. For a query over S3Object[*] of a document
// that is an array, its elements are the records.
func (q *Query) NewJSON(r io.Reader, document bool) Input {
	b := bufio.NewReaderSize(r, 64<<10)
	skipMark(b)
	in := &jsonInput{d: json.NewDecoder(b)}
	in.d.UseNumber()
	in.array = document && len(q.from) > 0 && q.from[0].all
	return in
}

func (j *jsonInput) next() (record, error) {
	j.start = j.d.InputOffset()
	if !j.began && j.array {
		j.began = true
		t, err := j.d.Token()
		if err != nil {
			return nil, jsonError(err)
		}
		if t != json.Delim('[') {
			j.array = false
			v, err := j.build(t, 0)
			return tree{v}, err
		}
	}
	if j.array && !j.d.More() {
		if _, err := j.d.Token(); err != nil { // the bracket that closes
			return nil, jsonError(err)
		}
		j.array = false
	}
	v, err := j.value(0)
	if err != nil {
		return nil, err
	}
	return tree{v}, nil
}

func jsonError(err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF):
		return err
	case errors.As(err, &syntax):
		return fail("JSONParsingError", "Encountered an error parsing the JSON file. Check the file and try again.")
	}
	return textError(err)
}

func (j *jsonInput) value(depth int) (Value, error) {
	t, err := j.d.Token()
	if err != nil {
		if err == io.EOF && depth > 0 {
			return nil, fail("JSONParsingError", "Encountered an error parsing the JSON file. Check the file and try again.")
		}
		return nil, jsonError(err)
	}
	return j.build(t, depth)
}

// build makes the value that begins with a token.
func (j *jsonInput) build(t json.Token, depth int) (Value, error) {
	switch {
	case j.d.InputOffset()-j.start > MaxRecord:
		return nil, overMax()
	case depth > maxDepth:
		return nil, fail("JSONParsingError", "Encountered an error parsing the JSON file: it is nested too deeply.")
	}
	switch t := t.(type) {
	case json.Number:
		return Number(t), nil
	case json.Delim:
		if t == '{' {
			return j.object(depth)
		}
		list := List{}
		for j.d.More() {
			v, err := j.value(depth + 1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, j.end()
	}
	return t, nil
}

func (j *jsonInput) object(depth int) (Value, error) {
	o := &Object{}
	for j.d.More() {
		name, err := j.value(depth + 1)
		if err != nil {
			return nil, err
		}
		v, err := j.value(depth + 1)
		if err != nil {
			return nil, err
		}
		o.Names, o.Values = append(o.Names, text(name)), append(o.Values, v)
	}
	return o, j.end()
}

// end takes the bracket that closes a list or an object.
func (j *jsonInput) end() error {
	_, err := j.d.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fail("JSONParsingError", "Encountered an error parsing the JSON file. Check the file and try again.")
	}
	if err != nil {
		return jsonError(err)
	}
	return nil
}
