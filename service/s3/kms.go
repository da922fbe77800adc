package s3

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"sync"
	"time"

	"drydock/api/kms"
	api "drydock/api/s3"
	"drydock/aws"
	"drydock/blob/seal"
)

// managedKey is the AWS managed key of S3, used where nobody names a key.
const managedKey = "alias/aws/s3"

// arnContext is the key of the encryption context that S3 sets by itself.
const arnContext = "aws:s3:arn"

// maxContext bounds an encryption context given by a caller, decoded.
const maxContext = 8 << 10

// sseRequest is what a request says of server-side encryption under keys that S3 keeps or KMS has.
type sseRequest struct {
	algorithm api.ServerSideEncryption
	keyID     string
	// context is the encryption context in base64, as given.
	context   string
	bucketKey *bool
}

// isKMS tells that the keys are KMS's.
func isKMS(a api.ServerSideEncryption) bool {
	return a == api.ServerSideEncryptionAWSKMS || a == api.ServerSideEncryptionAWSKMSDsse
}

// check refuses what does not go together.
func (r *sseRequest) check(c customerKey) error {
	given := string(r.algorithm)
	switch {
	case r.algorithm != "" && c.ring != nil:
		return invalidArgument("x-amz-server-side-encryption", given, "Server Side Encryption with Customer provided key is incompatible with the encryption method specified")
	case !isKMS(r.algorithm) && (r.keyID != "" || r.context != ""):
		return invalidArgument("x-amz-server-side-encryption", given, "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms")
	case r.algorithm != "" && r.algorithm != api.ServerSideEncryptionAes256 && !isKMS(r.algorithm):
		return invalidArgument("x-amz-server-side-encryption", given, "The encryption method specified is not supported")
	}
	_, err := r.contextMap()
	return err
}

// contextMap reads the encryption context.
func (r *sseRequest) contextMap() (m map[string]string, err error) {
	if r.context == "" {
		return map[string]string{}, nil
	}
	raw, err := base64.StdEncoding.DecodeString(r.context)
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	if err != nil || m == nil || len(raw) > maxContext {
		return nil, invalidArgument("x-amz-server-side-encryption-context", r.context,
			"The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON which represents a string-string map")
	}
	return m, nil
}

// defaults is how a bucket encrypts objects whose uploads do not say; the zero value is SSE-S3.
type defaults struct {
	Algorithm api.ServerSideEncryption `cbor:",omitempty"`
	KeyID     string                   `cbor:",omitempty"`
	BucketKey bool                     `cbor:",omitempty"`
	// BlocksCustomer tells that uploads with SSE-C are refused.
	BlocksCustomer bool `cbor:",omitempty"`
}

// errDefault tells that a bucket encrypts by default in another way than content was sealed.
var errDefault = errors.New("the bucket encrypts by default with KMS")

// encryptedAs tells whether a bucket takes content that is sealed as e, where a request says what a does.
func (b *bucket) encryptedAs(e *encryption, a *asked) error {
	switch {
	case a.key.ring != nil && b.Encryption.BlocksCustomer:
		return accessDenied()
	case a.key.ring == nil && a.sse.algorithm == "" && isKMS(b.Encryption.Algorithm) && e.SSE == "":
		return errDefault
	}
	return nil
}

// sealing returns the key that new content is sealed under, and sets how the object is encrypted: as the request says, or
// else as its bucket does by default.
func (s *Service) sealing(call *aws.Call, name string, owner *string, o *object, a *asked) (*seal.RootKey, error) {
	o.encryption = encryption{CustomerMD5: a.key.md5}
	if a.key.ring != nil {
		return a.key.ring, nil
	}
	if a.sse.algorithm == api.ServerSideEncryptionAes256 {
		return s.Keys, nil
	}
	b, err := s.bucket(call, name, owner)
	if err != nil {
		return nil, err
	}
	r := a.sse
	if r.algorithm == "" {
		r.algorithm, r.keyID = b.Encryption.Algorithm, b.Encryption.KeyID
	}
	if !isKMS(r.algorithm) {
		return s.Keys, nil
	}
	if call.Principal.Type == aws.PrincipalAnonymous {
		return nil, anonymousKMS()
	}
	context, err := r.contextMap()
	if err != nil {
		return nil, err
	}
	e := &o.encryption
	e.SSE, e.BucketKey = r.algorithm, b.Encryption.BucketKey
	if r.bucketKey != nil {
		e.BucketKey = *r.bucketKey
	}
	e.BucketKey = e.BucketKey && r.algorithm == api.ServerSideEncryptionAWSKMS // there are none for two layers
	if e.Context, err = contextOf(context, b, o.Key, e.BucketKey); err != nil {
		return nil, err
	}
	if r.keyID == "" {
		r.keyID = managedKey
	}
	return s.newDataKey(call, b, r.keyID, e)
}

// contextOf writes an encryption context: what was given, and the ARN of the object, or of its bucket for a bucket key.
func contextOf(given map[string]string, b *bucket, key string, bucketKey bool) (string, error) {
	context := map[string]string{arnContext: b.arn() + "/" + key}
	if bucketKey {
		context[arnContext] = b.arn()
	}
	maps.Copy(context, given)
	text, err := json.Marshal(context) // sorted by key
	return string(text), err
}

func anonymousKMS() error {
	return aws.NewError(http.StatusBadRequest, "InvalidArgument", "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4.").
		With("ArgumentName", "Authorization").With("ArgumentValue", "null")
}

// viaS3 is the caller's call to KMS through S3.
func viaS3(call *aws.Call, b *bucket) *aws.Call {
	via := call.As(call.Principal).In(b.Region)
	via.Request.ViaService = servicePrincipal
	return via
}

// newDataKey has KMS make the key that an object's segments are wrapped under, or takes the bucket's from before.
func (s *Service) newDataKey(call *aws.Call, b *bucket, keyID string, e *encryption) (*seal.RootKey, error) {
	context, err := e.context()
	if err != nil {
		return nil, err
	}
	id := bucketKeyID{bucket: b.ID, caller: callerOf(call), key: keyID, context: e.Context}
	if e.BucketKey {
		if k := s.bucketKeys.find(id, call.Now()); k != nil {
			e.KMSKey, e.DataKey = k.arn, k.ciphertext
			return k.ring, nil
		}
	}
	out, err := kms.GenerateDataKey.Do(viaS3(call, b), &kms.GenerateDataKeyInput{KeyID: keyID, KeySpec: new(kms.DataKeySpecAes256), EncryptionContext: context})
	if err != nil {
		return nil, kmsError(err)
	}
	ring, err := seal.NewRootKey(out.Plaintext)
	if err != nil {
		return nil, err
	}
	if out.KeyID != nil {
		e.KMSKey = *out.KeyID
	}
	e.DataKey = out.CiphertextBlob
	if e.BucketKey {
		s.bucketKeys.keep(id, bucketKey{ring: ring, arn: e.KMSKey, ciphertext: e.DataKey}, call.Now())
		s.bucketKeys.keep(bucketKeyID{bucket: b.ID, caller: id.caller, key: string(e.DataKey), context: e.Context}, bucketKey{ring: ring}, call.Now())
	}
	return ring, nil
}

// dataKey has KMS decrypt the key that an object's segments are wrapped under, as the caller.
func (s *Service) dataKey(call *aws.Call, b *bucket, e *encryption) (*seal.RootKey, error) {
	if call.Principal.Type == aws.PrincipalAnonymous {
		return nil, anonymousKMS()
	}
	id := bucketKeyID{bucket: b.ID, caller: callerOf(call), key: string(e.DataKey), context: e.Context}
	if e.BucketKey {
		if k := s.bucketKeys.find(id, call.Now()); k != nil {
			return k.ring, nil
		}
	}
	context, err := e.context()
	if err != nil {
		return nil, err
	}
	out, err := kms.Decrypt.Do(viaS3(call, b), &kms.DecryptInput{CiphertextBlob: e.DataKey, EncryptionContext: context, KeyID: &e.KMSKey})
	if err != nil {
		return nil, kmsError(err)
	}
	ring, err := seal.NewRootKey(out.Plaintext)
	if err == nil && e.BucketKey {
		s.bucketKeys.keep(id, bucketKey{ring: ring}, call.Now())
	}
	return ring, err
}

func (e *encryption) context() (m map[string]string, err error) {
	err = json.Unmarshal([]byte(e.Context), &m)
	return m, err
}

// shownContext is the encryption context that a caller gave, nil for none.
func (r *sseRequest) shownContext(e *encryption) *string {
	if r.context == "" || e.SSE == "" {
		return nil
	}
	return new(base64.StdEncoding.EncodeToString([]byte(e.Context)))
}

// kmsError words a refusal of KMS as S3 does.
func kmsError(err error) error {
	var e *aws.Error
	switch {
	case !errors.As(err, &e) || e.Status >= http.StatusInternalServerError:
		return err
	case aws.IsError(err, "ThrottlingException"):
		return aws.NewError(http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate for operations involving AWS KMS.")
	case aws.IsError(err, "AccessDeniedException", "AccessDenied"):
		return api.NewAccessDenied("%s", e.Message)
	}
	return aws.NewError(http.StatusBadRequest, "KMS."+e.Code, "%s", e.Message)
}

// bucketKeyLife is how long a bucket key is used before KMS is asked again, and how many are kept at most.
const (
	bucketKeyLife = 5 * time.Minute
	maxBucketKeys = 1000
)

// bucketKeys are the bucket keys in use: what they save is calls of KMS, so nothing is lost with them. A key counts for the
// caller that KMS gave it to.
type bucketKeys struct {
	mu   sync.Mutex // guards the field below
	keys map[bucketKeyID]bucketKey
}

// bucketKeyID tells bucket keys apart; key is the id of the KMS key to write, the ciphertext to read.
type bucketKeyID struct{ bucket, caller, key, context string }

type bucketKey struct {
	ring       *seal.RootKey
	arn        string
	ciphertext []byte
	expires    time.Time
}

func callerOf(call *aws.Call) string {
	return call.Principal.ARN + " " + call.Principal.AccessKeyID
}

func (b *bucketKeys) find(id bucketKeyID, now time.Time) *bucketKey {
	b.mu.Lock()
	defer b.mu.Unlock()
	k, ok := b.keys[id]
	if !ok || !k.expires.After(now) {
		return nil
	}
	return &k
}

func (b *bucketKeys) keep(id bucketKeyID, k bucketKey, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.keys) >= maxBucketKeys {
		maps.DeleteFunc(b.keys, func(_ bucketKeyID, k bucketKey) bool { return !k.expires.After(now) })
	}
	if b.keys == nil || len(b.keys) >= maxBucketKeys {
		b.keys = map[bucketKeyID]bucketKey{}
	}
	k.expires = now.Add(bucketKeyLife)
	b.keys[id] = k
}
