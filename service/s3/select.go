package s3

import (
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/lang/s3select"
)

const (
	// selectFlush is how much of a result is sent at once.
	selectFlush = 64 << 10
	// selectPause is after how much of an object a client hears of the progress, or that the connection lives.
	selectPause = 8 << 20
)

// selection is a query over an object that is under way.
type selection struct {
	query *s3select.Query
	in    s3select.Input
	out   *s3select.Output
	// raw counts what is read of the object, plain what it comes to without compression.
	raw, plain counter
	progress   bool
	returned   int64
}

// counter counts what is read, and remembers with what reading failed.
type counter struct {
	r   io.Reader
	n   int64
	err error
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
	if in.ScanRange != nil {
		return nil, notImplemented("scan ranges of SelectObjectContent")
	}
	var err error
	if run.query, err = s3select.Parse(in.Expression); err != nil {
		return nil, selectError(err)
	}
	if run.out, err = selectOutput(&in.OutputSerialization); err != nil {
		return nil, err
	}
	open, err := run.input(&in.InputSerialization)
	if err != nil {
		return nil, err
	}
	r := &reading{bucket: in.Bucket, key: in.Key, owner: in.ExpectedBucketOwner}
	if r.customer, err = customer(in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5); err != nil {
		return nil, err
	}
	_, body, err := s.openObject(call, r)
	if err != nil {
		return nil, err
	}
	run.raw.r = body
	return &api.SelectObjectContentOutput{Payload: func(yield func(any, error) bool) {
		defer func() {
			if err := body.Close(); err != nil {
				s.Log.Error("close a selected object", "bucket", in.Bucket, "error", err)
			}
		}()
		if err := run.stream(open, call.Now(), yield); err != nil && !errors.Is(err, errHungUp) {
			yield(nil, run.failure(err))
		}
	}}, nil
}

// errHungUp tells that nobody listens any more.
var errHungUp = errors.New("the client is gone")

// stream runs the query and yields its events.
func (r *selection) stream(open func() error, now time.Time, yield func(any, error) bool) error {
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
	told := int64(0)
	err := open()
	if err == nil {
		err = r.query.Start(now).Run(r.in, r.out, func() error {
			if r.out.Buffer.Len() >= selectFlush {
				return flush()
			}
			if r.plain.n-told < selectPause {
				return nil
			}
			told = r.plain.n
			if r.progress {
				return send(&api.SelectObjectContentEventStream{Progress: &api.ProgressEvent{Details: &api.Progress{BytesScanned: new(r.raw.n), BytesProcessed: new(r.plain.n), BytesReturned: new(r.returned)}}})
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
		if err := send(&api.SelectObjectContentEventStream{Progress: &api.ProgressEvent{Details: &api.Progress{BytesScanned: new(r.raw.n), BytesProcessed: new(r.plain.n), BytesReturned: new(r.returned)}}}); err != nil {
			return err
		}
	}
	if err := send(&api.SelectObjectContentEventStream{Stats: &api.StatsEvent{Details: &api.Stats{BytesScanned: new(r.raw.n), BytesProcessed: new(r.plain.n), BytesReturned: new(r.returned)}}}); err != nil {
		return err
	}
	return send(&api.SelectObjectContentEventStream{End: &api.EndEvent{}})
}

// failure words what a query failed with: a fault of the text, of its compression, or of the storage.
func (r *selection) failure(err error) error {
	if r.raw.err != nil {
		return r.raw.err
	}
	if _, ok := errors.AsType[*s3select.Error](err); ok {
		return selectError(err)
	}
	return badSelect("InvalidCompressionFormat", "The file is not in a supported compression format. Only GZIP and BZIP2 are supported.")
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

// one tells whether exactly one is there.
func one(there ...bool) bool {
	n := 0
	for _, t := range there {
		if t {
			n++
		}
	}
	return n == 1
}

func serializationConflict() error {
	return badSelect("ObjectSerializationConflict", "InputSerialization specifies more than one format (CSV, JSON, or Parquet), or OutputSerialization specifies more than one format (CSV or JSON). InputSerialization and OutputSerialization can only specify one format each.")
}

// input reads how the object is written, and returns what opens its text.
func (r *selection) input(in *api.InputSerialization) (open func() error, err error) {
	if !one(in.CSV != nil, in.JSON != nil, in.Parquet != nil) {
		return nil, serializationConflict()
	}
	if in.Parquet != nil {
		return nil, notImplemented("SelectObjectContent of Parquet")
	}
	compression := text(in.CompressionType)
	if compression != "" && !slices.Contains(api.CompressionType("").Values(), compression) {
		return nil, badSelect("InvalidCompressionFormat", "The file is not in a supported compression format. Only GZIP and BZIP2 are supported.")
	}
	var o s3select.CSV
	if c := in.CSV; c != nil {
		switch text(c.FileHeaderInfo) {
		case "", string(api.FileHeaderInfoNone):
		case string(api.FileHeaderInfoUse):
			o.Header = s3select.UseHeader
		case string(api.FileHeaderInfoIgnore):
			o.Header = s3select.IgnoreHeader
		default:
			return nil, badSelect("InvalidFileHeaderInfo", "The FileHeaderInfo value is not valid. Only NONE, USE, and IGNORE are supported.")
		}
		o.Record, o.Field, o.Quote, o.Escape, o.Comment = text(c.RecordDelimiter), text(c.FieldDelimiter), text(c.QuoteCharacter), text(c.QuoteEscapeCharacter), text(c.Comments)
		o.QuotedRecords = c.AllowQuotedRecordDelimiter != nil && *c.AllowQuotedRecordDelimiter
		if _, err := s3select.NewCSV(http.NoBody, o); err != nil {
			return nil, selectError(err)
		}
	} else if t := text(in.JSON.Type); t != string(api.JSONTypeDocument) && t != string(api.JSONTypeLines) {
		return nil, badSelect("InvalidJsonType", "The JsonType value is not valid. Only DOCUMENT and LINES are supported.")
	}
	return func() (err error) {
		r.plain.r = &r.raw
		switch compression {
		case string(api.CompressionTypeGzip):
			if r.plain.r, err = gzip.NewReader(bufio.NewReader(&r.raw)); err != nil {
				return err
			}
		case string(api.CompressionTypeBzip2):
			r.plain.r = bzip2.NewReader(bufio.NewReader(&r.raw))
		}
		if in.CSV != nil {
			r.in, err = s3select.NewCSV(&r.plain, o)
			return err
		}
		r.in = r.query.NewJSON(&r.plain, *in.JSON.Type == api.JSONTypeDocument)
		return nil
	}, nil
}

// selectOutput reads how the result is to be written.
func selectOutput(out *api.OutputSerialization) (*s3select.Output, error) {
	if !one(out.CSV != nil, out.JSON != nil) {
		return nil, serializationConflict()
	}
	if out.JSON != nil {
		return &s3select.Output{JSON: true, Record: text(out.JSON.RecordDelimiter)}, nil
	}
	c := out.CSV
	o := &s3select.Output{Record: text(c.RecordDelimiter), Field: text(c.FieldDelimiter), Quote: text(c.QuoteCharacter), Escape: text(c.QuoteEscapeCharacter)}
	switch text(c.QuoteFields) {
	case "", string(api.QuoteFieldsAsneeded):
	case string(api.QuoteFieldsAlways):
		o.Always = true
	default:
		return nil, badSelect("InvalidQuoteFields", "The QuoteFields value is not valid. Only ALWAYS and ASNEEDED are supported.")
	}
	return o, nil
}
