package logs

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"drydock/api/s3"
	"drydock/aws"
	"drydock/store"
	"drydock/task"
)

// findingsKind takes a report of findings to a bucket. Its key is that of the report, its data the report.
const findingsKind = "logs.findings"

// maxFindingsAge is how long a bucket that refuses a report is tried again.
const maxFindingsAge = 24 * time.Hour

// report is what an audit of an event found.
type report struct {
	AuditTimestamp  time.Time    `json:"auditTimestamp"`
	ResourceARN     string       `json:"resourceArn"`
	DataIdentifiers []detections `json:"dataIdentifiers"`
}

type detections struct {
	Name       string      `json:"name"`
	Count      int         `json:"count"`
	Detections []detection `json:"detections"`
}

type detection struct {
	Start int `json:"start"`
	End   int `json:"end"`
}

// audit reports sensitive data in new events, where a policy asks for that.
func (s *Service) audit(tx *store.Tx, keys *dataKeys, g *logGroup, events []ingested, now time.Time) error {
	policies, err := dataProtectionOf(tx, g)
	if err != nil {
		return err
	}
	for n, p := range policies {
		if !p.audits() || p.findings.CloudWatchLogs != nil && p.findings.CloudWatchLogs.LogGroup == g.Name {
			continue
		}
		for i := range events {
			r := p.report(g, events[i].Message, now)
			if r == nil {
				continue
			}
			text, err := json.Marshal(r)
			if err != nil {
				return fmt.Errorf("encoding findings: %w", err)
			}
			if err := s.sendFindings(tx, keys, g, &p.findings, fmt.Sprintf("%s-%d", events[i].ID, n), string(text), now); err != nil {
				return err
			}
		}
	}
	return nil
}

// report returns what is found in a message, or nil.
func (p *protection) report(g *logGroup, message string, now time.Time) *report {
	r := &report{AuditTimestamp: now.UTC().Truncate(time.Second), ResourceARN: g.arn() + ":*"}
	for _, d := range p.identifiers {
		found := detections{Name: d.Name}
		for _, span := range d.Find(message) {
			found.Detections = append(found.Detections, detection{span.Start, span.End})
		}
		if found.Count = len(found.Detections); found.Count > 0 {
			r.DataIdentifiers = append(r.DataIdentifiers, found)
		}
	}
	if len(r.DataIdentifiers) == 0 {
		return nil
	}
	return r
}

func (s *Service) sendFindings(tx *store.Tx, keys *dataKeys, g *logGroup, to *findingsDestination, id, text string, now time.Time) error {
	if to.CloudWatchLogs != nil {
		if err := s.logFindings(tx, keys, groupKey{g.Account, g.Region, to.CloudWatchLogs.LogGroup}, g.Name, text, now); err != nil {
			return err
		}
	}
	if to.S3 == nil {
		return nil
	}
	data, err := json.Marshal(findings{Account: g.Account, Region: g.Region, Group: g.Name, Bucket: to.S3.Bucket, Text: text, Since: now})
	if err != nil {
		return fmt.Errorf("encoding findings: %w", err)
	}
	return s.Tasks.Schedule(tx, findingsKind, fmt.Sprintf("%d/%s", g.ID, id), now, data)
}

// logFindings appends a report to a stream of a group, named after the group that it is about. A group that is gone gets
// none.
func (s *Service) logFindings(tx *store.Tx, keys *dataKeys, to groupKey, about, text string, now time.Time) error {
	g, err := findLogGroup(tx, to)
	if err != nil || g == nil {
		return err
	}
	stream, err := logStreams.Get(tx, store.K(g.ID, about))
	if errors.Is(err, store.ErrNotFound) {
		stream = &logStream{Group: g.ID, Name: about, ID: s.sequence.next(), Created: now}
		err = logStreams.Put(tx, stream)
	}
	if err != nil {
		return err
	}
	b := &batch{Group: g.ID, Stream: stream.ID, Seq: s.sequence.next(), Ingested: now.UnixMilli()}
	b.add(now.UnixMilli(), text)
	if g.KMSKeyID != "" {
		if err := keys.seal(tx, g, b); err != nil {
			return err
		}
	}
	if err := batches.Insert(tx, b); err != nil {
		return err
	}
	if g.RetentionDays > 0 {
		return s.scheduleExpiry(tx, g, now.UnixMilli())
	}
	return nil
}

// findings is a report on its way to a bucket.
type findings struct {
	Account, Region, Group string
	Bucket                 string
	Text                   string
	Since                  time.Time
}

// deliverFindings puts a report into a bucket.
func (s *Service) deliverFindings(ctx context.Context, t task.Task) (task.Next, error) {
	var f findings
	if err := json.Unmarshal(t.Data, &f); err != nil {
		return task.Done, fmt.Errorf("decoding findings: %w", err)
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, err := zip.Write([]byte(f.Text + "\n"))
	if err == nil {
		err = zip.Close()
	}
	if err != nil {
		return task.Done, fmt.Errorf("packing findings: %w", err)
	}
	day := f.Since.UTC().Format("2006/01/02")
	key := fmt.Sprintf("AWSLogs/%s/CloudWatchLogs/%s/%s/%s/%s.json.gz", f.Account, f.Region, strings.Trim(f.Group, "/"), day, t.Key[strings.IndexByte(t.Key, '/')+1:])
	call := s.NewCall(ctx, aws.ServicePrincipal("delivery.logs.amazonaws.com", f.Account), f.Region)
	_, err = s3.PutObject.Do(call, &s3.PutObjectInput{Bucket: f.Bucket, Key: key, Body: &packed, ACL: new(s3.ObjectCannedACLBucketOwnerFullControl)})
	if err != nil && s.Clock.Now().Sub(f.Since) < maxFindingsAge && ctx.Err() == nil {
		return task.Done, fmt.Errorf("findings to %s: %w", f.Bucket, err)
	}
	if err != nil {
		s.Log.Warn("findings given up", "bucket", f.Bucket, "error", err)
	}
	return task.Done, nil
}
