package policy

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxText is the longest document Parse reads, in bytes: enough for the longest policy AWS itself has written, and more
// than IAM takes in a parameter. The smaller quotas of the kinds are for the services to enforce, with Size.
const MaxText = 256 << 10

// Parse reads a document of a kind. The error is a *Malformed. JSON is read strictly: element names are case
// sensitive, duplicate and unknown ones are errors, and so is anything after the document.
func Parse(kind Kind, text string) (*Document, error) {
	if len(text) > MaxText {
		return nil, malformed(kind, ProblemTooLong, "%d bytes", len(text))
	}
	r := &reader{kind: kind, text: text, dec: jsontext.NewDecoder(strings.NewReader(text)), line: 1}
	doc, err := r.document()
	if err != nil {
		if m, ok := errors.AsType[*Malformed](err); ok {
			return nil, m
		}
		if kind == KindResource {
			return nil, &Malformed{ProblemSyntax, "Policies must be valid JSON and the first byte must be '{'", err.Error()}
		}
		return nil, malformed(kind, ProblemSyntax, "%v", err)
	}
	if err := validate(doc, r.raw); err != nil {
		return nil, err
	}
	doc.compile(r.raw)
	return doc, nil
}

// compile prepares the statements for matching.
func (d *Document) compile(raw []rawStatement) {
	vars := d.Version == Version2012
	for i := range d.Statements {
		st := &d.Statements[i]
		st.actions = compileActions(st.Actions)
		if raw[i].hasResource {
			st.resources = make([]arnPattern, len(st.Resources))
			for j, s := range st.Resources {
				st.resources[j] = compileARN(s, vars)
			}
		}
		for j := range st.Conditions {
			c := &st.Conditions[j]
			c.values = make([]operand, len(c.Values))
			for k, s := range c.Values {
				c.values[k] = compileOperand(c.op.family, s, vars)
			}
		}
	}
}

// rawStatement is what validation needs to know beside the statement itself.
type rawStatement struct {
	hasAction, hasResource bool
	effect                 string
}

// reader reads the grammar. Its depth is bounded by the grammar itself: nothing nests freely.
type reader struct {
	kind Kind
	text string
	dec  *jsontext.Decoder
	raw  []rawStatement
	// line, lineStart and scanned keep the position, which is only ever asked for in order.
	line, lineStart, scanned int
}

func (r *reader) syntax(format string, args ...any) error {
	return malformed(r.kind, ProblemSyntax, format, args...)
}

// position is where offset lies; offsets must not decrease.
func (r *reader) position(offset int) Position {
	for ; r.scanned < offset && r.scanned < len(r.text); r.scanned++ {
		if r.text[r.scanned] == '\n' {
			r.line++
			r.lineStart = r.scanned + 1
		}
	}
	return Position{r.line, offset - r.lineStart + 1}
}

func (r *reader) document() (*Document, error) {
	doc := &Document{Kind: r.kind, Version: Version2008}
	hasVersion, hasStatement := false, false
	err := r.object(func(name string) (err error) {
		switch name {
		case "Version":
			hasVersion = true
			doc.Version, err = r.str()
			if err == nil && doc.Version != Version2008 && doc.Version != Version2012 {
				err = r.syntax("version %q", doc.Version)
			}
		case "Id":
			doc.ID, err = r.str()
		case "Statement":
			hasStatement = true
			err = r.statements(doc)
		default:
			err = r.unknown(name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if _, err := r.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, r.syntax("text after the document")
	}
	if !hasStatement || len(doc.Statements) == 0 {
		if r.kind == KindResource && !hasStatement {
			return nil, &Malformed{ProblemSyntax, "Missing required field Statement", "no Statement"}
		}
		return nil, r.syntax("no statement")
	}
	if r.kind == KindManaged && (!hasVersion || doc.Version != Version2012) {
		return nil, malformed(r.kind, ProblemVersion, "version %q", doc.Version)
	}
	return doc, nil
}

func (r *reader) unknown(name string) error {
	if r.kind == KindResource {
		return &Malformed{ProblemSyntax, "Unknown field " + name, "unknown element"}
	}
	return r.syntax("unknown element %q", name)
}

func (r *reader) statements(doc *Document) error {
	if r.dec.PeekKind() == '{' {
		return r.statement(doc)
	}
	return r.array(func() error { return r.statement(doc) })
}

func (r *reader) statement(doc *Document) error {
	if r.dec.PeekKind() != '{' {
		return r.syntax("statement is no object")
	}
	var st Statement
	var raw rawStatement
	err := r.object(func(name string) (err error) {
		if st.Start.Line == 0 {
			st.Start = r.position(r.openBrace())
		}
		switch name {
		case "Sid":
			st.Sid, err = r.str()
		case "Effect":
			raw.effect, err = r.str()
			st.Effect = Effect(raw.effect)
		case "Principal", "NotPrincipal":
			if st.Principals != nil {
				return r.syntax("both Principal and NotPrincipal")
			}
			st.Principals = &Principals{Not: name == "NotPrincipal"}
			err = r.principals(st.Principals)
		case "Action", "NotAction":
			if raw.hasAction {
				return r.syntax("both Action and NotAction")
			}
			raw.hasAction, st.NotAction = true, name == "NotAction"
			st.Actions, err = r.strings()
		case "Resource", "NotResource":
			if raw.hasResource {
				return r.syntax("both Resource and NotResource")
			}
			raw.hasResource, st.NotResource = true, name == "NotResource"
			st.Resources, err = r.strings()
		case "Condition":
			st.Conditions, err = r.conditions()
		default:
			err = r.unknown(name)
		}
		return err
	})
	if err != nil {
		return err
	}
	st.End = r.position(int(r.dec.InputOffset()))
	doc.Statements = append(doc.Statements, st)
	r.raw = append(r.raw, raw)
	return nil
}

// openBrace finds the brace before the member name just read.
func (r *reader) openBrace() int {
	at := strings.LastIndexByte(r.text[:r.dec.InputOffset()], '{')
	return max(at, r.scanned)
}

func (r *reader) conditions() ([]Condition, error) {
	var out []Condition
	err := r.object(func(name string) error {
		op, known := parseOperator(name)
		return r.object(func(key string) error {
			if !known {
				return r.syntax("condition operator %q", name)
			}
			if key == "" {
				return r.syntax("condition key is empty")
			}
			values, err := r.scalars()
			out = append(out, Condition{Operator: name, Key: key, Values: values, op: op, key: strings.ToLower(key)})
			return err
		})
	})
	return out, err
}

func (r *reader) principals(ps *Principals) error {
	if r.dec.PeekKind() == '"' {
		s, err := r.str()
		if err == nil && s != "*" {
			err = InvalidPrincipal(r.kind, "AWS", s)
		}
		ps.Any = true
		return err
	}
	count := 0
	err := r.object(func(name string) error {
		values, err := r.strings()
		if err != nil {
			return err
		}
		count += len(values)
		switch name {
		case "AWS":
			ps.AWS = values
		case "Service":
			ps.Service = values
		case "Federated":
			ps.Federated = values
		case "CanonicalUser":
			ps.CanonicalUser = values
		default:
			return InvalidPrincipal(r.kind, name, strings.Join(values, ","))
		}
		return nil
	})
	if err == nil && count == 0 {
		return r.syntax("no principal")
	}
	return err
}

// object reads an object and calls fn after each name; fn reads the value.
func (r *reader) object(fn func(name string) error) error {
	tok, err := r.dec.ReadToken()
	if err != nil {
		return err
	}
	if tok.Kind() != '{' {
		return r.syntax("%s where an object is due", tok.Kind())
	}
	for r.dec.PeekKind() != '}' {
		tok, err := r.dec.ReadToken()
		if err != nil {
			return err
		}
		if err := fn(tok.String()); err != nil {
			return err
		}
	}
	_, err = r.dec.ReadToken()
	return err
}

// array reads an array and calls fn before each element; fn reads it.
func (r *reader) array(fn func() error) error {
	tok, err := r.dec.ReadToken()
	if err != nil {
		return err
	}
	if tok.Kind() != '[' {
		return r.syntax("%s where a list is due", tok.Kind())
	}
	for r.dec.PeekKind() != ']' {
		if err := fn(); err != nil {
			return err
		}
	}
	_, err = r.dec.ReadToken()
	return err
}

func (r *reader) str() (string, error) {
	tok, err := r.dec.ReadToken()
	if err != nil {
		return "", err
	}
	if tok.Kind() != '"' {
		return "", r.syntax("%s where a string is due", tok.Kind())
	}
	return tok.String(), nil
}

// strings reads a string or a list of strings.
func (r *reader) strings() ([]string, error) {
	if r.dec.PeekKind() != '[' {
		s, err := r.str()
		return []string{s}, err
	}
	list := []string{}
	err := r.array(func() error {
		s, err := r.str()
		list = append(list, s)
		return err
	})
	return list, err
}

// scalars reads a string, boolean or number, or a list of them, as text.
func (r *reader) scalars() ([]string, error) {
	list := []string{}
	one := func() error {
		switch r.dec.PeekKind() {
		case '"':
			s, err := r.str()
			list = append(list, s)
			return err
		case 't', 'f', '0':
			v, err := r.dec.ReadValue()
			list = append(list, string(bytes.TrimSpace(v)))
			return err
		default:
			return r.syntax("condition value is neither string, boolean nor number")
		}
	}
	if r.dec.PeekKind() != '[' {
		return list, one()
	}
	err := r.array(one)
	return list, err
}
