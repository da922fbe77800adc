package logs

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/lang/sensitivedata"
	"drydock/store"
)

// dataProtection is a group's data protection policy.
type dataProtection struct {
	Account, Region, Group string
	Document               string
	Updated                time.Time
}

var dataProtections = store.NewTable("logs/dataprotection", func(p *dataProtection) store.Key {
	return store.K(p.Account, p.Region, p.Group)
})

// protection is a data protection policy ready to be applied.
type protection struct {
	// identifiers find what the policy is about.
	identifiers []*sensitivedata.Identifier
	// findings is where audits go; its zero value audits nothing.
	findings findingsDestination
}

// findingsDestination is as policies have it.
type findingsDestination struct {
	CloudWatchLogs *struct{ LogGroup string }       `json:",omitempty"`
	S3             *struct{ Bucket string }         `json:",omitempty"`
	Firehose       *struct{ DeliveryStream string } `json:",omitempty"`
}

// audits tells whether events have to be looked at as they come.
func (p *protection) audits() bool { return p.findings != findingsDestination{} }

// protectionDocument is a policy's text.
type protectionDocument struct {
	Name        string
	Description string
	Version     string
	Statement   []struct {
		Sid            string
		DataIdentifier []string
		Operation      struct {
			Audit *struct {
				FindingsDestination *findingsDestination
			}
			Deidentify *struct {
				MaskConfig *struct{}
			}
		}
	}
	Configuration struct {
		CustomDataIdentifier []struct{ Name, Regex string }
	}
}

func invalidProtection(format string, args ...any) error {
	return api.NewInvalidParameterException("Invalid data protection policy: "+format, args...)
}

// parseProtection reads a policy.
func parseProtection(text string) (*protection, error) {
	if len(text) > maxProtectionBytes {
		return nil, invalidProtection("the document exceeds the limit of %d characters.", maxProtectionBytes)
	}
	var doc protectionDocument
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&doc); err != nil {
		return nil, invalidProtection("%v", err)
	}
	if doc.Version != "2021-06-01" {
		return nil, invalidProtection("the version must be 2021-06-01.")
	}
	if len(doc.Statement) != 2 {
		return nil, invalidProtection("there must be two statements, one that audits and one that deidentifies.")
	}
	p := &protection{}
	audits, masks := false, false
	for _, st := range doc.Statement {
		switch op := st.Operation; {
		case op.Audit != nil && op.Deidentify == nil && !audits:
			audits = true
			if op.Audit.FindingsDestination == nil {
				return nil, invalidProtection("Audit must have a FindingsDestination.")
			}
			p.findings = *op.Audit.FindingsDestination
		case op.Deidentify != nil && op.Audit == nil && !masks:
			masks = true
			if op.Deidentify.MaskConfig == nil {
				return nil, invalidProtection("Deidentify must have a MaskConfig.")
			}
		default:
			return nil, invalidProtection("one statement must have the operation Audit, the other Deidentify.")
		}
		if len(st.DataIdentifier) == 0 || !slices.Equal(slices.Sorted(slices.Values(st.DataIdentifier)), slices.Sorted(slices.Values(doc.Statement[0].DataIdentifier))) {
			return nil, invalidProtection("both statements must have the same data identifiers.")
		}
	}
	custom := map[string]*sensitivedata.Identifier{}
	for _, c := range doc.Configuration.CustomDataIdentifier {
		found, err := sensitivedata.NewCustom(c.Name, c.Regex)
		if err != nil || c.Name == "" || len(c.Regex) > maxCustomIdentifierBytes {
			return nil, invalidProtection("the custom data identifier %s is invalid.", c.Name)
		}
		custom[c.Name] = found
	}
	if len(custom) > maxCustomIdentifiers {
		return nil, invalidProtection("there may be at most %d custom data identifiers.", maxCustomIdentifiers)
	}
	for _, name := range doc.Statement[0].DataIdentifier {
		found, err := identifier(name, custom)
		if err != nil {
			return nil, err
		}
		p.identifiers = append(p.identifiers, found)
	}
	return p, p.findings.check()
}

// identifier finds the identifier that a policy names.
func identifier(name string, custom map[string]*sensitivedata.Identifier) (*sensitivedata.Identifier, error) {
	arn, err := aws.ParseARN(name)
	if err != nil {
		if found := custom[name]; found != nil {
			return found, nil
		}
		return nil, invalidProtection("unknown data identifier %s.", name)
	}
	managed, ok := strings.CutPrefix(arn.Resource, "data-identifier/")
	if !ok || arn.Service != "dataprotection" || arn.Account != "aws" || !sensitivedata.Known(managed) {
		return nil, invalidProtection("unknown data identifier %s.", name)
	}
	found := sensitivedata.Managed(managed)
	if found == nil {
		return nil, notImplemented("drydock does not have the managed data identifier " + managed + ".")
	}
	return found, nil
}

func (d *findingsDestination) check() error {
	if d.Firehose != nil {
		return notImplemented("drydock does not send audit findings to Firehose.")
	}
	if d.CloudWatchLogs != nil && d.CloudWatchLogs.LogGroup == "" || d.S3 != nil && d.S3.Bucket == "" {
		return invalidProtection("the findings destination has no name.")
	}
	return nil
}

// dataProtectionOf returns the policies that are in force for a group: the account's and its own.
func dataProtectionOf(tx *store.Tx, g *logGroup) ([]*protection, error) {
	if g.Class != api.LogGroupClassStandard {
		return nil, nil
	}
	var found []*protection
	for a, err := range accountPoliciesOf(tx, g.Account, g.Region, api.PolicyTypeDataProtectionPolicy) {
		if err != nil {
			return nil, err
		}
		p, err := parseProtection(a.Document)
		if err != nil {
			return nil, err
		}
		found = append(found, p)
	}
	if g.DataProtection != api.DataProtectionStatusActivated {
		return found, nil
	}
	own, err := dataProtections.Get(tx, store.K(g.Account, g.Region, g.Name))
	if err != nil {
		return nil, err
	}
	p, err := parseProtection(own.Document)
	if err != nil {
		return nil, err
	}
	return append(found, p), nil
}

// masks hide sensitive data in messages. The zero value hides nothing.
type masks []*sensitivedata.Identifier

// masksOf returns the masks that are in force for a group.
func masksOf(tx *store.Tx, g *logGroup) (masks, error) {
	policies, err := dataProtectionOf(tx, g)
	var m masks
	for _, p := range policies {
		m = append(m, p.identifiers...)
	}
	return m, err
}

func (m masks) apply(message string) string {
	var spans []sensitivedata.Span
	for _, d := range m {
		spans = append(spans, d.Find(message)...)
	}
	return sensitivedata.Mask(message, spans)
}

// applyAll masks the messages of events.
func (m masks) applyAll(events []event) {
	if len(m) == 0 {
		return
	}
	for i := range events {
		events[i].Message = m.apply(events[i].Message)
	}
}

// ingested returns new events as filters may see them: what leaves by a metric or a subscription is masked like what is
// read.
func (m masks) ingested(events []ingested) []ingested {
	if len(m) == 0 {
		return events
	}
	shown := slices.Clone(events)
	for i := range shown {
		e := &shown[i]
		e.Message = m.apply(e.Message)
		if e.Transformed != nil {
			e.Transformed = new(m.apply(*e.Transformed))
		}
	}
	return shown
}

// mayUnmask tells whether a request wants to see what is masked, which takes a permission of its own.
func mayUnmask(call *aws.Call, unmask *bool, name, identifier *string) (bool, error) {
	if unmask == nil || !*unmask {
		return false, nil
	}
	group := ""
	switch {
	case name != nil:
		group = *name
	case identifier != nil:
		var err error
		if group, err = groupName(call, *identifier); err != nil {
			return false, err
		}
	}
	resource := call.ARN("logs", "log-group:"+group+":log-stream:").String()
	return true, call.Cloud.Authorize(call, aws.Check{Action: "logs:Unmask", Resource: resource})
}

// putDataProtectionPolicy sets a group's policy.
func (s *Service) putDataProtectionPolicy(call *aws.Call, in *api.PutDataProtectionPolicyInput) (*api.PutDataProtectionPolicyOutput, error) {
	parsed, err := parseProtection(in.PolicyDocument)
	if err != nil {
		return nil, err
	}
	p := &dataProtection{Document: in.PolicyDocument, Updated: call.Now()}
	err = s.DB.Update(call, func(tx *store.Tx) error {
		g, err := resolveLogGroup(tx, call, nil, &in.LogGroupIdentifier)
		if err != nil {
			return err
		}
		if err := g.standard(call); err != nil {
			return err
		}
		if err := parsed.findings.exists(tx, call); err != nil {
			return err
		}
		p.Account, p.Region, p.Group = g.Account, g.Region, g.Name
		if err := dataProtections.Put(tx, p); err != nil {
			return err
		}
		g.DataProtection = api.DataProtectionStatusActivated
		return s.putWatched(tx, g)
	})
	if err != nil {
		return nil, err
	}
	return &api.PutDataProtectionPolicyOutput{
		LogGroupIdentifier: &in.LogGroupIdentifier, PolicyDocument: &p.Document, LastUpdatedTime: new(p.Updated.UnixMilli()),
	}, nil
}

// exists refuses a log group for findings that is not there.
func (d *findingsDestination) exists(tx *store.Tx, call *aws.Call) error {
	if d.CloudWatchLogs == nil {
		return nil
	}
	_, err := getLogGroup(tx, call, d.CloudWatchLogs.LogGroup)
	if aws.IsError(err, "ResourceNotFoundException") {
		return invalidProtection("the log group %s for findings does not exist.", d.CloudWatchLogs.LogGroup)
	}
	return err
}

// getDataProtectionPolicy returns a group's policy; the document is missing where it has none.
func (s *Service) getDataProtectionPolicy(call *aws.Call, in *api.GetDataProtectionPolicyInput) (*api.GetDataProtectionPolicyOutput, error) {
	out := &api.GetDataProtectionPolicyOutput{LogGroupIdentifier: &in.LogGroupIdentifier}
	err := s.DB.View(call, func(tx *store.Tx) error {
		g, err := resolveLogGroup(tx, call, nil, &in.LogGroupIdentifier)
		if err != nil {
			return err
		}
		p, err := dataProtections.Get(tx, store.K(g.Account, g.Region, g.Name))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil {
			out.PolicyDocument, out.LastUpdatedTime = &p.Document, new(p.Updated.UnixMilli())
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// deleteDataProtectionPolicy removes a group's policy; what was masked can be read again.
func (s *Service) deleteDataProtectionPolicy(call *aws.Call, in *api.DeleteDataProtectionPolicyInput) (*api.DeleteDataProtectionPolicyOutput, error) {
	err := s.DB.Update(call, func(tx *store.Tx) error {
		g, err := resolveLogGroup(tx, call, nil, &in.LogGroupIdentifier)
		if err != nil {
			return err
		}
		existed, err := dataProtections.Delete(tx, store.K(g.Account, g.Region, g.Name))
		if err != nil {
			return err
		}
		if !existed {
			return api.NewResourceNotFoundException("The log group has no data protection policy.")
		}
		g.DataProtection = api.DataProtectionStatusDeleted
		return s.putWatched(tx, g)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteDataProtectionPolicyOutput{}, nil
}
