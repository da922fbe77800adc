package policy

import (
	"strconv"
	"strings"
	"time"

	"drydock/aws"
)

// Context gives the global condition keys of a call, and those of S3 that come from the signature, computing each when
// a policy asks for it. It is for one request and not safe for concurrent use.
type Context struct {
	call *aws.Call
	// ResourceAccount is the account that owns the resource, "" when it is not known.
	ResourceAccount string
	// ResourceTags are the tags of the resource, for aws:ResourceTag/KEY; nil when they are not known.
	ResourceTags map[string]string
	// RequestTags are the tags in the request, for aws:RequestTag/KEY and aws:TagKeys.
	RequestTags map[string]string
	// Keys are further condition keys: those of the operation. They come after the global ones, which a caller thus
	// cannot forge.
	Keys Values

	one [1]string
}

// NewContext returns the context of a call.
func NewContext(call *aws.Call) *Context { return new(ContextOf(call)) }

// ContextOf is NewContext for whoever has a place for it.
func ContextOf(call *aws.Call) Context { return Context{call: call} }

// Values returns a key's values; the key must be in lower case. The slice is valid until the next call.
func (c *Context) Values(key string) ([]string, bool) {
	if s, known, ok := c.global(key); ok {
		c.one[0] = s
		return c.one[:], true
	} else if known {
		return nil, false
	}
	if key == "aws:tagkeys" && c.RequestTags != nil {
		names := make([]string, 0, len(c.RequestTags))
		for name := range c.RequestTags {
			names = append(names, name)
		}
		return names, true
	}
	if s := c.call.Principal.Session; s != nil {
		if values, ok := s.Keys[key]; ok {
			return values, true
		}
	}
	if c.Keys == nil {
		return nil, false
	}
	return c.Keys.Values(key)
}

// global looks a key up. known tells that nobody else may answer for the key.
func (c *Context) global(key string) (value string, known, ok bool) {
	service, name, _ := strings.Cut(key, ":")
	switch service {
	case "aws":
		return c.aws(name)
	case "s3":
		return c.s3(name)
	}
	return "", false, false
}

// aws looks up a key that begins with "aws:".
func (c *Context) aws(name string) (value string, known, ok bool) {
	if group, tag, found := strings.Cut(name, "/"); found {
		switch group {
		case "principaltag":
			return tagged(c.call.Principal.Tags, tag, true)
		case "resourcetag":
			return tagged(c.ResourceTags, tag, c.ResourceTags != nil)
		case "requesttag":
			return tagged(c.RequestTags, tag, c.RequestTags != nil)
		}
		return "", false, false
	}
	if value, known, ok = c.principal(name); known {
		return value, known, ok
	}
	if value, known, ok = c.session(name); known {
		return value, known, ok
	}
	r := &c.call.Request
	switch name {
	case "currenttime":
		return c.call.Now().UTC().Format(time.RFC3339), true, true
	case "epochtime":
		return strconv.FormatInt(c.call.Now().Unix(), 10), true, true
	case "sourceip":
		return present(r.SourceIP)
	case "useragent":
		return present(r.UserAgent)
	case "securetransport":
		// Calls within the cloud never cross a network in the clear.
		return boolean(r.Secure || r.SourceIP == "" && r.Host == "")
	case "requestedregion":
		return present(c.call.Region)
	case "viaawsservice":
		return boolean(r.ViaService != "")
	case "calledvia", "calledviafirst", "calledvialast":
		return present(r.ViaService)
	case "resourceaccount":
		return present(c.ResourceAccount)
	}
	return "", false, false
}

// principal looks up what the caller is.
func (c *Context) principal(name string) (value string, known, ok bool) {
	p := &c.call.Principal
	person := p.Type != aws.PrincipalService && p.Type != aws.PrincipalAnonymous && p.Type != ""
	switch name {
	case "principalarn":
		if p.Type == aws.PrincipalAssumedRole && p.RoleARN != "" {
			return p.RoleARN, true, true
		}
		return p.ARN, true, person && p.ARN != ""
	case "principalaccount":
		return p.Account, true, person && p.Account != ""
	case "principaltype":
		if p.Type == "" {
			return string(aws.PrincipalAnonymous), true, true
		}
		return string(p.Type), true, true
	case "principalisawsservice":
		return boolean(p.Type == aws.PrincipalService)
	case "principalservicename", "principalservicenameslist":
		return p.Name, true, p.Type == aws.PrincipalService
	case "userid":
		if p.Type == aws.PrincipalAnonymous || p.Type == "" {
			return "anonymous", true, true
		}
		return p.ID, true, person && p.ID != ""
	case "username":
		return p.Name, true, p.Type == aws.PrincipalUser && p.Name != ""
	}
	return "", false, false
}

// session looks up what temporary credentials carry.
func (c *Context) session(name string) (value string, known, ok bool) {
	s := c.call.Principal.Session
	switch name {
	case "tokenissuetime":
		if s == nil || s.Issued.IsZero() {
			return "", true, false
		}
		return s.Issued.UTC().Format(time.RFC3339), true, true
	case "multifactorauthpresent":
		if s == nil {
			return "", true, false
		}
		return boolean(s.MFA)
	case "multifactorauthage":
		if s == nil || !s.MFA {
			return "", true, false
		}
		given := s.Issued
		if !s.MFATime.IsZero() {
			given = s.MFATime
		}
		return strconv.FormatInt(int64(c.call.Now().Sub(given)/time.Second), 10), true, true
	case "sourceidentity":
		if s == nil {
			return "", true, false
		}
		return present(s.SourceIdentity)
	case "federatedprovider":
		if s == nil {
			return "", true, false
		}
		return present(s.Provider)
	}
	return "", false, false
}

// s3 looks up the keys of S3 that come from the signature.
func (c *Context) s3(name string) (value string, known, ok bool) {
	r := &c.call.Request
	signed := !r.SignedAt.IsZero()
	switch name {
	case "signatureversion":
		return "AWS4-HMAC-SHA256", true, signed
	case "authtype":
		if r.Presigned {
			return "REST-QUERY-STRING", true, signed
		}
		return "REST-HEADER", true, signed
	case "signatureage":
		return strconv.FormatInt(max(0, c.call.Now().Sub(r.SignedAt).Milliseconds()), 10), true, signed
	case "x-amz-content-sha256":
		return present(r.PayloadHash)
	case "resourceaccount":
		return present(c.ResourceAccount)
	}
	return "", false, false
}

func present(s string) (value string, known, ok bool) { return s, true, s != "" }

func boolean(b bool) (value string, known, ok bool) { return strconv.FormatBool(b), true, true }

// tagged looks a tag up by its name, whose case does not count in condition keys.
func tagged(tags map[string]string, name string, known bool) (string, bool, bool) {
	for k, v := range tags {
		if strings.EqualFold(k, name) {
			return v, true, true
		}
	}
	return "", known, false
}
