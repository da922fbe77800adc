package s3

import (
	"crypto/md5"  //nolint:gosec // what S3's ETags are
	"crypto/sha1" //nolint:gosec // one of S3's checksums
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"hash/crc32"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/minio/crc64nvme"

	api "drydock/api/s3"
	"drydock/aws"
)

// checksum is an object's additional checksum.
type checksum struct {
	Algorithm api.ChecksumAlgorithm `cbor:",omitempty"`
	Type      api.ChecksumType      `cbor:",omitempty"`
	// Value is in base64, with "-N" behind it for a composite of N parts.
	Value string `cbor:",omitempty"`
}

// algorithms are the checksums there are, in the order in which functions here take them.
var algorithms = []api.ChecksumAlgorithm{
	api.ChecksumAlgorithmCrc32, api.ChecksumAlgorithmCrc32c, api.ChecksumAlgorithmCrc64nvme, api.ChecksumAlgorithmSha1,
	api.ChecksumAlgorithmSha256, api.ChecksumAlgorithmSha512, api.ChecksumAlgorithmMd5,
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func newHash(a api.ChecksumAlgorithm) hash.Hash {
	switch a {
	case api.ChecksumAlgorithmCrc32:
		return crc32.NewIEEE()
	case api.ChecksumAlgorithmCrc32c:
		return crc32.New(castagnoli)
	case api.ChecksumAlgorithmSha1:
		return sha1.New() //nolint:gosec // one of S3's checksums
	case api.ChecksumAlgorithmSha256:
		return sha256.New()
	case api.ChecksumAlgorithmSha512:
		return sha512.New()
	case api.ChecksumAlgorithmMd5:
		return md5.New() //nolint:gosec // one of S3's checksums
	default:
		return crc64nvme.New()
	}
}

// headerOf is the name of the header and the trailer with a checksum.
func headerOf(a api.ChecksumAlgorithm) string { return "x-amz-checksum-" + strings.ToLower(string(a)) }

// checkAlgorithm refuses what is no algorithm, and those that drydock does not have.
func checkAlgorithm(a *api.ChecksumAlgorithm) (api.ChecksumAlgorithm, error) {
	if a == nil || *a == "" {
		return "", nil
	}
	upper := api.ChecksumAlgorithm(strings.ToUpper(string(*a)))
	switch {
	case slices.Contains(algorithms, upper):
		return upper, nil
	case slices.Contains(upper.Values(), string(upper)):
		return "", notImplemented("the checksum algorithm %s", upper)
	}
	return "", invalidRequest("Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
}

// declaration is what a request says of its body: the algorithm, and the value unless that comes in the trailer.
type declaration struct {
	algorithm api.ChecksumAlgorithm
	value     string
	// announced tells that x-amz-sdk-checksum-algorithm named the algorithm.
	announced bool
	md5       []byte // of Content-MD5
}

// declared reads the checksum headers; values are in the order of algorithms.
func declared(contentMD5 *string, algorithm *api.ChecksumAlgorithm, values ...*string) (d declaration, err error) {
	if contentMD5 != nil {
		if d.md5, err = base64.StdEncoding.DecodeString(*contentMD5); err != nil || len(d.md5) != md5.Size {
			return d, aws.NewError(http.StatusBadRequest, "InvalidDigest", "The Content-MD5 you specified is not valid.").With("Content-MD5", *contentMD5)
		}
	}
	if d.algorithm, err = checkAlgorithm(algorithm); err != nil {
		return d, err
	}
	d.announced = d.algorithm != ""
	for i, v := range values {
		if v == nil {
			continue
		}
		if d.value != "" {
			return d, invalidRequest("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
		}
		if d.announced && d.algorithm != algorithms[i] {
			return d, invalidRequest("Value for x-amz-sdk-checksum-algorithm header is invalid.")
		}
		d.algorithm, d.value = algorithms[i], *v
		if err := checkValue(d.algorithm, d.value); err != nil {
			return d, err
		}
	}
	return d, nil
}

func checkValue(a api.ChecksumAlgorithm, value string) error {
	raw, err := base64.StdEncoding.DecodeString(value)
	if err != nil || len(raw) != newHash(a).Size() {
		return invalidRequest("Value for %s header is invalid.", headerOf(a))
	}
	return nil
}

// trailer completes the declaration with what came behind the body.
func (d *declaration) trailer(call *aws.Call) error {
	if call.Request.Trailer == nil {
		return nil
	}
	trailer := call.Request.Trailer()
	for _, a := range algorithms {
		v := trailer.Get(headerOf(a))
		if v == "" {
			continue
		}
		if d.value != "" || d.announced && d.algorithm != a {
			return invalidRequest("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
		}
		if err := checkValue(a, v); err != nil {
			return err
		}
		d.algorithm, d.value = a, v
	}
	return nil
}

// verify compares what was declared with what was computed of the body.
func (d *declaration) verify(sum [md5.Size]byte, value func(api.ChecksumAlgorithm) string) error {
	if d.md5 != nil && string(d.md5) != string(sum[:]) {
		return aws.NewError(http.StatusBadRequest, "BadDigest", "The Content-MD5 you specified did not match what we received.").
			With("ExpectedDigest", base64.StdEncoding.EncodeToString(d.md5)).With("CalculatedDigest", base64.StdEncoding.EncodeToString(sum[:]))
	}
	if d.announced && d.value == "" && d.md5 == nil {
		return invalidRequest("x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.")
	}
	if d.value != "" && d.value != value(d.algorithm) {
		return badChecksum(d.algorithm)
	}
	return nil
}

func badChecksum(a api.ChecksumAlgorithm) error {
	return aws.NewError(http.StatusBadRequest, "BadDigest", "The %s you specified did not match the calculated checksum.", a)
}

// show sets the member for the checksum's algorithm; members are in the order of algorithms.
func (c *checksum) show(members ...**string) {
	for i, a := range algorithms {
		if a == c.Algorithm && c.Value != "" {
			*members[i] = &c.Value
		}
	}
}

// shownType is the checksum's type, nil without one.
func (c *checksum) shownType() *api.ChecksumType {
	if c.Value == "" {
		return nil
	}
	return &c.Type
}

// composite is the checksum of the parts' checksums.
func composite(a api.ChecksumAlgorithm, parts []string) (string, error) {
	h := newHash(a)
	for _, p := range parts {
		raw, err := base64.StdEncoding.DecodeString(p)
		if err != nil {
			return "", err
		}
		h.Write(raw)
	}
	return base64.StdEncoding.EncodeToString(h.Sum(nil)) + "-" + strconv.Itoa(len(parts)), nil
}

// crc is the ring of polynomials that a CRC calculates in, bits reflected: the highest bit is x^0.
type crc struct{ polynomial, one uint64 }

func crcOf(a api.ChecksumAlgorithm) (c crc, ok bool) {
	switch a {
	case api.ChecksumAlgorithmCrc32:
		return crc{crc32.IEEE, 1 << 31}, true
	case api.ChecksumAlgorithmCrc32c:
		return crc{crc32.Castagnoli, 1 << 31}, true
	case api.ChecksumAlgorithmCrc64nvme:
		return crc{0x9a6c9329ac4bc9b5, 1 << 63}, true
	}
	return crc{}, false
}

func (c crc) multiply(a, b uint64) (product uint64) {
	for m := c.one; m != 0 && a != 0; m >>= 1 {
		if a&m != 0 {
			product ^= b
			a ^= m
		}
		if b&1 != 0 {
			b = b>>1 ^ c.polynomial
		} else {
			b >>= 1
		}
	}
	return product
}

// shift returns x to the power of 8n: what n bytes behind a message do to its CRC.
func (c crc) shift(n int64) uint64 {
	result, square := c.one, c.one>>8 // x^0 and x^8
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			result = c.multiply(result, square)
		}
		square = c.multiply(square, square)
	}
	return result
}

// segmentSum is a part's checksum and size.
type segmentSum struct {
	value string
	size  int64
}

// joined is the CRC of all parts together.
func joined(a api.ChecksumAlgorithm, parts []segmentSum) (string, error) {
	c, _ := crcOf(a)
	width := newHash(a).Size()
	var total uint64
	var shift uint64
	var shiftSize int64 = -1
	for i, p := range parts {
		raw, err := base64.StdEncoding.DecodeString(p.value)
		if err != nil {
			return "", err
		}
		var wide [8]byte
		copy(wide[8-width:], raw)
		value := binary.BigEndian.Uint64(wide[:])
		if i == 0 {
			total = value
			continue
		}
		if p.size != shiftSize { // most parts have the same size
			shift, shiftSize = c.shift(p.size), p.size
		}
		total = c.multiply(shift, total) ^ value
	}
	var wide [8]byte
	binary.BigEndian.PutUint64(wide[:], total)
	return base64.StdEncoding.EncodeToString(wide[8-width:]), nil
}
