package sensitivedata_test

import (
	"strings"
	"testing"

	"drydock/lang/sensitivedata"
)

func TestManaged_FindsItsData(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("wJalrXUtnFEMI/K7MDENG", 2)[:40]
	for _, tc := range []struct{ name, text, want string }{
		{"EmailAddress", "mail jane.doe+x@example.co.uk now", "mail ************************ now"},
		{"EmailAddress", "no@host and @x.com", "no@host and @x.com"},
		{"IpAddress", "from 192.0.2.17:443 at 12:30:45", "from 192.0.2.17:443 at 12:30:45"},
		{"IpAddress", "from 192.0.2.17 to 2001:db8::1 version 1.2.3", "from ********** to *********** version 1.2.3"},
		{"CreditCardNumber", "card 4111 1111 1111 1111, 4111111111111112, 378282246310005", "card *******************, 4111111111111112, ***************"},
		{"AwsSecretKey", "aws_secret_access_key=" + secret, "aws_secret_access_key=" + strings.Repeat("*", 40)},
		{"AwsSecretKey", "sha " + secret, "sha " + secret},
		{"Ssn-US", "ssn 123-45-6789, not 000-45-6789 nor 123456789", "ssn ***********, not 000-45-6789 nor 123456789"},
		{"PhoneNumber-US", "call +1 425-555-0100 or (206) 555-0199, id 4255550100", "call *************** or **************, id 4255550100"},
		{"OpenSshPrivateKey", "-----BEGIN OPENSSH PRIVATE KEY-----\nab\n-----END OPENSSH PRIVATE KEY-----", strings.Repeat("*", 72)},
	} {
		d := sensitivedata.Managed(tc.name)
		if got := sensitivedata.Mask(tc.text, d.Find(tc.text)); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestKnown_TellsNamesOfAWSFromOthers(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"EmailAddress": true, "Ssn-ES": true, "Name": true, "PassportNumber-FR": true, "Ssn": false, "Shoe": false} {
		if sensitivedata.Known(name) != want {
			t.Errorf("%s known: %t", name, !want)
		}
	}
	if sensitivedata.Managed("Name") != nil {
		t.Error("an identifier that is not here")
	}
}

func TestCustom_FindsAndMasksCharacters(t *testing.T) {
	t.Parallel()
	d, err := sensitivedata.NewCustom("EmployeeId", `EmployeeId-(\d)+é?`)
	if err != nil {
		t.Fatal(err)
	}
	text := "é EmployeeId-12é EmployeeId-x"
	if got := sensitivedata.Mask(text, d.Find(text)); got != "é ************** EmployeeId-x" {
		t.Errorf("masked %q", got)
	}
	if got := sensitivedata.Mask("abcdef", []sensitivedata.Span{{3, 5}, {1, 4}}); got != "a****f" {
		t.Errorf("overlapping spans %q", got)
	}
	if _, err := sensitivedata.NewCustom("x", "("); err == nil {
		t.Error("a broken expression was taken")
	}
}

func FuzzFind(f *testing.F) {
	f.Add("mail a@b.cc card 4111 1111 1111 1111")
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"EmailAddress", "IpAddress", "CreditCardNumber", "Ssn-US", "PhoneNumber-US", "AwsSecretKey"} {
			for _, s := range sensitivedata.Managed(name).Find(text) {
				if s.Start < 0 || s.Start >= s.End || s.End > len(text) {
					t.Fatalf("%s: %v in %q", name, s, text)
				}
			}
			sensitivedata.Mask(text, sensitivedata.Managed(name).Find(text))
		}
	})
}
