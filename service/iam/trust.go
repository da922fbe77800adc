package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/policy"
	"drydock/store"
)

// trustPrincipal is a user or role that a trust policy names, and the unique id it had when the policy was saved.
type trustPrincipal struct{ Value, ID string }

// checkTrust parses a trust policy for storing it.
func checkTrust(text string) (*policy.Document, error) {
	if policy.Size(text) > maxTrustPolicySize {
		return nil, api.NewLimitExceededException("Cannot exceed quota for ACLSizePerRole: %d", maxTrustPolicySize)
	}
	return checkDocument(policy.KindTrust, text)
}

// setTrust gives the role a trust policy. Users and roles in it must exist, in whatever account.
func (e *entity) setTrust(tx *store.Tx, text string, doc *policy.Document) error {
	var principals []trustPrincipal
	var failed error
	doc.AWSPrincipals(func(value string) bool {
		found, err := findPrincipal(tx, value)
		switch {
		case err != nil:
			failed = err
		case found == nil:
			failed = malformed(policy.InvalidPrincipal(policy.KindTrust, "AWS", value))
		default:
			principals = append(principals, trustPrincipal{value, found.ID})
		}
		return failed == nil
	})
	if failed != nil {
		return failed
	}
	// An account is shown by the ARN of its root.
	text, err := rewritePrincipals(text, func(value string) string {
		if aws.ValidAccount(value) {
			return aws.Root(e.Partition, value).ARN
		}
		return value
	})
	e.Role.Trust, e.Role.Principals = text, principals
	return err
}

// findPrincipal returns the user or role behind an ARN or unique id, or nil.
func findPrincipal(tx *store.Tx, value string) (*entity, error) {
	arn, err := aws.ParseARN(value)
	if err != nil {
		return entityByID(tx, value)
	}
	k, _, _ := strings.Cut(arn.Resource, "/")
	e, err := entities.Get(tx, entityKey(arn.Account, kind(k), lastName(arn.Resource)))
	if errors.Is(err, store.ErrNotFound) || err == nil && e.arn() != value {
		return nil, nil
	}
	return e, err
}

// lastName is the name at the end of an ARN's resource, behind kind and path.
func lastName(resource string) string { return resource[strings.LastIndexByte(resource, '/')+1:] }

// trust is the trust policy as it is shown and evaluated: a principal by its present ARN, or by its unique id if it does
// not exist any more, so that one made anew under the old name is not trusted.
func (e *entity) trust(tx *store.Tx) (string, error) {
	var shown map[string]string
	for _, p := range e.Role.Principals {
		now := p.ID
		found, err := entityByID(tx, p.ID)
		if err != nil {
			return "", err
		}
		if found != nil {
			now = found.arn()
		}
		if now != p.Value {
			if shown == nil {
				shown = map[string]string{}
			}
			shown[p.Value] = now
		}
	}
	if shown == nil {
		return e.Role.Trust, nil
	}
	return rewritePrincipals(e.Role.Trust, func(value string) string {
		if now, ok := shown[value]; ok {
			return now
		}
		return value
	})
}

// rewritePrincipals replaces the AWS principals in a policy document and leaves the rest of its text as it is. The text
// is valid JSON.
func rewritePrincipals(text string, replace func(value string) string) (string, error) {
	var out strings.Builder
	copied := 0
	d := json.NewDecoder(strings.NewReader(text))
	// keys holds the names that lead to the present value; a list has none of its own.
	type level struct {
		object, name bool // name: the next token is a member's name
		key          string
	}
	var stack []level
	path := func() (keys []string) {
		for _, l := range stack {
			if l.object {
				keys = append(keys, l.key)
			}
		}
		return keys
	}
	for {
		from := int(d.InputOffset())
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			out.WriteString(text[copied:])
			return out.String(), nil
		}
		if err != nil {
			return "", fmt.Errorf("rewrite principals: %w", err)
		}
		switch v := token.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				stack = append(stack, level{object: v == '{', name: v == '{'})
				continue
			}
			stack = stack[:len(stack)-1]
		case string:
			if n := len(stack); n > 0 && stack[n-1].object && stack[n-1].name {
				stack[n-1].key, stack[n-1].name = v, false
				continue
			}
			keys := path()
			n := len(keys)
			if n == 3 && keys[0] == "Statement" && (keys[1] == "Principal" || keys[1] == "NotPrincipal") && keys[2] == "AWS" {
				if now := replace(v); now != v {
					quoted, err := json.Marshal(now)
					if err != nil {
						return "", fmt.Errorf("rewrite principals: %w", err)
					}
					start := from + strings.IndexByte(text[from:], '"')
					out.WriteString(text[copied:start])
					out.Write(quoted)
					copied = int(d.InputOffset())
				}
			}
		}
		// A value is over: within an object a name comes next.
		if n := len(stack); n > 0 && stack[n-1].object {
			stack[n-1].name = true
		}
	}
}
