package logs_test

import (
	"strings"
	"testing"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
)

func storedBytes(t *testing.T, call *aws.Call) int64 {
	t.Helper()
	out, err := api.DescribeLogGroups.Do(call, &api.DescribeLogGroupsInput{LogGroupNamePrefix: new("app")})
	if err != nil {
		t.Fatal(err)
	}
	return *out.LogGroups[0].StoredBytes
}

func TestLogGroup_CountsWhatItStores(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	createGroup(t, call, "app")
	createStream(t, call, "app", "one")
	createStream(t, call, "app", "two")
	if n := storedBytes(t, call); n != 0 {
		t.Errorf("%d bytes in an empty group", n)
	}
	within := func(least int64) {
		t.Helper()
		if n := storedBytes(t, call); n < least || n > least+1000 {
			t.Errorf("%d bytes, want %d and little more", n, least)
		}
	}
	line := strings.Repeat("x", 200_000)
	for range 4 { // more than is kept in memory
		putMessages(t, call, "app", "one", line, line)
	}
	within(1_600_000)
	putMessages(t, call, "app", "two", line)
	within(1_800_000)
	if _, err := api.DeleteLogStream.Do(call, &api.DeleteLogStreamInput{LogGroupName: "app", LogStreamName: "two"}); err != nil {
		t.Fatal(err)
	}
	c.WaitIdle(t)
	within(1_600_000)
	if _, err := api.PutRetentionPolicy.Do(call, &api.PutRetentionPolicyInput{LogGroupName: "app", RetentionInDays: 1}); err != nil {
		t.Fatal(err)
	}
	c.Advance(t, 26*time.Hour)
	within(0)
}
