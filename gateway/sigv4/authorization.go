package sigv4

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxAuthorization bounds what is read of an Authorization header or of one presigned parameter.
const maxAuthorization = 16 << 10

// Scope is what a credential is limited to.
type Scope struct {
	Date    string // YYYYMMDD
	Region  string // empty for SigV4a
	Service string // the signing name, such as "s3"
}

// authorization is what a client says about its signature, in either place it can say it.
type authorization struct {
	algorithm   string
	accessKeyID string
	scope       Scope
	terminator  string
	credential  string // as sent
	signedList  string
	signature   string
	date        string // the time of signing as sent, "" when absent
	token       string
	expires     time.Duration // presigned only
	hasExpires  bool
	presigned   bool
}

// scopeText is the credential scope as it stands in the string to sign.
func (a *authorization) scopeText() string {
	return a.credential[len(a.accessKeyID)+1:]
}

// mechanism tells how a request is signed, if at all.
type mechanism int

const (
	anonymous mechanism = iota
	byHeader
	byQuery
	byVersion2
	byBoth
)

func mechanismOf(r *http.Request) mechanism {
	raw := r.URL.RawQuery
	query, version2 := false, false
	if strings.Contains(raw, "X-Amz-") {
		query = hasParameter(raw, "X-Amz-Algorithm") || hasParameter(raw, "X-Amz-Credential") || hasParameter(raw, "X-Amz-Signature")
	}
	if strings.Contains(raw, "AWSAccessKeyId=") {
		version2 = hasParameter(raw, "AWSAccessKeyId") && hasParameter(raw, "Signature")
	}
	header := r.Header.Get("Authorization")
	switch {
	case header != "" && (query || version2):
		return byBoth
	case version2 || strings.HasPrefix(header, "AWS "):
		return byVersion2
	case header != "":
		return byHeader
	case query:
		return byQuery
	default:
		return anonymous
	}
}

func hasParameter(raw, name string) bool {
	for raw != "" {
		var part string
		part, raw, _ = strings.Cut(raw, "&")
		if rest, ok := strings.CutPrefix(part, name); ok && (rest == "" || rest[0] == '=') {
			return true
		}
	}
	return false
}

// PeekScope returns the access key id and credential scope a request names, for choosing whom it is for before it is
// verified. Nothing about them is verified. It reports false for a request without a readable credential.
func PeekScope(r *http.Request) (accessKeyID string, scope Scope, ok bool) {
	var credential string
	algorithm := AlgorithmHMAC
	switch mechanismOf(r) {
	case byHeader:
		header := r.Header.Get("Authorization")
		if strings.HasPrefix(header, AlgorithmECDSA) {
			algorithm = AlgorithmECDSA
		}
		_, rest, found := strings.Cut(header, "Credential=")
		if !found || len(header) > maxAuthorization {
			return "", Scope{}, false
		}
		credential = strings.TrimSpace(rest[:endOf(rest)])
	case byQuery:
		query := r.URL.Query()
		credential = query.Get("X-Amz-Credential")
		if query.Get("X-Amz-Algorithm") == AlgorithmECDSA {
			algorithm = AlgorithmECDSA
		}
	default:
		return "", Scope{}, false
	}
	a := authorization{algorithm: algorithm, credential: credential}
	if !a.splitCredential() {
		return "", Scope{}, false
	}
	return a.accessKeyID, a.scope, true
}

func endOf(s string) int {
	if i := strings.IndexAny(s, ", "); i >= 0 {
		return i
	}
	return len(s)
}

// splitCredential takes the credential apart: key/date/region/service/aws4_request, without region for SigV4a.
func (a *authorization) splitCredential() bool {
	rest := a.credential
	next := func() (part string) {
		part, rest, _ = strings.Cut(rest, "/")
		return part
	}
	slashes := strings.Count(rest, "/")
	a.accessKeyID, a.scope.Date = next(), next()
	if a.algorithm == AlgorithmECDSA {
		if slashes != 3 {
			return false
		}
	} else {
		if slashes != 4 {
			return false
		}
		a.scope.Region = next()
	}
	a.scope.Service, a.terminator = next(), rest
	return a.accessKeyID != ""
}

// parseHeader reads an Authorization header. It accepts any white space around its commas, or none.
func parseHeader(header string, dated bool) (authorization, *Error) {
	var a authorization
	if len(header) > maxAuthorization {
		return a, refuse(MalformedHeader, "The authorization header is malformed; it is too long.")
	}
	algorithm, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	a.algorithm = algorithm
	if algorithm != AlgorithmHMAC && algorithm != AlgorithmECDSA {
		e := refuse(UnsupportedScheme, "Unsupported Authorization Type").with("ArgumentName", "Authorization").with("ArgumentValue", header)
		if strings.HasPrefix(algorithm, "AWS") {
			return a, e.orElse("Unsupported AWS 'algorithm': '%s'.", algorithm)
		}
		if bad, found := withoutEqual(rest); found {
			return a, e.orElse("'%s' not a valid key=value pair (missing equal-sign) in Authorization header: '%s'.", bad, header)
		}
		return a, e.orElse("%s", missingParts(&a, dated))
	}
	if bad, found := withoutEqual(rest); found {
		return a, refuse(MalformedHeader, "The authorization header is malformed; the authorization component \"%s\" is malformed.", bad).
			orElse("'%s' not a valid key=value pair (missing equal-sign) in Authorization header: '%s'.", bad, header)
	}
	for rest != "" {
		var part string
		part, rest, _ = strings.Cut(rest, ",")
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			a.credential = value
		case "SignedHeaders":
			a.signedList = value
		case "Signature":
			a.signature = value
		}
	}
	for _, p := range [...]struct{ name, value string }{
		{"Credential", a.credential}, {"SignedHeaders", a.signedList}, {"Signature", a.signature},
	} {
		if p.value == "" {
			return a, refuse(MalformedHeader, "The authorization header is malformed; missing %s.", p.name).orElse("%s", missingParts(&a, dated))
		}
	}
	if !a.splitCredential() {
		return a, refuse(MalformedHeader, "The authorization header is malformed; the Credential is mal-formed; expecting \"%s\".", expectedCredential(a.algorithm)).
			orElse("%s", wrongParts(&a))
	}
	return a, nil
}

func expectedCredential(algorithm string) string {
	if algorithm == AlgorithmECDSA {
		return "<YOUR-AKID>/YYYYMMDD/SERVICE/aws4_request"
	}
	return "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request"
}

func wrongParts(a *authorization) string {
	if a.algorithm == AlgorithmECDSA {
		return "Credential must have exactly 4 slash-delimited elements, e.g. keyid/date/service/term, got '" + a.credential + "'"
	}
	return "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '" + a.credential + "'"
}

// withoutEqual finds a component that is no key=value pair.
func withoutEqual(list string) (string, bool) {
	for list != "" {
		var part string
		part, list, _ = strings.Cut(list, ",")
		if part = strings.TrimSpace(part); part != "" && !strings.Contains(part, "=") {
			return part, true
		}
	}
	return "", false
}

// missingParts is the sentence about everything an Authorization header lacks.
func missingParts(a *authorization, dated bool) string {
	var b strings.Builder
	for _, p := range [...]struct {
		name    string
		present bool
	}{{"Credential", a.credential != ""}, {"Signature", a.signature != ""}, {"SignedHeaders", a.signedList != ""}} {
		if !p.present {
			b.WriteString("Authorization header requires '" + p.name + "' parameter. ")
		}
	}
	if !dated {
		b.WriteString("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ")
	}
	return b.String() + "Authorization=" + a.algorithm
}

// maxExpires is how long a presigned URL may be valid: a week.
const maxExpires = 604800

// parseQuery reads the parameters of a presigned URL. Services other than S3 do without an expiry.
func parseQuery(query url.Values, s3 bool) (authorization, *Error) {
	get := func(name string) string {
		if value := query.Get(name); len(value) <= maxAuthorization {
			return value
		}
		return ""
	}
	a := authorization{
		presigned: true, algorithm: get("X-Amz-Algorithm"), credential: get("X-Amz-Credential"), date: get("X-Amz-Date"),
		signedList: get("X-Amz-SignedHeaders"), signature: get("X-Amz-Signature"), token: get("X-Amz-Security-Token"),
	}
	expires := get("X-Amz-Expires")
	a.hasExpires = query.Has("X-Amz-Expires")
	var missing strings.Builder
	for _, p := range [...]struct{ name, value string }{
		{"Algorithm", a.algorithm}, {"Credential", a.credential}, {"Signature", a.signature}, {"SignedHeaders", a.signedList}, {"Date", a.date},
	} {
		if p.value == "" {
			missing.WriteString("AWS query-string parameters must include 'X-Amz-" + p.name + "'. ")
		}
	}
	if missing.Len() > 0 || s3 && !a.hasExpires {
		return a, refuse(MalformedQuery, "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.").
			orElse("%sRe-examine the query-string parameters.", missing.String())
	}
	if a.algorithm != AlgorithmHMAC && a.algorithm != AlgorithmECDSA {
		return a, refuse(MalformedQuery, `X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"`).
			orElse("Unsupported AWS 'algorithm': '%s'.", a.algorithm)
	}
	if !a.splitCredential() {
		return a, refuse(MalformedQuery, "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting \"%s\".", expectedCredential(a.algorithm)).
			orElse("%s", wrongParts(&a))
	}
	if a.hasExpires {
		seconds, err := strconv.ParseInt(expires, 10, 64)
		switch {
		case err != nil:
			return a, refuse(MalformedQuery, "X-Amz-Expires should be a number")
		case seconds < 0:
			return a, refuse(MalformedQuery, "X-Amz-Expires must be non-negative")
		case seconds > maxExpires:
			return a, refuse(MalformedQuery, "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds")
		}
		a.expires = time.Duration(seconds) * time.Second
	}
	return a, nil
}

// parseTime reads the time of signing. Only X-Amz-Date must be in AWS's own format; a Date header may be any HTTP date.
func parseTime(amzDate, httpDate string) (time.Time, bool) {
	if amzDate != "" {
		at, err := time.Parse(isoBasic, amzDate)
		return at, err == nil
	}
	if at, err := http.ParseTime(httpDate); err == nil {
		return at.UTC(), true
	}
	for _, layout := range [...]string{isoBasic, time.RFC1123Z, time.RFC3339} {
		if at, err := time.Parse(layout, httpDate); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

// checkScope compares the credential scope with the time of signing and with what the request is for.
func (a *authorization) checkScope(at time.Time, amzDate string, want Want, regionSet []string) *Error {
	prefix, day := "The authorization header is malformed; ", at.Format("20060102")
	if a.presigned {
		prefix = "Error parsing the X-Amz-Credential parameter; "
	}
	var s3 string
	var other []string
	complain := func(forS3, forOthers string) {
		if s3 == "" {
			s3 = forS3
		}
		other = append(other, forOthers)
	}
	region := ""
	if want.Region != "" {
		if a.algorithm == AlgorithmECDSA {
			if !regionInSet(want.Region, regionSet) {
				complain("the region set '"+strings.Join(regionSet, ",")+"' does not include \""+want.Region+"\"",
					"Credential should be scoped to a valid region, not '"+strings.Join(regionSet, ",")+"'. ")
			}
		} else if a.scope.Region != want.Region {
			region = want.Region
			complain("the region \""+a.scope.Region+"\" is wrong; expecting \""+want.Region+"\"",
				"Credential should be scoped to a valid region, not '"+a.scope.Region+"'. ")
		}
	}
	if want.Service != "" && a.scope.Service != want.Service {
		complain("incorrect service \""+a.scope.Service+"\". This endpoint belongs to \""+want.Service+"\".",
			"Credential should be scoped to correct service: '"+want.Service+"'. ")
	}
	if a.terminator != terminator {
		complain("incorrect terminal \""+a.terminator+"\". This endpoint uses \"aws4_request\".",
			"Credential should be scoped with a valid terminator: 'aws4_request', not '"+a.terminator+"'. ")
	}
	if a.scope.Date != day {
		text := "Invalid credential date. Date is not the same as X-Amz-Date."
		if a.presigned {
			if s3 == "" {
				prefix = ""
			}
			text = "Invalid credential date \"" + a.scope.Date + "\". This date is not the same as X-Amz-Date: \"" + day + "\"."
		}
		if _, err := time.Parse("20060102", a.scope.Date); err != nil {
			text = "incorrect date format \"" + a.scope.Date + "\". This date in the credential must be in the format \"yyyyMMdd\"."
		}
		complain(text, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '"+
			a.scope.Date+"' != '"+day+"', from '"+amzDate+"'. ")
	}
	if s3 == "" {
		return nil
	}
	e := refuse(WrongScope, "%s", prefix+s3).orElse("%s", strings.TrimSpace(strings.Join(other, "")))
	e.AccessKeyID = a.accessKeyID
	if region != "" {
		e = e.with("Region", region)
	}
	if a.presigned {
		e = e.with("query", true)
	}
	return e
}

// regionInSet matches a region with the patterns of a SigV4a region set, where '*' stands for anything.
func regionInSet(region string, set []string) bool {
	for _, pattern := range set {
		head, tail, star := strings.Cut(strings.TrimSpace(pattern), "*")
		if !star && head == region ||
			star && len(region) >= len(head)+len(tail) && strings.HasPrefix(region, head) && strings.HasSuffix(region, tail) {
			return true
		}
	}
	return false
}
