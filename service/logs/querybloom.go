package logs

import (
	"slices"

	"drydock/lang/logsinsights"
)

// tokenFilter is a Bloom filter of the words in the messages of a block: it tells for sure that a word is not there.
type tokenFilter []byte

// tokenFilterBits and tokenFilterHashes make about one word in a hundred seem to be there that is not.
const (
	tokenFilterBits   = 10
	tokenFilterHashes = 6
)

// newTokenFilter returns a filter of words, given by their hashes.
func newTokenFilter(words map[uint64]struct{}) tokenFilter {
	f := make(tokenFilter, max(64, len(words)*tokenFilterBits/8))
	for h := range words {
		for i := range uint64(tokenFilterHashes) {
			bit := f.bit(h, i)
			f[bit/8] |= 1 << (bit % 8)
		}
	}
	return f
}

func (f tokenFilter) bit(h, i uint64) uint64 { return (h + i*(h>>32|1)) % (uint64(len(f)) * 8) }

// may tells whether the word may be there.
func (f tokenFilter) may(h uint64) bool {
	for i := range uint64(tokenFilterHashes) {
		if bit := f.bit(h, i); f[bit/8]&(1<<(bit%8)) == 0 {
			return false
		}
	}
	return true
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80
}

// eachWord calls do with the hash of each word of a text, and whether it goes to the beginning or the end of it.
func eachWord(text string, do func(hash uint64, first, last bool)) {
	const basis, prime = 14695981039346656037, 1099511628211 // FNV-1a, mixed at the end
	for i := 0; i < len(text); {
		if !isWordByte(text[i]) {
			i++
			continue
		}
		from, h := i, uint64(basis)
		for ; i < len(text) && isWordByte(text[i]); i++ {
			h = (h ^ uint64(text[i])) * prime
		}
		h ^= h >> 29
		h *= 0xbf58476d1ce4e5b9
		h ^= h >> 32
		do(h, from == 0, i == len(text))
	}
}

// meets tells whether a message may meet a requirement on its text or on a field discovered in it. Of a text that may
// stand anywhere, the words at its ends may be parts of longer ones.
func (f tokenFilter) meets(r logsinsights.Requirement) bool {
	return slices.ContainsFunc(r.AnyOf, func(text string) bool {
		possible := true
		eachWord(text, func(h uint64, first, last bool) {
			if r.Whole || !first && !last {
				possible = possible && f.may(h)
			}
		})
		return possible
	})
}

// hasWords tells whether each text of a requirement has a word that meets can look up.
func hasWords(r logsinsights.Requirement) bool {
	return !slices.ContainsFunc(r.AnyOf, func(text string) bool {
		none := true
		eachWord(text, func(_ uint64, first, last bool) { none = none && !r.Whole && (first || last) })
		return none
	})
}
