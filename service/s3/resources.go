package s3

import (
	"encoding/json"
	"strings"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/resource"
)

// resources are the resource types of S3.
func (s *Service) resources() []resource.Type {
	return []resource.Type{
		{
			Name: "AWS::S3::Bucket", PrimaryIdentifier: []string{"BucketName"}, CreateOnly: []string{"BucketName"},
			ReadOnly: []string{"Arn", "DomainName", "DualStackDomainName", "RegionalDomainName", "WebsiteURL"},
			Create:   s.createBucketResource, Read: s.readBucketResource, Update: s.updateBucketResource, Delete: s.deleteBucketResource, List: s.listBucketResources,
		},
		{
			Name: "AWS::S3::BucketPolicy", PrimaryIdentifier: []string{"Bucket"}, CreateOnly: []string{"Bucket"},
			Create: s.createPolicyResource, Read: s.readPolicyResource, Update: s.updatePolicyResource, Delete: s.deletePolicyResource,
		},
	}
}

// bucketProperties are the properties of AWS::S3::Bucket that drydock carries out; any other is refused.
type bucketProperties struct {
	BucketName              string                  `json:",omitempty"`
	VersioningConfiguration *versioningProperties   `json:",omitempty"`
	PublicAccess            *publicAccessProperties `json:"PublicAccessBlockConfiguration,omitempty"`
	OwnershipControls       *ownershipProperties    `json:",omitempty"`
	BucketEncryption        *encryptionProperties   `json:",omitempty"`
	Tags                    []api.Tag               `json:",omitempty"`
	Arn                     string                  `json:",omitempty"`
	DomainName              string                  `json:",omitempty"`
	DualStackDomainName     string                  `json:",omitempty"`
	RegionalDomainName      string                  `json:",omitempty"`
	WebsiteURL              string                  `json:",omitempty"`
}

type versioningProperties struct{ Status api.BucketVersioningStatus }

type publicAccessProperties struct {
	BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy, RestrictPublicBuckets bool
}

type ownershipProperties struct {
	Rules []struct{ ObjectOwnership api.ObjectOwnership }
}

type encryptionProperties struct {
	Rules []encryptionRuleProperties `json:"ServerSideEncryptionConfiguration"`
}

type encryptionRuleProperties struct {
	ByDefault        *encryptionDefaultProperties `json:"ServerSideEncryptionByDefault,omitempty"`
	BucketKeyEnabled *bool                        `json:",omitempty"`
}

type encryptionDefaultProperties struct {
	SSEAlgorithm   api.ServerSideEncryption
	KMSMasterKeyID *string `json:",omitempty"`
}

func (s *Service) createBucketResource(call *aws.Call, desired resource.Properties) (string, error) {
	var p bucketProperties
	if err := desired.Decode(&p); err != nil {
		return "", err
	}
	if p.BucketName == "" {
		p.BucketName = "drydock-" + call.NewHex(26)
	}
	in := &api.CreateBucketInput{Bucket: p.BucketName}
	if call.Region != defaultRegion {
		in.CreateBucketConfiguration = &api.CreateBucketConfiguration{LocationConstraint: new(api.BucketLocationConstraint(call.Region))}
	}
	// The operation takes a bucket of the caller's own as made in us-east-1; a resource must be new.
	if _, err := api.HeadBucket.Do(call, &api.HeadBucketInput{Bucket: p.BucketName}); err == nil {
		return "", api.NewBucketAlreadyOwnedByYou("%s already exists", p.BucketName)
	}
	if _, err := api.CreateBucket.Do(call, in); err != nil {
		return "", err
	}
	return p.BucketName, s.setBucketResource(call, p.BucketName, &bucketProperties{}, &p)
}

// setBucketResource brings a bucket from the present properties to the desired ones.
func (s *Service) setBucketResource(call *aws.Call, name string, current, desired *bucketProperties) error {
	switch {
	case desired.VersioningConfiguration != nil:
		status := desired.VersioningConfiguration.Status
		if status == api.BucketVersioningStatusSuspended && current.VersioningConfiguration == nil {
			break // as it is
		}
		in := &api.PutBucketVersioningInput{Bucket: name, VersioningConfiguration: api.VersioningConfiguration{Status: &status}}
		if _, err := api.PutBucketVersioning.Do(call, in); err != nil {
			return err
		}
	case current.VersioningConfiguration != nil:
		in := &api.PutBucketVersioningInput{Bucket: name, VersioningConfiguration: api.VersioningConfiguration{Status: new(api.BucketVersioningStatusSuspended)}}
		if _, err := api.PutBucketVersioning.Do(call, in); err != nil {
			return err
		}
	}
	block := desired.PublicAccess
	if block == nil && current.PublicAccess != nil {
		block = &publicAccessProperties{true, true, true, true}
	}
	if block != nil {
		in := &api.PutPublicAccessBlockInput{Bucket: name, PublicAccessBlockConfiguration: api.PublicAccessBlockConfiguration{
			BlockPublicACLs: &block.BlockPublicAcls, IgnorePublicACLs: &block.IgnorePublicAcls, BlockPublicPolicy: &block.BlockPublicPolicy, RestrictPublicBuckets: &block.RestrictPublicBuckets,
		}}
		if _, err := api.PutPublicAccessBlock.Do(call, in); err != nil {
			return err
		}
	}
	if o := desired.OwnershipControls; o != nil {
		in := &api.PutBucketOwnershipControlsInput{Bucket: name}
		for _, r := range o.Rules {
			in.OwnershipControls.Rules = append(in.OwnershipControls.Rules, api.OwnershipControlsRule{ObjectOwnership: r.ObjectOwnership})
		}
		if _, err := api.PutBucketOwnershipControls.Do(call, in); err != nil {
			return err
		}
	}
	if err := setEncryption(call, name, current, desired); err != nil {
		return err
	}
	if len(desired.Tags) > 0 {
		_, err := api.PutBucketTagging.Do(call, &api.PutBucketTaggingInput{Bucket: name, Tagging: api.Tagging{TagSet: desired.Tags}})
		return err
	}
	if len(current.Tags) > 0 {
		_, err := api.DeleteBucketTagging.Do(call, &api.DeleteBucketTaggingInput{Bucket: name})
		return err
	}
	return nil
}

func setEncryption(call *aws.Call, name string, current, desired *bucketProperties) error {
	if desired.BucketEncryption == nil {
		if current.BucketEncryption == nil {
			return nil
		}
		_, err := api.DeleteBucketEncryption.Do(call, &api.DeleteBucketEncryptionInput{Bucket: name})
		return err
	}
	in := &api.PutBucketEncryptionInput{Bucket: name}
	for _, r := range desired.BucketEncryption.Rules {
		rule := api.ServerSideEncryptionRule{BucketKeyEnabled: r.BucketKeyEnabled}
		if r.ByDefault != nil {
			rule.ApplyServerSideEncryptionByDefault = &api.ServerSideEncryptionByDefault{SSEAlgorithm: r.ByDefault.SSEAlgorithm, KMSMasterKeyID: r.ByDefault.KMSMasterKeyID}
		}
		in.ServerSideEncryptionConfiguration.Rules = append(in.ServerSideEncryptionConfiguration.Rules, rule)
	}
	_, err := api.PutBucketEncryption.Do(call, in)
	return err
}

func (s *Service) readBucketResource(call *aws.Call, id string) (resource.Properties, error) {
	if _, err := api.HeadBucket.Do(call, &api.HeadBucketInput{Bucket: id}); err != nil {
		return nil, err
	}
	b, c, err := s.config(call, id, nil)
	if err != nil {
		return nil, err
	}
	p := bucketProperties{
		BucketName: b.Name, Tags: c.Tags, Arn: b.arn(), DomainName: b.Name + ".s3.amazonaws.com",
		DualStackDomainName: b.Name + ".s3.dualstack." + b.Region + ".amazonaws.com", RegionalDomainName: b.Name + ".s3." + b.Region + ".amazonaws.com",
		WebsiteURL:   "http://" + b.Name + ".s3-website-" + b.Region + ".amazonaws.com",
		PublicAccess: &publicAccessProperties{b.PublicAccess.BlockACLs, b.PublicAccess.IgnoreACLs, b.PublicAccess.BlockPolicy, b.PublicAccess.Restrict},
	}
	p.OwnershipControls = &ownershipProperties{Rules: []struct{ ObjectOwnership api.ObjectOwnership }{{b.Ownership}}}
	if b.Versioning != "" {
		p.VersioningConfiguration = &versioningProperties{b.Versioning}
	}
	by := &encryptionDefaultProperties{SSEAlgorithm: api.ServerSideEncryptionAes256, KMSMasterKeyID: optional(b.Encryption.KeyID)}
	if b.Encryption.Algorithm != "" {
		by.SSEAlgorithm = b.Encryption.Algorithm
	}
	p.BucketEncryption = &encryptionProperties{Rules: []encryptionRuleProperties{{ByDefault: by, BucketKeyEnabled: &b.Encryption.BucketKey}}}
	return resource.Encode(&p)
}

func (s *Service) updateBucketResource(call *aws.Call, id string, current, desired resource.Properties) error {
	var now, next bucketProperties
	if err := current.Decode(&now); err != nil {
		return err
	}
	if err := desired.Decode(&next); err != nil {
		return err
	}
	return s.setBucketResource(call, id, &now, &next)
}

func (s *Service) deleteBucketResource(call *aws.Call, id string) error {
	_, err := api.DeleteBucket.Do(call, &api.DeleteBucketInput{Bucket: id})
	return err
}

func (s *Service) listBucketResources(call *aws.Call) ([]string, error) {
	out, err := api.ListBuckets.Do(call, &api.ListBucketsInput{BucketRegion: &call.Region})
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(out.Buckets))
	for _, b := range out.Buckets {
		names = append(names, *b.Name)
	}
	return names, nil
}

// policyProperties are those of AWS::S3::BucketPolicy. The document is an object, or its text.
type policyProperties struct {
	Bucket         string
	PolicyDocument json.RawMessage
}

func (p *policyProperties) put(call *aws.Call) error {
	text := string(p.PolicyDocument)
	if strings.HasPrefix(text, `"`) {
		if err := json.Unmarshal(p.PolicyDocument, &text); err != nil {
			return err
		}
	}
	_, err := api.PutBucketPolicy.Do(call, &api.PutBucketPolicyInput{Bucket: p.Bucket, Policy: text})
	return err
}

func (s *Service) createPolicyResource(call *aws.Call, desired resource.Properties) (string, error) {
	var p policyProperties
	if err := desired.Decode(&p); err != nil {
		return "", err
	}
	return p.Bucket, p.put(call)
}

func (s *Service) readPolicyResource(call *aws.Call, id string) (resource.Properties, error) {
	out, err := api.GetBucketPolicy.Do(call, &api.GetBucketPolicyInput{Bucket: id})
	if err != nil {
		return nil, err
	}
	return resource.Encode(&policyProperties{id, json.RawMessage(*out.Policy)})
}

func (s *Service) updatePolicyResource(call *aws.Call, _ string, _, desired resource.Properties) error {
	_, err := s.createPolicyResource(call, desired)
	return err
}

func (s *Service) deletePolicyResource(call *aws.Call, id string) error {
	_, err := api.DeleteBucketPolicy.Do(call, &api.DeleteBucketPolicyInput{Bucket: id})
	return err
}
