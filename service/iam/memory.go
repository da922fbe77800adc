package iam

import (
	"errors"
	"sync"

	"drydock/policy"
	"drydock/store"
)

// memory remembers what requests ask for again and again. What it has of an account holds for one generation only; the
// row that tells the present one is read in the same snapshot as everything else.
type memory struct {
	mu       sync.RWMutex // guards the fields below
	accounts map[string]*known
	size     int
}

// known is what is remembered of an account.
type known struct {
	mark     string
	keys     map[string]policy.AccessKey
	holdings map[string]*holding // by unique id or, for federated users, ARN
	docs     map[string]policy.Source
}

// maxMemory bounds the entries; past it everything is forgotten.
const maxMemory = 50_000

// markOf returns the mark of an account's present generation; "" as long as nothing was ever written to it.
func markOf(tx *store.Tx, account string) (string, error) {
	g, err := generations.Shared(tx, store.K(account))
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return g.Mark, nil
}

// recall looks an entry up with get, in what is known of the account's generation.
func recall[T any](m *memory, account, mark string, get func(*known) (T, bool)) (v T, ok bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if k := m.accounts[account]; k != nil && k.mark == mark {
		return get(k)
	}
	return v, false
}

// remember makes an entry with put.
func (m *memory) remember(account, mark string, put func(*known)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.accounts == nil || m.size >= maxMemory {
		m.accounts, m.size = map[string]*known{}, 0
	}
	k := m.accounts[account]
	if k == nil || k.mark != mark {
		k = &known{
			mark: mark, keys: map[string]policy.AccessKey{}, holdings: map[string]*holding{}, docs: map[string]policy.Source{},
		}
		m.accounts[account] = k
	}
	put(k)
	m.size++
}
