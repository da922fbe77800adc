package codebuild

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	api "drydock/api/codebuild"
	"drydock/api/logs"
	"drydock/api/s3"
	"drydock/aws"
	"drydock/blob"
	"drydock/clock"
)

const (
	// maxLine is the longest line kept in one piece.
	maxLine = 64 << 10
	// maxPending is how much of the log is held before output has to wait for it to be delivered.
	maxPending = 64 << 10
	// flushPause is how long, in the machine's time, a line may wait.
	flushPause = time.Second
	// maxEvents is how many events PutLogEvents takes.
	maxEvents = 10_000
)

// logsLocation is where a build's log goes, by its configuration.
func logsLocation(b *build, c *api.LogsConfig) *api.LogsLocation {
	out := &api.LogsLocation{CloudWatchLogs: &api.CloudWatchLogsConfig{Status: api.LogsConfigStatusTypeEnabled}, S3Logs: &api.S3LogsConfig{Status: api.LogsConfigStatusTypeDisabled, EncryptionDisabled: new(false)}}
	if c != nil && c.CloudWatchLogs != nil {
		out.CloudWatchLogs = c.CloudWatchLogs
	}
	if c != nil && c.S3Logs != nil {
		out.S3Logs = c.S3Logs
	}
	partition := aws.PartitionOf(b.Region)
	if out.CloudWatchLogs.Status == api.LogsConfigStatusTypeEnabled {
		group, stream := value(out.CloudWatchLogs.GroupName), value(out.CloudWatchLogs.StreamName)
		if group == "" {
			group = "/aws/codebuild/" + *b.Detail.ProjectName
		}
		if stream == "" {
			stream = b.uuid()
		} else {
			stream += "/" + b.uuid()
		}
		out.GroupName, out.StreamName = &group, &stream
		out.CloudWatchLogsARN = new(aws.ARN{
			Partition: partition, Service: "logs", Region: b.Region, Account: b.Account, Resource: "log-group:" + group + ":log-stream:" + stream,
		}.String())
		out.DeepLink = new("https://console.aws.amazon.com/cloudwatch/home?region=" + b.Region + "#logsV2:log-groups/log-group/" +
			consoleEscape(group) + "/log-events/" + consoleEscape(stream))
	}
	if out.S3Logs.Status == api.LogsConfigStatusTypeEnabled {
		bucket, key := s3LogKey(b, out.S3Logs)
		out.S3LogsARN = new("arn:" + partition + ":s3:::" + bucket + "/" + key)
		out.S3DeepLink = new("https://s3.console.aws.amazon.com/s3/object/" + bucket + "/" + key + "?region=" + b.Region)
	}
	return out
}

// consoleEscape writes a name as the console's links have it.
func consoleEscape(name string) string { return strings.ReplaceAll(name, "/", "$252F") }

// s3LogKey is the object that has the whole log at the end.
func s3LogKey(b *build, c *api.S3LogsConfig) (bucket, key string) {
	bucket, prefix, _ := strings.Cut(strings.TrimPrefix(value(c.Location), "arn:aws:s3:::"), "/")
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		prefix += "/"
	}
	return bucket, prefix + b.uuid() + ".gz"
}

// buildLog is what a build says. Whole lines go to CloudWatch Logs while the build runs, as events of the service role,
// and to an object in S3 at the end, if so configured. It holds little: whoever writes faster than lines can be
// delivered waits. It is safe for concurrent use.
type buildLog struct {
	r *run

	sending sync.Mutex // held while events are delivered, so that they keep their order

	mu      sync.Mutex // guards the fields below
	line    []byte     // begun and not ended
	events  []logs.InputLogEvent
	size    int
	open    bool // the stream exists
	closed  bool
	stop    context.CancelFunc
	stopped chan struct{}
	spool   *blob.Writer // the compressed log for S3
	packed  *gzip.Writer
}

func newBuildLog(r *run) *buildLog { return &buildLog{r: r} }

// start makes group and stream and begins to deliver. Its failure is one of the PROVISIONING phase.
func (l *buildLog) start(ctx context.Context) *failure {
	location := l.r.b.Detail.Logs
	open := false
	if location.CloudWatchLogs.Status == api.LogsConfigStatusTypeEnabled {
		if err := l.createStream(ctx, *location.GroupName, *location.StreamName); err != nil {
			return fail("ACCESS_DENIED", "Service role %s does not allow AWS CodeBuild to create Amazon CloudWatch Logs log streams for build %s. Error message: %s",
				l.r.role.arn, *l.r.b.Detail.ARN, serviceError(err))
		}
		open = true
	}
	var spool *blob.Writer
	if location.S3Logs.Status == api.LogsConfigStatusTypeEnabled {
		var err error
		if spool, err = l.r.s.Blobs.Create(context.WithoutCancel(ctx)); err != nil {
			return fault(err)
		}
	}
	ticking, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open, l.stop, l.stopped = open, stop, make(chan struct{})
	if spool != nil {
		l.spool, l.packed = spool, gzip.NewWriter(spool)
	}
	go func() {
		defer close(l.stopped)
		for clock.Pause(ticking, flushPause) == nil {
			l.flush(ticking)
		}
	}()
	return nil
}

func (l *buildLog) createStream(ctx context.Context, group, stream string) error {
	call, err := l.r.role.call(ctx)
	if err != nil {
		return err
	}
	_, err = logs.CreateLogStream.Do(call, &logs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream})
	if aws.IsError(err, "ResourceNotFoundException") {
		if _, err := logs.CreateLogGroup.Do(call, &logs.CreateLogGroupInput{LogGroupName: group}); err != nil && !aws.IsError(err, "ResourceAlreadyExistsException") {
			return err
		}
		_, err = logs.CreateLogStream.Do(call, &logs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream})
	}
	if aws.IsError(err, "ResourceAlreadyExistsException") {
		return nil
	}
	return err
}

// printf writes a line of CodeBuild's own.
func (l *buildLog) printf(format string, args ...any) {
	stamp := l.r.s.Clock.Now().Format("2006/01/02 15:04:05.000000")
	text := fmt.Sprintf("[Container] "+stamp+" "+format+"\n", args...)
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(text) > 0 { // a command may have many lines
		line, rest, _ := strings.Cut(text, "\n")
		l.add(append([]byte(line), '\n'))
		text = rest
	}
}

// Write takes the output of a command. It waits where too much is pending.
func (l *buildLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	for rest := p; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n') + 1
		if i == 0 {
			i = len(rest)
		}
		i = min(i, maxLine-len(l.line))
		l.line = append(l.line, rest[:i]...)
		rest = rest[i:]
		if l.line[len(l.line)-1] == '\n' || len(l.line) == maxLine {
			l.add(l.line)
			l.line = l.line[:0]
		}
	}
	full := l.size > maxPending
	l.mu.Unlock()
	if full {
		l.flush(context.Background())
	}
	return len(p), nil
}

// endLine ends a line that a command left open.
func (l *buildLog) endLine() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.line) > 0 {
		l.add(append(l.line, '\n'))
		l.line = l.line[:0]
	}
}

// add takes a line. l.mu is held.
func (l *buildLog) add(line []byte) {
	if l.closed {
		return
	}
	if l.packed != nil {
		_, _ = l.packed.Write(line) // an error stays with the blob and is found when it is committed
	}
	if l.open || l.stop == nil { // before the stream exists lines wait for it
		l.events = append(l.events, logs.InputLogEvent{Timestamp: l.r.s.Clock.Now().UnixMilli(), Message: strings.ToValidUTF8(string(line), "\uFFFD")})
		l.size += len(line)
	}
}

// flush delivers what is pending. What cannot be delivered is lost, as at AWS, and so is said.
func (l *buildLog) flush(ctx context.Context) {
	l.sending.Lock()
	defer l.sending.Unlock()
	for {
		l.mu.Lock()
		n := min(len(l.events), maxEvents)
		size := 0
		for i := range n {
			if size += len(l.events[i].Message) + 26; size > 1<<20 { // the quota counts 26 bytes beside each message
				n = i
				break
			}
		}
		batch := l.events[:n:n]
		l.events = l.events[n:]
		if len(l.events) == 0 {
			l.events, l.size = nil, 0
		}
		open := l.open
		l.mu.Unlock()
		if n == 0 || !open {
			return
		}
		if err := l.put(context.WithoutCancel(ctx), batch); err != nil {
			l.r.s.Log.Warn("deliver build log", "build", l.r.b.ID, "error", err)
			return
		}
	}
}

func (l *buildLog) put(ctx context.Context, batch []logs.InputLogEvent) error {
	call, err := l.r.role.call(ctx)
	if err != nil {
		return err
	}
	location := l.r.b.Detail.Logs
	_, err = logs.PutLogEvents.Do(call, &logs.PutLogEventsInput{LogGroupName: *location.GroupName, LogStreamName: *location.StreamName, LogEvents: batch})
	return err
}

// close delivers the rest and stores the log in S3; its error tells that the latter failed. Closing again does nothing.
func (l *buildLog) close(ctx context.Context) error {
	l.endLine()
	l.flush(ctx)
	l.mu.Lock()
	closed, stop, spool, packed := l.closed, l.stop, l.spool, l.packed
	l.closed = true
	l.mu.Unlock()
	if closed || stop == nil {
		return nil
	}
	stop()
	<-l.stopped
	if spool == nil {
		return nil
	}
	defer func() { _ = spool.Abort() }()
	err := l.store(context.WithoutCancel(ctx), spool, packed)
	if err != nil {
		l.r.s.Log.Warn("store build log in S3", "build", l.r.b.ID, "error", err)
	}
	return err
}

// store puts the whole log into its object.
func (l *buildLog) store(ctx context.Context, spool *blob.Writer, packed *gzip.Writer) error {
	if err := packed.Close(); err != nil {
		return err
	}
	ref, err := spool.Commit()
	if err != nil {
		return err
	}
	defer func() { _ = l.r.s.Blobs.Delete(ctx, ref.ID) }() // one that stays is an orphan, which Sweep finds
	content, err := l.r.s.Blobs.Open(ctx, ref.ID)
	if err != nil {
		return err
	}
	defer content.Close()
	c := l.r.b.Detail.Logs.S3Logs
	bucket, key := s3LogKey(l.r.b, c)
	in := &s3.PutObjectInput{Bucket: bucket, Key: key, Body: io.Reader(content), ContentLength: new(content.Size()), ContentType: new("application/gzip")}
	if !value(c.EncryptionDisabled) {
		l.r.encrypt(in)
	}
	call, err := l.r.role.call(ctx)
	if err != nil {
		return err
	}
	_, err = s3.PutObject.Do(call, in)
	return err
}
