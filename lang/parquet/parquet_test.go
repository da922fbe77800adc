package parquet_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drydock/lang/parquet"
)

func load(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func open(data []byte) (*parquet.File, error) {
	return parquet.Open(bytes.NewReader(data), int64(len(data)))
}

// all returns the places of all columns.
func all(f *parquet.File) (list []int) {
	for i := range f.Columns() {
		list = append(list, i)
	}
	return list
}

// shown says a value as testdata/make.py does.
func shown(v any) any {
	switch v := v.(type) {
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case time.Duration:
		return v.Microseconds()
	case parquet.Decimal:
		return string(v)
	case string:
		return latin(v)
	case parquet.List:
		list := []any{}
		for _, e := range v {
			list = append(list, shown(e))
		}
		return list
	case *parquet.Group:
		m := map[string]any{}
		for i, n := range v.Names {
			m[n] = shown(v.Values[i])
		}
		return m
	}
	return v
}

// latin takes bytes that are no text for characters, as JSON cannot hold others.
func latin(s string) string {
	if strings.ToValidUTF8(s, "") == s {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

// meant has a value of JSON with the types of shown.
func meant(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = meant(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = meant(v[k])
		}
	}
	return v
}

func TestRows_ReadWhatPyarrowWrote(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"flat", "snappy", "gzip", "zstd", "pages", "pages2", "delta", "deltalong", "int96", "more", "empty", "nested", "nested2"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := open(load(t, name+".parquet"))
			if err != nil {
				t.Fatal(err)
			}
			rows := f.Rows(all(f))
			want := json.NewDecoder(bytes.NewReader(load(t, name+".jsonl")))
			want.UseNumber()
			for n := 0; ; n++ {
				row, err := rows.Next()
				var w map[string]any
				if errWant := want.Decode(&w); errors.Is(errWant, io.EOF) {
					if !errors.Is(err, io.EOF) {
						t.Fatalf("behind %d rows: %v", n, err)
					}
					break
				}
				if err != nil {
					t.Fatalf("row %d: %v", n, err)
				}
				g := &parquet.Group{Values: row}
				for _, c := range f.Columns() {
					g.Names = append(g.Names, c.Name)
				}
				if diff := cmp.Diff(meant(w), shown(g)); diff != "" {
					t.Fatalf("row %d: %s", n, diff)
				}
			}
			if stored, plain := rows.Read(); name != "empty" && (stored == 0 || plain == 0) {
				t.Errorf("%d bytes read, %d plain", stored, plain)
			}
		})
	}
}

// watched counts what is read of a file.
type watched struct {
	bytes.Reader
	n int
}

func (w *watched) ReadAt(p []byte, off int64) (int, error) {
	w.n += len(p)
	return w.Reader.ReadAt(p, off)
}

func TestRows_ReadOnlyTheColumnsAskedFor(t *testing.T) {
	t.Parallel()
	data := load(t, "flat.parquet")
	w := &watched{}
	w.Reset(data)
	f, err := parquet.Open(w, int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	w.n = 0
	rows, n := f.Rows([]int{10, 0}), 0
	for ; ; n++ {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if row[1] != int64(n) {
			t.Fatalf("row %d: %v", n, row)
		}
	}
	if n != 50 || w.n > len(data)/3 {
		t.Errorf("%d rows and %d bytes of %d read", n, w.n, len(data))
	}
	none := f.Rows(nil)
	for range 50 {
		if row, err := none.Next(); err != nil || len(row) != 0 {
			t.Fatal(row, err)
		}
	}
	if _, err := none.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("behind the end: %v", err)
	}
}

// drain reads all records, or so many.
func drain(data []byte, most int) error {
	f, err := open(data)
	if err != nil {
		return err
	}
	rows := f.Rows(all(f))
	for range most {
		if _, err := rows.Next(); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
	return nil
}

func known(err error) bool {
	for _, k := range []error{parquet.ErrFormat, parquet.ErrCodec, parquet.ErrType, parquet.ErrSize, parquet.ErrRecord} {
		if errors.Is(err, k) {
			return true
		}
	}
	return err == nil
}

func TestOpen_Refusals(t *testing.T) {
	t.Parallel()
	flat := load(t, "flat.parquet")
	footer := func(n uint32) []byte {
		d := bytes.Clone(flat)
		binary.LittleEndian.PutUint32(d[len(d)-8:], n)
		return d
	}
	for name, tt := range map[string]struct {
		data []byte
		want error
	}{
		"nothing":     {nil, parquet.ErrFormat},
		"text":        {[]byte("name,age\nAnn,31\nBob,4\n"), parquet.ErrFormat},
		"cut":         {flat[:len(flat)-1], parquet.ErrFormat},
		"long footer": {footer(1 << 31), parquet.ErrFormat},
		"no footer":   {footer(0), parquet.ErrFormat},
		"half footer": {footer(100), parquet.ErrFormat},
		"brotli":      {load(t, "brotli.parquet"), parquet.ErrCodec},
	} {
		if err := drain(tt.data, 1000); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	failed := errors.New("the disk is gone")
	if _, err := parquet.Open(broken{failed}, 100); !errors.Is(err, failed) || known(err) {
		t.Errorf("a failure of the storage: %v", err)
	}
}

type broken struct{ err error }

func (b broken) ReadAt([]byte, int64) (int, error) { return 0, b.err }

// Each byte of each file is damaged; what comes is an error of a known kind, or other values.
func TestRows_DamageIsAnError(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.parquet")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			data := load(t, filepath.Base(name))
			refused := 0
			for i := range data {
				change := []byte{0x01, 0x80, 0xff}[i%3]
				data[i] ^= change
				err := drain(data, 200)
				data[i] ^= change
				if !known(err) {
					t.Fatalf("byte %d changed by %x: %v", i, change, err)
				}
				if err != nil {
					refused++
				}
			}
			if refused == 0 {
				t.Error("no damage was noticed")
			}
		})
	}
}

func TestRows_ChecksumsAreHeld(t *testing.T) {
	t.Parallel()
	data := load(t, "pages.parquet")
	i := bytes.Index(data, []byte("prefix-00000000"))
	data[i] = 'P'
	if err := drain(data, 200); !errors.Is(err, parquet.ErrFormat) || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("a changed page: %v", err)
	}
}

func FuzzRows(f *testing.F) {
	files, err := filepath.Glob("testdata/*.parquet")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		f.Add(load(f, filepath.Base(name)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := drain(data, 1000); !known(err) {
			t.Error(err)
		}
	})
}
