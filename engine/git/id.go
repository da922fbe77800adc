package git

import (
	"fmt"
	"strings"
)

// ID is a SHA-1 object id in 40 lower-case hexadecimal digits. The empty ID stands for "none".
type ID string

const (
	zeroID    ID = "0000000000000000000000000000000000000000"
	emptyTree ID = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
)

// ParseID checks that s is an object id.
func ParseID(s string) (ID, error) {
	if !isHexID(s) {
		return "", fmt.Errorf("%.60q: %w", s, ErrInvalidID)
	}
	return ID(s), nil
}

func isHexID(s string) bool {
	if len(s) != 40 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// wire is the id as git's protocols write it: zeros for none.
func (id ID) wire() string {
	if id == "" {
		return string(zeroID)
	}
	return string(id)
}

const refNameLimit = 1024

// ValidRefName tells whether name is a full reference name, such as "refs/heads/main", by the rules of
// git-check-ref-format: at least two levels below refs/.
func ValidRefName(name string) bool {
	rest, ok := strings.CutPrefix(name, "refs/")
	if !ok || len(name) > refNameLimit || !strings.Contains(rest, "/") {
		return false
	}
	if strings.Contains(name, "..") || strings.Contains(name, "@{") || strings.HasSuffix(name, ".") {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part[0] == '.' || strings.HasSuffix(part, ".lock") || len(part) > 250 {
			return false
		}
	}
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c == 0x7f || strings.IndexByte("~^:?*[\\", c) >= 0 {
			return false
		}
	}
	return true
}

// ValidBranchName tells whether name, without refs/heads/, may name a branch. Names that begin with "-" and "HEAD" may
// not, as git's own commands refuse them.
func ValidBranchName(name string) bool {
	return name != "HEAD" && !strings.HasPrefix(name, "-") && ValidRefName(branchPrefix+name)
}
