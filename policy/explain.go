package policy

import (
	"slices"
	"strings"

	"drydock/aws"
)

// Denial is the message of the AccessDenied error for a request that was not allowed, in AWS's words.
func Denial(d Decision, req *Request) string {
	var b strings.Builder
	b.WriteString("User: ")
	b.WriteString(caller(req.Principal))
	b.WriteString(" is not authorized to perform: ")
	b.WriteString(req.Action)
	if req.Resource != "" {
		b.WriteString(" on resource: ")
		// S3 alone quotes the resource.
		if strings.HasPrefix(req.Action, "s3:") {
			b.WriteString(`"` + req.Resource + `"`)
		} else {
			b.WriteString(req.Resource)
		}
	}
	if d.Allowed || d.Type == TypeNone {
		return b.String()
	}
	name := string(d.Type)
	if d.Reason == ReasonExplicitDeny {
		b.WriteString(" with an explicit deny in " + article(d.Type) + " " + name)
	} else {
		b.WriteString(" because no " + name + " allows the " + req.Action + " action")
	}
	return b.String()
}

// caller is the principal as messages name it.
func caller(p *aws.Principal) string {
	if p == nil || p.Type == aws.PrincipalAnonymous || p.ARN == "" {
		return "anonymous"
	}
	return p.ARN
}

func article(t Type) string {
	switch t {
	case TypeIdentity:
		return "an"
	case TypeTrust:
		return "the"
	default:
		return "a"
	}
}

// AuthorizationMessage is what sts:DecodeAuthorizationMessage answers, as JSON, for a denied request. Its shape is
// AWS's.
type AuthorizationMessage struct {
	Allowed           bool                     `json:"allowed"`
	ExplicitDeny      bool                     `json:"explicitDeny"`
	MatchedStatements Items[MessageStatement]  `json:"matchedStatements"`
	Failures          Items[map[string]string] `json:"failures"`
	Context           MessageContext           `json:"context"`
}

// Items is a list as these messages write it.
type Items[T any] struct {
	Items []T `json:"items"`
}

// MessageValue is one value of a list.
type MessageValue struct {
	Value string `json:"value"`
}

// MessageStatement is a statement that matched.
type MessageStatement struct {
	StatementID     string                  `json:"statementId"`
	Effect          string                  `json:"effect"`
	Principals      Items[MessageValue]     `json:"principals"`
	PrincipalGroups Items[MessageValue]     `json:"principalGroups"`
	Actions         Items[MessageValue]     `json:"actions"`
	Resources       Items[MessageValue]     `json:"resources"`
	Conditions      Items[MessageCondition] `json:"conditions"`
}

// MessageCondition is a condition key with its values.
type MessageCondition struct {
	Key    string              `json:"key"`
	Values Items[MessageValue] `json:"values"`
}

// MessageContext is the request.
type MessageContext struct {
	Principal  MessagePrincipal        `json:"principal"`
	Action     string                  `json:"action"`
	Resource   string                  `json:"resource"`
	Conditions Items[MessageCondition] `json:"conditions"`
}

// MessagePrincipal is the caller.
type MessagePrincipal struct {
	ID  string `json:"id"`
	ARN string `json:"arn"`
}

// NewAuthorizationMessage describes a decision. The statements that matched come from Decision.Considered, or else the
// deciding one alone; keys are the condition keys whose values are told, as written.
func NewAuthorizationMessage(d Decision, req *Request, keys []string) AuthorizationMessage {
	m := AuthorizationMessage{Allowed: d.Allowed, ExplicitDeny: d.Reason == ReasonExplicitDeny}
	m.MatchedStatements.Items = []MessageStatement{}
	m.Failures.Items = []map[string]string{}
	p := req.Principal
	if p == nil {
		p = &anonymous
	}
	m.Context = MessageContext{
		Principal: MessagePrincipal{ID: p.ID, ARN: p.ARN}, Action: req.Action, Resource: req.Resource,
		Conditions: Items[MessageCondition]{[]MessageCondition{}},
	}
	for _, key := range keys {
		if req.Context == nil {
			break
		}
		if values, ok := req.Context.Values(strings.ToLower(key)); ok {
			m.Context.Conditions.Items = append(m.Context.Conditions.Items, MessageCondition{key, messageValues(values)})
		}
	}
	if d.Considered == nil && d.Statement != nil {
		m.MatchedStatements.Items = append(m.MatchedStatements.Items, messageStatement(d.Statement, p))
	}
	for i := range d.Considered {
		if c := &d.Considered[i]; c.Matched {
			m.MatchedStatements.Items = append(m.MatchedStatements.Items, messageStatement(c.Statement, p))
		}
	}
	return m
}

func messageStatement(st *Statement, p *aws.Principal) MessageStatement {
	id, _, _ := strings.Cut(p.ID, ":")
	m := MessageStatement{
		StatementID: st.Sid, Effect: strings.ToUpper(string(st.Effect)), Principals: messageValues([]string{id}),
		PrincipalGroups: messageValues(nil), Actions: messageValues(st.Actions), Resources: messageValues(st.Resources),
		Conditions: Items[MessageCondition]{[]MessageCondition{}},
	}
	if st.Principals != nil {
		m.Principals = messageValues(slices.Concat(st.Principals.AWS, st.Principals.Service, st.Principals.Federated))
		if st.Principals.Any {
			m.Principals = messageValues([]string{"*"})
		}
	}
	for i := range st.Conditions {
		m.Conditions.Items = append(m.Conditions.Items, MessageCondition{st.Conditions[i].Key, messageValues(st.Conditions[i].Values)})
	}
	return m
}

func messageValues(values []string) Items[MessageValue] {
	items := make([]MessageValue, len(values))
	for i, v := range values {
		items[i].Value = v
	}
	return Items[MessageValue]{items}
}
