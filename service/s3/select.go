package s3

import (
	"errors"
	"io"
	"net/http"
	"slices"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/lang/s3select"
)

const (
	// selectFlush is how much of a result is sent at once.
	selectFlush = 64 << 10
	// selectPause is after how much of an object a client hears of the progress, or that the connection lives.
	selectPause = 8 << 20
	// selectRecords is after how many records it is looked whether anybody waits for them: some take no bytes.
	selectRecords = 1 << 16
)

// selection is a query over an object that is under way.
type selection struct {
	query *s3select.Query
	in    s3select.Input
	out   *s3select.Output
	// raw counts what is read of the object, plain what it comes to without compression; of Parquet, pages does.
	raw, plain counter
	pages      func() (stored, plain int64)
	progress   bool
	returned   int64
	// random tells that the object, of size bytes, is read at any place, and of it what begins from start to end.
	random           bool
	size, start, end int64
}

// counter counts what is read, and remembers with what reading failed.
type counter struct {
	r   io.Reader
	at  io.ReaderAt
	n   int64
	err error
}

// ReadAt implements io.ReaderAt.
func (c *counter) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.at.ReadAt(p, off)
	c.n += int64(n)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// Read implements io.Reader.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// selectObjectContent answers a query over the records of an object.
func (s *Service) selectObjectContent(call *aws.Call, in *api.SelectObjectContentInput) (*api.SelectObjectContentOutput, error) {
	run := &selection{progress: in.RequestProgress != nil && in.RequestProgress.Enabled != nil && *in.RequestProgress.Enabled}
	if in.ExpressionType != api.ExpressionTypeSQL {
		return nil, badSelect("InvalidExpressionType", "The ExpressionType is not valid. Only SQL expressions are supported.")
	}
	var err error
	if run.query, err = s3select.Parse(in.Expression); err != nil {
		return nil, selectError(err)
	}
	if run.out, err = selectOutput(&in.OutputSerialization); err != nil {
		return nil, err
	}
	open, err := run.input(&in.InputSerialization, in.ScanRange)
	if err != nil {
		return nil, err
	}
	r := &reading{bucket: in.Bucket, key: in.Key, owner: in.ExpectedBucketOwner}
	if r.customer, err = customer(in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5); err != nil {
		return nil, err
	}
	body, err := run.from(s, call, r, in.ScanRange)
	if err != nil {
		return nil, err
	}
	return &api.SelectObjectContentOutput{Payload: func(yield func(any, error) bool) {
		defer func() {
			if err := body.Close(); err != nil {
				s.Log.Error("close a selected object", "bucket", in.Bucket, "error", err)
			}
		}()
		if err := run.stream(call, open, yield); err != nil && !errors.Is(err, errHungUp) {
			yield(nil, run.failure(err))
		}
	}}, nil
}

// from opens the object.
func (r *selection) from(s *Service, call *aws.Call, what *reading, span *api.ScanRange) (io.Closer, error) {
	if !r.random {
		_, body, err := s.openObject(call, what)
		r.raw.r = body
		return body, err
	}
	body, err := s.openRandom(call, what)
	if err != nil {
		return nil, err
	}
	r.raw.at, r.size = body, body.size
	if r.start, r.end, err = scanRange(span, body.size); err != nil {
		return nil, errors.Join(err, body.Close())
	}
	return body, nil
}

// errHungUp tells that nobody listens any more.
var errHungUp = errors.New("the client is gone")

// stream runs the query and yields its events.
func (r *selection) stream(call *aws.Call, open func() error, yield func(any, error) bool) error {
	send := func(e *api.SelectObjectContentEventStream) error {
		if !yield(e, nil) {
			return errHungUp
		}
		return nil
	}
	flush := func() error {
		n := r.out.Buffer.Len()
		if n == 0 {
			return nil
		}
		r.returned += int64(n)
		err := send(&api.SelectObjectContentEventStream{Records: &api.RecordsEvent{Payload: slices.Clone(r.out.Buffer.Bytes())}})
		r.out.Buffer.Reset()
		return err
	}
	told, records := int64(0), 0
	err := open()
	if err == nil {
		err = r.query.Start(call.Now()).Run(r.in, r.out, func() error {
			if r.out.Buffer.Len() >= selectFlush {
				return flush()
			}
			if records++; records%selectRecords == 0 && call.Err() != nil {
				return errHungUp
			}
			if r.processed()-told < selectPause {
				return nil
			}
			told = r.processed()
			if r.progress {
				return send(r.progressed())
			}
			return send(&api.SelectObjectContentEventStream{Cont: &api.ContinuationEvent{}})
		})
	}
	if errors.Is(err, errHungUp) {
		return err
	}
	if e := flush(); e != nil { // what came before an error counts
		return e
	}
	if err != nil {
		return err
	}
	if r.progress {
		if err := send(r.progressed()); err != nil {
			return err
		}
	}
	if err := send(&api.SelectObjectContentEventStream{Stats: &api.StatsEvent{Details: &api.Stats{BytesScanned: new(r.scanned()), BytesProcessed: new(r.processed()), BytesReturned: new(r.returned)}}}); err != nil {
		return err
	}
	return send(&api.SelectObjectContentEventStream{End: &api.EndEvent{}})
}

// scanned is how many bytes of the object the query went through; a buffer that reads ahead of a range does not count.
func (r *selection) scanned() int64 {
	if r.random && r.pages == nil {
		return r.plain.n
	}
	return r.raw.n
}

// processed is how many bytes the query went through, without compression.
func (r *selection) processed() int64 {
	if r.pages == nil {
		return r.plain.n
	}
	stored, plain := r.pages()
	return r.raw.n - stored + plain
}

func (r *selection) progressed() *api.SelectObjectContentEventStream {
	return &api.SelectObjectContentEventStream{Progress: &api.ProgressEvent{Details: &api.Progress{BytesScanned: new(r.scanned()), BytesProcessed: new(r.processed()), BytesReturned: new(r.returned)}}}
}

// failure words what a query failed with: a fault of the text, of its compression, or of the storage.
func (r *selection) failure(err error) error {
	if r.raw.err != nil {
		return r.raw.err
	}
	if _, ok := errors.AsType[*s3select.Error](err); ok {
		return selectError(err)
	}
	return badCompression()
}

func badSelect(code, message string) error {
	return aws.NewError(http.StatusBadRequest, code, "%s", message)
}

// selectError is an error of the query language as S3 answers it.
func selectError(err error) error {
	if e, ok := errors.AsType[*s3select.Error](err); ok {
		return badSelect(e.Code, e.Message)
	}
	return err
}
