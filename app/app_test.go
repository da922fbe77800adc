package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"

	"drydock/app"
	"drydock/app/execstream"
	"drydock/clock"
	"drydock/machine/namespace"
	"drydock/machine/process"
)

func TestMain(m *testing.M) {
	namespace.Main()
	process.Main()
	os.Exit(m.Run())
}

// running is a cloud that serves on a port of its own.
type running struct {
	*app.Cloud
	stop func()
}

func start(t *testing.T, config app.Config) *running {
	t.Helper()
	config.Listen = "127.0.0.1:0"
	config.Machine = "process"
	ctx, cancel := context.WithCancel(context.Background())
	cloud, err := app.Open(ctx, config, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- cloud.Serve(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	stopped := false
	r := &running{Cloud: cloud, stop: func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("Serve: %v", err)
		}
	}}
	t.Cleanup(r.stop)
	return r
}

func (r *running) do(t *testing.T, method, path, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.Endpoint()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	req.Host = req.Header.Get("Host")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

func TestCloud_ClockGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := start(t, app.Config{Data: dir})
	first.do(t, http.MethodPost, "/_drydock/clock", `{"action":"stop"}`)
	status, answer := first.do(t, http.MethodPost, "/_drydock/clock", `{"action":"advance","by":"720h"}`)
	if status != http.StatusOK {
		t.Fatalf("advance: %d %s", status, answer)
	}
	var before, after clock.State
	if err := json.Unmarshal([]byte(answer), &before); err != nil {
		t.Fatal(err)
	}
	first.stop()
	_, answer = start(t, app.Config{Data: dir}).do(t, http.MethodGet, "/_drydock/clock", "")
	if err := json.Unmarshal([]byte(answer), &after); err != nil {
		t.Fatal(err)
	}
	if after.Mode != clock.ModeStop || !after.Now.Equal(before.Now) {
		t.Errorf("clock %+v, before the restart %+v", after, before)
	}
}

func TestCloud_AnswersWhatSuitesForOtherStandInsPoll(t *testing.T) {
	t.Parallel()
	r := start(t, app.Config{Ephemeral: true})
	for path, want := range map[string]string{
		"/_drydock/health": `"status":"running"`, "/_localstack/health": `"logs":"available"`, "/health": `"services"`,
		"/_localstack/info": `"version"`,
	} {
		if status, body := r.do(t, http.MethodGet, path, ""); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

func TestCloud_ResetDeletesEverything(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/_drydock/reset", "/moto-api/reset", "/_localstack/state/reset"} {
		r := start(t, app.Config{Data: t.TempDir()})
		call := func(target, body string) (int, string) {
			return r.do(t, http.MethodPost, "/", body, "X-Amz-Target", "Logs_20140328."+target, "Content-Type", "application/x-amz-json-1.1",
				"Authorization", "AWS4-HMAC-SHA256 Credential=000000000000/"+clock.Wall().Format("20060102")+"/us-east-1/logs/aws4_request, "+
					"SignedHeaders=host;x-amz-date;x-amz-target, Signature=00", "X-Amz-Date", clock.Wall().Format("20060102T150405Z"))
		}
		if status, body := call("CreateLogGroup", `{"logGroupName":"a"}`); status != http.StatusOK {
			t.Fatalf("create: %d %s", status, body)
		}
		if status, body := r.do(t, http.MethodPost, path, ""); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, body)
		}
		if _, body := call("DescribeLogGroups", `{}`); !strings.Contains(body, `"logGroups":[]`) {
			t.Errorf("%s left %s", path, body)
		}
	}
}

func TestCloud_PagesOfOtherOriginsCannotControlIt(t *testing.T) {
	t.Parallel()
	r := start(t, app.Config{Ephemeral: true})
	if status, _ := r.do(t, http.MethodPost, "/_drydock/reset", "", "Origin", "https://evil.example"); status != http.StatusForbidden {
		t.Errorf("status %d", status)
	}
	for host, want := range map[string]int{"evil.example:4566": http.StatusForbidden, "localhost:4566": http.StatusOK, "[::1]:4566": http.StatusOK} {
		// The name of another's host may resolve to this machine.
		if status, body := r.do(t, http.MethodPost, "/_drydock/reset", "", "Origin", "http://"+host, "Host", host); status != want {
			t.Errorf("a page of %s: %d %s", host, status, body)
		}
	}
}

// TestCloud_IsNotControlledByNamesOfOthers is against pages that have their own name resolve to this machine: then they
// are of the same origin, and a GET tells nothing of it.
func TestCloud_IsNotControlledByNamesOfOthers(t *testing.T) {
	t.Parallel()
	r := start(t, app.Config{Ephemeral: true})
	machine, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{
		"127.0.0.1", "127.0.0.1:4566", "10.1.2.3:80", "[::1]:4566", "[::1]", "[fe80::1%25eth0]:4566", "localhost", "localhost:4566", "LocalHost.:4566", "s3.localhost:4566",
		"localhost.localstack.cloud:4566", "host.docker.internal:4566", "cloud.test", machine, machine + ":4566",
	} {
		if status, body := r.do(t, http.MethodGet, "/_drydock/clock", "", "Host", host); status != http.StatusOK {
			t.Errorf("the clock of %s: %d %s", host, status, body)
		}
	}
	for _, host := range []string{
		"evil.example:4566", "evil.example", "localhost.evil.example", "evillocalhost", "127.0.0.1.evil.example:4566", "printer.local", "localstack.cloud", "1", "[::1].evil.example",
	} {
		name := strings.TrimSuffix(host, ":4566")
		for path, want := range map[string]int{
			"/_drydock/clock": http.StatusForbidden, "/_drydock/metrics": http.StatusForbidden, "/_drydock/explain/x": http.StatusForbidden, "/_drydock/ca": http.StatusForbidden,
			"/_drydock/pprof/goroutine": http.StatusForbidden, "/_drydock/none": http.StatusForbidden,
			"/_drydock/health": http.StatusOK, "/_localstack/health": http.StatusOK, "/health": http.StatusOK, "/_localstack/info": http.StatusOK,
		} {
			status, body := r.do(t, http.MethodGet, path, "", "Host", host)
			if status != want || status == http.StatusForbidden && (!strings.Contains(body, `"`+name+`"`) || !strings.Contains(body, "by localhost")) {
				t.Errorf("%s of %s: %d %s, want %d", path, host, status, body, want)
			}
		}
		if status, body := r.do(t, http.MethodPost, "/_drydock/clock", `{"action":"stop"}`, "Host", host); status != http.StatusForbidden {
			t.Errorf("the clock of %s is moved: %d %s", host, status, body)
		}
	}
	// A suite may know the cloud by any name, but a page says where it comes from when it posts.
	for _, path := range []string{"/moto-api/reset", "/_localstack/state/reset"} {
		if status, body := r.do(t, http.MethodPost, path, "", "Host", "localstack:4566"); status != http.StatusOK {
			t.Errorf("%s by a suite: %d %s", path, status, body)
		}
		if status, body := r.do(t, http.MethodPost, path, "", "Host", "evil.example:4566", "Origin", "http://evil.example:4566"); status != http.StatusForbidden {
			t.Errorf("%s by a page: %d %s", path, status, body)
		}
	}
}

func TestCloud_InjectsFaults(t *testing.T) {
	t.Parallel()
	r := start(t, app.Config{Ephemeral: true})
	for _, tt := range []struct {
		path, body string
		status     int
		want       string
	}{
		{"s3/lose", `{"bucket":"none","key":"k"}`, http.StatusBadRequest, "NoSuchBucket"},
		{"s3/lose", `nonsense`, http.StatusBadRequest, "no JSON object"},
		{"s3/lose-zone", `{"zone":"nowhere-1a"}`, http.StatusBadRequest, "InvalidArgument"},
		{"s3/lose-zone", `{"zone":"eu-west-1c"}`, http.StatusNoContent, ""},
		{"s3/explode", `{}`, http.StatusNotFound, "no such fault"},
		{"none/lose", `{}`, http.StatusNotFound, "no such fault"},
	} {
		if status, body := r.do(t, http.MethodPost, "/_drydock/fault/"+tt.path, tt.body); status != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s %s: %d %s", tt.path, tt.body, status, body)
		}
	}
}

func TestOpen_RefusesConfigurationsThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	for want, config := range map[string]app.Config{
		"needs --strict":         {Listen: "0.0.0.0:4566", Ephemeral: true},
		"twelve digits":          {Account: "12", Ephemeral: true},
		"has no data directory":  {Ephemeral: true, Data: "/x"},
		"listen address":         {Listen: "nonsense", Ephemeral: true},
		"is used by another dry": {Data: start(t, app.Config{Data: t.TempDir()}).DataDescription()},
	} {
		_, err := app.Open(t.Context(), config, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestOpen_RefusesQuotasThatNobodyHeeds(t *testing.T) {
	t.Parallel()
	for name, quotas := range map[string]map[string]int{
		"unknown": {"kms/L-00000000": 1}, "zero": {"kms/L-6E3AF000": 0},
	} {
		c, err := app.Open(t.Context(), app.Config{Ephemeral: true, Quotas: quotas}, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), "quota") {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
}

func TestCoverage_ComesFromTheTables(t *testing.T) {
	t.Parallel()
	list, err := app.CoverageOf(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := app.WriteCoverage(list, dir); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(dir + "/logs.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(page, []byte("\n- CreateLogGroup\n")) {
		t.Errorf("page lacks CreateLogGroup:\n%s", page)
	}
}

func TestCloud_ExecIsRefused(t *testing.T) {
	t.Parallel()
	r := start(t, app.Config{Ephemeral: true})
	const upgrade = execstream.Protocol
	for name, test := range map[string]struct {
		method, target string
		header         []string
		status         int
		body           string
	}{
		"without an upgrade":   {http.MethodPost, "codebuild:none", nil, http.StatusUpgradeRequired, "drydock exec"},
		"another upgrade":      {http.MethodPost, "codebuild:none", []string{"Connection", "Upgrade", "Upgrade", "websocket"}, http.StatusUpgradeRequired, "drydock exec"},
		"another method":       {http.MethodPut, "codebuild:none", []string{"Connection", "Upgrade", "Upgrade", upgrade}, http.StatusNotFound, ""},
		"page of other origin": {http.MethodPost, "codebuild:none", []string{"Connection", "Upgrade", "Upgrade", upgrade, "Origin", "http://example.com"}, http.StatusForbidden, "other origins"},
		"a stranger's name":    {http.MethodPost, "codebuild:none", []string{"Connection", "Upgrade", "Upgrade", upgrade, "Host", "example.com"}, http.StatusForbidden, "example.com"},
		"nobody's target":      {http.MethodPost, "i-0123456789abcdef0", []string{"Connection", "Upgrade", "Upgrade", upgrade}, http.StatusNotFound, "no machine is known as i-0123456789abcdef0"},
		"no build":             {http.MethodPost, "codebuild:none", []string{"Connection", "Upgrade", "Upgrade", upgrade}, http.StatusBadRequest, "TargetNotConnected: "},
		"an ARN":               {http.MethodPost, "arn:aws:codebuild:us-east-1:000000000000:build%2Fp:none", []string{"Connection", "Upgrade", "Upgrade", upgrade}, http.StatusBadRequest, "ResourceNotFoundException: "},
	} {
		status, body := r.do(t, test.method, "/_drydock/exec/"+test.target, "", test.header...)
		if status != test.status || !strings.Contains(body, test.body) {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
}
