package kms

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"time"

	api "drydock/api/kms"
	"drydock/aws"
	"drydock/store"
	"drydock/task"
)

// importToken is what an import token holds, sealed: the private key that unwraps the material is kept nowhere else.
type importToken struct {
	Key       string
	Algorithm api.AlgorithmSpec
	Private   []byte
	Expires   time.Time
}

// tokenContext is what import tokens are sealed for.
const tokenContext = "kms import token"

var wrappingBits = map[api.WrappingKeySpec]int{
	api.WrappingKeySpecRsa2048: 2048, api.WrappingKeySpecRsa3072: 3072, api.WrappingKeySpecRsa4096: 4096,
}

// wrapping is how an algorithm wraps material: under RSA, or under an AES key that RSA wraps.
type wrapping struct {
	hash func() hash.Hash
	aes  bool
}

var wrappings = map[api.AlgorithmSpec]wrapping{
	api.AlgorithmSpecRsaesOaepSha1:       {hash: crypto.SHA1.New},
	api.AlgorithmSpecRsaesOaepSha256:     {hash: sha256.New},
	api.AlgorithmSpecRsaAesKeyWrapSha1:   {hash: crypto.SHA1.New, aes: true},
	api.AlgorithmSpecRsaAesKeyWrapSha256: {hash: sha256.New, aes: true},
}

// importable refuses keys whose material is AWS's.
func (k *key) importable() error {
	if k.Origin != api.OriginTypeExternal {
		return api.NewUnsupportedOperationException("%s origin is %s which is not valid for this operation.", k.arn(), k.Origin)
	}
	return k.notPending()
}

// getParametersForImport returns a public key to wrap material with, and the token to send with it.
func (s *Service) getParametersForImport(call *aws.Call, in *api.GetParametersForImportInput) (*api.GetParametersForImportOutput, error) {
	k, err := s.read(call, in.KeyID, false)
	if err == nil {
		err = k.importable()
	}
	if err != nil {
		return nil, err
	}
	w, known := wrappings[in.WrappingAlgorithm]
	bits, sized := wrappingBits[in.WrappingKeySpec]
	if !known || !sized {
		return nil, api.NewUnsupportedOperationException("Wrapping with %s under %s is not supported.", in.WrappingAlgorithm, in.WrappingKeySpec)
	}
	if specs[k.Spec].rsaBits != 0 && !w.aes {
		return nil, validation("The wrapping algorithm %s is not valid for the key spec %s.", in.WrappingAlgorithm, k.Spec)
	}
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, fmt.Errorf("making a wrapping key: %w", err)
	}
	token := importToken{Key: k.arn(), Algorithm: in.WrappingAlgorithm, Expires: call.Now().Add(importTime)}
	if token.Private, err = x509.MarshalPKCS8PrivateKey(private); err != nil {
		return nil, fmt.Errorf("making a wrapping key: %w", err)
	}
	text, err := json.Marshal(token)
	if err != nil {
		return nil, fmt.Errorf("writing an import token: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("making a wrapping key: %w", err)
	}
	return &api.GetParametersForImportOutput{
		KeyID: new(k.arn()), ImportToken: s.Keys.Wrap(text, []byte(tokenContext)), PublicKey: public, ParametersValidTo: &token.Expires,
	}, nil
}

// readImport unwraps the material of an import for a key.
func (s *Service) readImport(k *key, in *api.ImportKeyMaterialInput, now time.Time) ([]byte, error) {
	var token importToken
	text, err := s.Keys.Unwrap(in.ImportToken, []byte(tokenContext))
	if err == nil {
		err = json.Unmarshal(text, &token)
	}
	if err != nil || token.Key != k.arn() {
		return nil, api.NewInvalidImportTokenException("%s", "")
	}
	if now.After(token.Expires) {
		return nil, api.NewExpiredImportTokenException("%s", "")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(token.Private)
	private, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, api.NewInvalidImportTokenException("%s", "")
	}
	w := wrappings[token.Algorithm]
	wrapped, rest := in.EncryptedKeyMaterial, []byte(nil)
	if w.aes {
		if len(wrapped) <= private.Size() {
			return nil, api.NewInvalidCiphertextException("%s", "")
		}
		wrapped, rest = wrapped[:private.Size()], wrapped[private.Size():]
	}
	secret, err := rsa.DecryptOAEP(w.hash(), nil, private, wrapped, nil)
	if err == nil && w.aes {
		secret, err = unwrapKey(secret, rest)
	}
	if err != nil {
		return nil, api.NewInvalidCiphertextException("%s", "")
	}
	return secret, checkMaterial(k, secret)
}

// checkMaterial refuses material that does not fit the key's spec.
func checkMaterial(k *key, secret []byte) error {
	s := specs[k.Spec]
	fits := len(secret) == symmetricSize
	switch {
	case k.asymmetric():
		_, err := parsePrivate(s, secret)
		fits = err == nil
	case s.macBytes != 0:
		// An HMAC key is as long as its hash at least, and as a block of it at most.
		block := 64
		if s.macBytes > 32 {
			block = 128
		}
		fits = len(secret) >= s.macBytes && len(secret) <= block
	}
	if !fits {
		return api.NewIncorrectKeyMaterialException("The key material is not valid for the key spec %s.", k.Spec)
	}
	return nil
}

// importExpiry returns when imported material expires; zero for never.
func importExpiry(in *api.ImportKeyMaterialInput, now time.Time) (time.Time, error) {
	model := api.ExpirationModelTypeKeyMaterialExpires
	if in.ExpirationModel != nil {
		model = *in.ExpirationModel
	}
	switch {
	case model == api.ExpirationModelTypeKeyMaterialDoesNotExpire && in.ValidTo != nil:
		return time.Time{}, validation("A validTo date must not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE")
	case model == api.ExpirationModelTypeKeyMaterialDoesNotExpire:
		return time.Time{}, nil
	case in.ValidTo == nil:
		return time.Time{}, validation("A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES")
	case !in.ValidTo.After(now) || in.ValidTo.After(now.Add(maxImportDays*day)):
		return time.Time{}, validation("The validTo date must lie in the future, and at most %d days ahead.", maxImportDays)
	}
	return *in.ValidTo, nil
}

// importedID is the id of imported material: the same for the same material in the same key, and telling nothing of it.
func (s *Service) importedID(key string, secret []byte) string {
	mac := hmac.New(sha256.New, s.Keys.Derive("kms imported material"))
	mac.Write([]byte(key))
	mac.Write(secret)
	return hex.EncodeToString(mac.Sum(nil))
}

// importKeyMaterial gives a key the material that its owner made.
func (s *Service) importKeyMaterial(call *aws.Call, in *api.ImportKeyMaterialInput) (*api.ImportKeyMaterialOutput, error) {
	now := call.Now()
	k, err := s.read(call, in.KeyID, false)
	if err == nil {
		err = k.importable()
	}
	if err != nil {
		return nil, err
	}
	expires, err := importExpiry(in, now)
	if err != nil {
		return nil, err
	}
	secret, err := s.readImport(k, in, now)
	if err != nil {
		return nil, err
	}
	m := material{ID: s.importedID(k.ID, secret), Created: now, ValidTo: expires}
	m.Sealed = s.seal(k.ID, m.ID, secret)
	if in.KeyMaterialDescription != nil {
		m.Description = *in.KeyMaterialDescription
	}
	if in.KeyMaterialID != nil && *in.KeyMaterialID != m.ID {
		return nil, api.NewIncorrectKeyMaterialException("The key material is not that of the given KeyMaterialId.")
	}
	err = s.change(call, in.KeyID, func(tx *store.Tx, k *key) error {
		if err := k.importable(); err != nil {
			return err
		}
		if err := k.take(m, in.ImportType); err != nil {
			return err
		}
		return s.scheduleExpiry(tx, k)
	})
	if err != nil {
		return nil, err
	}
	out := &api.ImportKeyMaterialOutput{KeyID: new(k.arn())}
	if k.symmetric() {
		out.KeyMaterialID = &m.ID
	}
	return out, nil
}

// take makes imported material the key's: its first one, one that it had before, or one that it will rotate to.
func (k *key) take(m material, kind *api.ImportType) error {
	for i := range k.Materials {
		if old := &k.Materials[i]; old.ID == m.ID {
			if kind != nil && *kind == api.ImportTypeNewKeyMaterial {
				return api.NewIncorrectKeyMaterialException("The key material was imported before.")
			}
			old.Sealed, old.ValidTo = m.Sealed, m.ValidTo
			if m.Description != "" {
				old.Description = m.Description
			}
			return nil
		}
	}
	isNew := kind != nil && *kind == api.ImportTypeNewKeyMaterial
	switch {
	case k.Pending != nil && k.Pending.ID == m.ID:
		k.Pending = &m
	case len(k.Materials) == 0 && (kind == nil || isNew):
		k.Materials = []material{m}
	case isNew && k.MultiRegion:
		return notImplemented("drydock does not rotate imported keys of several regions.")
	case isNew && k.symmetric() && k.Pending == nil:
		k.Pending = &m
	default:
		return api.NewIncorrectKeyMaterialException("The key material is not the one that was imported before.")
	}
	return nil
}

// deleteImportedKeyMaterial takes imported material out of use, until it is imported again.
func (s *Service) deleteImportedKeyMaterial(call *aws.Call, in *api.DeleteImportedKeyMaterialInput) (*api.DeleteImportedKeyMaterialOutput, error) {
	out := &api.DeleteImportedKeyMaterialOutput{}
	err := s.change(call, in.KeyID, func(tx *store.Tx, k *key) error {
		if err := k.importable(); err != nil {
			return err
		}
		*out = api.DeleteImportedKeyMaterialOutput{KeyID: new(k.arn())}
		if len(k.Materials) == 0 {
			return nil
		}
		m := &k.Materials[len(k.Materials)-1]
		if in.KeyMaterialID != nil {
			if k.Pending != nil && k.Pending.ID == *in.KeyMaterialID {
				k.Pending, out.KeyMaterialID = nil, in.KeyMaterialID
				return s.scheduleExpiry(tx, k)
			}
			if m = k.material(*in.KeyMaterialID); m == nil {
				return api.NewNotFoundException("Key material %s does not exist", *in.KeyMaterialID)
			}
		}
		m.Sealed, m.ValidTo = nil, time.Time{}
		tx.AfterCommit(func() { s.opened.forget(k.ID) })
		if k.symmetric() {
			out.KeyMaterialID = new(m.ID)
		}
		return s.scheduleExpiry(tx, k)
	})
	return out, err
}

// imported yields the key's materials with the one that it will rotate to.
func (k *key) imported(yield func(*material) bool) {
	for i := range k.Materials {
		if !yield(&k.Materials[i]) {
			return
		}
	}
	if k.Pending != nil {
		yield(k.Pending)
	}
}

// scheduleExpiry has the key looked at when the next of its materials expires.
func (s *Service) scheduleExpiry(tx *store.Tx, k *key) error {
	var due time.Time
	for m := range k.imported {
		if !m.ValidTo.IsZero() && (due.IsZero() || m.ValidTo.Before(due)) {
			due = m.ValidTo
		}
	}
	if due.IsZero() {
		return s.Tasks.Cancel(tx, expireKind, k.taskKey())
	}
	return s.schedule(tx, expireKind, k, due)
}

// reconcileExpiry takes expired material out of use.
func (s *Service) reconcileExpiry(ctx context.Context, t task.Task) (task.Next, error) {
	ref, err := taskRef(t)
	if err != nil {
		return task.Done, err
	}
	now := s.Clock.Now()
	// The transaction schedules or ends the task itself: material may be imported right afterwards.
	return task.Done, s.DB.Update(ctx, func(tx *store.Tx) error {
		k, err := find(tx, ref)
		if err != nil {
			return err
		}
		if k == nil {
			return s.Tasks.Cancel(tx, t.Kind, t.Key)
		}
		for m := range k.imported {
			if !m.ValidTo.IsZero() && !m.ValidTo.After(now) {
				m.Sealed, m.ValidTo = nil, time.Time{}
			}
		}
		if k.Pending != nil && k.Pending.Sealed == nil {
			k.Pending = nil
		}
		tx.AfterCommit(func() { s.opened.forget(k.ID) })
		return errors.Join(keys.Put(tx, k), s.scheduleExpiry(tx, k))
	})
}
