package s3

import (
	"crypto/md5" //nolint:gosec // what the protocol asks for
	"crypto/subtle"
	"encoding/base64"
	"net/http"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/blob/seal"
)

// encryption is how an object's content is sealed: under the root key, or under the customer's.
type encryption struct {
	// CustomerMD5 is the MD5 of the customer's key in base64; empty is SSE-S3.
	CustomerMD5 string `cbor:",omitempty"`
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

// ringFor returns the key for writing.
func (s *Service) ringFor(c customerKey) *seal.RootKey {
	if c.ring != nil {
		return c.ring
	}
	return s.Keys
}

// ring returns the key for reading what is encrypted as e, if the request brings the right one.
func (s *Service) ring(e encryption, c customerKey) (*seal.RootKey, error) {
	switch {
	case e.CustomerMD5 == "" && c.ring == nil:
		return s.Keys, nil
	case e.CustomerMD5 == "":
		return nil, invalidRequest("The encryption parameters are not applicable to this object.")
	case c.ring == nil:
		return nil, invalidRequest("The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.")
	case subtle.ConstantTimeCompare([]byte(e.CustomerMD5), []byte(c.md5)) != 1:
		return nil, accessDenied()
	}
	return c.ring, nil
}

// checkEncryption refuses what a request for SSE asks for and drydock has not.
func checkEncryption(algorithm *api.ServerSideEncryption, c customerKey) error {
	if algorithm == nil || *algorithm == "" {
		return nil
	}
	switch {
	case c.ring != nil:
		return invalidArgument("x-amz-server-side-encryption", string(*algorithm), "Server Side Encryption with Customer provided key is incompatible with the encryption method specified")
	case *algorithm == api.ServerSideEncryptionAes256:
		return nil
	case *algorithm == api.ServerSideEncryptionAWSKMS, *algorithm == api.ServerSideEncryptionAWSKMSDsse:
		return notImplemented("server-side encryption with %s", *algorithm)
	}
	return invalidArgument("x-amz-server-side-encryption", string(*algorithm), "The encryption method specified is not supported")
}

// shown sets the members of an output that tell how an object is encrypted.
func (e *encryption) shown(sse **api.ServerSideEncryption, algorithm, sum **string) {
	if e.CustomerMD5 == "" {
		*sse = new(api.ServerSideEncryptionAes256)
		return
	}
	*algorithm, *sum = new(string(api.ServerSideEncryptionAes256)), &e.CustomerMD5
}
