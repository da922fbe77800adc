package sigv4

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of the aws-chunked encoding. S3 documents the least size of a chunk; the others only keep memory bounded.
const (
	minChunk        = 8 << 10
	maxChunkHeader  = 1 << 10
	maxTrailerLine  = 8 << 10
	maxTrailerLines = 32
	chunkBuffer     = 16 << 10
)

// openChunked replaces the body by its decoded form, and makes the request look as if it had been sent like that. A nil
// signer leaves the signatures of chunks and trailer alone.
func openChunked(r *http.Request, result *Result, mode Payload, signer *chunkSigner) error {
	length, refusal := decodedLength(r)
	if refusal != nil {
		return refusal
	}
	source := r.Body
	if source == nil {
		source = http.NoBody
	}
	c := &chunkReader{
		source: source, buffer: bufio.NewReaderSize(source, chunkBuffer), mode: mode, signer: signer, length: length,
	}
	for _, list := range r.Header.Values("X-Amz-Trailer") {
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
				c.announced = append(c.announced, name)
			}
		}
	}
	r.Body, r.ContentLength, r.TransferEncoding = c, length, nil
	r.Header.Set("Content-Length", strconv.FormatInt(length, 10))
	removeEncoding(r.Header)
	result.chunks, result.DecodedLength = c, length
	return nil
}

// removeEncoding takes aws-chunked, which is about the transport only, out of Content-Encoding.
func removeEncoding(header http.Header) {
	values := header.Values("Content-Encoding")
	if len(values) == 0 {
		return
	}
	var kept []string
	for encoding := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if encoding = strings.TrimSpace(encoding); encoding != "" && !strings.EqualFold(encoding, "aws-chunked") {
			kept = append(kept, encoding)
		}
	}
	if len(kept) == 0 {
		header.Del("Content-Encoding")
		return
	}
	header.Set("Content-Encoding", strings.Join(kept, ","))
}

// chunkReader decodes a body in aws-chunked encoding in constant memory. Bytes are handed out before the signature of
// their chunk has been seen; the error about a wrong one comes no later than the chunk's end.
type chunkReader struct {
	source io.ReadCloser
	buffer *bufio.Reader
	mode   Payload
	signer *chunkSigner // nil if signatures are not checked

	length    int64 // of the decoded body, as announced
	total     int64 // bytes decoded so far
	remaining int64 // of the current chunk
	chunk     int   // number of the current chunk, from 1
	size      int64 // of the current chunk
	signature string

	announced []string
	trailer   http.Header
	ended     bool
	err       error
}

func (c *chunkReader) Close() error { return c.source.Close() }

func (c *chunkReader) trailerHeader() http.Header {
	if !c.ended {
		return nil
	}
	return c.trailer
}

// Read decodes. It reports the end together with the last byte: some readers never ask for what follows it.
func (c *chunkReader) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if c.remaining == 0 {
		if c.err = c.next(); c.err != nil {
			return 0, c.err
		}
	}
	n, err := c.buffer.Read(p[:min(int64(len(p)), c.remaining)])
	if c.signer != nil {
		c.signer.write(p[:n])
	}
	c.remaining -= int64(n)
	c.total += int64(n)
	switch {
	case c.remaining == 0:
		if c.err = c.endChunk(); c.err == nil && c.total == c.length {
			c.err = c.next()
		}
	case err != nil:
		c.err = bodyError(err)
	}
	return n, c.err
}

// next reads the header of the next chunk; after the last chunk and its trailer it returns io.EOF.
func (c *chunkReader) next() error {
	line, err := c.wantLine(maxChunkHeader)
	if err != nil {
		return err
	}
	sizeText, extensions, _ := strings.Cut(line, ";")
	if len(sizeText) == 0 || len(sizeText) > 15 || !isHexText(sizeText) {
		return incomplete()
	}
	size, err := strconv.ParseInt(sizeText, 16, 64)
	if err != nil || size > c.length-c.total {
		return incomplete()
	}
	c.signature = ""
	for extension := range strings.SplitSeq(extensions, ";") {
		if signature, ok := strings.CutPrefix(strings.TrimSpace(extension), "chunk-signature="); ok {
			c.signature = signature
		}
	}
	if c.signature == "" && c.mode != PayloadUnsignedTrailer {
		return incomplete()
	}
	if size > 0 {
		if c.chunk > 0 && c.size < minChunk {
			return refuse(InvalidChunkSize, "Only the last chunk is allowed to have a size less than 8192 bytes").
				with("Chunk", c.chunk).with("BadChunkSize", c.size)
		}
		c.chunk++
		c.size, c.remaining = size, size
		return nil
	}
	if c.total != c.length {
		return incomplete()
	}
	if c.signer != nil {
		if refusal := c.signer.endChunk(c.signature); refusal != nil {
			return refusal
		}
	}
	if err := c.end(); err != nil {
		return err
	}
	c.ended = true
	return io.EOF
}

// endChunk reads the line end after a chunk's data and checks the chunk's signature.
func (c *chunkReader) endChunk() error {
	line, err := c.wantLine(2)
	if err != nil {
		return err
	}
	if line != "" {
		return incomplete()
	}
	if c.signer != nil {
		if refusal := c.signer.endChunk(c.signature); refusal != nil {
			return refusal
		}
	}
	return nil
}

// end reads what follows the last chunk: trailer lines, if the body has them, and an empty line, which some clients
// leave out.
func (c *chunkReader) end() error {
	var signed bytes.Buffer
	signature := ""
	for lines := 0; ; lines++ {
		line, err := c.line(maxTrailerLine)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if line == "" {
			// The documentation's own example has an empty line between the trailer and its signature.
			if c.mode == PayloadChunkedTrailer && signature == "" && lines < maxTrailerLines {
				continue
			}
			if _, err := c.buffer.ReadByte(); !errors.Is(err, io.EOF) {
				return incomplete()
			}
			break
		}
		name, value, ok := strings.Cut(line, ":")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		if !ok || name == "" || lines >= maxTrailerLines || c.mode == PayloadChunked || signature != "" {
			return malformedTrailer()
		}
		if name == "x-amz-trailer-signature" {
			signature = value
			continue
		}
		if !c.isAnnounced(name) {
			return malformedTrailer()
		}
		if c.trailer == nil {
			c.trailer = make(http.Header)
		}
		c.trailer.Add(name, value)
		signed.WriteString(name + ":" + value + "\n")
	}
	if len(c.trailer) < len(c.announced) {
		return malformedTrailer()
	}
	if c.mode == PayloadChunkedTrailer && c.signer != nil {
		if refusal := c.signer.checkTrailer(signed.Bytes(), signature); refusal != nil {
			return refusal
		}
	}
	return nil
}

func (c *chunkReader) isAnnounced(name string) bool {
	return slices.Contains(c.announced, name)
}

func malformedTrailer() *Error {
	return refuse(MalformedTrailer, "The request contained trailing data that was not well-formed or did not conform to our published schema.")
}

// wantLine is line where the body must not end.
func (c *chunkReader) wantLine(limit int) (string, error) {
	line, err := c.line(limit)
	if errors.Is(err, io.EOF) {
		return "", incomplete()
	}
	return line, err
}

// line reads a line of at most limit bytes with its end, and returns it without. It returns io.EOF at the end of the
// body.
func (c *chunkReader) line(limit int) (string, error) {
	raw, err := c.buffer.ReadSlice('\n')
	if err != nil {
		if errors.Is(err, bufio.ErrBufferFull) || errors.Is(err, io.EOF) && len(raw) > 0 {
			return "", incomplete()
		}
		if errors.Is(err, io.EOF) {
			return "", io.EOF
		}
		return "", bodyError(err)
	}
	if len(raw) > limit {
		return "", incomplete()
	}
	return string(bytes.TrimSuffix(raw[:len(raw)-1], []byte{'\r'})), nil
}

// chunkSigner checks the chain of signatures that begins with the request's.
type chunkSigner struct {
	algorithm   string
	at          time.Time
	scope       string
	key         signingKey
	public      *ecdsa.PublicKey // SigV4a
	previous    string
	accessKeyID string
	hash        hash.Hash
}

func (s *chunkSigner) write(p []byte) {
	if s.hash == nil {
		s.hash = sha256.New()
	}
	s.hash.Write(p)
}

// endChunk checks the signature of what was written since the last chunk.
func (s *chunkSigner) endChunk(signature string) *Error {
	return s.check(s.chunkText(), signature)
}

// chunkText is the string to sign of the chunk written.
func (s *chunkSigner) chunkText() []byte {
	sum := emptyHash
	if s.hash != nil {
		sum = hex.EncodeToString(s.hash.Sum(nil))
		s.hash.Reset()
	}
	text := s.head("-PAYLOAD")
	text = append(text, emptyHash...)
	text = append(text, '\n')
	return append(text, sum...)
}

func (s *chunkSigner) checkTrailer(lines []byte, signature string) *Error {
	return s.check(s.trailerText(lines), signature)
}

// trailerText is the string to sign of the trailer.
func (s *chunkSigner) trailerText(lines []byte) []byte {
	sum := sha256.Sum256(lines)
	return hex.AppendEncode(s.head("-TRAILER"), sum[:])
}

func (s *chunkSigner) head(suffix string) []byte {
	text := make([]byte, 0, 512)
	text = append(text, s.algorithm...)
	text = append(text, suffix...)
	text = append(text, '\n')
	text = s.at.AppendFormat(text, isoBasic)
	text = append(text, '\n')
	text = append(text, s.scope...)
	text = append(text, '\n')
	text = append(text, s.previous...)
	return append(text, '\n')
}

func (s *chunkSigner) check(text []byte, signature string) *Error {
	// ECDSA signatures vary in length and are padded with asterisks in chunk headers.
	bare := strings.TrimRight(signature, "*")
	matches := false
	if s.public != nil {
		sum := sha256.Sum256(text)
		if der, err := hex.DecodeString(bare); err == nil {
			matches = ecdsa.VerifyASN1(s.public, sum[:], der)
		}
	} else {
		var given [sha256.Size]byte
		mac := hmac.New(sha256.New, s.key[:])
		mac.Write(text)
		matches = decodeSignature(&given, bare) && subtle.ConstantTimeCompare(mac.Sum(nil), given[:]) == 1
	}
	if !matches {
		return mismatch(s.accessKeyID, signature, string(text), "")
	}
	s.previous = bare
	return nil
}
