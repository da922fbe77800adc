package s3

import (
	"container/list"
	"hash/maphash"
	"sync"
)

// plaintexts keeps what was decrypted of segments that are read again and again, as the artifact that a fleet of instances
// fetches: decrypting costs as much as all else that is done to send it. Only what is sealed under the root key is kept; a
// customer's key opens nothing here. Its methods are safe for concurrent use, its zero value is ready.
type plaintexts struct {
	mu      sync.Mutex // guards the fields below
	entries map[string]*list.Element
	recent  list.List // of *plaintext, the one used last in front
	size    int64
	seed    maphash.Seed
	// asked has for each slot the hash of the segment that was missed last. One is kept when it is missed twice: what is
	// read once must not push out what is read often.
	asked [256]uint64
}

const (
	// maxPlaintext is the size of the largest segment kept, a part as clients cut uploads by default.
	maxPlaintext = 8 << 20
	// maxPlaintexts is how much is kept in all.
	maxPlaintexts = 2 * maxPlaintext
)

// plaintext is a segment's content; data is nil as long as it is being read.
type plaintext struct {
	blob string
	data []byte
	size int64
}

// get returns a segment's content, nil when it is not there. With claim the caller is to read and keep the whole, or to
// forget it: claim is given to one caller at a time.
func (p *plaintexts) get(blob string, size int64) (data []byte, claim bool) {
	if size > maxPlaintext {
		return nil, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.entries == nil {
		p.entries, p.seed = map[string]*list.Element{}, maphash.MakeSeed()
	}
	if e := p.entries[blob]; e != nil {
		p.recent.MoveToFront(e)
		return e.Value.(*plaintext).data, false
	}
	hash := maphash.String(p.seed, blob)
	if asked := &p.asked[hash%uint64(len(p.asked))]; *asked != hash {
		*asked = hash
		return nil, false
	}
	for p.size+size > maxPlaintexts {
		p.drop(p.recent.Back())
	}
	p.entries[blob] = p.recent.PushFront(&plaintext{blob: blob, size: size})
	p.size += size
	return nil, true
}

// keep gives what a claim was for.
func (p *plaintexts) keep(blob string, data []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.entries[blob]; e != nil {
		e.Value.(*plaintext).data = data
	}
}

// forget gives a claim up.
func (p *plaintexts) forget(blob string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.entries[blob]; e != nil {
		p.drop(e)
	}
}

// drop removes an entry. The caller holds mu.
func (p *plaintexts) drop(e *list.Element) {
	gone := p.recent.Remove(e).(*plaintext)
	delete(p.entries, gone.blob)
	p.size -= gone.size
}
