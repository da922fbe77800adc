package oidc_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"drydock/engine/oidc"
)

// provider serves a discovery document that fn may change.
func provider(t *testing.T, tls bool, change func(issuer string) (document, keys string)) *httptest.Server {
	t.Helper()
	var server *httptest.Server
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		document, _ := change(server.URL)
		fmt.Fprint(w, document)
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		_, keys := change(server.URL)
		fmt.Fprint(w, keys)
	})
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
	})
	mux.HandleFunc("/downgrade", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+r.Host+"/keys", http.StatusFound)
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	if tls {
		server = httptest.NewTLSServer(mux)
	} else {
		server = httptest.NewServer(mux)
	}
	t.Cleanup(server.Close)
	return server
}

func good(issuer string) (document, keys string) {
	return fmt.Sprintf(`{"issuer":%q,"jwks_uri":"%s/keys"}`, issuer, issuer), `{"keys":[]}`
}

func TestKeys_AreThoseOfTheDiscoveryDocument(t *testing.T) {
	t.Parallel()
	plain := provider(t, false, good)
	keys, err := oidc.Keys(t.Context(), plain.URL, nil)
	if err != nil || string(keys) != `{"keys":[]}` {
		t.Errorf("keys %s, %v", keys, err)
	}
	if _, err := oidc.TopThumbprint(t.Context(), plain.URL); !errors.Is(err, oidc.ErrAnswer) {
		t.Errorf("thumbprint of a server without certificate: %v", err)
	}
}

func TestKeys_TrustThumbprints(t *testing.T) {
	t.Parallel()
	server := provider(t, true, good)
	if _, err := oidc.Keys(t.Context(), server.URL, nil); !errors.Is(err, oidc.ErrRefused) {
		t.Errorf("without thumbprint: %v", err)
	}
	if _, err := oidc.Keys(t.Context(), server.URL, []string{strings.Repeat("0", 40)}); !errors.Is(err, oidc.ErrRefused) {
		t.Errorf("with a wrong thumbprint: %v", err)
	}
	thumbprint, err := oidc.TopThumbprint(t.Context(), server.URL)
	if err != nil || thumbprint != oidc.Thumbprint(server.Certificate()) {
		t.Errorf("thumbprint %s, %v", thumbprint, err)
	}
	if _, err := oidc.Keys(t.Context(), server.URL, []string{strings.ToUpper(thumbprint)}); err != nil {
		t.Error(err)
	}
	// The name has to be right as well.
	other := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	if _, err := oidc.Keys(t.Context(), other, []string{thumbprint}); !errors.Is(err, oidc.ErrRefused) {
		t.Errorf("with another name: %v", err)
	}
}

func TestKeys_RefuseWhatIsNotAnIssuersAnswer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(issuer string) (document, keys string)
		want   error
	}{
		"another issuer": {func(issuer string) (string, string) { return good(issuer + "/x") }, oidc.ErrAnswer},
		"no JSON":        {func(string) (string, string) { return "<html>", "" }, oidc.ErrAnswer},
		"too large": {func(issuer string) (string, string) {
			d, _ := good(issuer)
			return d, strings.Repeat(" ", 300<<10)
		}, oidc.ErrAnswer},
		"keys elsewhere by HTTP": {func(issuer string) (string, string) {
			return fmt.Sprintf(`{"issuer":%q,"jwks_uri":"http://example.com/keys"}`, issuer), ""
		}, oidc.ErrRefused},
		"keys in a file": {func(issuer string) (string, string) {
			return fmt.Sprintf(`{"issuer":%q,"jwks_uri":"file:///etc/passwd"}`, issuer), ""
		}, oidc.ErrRefused},
		"redirect to metadata": {func(issuer string) (string, string) {
			return fmt.Sprintf(`{"issuer":%q,"jwks_uri":"%s/away"}`, issuer, issuer), ""
		}, oidc.ErrRefused},
		"endless redirects": {func(issuer string) (string, string) {
			return fmt.Sprintf(`{"issuer":%q,"jwks_uri":"%s/loop"}`, issuer, issuer), ""
		}, oidc.ErrRefused},
	} {
		if _, err := oidc.Keys(t.Context(), provider(t, false, test.change).URL, nil); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeys_AreNotFetchedFromEverywhere(t *testing.T) {
	t.Parallel()
	for _, issuer := range []string{
		"http://169.254.169.254", "https://169.254.169.254", "https://[fe80::1]", "https://[fd00:ec2::254]", "https://0.0.0.0", "https://[::ffff:169.254.169.254]",
		"http://example.com", "ftp://localhost", "https://", "https://u@localhost", "https://localhost/?a=b", "https://localhost/#a", "localhost", "https://100.100.100.200",
		"https://[64:ff9b::a9fe:a9fe]", "https://[64:ff9b:1::169.254.169.254]", "https://[2002:a9fe:a9fe::1]", "https://[::169.254.169.254]",
	} {
		if _, err := oidc.Keys(t.Context(), issuer, nil); !errors.Is(err, oidc.ErrRefused) {
			t.Errorf("%s: %v", issuer, err)
		}
	}
	closed := provider(t, false, good)
	closed.Close()
	if _, err := oidc.Keys(t.Context(), closed.URL, nil); !errors.Is(err, oidc.ErrUnreachable) {
		t.Errorf("a server that is not there: %v", err)
	}
}

func TestKeys_OfHTTPSStayWithIt(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string]func(issuer string) string{
		"in the document": func(issuer string) string { return strings.Replace(issuer, "https", "http", 1) + "/keys" },
		"by a redirect":   func(issuer string) string { return issuer + "/downgrade" },
	} {
		server := provider(t, true, func(issuer string) (string, string) {
			return fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, issuer, keys(issuer)), `{"keys":[]}`
		})
		if _, err := oidc.Keys(t.Context(), server.URL, []string{oidc.Thumbprint(server.Certificate())}); !errors.Is(err, oidc.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
