package kms

import (
	"encoding/json"
	"fmt"
	"strings"

	"drydock/api/iam"
	"drydock/aws"
	"drydock/policy"
)

// identify returns the unique id of the user or role with an ARN; "" where IAM keeps none of it, as of sessions and
// accounts. Policies and grants hold on to the id, so that one made anew under the name of a deleted one has not what that
// one had.
func identify(call *aws.Call, name string) (id string, known bool, err error) {
	arn, err := aws.ParseARN(name)
	if err != nil || arn.Service != "iam" || !aws.ValidAccount(arn.Account) {
		return "", true, nil //nolint:nilerr // a unique id, or a service
	}
	kind, _, _ := strings.Cut(arn.Resource, "/")
	last := arn.Resource[strings.LastIndexByte(arn.Resource, '/')+1:]
	as := call.As(aws.ServicePrincipal("kms.amazonaws.com", arn.Account))
	found := ""
	switch kind {
	case "user":
		out, failed := iam.GetUser.Do(as, &iam.GetUserInput{UserName: &last})
		if err = failed; err == nil {
			id, found = out.User.UserID, out.User.ARN
		}
	case "role":
		out, failed := iam.GetRole.Do(as, &iam.GetRoleInput{RoleName: last})
		if err = failed; err == nil {
			id, found = out.Role.RoleID, out.Role.ARN
		}
	default:
		return "", true, nil
	}
	switch {
	case aws.IsError(err, "NoSuchEntity") || err == nil && found != name:
		return "", false, nil
	case aws.IsError(err, "NotImplemented"): // a cloud without IAM
		return "", true, nil
	case err != nil:
		return "", false, fmt.Errorf("looking up %s: %w", name, err)
	}
	return id, true, nil
}

// identifyAll returns the unique ids of the users and roles that a policy names, by ARN; known tells that all exist.
func identifyAll(call *aws.Call, doc *policy.Document) (ids map[string]string, known bool, err error) {
	known = true
	doc.AWSPrincipals(func(name string) bool {
		var id string
		if id, known, err = identify(call, name); id != "" {
			if ids == nil {
				ids = map[string]string{}
			}
			ids[name] = id
		}
		return known && err == nil
	})
	return ids, known, err
}

// isAnother tells whether a caller bears an ARN that belonged to somebody else when its unique id was noted.
func isAnother(p *aws.Principal, ids map[string]string) bool {
	var arn string
	switch p.Type {
	case aws.PrincipalUser:
		arn = p.ARN
	case aws.PrincipalAssumedRole:
		arn = p.RoleARN
	case aws.PrincipalRoot, aws.PrincipalFederatedUser, aws.PrincipalService, aws.PrincipalAnonymous:
		return false
	}
	noted, ok := ids[arn]
	id, _, _ := strings.Cut(p.ID, ":")
	return ok && noted != id
}

// byID returns a policy's text with users and roles by their unique ids.
func byID(text string, ids map[string]string) (string, error) {
	var tree map[string]any
	if err := json.Unmarshal([]byte(text), &tree); err != nil {
		return "", fmt.Errorf("reading a policy: %w", err)
	}
	name := func(v any) any {
		if arn, ok := v.(string); ok && ids[arn] != "" {
			return ids[arn]
		}
		return v
	}
	each(tree["Statement"], func(v any) any {
		st, _ := v.(map[string]any)
		for _, element := range []string{"Principal", "NotPrincipal"} {
			if principals, ok := st[element].(map[string]any); ok && principals["AWS"] != nil {
				principals["AWS"] = each(principals["AWS"], name)
			}
		}
		return v
	})
	changed, err := json.Marshal(tree)
	if err != nil {
		return "", fmt.Errorf("writing a policy: %w", err)
	}
	return string(changed), nil
}

// each has a function replace a value, or each of a list.
func each(v any, fn func(any) any) any {
	list, ok := v.([]any)
	if !ok {
		return fn(v)
	}
	for i := range list {
		list[i] = fn(list[i])
	}
	return list
}
