package aws

import (
	"encoding/base64"
	"encoding/json"
	"errors"
)

// ErrPageToken is returned for a token that EncodePageToken did not make.
var ErrPageToken = errors.New("invalid page token")

// EncodePageToken makes an opaque, URL-safe token of the position a listing stopped at. No parts give "".
func EncodePageToken(parts ...string) string {
	if len(parts) == 0 {
		return ""
	}
	b, err := json.Marshal(parts)
	if err != nil {
		panic(err) // a slice of strings always marshals
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// DecodePageToken returns the n parts of a token, or ErrPageToken.
func DecodePageToken(token string, n int) ([]string, error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return nil, ErrPageToken
	}
	var parts []string
	if json.Unmarshal(b, &parts) != nil || len(parts) != n {
		return nil, ErrPageToken
	}
	return parts, nil
}
