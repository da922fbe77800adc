package s3

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
	"drydock/task"
)

// loggingPrincipal delivers access logs. The target's policy has to let it.
const loggingPrincipal = "logging.s3.amazonaws.com"

// maxLogObject is about how large an object with records becomes.
const maxLogObject = 5 << 20

// deliver puts the records of a bucket's requests into its target.
func (s *Service) deliver(ctx context.Context, t task.Task) (task.Next, error) {
	if err := s.flush(ctx); err != nil {
		return task.Done, err
	}
	for {
		more, err := s.deliverOnce(ctx, t.Key)
		if err != nil || !more {
			return task.Done, err
		}
	}
}

// deliverOnce puts one object and tells whether there may be more to put.
func (s *Service) deliverOnce(ctx context.Context, key string) (more bool, err error) {
	var rows []*accessLines
	var from, to *bucket
	var l *api.LoggingEnabled
	var body strings.Builder
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		rows, to, l = nil, nil, nil
		body.Reset()
		var err error
		if from, err = taskBucket(tx, key); err != nil || from == nil {
			return err
		}
		for row, err := range accessLogs.Scan(tx, store.Range{Prefix: store.K(from.ID)}) {
			if err != nil {
				return err
			}
			if len(rows) > 0 && (!row.Day.Equal(rows[0].Day) || body.Len() > maxLogObject) {
				break
			}
			rows = append(rows, row)
			body.WriteString(row.Text)
		}
		c, err := configs.Get(tx, store.K(from.ID))
		if err != nil || c.Logging == nil {
			return err
		}
		l = c.Logging
		to, err = buckets.Get(tx, store.K(from.Partition, l.TargetBucket))
		return ignoreNotFound(err)
	})
	if err != nil || len(rows) == 0 {
		return false, err
	}
	forget := func(tx *store.Tx) error {
		for _, row := range rows {
			if _, err := accessLogs.Delete(tx, accessLogs.Key(row)); err != nil {
				return err
			}
		}
		return nil
	}
	if to == nil { // logging was ended, or the target is gone
		return true, s.DB.Update(ctx, forget)
	}
	call := s.NewCall(ctx, aws.ServicePrincipal(loggingPrincipal, ""), from.Region)
	call.Partition = from.Partition
	name := logKey(from, l, rows[0].Day, s.Clock.Now(), strings.ToUpper(call.NewHex(16)))
	check := aws.Check{Action: "s3:PutObject", Resource: to.arn() + "/" + name, Keys: map[string][]string{
		"aws:SourceArn": {from.arn()}, "aws:SourceAccount": {from.Account},
	}}
	if err := call.Cloud.Authorize(call, check); err != nil {
		if aws.ErrorCode(err) == "" {
			return false, err
		}
		s.Log.Warn("access log not delivered", "bucket", from.Name, "target", to.Name, "error", err)
		return true, s.DB.Update(ctx, forget)
	}
	return true, s.deposit(call, to.Name, &object{Key: name, headers: headers{ContentType: "text/plain"}}, strings.NewReader(body.String()), forget)
}

// deposit stores an object that S3 itself delivers. also runs in the same transaction.
func (s *Service) deposit(call *aws.Call, to string, o *object, body io.Reader, also func(*store.Tx) error) error {
	d := &declaration{}
	got, err := s.receive(call, body, s.Keys, d, api.ChecksumAlgorithmCrc64nvme)
	if err != nil {
		return err
	}
	o.Sum = checksum{Algorithm: api.ChecksumAlgorithmCrc64nvme, Type: api.ChecksumTypeFullObject, Value: got.sum(api.ChecksumAlgorithmCrc64nvme)}
	o.Size, o.ETag = got.segment.Size, hex.EncodeToString(got.md5[:])
	_, err = s.commit(call, to, nil, o, writeCondition{}, []segment{got.segment}, func(tx *store.Tx, _ *bucket) error {
		if also == nil {
			return nil
		}
		return also(tx)
	})
	if err != nil {
		s.discard(call, got.segment)
	}
	return err
}

// logKey is the key of an object with records.
func logKey(b *bucket, l *api.LoggingEnabled, day, now time.Time, unique string) string {
	key := l.TargetPrefix
	at := now.UTC()
	if f := l.TargetObjectKeyFormat; f != nil && f.PartitionedPrefix != nil {
		if text(f.PartitionedPrefix.PartitionDateSource) == string(api.PartitionDateSourceEventTime) {
			at = day.UTC()
		}
		key += fmt.Sprintf("%s/%s/%s/%s/", b.Account, b.Region, b.Name, at.Format("2006/01/02"))
	}
	return key + at.Format("2006-01-02-15-04-05") + "-" + unique
}

// forgetLogs removes what a bucket that goes has of records and of being logged.
func (s *Service) forgetLogs(tx *store.Tx, b *bucket) error {
	if _, err := loggedBuckets.Delete(tx, store.K(b.Partition, b.Name)); err != nil {
		return err
	}
	for row, err := range accessLogs.Scan(tx, store.Range{Prefix: store.K(b.ID)}) {
		if err == nil {
			_, err = accessLogs.Delete(tx, accessLogs.Key(row))
		}
		if err != nil {
			return err
		}
	}
	return s.Tasks.Cancel(tx, accessLogKind, b.Partition+"/"+b.Name)
}
