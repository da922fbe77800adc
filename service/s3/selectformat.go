package s3

import (
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"net/http"
	"slices"

	api "drydock/api/s3"
	"drydock/lang/s3select"
)

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

func badCompression() error {
	return badSelect("InvalidCompressionFormat", "The file is not in a supported compression format. Only GZIP and BZIP2 are supported.")
}

// input reads how the object is written, and returns what opens its text.
func (r *selection) input(in *api.InputSerialization, span *api.ScanRange) (open func() error, err error) {
	if !one(in.CSV != nil, in.JSON != nil, in.Parquet != nil) {
		return nil, serializationConflict()
	}
	compression := text(in.CompressionType)
	plain := compression == "" || compression == string(api.CompressionTypeNone)
	if !plain && (in.Parquet != nil || !slices.Contains(api.CompressionType("").Values(), compression)) {
		return nil, badCompression()
	}
	r.random = in.Parquet != nil || span != nil
	if in.Parquet != nil {
		return func() error {
			p, err := r.query.NewParquet(&r.raw, r.size, r.start, r.end)
			if err != nil {
				return err
			}
			r.in, r.pages = p, p.Pages
			return nil
		}, nil
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
	if span != nil && (!plain || o.QuotedRecords || in.JSON != nil && *in.JSON.Type == api.JSONTypeDocument) {
		return nil, badSelect("UnsupportedScanRangeInput", "Scan range queries are not supported on this type of object.")
	}
	return func() (err error) {
		r.plain.r = &r.raw
		if span != nil {
			r.plain.r = s3select.NewSpan(&r.raw, r.size, r.start, r.end, o)
		}
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

// scanRange reads which bytes of an object of so many a record may begin with: from start to end, both included. An end
// alone is a number of last bytes.
func scanRange(r *api.ScanRange, size int64) (start, end int64, err error) {
	end = max(0, size-1)
	if r == nil {
		return start, end, nil
	}
	bad := badSelect("InvalidScanRange", "The provided scan range is not valid.")
	switch {
	case r.Start == nil && r.End == nil, r.Start != nil && (*r.Start < 0 || *r.Start >= max(1, size)), r.End != nil && *r.End < 0:
		return 0, 0, bad
	case r.Start == nil:
		return max(0, size-*r.End), end, nil
	case r.End == nil:
		return *r.Start, end, nil
	case *r.End < *r.Start:
		return 0, 0, bad
	}
	return *r.Start, min(*r.End, end), nil
}
