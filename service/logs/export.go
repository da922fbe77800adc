package logs

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"drydock/api/s3"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/store"
	"drydock/task"
)

// exportKind carries out an export, an object with each step. Its key is the task's id, its data the task's key.
const exportKind = "logs.export"

// maxExportBytes is how long the text of an object is at most; it is in memory while it is written.
const maxExportBytes = 32 << 20

// exportKey is the key of an export task.
type exportKey struct{ Account, Region, ID string }

func (s *Service) scheduleExport(tx *store.Tx, t *exportTask) error {
	data, err := json.Marshal(exportKey{t.Account, t.Region, t.ID})
	if err != nil {
		return fmt.Errorf("encoding an export's key: %w", err)
	}
	return s.Tasks.Schedule(tx, exportKind, t.ID, t.Created, data)
}

// export writes the next object of a task and remembers how far it has come. An object that was written and not
// remembered is written again, with the same content.
func (s *Service) export(ctx context.Context, due task.Task) (task.Next, error) {
	var key exportKey
	if err := json.Unmarshal(due.Data, &key); err != nil {
		return task.Done, fmt.Errorf("decoding an export's key: %w", err)
	}
	call := s.NewCall(ctx, aws.ServicePrincipal(s.principal(key.Region), key.Account), key.Region)
	var t *exportTask
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		t, err = exportTasks.Get(tx, store.K(key.Account, key.Region, key.ID))
		return err
	})
	if errors.Is(err, store.ErrNotFound) || err == nil && t.ended() {
		return task.Done, nil
	}
	if err != nil {
		return task.Done, err
	}
	part, err := s.exportPart(call, t)
	if err == nil && part.text.Len() > 0 {
		err = s.writePart(call, t, part)
	}
	if e, ok := errors.AsType[*aws.Error](err); ok && e.Status < 500 {
		return task.Done, s.exportGoesOn(ctx, key, func(t *exportTask) {
			t.Status, t.Message, t.Completed = api.ExportTaskStatusCodeFailed, e.Message, call.Now()
		})
	}
	if err != nil {
		return task.Done, err
	}
	next := task.At(due.Due)
	err = s.exportGoesOn(ctx, key, func(t *exportTask) {
		t.Status = api.ExportTaskStatusCodeRunning
		t.Stream, t.Part, t.After = part.stream, part.number, part.after
		if part.last {
			next = task.Done
			t.Status, t.Message, t.Completed = api.ExportTaskStatusCodeCompleted, "Completed successfully", call.Now()
		}
	})
	return next, err
}

// exportGoesOn changes a task unless it has been cancelled meanwhile.
func (s *Service) exportGoesOn(ctx context.Context, key exportKey, change func(*exportTask)) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		t, err := exportTasks.Get(tx, store.K(key.Account, key.Region, key.ID))
		if err != nil || t.ended() {
			return err
		}
		change(t)
		return exportTasks.Put(tx, t)
	})
}

// exportPart is an object's text, and where the task goes on behind it.
type exportPart struct {
	key  string
	text bytes.Buffer
	// stream, number and after are the task's next Stream, Part and After.
	stream string
	number int
	after  string
	// last tells that nothing is left.
	last bool
}

// exportPart reads the next events.
func (s *Service) exportPart(call *aws.Call, t *exportTask) (*exportPart, error) {
	var p *exportPart
	err := s.view(call, func(tx *store.Tx, keys *dataKeys) error {
		p = &exportPart{last: true}
		g, err := getLogGroup(tx, call, t.Group)
		if err != nil {
			return err
		}
		hidden, err := masksOf(tx, g)
		if err != nil {
			return err
		}
		w := newWindow(g, call.Now(), &t.From, &t.To)
		for stream, err := range exportedStreams(tx, g, t) {
			if err != nil {
				return err
			}
			p.key, p.stream = t.object(stream.Name, 0), stream.Name
			w.after = position{Time: -1}
			if stream.Name == t.Stream && t.After != "" {
				p.key = t.object(stream.Name, t.Part)
				p.number = t.Part
				if w.after, err = parsePosition(t.After); err != nil {
					return err
				}
			}
			rows := keys.open(tx, g, batches.Scan(tx, w.rangeOf(store.K(g.ID, stream.ID))))
			if err := p.read(rows, &w, hidden); err != nil {
				return err
			}
			if p.text.Len() > 0 {
				p.last = false
				return nil
			}
		}
		return nil
	})
	return p, err
}

// exportedStreams yields the streams that are left, in the order of names.
func exportedStreams(tx *store.Tx, g *logGroup, t *exportTask) iter.Seq2[*logStream, error] {
	r := store.Range{}
	r.From, r.To = store.K(g.ID).StringPrefix(t.StreamPrefix)
	if t.Stream != "" {
		r.From = store.K(g.ID, t.Stream)
		if t.After == "" {
			r.After = r.From
		}
	}
	return logStreams.Scan(tx, r)
}

// read fills the object with events.
func (p *exportPart) read(rows iter.Seq2[*batch, error], w *window, hidden masks) error {
	for e, err := range ascending(rows) {
		switch {
		case err != nil:
			return err
		case !w.has(e):
			continue
		case p.text.Len() >= maxExportBytes:
			p.number++
			return nil
		}
		fmt.Fprintf(&p.text, "%s %s\n", time.UnixMilli(e.Time).UTC().Format("2006-01-02T15:04:05.000Z"), hidden.apply(e.Message))
		p.after = e.position.String()
	}
	// The stream is at its end; the next step goes on behind it.
	p.number, p.after = 0, ""
	return nil
}

// object is the key of a stream's object.
func (t *exportTask) object(stream string, part int) string {
	return fmt.Sprintf("%s/%s/%s/%06d.gz", t.Prefix, t.ID, strings.ReplaceAll(stream, "/", "-"), part)
}

func (s *Service) writePart(call *aws.Call, t *exportTask, p *exportPart) error {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, err := p.text.WriteTo(zip)
	if err == nil {
		err = zip.Close()
	}
	if err != nil {
		return fmt.Errorf("packing an export: %w", err)
	}
	bucket := aws.ARN{Partition: call.Partition, Service: "s3", Resource: t.Bucket}.String()
	if err := s.agrees(call, t, "s3:PutObject", bucket+"/"+p.key); err != nil {
		return bucketRefuses("PutObject", err)
	}
	_, err = s3.PutObject.Do(call, &s3.PutObjectInput{
		Bucket: t.Bucket, Key: p.key, Body: &packed, ContentType: new("application/x-gzip"), ACL: new(s3.ObjectCannedACLBucketOwnerFullControl),
	})
	if err != nil {
		return bucketRefuses("PutObject", err)
	}
	return nil
}
