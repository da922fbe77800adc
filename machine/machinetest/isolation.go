package machinetest

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"drydock/clock"
	"drydock/machine"
)

func (s *suite) testUsers(t *testing.T) {
	m := s.boot(t, machine.Spec{Users: []machine.User{{Name: "builder", UID: 1234}}})
	run := func(user string) (string, error) {
		var out bytes.Buffer
		_, err := m.Exec(t.Context(), machine.Command{Args: []string{"sh", "-c", "id -u; id -g"}, User: user, Stdout: &out, Stderr: &out})
		return strings.Join(strings.Fields(out.String()), " "), err
	}
	for user, want := range map[string]string{"builder": "1234 1234", "1234": "1234 1234", "builder:0": "1234 0", "77:88": "77 88"} {
		got, err := run(user)
		if s.capabilities(t).Users {
			if err != nil || got != want {
				t.Errorf("as %q: %q, %v; want %q", user, got, err, want)
			}
		} else if !errors.Is(err, machine.ErrUnsupported) {
			t.Errorf("as %q, which is not promised: %q, %v", user, got, err)
		}
	}
	first, err := run("")
	if err != nil {
		t.Fatal(err)
	}
	if root, err := run("root"); err != nil || root != first {
		t.Errorf("as root %q, %v; as nobody in particular %q", root, err, first)
	}
	if !s.capabilities(t).Users {
		return
	}
	var out bytes.Buffer
	exit, err := m.Exec(t.Context(), machine.Command{Args: []string{"sh", "-c", "echo x >" + m.Path("/home/builder/f") + " && ! echo x 2>/dev/null >" + m.Path("/etc/f")},
		User: "builder", Stdout: &out, Stderr: &out})
	if s.capabilities(t).Isolation != machine.IsolationNone && (err != nil || exit.Code != 0) {
		t.Errorf("a user cannot write at home, or can in /etc: %v, %v, %s", exit, err, out.String())
	}
}

func (s *suite) capabilities(t testing.TB) machine.Capabilities {
	t.Helper()
	d, err := s.newDriver()
	if err != nil {
		t.Fatal(err)
	}
	return d.Capabilities()
}

func (s *suite) testIsolation(t *testing.T) {
	caps := s.capabilities(t)
	if caps.Isolation == machine.IsolationNone {
		if len(caps.Notes) == 0 {
			t.Error("a driver that isolates nothing does not say so")
		}
		return
	}
	m := s.boot(t, machine.Spec{Hostname: "inside"})
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for script, want := range map[string]string{
		"hostname":                                                       "inside",
		"cat /etc/hostname":                                              "inside",
		"echo mine >/etc/mine && cat /etc/mine":                          "mine",
		"test -e " + secret + " || echo hidden":                          "hidden",
		"(echo x >/usr/file) 2>/dev/null || echo refused":                "refused",
		"(echo x >/usr/bin/env) 2>/dev/null || echo refused":             "refused",
		"mount -o remount,rw /usr 2>/dev/null || echo refused":           "refused",
		"umount -l /usr 2>/dev/null || echo refused":                     "refused",
		"(echo 1 >/proc/sys/kernel/panic) 2>/dev/null || echo refused":   "refused",
		"mount -o remount,rw,bind /proc/sys 2>/dev/null || echo refused": "refused",
		"mount -t proc proc /mnt 2>/dev/null || echo refused":            "refused",
		"(echo h >/proc/sysrq-trigger) 2>/dev/null || echo refused":      "refused",
		"cat /proc/kcore 2>/dev/null | wc -c":                            "0",
		"readlink /proc/1/exe >/dev/null 2>&1 || echo refused":           "refused",
		"readlink /proc/1/fd/3 >/dev/null 2>&1 || echo refused":          "refused",
		"kill -KILL 1; kill -TERM 1; sleep 0.05; echo alive":             "alive",
		"grep -ls '[.]test' /proc/[0-9]*/cmdline || echo none":           "none", // this program is not seen
		"cat /proc/1/cmdline | tr '\\0' ' '":                             "drydock-machine-init",
		"grep -c -v -e ' / ' -e ' /usr ' -e ' /proc' -e ' /dev' -e ' /opt/' -e ' /etc/' -e ' /root/' -e ' /home/' -e ' /nix ' -e ' /bin ' -e ' /lib' -e ' /sbin ' /proc/self/mountinfo": "0",
		"grep NoNewPrivs /proc/self/status | tr -d '\\t'":                                           "NoNewPrivs:1",
		"dd if=/dev/urandom of=/dev/null bs=16 count=1 2>/dev/null && echo x >/dev/null && echo ok": "ok",
		"mknod /tmp/disk b 254 0 2>/dev/null || echo refused":                                       "refused",
		"ls /sys": "",
		"test -w /dev/shm && test -e /dev/fd/0 && test -e /dev/pts/ptmx && stat -c %a /tmp": "1777",
		"unshare -Urm sh -c 'mount -o remount,rw,bind /usr' 2>/dev/null || echo refused":    "refused",
		"unshare -Urmpf sh -c 'mount -t proc proc /mnt' 2>/dev/null || echo refused":        "refused",
		"unshare -Urm sh -c 'umount /proc/sys' 2>/dev/null || echo refused":                 "refused",
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			if _, got := sh(t, m, script); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	if caps.Users {
		if got := must(t, m, "su nobody -s /bin/sh -c 'id -u'"); got != "65534" {
			t.Errorf("after a change of user the user is %q", got)
		}
	}
	if _, err := os.Stat("/etc/mine"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the machine's /etc is the host's: %v", err)
	}
}

func (s *suite) testMounts(t *testing.T) {
	caps := s.capabilities(t)
	rw, ro, file := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "file")
	for _, f := range []string{filepath.Join(rw, "f"), filepath.Join(ro, "f"), file} {
		if err := os.WriteFile(f, []byte(filepath.Base(f)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m := s.boot(t, machine.Spec{Mounts: []machine.Mount{
		{Source: rw, Target: "/work/rw"}, {Source: ro, Target: "/work/ro", ReadOnly: true}, {Source: file, Target: "/work/file", ReadOnly: true},
	}})
	if got := must(t, m, fmt.Sprintf("cat %s %s %s", m.Path("/work/rw/f"), m.Path("/work/ro/f"), m.Path("/work/file"))); got != "fffile" {
		t.Errorf("files are %q", got)
	}
	must(t, m, "echo out >"+m.Path("/work/rw/out"))
	if data, err := os.ReadFile(filepath.Join(rw, "out")); err != nil || string(data) != "out\n" {
		t.Errorf("a file written in a mount is %q, %v on the host", data, err)
	}
	if p, err := m.HostPath("/work/rw/out"); err != nil || p != filepath.Join(rw, "out") {
		t.Errorf("host path in a mount is %q, %v", p, err)
	}
	if !caps.ReadOnly {
		if !slices.Contains(m.Unenforced(), "mounts.readOnly") {
			t.Errorf("read-only mounts are neither promised nor reported: %v", m.Unenforced())
		}
		return
	}
	for _, target := range []string{"/work/ro/f", "/work/ro/new", "/work/file"} {
		if _, got := sh(t, m, "(echo x >"+target+") 2>/dev/null || echo refused"); got != "refused" {
			t.Errorf("%s can be written: %s", target, got)
		}
	}
	h := s.open(t, t.TempDir())
	if _, err := h.Create(t.Context(), machine.Spec{ID: "x", Mounts: []machine.Mount{{Source: "/no/such", Target: "/x"}}}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("mount of nothing: %v", err)
	}
	if _, err := h.Create(t.Context(), machine.Spec{ID: "x", Mounts: []machine.Mount{{Source: "/tmp", Target: "/"}}}); !errors.Is(err, machine.ErrInvalid) {
		t.Errorf("mount over the root: %v", err)
	}
}

func (s *suite) testFiles(t *testing.T) {
	m := s.boot(t, machine.Spec{})
	must(t, m, fmt.Sprintf("mkdir -p %[1]s/sub && echo hello >%[1]s/sub/file && ln -s sub/file %[1]s/link && chmod 755 %[1]s/sub/file", m.Path("/srv/a")))
	var stream bytes.Buffer
	if err := m.CopyOut(t.Context(), "/srv/a", &stream); err != nil {
		t.Fatal(err)
	}
	if err := m.CopyIn(t.Context(), "/srv/deep/b", &stream); err != nil {
		t.Fatal(err)
	}
	if got := must(t, m, fmt.Sprintf("cat %[1]s/link && test -x %[1]s/sub/file && readlink %[1]s/link", m.Path("/srv/deep/b"))); got != "hello\nsub/file" {
		t.Errorf("copied files are %q", got)
	}
	stream.Reset()
	if err := m.CopyOut(t.Context(), "/srv/a/sub/file", &stream); err != nil {
		t.Fatal(err)
	}
	if h, err := tar.NewReader(&stream).Next(); err != nil || h.Name != "file" {
		t.Errorf("a single file is %v, %v in the archive", h, err)
	}
	root, err := m.OpenRoot("/srv/a")
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if data, err := root.ReadFile("sub/file"); err != nil || string(data) != "hello\n" {
		t.Errorf("file through the root is %q, %v", data, err)
	}
	for p, want := range map[string]bool{"/srv/a/sub/file": true, "/srv/a/link": true, "/srv/a/new": true, "/srv/no/such": false, "relative": false} {
		got, err := m.HostPath(p)
		if (err == nil) != want {
			t.Errorf("host path of %s is %q, %v", p, got, err)
		}
	}
	if err := m.CopyOut(t.Context(), "/no/such", &stream); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("copy of nothing: %v", err)
	}
}

func (s *suite) testFilesRefuseEscape(t *testing.T) {
	m := s.boot(t, machine.Spec{})
	outside := t.TempDir()
	file := filepath.Join(outside, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	up := strings.Repeat("../", 30)
	must(t, m, fmt.Sprintf("cd %s && ln -s %s abs && ln -s %s rel && ln -s %s/new dangling && mkdir dir && ln -s %s dir/abs",
		m.Path("/srv"), outside, up+outside, outside, outside))
	for _, p := range []string{"/srv/abs", "/srv/abs/file", "/srv/rel", "/srv/rel/file", "/srv/rel/new", "/srv/dangling", "/srv/dir/abs/file"} {
		if got, err := m.HostPath(p); err == nil {
			t.Errorf("host path of %s is %s", p, got)
		}
		if err := m.CopyOut(t.Context(), p, &bytes.Buffer{}); err == nil {
			t.Errorf("%s was copied out", p)
		}
		if root, err := m.OpenRoot(p); err == nil {
			t.Errorf("%s was opened", p)
			_ = root.Close()
		}
	}
	if got, err := m.HostPath("/srv/../../../../etc/../srv"); err != nil || !strings.HasSuffix(got, "/srv") || got == "/srv" {
		t.Errorf("dots lead to %s, %v", got, err)
	}
	for name, header := range map[string]tar.Header{
		"dots":          {Typeflag: tar.TypeReg, Name: "../../file"},
		"absolute":      {Typeflag: tar.TypeReg, Name: file},
		"through link":  {Typeflag: tar.TypeReg, Name: "abs/file"},
		"link out":      {Typeflag: tar.TypeSymlink, Name: "out", Linkname: up + "etc"},
		"absolute link": {Typeflag: tar.TypeSymlink, Name: "out", Linkname: "/etc"},
		"hard link":     {Typeflag: tar.TypeLink, Name: "out", Linkname: "abs/file"},
	} {
		var stream bytes.Buffer
		w := tar.NewWriter(&stream)
		header.Mode = 0o644
		if err := errors.Join(w.WriteHeader(&header), w.Close()); err != nil {
			t.Fatal(err)
		}
		if err := m.CopyIn(t.Context(), "/srv", &stream); err == nil {
			t.Errorf("archive with %s was unpacked", name)
		}
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "precious" {
		t.Errorf("the file outside is %q, %v", data, err)
	}
}

func (s *suite) testLimits(t *testing.T) {
	caps := s.capabilities(t)
	m := s.boot(t, machine.Spec{Limits: machine.Limits{MemoryBytes: 96 << 20, Processes: 40, CPUs: 0.5}})
	for name, promised := range map[string]bool{"limits.memoryBytes": caps.Memory, "limits.processes": caps.Processes, "limits.cpus": caps.CPUs} {
		if reported := slices.Contains(m.Unenforced(), name); reported == promised {
			t.Errorf("%s: promised %t, reported as not enforced %t", name, promised, reported)
		}
	}
	if caps.Memory {
		// A shell that doubles a string until it is stopped.
		exit, err := m.Exec(t.Context(), machine.Command{Args: []string{"/bin/sh", "-c", `x=xxxxxxxxxxxxxxxx; while [ ${#x} -lt 400000000 ]; do x=$x$x; done`}})
		if err != nil || exit.Code != 137 || !exit.OutOfMemory {
			t.Errorf("a memory hog ended with %+v, %v", exit, err)
		}
		if code, _ := sh(t, m, "true"); code != 0 {
			t.Error("the machine did not survive a memory hog")
		}
	}
	if caps.Processes {
		// Each is a process of its own; the fork that fails makes the shell give up.
		_, out := sh(t, m, `i=0; while [ $i -lt 300 ]; do sleep 20 >/dev/null 2>&1 & i=$((i+1)); echo $i; done 2>&1`)
		if strings.Contains(out, "\n300") {
			t.Error("300 processes run where 40 may")
		}
		if err := m.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		must(t, m, "true")
	}
	if caps.CPUs {
		watch := clock.StartStopwatch()
		spent := must(t, m, `i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; awk '{print $14+$15}' /proc/$$/stat`)
		var ticks int
		if _, err := fmt.Sscan(spent, &ticks); err != nil {
			t.Fatal(err)
		}
		if used := time.Duration(ticks) * 10 * time.Millisecond; used > 200*time.Millisecond && watch.Elapsed() < used*5/4 {
			t.Errorf("half a CPU gave %v in %v", used, watch.Elapsed())
		}
	}
}

func (s *suite) testNetwork(t *testing.T) {
	caps := s.capabilities(t)
	h := s.open(t, t.TempDir())
	if _, err := h.Create(t.Context(), machine.Spec{ID: "x", Network: machine.Network{Mode: "no such"}}); !errors.Is(err, machine.ErrUnsupported) {
		t.Errorf("unknown network mode: %v", err)
	}
	spec := machine.Spec{ID: "alone", Network: machine.Network{Mode: machine.NetworkNone}}
	if !slices.Contains(caps.Networks, machine.NetworkNone) {
		if _, err := h.Create(t.Context(), spec); !errors.Is(err, machine.ErrUnsupported) {
			t.Errorf("network mode that is not promised: %v", err)
		}
		return
	}
	m := create(t, h, spec)
	if got := must(t, m, "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' ' | sort | head -1; cat /proc/net/if_inet6 | awk '{print $6}'"); !strings.HasPrefix(got, "lo") {
		t.Errorf("interfaces are %q", got)
	}
	if code, _ := sh(t, m, "tail -n +3 /proc/net/dev | grep -q eth"); code == 0 {
		t.Error("a machine without a network sees the host's")
	}
}
