package policy

import "sync"

// Cache remembers parsed documents by their text, so that a document is parsed once however often it is evaluated. It
// is safe for concurrent use; the zero value is ready.
type Cache struct {
	mu    sync.RWMutex // guards the fields below
	docs  map[cacheKey]*Document
	bytes int
}

type cacheKey struct {
	kind Kind
	text string
}

// maxCacheBytes bounds the texts kept; past it the cache starts over, which costs one parse a document.
const maxCacheBytes = 32 << 20

// Parse is the function Parse, remembered. Errors are not remembered.
func (c *Cache) Parse(kind Kind, text string) (*Document, error) {
	key := cacheKey{kind, text}
	c.mu.RLock()
	doc := c.docs[key]
	c.mu.RUnlock()
	if doc != nil {
		return doc, nil
	}
	doc, err := Parse(kind, text)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.docs == nil || c.bytes+len(text) > maxCacheBytes {
		c.docs, c.bytes = map[cacheKey]*Document{}, 0
	}
	if c.docs[key] == nil {
		c.docs[key] = doc
		c.bytes += len(text)
	}
	return doc, nil
}
