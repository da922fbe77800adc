package git

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
)

// packObject types, as in git's pack format.
const (
	packCommit = 1
	packTree   = 2
	packBlob   = 3
)

// pack collects new objects. They are written as one pack: one process and two syncs however many they are.
type pack struct {
	count uint32
	body  bytes.Buffer
	known map[ID]bool
}

func newPack() *pack { return &pack{known: map[ID]bool{}} }

// add returns the id of an object that the pack will hold.
func (p *pack) add(kind int, data []byte) (ID, error) {
	name := map[int]string{packCommit: "commit", packTree: "tree", packBlob: "blob"}[kind]
	sum := sha1.New()
	sum.Write([]byte(name + " " + strconv.Itoa(len(data)) + "\x00"))
	sum.Write(data)
	id := ID(hex.EncodeToString(sum.Sum(nil)))
	if p.known[id] {
		return id, nil
	}
	p.known[id] = true
	p.count++
	size := uint64(len(data))
	head := byte(kind<<4) | byte(size&15)
	for size >>= 4; size > 0; size >>= 7 {
		p.body.WriteByte(head | 0x80)
		head = byte(size & 0x7f)
	}
	p.body.WriteByte(head)
	z := zlib.NewWriter(&p.body)
	if _, err := z.Write(data); err != nil {
		return "", err
	}
	return id, z.Close()
}

// store writes the pack into the working copy; the caller, who has entered, saves. Git checks each object, and that what it refers to is there; what git
// objects to is ErrInvalidPath or the CommandError.
func (r *Repository) store(ctx context.Context, p *pack) error {
	data := binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), p.count)
	data = append(data, p.body.Bytes()...)
	sum := sha1.Sum(data)
	data = append(data, sum[:]...)
	_, err := r.run(ctx, bytes.NewReader(data), "index-pack", "--stdin", "--strict")
	var failed *CommandError
	if errors.As(err, &failed) && bytes.Contains([]byte(failed.Stderr), []byte("hasDot")) {
		return fmt.Errorf("store objects: %w: %s", ErrInvalidPath, failed.Stderr)
	}
	if err != nil {
		return fmt.Errorf("store objects: %w", err)
	}
	return nil
}
