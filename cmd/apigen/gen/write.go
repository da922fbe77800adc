package gen

import (
	"fmt"
	"strconv"
	"strings"

	"drydock/cmd/apigen/model"
)

const awsPackage = "drydock/aws"

var protocols = map[string]string{
	"json": "aws.ProtocolJSON", "query": "aws.ProtocolQuery", "ec2": "aws.ProtocolEC2", "rest-json": "aws.ProtocolRESTJSON",
	"rest-xml": "aws.ProtocolRESTXML", "smithy-rpc-v2-cbor": "aws.ProtocolCBOR",
}

// field writes one field of a composite literal, unless the value is the zero value.
func (g *generator) field(name, value string) {
	if value != "" && value != `""` && value != "false" {
		g.printf("%s: %s,\n", name, value)
	}
}

// writeAPI writes the metadata. The operations point to it, so their list is put in behind them: the package's
// initialisation order makes API depend on every operation, and every operation on metadata only.
func (g *generator) writeAPI() error {
	g.use(awsPackage)
	md := g.model.Metadata
	g.printf("var metadata = aws.API{\n")
	g.field("Package", strconv.Quote(g.opts.Package))
	g.field("ServiceID", strconv.Quote(md.ServiceID))
	g.field("FullName", strconv.Quote(md.FullName))
	g.field("EndpointPrefix", strconv.Quote(md.EndpointPrefix))
	g.field("SigningName", strconv.Quote(md.SigningName))
	g.field("Version", strconv.Quote(md.APIVersion))
	var list []string
	for _, p := range md.Protocols {
		name, ok := protocols[p]
		if !ok {
			return fmt.Errorf("unknown protocol %q", p)
		}
		list = append(list, name)
	}
	g.printf("Protocols: []aws.Protocol{%s},\n", strings.Join(list, ", "))
	g.field("JSONVersion", strconv.Quote(md.JSONVersion))
	g.field("TargetPrefix", strconv.Quote(md.TargetPrefix))
	g.field("XMLNamespace", strconv.Quote(md.XMLNamespace))
	g.field("StrictXML", strconv.FormatBool(md.StrictXML))
	g.field("Global", strconv.FormatBool(md.Global))
	g.printf("}\n\n")
	g.printf("// API is the metadata of %s with all its operations. It is not to be changed.\n", md.FullName)
	g.printf("var API = func() *aws.API {\nmetadata.Operations = []*aws.Operation{\n")
	for _, op := range g.ops {
		g.printf("%s.Operation,\n", op.name)
	}
	g.printf("}\nreturn &metadata\n}()\n")
	return nil
}

func (g *generator) writeOperations() error {
	for _, op := range g.ops {
		g.use(awsPackage)
		g.printf("// %s is the operation %s.\n", op.name, op.Name)
		g.printf("var %s = aws.NewOp[%s, %s](&aws.Operation{\nAPI: &metadata,\n", op.name, op.input, op.output)
		g.field("Name", strconv.Quote(op.Name))
		g.field("Method", strconv.Quote(op.Method))
		g.field("URI", strconv.Quote(op.URI))
		if op.Status != "" && op.Status != "200" {
			g.field("Status", op.Status)
		}
		g.field("HostPrefix", strconv.Quote(op.HostPrefix))
		if op.Input != nil {
			g.field("InputWrapper", strconv.Quote(op.Input.String("locationName")))
			uri, _ := op.Input.Namespace()
			g.field("InputXMLNS", strconv.Quote(uri))
		}
		g.field("OutputWrapper", strconv.Quote(op.ResultWrapper))
		g.field("Unsigned", strconv.FormatBool(op.Unsigned))
		g.field("UnsignedPayload", strconv.FormatBool(op.UnsignedPayload))
		g.field("ChecksumRequired", strconv.FormatBool(op.ChecksumRequired))
		g.field("ChecksumMember", strconv.Quote(op.ChecksumMember))
		g.writeOperationErrors(op)
		g.writeGrants(op)
		g.printf("})\n\n")
	}
	return nil
}

func (g *generator) writeOperationErrors(op opNames) {
	if len(op.Errors) == 0 {
		return
	}
	var names []string
	for _, r := range op.Errors {
		if typ := g.structs[r.Shape.Name]; r.Shape.Exception {
			names = append(names, "error"+typ)
		} else { // the use alone says that the shape is an error
			names = append(names, g.errorShape(r, typ))
		}
	}
	g.printf("Errors: []aws.ErrorShape{%s},\n", strings.Join(names, ", "))
}

func (g *generator) errorShape(r *model.Ref, typ string) string {
	g.use("reflect")
	return fmt.Sprintf("{Shape: %q, Code: %q, Status: %s, Type: reflect.TypeFor[%s]()}",
		r.Shape.Name, r.ErrorCode(), r.ErrorStatus(), typ)
}

func (g *generator) writeGrants(op opNames) {
	grants := g.opts.Grants[op.Name]
	if len(grants) == 0 {
		return
	}
	g.printf("Grants: []aws.Grant{\n")
	for _, grant := range grants {
		parts := []string{"Action: " + strconv.Quote(grant.Action)}
		if len(grant.Resources) > 0 {
			parts = append(parts, "Resources: "+stringList(grant.Resources))
		}
		if len(grant.Keys) > 0 {
			parts = append(parts, "Keys: "+stringList(grant.Keys))
		}
		if grant.When != "" {
			parts = append(parts, "When: "+strconv.Quote(grant.When))
		}
		g.printf("{%s},\n", strings.Join(parts, ", "))
	}
	g.printf("},\n")
}

func stringList(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = strconv.Quote(v)
	}
	return "[]string{" + strings.Join(quoted, ", ") + "}"
}

func (g *generator) writeTypes() error {
	own := map[string]bool{}
	for _, op := range g.ops {
		for _, part := range []struct {
			name, word string
			ref        *model.Ref
			dir        direction
		}{{op.input, "input", op.Input, input}, {op.output, "output", op.Output, output}} {
			own[part.name] = true
			g.printf("// %s is the %s of %s.\n", part.name, part.word, op.name)
			if part.ref == nil {
				g.printf("type %s struct{}\n\n", part.name)
				continue
			}
			if err := g.writeStruct(part.name, part.ref, part.dir); err != nil {
				return fmt.Errorf("%s of %s: %w", part.word, op.Name, err)
			}
		}
	}
	for _, s := range g.order {
		name := g.structs[s.Name]
		if own[name] {
			continue
		}
		g.printf("// %s is the structure %s.\n", name, s.Name)
		if err := g.writeStruct(name, s.Ref(), nested); err != nil {
			return fmt.Errorf("structure %s: %w", s.Name, err)
		}
	}
	return nil
}

func (g *generator) writeStruct(name string, use *model.Ref, dir direction) error {
	s := use.Shape
	g.printf("type %s struct {\n", name)
	blank, err := structTag(s, use, name)
	if err != nil {
		return err
	}
	if blank != "" {
		g.printf("_ struct{} %s\n", blank)
	}
	fields := scope{}
	for _, m := range s.Members {
		if s.Exception && m.IsMessage() {
			continue
		}
		typ, streaming, err := g.fieldType(s, m, dir)
		if err != nil {
			return fmt.Errorf("member %s: %w", m.Name, err)
		}
		if strings.HasPrefix(typ, "aws.") {
			g.use(awsPackage)
		}
		text, err := g.memberTag(s, m, streaming)
		if err != nil {
			return fmt.Errorf("member %s: %w", m.Name, err)
		}
		g.printf("%s %s %s\n", fields.take(goName(m.Name), "Member"), typ, text)
	}
	g.printf("}\n\n")
	return nil
}

func (g *generator) writeErrors() error {
	if len(g.errors) == 0 {
		return nil
	}
	g.use(awsPackage)
	g.use("reflect")
	g.printf("var (\n")
	for _, e := range g.errors {
		g.printf("%s = aws.ErrorShape%s\n", e.variable, g.errorShape(e.Ref(), e.typ))
	}
	g.printf(")\n\n")
	for _, e := range g.errors {
		g.printf("// %s returns the error %s with its code and status.\n", e.constructor, e.Name)
		g.printf("func %s(format string, args ...any) *aws.Error {\n", e.constructor)
		g.printf("return aws.NewShapeError(%q, %q, %s, format, args...)\n}\n\n", e.Name, e.Ref().ErrorCode(), e.Ref().ErrorStatus())
	}
	return nil
}

func (g *generator) writeEnums() error {
	for _, shape := range g.enumKeys {
		name := g.enums[shape]
		values := g.model.Shapes[shape].Enum
		g.printf("// %s is the enum %s.\ntype %s string\n\n", name, shape, name)
		g.printf("// The values of %s.\nconst (\n", name)
		for _, v := range values {
			g.printf("%s %s = %q\n", g.names.take(name+valueName(v), "Value"), name, v)
		}
		g.printf(")\n\n// Values returns the values the model knows.\n")
		g.printf("func (%s) Values() []string {\nreturn %s\n}\n\n", name, stringList(values))
	}
	return nil
}
