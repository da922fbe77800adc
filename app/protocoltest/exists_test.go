package protocoltest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"drydock/aws"
	"drydock/service"
	"drydock/wire/shape"
)

// conflict is a request that finds what it makes, or something in its way.
type conflict struct {
	// there is what it finds.
	there string
	op    *aws.Operation
	in    any
	// as sends it, the owner unless said; in region, unless it is the tests' own.
	as     *client
	region string
	// status, code and message are the answer: no code where AWS is content, then body is a part of what it shows.
	status              int
	code, message, body string
}

// clash says of a modelled error that something is there already or in the way. It is by these errors that operations
// have to have cases.
var clash = regexp.MustCompile(`AlreadyExists|NameExists|BucketAlready|Already(Set|Closed|InUse|InActive|Accepted)|^Conflict|DeleteConflict|` +
	`ConflictsWith|EntryConflict|TemplateInUse|^Duplicate|OperationAborted|Concurrent|CannotBeDeleted|Cannot(Delete|Modify)Approval|IsTagName|` +
	`ParameterMismatch|Outdated|NotCurrent|IsDifferent|Unmodifiable|SameFileContent|NoChange|CommentDeleted|ApprovedByAuthor`)

// makers are the operations that make, name or add something; what a Put finds it replaces. Those with a member for a new
// name rename. They have to have cases whether or not the model lists an error.
var (
	makers  = regexp.MustCompile(`^(Create|Upload|Import|Add|Attach|Associate|BatchAssociate|Enable|Replicate)`)
	newName = regexp.MustCompile(`(?i)^new\w*Name$`)
)

func makesOrNames(op *aws.Operation) bool {
	return makers.MatchString(op.Name) || slices.ContainsFunc(shape.Of(op.Input).Fields, func(f shape.Field) bool { return newName.MatchString(f.Member) })
}

// neverClashes are the errors that the model lists and no request finds, by package and shape, or by operation and shape.
var neverClashes = map[string]string{
	"iam ConcurrentModificationException":        oneAfterAnother,
	"iam EntityTemporarilyUnmodifiableException": "what is changed can be changed again at once",
	"logs OperationAbortedException":             oneAfterAnother,
	"logs DataAlreadyAcceptedException":          "PutLogEvents takes every batch, whatever its token, since AWS dropped tokens",
	"kms XksKeyAlreadyInUseException":            "there are no external key stores",

	"iam.AddRoleToInstanceProfile EntityAlreadyExistsException": "a profile that has a role is full: LimitExceeded",
	"iam.DeleteServerCertificate DeleteConflictException":       "no service yet holds on to a certificate",
	"iam.UpdateRoleDescription UnmodifiableEntityException":     "anyone may describe a service's role",
	"iam.UploadSigningCertificate EntityAlreadyExistsException": "the certificate is a DuplicateCertificate",

	"logs.CreateExportTask ResourceAlreadyExistsException":                        "a second task is one too many: LimitExceededException",
	"logs.DeleteDelivery ConflictException":                                       oneAfterAnother,
	"logs.DeleteDeliveryDestinationPolicy ConflictException":                      oneAfterAnother,
	"logs.PutDeliveryDestinationPolicy ConflictException":                         oneAfterAnother,
	"logs.UpdateDeliveryConfiguration ConflictException":                          oneAfterAnother,
	"s3.RestoreObject ObjectAlreadyInActiveTierError":                             "AWS says InvalidObjectState of what is in no archive",
	"codecommit.CreateUnreferencedMergeCommit ConcurrentReferenceUpdateException": "it moves no reference",
	"codecommit.MergePullRequestByFastForward ConcurrentReferenceUpdateException": twoMerges,
	"codecommit.MergePullRequestBySquash ConcurrentReferenceUpdateException":      twoMerges,
	"codecommit.MergePullRequestByThreeWay ConcurrentReferenceUpdateException":    twoMerges,
}

const (
	oneAfterAnother = "changes happen one after another: none meets another half way"
	twoMerges       = "only the loser of two merges at once sees it: service/codecommit has the test"
)

// alwaysAnew are the operations that make or name something and find nothing in their way, and why.
var alwaysAnew = map[string]string{
	"codecommit.CreateUnreferencedMergeCommit": "each merge is a commit",
	"kms.CreateKey":                 "each key is another",
	"kms.ImportKeyMaterial":         "the same material is imported again, other is an IncorrectKeyMaterialException: service/kms has the tests",
	"logs.CreateLogAnomalyDetector": "each detector is another",
	"s3.CreateMultipartUpload":      "each upload is another",
}

// conflicts make what is there, by package, and return what then is asked for.
var conflicts = map[string]func(t *testing.T, f *fixture) []conflict{
	"codebuild": codebuildConflicts, "codecommit": codecommitConflicts, "iam": iamConflicts, "kms": kmsConflicts, "logs": logsConflicts,
	"s3": s3Conflicts, "s3control": s3controlConflicts,
}

func TestOperations_TellWhatExistsAlready(t *testing.T) {
	t.Parallel()
	var packages []string
	idle := maps.Clone(neverClashes)
	maps.Copy(idle, alwaysAnew)
	for _, m := range newFixture(t).Modules {
		packages = append(packages, m.API.Package)
		for key := range demands(m) {
			delete(idle, key)
			_, key, _ = strings.Cut(key, " ")
			delete(idle, m.API.Package+" "+key)
		}
		t.Run(m.API.Package, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			var cases []conflict
			if of := conflicts[m.API.Package]; of != nil {
				cases = of(t, f)
			}
			left := demands(m)
			for _, c := range cases {
				t.Run(c.op.Name+"/"+c.there, func(t *testing.T) { c.try(t, f) })
				for _, met := range []string{c.op.String(), c.op.String() + " " + c.shape()} {
					if reason := neverClashes[met] + alwaysAnew[met]; reason != "" {
						t.Errorf("%s has a case, although %s", met, reason)
					}
					delete(left, met)
				}
			}
			for key := range left {
				op, e, _ := strings.Cut(key, " ")
				if neverClashes[key] == "" && neverClashes[m.API.Package+" "+e] == "" && (e != "" || alwaysAnew[op] == "") {
					t.Errorf("no case of %s", key)
				}
			}
			f.wantNoTroubles(t)
		})
	}
	for key := range idle {
		t.Errorf("%s is no operation or error that has to have a case", key)
	}
	for name := range conflicts {
		if !slices.Contains(packages, name) {
			t.Errorf("there is no package %s", name)
		}
	}
}

// demands are the operations that make or name something, and those with an error of a clash, followed by its shape.
func demands(m service.Module) map[string]bool {
	all := map[string]bool{}
	for _, h := range m.Operations {
		if makesOrNames(h.Operation) {
			all[h.Operation.String()] = true
		}
		for _, e := range h.Operation.Errors {
			if clash.MatchString(e.Shape) {
				all[h.Operation.String()+" "+e.Shape] = true
			}
		}
	}
	return all
}

// shape is the modelled error that the case expects.
func (c *conflict) shape() string {
	for _, e := range c.op.Errors {
		if e.Code == c.code {
			return e.Shape
		}
	}
	return c.code
}

func (c *conflict) try(t *testing.T, f *fixture) {
	t.Helper()
	as := client{cloud: f.Cloud, id: f.owner().id, secret: f.owner().secret}
	if c.as != nil {
		as = *c.as
	}
	as.region = c.region
	got := as.do(t, c.op, c.in, "")
	if got.status != c.status || got.code != c.code || got.message != c.message || !strings.Contains(got.body, c.body) {
		t.Errorf("got %d %s: %s\n%.300s\nwant %s", got.status, got.code, got.message, got.body, fmt.Sprint(c.status, " ", c.code, ": ", c.message, c.body))
	}
}

// have carries out what has to succeed, before the requests in question.
func have[In, Out any](t *testing.T, op aws.Op[In, Out], call *aws.Call, in *In) *Out {
	t.Helper()
	out, err := op.Do(call, in)
	if err != nil {
		t.Fatalf("%s: %v", op.Name, err)
	}
	return out
}
