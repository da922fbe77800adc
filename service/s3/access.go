package s3

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	api "drydock/api/s3"
	control "drydock/api/s3control"
	"drydock/aws"
	"drydock/policy"
	"drydock/store"
)

// bucketPolicy is a bucket's policy.
type bucketPolicy struct{ BucketID, Text string }

var policies = store.NewTable("s3/policy", func(p *bucketPolicy) store.Key { return store.K(p.BucketID) })

// facts tells what policies must know of a bucket or of an object in it.
func (s *Service) facts(call *aws.Call, c aws.Check) (f policy.Facts, err error) {
	parsed, err := aws.ParseARN(c.Resource)
	if err != nil {
		return f, nil
	}
	if call.Operation != nil && call.Operation.API == control.API && parsed.Account != "" {
		return f, nil // an access point is managed by who owns it; its policy is for those who go through it
	}
	name, key := inARN(parsed)
	own := call.Operation != nil && call.Operation.API == api.API
	if own && call.Operation == api.CreateBucket.Operation {
		return f, nil // there may be a bucket of that name, but it has no say
	}
	var b *bucket
	var doc, acl string
	var through *accessPoint
	var block publicAccess
	err = s.DB.View(call, func(tx *store.Tx) error {
		if b, err = buckets.Shared(tx, store.K(parsed.Partition, name)); errors.Is(err, store.ErrNotFound) {
			if through, err = pointNamed(tx, call, name); err == nil && through == nil {
				err = store.ErrNotFound
			}
			return err
		}
		if err != nil {
			return err
		}
		if f.Account = b.Account; b.hasACLs() || b.HasPolicy && call.Principal.Account != b.Account {
			if block, err = blocked(tx, b.Partition, b.Account, b.PublicAccess); err != nil {
				return err
			}
		}
		if b.hasACLs() {
			list, isObject, owner, err := aclOf(tx, b, key, c)
			if err != nil {
				return err
			}
			f.Account, acl = owner, aclText(&call.Principal, owner, list, isObject, block.IgnoreACLs)
		}
		if !b.HasPolicy {
			return nil
		}
		p, err := policies.Get(tx, store.K(b.ID))
		if err == nil {
			doc = p.Text
		}
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound) && own:
		return f, noSuchBucket(name) // which AWS tells whoever asks
	case errors.Is(err, store.ErrNotFound):
		return f, nil
	case err != nil:
		return f, err
	case through != nil:
		return s.pointFacts(call, through, key)
	}
	p := &call.Principal
	if doc != "" {
		parsedDoc, err := s.documents.Parse(policy.KindResource, doc)
		if err != nil {
			return f, err
		}
		if block.Restrict && p.Account != b.Account && p.Type != aws.PrincipalService && isPublic(parsedDoc) {
			return f, accessDenied()
		}
		if f.Account != b.Account {
			parsedDoc = denials(parsedDoc)
		}
		f.Policies = append(f.Policies, policy.Source{Name: b.arn(), Document: parsedDoc})
	}
	if acl != "" {
		parsedACL, err := s.documents.Parse(policy.KindResource, acl)
		if err != nil {
			return f, err
		}
		f.Policies = append(f.Policies, policy.Source{Name: "access control list of " + c.Resource, Document: parsedACL})
	}
	if key != "" && (doc != "" || p.Type != aws.PrincipalRoot) {
		f.Keys = &objectKeys{s: s, call: call, bucket: b, key: key, check: c}
	}
	return f, nil
}

// inARN takes the bucket and the key out of an ARN. Where an access point's ARN stands for the bucket's name it is the
// bucket, whether the whole is that ARN or has it for a resource.
func inARN(a aws.ARN) (bucket, key string) {
	resource := a.Resource
	if strings.HasPrefix(resource, "arn:") {
		if inner, err := aws.ParseARN(resource); err == nil && inner.Service == "s3" {
			a, resource = inner, inner.Resource
		}
	}
	if rest, ok := strings.CutPrefix(strings.Replace(resource, "accesspoint:", "accesspoint/", 1), "accesspoint/"); ok && a.Account != "" {
		name, key, _ := strings.Cut(rest, "/")
		a.Resource = "accesspoint/" + name
		return a.String(), strings.TrimPrefix(key, "object/")
	}
	bucket, key, _ = strings.Cut(resource, "/")
	return bucket, key
}

// objectKeys are the condition keys that come from an object, which is read when a policy asks.
type objectKeys struct {
	s      *Service
	call   *aws.Call
	bucket *bucket
	key    string
	check  aws.Check
	read   bool
	tags   []api.Tag
}

// Values implements policy.Values.
func (k *objectKeys) Values(key string) ([]string, bool) {
	if key == "s3:object-lock-remaining-retention-days" {
		return remainingDays(k.check, k.call.Now())
	}
	name, ok := strings.CutPrefix(key, "s3:existingobjecttag/")
	if !ok {
		return nil, false
	}
	if !k.read {
		k.read = true
		err := k.s.DB.View(k.call, func(tx *store.Tx) error {
			o, err := checked(tx, k.bucket, k.key, k.check)
			if err == nil && o != nil {
				k.tags = o.Tags
			}
			return err
		})
		if err != nil {
			k.s.Log.Error("read tags for a policy", "bucket", k.bucket.Name, "error", err)
		}
	}
	for _, t := range k.tags {
		if strings.EqualFold(t.Key, name) {
			return []string{t.Value}, true
		}
	}
	return nil, false
}

// putBucketPolicy sets a bucket's policy.
func (s *Service) putBucketPolicy(call *aws.Call, in *api.PutBucketPolicyInput) (*api.PutBucketPolicyOutput, error) {
	malformed := func(message string) *aws.Error {
		return aws.NewError(http.StatusBadRequest, "MalformedPolicy", "%s", message)
	}
	if len(in.Policy) > maxPolicy {
		return nil, malformed("Policies must be valid JSON and the first byte must be '{'").With("MaxSizeAllowed", maxPolicy)
	}
	doc, err := policy.Parse(policy.KindResource, in.Policy)
	if err != nil {
		return nil, malformed(err.Error())
	}
	arn := "arn:" + call.Partition + ":s3:::" + in.Bucket
	for _, st := range doc.Statements {
		for _, r := range st.Resources {
			if r != "*" && r != arn && !strings.HasPrefix(r, arn+"/") && !policy.Match(r, arn) && !policy.Match(r, arn+"/x") {
				return nil, malformed("Policy has invalid resource")
			}
		}
	}
	err = s.configure(call, in.Bucket, in.ExpectedBucketOwner, func(tx *store.Tx, b *bucket, _ *config) error {
		if call.Account != b.Account {
			return aws.NewError(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.")
		}
		block, err := blocked(tx, b.Partition, b.Account, b.PublicAccess)
		if err != nil {
			return err
		}
		if block.BlockPolicy && isPublic(doc) {
			return api.NewAccessDenied("User: %s is not authorized to perform: s3:PutBucketPolicy on resource: %q because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.", call.Principal.ARN, b.arn())
		}
		b.HasPolicy = true
		return policies.Put(tx, &bucketPolicy{b.ID, in.Policy})
	})
	if err != nil {
		return nil, err
	}
	return &api.PutBucketPolicyOutput{}, nil
}

// policyOf returns a bucket's policy, or the error that there is none.
func (s *Service) policyOf(call *aws.Call, name string, owner *string) (doc string, err error) {
	err = s.DB.View(call, func(tx *store.Tx) error {
		b, err := getBucket(tx, call, name, owner)
		if err != nil {
			return err
		}
		p, err := policies.Get(tx, store.K(b.ID))
		if errors.Is(err, store.ErrNotFound) {
			return missingConfiguration("NoSuchBucketPolicy", name, "The bucket policy does not exist")
		}
		if err == nil {
			doc = p.Text
		}
		return err
	})
	return doc, err
}

// getBucketPolicy shows a bucket's policy.
func (s *Service) getBucketPolicy(call *aws.Call, in *api.GetBucketPolicyInput) (*api.GetBucketPolicyOutput, error) {
	doc, err := s.policyOf(call, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	return &api.GetBucketPolicyOutput{Policy: &doc}, nil
}

// getBucketPolicyStatus tells whether the policy makes the bucket public.
func (s *Service) getBucketPolicyStatus(call *aws.Call, in *api.GetBucketPolicyStatusInput) (*api.GetBucketPolicyStatusOutput, error) {
	doc, err := s.policyOf(call, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	parsed, err := s.documents.Parse(policy.KindResource, doc)
	if err != nil {
		return nil, err
	}
	return &api.GetBucketPolicyStatusOutput{PolicyStatus: &api.PolicyStatus{IsPublic: new(isPublic(parsed))}}, nil
}

// deleteBucketPolicy removes a bucket's policy.
func (s *Service) deleteBucketPolicy(call *aws.Call, in *api.DeleteBucketPolicyInput) (*api.DeleteBucketPolicyOutput, error) {
	return &api.DeleteBucketPolicyOutput{}, s.configure(call, in.Bucket, in.ExpectedBucketOwner, func(tx *store.Tx, b *bucket, _ *config) error {
		b.HasPolicy = false
		_, err := policies.Delete(tx, store.K(b.ID))
		return err
	})
}

// fixedKeys are the condition keys that, with values without wildcards, keep a statement for everyone from being public:
// see "The meaning of public" in the User Guide.
var fixedKeys = map[string]bool{
	"aws:sourcearn": true, "aws:sourcevpc": true, "aws:sourcevpce": true, "aws:sourceowner": true, "aws:sourceaccount": true,
	"aws:userid": true, "aws:principalorgid": true, "aws:principalorgpaths": true, "aws:principalaccount": true, "aws:principalarn": true,
	"aws:sourceip": true, "s3:x-amz-server-side-encryption-aws-kms-key-id": true, "s3:dataaccesspointarn": true, "s3:dataaccesspointaccount": true,
}

// isPublic tells whether a policy grants anything to everyone.
func isPublic(doc *policy.Document) bool {
	for i := range doc.Statements {
		st := &doc.Statements[i]
		if st.Effect == policy.Allow && st.Principals != nil && everyone(st.Principals) && !limited(st.Conditions) {
			return true
		}
	}
	return false
}

func everyone(p *policy.Principals) bool {
	if p.Any || p.Not {
		return true
	}
	return slices.Contains(p.AWS, "*")
}

// limited tells whether one of the conditions holds for known callers only.
func limited(conditions []policy.Condition) bool {
	for i := range conditions {
		c := &conditions[i]
		op := strings.ToLower(c.Operator)
		// What holds where the key is missing holds for everyone.
		if !fixedKeys[strings.ToLower(c.Key)] || strings.Contains(op, "not") || strings.Contains(op, "ifexists") || strings.Contains(op, "null") ||
			strings.HasPrefix(op, "forallvalues:") {
			continue
		}
		fixed := len(c.Values) > 0
		for _, v := range c.Values {
			fixed = fixed && !strings.ContainsAny(v, "*?") && v != "0.0.0.0/0" && v != "::/0" && !strings.Contains(v, "${")
		}
		if fixed {
			return true
		}
	}
	return false
}
