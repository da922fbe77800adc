package s3

import (
	"context"
	"crypto/md5" //nolint:gosec // what S3's ETags are
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"slices"
	"sync"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/blob/seal"
	"drydock/store"
	"drydock/task"
)

// content is the bytes of one object, or of several that are copies of each other.
type content struct {
	ID string
	// Refs counts the objects that have the content.
	Refs     int
	Segments []segment
}

// segment is a piece of content: what one request uploaded.
type segment struct {
	Size int64
	// Blob is where the sealed bytes are, Key the wrapped key they are sealed under. Small pieces are in Inline instead.
	Blob   string `cbor:",omitempty"`
	Key    []byte `cbor:",omitempty"`
	Inline []byte `cbor:",omitempty"`
	// Number is the part's number in the upload, Sum its checksum; both only where there are parts.
	Number int32  `cbor:",omitempty"`
	Sum    string `cbor:",omitempty"`
}

// garbage is a list of blobs that no row refers to any more.
type garbage struct {
	ID    string
	Blobs []string
}

var (
	contents     = store.NewTable("s3/content", func(c *content) store.Key { return store.K(c.ID) })
	garbageTable = store.NewTable("s3/garbage", func(g *garbage) store.Key { return store.K(g.ID) })
)

// sealContext keeps what is wrapped for segments from passing for another secret.
var sealContext = []byte("s3 segment")

// received is a body that was read, hashed and sealed.
type received struct {
	segment segment
	md5     [md5.Size]byte
	sums    map[api.ChecksumAlgorithm]string
}

func (r *received) sum(a api.ChecksumAlgorithm) string { return r.sums[a] }

// pieceSize is how much of a body is in one buffer on its way to the disk.
const pieceSize = 128 << 10

type piece struct {
	data [pieceSize]byte
	n    int
}

var pieces = sync.Pool{New: func() any { return new(piece) }}

// receive reads a body of at most maxBody bytes to its end and stores it under the ring. want are the checksums to compute;
// d's trailer is read, and its value verified. The blob, if there is one, belongs to nobody yet: the caller writes a row
// that refers to it, or discards it.
func (s *Service) receive(call *aws.Call, body io.Reader, ring *seal.RootKey, d *declaration, want ...api.ChecksumAlgorithm) (*received, error) {
	if body == nil {
		body = http.NoBody
	}
	first := pieces.Get().(*piece)
	defer pieces.Put(first)
	var err error
	for first.n = 0; first.n <= maxInline && err == nil; {
		var n int
		n, err = body.Read(first.data[first.n:])
		first.n += n
	}
	if err != nil && err != io.EOF {
		return nil, bodyError(err)
	}
	if err == io.EOF && first.n <= maxInline {
		if err := d.trailer(call); err != nil {
			return nil, err
		}
		return receiveSmall(first.data[:first.n], ring, d, want)
	}
	return s.receiveLarge(call, body, first, err == io.EOF, ring, d, want)
}

// receiveSmall hashes and seals content that stays in its row.
func receiveSmall(data []byte, ring *seal.RootKey, d *declaration, want []api.ChecksumAlgorithm) (*received, error) {
	r := &received{md5: md5.Sum(data), sums: make(map[api.ChecksumAlgorithm]string, 2)} //nolint:gosec // the ETag
	for _, a := range append(want, d.algorithm) {
		if a != "" && r.sums[a] == "" {
			h := newHash(a)
			h.Write(data)
			r.sums[a] = base64.StdEncoding.EncodeToString(h.Sum(nil))
		}
	}
	if err := d.verify(r.md5, r.sum); err != nil {
		return nil, err
	}
	r.segment.Size = int64(len(data))
	if len(data) > 0 {
		r.segment.Inline = ring.Wrap(data, sealContext)
	}
	return r, nil
}

// hashing computes digests of pieces beside the goroutine that seals them. A piece is given back on free.
func hashing(in <-chan *piece, free chan<- *piece, hashes []hash.Hash) {
	for p := range in {
		for _, h := range hashes {
			h.Write(p.data[:p.n])
		}
		free <- p
	}
	close(free)
}

// pipeline is how many pieces of a body are under way at once.
const pipeline = 3

func (s *Service) receiveLarge(call *aws.Call, body io.Reader, first *piece, ended bool, ring *seal.RootKey, d *declaration, want []api.ChecksumAlgorithm) (_ *received, err error) {
	w, err := s.Blobs.Create(call)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.Abort()) }() // nothing once committed
	key := seal.NewDataKey()
	sealed, err := seal.NewWriter(w, key)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := sealed.Close(); err == nil && e != nil {
			err = e
		}
	}()
	known := []api.ChecksumAlgorithm{}
	etag, hashed := s.digests.begin()
	defer hashed()
	hashes := []hash.Hash{etag}
	for _, a := range append(want, d.algorithm) {
		if a != "" && !contains(known, a) {
			known, hashes = append(known, a), append(hashes, newHash(a))
		}
	}
	toHash, free := make(chan *piece, pipeline), make(chan *piece, pipeline)
	go hashing(toHash, free, hashes)
	size, err := pump(body, sealed, first, ended, toHash, free)
	close(toHash)
	for p := range free { // until the hashes are complete
		if p != first {
			pieces.Put(p)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := sealed.Close(); err != nil {
		return nil, err
	}
	r := &received{segment: segment{Size: size}, sums: make(map[api.ChecksumAlgorithm]string, len(known))}
	copy(r.md5[:], hashes[0].Sum(nil))
	for i, a := range known {
		r.sums[a] = base64.StdEncoding.EncodeToString(hashes[i+1].Sum(nil))
	}
	if err := d.trailer(call); err != nil {
		return nil, err
	}
	late := d.value != "" && r.sums[d.algorithm] == ""
	if !late {
		if err := d.verify(r.md5, r.sum); err != nil {
			return nil, err
		}
	}
	ref, err := w.Commit()
	if err != nil {
		return nil, err
	}
	r.segment.Blob, r.segment.Key = ref.ID, ring.Wrap(key, sealContext)
	if late { // only the trailer said which checksum it is
		if err := s.rehash(call, ring, d, r); err != nil {
			return nil, errors.Join(err, s.Blobs.Delete(context.WithoutCancel(call), ref.ID))
		}
	}
	return r, nil
}

// pump reads the body into pieces and gives each to the hashes and to the sealing writer.
func pump(body io.Reader, sealed io.Writer, p *piece, ended bool, toHash chan<- *piece, free <-chan *piece) (size int64, err error) {
	made := 1
	for {
		for !ended && p.n < len(p.data) {
			n, err := body.Read(p.data[p.n:])
			p.n += n
			if ended = err == io.EOF; err != nil && !ended {
				return size, bodyError(err)
			}
		}
		if size += int64(p.n); size > maxBody {
			return size, entityTooLarge(size, maxBody)
		}
		toHash <- p
		if _, err := sealed.Write(p.data[:p.n]); err != nil {
			return size, err
		}
		if ended {
			return size, nil
		}
		if made < pipeline {
			p = pieces.Get().(*piece)
			made++
		} else {
			p = <-free
		}
		p.n = 0
	}
}

// rehash computes a checksum of what was stored.
func (s *Service) rehash(ctx context.Context, ring *seal.RootKey, d *declaration, r *received) (err error) {
	body, err := s.open(ctx, []segment{r.segment}, ring, 0, r.segment.Size)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	h := newHash(d.algorithm)
	if _, err := io.Copy(h, body); err != nil {
		return err
	}
	r.sums[d.algorithm] = base64.StdEncoding.EncodeToString(h.Sum(nil))
	return d.verify(r.md5, r.sum)
}

func contains(list []api.ChecksumAlgorithm, a api.ChecksumAlgorithm) bool {
	return slices.Contains(list, a)
}

// bodyError words a body that was cut off.
func bodyError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) && aws.ErrorCode(err) == "" {
		return aws.NewError(http.StatusBadRequest, "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header").WithCause(err)
	}
	return fmt.Errorf("reading the body: %w", err)
}

// discard deletes blobs that no row refers to, after a request failed behind them. What it misses, Sweep finds.
func (s *Service) discard(ctx context.Context, segments ...segment) {
	for i := range segments {
		if id := segments[i].Blob; id != "" {
			if err := s.Blobs.Delete(context.WithoutCancel(ctx), id); err != nil {
				s.Log.Warn("delete the blob of a failed request", "blob", id, "error", err)
			}
		}
	}
}

// fill gives an object its bytes: in its own row where they are few, else in a content of one reference. The content's id
// is given, for transactions run twice.
func (o *object) fill(tx *store.Tx, id string, segments []segment) error {
	o.ContentID, o.Inline = "", nil
	if g := &segments[0]; len(segments) == 1 && g.Number == 0 && g.Blob == "" && len(g.Inline) <= maxObjectInline {
		o.Inline = g.Inline
		return nil
	}
	o.ContentID = id
	if err := hold(tx, segments); err != nil {
		return err
	}
	return contents.Insert(tx, &content{ID: id, Refs: 1, Segments: segments})
}

// segments returns where an object's bytes are.
func (o *object) segments(tx *store.Tx) ([]segment, error) {
	switch {
	case o.Inline != nil:
		return []segment{{Size: o.Size, Inline: o.Inline}}, nil
	case o.ContentID == "":
		return nil, nil
	}
	c, err := contents.Get(tx, store.K(o.ContentID))
	if err != nil {
		return nil, fmt.Errorf("content %s: %w", o.ContentID, err)
	}
	return c.Segments, nil
}

// share adds a reference.
func share(tx *store.Tx, id string) error {
	if id == "" {
		return nil
	}
	c, err := contents.Get(tx, store.K(id))
	if err != nil {
		return err
	}
	c.Refs++
	return contents.Put(tx, c)
}

// release drops a reference. The last one makes the content's blobs garbage.
func (s *Service) release(tx *store.Tx, id string) error {
	if id == "" {
		return nil
	}
	c, err := contents.Get(tx, store.K(id))
	if err != nil {
		return fmt.Errorf("content %s: %w", id, err)
	}
	if c.Refs--; c.Refs > 0 {
		return contents.Put(tx, c)
	}
	if _, err := contents.Delete(tx, store.K(id)); err != nil {
		return err
	}
	return s.dump(tx, id, c.Segments)
}

// dump makes the segments' blobs garbage.
func (s *Service) dump(tx *store.Tx, id string, segments []segment) error {
	g := &garbage{ID: id}
	for i := range segments {
		if b := segments[i].Blob; b != "" {
			g.Blobs = append(g.Blobs, b)
		}
	}
	if len(g.Blobs) == 0 {
		return nil
	}
	// Ids are spread over tasks, so that requests which delete do not conflict in the task's row.
	if err := s.Tasks.ScheduleEarlier(tx, garbageKind, id[:1], s.Clock.Now(), nil); err != nil {
		return err
	}
	return garbageTable.Put(tx, g)
}

const garbageKind = "s3.garbage"

// garbageBatch is how many rows of garbage one step removes.
const garbageBatch = 100

// collect deletes the blobs of garbage rows, then the rows.
func (s *Service) collect(ctx context.Context, t task.Task) (task.Next, error) {
	var rows []*garbage
	from, to := store.Key(nil).StringPrefix(t.Key)
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		rows = nil
		for g, err := range garbageTable.Scan(tx, store.Range{From: from, To: to}) {
			if err != nil || len(rows) == garbageBatch {
				return err
			}
			rows = append(rows, g)
		}
		return nil
	})
	if err != nil || len(rows) == 0 {
		return task.Done, err
	}
	var done []*garbage
	for _, g := range rows {
		if s.readers.busy(g.ID) {
			continue
		}
		for _, b := range g.Blobs {
			if err := s.Blobs.Delete(ctx, b); err != nil {
				return task.Done, err
			}
		}
		done = append(done, g)
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		for _, g := range done {
			if _, err := garbageTable.Delete(tx, garbageTable.Key(g)); err != nil {
				return err
			}
			if err := letGo(tx, g.Blobs); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return task.Done, err
	case len(done) < len(rows): // readers still need some
		return task.At(s.Clock.Now().Add(garbagePause)), nil
	case len(rows) == garbageBatch:
		return task.At(s.Clock.Now()), nil
	}
	return task.Done, nil
}
