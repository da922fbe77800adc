package iam_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/service"
	"drydock/service/servicetest"
)

// file reads one of the keys and certificates that testdata/make.py made.
func file(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// vault is the cloud's service.Vault.
func vault(t testing.TB, c *servicetest.Cloud) service.Vault {
	t.Helper()
	for _, m := range c.Modules {
		if m.Vault != nil {
			return m.Vault
		}
	}
	t.Fatal("no vault")
	return nil
}

func upload(t testing.TB, call *aws.Call, name string) api.ServerCertificateMetadata {
	t.Helper()
	return *do(t, api.UploadServerCertificate, call, &api.UploadServerCertificateInput{
		ServerCertificateName: name, CertificateBody: file(t, "leaf.pem"), PrivateKey: file(t, "leaf.key"),
	}).ServerCertificateMetadata
}

func TestServerCertificate_IsKeptWithItsKey(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	chain := file(t, "intermediate.pem") + file(t, "root.pem")
	made := do(t, api.UploadServerCertificate, call, &api.UploadServerCertificateInput{
		ServerCertificateName: "Web", Path: new("/lb/"), CertificateBody: file(t, "curve.pem"), PrivateKey: file(t, "curve.key"), CertificateChain: &chain,
		Tags: []api.Tag{{Key: "a", Value: "1"}},
	})
	m := made.ServerCertificateMetadata
	if m.ARN != "arn:aws:iam::111122223333:server-certificate/lb/Web" || !strings.HasPrefix(m.ServerCertificateID, "ASCA") || m.Expiration.Year() != 2120 || len(made.Tags) != 1 {
		t.Errorf("certificate %+v", m)
	}
	got := do(t, api.GetServerCertificate, call, &api.GetServerCertificateInput{ServerCertificateName: "web"}).ServerCertificate
	if got.CertificateBody+"\n" != file(t, "curve.pem") || *got.CertificateChain+"\n" != chain || got.ServerCertificateMetadata.ServerCertificateID != m.ServerCertificateID {
		t.Errorf("certificate %+v", got)
	}
	upload(t, call, "Second")
	do(t, api.UpdateServerCertificate, call, &api.UpdateServerCertificateInput{ServerCertificateName: "web", NewServerCertificateName: new("Site"), NewPath: new("/x/")})
	refuse(t, api.UpdateServerCertificate, call, &api.UpdateServerCertificateInput{ServerCertificateName: "site", NewServerCertificateName: new("second")},
		"EntityAlreadyExists", "The Server Certificate with name second already exists.")
	body, key, err := vault(t, c).ServerCertificate(t.Context(), "arn:aws:iam::111122223333:server-certificate/x/Site")
	if err != nil || key != file(t, "curve.key") || !strings.HasPrefix(body, file(t, "curve.pem")) || !strings.Contains(body, chain) {
		t.Errorf("%s %s, %v", body, key, err)
	}
	for _, arn := range []string{m.ARN, "arn:aws:iam::111122223333:server-certificate/none", "x"} {
		_, _, err := vault(t, c).ServerCertificate(t.Context(), arn)
		servicetest.WantError(t, err, "NoSuchEntity")
	}
	do(t, api.DeleteServerCertificate, call, &api.DeleteServerCertificateInput{ServerCertificateName: "SITE"})
	refuse(t, api.DeleteServerCertificate, call, &api.DeleteServerCertificateInput{ServerCertificateName: "site"}, "NoSuchEntity",
		"The Server Certificate with name site cannot be found.")
	refuse(t, api.GetServerCertificate, call, &api.GetServerCertificateInput{ServerCertificateName: "site"}, "NoSuchEntity", "")
}

func TestServerCertificate_MustFitItsKeyAndChain(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	leaf, key, inter := file(t, "leaf.pem"), file(t, "leaf.key"), file(t, "intermediate.pem")
	broken := strings.Replace(leaf, "MII", "XXX", 1)
	for name, test := range map[string]struct{ body, key, chain, code string }{
		"no PEM":              {"x", key, "", "MalformedCertificate"},
		"broken":              {broken, key, "", "MalformedCertificate"},
		"two certificates":    {leaf + inter, key, "", "MalformedCertificate"},
		"a key as body":       {key, key, "", "MalformedCertificate"},
		"no key":              {leaf, leaf, "", "MalformedCertificate"},
		"an encrypted key":    {leaf, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", "", "MalformedCertificate"},
		"another's key":       {leaf, file(t, "curve.key"), "", "KeyPairMismatch"},
		"a broken chain":      {leaf, key, broken, "MalformedCertificate"},
		"another chain":       {leaf, key, file(t, "root.pem"), "MalformedCertificate"},
		"chain in wrong turn": {leaf, key, file(t, "root.pem") + inter, "MalformedCertificate"},
		"expired":             {file(t, "expired.pem"), key, inter, "MalformedCertificate"},
	} {
		in := &api.UploadServerCertificateInput{ServerCertificateName: "c", CertificateBody: test.body, PrivateKey: test.key}
		if test.chain != "" {
			in.CertificateChain = &test.chain
		}
		if _, err := api.UploadServerCertificate.Do(call, in); !aws.IsError(err, test.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
	upload(t, call, "c")
	refuse(t, api.UploadServerCertificate, call, &api.UploadServerCertificateInput{ServerCertificateName: "C", CertificateBody: leaf, PrivateKey: key},
		"EntityAlreadyExists", "The Server Certificate with name C already exists.")
}

func TestServerCertificates_ListInPagesAndHaveAQuota(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	for i := range 20 {
		upload(t, call, fmt.Sprintf("c%02d", i))
	}
	refuse(t, api.UploadServerCertificate, call, &api.UploadServerCertificateInput{
		ServerCertificateName: "more", CertificateBody: file(t, "leaf.pem"), PrivateKey: file(t, "leaf.key"),
	}, "LimitExceeded", "Cannot exceed quota for ServerCertificatesPerAccount: 20")
	var names []string
	in := &api.ListServerCertificatesInput{MaxItems: new(int32(7)), PathPrefix: new("/")}
	for pages := 1; ; pages++ {
		out := do(t, api.ListServerCertificates, call, in)
		for _, m := range out.ServerCertificateMetadataList {
			names = append(names, m.ServerCertificateName)
		}
		if in.Marker = out.Marker; in.Marker == nil {
			if pages != 3 || len(names) != 20 || names[19] != "c19" {
				t.Errorf("%d pages: %v", pages, names)
			}
			break
		}
	}
	if s := do(t, api.GetAccountSummary, call, &api.GetAccountSummaryInput{}).SummaryMap; s["ServerCertificates"] != 20 {
		t.Errorf("summary %v", s)
	}
	if l := do(t, api.ListServerCertificates, call, &api.ListServerCertificatesInput{PathPrefix: new("/x/")}); len(l.ServerCertificateMetadataList) != 0 || *l.IsTruncated {
		t.Errorf("list %+v", l)
	}
}

func TestSigningCertificate(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createUser(t, call, "u")
	createUser(t, call, "v")
	put := func(name string) *api.UploadSigningCertificateInput {
		return &api.UploadSigningCertificateInput{UserName: new("u"), CertificateBody: file(t, name)}
	}
	made := do(t, api.UploadSigningCertificate, call, put("leaf.pem")).Certificate
	if made.UserName != "u" || len(made.CertificateID) != 32 || made.Status != "Active" || made.CertificateBody != file(t, "leaf.pem") {
		t.Errorf("certificate %+v", made)
	}
	refuse(t, api.UploadSigningCertificate, call, put("leaf.pem"), "DuplicateCertificate", "")
	refuse(t, api.UploadSigningCertificate, call, put("leaf.key"), "MalformedCertificate", "")
	refuse(t, api.UploadSigningCertificate, call, put("expired.pem"), "InvalidCertificate", "")
	do(t, api.UploadSigningCertificate, call, put("root.pem"))
	refuse(t, api.UploadSigningCertificate, call, put("intermediate.pem"), "LimitExceeded", "Cannot exceed quota for CertificatesPerUser: 2")
	do(t, api.UpdateSigningCertificate, call, &api.UpdateSigningCertificateInput{UserName: new("u"), CertificateID: made.CertificateID, Status: "Inactive"})
	first := do(t, api.ListSigningCertificates, call, &api.ListSigningCertificatesInput{UserName: new("u"), MaxItems: new(int32(1))})
	rest := do(t, api.ListSigningCertificates, call, &api.ListSigningCertificatesInput{UserName: new("u"), Marker: first.Marker})
	statuses := map[string]api.StatusType{}
	for _, c := range append(first.Certificates, rest.Certificates...) {
		statuses[c.CertificateID] = c.Status
	}
	if len(statuses) != 2 || statuses[made.CertificateID] != "Inactive" || *rest.IsTruncated {
		t.Errorf("certificates %v", statuses)
	}
	refuse(t, api.DeleteUser, call, &api.DeleteUserInput{UserName: "u"}, "DeleteConflict", "Cannot delete entity, must delete certificates first.")
	refuse(t, api.DeleteSigningCertificate, call, &api.DeleteSigningCertificateInput{UserName: new("v"), CertificateID: made.CertificateID}, "NoSuchEntity",
		"The Certificate with id "+made.CertificateID+" cannot be found.")
	do(t, api.DeleteSigningCertificate, call, &api.DeleteSigningCertificateInput{UserName: new("u"), CertificateID: made.CertificateID})
	// The root user has certificates, too.
	do(t, api.UploadSigningCertificate, call, &api.UploadSigningCertificateInput{CertificateBody: file(t, "leaf.pem")})
	if s := do(t, api.GetAccountSummary, call, &api.GetAccountSummaryInput{}).SummaryMap; s["AccountSigningCertificatesPresent"] != 1 {
		t.Errorf("summary %v", s)
	}
}

func TestSSHPublicKey(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createUser(t, call, "u")
	made := do(t, api.UploadSSHPublicKey, call, &api.UploadSSHPublicKeyInput{UserName: "u", SSHPublicKeyBody: file(t, "ssh.pub")}).SSHPublicKey
	// As ssh-keygen -l -E md5 tells it.
	if made.Fingerprint != "69:30:78:8d:32:90:e1:6d:af:4b:34:b8:02:d4:3b:0f" || !strings.HasPrefix(made.SSHPublicKeyID, "APKA") || made.Status != "Active" {
		t.Errorf("key %+v", made)
	}
	get := func(encoding api.EncodingType) string {
		return do(t, api.GetSSHPublicKey, call, &api.GetSSHPublicKeyInput{UserName: "u", SSHPublicKeyID: made.SSHPublicKeyID, Encoding: encoding}).SSHPublicKey.SSHPublicKeyBody
	}
	if ssh := get("SSH"); ssh+" alice@example\n" != file(t, "ssh.pub") {
		t.Errorf("key %s", ssh)
	}
	if pem := get("PEM"); strings.TrimSpace(pem) != strings.TrimSpace(file(t, "ssh.pem")) {
		t.Errorf("key %s", pem)
	}
	refuse(t, api.UploadSSHPublicKey, call, &api.UploadSSHPublicKeyInput{UserName: "u", SSHPublicKeyBody: file(t, "ssh.pem")}, "DuplicateSSHPublicKey", "")
	for _, bad := range []string{
		"x", "ssh-rsa", "ssh-rsa AAAA", "ssh-rsa !", file(t, "ed25519.pub"), file(t, "leaf.pem"), "ssh-rsa " + strings.Fields(file(t, "ed25519.pub"))[1],
		"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAACQDf", strings.Replace(file(t, "ssh.pub"), "AAAAB3NzaC1yc2EAAAADAQAB", "AAAAB3NzaC1yc2EA/////QAB", 1),
	} {
		refuse(t, api.UploadSSHPublicKey, call, &api.UploadSSHPublicKeyInput{UserName: "u", SSHPublicKeyBody: bad}, "InvalidPublicKey", "")
	}
	refuse(t, api.GetSSHPublicKey, call, &api.GetSSHPublicKeyInput{UserName: "u", SSHPublicKeyID: made.SSHPublicKeyID, Encoding: "DER"}, "ValidationError", "")
	do(t, api.UpdateSSHPublicKey, call, &api.UpdateSSHPublicKeyInput{UserName: "u", SSHPublicKeyID: made.SSHPublicKeyID, Status: "Inactive"})
	if l := do(t, api.ListSSHPublicKeys, call, &api.ListSSHPublicKeysInput{UserName: new("u")}).SSHPublicKeys; len(l) != 1 || l[0].Status != "Inactive" || l[0].UserName != "u" {
		t.Errorf("keys %+v", l)
	}
	refuse(t, api.DeleteUser, call, &api.DeleteUserInput{UserName: "u"}, "DeleteConflict", "Cannot delete entity, must remove referenced objects first.")
	do(t, api.DeleteSSHPublicKey, call, &api.DeleteSSHPublicKeyInput{UserName: "u", SSHPublicKeyID: made.SSHPublicKeyID})
	refuse(t, api.DeleteSSHPublicKey, call, &api.DeleteSSHPublicKeyInput{UserName: "u", SSHPublicKeyID: made.SSHPublicKeyID}, "NoSuchEntity",
		"The Public Key with id "+made.SSHPublicKeyID+" cannot be found.")
	refuse(t, api.UploadSSHPublicKey, call, &api.UploadSSHPublicKeyInput{UserName: "none", SSHPublicKeyBody: file(t, "ssh.pub")}, "NoSuchEntity", "")
}
