package sigv4

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestVerify_TakesVersion2URLs has URLs that boto3 made with generate_presigned_url and the key of AWS's documentation.
func TestVerify_TakesVersion2URLs(t *testing.T) {
	t.Parallel()
	v := &Verifier{
		Lookup: func(context.Context, string) (Key, error) {
			return Key{Secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", Principal: "me"}, nil
		},
		now: func() time.Time { return time.Unix(1900000000, 0) },
	}
	for _, tt := range []struct {
		method, target, bucket string
		want                   Reason
	}{
		{"GET", version2Get, "", 0},
		{"PUT", version2Get, "", SignatureMismatch},
		{"GET", strings.Replace(version2Get, "b%20c", "b%20d", 1), "", SignatureMismatch},
		{"GET", strings.Replace(version2Get, "Expires=1999999999", "Expires=1", 1), "", Expired},
		{"GET", strings.Replace(version2Get, "/bkt1/", "/", 1), "bkt1", 0},
		{"PUT", version2Put, "", 0},
	} {
		r, err := http.NewRequest(tt.method, tt.target, nil)
		if err != nil {
			t.Fatal(err)
		}
		result, err := v.VerifyFor(r, Want{S3: true, Bucket: tt.bucket})
		if tt.want == 0 && (err != nil || result.Principal != "me" || !result.Presigned) || tt.want != 0 && !errors.Is(err, &Error{Reason: tt.want}) {
			t.Errorf("%s %s: %+v, %v", tt.method, tt.target, result, err)
		}
	}
}

const (
	version2Get = "http://localhost/bkt1/a/b%20c?versionId=v1&response-content-type=text%2Fplain&AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=ek6ai89SjuXiGB7OeRYjoj30Szc%3D&Expires=1999999999"
	version2Put = "http://localhost/bkt1/a/b%20c?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=hVEkzt75y3AyKS3aUNUwFMca2Fc%3D&x-amz-meta-k=v&Expires=1999999999"
)
