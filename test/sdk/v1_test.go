package sdk

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/awserr"
	"github.com/aws/aws-sdk-go/aws/credentials"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go/service/codebuild"
	"github.com/aws/aws-sdk-go/service/codecommit"
	"github.com/aws/aws-sdk-go/service/iam"
	"github.com/aws/aws-sdk-go/service/s3"
	"github.com/aws/aws-sdk-go/service/sts"

	"drydock/clock"
	"drydock/test/cloud"
)

// TestVersion1 passes once over each service with version 1 of the Go SDK, which speaks older dialects of the protocols.
func TestVersion1(t *testing.T) {
	t.Parallel()
	c := cloud.New(t, "--ephemeral")
	config := &aws.Config{Endpoint: &c.Endpoint, Region: new(region), S3ForcePathStyle: new(true), Credentials: credentials.NewStaticCredentials(account, "drydock", "")}
	s, err := session.NewSessionWithOptions(session.Options{Config: *config, SharedConfigState: session.SharedConfigDisable})
	if err != nil {
		t.Fatal(err)
	}
	failed := func(err error, code string) {
		t.Helper()
		if failure, ok := errors.AsType[awserr.Error](err); !ok || failure.Code() != code {
			t.Errorf("got %v, want %s", err, code)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	who, err := sts.New(s).GetCallerIdentity(nil)
	must(err)
	if *who.Arn != "arn:aws:iam::000000000000:root" {
		t.Errorf("the caller is %s", *who.Arn)
	}

	roles := iam.New(s)
	_, err = roles.CreateRole(&iam.CreateRoleInput{RoleName: new("build"), AssumeRolePolicyDocument: new(buildTrust)})
	must(err)
	must(roles.WaitUntilRoleExists(&iam.GetRoleInput{RoleName: new("build")}))
	_, err = roles.GetUser(&iam.GetUserInput{UserName: new("absent")})
	failed(err, iam.ErrCodeNoSuchEntityException)

	objects := s3.New(s)
	_, err = objects.CreateBucket(&s3.CreateBucketInput{Bucket: new("files")})
	must(err)
	_, err = objects.PutObject(&s3.PutObjectInput{Bucket: new("files"), Key: new("a b/c"), Body: strings.NewReader("content")})
	must(err)
	object, err := objects.GetObject(&s3.GetObjectInput{Bucket: new("files"), Key: new("a b/c")})
	must(err)
	defer object.Body.Close()
	if body, err := io.ReadAll(object.Body); err != nil || string(body) != "content" {
		t.Errorf("read %q, %v", body, err)
	}
	_, err = objects.GetObject(&s3.GetObjectInput{Bucket: new("files"), Key: new("absent")})
	failed(err, s3.ErrCodeNoSuchKey)

	logs := cloudwatchlogs.New(s)
	_, err = logs.CreateLogGroup(&cloudwatchlogs.CreateLogGroupInput{LogGroupName: new("/app")})
	must(err)
	_, err = logs.CreateLogStream(&cloudwatchlogs.CreateLogStreamInput{LogGroupName: new("/app"), LogStreamName: new("web")})
	must(err)
	_, err = logs.PutLogEvents(&cloudwatchlogs.PutLogEventsInput{LogGroupName: new("/app"), LogStreamName: new("web"),
		LogEvents: []*cloudwatchlogs.InputLogEvent{{Message: new("hello"), Timestamp: new(clock.Wall().UnixMilli())}}})
	must(err)
	var messages []string
	must(logs.FilterLogEventsPages(&cloudwatchlogs.FilterLogEventsInput{LogGroupName: new("/app")}, func(page *cloudwatchlogs.FilterLogEventsOutput, _ bool) bool {
		for _, e := range page.Events {
			messages = append(messages, *e.Message)
		}
		return true
	}))
	if strings.Join(messages, " ") != "hello" {
		t.Errorf("found %q", messages)
	}

	repositories := codecommit.New(s)
	_, err = repositories.CreateRepository(&codecommit.CreateRepositoryInput{RepositoryName: new("hello")})
	must(err)
	_, err = repositories.PutFile(&codecommit.PutFileInput{RepositoryName: new("hello"), BranchName: new("main"), FilePath: new("f"), FileContent: []byte{1, 2}})
	must(err)
	file, err := repositories.GetFile(&codecommit.GetFileInput{RepositoryName: new("hello"), FilePath: new("f")})
	must(err)
	if !bytes.Equal(file.FileContent, []byte{1, 2}) {
		t.Errorf("the file is %v", file.FileContent)
	}
	_, err = repositories.GetRepository(&codecommit.GetRepositoryInput{RepositoryName: new("absent")})
	failed(err, codecommit.ErrCodeRepositoryDoesNotExistException)

	builds := codebuild.New(s)
	images, err := builds.ListCuratedEnvironmentImages(nil)
	must(err)
	if len(images.Platforms) == 0 {
		t.Error("no curated images")
	}
	_, err = builds.StartBuild(&codebuild.StartBuildInput{ProjectName: new("absent")})
	failed(err, codebuild.ErrCodeResourceNotFoundException)
}
