//go:build unix

package supervisor

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"drydock/machine"
)

// accountFileLimit bounds how much of a passwd or group file is read: a machine's own may hold anything.
const accountFileLimit = 1 << 20

// lookupUser resolves "name", "name:group", "uid" or "uid:gid" by the account files under root; nil for "". A number
// needs no entry.
func lookupUser(root, spec string) (*syscall.Credential, error) {
	if spec == "" {
		return nil, nil
	}
	name, group, hasGroup := strings.Cut(spec, ":")
	who := &syscall.Credential{}
	var found bool
	err := accounts(filepath.Join(root, "/etc/passwd"), 4, func(f []string) bool {
		uid, uidErr := number(f[2])
		gid, gidErr := number(f[3])
		if uidErr != nil || gidErr != nil || f[0] != name && f[2] != name {
			return true
		}
		name, found, who.Uid, who.Gid = f[0], true, uid, gid
		return false
	})
	if err != nil {
		return nil, err
	}
	if !found {
		uid, err := number(name)
		if err != nil {
			return nil, fmt.Errorf("no such user: %w", machine.ErrInvalid)
		}
		who.Uid = uid
	}
	groupFound := false
	err = accounts(filepath.Join(root, "/etc/group"), 4, func(f []string) bool {
		gid, err := number(f[2])
		if err != nil {
			return true
		}
		if hasGroup && !groupFound && (f[0] == group || f[2] == group) {
			who.Gid, groupFound = gid, true
		}
		for member := range strings.SplitSeq(f[3], ",") {
			if member == name && len(who.Groups) < 1024 {
				who.Groups = append(who.Groups, gid)
			}
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	if hasGroup && !groupFound {
		if who.Gid, err = number(group); err != nil {
			return nil, fmt.Errorf("no such group: %w", machine.ErrInvalid)
		}
	}
	return who, nil
}

func number(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err
}

// accounts calls each with the fields of every line that has at least that many, until it returns false. A file that is
// missing has no lines.
func accounts(file string, fields int, each func([]string) bool) error {
	f, err := os.Open(file)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, accountFileLimit))
	for lines.Scan() {
		if parts := strings.Split(lines.Text(), ":"); len(parts) >= fields && !each(parts) {
			return nil
		}
	}
	return lines.Err()
}
