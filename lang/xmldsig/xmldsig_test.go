package xmldsig_test

import (
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"drydock/lang/xmldsig"
)

func parse(t testing.TB, text string) *xmldsig.Element {
	t.Helper()
	e, err := xmldsig.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// The vectors are made by another implementation: ../saml/testdata/vectors.py.
func TestCanonical_IsThatOfAnotherImplementation(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/canonical.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Document, Child, Canonical string
		Inclusive                  []string
	}
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors) < 20 {
		t.Fatal(len(vectors), err)
	}
	for _, v := range vectors {
		e := parse(t, v.Document)
		if v.Child != "" {
			n, err := strconv.Atoi(v.Child)
			if err != nil {
				t.Fatal(err)
			}
			// The generator counts comments, too.
			if strings.Contains(v.Document[:strings.Index(v.Document, "<z")+1], "<!--") && n > 1 {
				n--
			}
			var elements []*xmldsig.Element
			for _, c := range e.Children {
				if c.Element != nil {
					elements = append(elements, c.Element)
				}
			}
			e = elements[n]
		}
		if got := string(xmldsig.Canonical(e, nil, v.Inclusive)); got != v.Canonical {
			t.Errorf("%s child %q inclusive %v\n got %s\nwant %s", v.Document, v.Child, v.Inclusive, got, v.Canonical)
		}
	}
}

func TestParse_RefusesWhatCanBeReadInTwoWays(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "<a>", "<a></b>", "<a/><b/>", "text<a/>", "<a/>text", `<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`, "<a>&x;</a>", "<?php x?><a/>", "<a><?php x?></a>",
		"<x:a/>", `<a x:b="1"/>`, `<a b="1" b="2"/>`, `<a xmlns:x="u" xmlns:y="u" x:b="1" y:b="2"/>`, `<a xmlns:x="u" xmlns:x="v"/>`, `<a xmlns:x=""/>`,
		`<a xmlns:xml="u"/>`, `<a xmlns:xmlns="u"/>`, `<a ID="1"><b ID="1"/></a>`, `<a ID="1"><b Id="1"/></a>`, strings.Repeat("<a>", 200) + strings.Repeat("</a>", 200),
		"<a" + strings.Repeat(` b="1"`, 201) + "/>", "<a xmlns:x='u'><x:b></b></a>", "<a>\x00</a>", "<a b=1/>",
	} {
		if e, err := xmldsig.Parse([]byte(text)); !errors.Is(err, xmldsig.ErrMalformed) {
			t.Errorf("%.60q: %+v, %v", text, e, err)
		}
	}
}

func TestElement_ReadsTextAroundComments(t *testing.T) {
	t.Parallel()
	e := parse(t, `<?xml version="1.0"?><!-- c --><a xmlns:x="u"> admin<!-- x -->@example.com<x:b c="1" x:c="2"/> </a>`)
	b := e.Child("u", "b")
	if e.Text() != "admin@example.com" || b == nil || b.Attr("c") != "1" || b.Attr("d") != "" || len(e.Find("u", "b")) != 1 || e.Child("", "b") != nil {
		t.Errorf("element %+v", e)
	}
	var none *xmldsig.Element
	if none.Child("", "x").Text() != "" || none.Attr("x") != "" {
		t.Error("nothing has something")
	}
}

func TestVerify_DoesNotWorkForPrefixesWithoutEnd(t *testing.T) {
	t.Parallel()
	var prefixes strings.Builder
	for n := range 10_000 {
		prefixes.WriteString(strconv.FormatInt(int64(n), 36) + "p ")
	}
	const c14n = `Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"`
	method := `<CanonicalizationMethod ` + c14n + `><InclusiveNamespaces xmlns="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="` + prefixes.String() + `"/></CanonicalizationMethod>`
	transform := strings.NewReplacer("CanonicalizationMethod", "Transform").Replace(method)
	for name, list := range map[string][2]string{"of the reference": {`<CanonicalizationMethod ` + c14n + `/>`, transform}, "of the signature": {method, `<Transform ` + c14n + `/>`}} {
		e := parse(t, `<a ID="x"><Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo>`+list[0]+
			`<Reference URI="#x"><Transforms><Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>`+list[1]+`</Transforms>`+
			`<DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><DigestValue>AAAA</DigestValue></Reference></SignedInfo></Signature>`+
			strings.Repeat("<b/>", 10)+`</a>`)
		if err := xmldsig.Verify(e, nil); err == nil || name == "of the reference" && !strings.Contains(err.Error(), "inclusive prefixes") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`<a xmlns="u" xmlns:x="v" x:b="&amp;">t<!-- c --><x:c/></a>`))
	f.Add([]byte(`<r xmlns:a="urn:1"><a:x ID="1">&#13;</a:x></r>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := xmldsig.Parse(text)
		if err != nil {
			return
		}
		// The canonical form is a document of the same canonical form.
		form := xmldsig.Canonical(e, nil, nil)
		again, err := xmldsig.Parse(form)
		if err != nil {
			t.Fatalf("%q of %q: %v", form, text, err)
		}
		if twice := xmldsig.Canonical(again, nil, nil); string(twice) != string(form) {
			t.Errorf("%q becomes %q", form, twice)
		}
		_ = xmldsig.Verify(e, nil)
		_, _ = xmldsig.Decrypt(e, nil)
	})
}
