package message

import (
	"crypto/md5"  //nolint:gosec // what Content-MD5 is
	"crypto/sha1" //nolint:gosec // one of the checksums
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"net/http"
	"strings"
	"sync"

	"drydock/aws"
)

// nvme is the polynomial of the checksum CRC64NVME, bits reflected.
var nvme = sync.OnceValue(func() *crc64.Table { return crc64.MakeTable(0x9a6c9329ac4bc9b5) })

var castagnoli = sync.OnceValue(func() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) })

// sums are the headers of S3 that carry a body's checksum.
var sums = []struct {
	header string
	hash   func() hash.Hash
}{
	{"X-Amz-Checksum-Crc32", func() hash.Hash { return crc32.NewIEEE() }},
	{"X-Amz-Checksum-Crc32c", func() hash.Hash { return crc32.New(castagnoli()) }},
	{"X-Amz-Checksum-Crc64nvme", func() hash.Hash { return crc64.New(nvme()) }},
	{"X-Amz-Checksum-Sha1", sha1.New},
	{"X-Amz-Checksum-Sha256", sha256.New},
}

// checkDigest compares a body with what its headers say of it, in the words of S3.
func checkDigest(h http.Header, body []byte) error {
	if given := h.Get("Content-Md5"); given != "" {
		want, err := base64.StdEncoding.DecodeString(given)
		if err != nil || len(want) != md5.Size {
			return aws.NewError(http.StatusBadRequest, "InvalidDigest", "The Content-MD5 you specified is not valid.").With("Content-MD5", given)
		}
		if sum := md5.Sum(body); string(sum[:]) != string(want) { //nolint:gosec // what Content-MD5 is
			return aws.NewError(http.StatusBadRequest, "BadDigest", "The Content-MD5 you specified did not match what we received.").
				With("ExpectedDigest", given).With("CalculatedDigest", base64.StdEncoding.EncodeToString(sum[:]))
		}
	}
	for _, s := range sums {
		given := h.Get(s.header)
		if given == "" {
			continue
		}
		want, err := base64.StdEncoding.DecodeString(given)
		sum := s.hash()
		if err != nil || len(want) != sum.Size() {
			return aws.NewError(http.StatusBadRequest, "InvalidRequest", "Value for %s header is invalid.", strings.ToLower(s.header))
		}
		sum.Write(body)
		if string(sum.Sum(nil)) != string(want) {
			return aws.NewError(http.StatusBadRequest, "BadDigest", "The %s you specified did not match the calculated checksum.",
				strings.ToUpper(strings.TrimPrefix(s.header, "X-Amz-Checksum-")))
		}
	}
	return nil
}
