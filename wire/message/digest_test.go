package message_test

import (
	"net/http"
	"strings"
	"testing"

	"drydock/aws"
	"drydock/wire/message"
)

func TestReadBody_ComparesTheBodyWithItsChecksums(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ header, value, want string }{
		"md5":               {"Content-MD5", "XUFAKrxLKna5cZ2REBfFkg==", ""},
		"another md5":       {"Content-MD5", "XUFAKrxLKna5cZ2REBfFkQ==", "BadDigest"},
		"no md5":            {"Content-MD5", "hello", "InvalidDigest"},
		"crc32":             {"x-amz-checksum-crc32", "NhCmhg==", ""},
		"crc32c":            {"x-amz-checksum-crc32c", "mnG7TA==", ""},
		"crc64nvme":         {"x-amz-checksum-crc64nvme", "M3eFcAZSQlc=", ""},
		"sha1":              {"x-amz-checksum-sha1", "qvTGHdzF6KLavt4PO0gs2a6pQ00=", ""},
		"sha256":            {"x-amz-checksum-sha256", "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=", ""},
		"another crc64nvme": {"x-amz-checksum-crc64nvme", "M3eFcAZSQlg=", "BadDigest"},
		"short sum":         {"x-amz-checksum-sha256", "M3eFcAZSQlg=", "InvalidRequest"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://s3/", strings.NewReader("hello"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set(tt.header, tt.value)
			buf := message.NewBuffer()
			defer buf.Free()
			body, err := (&message.Request{Request: r, CheckDigest: true}).ReadBody(buf)
			if got := aws.ErrorCode(err); got != tt.want || err == nil && string(body) != "hello" {
				t.Errorf("%q, error %v, want %q", body, err, tt.want)
			}
		})
	}
}
