package protocoltest

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"drydock/aws"
	"drydock/service"
	"drydock/service/all"
	"drydock/service/servicetest"
	"drydock/wire"
)

var update = flag.Bool("update", false, "rewrite testdata/snapshots")

func TestResponses_AreThoseOfTheSnapshots(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("testdata", "snapshots")
	unowned := map[string]bool{}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		unowned[f.Name()] = true
	}
	for _, m := range servicetest.New(t, all.Modules).Modules {
		for _, p := range m.API.Protocols {
			name := fileName(m.API, p) + ".txt"
			delete(unowned, name)
			compare(t, filepath.Join(dir, name), responses(t, m, p))
		}
	}
	for name := range unowned {
		if !*update {
			t.Errorf("%s belongs to no service's protocol", name)
		} else if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

// responses renders what a protocol makes of the outputs and the errors of a service's operations, by section title.
func responses(t *testing.T, m service.Module, p aws.Protocol) map[string]string {
	t.Helper()
	sections := map[string]string{}
	codec := wire.For(p)
	for _, h := range m.Operations {
		op := h.Operation
		reply := &wire.Reply{RequestID: "requestid", Head: op.Method == http.MethodHead, API: m.API, Resource: "/resource"}
		if m.API.Package == "s3" {
			reply.HostID = "hostid"
		}
		w := httptest.NewRecorder()
		if err := codec.Write(w, op, reply, output(t, op)); err != nil {
			t.Fatalf("%s: %v", op, err)
		}
		sections[op.Name] = render(t, w)
		for _, e := range op.Errors {
			title := "error " + e.Shape
			if _, done := sections[title]; done || reply.Head {
				continue
			}
			w := httptest.NewRecorder()
			if err := codec.WriteError(w, op, reply, modelled(e)); err != nil {
				t.Fatalf("%s of %s: %v", e.Shape, op, err)
			}
			sections[title] = render(t, w)
		}
	}
	return sections
}

// compare holds the sections against those of a file, or rewrites it.
func compare(t *testing.T, path string, sections map[string]string) {
	t.Helper()
	if *update {
		var b strings.Builder
		for _, title := range slices.Sorted(maps.Keys(sections)) {
			fmt.Fprintf(&b, "-- %s --\n%s", title, sections[title])
		}
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Errorf("%v: run the test with -update", err)
		return
	}
	kept := map[string]string{}
	for section := range strings.SplitSeq("\n"+string(data), "\n-- ") {
		if title, content, found := strings.Cut(section, " --\n"); found {
			kept[title] = strings.TrimRight(content, "\n")
		}
	}
	for title, got := range sections {
		want, found := kept[title]
		delete(kept, title)
		if !found {
			t.Errorf("%s has no snapshot of %s: run the test with -update", path, title)
		} else if diff := cmp.Diff(want, strings.TrimRight(got, "\n")); diff != "" {
			t.Errorf("%s of %s (-want +got):\n%s", title, path, diff)
		}
	}
	for title := range kept {
		t.Errorf("%s has a snapshot of %s, which belongs to nothing that is carried out", path, title)
	}
}

// render shows a response: its status, its headers in order, and after an empty line its body.
func render(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%d\n", w.Code)
	for _, name := range slices.Sorted(maps.Keys(w.Header())) {
		for _, value := range w.Header()[name] {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	fmt.Fprintf(&b, "\n%s\n", body(t, w.Body.Bytes()))
	return b.String()
}

// body indents JSON and XML, leaves other text alone, and shows the rest as "hex" and the bytes.
func body(t *testing.T, data []byte) string {
	t.Helper()
	switch {
	case bytes.HasPrefix(data, []byte("{")) && json.Valid(data):
		var b bytes.Buffer
		if err := json.Indent(&b, data, "", "  "); err != nil {
			t.Fatal(err)
		}
		return b.String()
	case bytes.HasPrefix(data, []byte("<")):
		return indentXML(t, data)
	case utf8.Valid(data) && !bytes.ContainsFunc(data, func(r rune) bool { return r < ' ' }):
		return string(data)
	}
	var b strings.Builder
	b.WriteString("hex")
	for line := range slices.Chunk(data, 48) {
		b.WriteString("\n" + hex.EncodeToString(line))
	}
	return b.String()
}

// indentXML puts each element on a line of its own and changes nothing else.
func indentXML(t *testing.T, data []byte) string {
	t.Helper()
	var b strings.Builder
	d := xml.NewDecoder(bytes.NewReader(data))
	depth, from := 0, int64(0)
	leaf := false // nothing but text has come since the last start of an element
	line := func() {
		if b.Len() > 0 {
			b.WriteString("\n" + strings.Repeat("  ", depth))
		}
	}
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		if err != nil {
			t.Fatalf("%v: %s", err, data)
		}
		text := data[from:d.InputOffset()]
		from = d.InputOffset()
		switch token.(type) {
		case xml.StartElement:
			line()
			depth++
			leaf = true
		case xml.EndElement:
			depth--
			if !leaf {
				line()
			}
			leaf = false
		case xml.CharData:
			if !leaf && len(bytes.TrimSpace(text)) == 0 {
				continue
			}
		default:
			line()
		}
		b.Write(text)
	}
}
