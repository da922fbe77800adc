package query

import (
	"reflect"
	"strings"

	"drydock/aws"
	"drydock/wire/shape"
)

// decoder turns sorted parameters into members.
type decoder struct {
	ec2     bool
	missing *shape.Missing
}

// common are the parameters that belong to the protocol and its signatures, not to an operation.
func common(name string) bool {
	switch name {
	case "Action", "Version", "AWSAccessKeyId", "Signature", "SignatureMethod", "SignatureVersion", "Timestamp",
		"Expires", "SecurityToken", "AuthParams", "":
		return true
	}
	return strings.HasPrefix(name, "X-Amz-")
}

// group splits params, all of whose names go on with a part at offset, into those with the same first part and the rest.
func group(params []param, offset int) (part string, same, rest []param) {
	part, _, _ = strings.Cut(params[0].name[offset:], ".")
	n := 1
	for n < len(params) {
		name := params[n].name[offset:]
		if !strings.HasPrefix(name, part) || len(name) > len(part) && name[len(part)] != '.' {
			break
		}
		n++
	}
	return part, params[:n], params[n:]
}

// structure sets the members of v from params, whose names go on with a member's name at offset.
func (d *decoder) structure(s *shape.Struct, v reflect.Value, params []param, offset int) error {
	var seen shape.Seen
	for len(params) > 0 {
		part, same, rest := group(params, offset)
		params = rest
		f := s.ByQuery(part, d.ec2)
		if f == nil {
			if d.ec2 && !(offset == 0 && common(part)) {
				return aws.NewError(400, "UnknownParameter", "The parameter %s is not recognized", part)
			}
			continue
		}
		seen.Mark(f)
		d.missing.Enter(f)
		if err := d.value(&f.Value, f.Target(v), same, offset+len(part), part); err != nil {
			return err
		}
		d.missing.Leave()
	}
	d.missing.Check(s, seen)
	return nil
}

// value sets v from params, whose names end at offset or go on there with ".". name is for messages.
func (d *decoder) value(p *shape.Value, v reflect.Value, params []param, offset int, name string) error {
	switch p.Kind {
	case shape.Structure:
		return d.structure(p.Struct, v, below(params, offset), offset+1)
	case shape.List:
		return d.list(p, v, params, offset, name)
	case shape.Map:
		return d.entries(p, v, params, offset, name)
	}
	// A scalar given twice, or with something below it, is what its first parameter says.
	if len(params[0].name) != offset {
		return d.malformed(params[0].name, "")
	}
	if p.Kind == shape.String {
		v.SetString(params[0].value)
		return nil
	}
	text := params[0].value
	if err := shape.SetText(p, v, text); err != nil {
		return d.malformed(name, text)
	}
	return nil
}

func (d *decoder) malformed(name, text string) error {
	if d.ec2 {
		return aws.NewError(400, "InvalidParameterValue", "Value (%s) for parameter %s is invalid.", text, name)
	}
	return aws.NewError(400, "MalformedInput", "Invalid value for parameter %s", name)
}

// below drops the parameters that end at offset.
func below(params []param, offset int) []param {
	for len(params) > 0 && len(params[0].name) <= offset+1 {
		params = params[1:]
	}
	return params
}

// list reads elements numbered from 1; gaps close up.
func (d *decoder) list(p *shape.Value, v reflect.Value, params []param, offset int, name string) error {
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	params = below(params, offset)
	for len(params) > 0 {
		part, same, rest := group(params, offset+1)
		params = rest
		at := offset + 1 + len(part)
		if !number(part) {
			// The name of the elements, unless the list is flat; clients write it for flat lists too.
			if d.ec2 || part != p.ItemName() && part != "member" {
				return d.malformed(same[0].name, "")
			}
			if err := d.elements(p, v, below(same, at), at+1, name); err != nil {
				return err
			}
			continue
		}
		if err := d.elements(p, v, same, offset+1, name); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) elements(p *shape.Value, v reflect.Value, params []param, offset int, name string) error {
	for len(params) > 0 {
		part, same, rest := group(params, offset)
		params = rest
		if !number(part) {
			return d.malformed(same[0].name, "")
		}
		d.missing.EnterItem(v.Len())
		if err := d.value(p.Elem, shape.Append(v), same, offset+len(part), name); err != nil {
			return err
		}
		d.missing.Leave()
	}
	return nil
}

func (d *decoder) entries(p *shape.Value, v reflect.Value, params []param, offset int, name string) error {
	v.Set(reflect.MakeMap(v.Type()))
	params = below(params, offset)
	for len(params) > 0 {
		part, same, rest := group(params, offset+1)
		params = rest
		var err error
		switch {
		case number(part):
			err = d.entry(p, v, same, offset+1+len(part), name)
		case part == p.EntryName() || part == "entry":
			at := offset + 1 + len(part)
			for more := below(same, at); len(more) > 0 && err == nil; {
				part, one, rest := group(more, at+1)
				more = rest
				if !number(part) {
					return d.malformed(one[0].name, "")
				}
				err = d.entry(p, v, one, at+1+len(part), name)
			}
		default:
			err = d.malformed(same[0].name, "")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// entry reads one entry of a map, whose parameters go on with ".key" and ".value" at offset.
func (d *decoder) entry(p *shape.Value, m reflect.Value, params []param, offset int, name string) error {
	key := reflect.New(m.Type().Key()).Elem()
	elem := reflect.New(p.Elem.Type).Elem()
	for params = below(params, offset); len(params) > 0; {
		part, same, rest := group(params, offset+1)
		params = rest
		at := offset + 1 + len(part)
		switch part {
		case p.KeyName():
			if len(same[0].name) != at {
				return d.malformed(same[0].name, "")
			}
			key.SetString(same[0].value)
		case p.ValueName():
			d.missing.EnterKey(key.String())
			if err := d.value(p.Elem, elem, same, at, name); err != nil {
				return err
			}
			d.missing.Leave()
		default:
			return d.malformed(same[0].name, "")
		}
	}
	m.SetMapIndex(key, elem)
	return nil
}
