// Package blobtest is the suite that every driver of package blob must pass: a test per property of its contract.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"drydock/blob"
	"drydock/clock"
)

// Run runs the suite. open returns an empty driver.
func Run(t *testing.T, open func(t *testing.T) blob.Driver) {
	tests := []struct {
		name string
		run  func(t *testing.T, s *blob.Store)
	}{
		{"ReadsWhatWasWritten", testReadsWhatWasWritten},
		{"ReadsRanges", testReadsRanges},
		{"ReadsWhileDeleted", testReadsWhileDeleted},
		{"HidesWhatIsNotCommitted", testHidesUncommitted},
		{"EndsWriters", testEndsWriters},
		{"HonoursContexts", testHonoursContexts},
		{"KeepsPathsOut", testKeepsPathsOut},
		{"DeletesAndLists", testDeletesAndLists},
		{"WritesConcurrently", testWritesConcurrently},
		{"SweepsOrphans", testSweepsOrphans},
		{"DropsAll", testDropsAll},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.run(t, blob.New(open(t)))
		})
	}
}

func put(t *testing.T, s *blob.Store, data []byte) blob.Ref {
	t.Helper()
	w, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	ref, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	if ref.Size != int64(len(data)) || w.Size() != ref.Size {
		t.Errorf("size is %d, want %d", ref.Size, len(data))
	}
	return ref
}

func openBlob(t *testing.T, s *blob.Store, id string) blob.Reader {
	t.Helper()
	r, err := s.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func list(t *testing.T, s *blob.Store) []blob.Ref {
	t.Helper()
	refs := []blob.Ref{}
	for info, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if age := clock.Wall().Sub(info.Written); age < -time.Minute || age > time.Hour {
			t.Errorf("blob is %v old", age)
		}
		refs = append(refs, info.Ref)
	}
	return refs
}

func wantList(t *testing.T, s *blob.Store, want ...blob.Ref) {
	t.Helper()
	sorted := cmpopts.SortSlices(func(a, b blob.Ref) bool { return a.ID < b.ID })
	if diff := cmp.Diff(append([]blob.Ref{}, want...), list(t, s), sorted); diff != "" {
		t.Errorf("blobs differ (-want +got):\n%s", diff)
	}
}

func absent(t *testing.T, s *blob.Store, id string) {
	t.Helper()
	r, err := s.Open(t.Context(), id)
	if err == nil {
		r.Close()
	}
	if !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("open %q = %v, want not found", id, err)
	}
}

func random(n int) []byte {
	data := make([]byte, n)
	rnd := rand.NewChaCha8([32]byte{byte(n)})
	rnd.Read(data)
	return data
}

func testReadsWhatWasWritten(t *testing.T, s *blob.Store) {
	for _, size := range []int{0, 1, 4096, 128<<10 - 1, 128 << 10, 1<<20 + 7} {
		data := random(size)
		// By ReadFrom, from a reader that gives little at a time, and by Write.
		w, err := s.Create(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(w, iotest.HalfReader(struct{ io.Reader }{bytes.NewReader(data[:size/2])}))
		if err != nil || n != int64(size/2) {
			t.Fatalf("copied %d, %v", n, err)
		}
		if _, err := w.Write(data[size/2:]); err != nil {
			t.Fatal(err)
		}
		ref, err := w.Commit()
		if err != nil {
			t.Fatal(err)
		}
		r := openBlob(t, s, ref.ID)
		if r.Size() != int64(size) || ref.Size != int64(size) {
			t.Errorf("size is %d and %d, want %d", r.Size(), ref.Size, size)
		}
		if size < 1<<20 {
			if err := iotest.TestReader(r, data); err != nil {
				t.Errorf("%d bytes: %v", size, err)
			}
			continue
		}
		var got bytes.Buffer
		if _, err := io.Copy(&got, r); err != nil || !bytes.Equal(got.Bytes(), data) {
			t.Errorf("%d bytes came back as %d, %v", size, got.Len(), err)
		}
	}
	// A stream that is cut off is the caller's to notice, and can still be aborted.
	w, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range []error{io.ErrUnexpectedEOF, io.ErrClosedPipe} {
		if _, err := w.ReadFrom(io.MultiReader(bytes.NewReader(random(100)), iotest.ErrReader(cut))); !errors.Is(err, cut) {
			t.Errorf("cut off stream: %v", err)
		}
	}
	if err := w.Abort(); err != nil {
		t.Error(err)
	}
}

func testReadsRanges(t *testing.T, s *blob.Store) {
	data := random(300_000)
	r := openBlob(t, s, put(t, s, data).ID)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			off, n := i*30_000, 40_000
			got := make([]byte, n)
			if _, err := r.ReadAt(got, int64(off)); err != nil || !bytes.Equal(got, data[off:off+n]) {
				t.Errorf("range at %d: %v", off, err)
			}
		})
	}
	wg.Wait()
	if n, err := r.ReadAt(make([]byte, 10), 299_995); n != 5 || !errors.Is(err, io.EOF) {
		t.Errorf("range over the end: %d, %v", n, err)
	}
	if _, err := r.Seek(-5, io.SeekEnd); err != nil {
		t.Fatal(err)
	}
	if tail, err := io.ReadAll(r); err != nil || !bytes.Equal(tail, data[299_995:]) {
		t.Errorf("tail: %v", err)
	}
}

func testReadsWhileDeleted(t *testing.T, s *blob.Store) {
	data := random(10_000)
	ref := put(t, s, data)
	r := openBlob(t, s, ref.ID)
	if err := s.Delete(t.Context(), ref.ID); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, data) {
		t.Errorf("after its deletion an open blob reads %d bytes, %v", len(got), err)
	}
	absent(t, s, ref.ID)
}

func testHidesUncommitted(t *testing.T, s *blob.Store) {
	w, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	wantList(t, s)
	if err := w.Abort(); err != nil {
		t.Error(err)
	}
	wantList(t, s)
}

func testEndsWriters(t *testing.T, s *blob.Store) {
	for _, byCommit := range []bool{false, true} {
		w, err := s.Create(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if byCommit {
			if _, err := w.Commit(); err != nil {
				t.Fatal(err)
			}
		} else if err := w.Abort(); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("x")); !errors.Is(err, blob.ErrDone) {
			t.Errorf("write: %v", err)
		}
		if _, err := w.Commit(); !errors.Is(err, blob.ErrDone) {
			t.Errorf("commit: %v", err)
		}
		if err := w.Abort(); err != nil {
			t.Errorf("abort: %v", err)
		}
	}
	if got := list(t, s); len(got) != 1 {
		t.Errorf("%d blobs are there, want the one committed", len(got))
	}
}

func testHonoursContexts(t *testing.T, s *blob.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	w, err := s.Create(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := w.Write([]byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("write: %v", err)
	}
	if _, err := w.Commit(); !errors.Is(err, context.Canceled) {
		t.Errorf("commit: %v", err)
	}
	if err := w.Abort(); err != nil {
		t.Error(err)
	}
	if _, err := s.Create(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("create: %v", err)
	}
	wantList(t, s)
}

func testKeepsPathsOut(t *testing.T, s *blob.Store) {
	ref := put(t, s, []byte("x"))
	for _, id := range []string{
		"", "x", "..", "../" + ref.ID, ref.ID + "/", ref.ID[:31], ref.ID + "0", "tmp/" + ref.ID, "/etc/passwd",
		"../../../../../../../etc/passwd", "0123456789ABCDEF0123456789ABCDEF", "..............................//",
	} {
		absent(t, s, id)
		if err := s.Delete(t.Context(), id); err != nil {
			t.Errorf("delete %q: %v", id, err)
		}
	}
	wantList(t, s, ref)
}

func testDeletesAndLists(t *testing.T, s *blob.Store) {
	wantList(t, s)
	var refs []blob.Ref
	for i := range 20 {
		refs = append(refs, put(t, s, make([]byte, i)))
	}
	wantList(t, s, refs...)
	for range 2 { // the second time it is gone
		if err := s.Delete(t.Context(), refs[7].ID); err != nil {
			t.Error(err)
		}
	}
	absent(t, s, refs[7].ID)
	wantList(t, s, slices.Delete(refs, 7, 8)...)
}

func testWritesConcurrently(t *testing.T, s *blob.Store) {
	var mu sync.Mutex // guards refs
	var refs []blob.Ref
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 10 {
				data := fmt.Appendf(nil, "%d/%d", worker, i)
				w, err := s.Create(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := w.Write(data); err != nil {
					t.Error(err)
				}
				ref, err := w.Commit()
				if err != nil {
					t.Error(err)
					return
				}
				r, err := s.Open(t.Context(), ref.ID)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(r)
				if err = errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, data) {
					t.Errorf("%q came back as %q, %v", data, got, err)
				}
				mu.Lock()
				refs = append(refs, ref)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	wantList(t, s, refs...)
}

func testSweepsOrphans(t *testing.T, s *blob.Store) {
	used, orphan := put(t, s, []byte("used")), put(t, s, []byte("orphan"))
	ask := func(_ context.Context, ids []string) ([]string, error) {
		return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == used.ID }), nil
	}
	swept, err := s.Sweep(t.Context(), time.Hour, ask)
	if err != nil || swept != (blob.Swept{}) {
		t.Errorf("sweep of what is young: %+v, %v", swept, err)
	}
	wantList(t, s, used, orphan)

	errAsk := errors.New("cannot tell")
	if _, err := s.Sweep(t.Context(), -time.Hour, func(context.Context, []string) ([]string, error) { return nil, errAsk }); !errors.Is(err, errAsk) {
		t.Errorf("sweep without an answer: %v", err)
	}
	if _, err := s.Sweep(t.Context(), -time.Hour, func(_ context.Context, ids []string) ([]string, error) {
		return []string{"00000000000000000000000000000000"}, nil
	}); err == nil {
		t.Error("an answer to another question was taken")
	}
	wantList(t, s, used, orphan)

	swept, err = s.Sweep(t.Context(), -time.Hour, ask)
	if err != nil || swept != (blob.Swept{Blobs: 1, Bytes: 6}) {
		t.Errorf("sweep: %+v, %v", swept, err)
	}
	wantList(t, s, used)
}

func testDropsAll(t *testing.T, s *blob.Store) {
	put(t, s, []byte("a"))
	put(t, s, []byte("b"))
	if err := s.DropAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantList(t, s)
}
