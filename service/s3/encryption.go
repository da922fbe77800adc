package s3

import (
	"crypto/md5" //nolint:gosec // what the protocol asks for
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/blob/seal"
)

// encryption is how an object's content is sealed: under the root key (SSE-S3), under the customer's key, or under a data
// key that KMS encrypted.
type encryption struct {
	// CustomerMD5 is the MD5 of the customer's key in base64.
	CustomerMD5 string `cbor:",omitempty"`
	// SSE is empty unless the keys are KMS's.
	SSE api.ServerSideEncryption `cbor:",omitempty"`
	// KMSKey is the key's ARN, DataKey the data key as KMS encrypted it in Context, a JSON object.
	KMSKey  string `cbor:",omitempty"`
	DataKey []byte `cbor:",omitempty"`
	Context string `cbor:",omitempty"`
	// BucketKey tells that the data key is one of many objects.
	BucketKey bool `cbor:",omitempty"`
}

// customerKey is what a request says of SSE-C. A nil ring stands for none.
type customerKey struct {
	ring *seal.RootKey
	md5  string
}

// customer reads the three headers of SSE-C.
func customer(algorithm, key, sum *string) (c customerKey, err error) {
	if algorithm == nil && key == nil && sum == nil {
		return c, nil
	}
	switch {
	case text(algorithm) == "":
		return c, invalidArgument("x-amz-server-side-encryption-customer-algorithm", "", "Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm.")
	case *algorithm != string(api.ServerSideEncryptionAes256):
		return c, aws.NewError(http.StatusBadRequest, "InvalidEncryptionAlgorithmError", "The encryption request you specified is not valid. Supported value: AES256.").
			With("ArgumentName", "x-amz-server-side-encryption").With("ArgumentValue", *algorithm)
	case text(key) == "":
		return c, invalidArgument("x-amz-server-side-encryption-customer-key", "", "Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key.")
	}
	raw, err := base64.StdEncoding.DecodeString(*key)
	if err != nil || len(raw) != seal.KeySize {
		return c, invalidArgument("x-amz-server-side-encryption-customer-key", "null", "The secret key was invalid for the specified algorithm.")
	}
	if text(sum) == "" {
		return c, invalidArgument("x-amz-server-side-encryption-customer-key-MD5", "", "Requests specifying Server Side Encryption with Customer provided keys must provide the client calculated MD5 of the secret key.")
	}
	digest := md5.Sum(raw) //nolint:gosec // what the protocol asks for
	if c.md5 = base64.StdEncoding.EncodeToString(digest[:]); *sum != c.md5 {
		return c, invalidArgument("x-amz-server-side-encryption-customer-key-MD5", *sum, "The calculated MD5 hash of the key did not match the hash that was provided.")
	}
	c.ring, err = seal.NewRootKey(raw)
	return c, err
}

// ring returns the key for reading what is encrypted as e, if the request brings the right one or the caller may use the
// one of KMS.
func (s *Service) ring(call *aws.Call, b *bucket, e *encryption, c customerKey) (*seal.RootKey, error) {
	if err := e.check(c); err != nil {
		return nil, err
	}
	switch {
	case c.ring != nil:
		return c.ring, nil
	case e.SSE != "":
		return s.dataKey(call, b, e)
	}
	return s.Keys, nil
}

// check wants the customer's key where content is encrypted under one, and only there.
func (e *encryption) check(c customerKey) error {
	switch {
	case e.CustomerMD5 == "" && c.ring == nil:
		return nil
	case e.CustomerMD5 == "":
		return invalidRequest("The encryption parameters are not applicable to this object.")
	case c.ring == nil:
		return invalidRequest("The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.")
	case subtle.ConstantTimeCompare([]byte(e.CustomerMD5), []byte(c.md5)) != 1:
		return accessDenied()
	}
	return nil
}

// etag is the ETag of a body: its MD5, which says something of the content and is so not shown where the key is KMS's or
// the customer's.
func (e *encryption) etag(call *aws.Call, sum [md5.Size]byte) string {
	if e.SSE != "" || e.CustomerMD5 != "" {
		return call.NewHex(2 * md5.Size)
	}
	return hex.EncodeToString(sum[:])
}

// rewrap wraps a segment's key, or its few bytes, under another key: what is sealed stays as it is.
func (g *segment) rewrap(from, to *seal.RootKey) error {
	for _, wrapped := range []*[]byte{&g.Key, &g.Inline} {
		if *wrapped == nil {
			continue
		}
		plain, err := from.Unwrap(*wrapped, sealContext)
		if err != nil {
			return fmt.Errorf("wrapping a segment anew: %w", err)
		}
		*wrapped = to.Wrap(plain, sealContext)
	}
	return nil
}

// shown sets the members of an output that tell how an object is encrypted.
func (e *encryption) shown(sse **api.ServerSideEncryption, algorithm, sum, key **string, bucketKey **bool) {
	switch {
	case e.CustomerMD5 != "":
		*algorithm, *sum = new(string(api.ServerSideEncryptionAes256)), &e.CustomerMD5
	case e.SSE != "":
		*sse, *key = &e.SSE, &e.KMSKey
		if e.BucketKey {
			*bucketKey = &e.BucketKey
		}
	default:
		*sse = new(api.ServerSideEncryptionAes256)
	}
}

// checkDefaults reads a bucket's rule for objects whose uploads do not say how they are to be encrypted.
func checkDefaults(r *api.ServerSideEncryptionRule) (d defaults, err error) {
	if by := r.ApplyServerSideEncryptionByDefault; by != nil {
		d.KeyID = text(by.KMSMasterKeyID)
		switch {
		case by.SSEAlgorithm == api.ServerSideEncryptionAes256 && d.KeyID != "":
			return d, invalidArgument("KMSMasterKeyID", d.KeyID, "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse")
		case isKMS(by.SSEAlgorithm):
			d.Algorithm = by.SSEAlgorithm
		case by.SSEAlgorithm != api.ServerSideEncryptionAes256:
			return d, malformedXML()
		}
	}
	d.BucketKey = r.BucketKeyEnabled != nil && *r.BucketKeyEnabled
	if blocked := r.BlockedEncryptionTypes; blocked != nil {
		for _, t := range blocked.EncryptionType {
			switch {
			case t == api.EncryptionTypeSSEC:
				d.BlocksCustomer = true
			case t != api.EncryptionTypeNone || len(blocked.EncryptionType) > 1:
				return d, malformedXML()
			}
		}
	}
	return d, nil
}
