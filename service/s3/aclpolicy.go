package s3

import (
	"strings"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/policy"
	"drydock/store"
)

// ownersActions are the actions that the owner of an object decides on, whoever owns the bucket: see "How Amazon S3
// authorizes a request for an object operation" in the User Guide. All others are the bucket owner's to decide.
var ownersActions = map[string]bool{
	"s3:GetObject": true, "s3:GetObjectVersion": true, "s3:GetObjectAcl": true, "s3:GetObjectVersionAcl": true,
	"s3:PutObjectAcl": true, "s3:PutObjectVersionAcl": true, "s3:GetObjectTorrent": true,
	"s3:GetObjectAttributes": true, "s3:GetObjectVersionAttributes": true,
}

// The actions of each permission, as "Mapping of ACL permissions and access policy permissions" of the User Guide has it.
const (
	readsBucket  = `"s3:ListBucket","s3:ListBucketVersions","s3:ListBucketMultipartUploads"`
	readsObject  = `"s3:GetObject","s3:GetObjectVersion","s3:GetObjectTorrent"`
	readsACL     = `"s3:GetBucketAcl"`
	readsObjACL  = `"s3:GetObjectAcl","s3:GetObjectVersionAcl"`
	writesACL    = `"s3:PutBucketAcl"`
	writesObjACL = `"s3:PutObjectAcl","s3:PutObjectVersionAcl"`
	writesBucket = `"s3:PutObject","s3:DeleteObject"`
)

// permits are the permissions of one grantee.
type permits struct{ read, write, readACL, writeACL bool }

func (p *permits) add(permission api.Permission) {
	full := permission == api.PermissionFullControl
	p.read = p.read || full || permission == api.PermissionRead
	p.write = p.write || full || permission == api.PermissionWrite
	p.readACL = p.readACL || full || permission == api.PermissionReadAcp
	p.writeACL = p.writeACL || full || permission == api.PermissionWriteAcp
}

// actions are the actions permitted, on a bucket or on an object.
func (p *permits) actions(object bool) string {
	var list []string
	for _, a := range []struct {
		ok             bool
		bucket, object string
	}{
		{p.read, readsBucket, readsObject}, {p.write, writesBucket, ""}, {p.readACL, readsACL, readsObjACL}, {p.writeACL, writesACL, writesObjACL},
	} {
		switch {
		case a.ok && !object:
			list = append(list, a.bucket)
		case a.ok && a.object != "":
			list = append(list, a.object)
		}
	}
	return strings.Join(list, ",")
}

// aclText is an access control list as a policy: the statements for a caller, none of which can deny or has a condition of
// the list's own. What the owner has by the list it has anyway. There are few such texts, which the cache of documents
// knows soon.
func aclText(p *aws.Principal, owner string, list []grant, object bool, ignorePublic bool) string {
	var everyone, authenticated, account, logs permits // the service that writes access logs is all of its group
	id := canonicalID(p.Account)
	if p.Type == aws.PrincipalAnonymous || p.Account == "" {
		id = anonymousID
	}
	for _, g := range list {
		switch {
		case g.URI == groupEveryone && !ignorePublic:
			everyone.add(g.Permission)
		case g.URI == groupAuthenticated && !ignorePublic && p.Type != aws.PrincipalAnonymous:
			authenticated.add(g.Permission)
		case g.URI == groupLogDelivery && p.Type == aws.PrincipalService && p.Name == loggingPrincipal:
			logs.add(g.Permission)
		case g.URI == "" && g.ID == id && p.Account != owner && p.Type != aws.PrincipalService:
			account.add(g.Permission)
		}
	}
	var statements []string
	add := func(sid, principal string, p permits, condition string) {
		if actions := p.actions(object); actions != "" {
			statements = append(statements, `{"Sid":"`+sid+`","Effect":"Allow","Principal":`+principal+`,"Action":[`+actions+`],"Resource":"*"`+condition+`}`)
		}
	}
	add("AllUsers", `"*"`, everyone, "")
	add("AuthenticatedUsers", `"*"`, authenticated, `,"Condition":{"StringNotEquals":{"aws:PrincipalType":"Anonymous"}}`)
	add("LogDelivery", `{"Service":"`+loggingPrincipal+`"}`, logs, "")
	switch {
	case id == anonymousID:
		add("Anonymous", `"*"`, account, `,"Condition":{"StringEquals":{"aws:PrincipalType":"Anonymous"}}`)
	case aws.ValidAccount(p.Account):
		add("CanonicalUser", `{"AWS":"`+p.Account+`"}`, account, "")
	}
	if statements == nil {
		return ""
	}
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

// aclOf returns the access control list that has a say in an action, whether it is an object's, and the account that
// decides.
func aclOf(tx *store.Tx, b *bucket, key string, c aws.Check) (list []grant, isObject bool, owner string, err error) {
	switch {
	case key == "":
		return b.ACL.grants(b), false, b.Account, nil
	case ownersActions[c.Action]:
		o, err := checked(tx, b, key, c)
		if err != nil || o == nil {
			return nil, true, b.Account, err // who may know that it is missing is decided later
		}
		return o.ownership.grants(b), true, o.ownership.owner(b), nil
	case c.Action == "s3:PutObject" || c.Action == "s3:DeleteObject":
		// The permission to write is for new objects, and for the grantee's own.
		o, err := latest(tx, b, key)
		if err != nil {
			return nil, false, "", err
		}
		list = b.ACL.grants(b)
		if o != nil && !o.Marker {
			owner := canonicalID(o.ownership.owner(b))
			own := make([]grant, 0, len(list))
			for _, g := range list {
				if g.ID == owner {
					own = append(own, g)
				}
			}
			list = own
		}
		return list, false, b.Account, nil
	}
	return nil, false, b.Account, nil
}

// checked returns the version that a check is about, nil when it is not there.
func checked(tx *store.Tx, b *bucket, key string, c aws.Check) (*object, error) {
	if v := c.Keys["s3:versionid"]; len(v) == 1 && v[0] != "" {
		o, err := getVersion(tx, b, key, v[0])
		if aws.ErrorCode(err) != "" {
			return nil, nil // the handler words it
		}
		return o, err
	}
	return latest(tx, b, key)
}

// denials is a bucket's policy as it counts for an object of another account: it can forbid, and not allow.
func denials(doc *policy.Document) *policy.Document {
	limited := *doc
	limited.Statements = nil
	for i := range doc.Statements {
		if doc.Statements[i].Effect == policy.Deny {
			limited.Statements = append(limited.Statements, doc.Statements[i])
		}
	}
	return &limited
}
