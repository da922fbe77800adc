package tlsca

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"drydock/clock"
)

// The files of an authority in its directory.
const (
	keyFile         = "ca.key" // private key and certificate, readable by the owner only
	certificateFile = "ca.pem" // the certificate, for others to trust
)

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	// leafLife stays below the 398 days that browsers accept.
	leafLife  = 390 * 24 * time.Hour
	leafRenew = 30 * 24 * time.Hour
	backdate  = time.Hour // for clients whose clock is slow
	maxLeaves = 1024
)

// permittedDomains are the domains, with all names below them, that an authority may vouch for besides the configured
// ones: this machine, AWS's endpoints, and the name LocalStack's users are used to.
var permittedDomains = []string{
	"localhost", "internal", "local", "test",
	"amazonaws.com", "amazonaws.com.cn", "api.aws", "on.aws", "aws.dev", "cloudfront.net", "awsapprunner.com", "amazoncognito.com",
	"localhost.localstack.cloud", "localstack.cloud",
}

// permittedNetworks are the loopback, private and link-local addresses.
var permittedNetworks = []string{
	"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "::1/128", "fc00::/7", "fe80::/10",
}

// CA is a local certificate authority. Making one costs nothing: it is loaded, or created, when it is first needed. Its
// methods are safe for concurrent use.
type CA struct {
	dir   string
	names []string

	mu          sync.Mutex // guards the fields below
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	leafKey     *ecdsa.PrivateKey
	leaves      map[string]*tls.Certificate
	now         func() time.Time
}

// NewCA returns the authority that is kept in dir, or in memory only if dir is empty. names are host names and
// addresses that it has to vouch for besides the usual ones. An authority that exists already keeps the limits it was
// made with.
func NewCA(dir string, names ...string) *CA {
	return &CA{dir: dir, names: names, now: clock.Wall}
}

// CertificatePEM returns the authority's certificate, to be trusted by clients. It creates the authority if there is
// none yet.
func (c *CA) CertificatePEM() ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.load(); err != nil {
		return nil, err
	}
	return encodePEM("CERTIFICATE", c.certificate.Raw), nil
}

// Path returns where the certificate lies once the authority exists, or "" if it is in memory only.
func (c *CA) Path() string {
	if c.dir == "" {
		return ""
	}
	return filepath.Join(c.dir, certificateFile)
}

// TLSConfig returns a server's configuration that presents a certificate for whatever name the client asks for, and
// offers HTTP/2.
func (c *CA) TLSConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: c.GetCertificate}
}

// GetCertificate returns a certificate for the name in a TLS handshake, or for this machine if the client names none or
// one that the authority may not vouch for.
func (c *CA) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if name, ok := hostName(hello.ServerName); ok {
		certificate, err := c.Issue(name)
		if !errors.Is(err, errNotPermitted) {
			return certificate, err
		}
	}
	names := []string{"localhost", "127.0.0.1", "::1"}
	if hello.Conn != nil {
		if host, _, err := net.SplitHostPort(hello.Conn.LocalAddr().String()); err == nil && !slices.Contains(names, host) {
			certificate, err := c.Issue(append(names, host)...)
			if !errors.Is(err, errNotPermitted) {
				return certificate, err
			}
		}
	}
	return c.Issue(names...)
}

var errNotPermitted = errors.New("outside what the local certificate authority may vouch for")

// Issue returns a server certificate for DNS names and addresses, with its key. Certificates are kept and renewed in
// time; a call for the same names in the same order returns the same one.
func (c *CA) Issue(names ...string) (*tls.Certificate, error) {
	if len(names) == 0 {
		return nil, errors.New("issue a certificate: no name")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.load(); err != nil {
		return nil, err
	}
	id, now := strings.Join(names, ","), c.now()
	if leaf, found := c.leaves[id]; found && now.Before(leaf.Leaf.NotAfter.Add(-leafRenew)) && !now.Before(leaf.Leaf.NotBefore) {
		return leaf, nil
	}
	leaf, err := c.issue(now, names)
	if err != nil {
		return nil, fmt.Errorf("issue a certificate for %s: %w", id, err)
	}
	if c.leaves == nil || len(c.leaves) >= maxLeaves { // cheap to make again
		c.leaves = make(map[string]*tls.Certificate)
	}
	c.leaves[id] = leaf
	return leaf, nil
}

// issue makes a certificate. The caller holds mu and has loaded the authority.
func (c *CA) issue(now time.Time, names []string) (*tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{Organization: []string{"drydock"}},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(leafLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	if template.NotAfter.After(c.certificate.NotAfter) {
		template.NotAfter = c.certificate.NotAfter
	}
	for _, name := range names {
		if !permits(c.certificate, name) {
			return nil, fmt.Errorf("%s is %w", name, errNotPermitted)
		}
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
			continue
		}
		template.DNSNames = append(template.DNSNames, name)
	}
	if len(names[0]) <= 64 { // the limit of a common name
		template.Subject.CommonName = names[0]
	}
	if c.leafKey == nil {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		c.leafKey = key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, c.certificate, &c.leafKey.PublicKey, c.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{raw, c.certificate.Raw}, PrivateKey: c.leafKey, Leaf: leaf}, nil
}

// permits tells whether the authority's name constraints allow a name.
func permits(authority *x509.Certificate, name string) bool {
	if ip := net.ParseIP(name); ip != nil {
		return slices.ContainsFunc(authority.PermittedIPRanges, func(n *net.IPNet) bool { return n.Contains(ip) })
	}
	name = strings.TrimPrefix(name, "*.")
	return slices.ContainsFunc(authority.PermittedDNSDomains, func(domain string) bool {
		return name == domain || strings.HasSuffix(name, "."+domain)
	})
}

// hostName checks the name in a handshake, which anybody may have made up.
func hostName(name string) (string, bool) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if name == "" || len(name) > 253 || net.ParseIP(name) != nil {
		return "", false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return "", false
		}
		for _, r := range label {
			if !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-' || r == '_') {
				return "", false
			}
		}
	}
	return name, true
}

// load reads the authority, or makes it. The caller holds mu.
func (c *CA) load() error {
	if c.certificate != nil {
		return nil
	}
	if c.dir == "" {
		certificate, key, err := create(c.now(), c.names)
		if err != nil {
			return fmt.Errorf("create the local certificate authority: %w", err)
		}
		c.certificate, c.key = certificate, key
		return nil
	}
	path := filepath.Join(c.dir, keyFile)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		content, err = c.createFile(path)
	}
	if err != nil {
		return fmt.Errorf("open the local certificate authority: %w", err)
	}
	certificate, key, err := decode(content)
	if err != nil {
		return fmt.Errorf("read the local certificate authority from %s: %w", path, err)
	}
	if c.now().After(certificate.NotAfter) {
		return fmt.Errorf("the local certificate authority in %s has expired: remove it to have another made", path)
	}
	public := encodePEM("CERTIFICATE", certificate.Raw)
	if present, err := os.ReadFile(c.Path()); err != nil || !bytes.Equal(present, public) {
		if err := writeFile(c.Path(), public, 0o644, os.Rename); err != nil {
			return fmt.Errorf("write the certificate of the local authority: %w", err)
		}
	}
	c.certificate, c.key = certificate, key
	return nil
}

// createFile makes an authority's file and returns what is in it, which is another process's if that was first.
func (c *CA) createFile(path string) ([]byte, error) {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return nil, err
	}
	certificate, key, err := create(c.now(), c.names)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	content := append(encodePEM("PRIVATE KEY", private), encodePEM("CERTIFICATE", certificate.Raw)...)
	// A link fails when the name is taken, where a rename would replace what another process uses already.
	err = writeFile(path, content, 0o600, func(temporary, path string) error {
		return errors.Join(os.Link(temporary, path), os.Remove(temporary))
	})
	if errors.Is(err, fs.ErrExist) {
		return os.ReadFile(path)
	}
	return content, err
}

// writeFile writes a file under a temporary name and lets place give it its own.
func writeFile(path string, content []byte, mode fs.FileMode, place func(temporary, path string) error) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, removeIfThere(file.Name()))
		}
	}()
	_, err = file.Write(content)
	err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close())
	if err != nil {
		return err
	}
	return place(file.Name(), path)
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// create makes a self-signed authority.
func create(now time.Time, names []string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{Organization: []string{"drydock"}, CommonName: "drydock local CA " + now.Format("2006-01-02")},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(authorityLife),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: slices.Clone(permittedDomains),
	}
	for _, network := range permittedNetworks {
		_, parsed, err := net.ParseCIDR(network)
		if err != nil {
			return nil, nil, err
		}
		template.PermittedIPRanges = append(template.PermittedIPRanges, parsed)
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			if four := ip.To4(); four != nil {
				ip = four
			}
			template.PermittedIPRanges = append(template.PermittedIPRanges, &net.IPNet{IP: ip, Mask: net.CIDRMask(8*len(ip), 8*len(ip))})
			continue
		}
		host, ok := hostName(strings.TrimPrefix(name, "*."))
		if !ok {
			return nil, nil, fmt.Errorf("%q is no host name", name)
		}
		template.PermittedDNSDomains = append(template.PermittedDNSDomains, host)
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, nil, err
	}
	certificate, err := x509.ParseCertificate(raw)
	return certificate, key, err
}

func decode(content []byte) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	var certificate *x509.Certificate
	var key *ecdsa.PrivateKey
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "CERTIFICATE":
			parsed, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, nil, err
			}
			certificate = parsed
		case "PRIVATE KEY":
			parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				return nil, nil, err
			}
			key, _ = parsed.(*ecdsa.PrivateKey)
		}
	}
	if certificate == nil || key == nil || !key.PublicKey.Equal(certificate.PublicKey) {
		return nil, nil, errors.New("no certificate with its ECDSA key")
	}
	return certificate, key, nil
}

func encodePEM(kind string, raw []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw})
}

// serial returns a random serial number of 127 bits.
func serial() *big.Int {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	b[0] &= 0x7f
	b[15] |= 1 // never zero
	return new(big.Int).SetBytes(b)
}
