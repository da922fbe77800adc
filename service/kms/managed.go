package kms

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	api "drydock/api/kms"
	"drydock/aws"
	"drydock/store"
)

// managedKey is what the AWS managed key of a service says of itself.
type managedKey struct {
	// title is the service's name in prose, via the first label of its principal where that is another than the alias's.
	title, via string
}

// managedKeys are the services that have an AWS managed key, by the name in its alias.
var managedKeys = map[string]managedKey{
	"acm": {title: "ACM"}, "backup": {title: "Backup"}, "codeartifact": {title: "CodeArtifact"}, "codecommit": {title: "CodeCommit"},
	"dms": {title: "Database Migration Service"}, "dynamodb": {title: "DynamoDB"}, "ebs": {title: "EBS", via: "ec2"},
	"elasticfilesystem": {title: "EFS"}, "es": {title: "OpenSearch"}, "fsx": {title: "FSx"}, "glue": {title: "Glue"},
	"kinesis": {title: "Kinesis"}, "lambda": {title: "Lambda"}, "mq": {title: "MQ"}, "rds": {title: "RDS"},
	"redshift": {title: "Redshift"}, "s3": {title: "S3"}, "secretsmanager": {title: "Secrets Manager"}, "sns": {title: "SNS"},
	"sqs": {title: "SQS"}, "ssm": {title: "SSM"}, "workspaces": {title: "WorkSpaces"}, "xray": {title: "X-Ray"},
}

// managedAliases are the aliases of all AWS managed keys, in their order.
func managedAliases() []string {
	names := slices.Sorted(maps.Keys(managedKeys))
	for i := range names {
		names[i] = managedPrefix + names[i]
	}
	return names
}

// mayCreate tells whether the call is one that creates the AWS managed key behind an alias: the service's own, or
// DescribeKey.
func (s *Service) mayCreate(call *aws.Call, alias string) bool {
	m, ok := managedKeys[strings.TrimPrefix(alias, managedPrefix)]
	if !ok || !strings.HasPrefix(alias, managedPrefix) {
		return false
	}
	return call.Operation.Name == api.DescribeKey.Name || viaService(call) == m.principal(alias, call.Region)
}

// principal is what kms:ViaService says when the service uses its key.
func (m managedKey) principal(alias, region string) string {
	name := m.via
	if name == "" {
		name = strings.TrimPrefix(alias, managedPrefix)
	}
	return name + "." + region + "." + domain(region)
}

func domain(region string) string {
	if aws.PartitionOf(region) == "aws-cn" {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// createManaged makes an AWS managed key, or returns the one that another call has made meanwhile.
func (s *Service) createManaged(call *aws.Call, name string) (*key, error) {
	service := strings.TrimPrefix(name, managedPrefix)
	m := managedKeys[service]
	now := call.Now()
	k := &key{
		Account: call.Account, Region: call.Region, ID: call.NewUUID(), Created: now, Managed: service,
		Description: "Default key that protects my " + m.title + " data when no other key is defined",
		Spec:        api.KeySpecSymmetricDefault, Usage: api.KeyUsageTypeEncryptDecrypt, Origin: api.OriginTypeAWSKMS,
		Rotation: rotation{Enabled: true, Days: defaultRotationDays, Next: now.Add(defaultRotationDays * day)},
	}
	var err error
	if k.Policy, err = m.policy(k, m.principal(name, call.Region)); err != nil {
		return nil, err
	}
	first, err := s.newMaterial(k.ID, k.Spec, now)
	if err != nil {
		return nil, err
	}
	k.Materials = []material{first}
	found := k
	err = s.DB.Update(call, func(tx *store.Tx) error {
		there, err := find(tx, keyRef{Account: call.Account, Region: call.Region, Alias: name})
		if err != nil {
			return err
		}
		if found = k; there != nil {
			found = there
			return nil
		}
		if err := keys.Insert(tx, k); err != nil {
			return err
		}
		if err := s.schedule(tx, rotateKind, k, k.Rotation.Next); err != nil {
			return err
		}
		return aliases.Put(tx, &alias{Account: k.Account, Region: k.Region, Name: name, Key: k.ID, Created: now, Updated: now})
	})
	return found, err
}

// policy is AWS's policy on a managed key: its use through the service is for everyone in the account, and the account may
// look at it and revoke grants.
func (m managedKey) policy(k *key, via string) (string, error) {
	type statement struct {
		Sid       string
		Effect    string
		Principal map[string]string
		Action    []string
		Resource  string
		Condition map[string]map[string]string `json:",omitempty"`
	}
	text, err := json.MarshalIndent(struct {
		Version   string
		ID        string `json:"Id"`
		Statement []statement
	}{
		Version: "2012-10-17", ID: "auto-" + k.Managed + "-1",
		Statement: []statement{{
			Sid:    "Allow access through " + m.title + " for all principals in the account that are authorized to use " + m.title,
			Effect: "Allow", Principal: map[string]string{"AWS": "*"},
			Action:    []string{"kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey"},
			Resource:  "*",
			Condition: map[string]map[string]string{"StringEquals": {"kms:CallerAccount": k.Account, "kms:ViaService": via}},
		}, {
			Sid:    "Allow direct access to key metadata to the account",
			Effect: "Allow", Principal: map[string]string{"AWS": aws.Root(aws.PartitionOf(k.Region), k.Account).ARN},
			Action:   []string{"kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"},
			Resource: "*",
		}},
	}, "", "  ")
	if err != nil {
		return "", fmt.Errorf("writing the policy of %s: %w", k.Managed, err)
	}
	return string(text), nil
}
