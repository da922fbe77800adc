package namespace

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"drydock/machine"
)

// hostImage is what of the host is seen in a machine.
type hostImage struct {
	shown []string          // folders and files, at their own places
	links map[string]string // links in the root folder, such as bin to usr/bin
	path  string            // PATH
}

// toolFolders are where language tools live in a home folder. Only the parts that hold no secrets are named.
var toolFolders = []string{
	".pyenv", ".rbenv", ".nodenv", ".goenv", ".asdf", ".nvm", ".fnm", ".volta", ".sdkman", ".rustup/toolchains",
	".rustup/settings.toml", ".cargo/bin", ".local/bin", ".local/lib", ".deno/bin", ".bun/bin", ".dotnet", "go/bin",
}

// standardPath are the folders of PATH that are there whatever drydock's own is.
var standardPath = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

func findHostImage(more []string) (hostImage, error) {
	image := hostImage{links: map[string]string{}}
	for _, top := range []string{"usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "nix"} {
		info, err := os.Lstat("/" + top)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return image, err
		case info.Mode()&fs.ModeSymlink != 0:
			if image.links[top], err = os.Readlink("/" + top); err != nil {
				return image, err
			}
		case info.IsDir():
			image.shown = append(image.shown, "/"+top)
		}
	}
	opt, err := os.ReadDir("/opt")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return image, err
	}
	candidates := slices.Clone(more)
	for _, e := range opt {
		candidates = append(candidates, "/opt/"+e.Name()) // one by one, so that /opt itself stays writable
	}
	for _, pattern := range etcFolders {
		matches, err := filepath.Glob("/etc/" + pattern)
		if err != nil {
			return image, err
		}
		candidates = append(candidates, matches...)
	}
	if home, err := os.UserHomeDir(); err == nil && filepath.IsAbs(home) && home != "/" {
		for _, f := range toolFolders {
			candidates = append(candidates, filepath.Join(home, f))
		}
	}
	for _, c := range candidates {
		// A link's target would be shown in its place; and what cannot be read is of no use.
		if info, err := os.Lstat(c); err == nil && info.Mode()&fs.ModeSymlink == 0 && !image.shows(c) {
			image.shown = append(image.shown, c)
		}
	}
	var search []string
	for _, folder := range append(filepath.SplitList(os.Getenv("PATH")), standardPath...) {
		if !slices.Contains(search, folder) && (slices.Contains(standardPath, folder) || image.shows(folder)) {
			search = append(search, folder)
		}
	}
	image.path = strings.Join(search, ":")
	return image, nil
}

func (h hostImage) shows(p string) bool {
	return slices.ContainsFunc(h.shown, func(s string) bool { return p == s || strings.HasPrefix(p, s+"/") })
}

func (h hostImage) exactly(p string) bool { return slices.Contains(h.shown, p) }

// etcFiles are copied from the host's /etc where they are there and everybody may read them: what programs look for to
// run at all. Secrets, services and the host's own affairs stay away. The list is short because making a file is what
// takes the time when a machine is made.
var etcFiles = []string{
	"bash.bashrc", "bashrc", "gai.conf", "gitconfig", "host.conf", "inputrc", "ld.so.cache", "ld.so.conf", "locale.conf",
	"localtime", "login.defs", "magic", "mime.types", "nsswitch.conf", "os-release", "profile", "profile.d",
	"protocols", "services", "shells", "timezone", "ssl/openssl.cnf", "ssl/cert.pem", "ssl/certs/ca-certificates.crt",
	"ssl/certs/java/cacerts", "ssl/ca-bundle.pem", "pki/tls/cert.pem", "pki/tls/openssl.cnf", "pki/tls/certs/ca-bundle.crt",
	"pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "pki/ca-trust/extracted/java/cacerts",
}

// etcFolders are shown in place, read-only: large, without secrets, and about programs that are read-only too.
var etcFolders = []string{"alternatives", "crypto-policies", "fonts", "java", "java-*", "ld.so.conf.d", "maven", "perl", "php", "python*", "terminfo"}

// layOut fills a machine's root.
func (h hostImage) layOut(root *os.Root, spec machine.Spec) error {
	for _, dir := range []string{"dev", "etc", "home", "media", "mnt", "opt", "proc", "run", "srv", "sys", "usr", "var/cache", "var/lib", "var/log", "var/spool"} {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	// Tools of drydock's user that are shown in root's home must be reachable for the other users too.
	for dir, mode := range map[string]fs.FileMode{"root": 0o711, "tmp": 0o777 | fs.ModeSticky, "var/tmp": 0o777 | fs.ModeSticky} {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := root.Chmod(dir, mode); err != nil {
			return err
		}
	}
	links := map[string]string{"var/run": "/run", "var/lock": "/run/lock", "etc/mtab": "/proc/self/mounts"}
	maps.Copy(links, h.links)
	for name, target := range links {
		if err := root.Symlink(target, name); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	left := budget{files: 1000, bytes: 32 << 20}
	for _, f := range etcFiles {
		if err := copyTree(root, "/etc/"+f, "etc/"+f, &left); err != nil {
			return fmt.Errorf("copy /etc/%s: %w", f, err)
		}
	}
	return writeEtc(root, spec)
}

// writeEtc writes what is the machine's own in /etc.
func writeEtc(root *os.Root, spec machine.Spec) error {
	var passwd strings.Builder
	passwd.WriteString("root:x:0:0:root:/root:" + shell() + "\n" +
		"daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n")
	var group strings.Builder
	group.WriteString("root:x:0:\ndaemon:x:1:\nadm:x:4:\ntty:x:5:\ndisk:x:6:\nmail:x:8:\nshadow:x:42:\nstaff:x:50:\nusers:x:100:\nnogroup:x:65534:\n")
	for _, u := range spec.Users {
		home, login := homeOf(u), u.Shell
		if login == "" {
			login = "/bin/sh"
		}
		fmt.Fprintf(&passwd, "%s:x:%d:%d::%s:%s\n", u.Name, u.UID, u.UID, home, login)
		fmt.Fprintf(&group, "%s:x:%d:\n", u.Name, u.UID)
	}
	names := "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\t" + spec.Hostname + "\n"
	files := map[string]string{"passwd": passwd.String(), "group": group.String(), "hosts": names, "hostname": spec.Hostname + "\n"}
	// Root may become any user; there are no passwords that anybody else could give.
	const become = "auth sufficient pam_rootok.so\nauth required pam_deny.so\naccount required pam_permit.so\nsession required pam_permit.so\n"
	for _, program := range []string{"su", "su-l", "runuser", "runuser-l"} {
		files["pam.d/"+program] = become
	}
	if err := root.MkdirAll("etc/pam.d", 0o755); err != nil {
		return err
	}
	if resolv, err := os.ReadFile("/etc/resolv.conf"); err == nil { // read through the links it often is
		files["resolv.conf"] = string(resolv)
	}
	for name, content := range files {
		if err := root.WriteFile("etc/"+name, []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func shell() string {
	if _, err := os.Stat("/bin/bash"); err == nil {
		return "/bin/bash"
	}
	return "/bin/sh"
}

func homeOf(u machine.User) string {
	if u.Home != "" {
		return u.Home
	}
	return "/home/" + u.Name
}

// budget bounds what is copied, for a host whose /etc is not what one expects.
type budget struct {
	files int
	bytes int64
}

func (b *budget) spend(bytes int64) error {
	b.files--
	if b.bytes -= bytes; b.files < 0 || b.bytes < 0 {
		return errors.New("more than a machine's /etc may hold")
	}
	return nil
}

// copyTree copies what everybody may read; links stay links, and anything else is left out. A source that is missing is
// no error.
func copyTree(root *os.Root, source, target string, left *budget) error {
	info, err := os.Lstat(source)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := left.spend(info.Size()); err != nil {
		return err
	}
	switch mode := info.Mode(); {
	case mode&fs.ModeSymlink != 0:
		to, err := os.Readlink(source)
		if err != nil {
			return err
		}
		return errors.Join(root.MkdirAll(filepath.Dir(target), 0o755), root.Symlink(to, target))
	case mode.IsDir() && mode&0o005 == 0o005:
		entries, err := os.ReadDir(source)
		if err != nil {
			return err
		}
		if err := root.MkdirAll(target, 0o755); err != nil {
			return err
		}
		for _, e := range entries {
			if err := copyTree(root, source+"/"+e.Name(), target+"/"+e.Name(), left); err != nil {
				return err
			}
		}
	case mode.IsRegular() && mode&0o004 != 0:
		content, err := os.ReadFile(source)
		if err != nil {
			return err
		}
		if err := root.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return root.WriteFile(target, content, mode.Perm()|0o200)
	}
	return nil
}
