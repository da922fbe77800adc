package managed

import (
	"regexp"
	"slices"
	"testing"

	"drydock/aws"
	"drydock/policy"
)

func TestAll_ParseAsManagedPolicies(t *testing.T) {
	t.Parallel()
	if n := len(All()); n < 1000 {
		t.Fatalf("%d policies", n)
	}
	id := regexp.MustCompile(`^ANPA[A-Z2-7]{17}$`)
	seen := map[string]bool{}
	for _, p := range All() {
		if _, err := policy.Parse(policy.KindManaged, p.Document); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		if !id.MatchString(p.ID()) || seen[p.ID()] {
			t.Errorf("%s: id %s", p.Name, p.ID())
		}
		seen[p.ID()] = true
		if got, ok := Get(p.ARN("aws")); !ok || got != p {
			t.Errorf("%s is not found by its ARN %s", p.Name, p.ARN("aws"))
		}
		if p.Updated.Before(p.Created) {
			t.Errorf("%s changed before it was made", p.Name)
		}
	}
	if !slices.IsSortedFunc(All(), func(a, b *Policy) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	}) {
		t.Error("not sorted by name")
	}
}

func TestGet_KnowsTheCommonPolicies(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"AdministratorAccess", "PowerUserAccess", "ReadOnlyAccess", "job-function/ViewOnlyAccess", "SecurityAudit",
		"IAMFullAccess", "IAMReadOnlyAccess", "AmazonS3FullAccess", "AmazonS3ReadOnlyAccess", "AmazonEC2FullAccess",
		"AWSCodeBuildAdminAccess", "AWSCodeBuildDeveloperAccess", "AWSCodeCommitFullAccess", "AWSCodeCommitPowerUser",
		"AWSCodeDeployFullAccess", "service-role/AWSCodeDeployRole", "AWSCodePipeline_FullAccess",
		"CloudWatchLogsFullAccess", "CloudWatchAgentServerPolicy", "AWSLambda_FullAccess",
		"service-role/AWSLambdaBasicExecutionRole", "service-role/AmazonECSTaskExecutionRolePolicy",
		"AmazonEC2ContainerRegistryReadOnly", "AmazonRDSFullAccess", "AmazonDynamoDBFullAccess", "AmazonSQSFullAccess",
		"AmazonSNSFullAccess", "AmazonSSMManagedInstanceCore", "AWSKeyManagementServicePowerUser",
		"AWSCloudFormationFullAccess", "AWSElasticBeanstalkWebTier", "AutoScalingFullAccess", "service-role/AWS_ConfigRole",
		"AWSCloudTrail_FullAccess", "AWSOrganizationsFullAccess", "AWSStepFunctionsFullAccess",
		"AmazonEventBridgeFullAccess", "IAMUserChangePassword", "aws-service-role/AutoScalingServiceRolePolicy",
	} {
		if _, ok := Get("arn:aws:iam::aws:policy/" + path); !ok {
			t.Errorf("%s is missing", path)
		}
	}
	for _, arn := range []string{
		"arn:aws:iam::aws:policy/NoSuchPolicy", "arn:aws:iam::aws:policy/service-role/AdministratorAccess",
		"arn:aws:iam::111122223333:policy/AdministratorAccess", "AdministratorAccess", "",
	} {
		if p, ok := Get(arn); ok {
			t.Errorf("%s found %s", arn, p.Name)
		}
	}
}

func TestReadOnlyAccess_ReadsAndDoesNotWrite(t *testing.T) {
	t.Parallel()
	p, _ := Get("arn:aws:iam::aws:policy/ReadOnlyAccess")
	doc, err := policy.Parse(policy.KindManaged, p.Document)
	if err != nil {
		t.Fatal(err)
	}
	user := aws.Principal{Type: aws.PrincipalUser, Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/u"}
	for action, want := range map[string]bool{
		"s3:GetObject": true, "s3:PutObject": false, "codecommit:GetBranch": true, "codecommit:DeleteBranch": false,
		"codebuild:BatchGetBuilds": true, "codebuild:StartBuild": false, "logs:GetLogEvents": true,
	} {
		d := policy.Evaluate(&policy.Request{
			Principal: &user, Action: action, Resource: "*", Identity: []policy.Source{{Name: p.Name, Document: doc}},
		})
		if d.Allowed != want {
			t.Errorf("%s: allowed %v", action, d.Allowed)
		}
	}
}

func TestParse_RefusesDamagedData(t *testing.T) {
	t.Parallel()
	if _, err := parse([]byte("no gzip")); err == nil {
		t.Error("no error")
	}
	if _, err := parse(data[:len(data)/2]); err == nil {
		t.Error("no error for half the data")
	}
}
