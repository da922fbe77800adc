package gateway

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"drydock/aws"
	"drydock/clock"
	"drydock/gateway/sigv4"
	"drydock/policy"
	"drydock/policy/session"
)

// tokenKey is the context key of the session token that a request carries.
type tokenKey struct{}

// contextWithToken tells lookup the session token.
func contextWithToken(ctx context.Context, token string) context.Context {
	return context.WithValue(ctx, tokenKey{}, token)
}

func (g *Gateway) newVerifier() *sigv4.Verifier {
	return &sigv4.Verifier{Lookup: g.lookup, MaxBody: MaxBody}
}

// lookup finds an access key for the verifier.
func (g *Gateway) lookup(ctx context.Context, id string) (sigv4.Key, error) {
	token, _ := ctx.Value(tokenKey{}).(string)
	if strings.HasPrefix(id, "ASIA") && g.Sessions != nil {
		p, err := g.Sessions.Open(id, token, g.Now())
		switch {
		case err == nil:
			return sigv4.Key{Secret: g.Sessions.Secret(id), SessionToken: token, Principal: p}, nil
		case errors.Is(err, session.ErrExpired):
			return sigv4.Key{}, sigv4.ErrExpiredKey
		case g.Strict || token != "":
			return sigv4.Key{}, sigv4.ErrInvalidToken
		}
	}
	if g.Identity != nil {
		key, err := g.Identity.AccessKey(ctx, id)
		if err == nil {
			return sigv4.Key{Secret: key.Secret, Principal: key.Principal}, nil
		}
		if errors.Is(err, policy.ErrInactiveKey) {
			return sigv4.Key{}, sigv4.ErrUnknownKey
		}
		if !errors.Is(err, policy.ErrUnknownKey) {
			return sigv4.Key{}, err
		}
	}
	if g.Strict {
		return sigv4.Key{}, sigv4.ErrUnknownKey
	}
	p := g.localRoot(id)
	return sigv4.Key{SessionToken: token, Trusted: true, Principal: p}, nil
}

// localRoot is the root user an unknown key stands for.
func (g *Gateway) localRoot(id string) aws.Principal {
	account := g.DefaultAccount
	if aws.ValidAccount(id) {
		account = id
	}
	p := aws.Root(aws.PartitionOf(g.DefaultRegion), account)
	p.AccessKeyID, p.Local = id, true
	return p
}

// authenticate finds out who calls and checks the signature.
func (g *Gateway) authenticate(x *exchange) error {
	if x.plane != nil && strings.HasPrefix(x.r.Header.Get("Authorization"), "Basic ") {
		return g.authenticateBasic(x)
	}
	request := x.r
	if token := requestToken(x.r); token != "" {
		request = x.r.WithContext(contextWithToken(x.r.Context(), token))
	}
	s3 := x.match.API != nil && x.match.API.Package == "s3"
	signed := x.match.API != nil && x.match.API.SigningName == "s3" // S3 Control signs as S3 does
	result, err := g.verifier.VerifyFor(request, sigv4.Want{S3: signed, Bucket: x.match.Bucket})
	if err != nil {
		return g.signatureError(x, err)
	}
	// The verifier replaces the body by one that checks it, and the lengths by those of the decoded body.
	x.r.Body, x.r.ContentLength = request.Body, request.ContentLength
	if result.Anonymous() {
		return g.anonymous(x, s3)
	}
	principal, ok := result.Principal.(aws.Principal)
	if !ok {
		return errors.New("the verifier returned no principal")
	}
	call := x.call
	call.Principal, call.Account = principal, principal.Account
	if result.Scope.Region != "" {
		call.Region = result.Scope.Region
	}
	call.Partition = aws.PartitionOf(call.Region)
	call.Request.Presigned = result.Presigned
	call.Request.SignedAt = result.SignedAt
	call.Request.PayloadHash = result.PayloadHash
	if result.Payload == sigv4.PayloadChunkedTrailer || result.Payload == sigv4.PayloadUnsignedTrailer {
		call.Request.Trailer = result.Trailer
	}
	return nil
}

// anonymous admits a request without a signature where that can be meant: on data planes, in S3, and for operations that
// AWS serves unsigned.
func (g *Gateway) anonymous(x *exchange, s3 bool) error {
	x.call.Principal = aws.Principal{Type: aws.PrincipalAnonymous}
	switch {
	case s3, x.match.Operation != nil && x.match.Operation.Unsigned:
		return nil
	case x.plane != nil:
		if x.plane.Realm == "" {
			return nil
		}
		return aws.NewError(http.StatusUnauthorized, "MissingAuthenticationToken", "Authentication required")
	}
	return g.signatureError(x, sigv4.Unauthenticated())
}

func requestToken(r *http.Request) string {
	if token := r.Header.Get("X-Amz-Security-Token"); token != "" {
		return token
	}
	if strings.Contains(r.URL.RawQuery, "X-Amz-Security-Token=") {
		return r.URL.Query().Get("X-Amz-Security-Token")
	}
	return ""
}

// signatureError words a refusal for the protocol.
func (g *Gateway) signatureError(x *exchange, err error) error {
	var refusal *sigv4.Error
	if !errors.As(err, &refusal) {
		return err
	}
	protocol := x.match.Protocol
	if x.plane != nil {
		protocol = aws.ProtocolJSON
	}
	e := refusal.AWS(protocol, x.match.API != nil && x.match.API.Package == "s3")
	if x.plane != nil {
		e.Status = http.StatusForbidden
	}
	return e
}

// gitSkew is how far the time in a signed git password may be from the machine's.
const gitSkew = 15 * time.Minute

// authenticateBasic checks HTTP Basic credentials of a data plane: service-specific credentials that IAM issued, or an
// access key with the signed password of `aws codecommit credential-helper`.
func (g *Gateway) authenticateBasic(x *exchange) error {
	user, password, _ := x.r.BasicAuth()
	denied := aws.NewError(http.StatusForbidden, "AccessDeniedException", "The user name or password is not valid.")
	if stamp, signature, ok := cutSignedPassword(password); ok {
		id, token, _ := strings.Cut(user, "%")
		return g.authenticateSigned(x, id, token, stamp, signature, denied)
	}
	if g.Identity == nil {
		return denied
	}
	p, err := g.Identity.Password(x.r.Context(), x.plane.SigningName, user, password)
	if errors.Is(err, policy.ErrUnknownKey) {
		return denied
	}
	if err != nil {
		return err
	}
	x.call.Principal, x.call.Account = p, p.Account
	return nil
}

// cutSignedPassword splits "20060102T150405Z" + 64 hexadecimal digits.
func cutSignedPassword(password string) (stamp time.Time, signature string, ok bool) {
	const form = "20060102T150405Z"
	if len(password) != len(form)+64 {
		return time.Time{}, "", false
	}
	stamp, err := time.Parse(form, password[:len(form)])
	if err != nil {
		return time.Time{}, "", false
	}
	if _, err := hex.DecodeString(password[len(form):]); err != nil {
		return time.Time{}, "", false
	}
	return stamp, password[len(form):], true
}

// authenticateSigned checks a password that is a signature over the method GIT, the repository's path and the host. The
// helper takes the region from the host name, or else from its own settings, which the server cannot see: so the
// signature may be for any region the password was tried for; the regions that have this cloud's resources are not
// known here, and the default region is taken for the call.
func (g *Gateway) authenticateSigned(x *exchange, id, token string, stamp time.Time, signature string, denied error) error {
	if drift := clock.Wall().Sub(stamp); drift > gitSkew || drift < -gitSkew {
		return aws.NewError(http.StatusForbidden, "AccessDeniedException", "The signed password has expired.")
	}
	ctx := x.r.Context()
	if token != "" {
		ctx = contextWithToken(ctx, token)
	}
	key, err := g.lookup(ctx, id)
	switch {
	case errors.Is(err, sigv4.ErrUnknownKey), errors.Is(err, sigv4.ErrInvalidToken), errors.Is(err, sigv4.ErrExpiredKey):
		return denied
	case err != nil:
		return err
	}
	p, ok := key.Principal.(aws.Principal)
	if !ok {
		return denied
	}
	region := g.DefaultRegion
	if !key.Trusted {
		region, ok = g.gitRegion(x.r, key.Secret, stamp, signature)
		if !ok {
			return denied
		}
	}
	x.call.Principal, x.call.Account, x.call.Region = p, p.Account, region
	x.call.Partition = aws.PartitionOf(region)
	return nil
}

// gitRegions are the regions a signed git password is tried for: AWS's commercial ones and the configured one.
var gitRegions = []string{
	"us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1", "eu-west-1", "eu-west-2", "eu-west-3",
	"eu-central-1", "eu-north-1", "eu-south-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1",
	"ap-northeast-2", "ap-northeast-3", "ap-east-1", "me-south-1", "af-south-1",
}

// gitRegion returns the region for which the signature is right.
func (g *Gateway) gitRegion(r *http.Request, secret string, stamp time.Time, signature string) (string, bool) {
	path := gitPath(r.URL)
	host, _, _ := strings.Cut(r.Host, ":") // the helper leaves the port out
	for _, region := range append([]string{g.DefaultRegion}, gitRegions...) {
		want := signGit(secret, region, host, path, stamp)
		if subtle.ConstantTimeCompare([]byte(want), []byte(signature)) == 1 {
			return region, true
		}
	}
	return "", false
}

// gitPath is the path git gave to its credential helper: the repository's, without what the protocol appends.
func gitPath(u *url.URL) string {
	path := u.EscapedPath()
	for _, suffix := range []string{"/info/refs", "/git-upload-pack", "/git-receive-pack"} {
		path = strings.TrimSuffix(path, suffix)
	}
	return path
}

// signGit is the signature that `aws codecommit credential-helper` makes.
func signGit(secret, region, host, path string, stamp time.Time) string {
	canonical := "GIT\n" + path + "\n\nhost:" + host + "\n\nhost\n"
	digest := sha256.Sum256([]byte(canonical))
	date := stamp.Format("20060102")
	toSign := "AWS4-HMAC-SHA256\n" + stamp.Format("20060102T150405") + "\n" + date + "/" + region + "/codecommit/aws4_request\n" + hex.EncodeToString(digest[:])
	key := []byte("AWS4" + secret)
	for _, part := range []string{date, region, "codecommit", "aws4_request"} {
		key = sum(key, part)
	}
	return hex.EncodeToString(sum(key, toSign))
}

func sum(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
