package logs

import (
	"strings"
	"testing"
	"time"

	"drydock/api/kms"
	api "drydock/api/logs"
	"drydock/aws"
	"drydock/ledger"
	"drydock/service/servicetest"
	"drydock/store"
)

// newKey makes a key that lets CloudWatch Logs use it for the account's groups.
func newKey(t *testing.T, call *aws.Call) string {
	t.Helper()
	return *do(t, kms.CreateKey, call, &kms.CreateKeyInput{Policy: new(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"},
		{"Effect":"Allow","Principal":{"Service":"logs.us-east-1.amazonaws.com"},"Action":["kms:Decrypt*","kms:GenerateDataKey*"],"Resource":"*",
			"Condition":{"ArnLike":{"kms:EncryptionContext:aws:logs:arn":"arn:aws:logs:us-east-1:111122223333:log-group:*"}}}]}`)}).KeyMetadata.ARN
}

func read(t *testing.T, call *aws.Call, stream string) (string, error) {
	t.Helper()
	out, err := api.GetLogEvents.Do(call, &api.GetLogEventsInput{LogGroupName: new("app"), LogStreamName: stream})
	if err != nil {
		return "", err
	}
	var all []string
	for _, e := range out.Events {
		all = append(all, *e.Message)
	}
	return strings.Join(all, " "), nil
}

// rawRows finds a text in what is stored.
func stored(t *testing.T, c *servicetest.Cloud, text string) bool {
	t.Helper()
	type row struct {
		Group, Stream, First, Seq int64
		Events                    []byte `cbor:"7,keyasint"`
	}
	rows := store.NewTable("logs/batch", func(r *row) store.Key { return store.K(r.Group, r.Stream, r.First, r.Seq) })
	found := false
	if err := c.DB.View(t.Context(), func(tx *store.Tx) error {
		for r, err := range rows.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			found = found || strings.Contains(string(r.Events), text)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestEncryption_KeepsEventsUnderAKey(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	key := newKey(t, call)
	do(t, api.CreateLogGroup, call, &api.CreateLogGroupInput{LogGroupName: "app", KMSKeyID: &key})
	write(t, call, "one", "secret-1", "secret-2")
	if got := do(t, api.DescribeLogGroups, call, &api.DescribeLogGroupsInput{}).LogGroups[0].KMSKeyID; got == nil || *got != key {
		t.Errorf("key %v", got)
	}
	if stored(t, c, "secret") {
		t.Error("events are stored in the clear")
	}
	if got, err := read(t, call, "one"); err != nil || got != "secret-1 secret-2" {
		t.Errorf("%q, %v", got, err)
	}
	found := do(t, api.FilterLogEvents, call, &api.FilterLogEventsInput{LogGroupName: new("app"), FilterPattern: new(`"secret-2"`)})
	if len(found.Events) != 1 {
		t.Errorf("found %+v", found.Events)
	}
	id := do(t, api.StartQuery, call, &api.StartQueryInput{
		LogGroupName: new("app"), QueryString: "filter @message like /secret/ | stats count(*) as n", StartTime: at(-time.Hour) / 1000, EndTime: at(time.Hour) / 1000,
	}).QueryID
	c.Advance(t, 10*time.Minute) // what is in memory is forgotten
	c.WaitIdle(t)
	if out := do(t, api.GetQueryResults, call, &api.GetQueryResultsInput{QueryID: *id}); *out.Status != api.QueryStatusComplete || *out.Results[0][0].Value != "2" {
		t.Errorf("query %+v", out)
	}
	write(t, call, "two", "secret-3")
	if got, err := read(t, call, "two"); err != nil || got != "secret-3" {
		t.Errorf("%q, %v", got, err)
	}
	letIn(t, call, "bucket")
	do(t, api.CreateExportTask, call, &api.CreateExportTaskInput{LogGroupName: "app", From: 1, To: at(time.Hour), Destination: "bucket"})
	c.WaitIdle(t)
	if got := objects(t, call, "bucket"); len(got) != 3 {
		t.Errorf("exported %v", got)
	}

	// Without the key nothing can be read or written, once the data keys in memory have had their time.
	ledger.Covers(t, "IAM-10")
	do(t, kms.DisableKey, call, &kms.DisableKeyInput{KeyID: key})
	c.Advance(t, 10*time.Minute)
	_, err := read(t, call, "one")
	servicetest.WantError(t, err, "InvalidParameterException")
	_, err = api.PutLogEvents.Do(call, &api.PutLogEventsInput{
		LogGroupName: "app", LogStreamName: "one", LogEvents: []api.InputLogEvent{{Timestamp: at(0), Message: "x"}},
	})
	servicetest.WantError(t, err, "InvalidParameterException")
	do(t, kms.EnableKey, call, &kms.EnableKeyInput{KeyID: key})
	if got, err := read(t, call, "one"); err != nil || got != "secret-1 secret-2" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestEncryption_CountsForEventsThatComeLater(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	write(t, call, "one", "clear")
	first, second := newKey(t, call), newKey(t, call)
	do(t, api.AssociateKMSKey, call, &api.AssociateKMSKeyInput{LogGroupName: new("app"), KMSKeyID: first})
	write(t, call, "two", "hidden-1")
	do(t, api.AssociateKMSKey, call, &api.AssociateKMSKeyInput{ResourceIdentifier: new("arn:aws:logs:us-east-1:111122223333:log-group:app"), KMSKeyID: second})
	write(t, call, "three", "hidden-2")
	do(t, api.DisassociateKMSKey, call, &api.DisassociateKMSKeyInput{LogGroupName: new("app")})
	write(t, call, "four", "open")
	if !stored(t, c, "clear") || !stored(t, c, "open") || stored(t, c, "hidden") {
		t.Error("the wrong events are in the clear")
	}
	c.Advance(t, time.Hour)
	for stream, want := range map[string]string{"one": "clear", "two": "hidden-1", "three": "hidden-2", "four": "open"} {
		if got, err := read(t, call, stream); err != nil || got != want {
			t.Errorf("%s: %q, %v", stream, got, err)
		}
	}
	do(t, kms.DisableKey, call, &kms.DisableKeyInput{KeyID: first})
	c.Advance(t, time.Hour)
	_, err := read(t, call, "two")
	servicetest.WantError(t, err, "InvalidParameterException")
	if got, err := read(t, call, "three"); err != nil || got != "hidden-2" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestEncryption_RefusesKeysThatItMayNotUse(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	write(t, call, "one", "a")
	closed := *do(t, kms.CreateKey, call, &kms.CreateKeyInput{}).KeyMetadata.ARN // its policy names no service
	for name, key := range map[string]string{
		"no ARN": "alias/a", "no key": "arn:aws:kms:us-east-1:111122223333:key/12345678-1234-1234-1234-123456789012", "closed": closed,
	} {
		_, err := api.AssociateKMSKey.Do(call, &api.AssociateKMSKeyInput{LogGroupName: new("app"), KMSKeyID: key})
		servicetest.WantError(t, err, "InvalidParameterException")
		_, err = api.CreateLogGroup.Do(call, &api.CreateLogGroupInput{LogGroupName: "new", KMSKeyID: &key})
		if aws.ErrorCode(err) != "InvalidParameterException" {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := api.AssociateKMSKey.Do(call, &api.AssociateKMSKeyInput{LogGroupName: new("none"), KMSKeyID: closed})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.DisassociateKMSKey.Do(call, &api.DisassociateKMSKeyInput{})
	servicetest.WantError(t, err, "InvalidParameterException")
	_, err = api.AssociateKMSKey.Do(call, &api.AssociateKMSKeyInput{ResourceIdentifier: new("arn:aws:logs:us-east-1:111122223333:query-result:*"), KMSKeyID: newKey(t, call)})
	servicetest.WantError(t, err, "NotImplemented")
}
