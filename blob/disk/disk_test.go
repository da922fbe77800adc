package disk_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"drydock/blob"
	"drydock/blob/blobtest"
	"drydock/blob/disk"
)

// crashDir tells the test binary, started again as a child, to write blobs into that directory until it is killed.
const crashDir = "DRYDOCK_TEST_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		if err := writeForever(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func open(t testing.TB, dir string) *disk.Driver {
	t.Helper()
	d, err := disk.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDriver(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(t *testing.T) blob.Driver { return open(t, t.TempDir()) })
}

func TestReader_IsFile(t *testing.T) {
	t.Parallel()
	s := blob.New(open(t, t.TempDir()))
	w, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	ref, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(t.Context(), ref.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Seek(5, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	f, ok := r.(blob.Filer)
	if !ok {
		t.Fatal("the reader has no file")
	}
	if rest, err := io.ReadAll(f.File()); err != nil || string(rest) != "56789" {
		t.Errorf("the file reads %q, %v", rest, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// piece is one line of what the child writes: the content tells how long it has to be.
func piece(worker, n int) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "%d/%d\n", worker, n), 1+n%5000)
}

// writeForever commits blobs and prints their ids with what is in them.
func writeForever(dir string) error {
	d, err := disk.Open(dir)
	if err != nil {
		return err
	}
	s := blob.New(d)
	var out sync.Mutex
	errs := make(chan error)
	for worker := range 4 {
		go func() {
			for n := 0; ; n++ {
				w, err := s.Create(context.Background())
				if err == nil {
					_, err = w.Write(piece(worker, n))
				}
				var ref blob.Ref
				if err == nil {
					ref, err = w.Commit()
				}
				if err != nil {
					errs <- err
					return
				}
				out.Lock()
				fmt.Printf("%s %d %d\n", ref.ID, worker, n)
				out.Unlock()
			}
		}()
	}
	return <-errs
}

func TestDriver_KeepsCommittedBlobsWhenKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	committed := map[string][]byte{}
	for range 10 {
		child := exec.Command(self)
		child.Env = append(os.Environ(), crashDir+"="+dir)
		var stderr strings.Builder
		child.Stderr = &stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		scanner, lines := bufio.NewScanner(out), 1+rand.N(60)
		for scanner.Scan() {
			var id string
			var worker, n int
			if _, err := fmt.Sscanf(scanner.Text(), "%s %d %d", &id, &worker, &n); err != nil {
				continue // the last line may be cut off
			}
			committed[id] = piece(worker, n)
			if lines--; lines == 0 {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := child.Wait(); err == nil || stderr.Len() > 0 {
			t.Fatalf("the child ended by itself: %v\n%s", err, stderr.String())
		}
		s := blob.New(open(t, dir))
		for id, want := range committed {
			r, err := s.Open(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("blob has %d bytes, want %d; %v", len(got), len(want), err)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		left, err := os.ReadDir(filepath.Join(dir, "tmp"))
		if err != nil || len(left) > 0 {
			t.Errorf("%d unfinished blobs are left, %v", len(left), err)
		}
	}
	if len(committed) < 10 {
		t.Errorf("only %d blobs were committed", len(committed))
	}
}

func BenchmarkCreate(b *testing.B) {
	for _, size := range []int{1 << 10, 8 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s := blob.New(open(b, b.TempDir()))
			data := make([]byte, size)
			b.SetBytes(int64(size))
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					w, err := s.Create(b.Context())
					if err == nil {
						_, err = w.Write(data)
					}
					var ref blob.Ref
					if err == nil {
						ref, err = w.Commit()
					}
					if err == nil {
						err = s.Delete(b.Context(), ref.ID)
					}
					if err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
