package sensitivedata

import (
	"net/netip"
	"regexp"
	"strings"
)

func words(list string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(?:` + strings.ReplaceAll(regexp.QuoteMeta(list), `\|`, "|") + `)\b`)
}

// managed are the managed identifiers that are here.
var managed = map[string]*Identifier{}

func init() { //nolint:gochecknoinits // a table by names that stand in its values
	for _, d := range []*Identifier{
		{Name: "EmailAddress", data: regexp.MustCompile(`[A-Za-z0-9._%+\-]+@[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,}`)},
		{Name: "IpAddress", data: regexp.MustCompile(`[0-9A-Fa-f:.]*[.:][0-9A-Fa-f:.]+`), valid: isAddress},
		{Name: "CreditCardNumber", data: regexp.MustCompile(`\b[2-6][0-9](?:[ \-]?[0-9]){11,17}\b`), valid: isCard},
		{
			Name: "AwsSecretKey", data: regexp.MustCompile(`(?:^|[^A-Za-z0-9/+])([A-Za-z0-9/+]{40})(?:$|[^A-Za-z0-9/+=])`),
			keywords: words("aws_secret_access_key|credentials|secret access key|secret_access_key|secretaccesskey|secret key|secret_key|set-awscredential"),
		},
		{Name: "Ssn-US", data: regexp.MustCompile(`\b[0-9]{3}[ \-][0-9]{2}[ \-][0-9]{4}\b`), valid: isSSN},
		{Name: "PhoneNumber-US", data: regexp.MustCompile(`(?:^|[^0-9A-Za-z.])((?:\+?1[ .\-]?)?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .\-])[2-9][0-9]{2}[ .\-][0-9]{4}|\+1[2-9][0-9]{9})\b`)},
		{Name: "OpenSshPrivateKey", data: key("OPENSSH PRIVATE KEY")},
		{Name: "PkcsPrivateKey", data: key("(?:RSA |EC |DSA |ENCRYPTED )?PRIVATE KEY")},
		{Name: "PgpPrivateKey", data: key("PGP PRIVATE KEY BLOCK")},
		{Name: "PuttyPrivateKey", data: regexp.MustCompile(`PuTTY-User-Key-File-[0-9]+: [\s\S]*?Private-MAC: [0-9a-f]+`)},
	} {
		managed[d.Name] = d
	}
}

func key(kind string) *regexp.Regexp {
	return regexp.MustCompile(`-----BEGIN ` + kind + `-----[\s\S]*?-----END ` + kind + `-----`)
}

// others are the names of managed identifiers that are not here, othersOfCountries those that are followed by the code of
// a country.
var (
	others = []string{"Address", "Name", "LatLong", "VehicleIdentificationNumber", "CreditCardExpiration", "CreditCardSecurityCode"}

	othersOfCountries = []string{
		"BankAccountNumber", "CepCode", "Cnpj", "CpfCode", "DriversLicense", "DrugEnforcementAgencyNumber", "ElectoralRollNumber",
		"HealthInsuranceCardNumber", "HealthInsuranceClaimNumber", "HealthInsuranceNumber", "HealthcareProcedureCode",
		"IndividualTaxIdentificationNumber", "InseeCode", "MedicareBeneficiaryNumber", "NationalDrugCode", "NationalIdentificationNumber",
		"NationalInsuranceNumber", "NationalProviderId", "NhsNumber", "NieNumber", "NifNumber", "PassportNumber", "PermanentResidenceNumber",
		"PersonalHealthNumber", "PhoneNumber", "PostalCode", "RgNumber", "SocialInsuranceNumber", "Ssn", "TaxId", "ZipCode",
	}
)

// isAddress takes IPv4 and IPv6 addresses. The expression lets more pass, such as versions and times of day.
func isAddress(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && (a.Is4() || strings.Count(s, ":") >= 2)
}

// isCard takes numbers with the prefix of a network, of its length, whose check digit is right.
func isCard(s string) bool {
	digits := make([]byte, 0, 19)
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			digits = append(digits, s[i]-'0')
		}
	}
	n := len(digits)
	two := int(digits[0])*10 + int(digits[1])
	switch {
	case digits[0] == 4 && (n == 13 || n == 16 || n == 19): // Visa
	case (two == 34 || two == 37) && n == 15: // American Express
	case (two >= 51 && two <= 55 || two >= 22 && two <= 27) && n == 16: // Mastercard
	case (two == 30 || two == 36 || two == 38 || two == 39) && n >= 14 && n <= 19: // Diners Club
	case two == 35 && n >= 16: // JCB
	case digits[0] == 6 && n >= 16: // Discover, UnionPay, Maestro
	default:
		return false
	}
	sum := 0
	for i := range n {
		d := int(digits[n-1-i])
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// isSSN takes numbers that may be given out: no part is all zeros, and the first is neither 666 nor 900 and more. What
// has no separators is left alone: too much else has nine digits.
func isSSN(s string) bool {
	if len(s) != len("123-45-6789") || s[3] != s[6] {
		return false
	}
	area := s[:3]
	return area != "000" && area != "666" && area[0] != '9' && s[4:6] != "00" && s[7:] != "0000"
}
