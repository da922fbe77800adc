package logs

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"time"

	"drydock/api/kms"
	api "drydock/api/logs"
	"drydock/aws"
	"drydock/store"
)

// The events of a group with a KMS key are stored under data keys, which that key encrypts. A data key is in memory for
// dataKeyLife at most, so that a KMS key that is disabled soon keeps everyone from reading. KMS cannot be called within a
// transaction: one that needs a data key that is not in memory ends with a missingKey, and runs again once it is there.

const (
	// dataKeyLife is how long a data key stays in memory.
	dataKeyLife = 5 * time.Minute
	// dataKeyUse is how long events are written under a data key.
	dataKeyUse = 24 * time.Hour
	// sealOverhead is how much longer encryption makes a batch's events.
	sealOverhead = 16
	// maxCachedKeys bounds the data keys in memory.
	maxCachedKeys = 10_000
)

// dataKey is a data key of a group, encrypted by KMS.
type dataKey struct {
	Group, ID uint64
	KMSKeyID  string
	Wrapped   []byte
	Created   time.Time
}

var dataKeyRows = store.NewTable("logs/datakey", func(k *dataKey) store.Key { return store.K(k.Group, k.ID) })

// keyCache has the data keys in memory. The zero value is empty.
type keyCache struct {
	mu   sync.Mutex // guards the field below
	keys map[uint64]cachedKey
}

type cachedKey struct {
	aead  cipher.AEAD
	until time.Time
}

func (c *keyCache) get(id uint64, now time.Time) cipher.AEAD {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k, ok := c.keys[id]; ok && now.Before(k.until) {
		return k.aead
	}
	delete(c.keys, id)
	return nil
}

func (c *keyCache) put(id uint64, aead cipher.AEAD, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys == nil || len(c.keys) >= maxCachedKeys {
		c.keys = map[uint64]cachedKey{}
	}
	c.keys[id] = cachedKey{aead, now.Add(dataKeyLife)}
}

// missingKey is the error of a transaction that needs a data key: the one of the row, or a new one of the group.
type missingKey struct {
	group *logGroup
	row   *dataKey
}

func (*missingKey) Error() string { return "a data key is not in memory" }

// dataKeys are the data keys of one request.
type dataKeys struct {
	s    *Service
	call *aws.Call
	// held are those fetched for the request, which it keeps to its end.
	held map[uint64]cipher.AEAD
}

// view is DB.View for what reads events.
func (s *Service) view(call *aws.Call, fn func(tx *store.Tx, keys *dataKeys) error) error {
	keys := &dataKeys{s: s, call: call}
	return keys.run(func() error { return s.DB.View(call, func(tx *store.Tx) error { return fn(tx, keys) }) })
}

// run does something, and does it again with each data key that it misses.
func (k *dataKeys) run(do func() error) error { return k.again(do(), do) }

// again gets the data key that err tells is missing, if it does, and does something again with it.
func (k *dataKeys) again(err error, do func() error) error {
	for {
		missing, ok := errors.AsType[*missingKey](err)
		if !ok {
			return err
		}
		if err := k.fetch(missing); err != nil {
			return err
		}
		err = do()
	}
}

// principal is the service as KMS and S3 know it.
func (s *Service) principal(region string) string { return "logs." + region + ".amazonaws.com" }

// kmsCall is a call by the service in a group's account.
func (s *Service) kmsCall(call *aws.Call, account string) *aws.Call {
	return call.As(aws.ServicePrincipal(s.principal(call.Region), account))
}

// encryptionContext binds data keys to their group.
func encryptionContext(groupARN string) map[string]string {
	return map[string]string{"aws:logs:arn": groupARN}
}

// refusedKey is the error for a key that KMS does not let the service use.
func refusedKey(err error, groupARN string) error {
	if e, ok := errors.AsType[*aws.Error](err); ok && e.Status < 500 {
		return api.NewInvalidParameterException("The specified KMS key does not exist or is not allowed to be used with LogGroup '%s'", groupARN).WithCause(err)
	}
	return err
}

// checkKey finds out whether a group can be encrypted under a key.
func (s *Service) checkKey(call *aws.Call, groupARN, key string) error {
	arn, err := aws.ParseARN(key)
	if err != nil || arn.Service != "kms" || !strings.HasPrefix(arn.Resource, "key/") {
		return api.NewInvalidParameterException("Specified KMS key ARN is invalid: %s", key)
	}
	_, err = kms.GenerateDataKey.Do(s.kmsCall(call, call.Account), &kms.GenerateDataKeyInput{
		KeyID: key, KeySpec: new(kms.DataKeySpecAes256), EncryptionContext: encryptionContext(groupARN),
	})
	return refusedKey(err, groupARN)
}

// fetch gets a data key from KMS.
func (k *dataKeys) fetch(m *missingKey) error {
	s, g, row := k.s, m.group, m.row
	call := s.kmsCall(k.call, g.Account)
	var plain []byte
	if row != nil {
		out, err := kms.Decrypt.Do(call, &kms.DecryptInput{CiphertextBlob: row.Wrapped, KeyID: &row.KMSKeyID, EncryptionContext: encryptionContext(g.arn())})
		if err != nil {
			return refusedKey(err, g.arn())
		}
		plain = out.Plaintext
	} else {
		out, err := kms.GenerateDataKey.Do(call, &kms.GenerateDataKeyInput{
			KeyID: g.KMSKeyID, KeySpec: new(kms.DataKeySpecAes256), EncryptionContext: encryptionContext(g.arn()),
		})
		if err != nil {
			return refusedKey(err, g.arn())
		}
		plain = out.Plaintext
		row = &dataKey{Group: g.ID, ID: s.sequence.next(), KMSKeyID: g.KMSKeyID, Wrapped: out.CiphertextBlob, Created: k.call.Now()}
		if err := s.DB.Update(k.call, func(tx *store.Tx) error { return dataKeyRows.Put(tx, row) }); err != nil {
			return err
		}
	}
	block, err := aes.NewCipher(plain)
	if err != nil {
		return fmt.Errorf("data key of %s: %w", g.Name, err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return fmt.Errorf("data key of %s: %w", g.Name, err)
	}
	s.keyCache.put(row.ID, aead, k.call.Now())
	if k.held == nil {
		k.held = map[uint64]cipher.AEAD{}
	}
	k.held[row.ID] = aead
	return nil
}

// get returns a data key that is in memory, or nil.
func (k *dataKeys) get(id uint64) cipher.AEAD {
	if aead := k.held[id]; aead != nil {
		return aead
	}
	return k.s.keyCache.get(id, k.call.Now())
}

// nonce and place tell batches apart: no two have the same, and a request that runs again writes the same batches.
func (b *batch) nonce() []byte {
	n := binary.BigEndian.AppendUint64(nil, b.Seq)
	return binary.BigEndian.AppendUint32(n, uint32(b.First))
}

func (b *batch) place() []byte {
	p := binary.BigEndian.AppendUint64(nil, b.Group)
	p = binary.BigEndian.AppendUint64(p, b.Stream)
	return binary.BigEndian.AppendUint64(p, uint64(b.First))
}

// seal encrypts a batch that is about to be written to the group.
func (k *dataKeys) seal(tx *store.Tx, g *logGroup, b *batch) error {
	var row *dataKey
	for r, err := range dataKeyRows.Scan(tx, store.Range{Prefix: store.K(g.ID), Reverse: true}) {
		if err != nil {
			return err
		}
		if r.KMSKeyID == g.KMSKeyID && k.call.Now().Sub(r.Created) < dataKeyUse {
			row = r
		}
		break
	}
	if row == nil {
		return &missingKey{group: g}
	}
	aead := k.get(row.ID)
	if aead == nil {
		return &missingKey{group: g, row: row}
	}
	b.Key = row.ID
	b.Events = aead.Seal(nil, b.nonce(), b.Events, b.place())
	return nil
}

// open decrypts the batches of a group as they come.
func (k *dataKeys) open(tx *store.Tx, g *logGroup, rows iter.Seq2[*batch, error]) iter.Seq2[*batch, error] {
	return func(yield func(*batch, error) bool) {
		for b, err := range rows {
			if err == nil && b.Key != 0 {
				err = k.unseal(tx, g, b)
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

func (k *dataKeys) unseal(tx *store.Tx, g *logGroup, b *batch) error {
	aead := k.get(b.Key)
	if aead == nil {
		row, err := dataKeyRows.Get(tx, store.K(b.Group, b.Key))
		if err != nil {
			return fmt.Errorf("data key %d of %s: %w", b.Key, g.Name, err)
		}
		return &missingKey{group: g, row: row}
	}
	plain, err := aead.Open(nil, b.nonce(), b.Events, b.place())
	if err != nil {
		return fmt.Errorf("decrypting events of %s: %w", g.Name, err)
	}
	b.Events, b.Key = plain, 0
	return nil
}

// associateKMSKey has the events that come from now on encrypted.
func (s *Service) associateKMSKey(call *aws.Call, in *api.AssociateKMSKeyInput) (*api.AssociateKMSKeyOutput, error) {
	if err := s.setKey(call, in.LogGroupName, in.ResourceIdentifier, in.KMSKeyID); err != nil {
		return nil, err
	}
	return &api.AssociateKMSKeyOutput{}, nil
}

// disassociateKMSKey has the events that come from now on stored in the clear. Those that are encrypted stay so.
func (s *Service) disassociateKMSKey(call *aws.Call, in *api.DisassociateKMSKeyInput) (*api.DisassociateKMSKeyOutput, error) {
	if err := s.setKey(call, in.LogGroupName, in.ResourceIdentifier, ""); err != nil {
		return nil, err
	}
	return &api.DisassociateKMSKeyOutput{}, nil
}

func (s *Service) setKey(call *aws.Call, name, resource *string, key string) error {
	if resource != nil && strings.Contains(*resource, ":query-result:") {
		return notImplemented("drydock does not encrypt the results of queries.")
	}
	var g *logGroup
	if err := s.DB.View(call, func(tx *store.Tx) (err error) {
		g, err = resolveLogGroup(tx, call, name, resource)
		return err
	}); err != nil {
		return err
	}
	if key != "" {
		if err := s.checkKey(call, g.arn(), key); err != nil {
			return err
		}
	}
	return s.DB.Update(call, func(tx *store.Tx) error {
		g, err := resolveLogGroup(tx, call, name, resource)
		if err != nil {
			return err
		}
		g.KMSKeyID = key
		return logGroups.Put(tx, g)
	})
}
