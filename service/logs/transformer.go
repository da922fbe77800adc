package logs

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/store"
)

// transformer is a group's own transformer.
type transformer struct {
	Account, Region, Group string
	Config                 []api.Processor
	Created, Updated       time.Time
}

var transformers = store.NewTable("logs/transformer", func(t *transformer) store.Key { return store.K(t.Account, t.Region, t.Group) })

// document is an event on its way through a transformer: the fields found so far. The fields whose names begin with "@"
// are the event's own and are not part of what comes out.
type document map[string]any

const messageField = "@message"

// processor is a step of a transformer.
type processor func(doc document) error

// pipeline is a transformer ready to be used.
type pipeline []processor

// origin is where an event comes from, by the names under which copyValue finds it.
func origin(g *logGroup, stream string) document {
	return document{"@logGroupName": g.Name, "@logGroupStream": stream, "@accountId": g.Account, "@regionName": g.Region}
}

// transform returns what becomes of a message of an origin, and false where it does not fit the transformer: it stays as
// it is then.
func (p pipeline) transform(message string, from document) (string, bool) {
	doc := document{messageField: message}
	maps.Copy(doc, from)
	for _, step := range p {
		if step(doc) != nil {
			return "", false
		}
	}
	for name := range doc {
		if strings.HasPrefix(name, "@") {
			delete(doc, name)
		}
	}
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if e.Encode(doc) != nil || out.Len() > maxBatchBytes {
		return "", false
	}
	return strings.TrimSuffix(out.String(), "\n"), true
}

// putTransformer sets a group's transformer.
func (s *Service) putTransformer(call *aws.Call, in *api.PutTransformerInput) (*api.PutTransformerOutput, error) {
	if _, err := compileTransformer(in.TransformerConfig); err != nil {
		return nil, err
	}
	now := call.Now()
	err := s.DB.Update(call, func(tx *store.Tx) error {
		g, err := resolveLogGroup(tx, call, nil, &in.LogGroupIdentifier)
		if err != nil {
			return err
		}
		if err := g.standard(call); err != nil {
			return err
		}
		t := &transformer{Account: g.Account, Region: g.Region, Group: g.Name, Config: in.TransformerConfig, Created: now, Updated: now}
		switch old, err := transformers.Get(tx, transformers.Key(t)); {
		case err == nil:
			t.Created = old.Created
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		return transformers.Put(tx, t)
	})
	if err != nil {
		return nil, err
	}
	return &api.PutTransformerOutput{}, nil
}

// getTransformer returns a group's own transformer.
func (s *Service) getTransformer(call *aws.Call, in *api.GetTransformerInput) (*api.GetTransformerOutput, error) {
	var out *api.GetTransformerOutput
	err := s.DB.View(call, func(tx *store.Tx) error {
		g, err := resolveLogGroup(tx, call, nil, &in.LogGroupIdentifier)
		if err != nil {
			return err
		}
		t, err := transformers.Get(tx, store.K(g.Account, g.Region, g.Name))
		if errors.Is(err, store.ErrNotFound) {
			return api.NewResourceNotFoundException(noTransformer)
		}
		if err == nil {
			out = &api.GetTransformerOutput{
				LogGroupIdentifier: new(g.arn()), CreationTime: new(t.Created.UnixMilli()), LastModifiedTime: new(t.Updated.UnixMilli()),
				TransformerConfig: t.Config,
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

const noTransformer = "The specified transformer does not exist."

// deleteTransformer removes a group's own transformer.
func (s *Service) deleteTransformer(call *aws.Call, in *api.DeleteTransformerInput) (*api.DeleteTransformerOutput, error) {
	err := s.DB.Update(call, func(tx *store.Tx) error {
		g, err := resolveLogGroup(tx, call, nil, &in.LogGroupIdentifier)
		if err != nil {
			return err
		}
		existed, err := transformers.Delete(tx, store.K(g.Account, g.Region, g.Name))
		if err == nil && !existed {
			return api.NewResourceNotFoundException(noTransformer)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteTransformerOutput{}, nil
}

// testTransformer shows what a transformer makes of messages.
func (s *Service) testTransformer(_ *aws.Call, in *api.TestTransformerInput) (*api.TestTransformerOutput, error) {
	p, err := compileTransformer(in.TransformerConfig)
	if err != nil {
		return nil, err
	}
	out := &api.TestTransformerOutput{TransformedLogs: make([]api.TransformedLogRecord, len(in.LogEventMessages))}
	for i := range in.LogEventMessages {
		message := &in.LogEventMessages[i]
		out.TransformedLogs[i] = api.TransformedLogRecord{EventNumber: new(int64(i + 1)), EventMessage: message}
		if text, ok := p.transform(*message, nil); ok {
			out.TransformedLogs[i].TransformedEventMessage = &text
		}
	}
	return out, nil
}

// transformer reads the document of an account policy of that type, which is a list of processors.
func (p *accountPolicy) transformer() (pipeline, error) {
	var config []api.Processor
	d := json.NewDecoder(strings.NewReader(p.Document))
	d.DisallowUnknownFields()
	if err := d.Decode(&config); err != nil {
		return nil, api.NewInvalidParameterException("Invalid policy document: %v", err)
	}
	return compileTransformer(config)
}

// transformerOf returns the transformer that is in force for a group: its own, or else the account's that selects it;
// nil when there is none.
func transformerOf(tx *store.Tx, g *logGroup) (pipeline, error) {
	own, err := transformers.Get(tx, store.K(g.Account, g.Region, g.Name))
	if err == nil {
		return compileTransformer(own.Config)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	for p, err := range accountPoliciesOf(tx, g.Account, g.Region, api.PolicyTypeTransformerPolicy) {
		if err != nil {
			return nil, err
		}
		selected, err := p.selects(g)
		if err != nil {
			return nil, err
		}
		if selected {
			return p.transformer()
		}
	}
	return nil, nil
}

// transformIngested has the group's transformer make something of new events.
func transformIngested(tx *store.Tx, g *logGroup, stream *logStream, events []ingested) error {
	p, err := transformerOf(tx, g)
	if err != nil || p == nil {
		return err
	}
	for i := range events {
		if text, ok := p.transform(events[i].Message, origin(g, stream.Name)); ok {
			events[i].Transformed = &text
		}
	}
	return nil
}

func invalidTransformer(format string, args ...any) error {
	return api.NewInvalidParameterException("Invalid transformer: %s", fmt.Sprintf(format, args...))
}

// compileTransformer checks the processors and makes them ready. The first is a parser, as AWS asks.
func compileTransformer(config []api.Processor) (pipeline, error) {
	if len(config) == 0 || len(config) > maxProcessors {
		return nil, invalidTransformer("there must be between 1 and %d processors.", maxProcessors)
	}
	var p pipeline
	parsers, grok, addKeys, copyValue := 0, 0, 0, 0
	for i := range config {
		c := &config[i]
		step, parses, err := compileProcessor(c)
		if err != nil {
			return nil, err
		}
		switch {
		case parses:
			parsers++
		case i == 0:
			return nil, invalidTransformer("the first processor must be a parser.")
		}
		if i > 0 && (c.ParseVPC != nil || c.ParseCloudfront != nil || c.ParseRoute53 != nil || c.ParsePostgres != nil) {
			return nil, invalidTransformer("a parser of a service's logs must be the first processor.")
		}
		grok += count(c.Grok != nil)
		addKeys += count(c.AddKeys != nil)
		copyValue += count(c.CopyValue != nil)
		p = append(p, step)
	}
	if parsers > maxParsers {
		return nil, invalidTransformer("there may be at most %d parsers.", maxParsers)
	}
	if grok > 1 || addKeys > 1 || copyValue > 1 {
		return nil, invalidTransformer("there may be one grok, one addKeys and one copyValue processor.")
	}
	return p, nil
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// compileProcessor makes one processor ready and tells whether it is a parser.
func compileProcessor(c *api.Processor) (step processor, parser bool, err error) {
	n := 0
	use := func(present, parses bool, compile func() (processor, error)) {
		if !present {
			return
		}
		if n++; n == 1 {
			parser = parses
			step, err = compile()
		}
	}
	missing := func(name string) func() (processor, error) {
		return func() (processor, error) {
			return nil, notImplemented("drydock does not have the transformer's processor " + name + ".")
		}
	}
	use(c.ParseJSON != nil, true, func() (processor, error) { return parseJSONStep(c.ParseJSON), nil })
	use(c.CSV != nil, true, func() (processor, error) { return csvStep(c.CSV) })
	use(c.Grok != nil, true, func() (processor, error) { return grokStep(c.Grok) })
	use(c.ParseKeyValue != nil, true, func() (processor, error) { return keyValueStep(c.ParseKeyValue), nil })
	use(c.ParseVPC != nil, true, func() (processor, error) { return parseVPCStep(c.ParseVPC) })
	use(c.ParseCloudfront != nil, true, func() (processor, error) { return parseCloudfrontStep(c.ParseCloudfront) })
	use(c.ParseRoute53 != nil, true, func() (processor, error) { return parseRoute53Step(c.ParseRoute53) })
	use(c.ParsePostgres != nil, true, func() (processor, error) { return parsePostgresStep(c.ParsePostgres) })
	use(c.ParseWAF != nil, true, missing("parseWAF"))
	use(c.ParseToOCSF != nil, true, missing("parseToOCSF"))
	use(c.AddKeys != nil, false, func() (processor, error) { return addKeysStep(c.AddKeys), nil })
	use(c.CopyValue != nil, false, func() (processor, error) { return copyValueStep(c.CopyValue), nil })
	use(c.DateTimeConverter != nil, false, func() (processor, error) { return dateTimeStep(c.DateTimeConverter) })
	use(c.DeleteKeys != nil, false, func() (processor, error) { return deleteKeysStep(c.DeleteKeys), nil })
	use(c.ListToMap != nil, false, func() (processor, error) { return listToMapStep(c.ListToMap) })
	use(c.LowerCaseString != nil, false, func() (processor, error) { return stringsStep(c.LowerCaseString.WithKeys, strings.ToLower), nil })
	use(c.UpperCaseString != nil, false, func() (processor, error) { return stringsStep(c.UpperCaseString.WithKeys, strings.ToUpper), nil })
	use(c.TrimString != nil, false, func() (processor, error) { return stringsStep(c.TrimString.WithKeys, strings.TrimSpace), nil })
	use(c.MoveKeys != nil, false, func() (processor, error) { return moveKeysStep(c.MoveKeys), nil })
	use(c.RenameKeys != nil, false, func() (processor, error) { return renameKeysStep(c.RenameKeys), nil })
	use(c.SplitString != nil, false, func() (processor, error) { return splitStep(c.SplitString), nil })
	use(c.SubstituteString != nil, false, func() (processor, error) { return substituteStep(c.SubstituteString) })
	use(c.TypeConverter != nil, false, func() (processor, error) { return typeStep(c.TypeConverter), nil })
	if err == nil && n != 1 {
		err = invalidTransformer("each element must have exactly one processor.")
	}
	return step, parser, err
}
