package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"drydock/clock"
	"drydock/gateway/sigv4"
)

// Where the measurements take place.
const (
	account = "000000000000"
	region  = "us-east-1"
	bucket  = "load"
	group   = "load"
)

// credentials sign requests.
type credentials struct {
	name       string
	id, secret string
}

// root is the key of local convenience: the account's root user, whose signature nobody can check.
var root = credentials{name: "root", id: account, secret: "drydock"}

// cloud is a running drydock as its clients see it.
type cloud struct{ *server }

// sign prepares a request. A body whose payload is not signed must say so in its headers.
func (c *cloud) sign(by credentials, service, method, path string, header http.Header, body []byte) (shot, error) {
	request, err := http.NewRequest(method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return shot{}, err
	}
	maps.Copy(request.Header, header)
	// Long headers as SDKs send them: parsing and signing them is part of a request's price.
	request.Header.Set("User-Agent", "aws-sdk-go-v2/1.41.0 ua/2.1 os/linux lang/go#1.26 md/GOOS#linux md/GOARCH#amd64 m/E,Z,b")
	request.Header.Set("Amz-Sdk-Invocation-Id", "5f1f3f6c-7a41-4bd1-8f2a-1d2f0c1a9b57")
	request.Header.Set("Amz-Sdk-Request", "attempt=1; max=3")
	signer := sigv4.Signer{AccessKeyID: by.id, Secret: by.secret, Region: region, Service: service}
	if err := signer.Sign(request, clock.Wall()); err != nil {
		return shot{}, err
	}
	return shot{method: method, path: path, header: request.Header, host: request.URL.Host, body: body}, nil
}

// call sends one request and returns the answer.
func (c *cloud) call(ctx context.Context, by credentials, service, method, path string, header http.Header, body []byte) (string, error) {
	s, err := c.sign(by, service, method, path, header, body)
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header = s.header
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode/100 != 2 {
		return "", fmt.Errorf("%s %s: status %d: %s", method, path, response.StatusCode, answer)
	}
	return string(answer), nil
}

const formType = "application/x-www-form-urlencoded; charset=utf-8"

// iam calls an operation of IAM.
func (c *cloud) iam(ctx context.Context, action string, parameters url.Values) (string, error) {
	parameters.Set("Action", action)
	parameters.Set("Version", "2010-05-08")
	answer, err := c.call(ctx, root, "iam", http.MethodPost, "/", http.Header{"Content-Type": {formType}}, []byte(parameters.Encode()))
	return answer, err
}

// logs calls an operation of CloudWatch Logs.
func (c *cloud) logs(ctx context.Context, operation, body string) error {
	_, err := c.call(ctx, root, "logs", http.MethodPost, "/", logsHeader(operation), []byte(body))
	return err
}

func logsHeader(operation string) http.Header {
	return http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {"Logs_20140328." + operation}}
}

// userPolicy is what an application's user may look like: a few statements, one with a condition.
const userPolicy = `{"Version": "2012-10-17", "Statement": [
 {"Sid": "Objects", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], "Resource": "arn:aws:s3:::load/*"},
 {"Sid": "Buckets", "Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetBucketLocation"], "Resource": "arn:aws:s3:::load"},
 {"Sid": "Logs", "Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "arn:aws:logs:*:*:log-group:load*"},
 {"Sid": "Region", "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["us-east-1", "eu-west-1"]}}}
]}`

var issuedKey = regexp.MustCompile(`<(AccessKeyId|SecretAccessKey)>([^<]+)<`)

// newUser makes a user with a policy and an access key.
func (c *cloud) newUser(ctx context.Context, name string) (credentials, error) {
	if _, err := c.iam(ctx, "CreateUser", url.Values{"UserName": {name}}); err != nil {
		return credentials{}, err
	}
	policy := url.Values{"UserName": {name}, "PolicyName": {"load"}, "PolicyDocument": {userPolicy}}
	if _, err := c.iam(ctx, "PutUserPolicy", policy); err != nil {
		return credentials{}, err
	}
	answer, err := c.iam(ctx, "CreateAccessKey", url.Values{"UserName": {name}})
	if err != nil {
		return credentials{}, err
	}
	by := credentials{name: "user"}
	for _, found := range issuedKey.FindAllStringSubmatch(answer, -1) {
		if found[1] == "AccessKeyId" {
			by.id = found[2]
		} else {
			by.secret = found[2]
		}
	}
	if by.id == "" || by.secret == "" {
		return credentials{}, fmt.Errorf("CreateAccessKey answered no key: %s", answer)
	}
	return by, nil
}

// newBucket makes the bucket; one that its owner has already is no error in this region.
func (c *cloud) newBucket(ctx context.Context) error {
	_, err := c.call(ctx, root, "s3", http.MethodPut, "/"+bucket, nil, nil)
	return err
}

// put stores an object.
func (c *cloud) put(ctx context.Context, key string, body []byte) error {
	_, err := c.call(ctx, root, "s3", http.MethodPut, "/"+bucket+"/"+key, nil, body)
	return err
}

// moveClock sends a request to the clock.
func (c *cloud) moveClock(ctx context.Context, body string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/_drydock/clock", strings.NewReader(body))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(response.Body)
		return fmt.Errorf("move the clock: %s", text)
	}
	return nil
}

func md5Of(body []byte) string {
	sum := md5.Sum(body)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// escape encodes a query value as the signature wants it.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
