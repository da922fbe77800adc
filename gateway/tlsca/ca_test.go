package tlsca

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func TestCA_VouchesForPermittedNamesOnly(t *testing.T) {
	t.Parallel()
	ca := NewCA("", "cloud.example.org", "203.0.113.7")
	roots := pool(t, ca)
	for name, permitted := range map[string]bool{
		"localhost": true, "a.b.localhost": true, "sqs.eu-central-1.amazonaws.com": true, "localhost.localstack.cloud": true,
		"127.0.0.1": true, "::1": true, "10.1.2.3": true, "ip-10-0-0-1.ec2.internal": true, "cloud.example.org": true, "203.0.113.7": true,
		"example.org": false, "google.com": false, "8.8.8.8": false, "notlocalhost": false, "fakeamazonaws.com": false,
	} {
		leaf, err := ca.Issue(name)
		if !permitted {
			if !errors.Is(err, errNotPermitted) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := leaf.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The constraints bind also those who would have the key.
	ca.certificate.PermittedDNSDomains = append(ca.certificate.PermittedDNSDomains, "google.com")
	leaf, err := ca.Issue("google.com")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := leaf.Leaf.Verify(x509.VerifyOptions{DNSName: "google.com", Roots: roots}); err == nil {
		t.Error("clients accept a certificate outside the constraints")
	}
}

func TestCA_AnswersAnyHandshake(t *testing.T) {
	t.Parallel()
	ca := NewCA("")
	for sent, want := range map[string]string{
		"": "localhost", "google.com": "localhost", "Bucket.S3.amazonaws.com.": "bucket.s3.amazonaws.com", "a..b": "localhost", "\x00.localhost": "localhost",
	} {
		leaf, err := ca.GetCertificate(&tls.ClientHelloInfo{ServerName: sent})
		if err != nil {
			t.Fatal(err)
		}
		if err := leaf.Leaf.VerifyHostname(want); err != nil {
			t.Errorf("%q: %v", sent, err)
		}
	}
	for i := range maxLeaves + 50 {
		if _, err := ca.Issue("a" + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676)) + ".localhost"); err != nil {
			t.Fatal(err)
		}
	}
	if len(ca.leaves) > maxLeaves {
		t.Errorf("%d certificates kept", len(ca.leaves))
	}
}

func TestCA_RenewsInTime(t *testing.T) {
	t.Parallel()
	ca := NewCA("")
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ca.now = func() time.Time { return now }
	first, err := ca.Issue("localhost")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ca.Issue("localhost"); err != nil || again != first {
		t.Errorf("issued anew: %v", err)
	}
	now = now.Add(leafLife - leafRenew + time.Hour)
	if later, err := ca.Issue("localhost"); err != nil || later == first {
		t.Errorf("not renewed: %v", err)
	}
}

func TestCA_IsMadeOnFirstUseAndKept(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "tls")
	first := NewCA(dir)
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Fatal("something was made before it was needed")
	}
	// Several processes may need it at once.
	var group sync.WaitGroup
	got := make([][]byte, 8)
	for i := range got {
		group.Go(func() {
			content, err := NewCA(dir).CertificatePEM()
			if err != nil {
				t.Error(err)
			}
			got[i] = content
		})
	}
	group.Wait()
	want, err := first.CertificatePEM()
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range got {
		if !bytes.Equal(content, want) {
			t.Error("two authorities")
		}
	}
	public, err := os.ReadFile(first.Path())
	if err != nil || !bytes.Equal(public, want) {
		t.Errorf("%s: %v", first.Path(), err)
	}
	info, err := os.Stat(filepath.Join(dir, keyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestCA_RefusesBrokenOrExpiredFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := NewCA(dir).CertificatePEM(); err != nil {
		t.Fatal(err)
	}
	late := NewCA(dir)
	late.now = func() time.Time { return time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC) }
	if _, err := late.Issue("localhost"); err == nil {
		t.Error("an expired authority issues certificates")
	}
	if err := os.WriteFile(filepath.Join(dir, keyFile), []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewCA(dir).Issue("localhost"); err == nil {
		t.Error("a broken authority issues certificates")
	}
	if _, err := NewCA("", "not a name").CertificatePEM(); err == nil {
		t.Error("a name that is none is accepted")
	}
}
