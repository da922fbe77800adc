package s3

import (
	"net/http"
	"slices"
	"strings"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
)

// grant is one entry of an access control list: a permission for an account or for a group.
type grant struct {
	// ID is the canonical user id of an account; URI names a group instead.
	ID, URI    string `cbor:",omitempty"`
	Permission api.Permission
}

// ownership is who owns an object or a bucket beside its bucket's owner, and its access control list. The zero value is the
// bucket owner's own, with full control for nobody else.
type ownership struct {
	// Owner is the account of the uploader where the bucket's owner does not own the object.
	Owner string `cbor:",omitempty"`
	// Grants is the list where Listed is set; otherwise the owner has full control and nobody else has any.
	Grants []grant `cbor:",omitempty"`
	Listed bool    `cbor:",omitempty"`
}

// The predefined groups, as "Access control list (ACL) overview" of the User Guide names them.
const (
	groupEveryone      = "http://acs.amazonaws.com/groups/global/AllUsers"
	groupAuthenticated = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
	groupLogDelivery   = "http://acs.amazonaws.com/groups/s3/LogDelivery"
)

// anonymousAccount stands for the account of callers without credentials, who may own what they uploaded.
const anonymousAccount = "anonymous"

const (
	// anonymousID is the canonical user id of that account.
	anonymousID = "65a011a29cdf8ec533ec3d1ccaae921c"
	// machinesID is that of EC2, which reads bundles of images where the canned ACL aws-exec-read lets it.
	machinesID = "6aa5a366c34c1cbe25dc49211496e913e0351eb0e8c37aa3477e40942ec6b97c"
)

// maxGrants is how many entries a list may have.
const maxGrants = 100

// hasACLs tells whether the bucket's ownership lets access control lists count.
func (b *bucket) hasACLs() bool { return b.Ownership != api.ObjectOwnershipBucketOwnerEnforced }

// owner is the account that owns what a is of.
func (a *ownership) owner(b *bucket) string {
	if a.Owner == "" || !b.hasACLs() {
		return b.Account
	}
	return a.Owner
}

// grants is the list in force.
func (a *ownership) grants(b *bucket) []grant {
	if !a.Listed || !b.hasACLs() {
		return []grant{{ID: canonicalID(a.owner(b)), Permission: api.PermissionFullControl}}
	}
	return a.Grants
}

// shownGrants is the list as the API has it.
func (a *ownership) shownGrants(b *bucket) []api.Grant {
	list := []api.Grant{}
	for _, g := range a.grants(b) {
		grantee := &api.Grantee{Type: api.TypeCanonicalUser, ID: &g.ID}
		if g.URI != "" {
			grantee = &api.Grantee{Type: api.TypeGroup, URI: &g.URI}
		}
		list = append(list, api.Grant{Grantee: grantee, Permission: &g.Permission})
	}
	return list
}

// public tells whether a list grants anything to everyone, or to everyone with an account.
func public(list []grant) bool {
	return slices.ContainsFunc(list, func(g grant) bool { return g.URI == groupEveryone || g.URI == groupAuthenticated })
}

// aclRequest is what a request says of an access control list: nothing, a canned one, or grants.
type aclRequest struct {
	canned string
	grants []grant
	// listed tells that the grants are the whole list, though there may be none.
	listed bool
}

func (r *aclRequest) empty() bool { return r.canned == "" && !r.listed }

// ownersOnly tells that the request asks for nothing but full control for the bucket's owner.
func (r *aclRequest) ownersOnly(b *bucket) bool {
	if r.canned != "" {
		return r.canned == string(api.ObjectCannedACLBucketOwnerFullControl)
	}
	return len(r.grants) == 1 && r.grants[0] == grant{ID: canonicalID(b.Account), Permission: api.PermissionFullControl}
}

// headerPermissions are the permissions of the x-amz-grant headers, in the order in which functions here take them.
var headerPermissions = []struct {
	header     string
	permission api.Permission
}{
	{"x-amz-grant-full-control", api.PermissionFullControl}, {"x-amz-grant-read", api.PermissionRead}, {"x-amz-grant-read-acp", api.PermissionReadAcp},
	{"x-amz-grant-write", api.PermissionWrite}, {"x-amz-grant-write-acp", api.PermissionWriteAcp},
}

// objectACLs and bucketACLs are the canned lists.
var (
	objectACLs = append(api.ObjectCannedACL("").Values(), "log-delivery-write")
	bucketACLs = append(api.BucketCannedACL("").Values(), "log-delivery-write", "aws-exec-read")
)

// readACL reads the headers for an access control list: the canned one, then the grants in the order of headerPermissions.
func readACL(canned string, known []string, headers ...*string) (r aclRequest, err error) {
	r.canned = canned
	if canned != "" && !slices.Contains(known, canned) {
		return r, invalidArgument("x-amz-acl", canned, "")
	}
	for i, h := range headers {
		if text(h) == "" {
			continue
		}
		if canned != "" {
			return r, invalidRequest("Specifying both Canned ACLs and Header Grants is not allowed")
		}
		r.listed = true
		if r.grants, err = readGrants(r.grants, headerPermissions[i].header, *h, headerPermissions[i].permission); err != nil {
			return r, err
		}
	}
	return r, nil
}

// readGrants reads a header of the form id="...", uri="...".
func readGrants(list []grant, header, value string, permission api.Permission) ([]grant, error) {
	for item := range strings.SplitSeq(value, ",") {
		kind, name, found := strings.Cut(strings.TrimSpace(item), "=")
		if !found {
			return nil, invalidArgument(header, value, "Argument format not recognized")
		}
		g := grant{Permission: permission}
		name = strings.Trim(strings.TrimSpace(name), `"`)
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case "id":
			g.ID = name
		case "uri":
			g.URI = name
		case "emailaddress":
			return nil, emailGrantee()
		default:
			return nil, invalidArgument(header, value, "Argument format not recognized")
		}
		if err := g.check(); err != nil {
			return nil, err
		}
		if list = append(list, g); len(list) > maxGrants {
			return nil, malformedACL()
		}
	}
	return list, nil
}

// emailGrantee refuses grants to e-mail addresses, which S3 has given up in October 2025.
func emailGrantee() error {
	return aws.NewError(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.")
}

func malformedACL() error {
	return aws.NewError(http.StatusBadRequest, "MalformedACLError", "The XML you provided was not well-formed or did not validate against our published schema")
}

// check wants an id that can be one, and a group that there is.
func (g *grant) check() error {
	switch {
	case g.URI != "":
		if g.URI != groupEveryone && g.URI != groupAuthenticated && g.URI != groupLogDelivery {
			return invalidArgument("uri", g.URI, "Invalid group uri")
		}
	case g.ID == anonymousID:
	case len(g.ID) != 64 || strings.Trim(g.ID, "0123456789abcdef") != "":
		return invalidArgument("CanonicalUser/ID", g.ID, "Invalid id")
	}
	return nil
}

// readPolicy reads the XML form of an access control list; owner is the account that owns the resource.
func readPolicy(p *api.AccessControlPolicy, owner string) (r aclRequest, err error) {
	if p.Owner == nil || len(p.Grants) > maxGrants {
		return r, malformedACL()
	}
	if id := text(p.Owner.ID); id != canonicalID(owner) {
		return r, accessDenied() // nobody gives a resource away
	}
	r.listed = true
	for i := range p.Grants {
		in := &p.Grants[i]
		if in.Grantee == nil || in.Permission == nil || !slices.Contains(in.Permission.Values(), string(*in.Permission)) {
			return r, malformedACL()
		}
		g := grant{Permission: *in.Permission}
		switch in.Grantee.Type {
		case api.TypeCanonicalUser:
			g.ID = text(in.Grantee.ID)
		case api.TypeGroup:
			g.URI = text(in.Grantee.URI)
		case api.TypeAmazonCustomerByEmail:
			return r, emailGrantee()
		}
		if g.ID == "" && g.URI == "" {
			return r, malformedACL()
		}
		if err := g.check(); err != nil {
			return r, err
		}
		r.grants = append(r.grants, g)
	}
	return r, nil
}

// list is the list that a request comes to for a resource of an owner; nil for the owner's full control alone. "Canned
// ACL" of the User Guide has the table.
func (r *aclRequest) list(b *bucket, owner string) (list []grant, listed bool) {
	if r.listed {
		return r.grants, true
	}
	all := func(also ...grant) ([]grant, bool) {
		return append([]grant{{ID: canonicalID(owner), Permission: api.PermissionFullControl}}, also...), true
	}
	switch r.canned {
	case "public-read":
		return all(grant{URI: groupEveryone, Permission: api.PermissionRead})
	case "public-read-write":
		return all(grant{URI: groupEveryone, Permission: api.PermissionRead}, grant{URI: groupEveryone, Permission: api.PermissionWrite})
	case "authenticated-read":
		return all(grant{URI: groupAuthenticated, Permission: api.PermissionRead})
	case "log-delivery-write":
		return all(grant{URI: groupLogDelivery, Permission: api.PermissionWrite}, grant{URI: groupLogDelivery, Permission: api.PermissionReadAcp})
	case "aws-exec-read":
		return all(grant{ID: machinesID, Permission: api.PermissionRead})
	case "bucket-owner-read":
		if owner != b.Account {
			return all(grant{ID: canonicalID(b.Account), Permission: api.PermissionRead})
		}
	case "bucket-owner-full-control":
		if owner != b.Account {
			return all(grant{ID: canonicalID(b.Account), Permission: api.PermissionFullControl})
		}
	}
	return nil, false
}

// uploader is the account that a caller uploads for.
func uploader(call *aws.Call) string {
	if call.Principal.Type == aws.PrincipalAnonymous || call.Account == "" {
		return anonymousAccount
	}
	return call.Account
}

// settle decides who owns a new object and its access control list, by the bucket's ownership.
func (r *aclRequest) settle(call *aws.Call, tx *store.Tx, b *bucket, key string) (a ownership, err error) {
	if !b.hasACLs() {
		if r.empty() || r.ownersOnly(b) {
			return a, nil
		}
		return a, aclNotSupported()
	}
	if owner := uploader(call); owner != b.Account && (b.Ownership != api.ObjectOwnershipBucketOwnerPreferred || r.canned != string(api.ObjectCannedACLBucketOwnerFullControl)) {
		a.Owner = owner
	}
	a.Grants, a.Listed = r.list(b, a.owner(b))
	return a, checkPublic(tx, call, b, a.Grants, "s3:PutObject", b.arn()+"/"+key)
}

// checkPublic refuses a public list where the bucket, or its account, blocks such.
func checkPublic(tx *store.Tx, call *aws.Call, b *bucket, list []grant, action, resource string) error {
	if !public(list) {
		return nil
	}
	block, err := blocked(tx, b.Partition, b.Account, b.PublicAccess)
	if err == nil && block.BlockACLs {
		err = publicACL(call, action, resource)
	}
	return err
}

// publicACL refuses a list that the block of public access does not let in.
func publicACL(call *aws.Call, action, resource string) error {
	who := call.Principal.ARN
	if who == "" {
		who = anonymousAccount
	}
	return api.NewAccessDenied("User: %s is not authorized to perform: %s on resource: %q because public access control lists (ACLs) are prevented by the BlockPublicAcls setting in S3 Block Public Access.", who, action, resource)
}
