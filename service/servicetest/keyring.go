package servicetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"strings"
	"sync"

	"drydock/api/kms"
	"drydock/aws"
	"drydock/service"
)

// KeyARN begins the ARNs of a Keyring's keys, which end with their names.
const KeyARN = "arn:aws:kms:us-east-1:" + Account + ":key/"

// Keyring stands in for KMS, which is a service of its own, in the clouds of services that encrypt with its keys: data
// keys in an encryption context, for callers it admits. Any name is that of a key. The zero value is ready; its fields are
// set between requests.
type Keyring struct {
	// Refuse is the ARN of whoever may not use the keys; Missing and Disabled name keys.
	Refuse            string
	Missing, Disabled string
	// Throttled tells that callers are above their quota.
	Throttled bool
	// Context and Via are what the latest call brought.
	Context map[string]string
	Via     string

	mu sync.Mutex // guards all fields
	// How many data keys were made, and how many decrypted.
	made, read int
	serial     byte
}

// sealedKey is a ciphertext of the keyring.
type sealedKey struct {
	Key     string
	Context map[string]string
	Plain   []byte
}

func (k *Keyring) use(call *aws.Call, name string, context map[string]string) error {
	k.Context, k.Via = context, call.Request.ViaService
	switch {
	case k.Throttled:
		return aws.NewError(400, "ThrottlingException", "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.")
	case call.Principal.ARN == k.Refuse:
		return aws.NewError(400, "AccessDeniedException", "User: %s is not authorized to perform: kms:Decrypt", k.Refuse)
	case name == k.Missing:
		return kms.NewNotFoundException("Key '%s' does not exist", KeyARN+name)
	case name == k.Disabled:
		return kms.NewDisabledException("%s is disabled.", KeyARN+name)
	}
	return nil
}

func (k *Keyring) generate(call *aws.Call, in *kms.GenerateDataKeyInput) (*kms.GenerateDataKeyOutput, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	name := strings.TrimPrefix(in.KeyID, KeyARN)
	if err := k.use(call, name, in.EncryptionContext); err != nil {
		return nil, err
	}
	k.made++
	k.serial++
	plain := sha256.Sum256([]byte{k.serial})
	sealed, err := json.Marshal(sealedKey{name, in.EncryptionContext, plain[:]})
	return &kms.GenerateDataKeyOutput{KeyID: new(KeyARN + name), Plaintext: plain[:], CiphertextBlob: sealed}, err
}

func (k *Keyring) encrypt(call *aws.Call, in *kms.EncryptInput) (*kms.EncryptOutput, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	name := strings.TrimPrefix(in.KeyID, KeyARN)
	if err := k.use(call, name, in.EncryptionContext); err != nil {
		return nil, err
	}
	sealed, err := json.Marshal(sealedKey{name, in.EncryptionContext, bytes.Clone(in.Plaintext)})
	return &kms.EncryptOutput{KeyID: new(KeyARN + name), CiphertextBlob: sealed}, err
}

func (k *Keyring) decrypt(call *aws.Call, in *kms.DecryptInput) (*kms.DecryptOutput, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var sealed sealedKey
	if err := json.Unmarshal(in.CiphertextBlob, &sealed); err != nil {
		return nil, err
	}
	if err := k.use(call, sealed.Key, in.EncryptionContext); err != nil {
		return nil, err
	}
	if !maps.Equal(sealed.Context, in.EncryptionContext) {
		return nil, kms.NewInvalidCiphertextException("")
	}
	k.read++
	return &kms.DecryptOutput{KeyID: new(KeyARN + sealed.Key), Plaintext: sealed.Plain}, nil
}

// Module is what a cloud with the keyring has for KMS.
func (k *Keyring) Module() service.Module {
	return service.Module{API: kms.API, Operations: []aws.Handler{
		kms.GenerateDataKey.Handle(k.generate), kms.Encrypt.Handle(k.encrypt), kms.Decrypt.Handle(k.decrypt),
	}}
}

// Set changes the fields while requests are under way.
func (k *Keyring) Set(change func(*Keyring)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(k)
}

// Counts returns how many data keys were made and decrypted since it was asked last.
func (k *Keyring) Counts() (made, read int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	made, read, k.made, k.read = k.made, k.read, 0, 0
	return made, read
}
