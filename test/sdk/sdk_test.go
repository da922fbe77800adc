package sdk

import (
	"errors"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"drydock/test/cloud"
)

const (
	account = "000000000000"
	region  = "us-east-1"
)

func TestMain(m *testing.M) { os.Exit(cloud.Main(m, "go", "git", "python3", "ssh")) }

// configure gives the SDK's configuration for a cloud, acting with an access key.
func configure(t *testing.T, c *cloud.Process, key, secret, token string) aws.Config {
	t.Helper()
	cfg, err := config.LoadDefaultConfig(t.Context(),
		config.WithBaseEndpoint(c.Endpoint), config.WithRegion(region),
		config.WithSharedConfigFiles(nil), config.WithSharedCredentialsFiles(nil),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(key, secret, token)))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// start runs a cloud and gives the configuration of its root user.
func start(t *testing.T) (*cloud.Process, aws.Config) {
	t.Helper()
	c := cloud.New(t, "--ephemeral")
	return c, configure(t, c, account, "drydock", "")
}

// newUser makes a user with an inline policy, or with none when the document is empty, and the configuration of its key.
func newUser(t *testing.T, c *cloud.Process, root aws.Config, name, document string) aws.Config {
	t.Helper()
	client := iam.NewFromConfig(root)
	if _, err := client.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name}); err != nil {
		t.Fatal(err)
	}
	if document != "" {
		in := &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("inline"), PolicyDocument: &document}
		if _, err := client.PutUserPolicy(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	made, err := client.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &name})
	if err != nil {
		t.Fatal(err)
	}
	if made.AccessKey.Status != iamtypes.StatusTypeActive {
		t.Errorf("a new key is %s", made.AccessKey.Status)
	}
	return configure(t, c, *made.AccessKey.AccessKeyId, *made.AccessKey.SecretAccessKey, "")
}

// pathStyle is what S3's client needs without a wildcard name for the endpoint.
func pathStyle(o *s3.Options) { o.UsePathStyle = true }

// wantCode fails the test unless err is an AWS error with this code.
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	failure, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		t.Errorf("got %v, want the error %s", err, code)
	} else if failure.ErrorCode() != code {
		t.Errorf("got the error %s (%s), want %s", failure.ErrorCode(), failure.ErrorMessage(), code)
	}
}
