package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/iotest"

	"drydock/blob/seal"
)

const chunk = 64 << 10

func content(n int) []byte {
	data := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(data)
	return data
}

func sealed(t testing.TB, data, key []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := seal.NewWriter(&out, key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("a closed stream takes more")
	}
	return out.Bytes()
}

func TestSeal_ReturnsWhatWasWritten(t *testing.T) {
	t.Parallel()
	key := seal.NewDataKey()
	for _, size := range []int{0, 1, 1000, chunk - 1, chunk, chunk + 1, 3 * chunk, 3*chunk + 77} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			data := content(size)
			byWrite := sealed(t, data, key)
			var out bytes.Buffer
			w, err := seal.NewWriter(&out, key)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(w, iotest.HalfReader(struct{ io.Reader }{bytes.NewReader(data)})); err != nil || n != int64(size) {
				t.Fatalf("copied %d, %v", n, err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			for how, b := range map[string][]byte{"Write": byWrite, "ReadFrom": out.Bytes()} {
				if int64(len(b)) != seal.SealedSize(int64(size)) {
					t.Errorf("%s: sealed size is %d, want %d", how, len(b), seal.SealedSize(int64(size)))
				}
				if size >= 1000 && bytes.Contains(b, data[:16]) {
					t.Errorf("%s: the content is there in the clear", how)
				}
				r, err := seal.NewReaderAt(bytes.NewReader(b), int64(len(b)), key)
				if err != nil {
					t.Fatalf("%s: %v", how, err)
				}
				if r.Size() != int64(size) {
					t.Errorf("%s: size is %d", how, r.Size())
				}
				if got, err := io.ReadAll(io.NewSectionReader(r, 0, r.Size())); err != nil || !bytes.Equal(got, data) {
					t.Errorf("%s: ReadAt gives %d bytes, %v", how, len(got), err)
				}
				section := r.Range(0, r.Size())
				if got, err := io.ReadAll(iotest.OneByteReader(section)); err != nil || !bytes.Equal(got, data) {
					t.Errorf("%s: Range gives %d bytes, %v", how, len(got), err)
				}
				if err := section.Close(); err != nil {
					t.Error(err)
				}
				if _, err := section.Read(make([]byte, 1)); err == nil {
					t.Errorf("%s: a closed range reads", how)
				}
			}
		})
	}
}

func TestReaderAt_ReadsRanges(t *testing.T) {
	t.Parallel()
	key, data := seal.NewDataKey(), content(3*chunk+500)
	b := sealed(t, data, key)
	r, err := seal.NewReaderAt(bytes.NewReader(b), int64(len(b)), key)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, rg := range [][2]int{{0, 1}, {5, 10}, {chunk - 1, 2}, {chunk, chunk}, {10, 3 * chunk}, {3*chunk + 499, 1}, {3*chunk + 490, 100}, {3*chunk + 500, 5}, {0, len(data) + 10}, {len(data) + 7, 3}} {
		wg.Go(func() {
			off, n := rg[0], rg[1]
			want := data[min(off, len(data)):min(off+n, len(data))]
			got := make([]byte, n)
			m, err := r.ReadAt(got, int64(off))
			if !bytes.Equal(got[:m], want) || (errors.Is(err, io.EOF)) != (m < n) || err != nil && !errors.Is(err, io.EOF) {
				t.Errorf("ReadAt of %v: %d bytes, %v", rg, m, err)
			}
			var out bytes.Buffer
			if _, err := io.Copy(&out, r.Range(int64(off), int64(n))); err != nil || !bytes.Equal(out.Bytes(), want) {
				t.Errorf("Range of %v: %d bytes, %v", rg, out.Len(), err)
			}
		})
	}
	wg.Wait()
}

// TestReaderAt_NoticesDamage changes a sealed stream in every way that comes to mind: it must not be read as another.
func TestReaderAt_NoticesDamage(t *testing.T) {
	t.Parallel()
	key, data := seal.NewDataKey(), content(3*chunk)
	good := sealed(t, data, key)
	const head, full = 16, chunk + 16
	part := func(i int) []byte { return good[head+i*full : head+(i+1)*full] }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	flip := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 1
		return b
	}
	other := sealed(t, data, key)
	tests := map[string][]byte{
		"empty":                        {},
		"header only":                  good[:head],
		"half a tag":                   good[:head+8],
		"cut in a chunk":               good[:len(good)-100],
		"cut by a byte":                good[:len(good)-1],
		"cut at a chunk":               good[:head+2*full],
		"cut to one chunk":             good[:head+full],
		"last chunk twice":             join(good, part(2)),
		"something behind":             join(good, []byte("x")),
		"exchanged chunks":             join(good[:head], part(1), part(0), part(2)),
		"missing chunk":                join(good[:head], part(0), part(2)),
		"chunk of another with header": join(good[:head], other[head:head+full], part(1), part(2)),
		"magic":                        flip(0),
		"version":                      flip(7),
		"nonce":                        flip(9),
		"end of header":                flip(15),
		"first byte":                   flip(head),
		"middle":                       flip(head + full + 100),
		"tag":                          flip(head + full - 1),
		"last byte":                    flip(len(good) - 1),
	}
	for name, b := range tests {
		r, err := seal.NewReaderAt(bytes.NewReader(b), int64(len(b)), key)
		if err == nil {
			_, err = io.Copy(io.Discard, r.Range(0, r.Size()))
			got := make([]byte, r.Size())
			if _, err := r.ReadAt(got, 0); !errors.Is(err, seal.ErrCorrupt) {
				t.Errorf("%s: ReadAt: %v", name, err)
			}
		}
		if !errors.Is(err, seal.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := seal.NewReaderAt(bytes.NewReader(good), int64(len(good)), seal.NewDataKey()); !errors.Is(err, seal.ErrCorrupt) {
		t.Errorf("wrong key: %v", err)
	}
	if _, err := seal.NewReaderAt(bytes.NewReader(good), int64(len(good))+full, key); !errors.Is(err, seal.ErrCorrupt) {
		t.Errorf("wrong size: %v", err)
	}
	if _, err := seal.NewReaderAt(bytes.NewReader(good), int64(len(good)), key[1:]); err == nil {
		t.Error("a short key was taken")
	}
}

func TestWriter_PassesFailuresOn(t *testing.T) {
	t.Parallel()
	key := seal.NewDataKey()
	w, err := seal.NewWriter(&limited{n: chunk + 100}, key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content(3 * chunk)); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("write: %v", err)
	}
	if err := w.Close(); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("close: %v", err)
	}
	if _, err := seal.NewWriter(&limited{}, key); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("new: %v", err)
	}
	w, err = seal.NewWriter(io.Discard, key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.ReadFrom(io.MultiReader(bytes.NewReader(content(chunk)), iotest.ErrReader(io.ErrUnexpectedEOF))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a stream that was cut off: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

// limited fails after n bytes.
type limited struct{ n int }

func (l *limited) Write(p []byte) (int, error) {
	if l.n -= len(p); l.n < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

func TestRootKey_IsKept(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	wrapped := make(chan []byte, 8)
	var wg sync.WaitGroup
	for range cap(wrapped) { // all at once, they must agree on one key
		wg.Go(func() {
			k, err := seal.LoadOrCreateRootKey(dir)
			if err != nil {
				t.Error(err)
				return
			}
			wrapped <- k.Wrap([]byte("secret"), []byte("row"))
		})
	}
	wg.Wait()
	close(wrapped)
	k, err := seal.LoadOrCreateRootKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for b := range wrapped {
		if got, err := k.Unwrap(b, []byte("row")); err != nil || string(got) != "secret" {
			t.Errorf("unwrap = %q, %v", got, err)
		}
		if seen[string(b)] {
			t.Error("the same secret is wrapped the same way twice")
		}
		seen[string(b)] = true
		if _, err := k.Unwrap(b, []byte("other row")); !errors.Is(err, seal.ErrCorrupt) {
			t.Errorf("another context: %v", err)
		}
		for i := range b {
			bad := bytes.Clone(b)
			bad[i] ^= 1
			if _, err := k.Unwrap(bad, []byte("row")); !errors.Is(err, seal.ErrCorrupt) {
				t.Errorf("byte %d changed: %v", i, err)
			}
			if _, err := k.Unwrap(b[:i], []byte("row")); !errors.Is(err, seal.ErrCorrupt) {
				t.Errorf("cut to %d: %v", i, err)
			}
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != "root.key" {
		t.Fatalf("files are %v, %v", files, err)
	}
	path := filepath.Join(dir, "root.key")
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode is %v, %v", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.LoadOrCreateRootKey(dir); err == nil {
		t.Error("a key that others may read was taken")
	}
	if err := os.WriteFile(path, []byte("1234"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.LoadOrCreateRootKey(dir); err == nil {
		t.Error("a key that is none was taken")
	}
}

func BenchmarkWriter(b *testing.B) {
	key, data := seal.NewDataKey(), content(8<<20)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		w, err := seal.NewWriter(io.Discard, key)
		if err == nil {
			_, err = w.Write(data)
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRange(b *testing.B) {
	key, data := seal.NewDataKey(), content(8<<20)
	sealed := sealed(b, data, key)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := seal.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), key)
		if err != nil {
			b.Fatal(err)
		}
		section := r.Range(0, r.Size())
		if _, err := io.Copy(io.Discard, struct{ io.Reader }{section}); err != nil {
			b.Fatal(err)
		}
		if err := section.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
