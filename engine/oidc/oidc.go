package oidc

import (
	"context"
	"crypto/sha1" // thumbprints are SHA-1
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"drydock/clock"
)

// Limits of a fetch.
const (
	maxAnswer    = 256 << 10
	maxRedirects = 3
	maxTime      = 5 * time.Second
)

// Errors of this package.
var (
	// ErrUnreachable is for a server that does not answer, or not in time.
	ErrUnreachable = errors.New("the identity provider cannot be reached")
	// ErrRefused is for an address that is not asked, and for a server whose certificate is not trusted.
	ErrRefused = errors.New("the identity provider is not trusted")
	// ErrAnswer is for an answer that is not what it should be.
	ErrAnswer = errors.New("the identity provider answers something else")
)

// CheckIssuer tells whether a URL can be an issuer's.
func CheckIssuer(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(text, "?#") {
		return fmt.Errorf("%w: %q is no issuer", ErrRefused, text)
	}
	return checkURL(u)
}

// checkURL allows HTTPS anywhere, and HTTP where nothing can listen in.
func checkURL(u *url.URL) error {
	switch {
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && local(u.Hostname()):
		return nil
	}
	return fmt.Errorf("%w: %s is not fetched by %s", ErrRefused, u.Host, u.Scheme)
}

// local tells whether a host is near by its name alone.
func local(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && (a.IsLoopback() || a.IsPrivate())
}

// forbidden are addresses of metadata services outside of the link-local ranges.
var forbidden = []netip.Addr{netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("168.63.129.16")}

// translators are the ranges of IPv6 addresses that carry an IPv4 address, by where in them it begins: those of NAT64
// (RFC 6052, RFC 8215), 6to4 (RFC 3056), and the ones of RFC 4291 that are compatible with it.
var translators = map[netip.Prefix]int{
	netip.MustParsePrefix("64:ff9b::/96"): 12, netip.MustParsePrefix("64:ff9b:1::/48"): 12, netip.MustParsePrefix("2002::/16"): 2,
	netip.MustParsePrefix("::/96"): 12,
}

// unmap returns the IPv4 address that an IPv6 address stands for, if it does.
func unmap(a netip.Addr) netip.Addr {
	a = a.Unmap()
	for prefix, at := range translators {
		if prefix.Contains(a) && a != netip.IPv6Unspecified() && a != netip.IPv6Loopback() {
			b := a.As16()
			return netip.AddrFrom4([4]byte(b[at : at+4]))
		}
	}
	return a
}

// allowed tells whether a connection may go to an address.
func allowed(a netip.Addr) bool {
	a = unmap(a)
	switch {
	case a.IsUnspecified(), a.IsMulticast(), a.IsLinkLocalUnicast(), !a.IsValid(), a.Zone() != "":
		return false
	}
	return !slices.Contains(forbidden, a)
}

// client makes a client for one fetch. Servers are trusted by thumbprints, too.
func client(thumbprints []string) *http.Client {
	dialer := &net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !allowed(to.Addr()) {
			return fmt.Errorf("%w: connections to %s are not made", ErrRefused, address)
		}
		return nil
	}}
	return &http.Client{
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return fmt.Errorf("%w: too many redirects", ErrRefused)
			}
			if via[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
				return fmt.Errorf("%w: a redirect from HTTPS to %s", ErrRefused, r.URL.Scheme)
			}
			return checkURL(r.URL)
		},
		Transport: &http.Transport{
			DialContext: dialer.DialContext, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10,
			TLSClientConfig: &tls.Config{
				MinVersion: tls.VersionTLS12,
				// The connection is verified below, because thumbprints count as well.
				InsecureSkipVerify: true, // see VerifyConnection
				VerifyConnection:   func(s tls.ConnectionState) error { return verify(s, thumbprints) },
			},
		},
	}
}

// verify trusts a server whose chain ends at a certificate authority of this machine, or contains a certificate with one of
// the thumbprints; the name must be right in either case.
func verify(s tls.ConnectionState, thumbprints []string) error {
	options := x509.VerifyOptions{DNSName: s.ServerName, Intermediates: x509.NewCertPool()}
	for _, c := range s.PeerCertificates[1:] {
		options.Intermediates.AddCert(c)
	}
	leaf := s.PeerCertificates[0]
	if _, err := leaf.Verify(options); err == nil {
		return nil
	}
	for _, c := range s.PeerCertificates {
		if !slices.ContainsFunc(thumbprints, func(t string) bool { return strings.EqualFold(t, Thumbprint(c)) }) {
			continue
		}
		options.Roots = x509.NewCertPool()
		options.Roots.AddCert(c)
		if _, err := leaf.Verify(options); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%w: the certificate of %s is neither known nor has it a thumbprint of the provider's list", ErrRefused, s.ServerName)
}

// Thumbprint is the SHA-1 of a certificate in hexadecimal digits.
func Thumbprint(c *x509.Certificate) string {
	sum := sha1.Sum(c.Raw) // thumbprints are SHA-1
	return hex.EncodeToString(sum[:])
}

// get fetches a JSON document.
func get(ctx context.Context, c *http.Client, address string) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is no address", ErrAnswer, address)
	}
	if err := checkURL(u); err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	r.Header.Set("Accept", "application/json")
	response, err := c.Do(r)
	if err != nil {
		if errors.Is(err, ErrRefused) {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: %s has status %d", ErrAnswer, address, response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	case len(body) > maxAnswer:
		return nil, fmt.Errorf("%w: %s is larger than %d bytes", ErrAnswer, address, maxAnswer)
	}
	return body, nil
}

// Keys fetches the set of keys (RFC 7517) of an issuer by its discovery document.
func Keys(ctx context.Context, issuer string, thumbprints []string) ([]byte, error) {
	if err := CheckIssuer(issuer); err != nil {
		return nil, err
	}
	ctx, cancel := clock.WithTimeout(ctx, maxTime)
	defer cancel()
	c := client(thumbprints)
	text, err := get(ctx, c, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return nil, err
	}
	secure := strings.HasPrefix(strings.ToLower(issuer), "https:")
	var document struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("%w: the discovery document: %w", ErrAnswer, err)
	}
	if strings.TrimSuffix(document.Issuer, "/") != strings.TrimSuffix(issuer, "/") {
		return nil, fmt.Errorf("%w: the discovery document is of %q", ErrAnswer, document.Issuer)
	}
	if u, err := url.Parse(document.JWKSURI); err == nil && secure && u.Scheme != "https" {
		return nil, fmt.Errorf("%w: the keys of an issuer of HTTPS are at %q", ErrRefused, document.JWKSURI)
	}
	return get(ctx, c, document.JWKSURI)
}

// TopThumbprint is the thumbprint of the last certificate in the chain with which an issuer's server answers.
func TopThumbprint(ctx context.Context, issuer string) (string, error) {
	if err := CheckIssuer(issuer); err != nil {
		return "", err
	}
	ctx, cancel := clock.WithTimeout(ctx, maxTime)
	defer cancel()
	found := ""
	c := client(nil)
	transport, _ := c.Transport.(*http.Transport)
	transport.TLSClientConfig.VerifyConnection = func(s tls.ConnectionState) error {
		found = Thumbprint(s.PeerCertificates[len(s.PeerCertificates)-1])
		return nil
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	_, err := get(ctx, c, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration")
	switch {
	case found != "":
		return found, nil
	case err == nil:
		return "", fmt.Errorf("%w: %s has no certificate", ErrAnswer, issuer)
	}
	return "", err
}
