package s3

import (
	"errors"
	"net/http"
	"strings"
	"time"

	api "drydock/api/s3"
	control "drydock/api/s3control"
	"drydock/aws"
	"drydock/policy"
	"drydock/store"
)

// accessPoint is a name for a bucket with a policy of its own.
type accessPoint struct {
	Partition, Account, Region, Name string
	Bucket, BucketAccount            string
	// Alias can stand wherever a bucket's name can.
	Alias   string
	Created time.Time
	Policy  string `cbor:",omitempty"`
	Block   publicAccess
	// VPC is the network that alone may use the point; empty admits the internet.
	VPC  string    `cbor:",omitempty"`
	Tags []api.Tag `cbor:",omitempty"`
}

var (
	pointsByAlias  = store.NewIndex("alias", func(p *accessPoint) []store.Key { return []store.Key{store.K(p.Partition, p.Alias)} })
	pointsByBucket = store.NewIndex("bucket", func(p *accessPoint) []store.Key {
		return []store.Key{store.K(p.Partition, p.Bucket, p.Account, p.Region, p.Name)}
	})
	accessPoints = store.NewTable("s3/accesspoint", func(p *accessPoint) store.Key { return store.K(p.Partition, p.Account, p.Region, p.Name) }, pointsByAlias, pointsByBucket)
)

func (p *accessPoint) arn() string {
	return aws.ARN{Partition: p.Partition, Service: "s3", Region: p.Region, Account: p.Account, Resource: "accesspoint/" + p.Name}.String()
}

func (p *accessPoint) origin() control.NetworkOrigin {
	if p.VPC != "" {
		return control.NetworkOriginVPC
	}
	return control.NetworkOriginInternet
}

func noSuchAccessPoint(name string) *aws.Error {
	return aws.NewError(http.StatusNotFound, "NoSuchAccessPoint", "The specified accesspoint does not exist").With("AccessPointName", name)
}

// aliasSuffix ends every alias; no bucket's name may have it.
const aliasSuffix = "-s3alias"

// pointNamed finds the access point that stands where a bucket's name does: its ARN, its alias, or the first label of its
// host, NAME-ACCOUNT. It returns nil where the name is of none of these forms.
func pointNamed(tx *store.Tx, call *aws.Call, name string) (p *accessPoint, err error) {
	switch {
	case strings.HasPrefix(name, "arn:"):
		a, err := aws.ParseARN(name)
		kind, point, ok := strings.Cut(strings.Replace(a.Resource, ":", "/", 1), "/")
		if err != nil || a.Service != "s3" || kind != "accesspoint" || !ok {
			return nil, nil //nolint:nilerr // what is no ARN names no access point
		}
		p, err = accessPoints.Get(tx, store.K(a.Partition, a.Account, a.Region, point))
		return missingPoint(p, err, point)
	case strings.HasSuffix(name, aliasSuffix):
		p, err = pointsByAlias.First(tx, store.K(call.Partition, name))
		return missingPoint(p, err, name)
	}
	at := len(name) - len("-123456789012")
	if at < 1 || name[at] != '-' || !aws.ValidAccount(name[at+1:]) {
		return nil, nil
	}
	p, err = accessPoints.Get(tx, store.K(call.Partition, name[at+1:], call.Region, name[:at]))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return p, err
}

func missingPoint(p *accessPoint, err error, name string) (*accessPoint, error) {
	if errors.Is(err, store.ErrNotFound) {
		return nil, noSuchAccessPoint(name)
	}
	return p, err
}

// behindPoint returns the bucket behind the access point that stands where a bucket's name does.
func behindPoint(tx *store.Tx, call *aws.Call, name string) (*bucket, error) {
	p, err := pointNamed(tx, call, name)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, noSuchBucket(name)
	}
	b, err := buckets.Shared(tx, store.K(p.Partition, p.Bucket))
	if errors.Is(err, store.ErrNotFound) {
		return nil, noSuchBucket(p.Bucket)
	}
	return b, err
}

// keys are the condition keys of requests through an access point.
func (p *accessPoint) keys() map[string][]string {
	return map[string][]string{"s3:dataaccesspointarn": {p.arn()}, "s3:dataaccesspointaccount": {p.Account}, "s3:accesspointnetworkorigin": {string(p.origin())}}
}

// pointFacts tells what policies must know of an access point, or of an object behind it.
func (s *Service) pointFacts(call *aws.Call, p *accessPoint, key string) (f policy.Facts, err error) {
	if p.VPC != "" {
		return f, accessDenied() // no request comes from within a network
	}
	f = policy.Facts{ARN: p.arn(), Account: p.Account, Keys: policy.Map(p.keys())}
	behind := policy.Behind{Resource: "arn:" + p.Partition + ":s3:::" + p.Bucket, Keys: p.keys()}
	if key != "" {
		f.ARN += "/object/" + key
		behind.Resource += "/" + key
	}
	f.Behind = &behind
	if p.Policy == "" {
		return f, nil
	}
	doc, err := s.documents.Parse(policy.KindResource, p.Policy)
	if err != nil {
		return f, err
	}
	if caller := &call.Principal; caller.Account != p.Account && caller.Type != aws.PrincipalService && isPublic(doc) {
		var block publicAccess
		err := s.DB.View(call, func(tx *store.Tx) (err error) {
			block, err = blocked(tx, p.Partition, p.Account, p.Block)
			return err
		})
		if err != nil {
			return f, err
		}
		if block.Restrict {
			return f, accessDenied()
		}
	}
	f.Policies = []policy.Source{{Name: p.arn(), Document: doc}}
	return f, nil
}

// validPointName follows "Rules for naming Amazon S3 access points" of the User Guide.
func validPointName(name string) bool {
	return len(name) <= 50 && validBucketName(name) && !strings.Contains(name, ".")
}

// createAccessPoint makes an access point for a bucket.
func (s *Service) createAccessPoint(call *aws.Call, in *control.CreateAccessPointInput) (*control.CreateAccessPointOutput, error) {
	if err := ownAccount(call, in.AccountID); err != nil {
		return nil, err
	}
	if in.Scope != nil {
		return nil, notImplemented("scopes of access points, which directory buckets have")
	}
	if !validPointName(in.Name) {
		return nil, invalidArgument("name", in.Name, "Access point name is not valid")
	}
	tags := controlTags(in.Tags)
	if _, err := checkTags(tags, maxBucketTags); err != nil {
		return nil, err
	}
	alias := in.Name
	if most := 63 - len(aliasSuffix) - 35; len(alias) > most {
		alias = alias[:most]
	}
	p := &accessPoint{
		Partition: call.Partition, Account: call.Account, Region: call.Region, Name: in.Name, Bucket: in.Bucket, Created: call.Now().Truncate(time.Millisecond),
		Alias: strings.TrimRight(alias, "-") + "-" + call.NewHex(34) + aliasSuffix, Block: blockOf(in.PublicAccessBlockConfiguration), Tags: tags,
	}
	if in.VPCConfiguration != nil {
		p.VPC = in.VPCConfiguration.VPCID
	}
	err := s.DB.Update(call, func(tx *store.Tx) error {
		b, err := buckets.Get(tx, store.K(call.Partition, in.Bucket))
		switch {
		case errors.Is(err, store.ErrNotFound):
			return noSuchBucket(in.Bucket)
		case err != nil:
			return err
		case text(in.BucketAccountID) == "" && b.Account != call.Account, text(in.BucketAccountID) != "" && *in.BucketAccountID != b.Account:
			return accessDenied()
		case b.Region != call.Region:
			return invalidRequest("The bucket is in another region than the access point.")
		}
		p.BucketAccount = b.Account
		switch there, err := accessPoints.Has(tx, accessPoints.Key(p)); {
		case err != nil:
			return err
		case there:
			return aws.NewError(http.StatusConflict, "AccessPointAlreadyOwnedByYou", "Your previous request to create the named accesspoint succeeded and you already own it.").With("AccessPointName", in.Name)
		}
		return accessPoints.Put(tx, p)
	})
	if err != nil {
		return nil, err
	}
	return &control.CreateAccessPointOutput{AccessPointARN: new(p.arn()), Alias: &p.Alias}, nil
}

// point reads an access point of the caller, by its name or its ARN.
func point(tx *store.Tx, call *aws.Call, account, name string) (*accessPoint, error) {
	if err := ownAccount(call, account); err != nil {
		return nil, err
	}
	if i := strings.LastIndexAny(name, "/:"); strings.HasPrefix(name, "arn:") && i > 0 {
		name = name[i+1:]
	}
	p, err := accessPoints.Get(tx, store.K(call.Partition, call.Account, call.Region, name))
	return missingPoint(p, err, name)
}

func (s *Service) point(call *aws.Call, account, name string) (p *accessPoint, err error) {
	err = s.DB.View(call, func(tx *store.Tx) error {
		p, err = point(tx, call, account, name)
		return err
	})
	return p, err
}

func (p *accessPoint) network() *control.VPCConfiguration {
	if p.VPC == "" {
		return nil
	}
	return &control.VPCConfiguration{VPCID: p.VPC}
}

// getAccessPoint shows an access point.
func (s *Service) getAccessPoint(call *aws.Call, in *control.GetAccessPointInput) (*control.GetAccessPointOutput, error) {
	p, err := s.point(call, in.AccountID, in.Name)
	if err != nil {
		return nil, err
	}
	host := p.Region + ".amazonaws.com"
	return &control.GetAccessPointOutput{
		Name: &p.Name, Bucket: &p.Bucket, NetworkOrigin: new(p.origin()), VPCConfiguration: p.network(), PublicAccessBlockConfiguration: p.Block.shown(),
		CreationDate: &p.Created, Alias: &p.Alias, AccessPointARN: new(p.arn()), BucketAccountID: &p.BucketAccount,
		Endpoints: map[string]string{
			"ipv4": "s3-accesspoint." + host, "fips": "s3-accesspoint-fips." + host, "dualstack": "s3-accesspoint.dualstack." + host,
			"fips_dualstack": "s3-accesspoint-fips.dualstack." + host,
		},
	}, nil
}

// listAccessPoints lists the caller's access points in a region, of one bucket or of all.
func (s *Service) listAccessPoints(call *aws.Call, in *control.ListAccessPointsInput) (*control.ListAccessPointsOutput, error) {
	if err := ownAccount(call, in.AccountID); err != nil {
		return nil, err
	}
	if in.DataSourceID != nil || in.DataSourceType != nil {
		return nil, notImplemented("access points of other data sources than buckets")
	}
	limit := maxList
	if in.MaxResults != nil && *in.MaxResults > 0 {
		limit = int(*in.MaxResults)
	}
	scan, space := accessPoints.Scan, store.K(call.Partition, call.Account, call.Region)
	if in.Bucket != nil {
		scan, space = pointsByBucket.Scan, store.K(call.Partition, *in.Bucket, call.Account, call.Region)
	}
	r := store.Range{Prefix: space}
	if text(in.NextToken) != "" {
		last, err := aws.DecodePageToken(*in.NextToken, 1)
		if err != nil {
			return nil, control.NewInvalidNextTokenException("The next token is not valid")
		}
		r.After = space.With(last[0]).End()
	}
	out := &control.ListAccessPointsOutput{AccessPointList: []control.AccessPoint{}}
	err := s.DB.View(call, func(tx *store.Tx) error {
		for p, err := range scan(tx, r) {
			if err != nil {
				return err
			}
			if len(out.AccessPointList) == limit {
				out.NextToken = new(aws.EncodePageToken(out.AccessPointList[limit-1].Name))
				return nil
			}
			out.AccessPointList = append(out.AccessPointList, control.AccessPoint{
				Name: p.Name, NetworkOrigin: p.origin(), VPCConfiguration: p.network(), Bucket: p.Bucket, AccessPointARN: new(p.arn()), Alias: &p.Alias, BucketAccountID: &p.BucketAccount,
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// deleteAccessPoint removes an access point; the bucket stays.
func (s *Service) deleteAccessPoint(call *aws.Call, in *control.DeleteAccessPointInput) (*control.DeleteAccessPointOutput, error) {
	return &control.DeleteAccessPointOutput{}, s.DB.Update(call, func(tx *store.Tx) error {
		p, err := point(tx, call, in.AccountID, in.Name)
		if err == nil {
			_, err = accessPoints.Delete(tx, accessPoints.Key(p))
		}
		return err
	})
}

// hasPoints tells whether a bucket has access points, which have to go before it does.
func hasPoints(tx *store.Tx, b *bucket) error {
	_, err := pointsByBucket.First(tx, store.K(b.Partition, b.Name))
	if err == nil {
		return aws.NewError(http.StatusBadRequest, "BucketHasAccessPointsAttached", "Bucket has access points attached and cannot be deleted.").With("BucketName", b.Name)
	}
	return ignoreNotFound(err)
}

// putAccessPointPolicy sets an access point's policy.
func (s *Service) putAccessPointPolicy(call *aws.Call, in *control.PutAccessPointPolicyInput) (*control.PutAccessPointPolicyOutput, error) {
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
	return &control.PutAccessPointPolicyOutput{}, s.DB.Update(call, func(tx *store.Tx) error {
		p, err := point(tx, call, in.AccountID, in.Name)
		if err != nil {
			return err
		}
		for i := range doc.Statements {
			for _, r := range doc.Statements[i].Resources {
				if r != p.arn() && !strings.HasPrefix(r, p.arn()+"/") && !policy.Match(r, p.arn()) && !policy.Match(r, p.arn()+"/object/x") {
					return malformed("Policy has invalid resource")
				}
			}
		}
		block, err := blocked(tx, p.Partition, p.Account, p.Block)
		if err != nil {
			return err
		}
		if block.BlockPolicy && isPublic(doc) {
			return accessDenied()
		}
		p.Policy = in.Policy
		return accessPoints.Put(tx, p)
	})
}

// pointPolicy reads an access point's policy.
func (s *Service) pointPolicy(call *aws.Call, account, name string) (string, error) {
	p, err := s.point(call, account, name)
	if err == nil && p.Policy == "" {
		err = aws.NewError(http.StatusNotFound, "NoSuchAccessPointPolicy", "The specified accesspoint policy does not exist").With("AccessPointName", name)
	}
	if err != nil {
		return "", err
	}
	return p.Policy, nil
}

// getAccessPointPolicy shows an access point's policy.
func (s *Service) getAccessPointPolicy(call *aws.Call, in *control.GetAccessPointPolicyInput) (*control.GetAccessPointPolicyOutput, error) {
	doc, err := s.pointPolicy(call, in.AccountID, in.Name)
	if err != nil {
		return nil, err
	}
	return &control.GetAccessPointPolicyOutput{Policy: &doc}, nil
}

// getAccessPointPolicyStatus tells whether the policy makes the access point public.
func (s *Service) getAccessPointPolicyStatus(call *aws.Call, in *control.GetAccessPointPolicyStatusInput) (*control.GetAccessPointPolicyStatusOutput, error) {
	doc, err := s.pointPolicy(call, in.AccountID, in.Name)
	if err != nil {
		return nil, err
	}
	parsed, err := s.documents.Parse(policy.KindResource, doc)
	if err != nil {
		return nil, err
	}
	return &control.GetAccessPointPolicyStatusOutput{PolicyStatus: &control.PolicyStatus{IsPublic: new(isPublic(parsed))}}, nil
}

// deleteAccessPointPolicy removes an access point's policy.
func (s *Service) deleteAccessPointPolicy(call *aws.Call, in *control.DeleteAccessPointPolicyInput) (*control.DeleteAccessPointPolicyOutput, error) {
	return &control.DeleteAccessPointPolicyOutput{}, s.DB.Update(call, func(tx *store.Tx) error {
		p, err := point(tx, call, in.AccountID, in.Name)
		if err != nil {
			return err
		}
		p.Policy = ""
		return accessPoints.Put(tx, p)
	})
}
