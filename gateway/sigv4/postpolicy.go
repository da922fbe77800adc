package sigv4

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"
)

// maxPolicy bounds an upload policy in its encoded form.
const maxPolicy = 64 << 10

// PostPolicy is the policy of an upload form: what the signer allows its holder to upload. It follows "POST Policy" of
// the Amazon S3 API reference.
type PostPolicy struct {
	Expiration time.Time
	Conditions []PostCondition
	// MinLength and MaxLength are the content-length-range in bytes; MaxLength is -1 without one.
	MinLength, MaxLength int64
}

// PostCondition is what a policy demands of one field of the form.
type PostCondition struct {
	// Operator is "eq" or "starts-with".
	Operator string
	// Field is the field's name in lower case, without the dollar sign.
	Field string
	Value string
	text  string // for messages
}

// VerifyPostPolicy checks the signature and the expiry of an upload form. form holds its fields by name in lower case.
// The caller then asks the policy whether it allows what the form wants. A form without a policy field is anonymous.
func (v *Verifier) VerifyPostPolicy(ctx context.Context, form map[string]string, want Want) (Result, *PostPolicy, error) {
	encoded, found := form["policy"]
	if !found {
		return Result{DecodedLength: -1}, nil, nil
	}
	if form["x-amz-signature"] == "" && form["signature"] != "" {
		return v.verifyVersion2Policy(ctx, form)
	}
	for _, name := range [...]string{"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"} {
		if form[name] == "" {
			return Result{}, nil, badField(name, "", "Bucket POST must contain a field named '"+name+"'.  If it is specified, please check the order of the fields.")
		}
	}
	a := authorization{
		algorithm: form["x-amz-algorithm"], credential: form["x-amz-credential"], date: form["x-amz-date"],
		signature: form["x-amz-signature"], token: form["x-amz-security-token"],
	}
	if a.algorithm != AlgorithmHMAC && a.algorithm != AlgorithmECDSA {
		return Result{}, nil, badField("x-amz-algorithm", a.algorithm, "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\"")
	}
	if !a.splitCredential() {
		return Result{}, nil, badField("x-amz-credential", a.credential, "the Credential is mal-formed; expecting \""+expectedCredential(a.algorithm)+"\".")
	}
	at, ok := parseTime(a.date, "")
	if !ok {
		return Result{}, nil, badField("x-amz-date", a.date, `X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`)
	}
	regionSet := strings.Split(form["x-amz-region-set"], ",")
	if refusal := a.checkScope(at, a.date, want, regionSet); refusal != nil {
		text := strings.TrimPrefix(refusal.s3, "The authorization header is malformed; ")
		return Result{}, nil, badField("x-amz-credential", a.credential, text)
	}
	key, err := v.find(ctx, &a)
	if err != nil {
		return Result{}, nil, err
	}
	if !key.Trusted {
		if err := v.checkPolicySignature(&a, &key, encoded); err != nil {
			return Result{}, nil, err
		}
	}
	policy, err := ParsePostPolicy(encoded)
	if err != nil {
		return Result{}, nil, err
	}
	if v.wall().After(policy.Expiration) {
		return Result{}, nil, refuse(PolicyDenied, "Invalid according to Policy: Policy expired.")
	}
	result := Result{
		AccessKeyID: a.accessKeyID, Algorithm: a.algorithm, Scope: a.scope, FormSigned: true, SignedAt: at, Expires: policy.Expiration,
		Payload: PayloadUnsigned, DecodedLength: -1, Signature: a.signature, SessionToken: a.token, Trusted: key.Trusted, Principal: key.Principal,
	}
	if a.algorithm == AlgorithmECDSA {
		result.RegionSet = regionSet
	}
	return result, policy, nil
}

// checkPolicySignature checks the signature, whose string to sign is the encoded policy itself.
func (v *Verifier) checkPolicySignature(a *authorization, key *Key, encoded string) error {
	matches := false
	if a.algorithm == AlgorithmECDSA {
		private, err := v.keys.ecdsa(a.accessKeyID, key.Secret)
		if err != nil {
			return err
		}
		sum := sha256.Sum256([]byte(encoded))
		if der, err := hex.DecodeString(a.signature); err == nil {
			matches = ecdsa.VerifyASN1(&private.PublicKey, sum[:], der)
		}
	} else {
		signing := v.keys.signing(a.accessKeyID, key.Secret, a.scope.Date, a.scope.Region, a.scope.Service)
		var sum, given [sha256.Size]byte
		signing.sum(&sum, []byte(encoded))
		matches = decodeSignature(&given, a.signature) && subtle.ConstantTimeCompare(sum[:], given[:]) == 1
	}
	if !matches {
		return mismatch(a.accessKeyID, a.signature, encoded, "")
	}
	return nil
}

func badField(name, value, text string) *Error {
	return refuse(InvalidForm, "%s", text).with("ArgumentName", name).with("ArgumentValue", value)
}

func badPolicy(format string, args ...any) *Error {
	return refuse(InvalidPolicy, "Invalid Policy: "+format, args...)
}

// ParsePostPolicy reads a policy in Base64.
func ParsePostPolicy(encoded string) (*PostPolicy, error) {
	if len(encoded) > maxPolicy {
		return nil, badPolicy("the policy is longer than %d bytes.", maxPolicy)
	}
	// Forms may break the field into lines; the decoder ignores line ends.
	text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return nil, badPolicy("invalid Base64 encoding.")
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, badPolicy("Expecting '{' but found End-of-Input")
	}
	var document map[string]json.RawMessage
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, badPolicy("Invalid JSON.")
	}
	policy := &PostPolicy{MaxLength: -1}
	for name := range document {
		if name != "expiration" && name != "conditions" {
			return nil, badPolicy("Unexpected: %q", name)
		}
	}
	rawExpiration, found := document["expiration"]
	if !found {
		return nil, badPolicy("Policy missing expiration.")
	}
	var expiration string
	if err := json.Unmarshal(rawExpiration, &expiration); err != nil {
		return nil, badPolicy("Invalid 'expiration' value: '%s'", rawExpiration)
	}
	if policy.Expiration, err = time.Parse("2006-01-02T15:04:05.999999999Z", expiration); err != nil {
		return nil, badPolicy("Invalid 'expiration' value: '%s'", expiration)
	}
	rawConditions, found := document["conditions"]
	if !found {
		return nil, badPolicy("Policy missing conditions.")
	}
	var conditions []json.RawMessage
	if err := json.Unmarshal(rawConditions, &conditions); err != nil {
		return nil, badPolicy("Invalid 'conditions' value: must be a List.")
	}
	for _, raw := range conditions {
		if refusal := policy.addCondition(raw); refusal != nil {
			return nil, refusal
		}
	}
	return policy, nil
}

func (p *PostPolicy) addCondition(raw json.RawMessage) *Error {
	switch raw[0] {
	case '{':
		name, value, refusal := simpleCondition(raw)
		if refusal != nil {
			return refusal
		}
		p.add("eq", name, value)
		return nil
	case '[':
	default:
		return badPolicy("Invalid condition test: must be a List or Object.")
	}
	var parts []json.RawMessage
	var operator string
	if json.Unmarshal(raw, &parts) != nil || len(parts) == 0 || json.Unmarshal(parts[0], &operator) != nil {
		return badPolicy("Invalid Condition: missing operation identifier.")
	}
	switch operator = strings.ToLower(operator); operator {
	case "eq", "starts-with":
		var field, value string
		if len(parts) != 3 {
			return badPolicy("Invalid %s: wrong number of arguments.", operator)
		}
		if json.Unmarshal(parts[1], &field) != nil || json.Unmarshal(parts[2], &value) != nil || !strings.HasPrefix(field, "$") {
			return badPolicy("Invalid %s: arguments must be a $field and a string.", operator)
		}
		p.add(operator, field[1:], value)
	case "content-length-range":
		if len(parts) != 3 {
			return badPolicy("Invalid %s: wrong number of arguments.", operator)
		}
		var low, high json.Number // as a number or in quotes
		if json.Unmarshal(parts[1], &low) != nil || json.Unmarshal(parts[2], &high) != nil {
			return badPolicy("Invalid %s: arguments must be numbers.", operator)
		}
		least, errLow := low.Int64()
		most, errHigh := high.Int64()
		if errLow != nil || errHigh != nil || least < 0 || most < least {
			return badPolicy("Invalid %s: arguments must be numbers.", operator)
		}
		p.MinLength, p.MaxLength = least, most
	default:
		return badPolicy("Invalid Condition: unknown operation '%s'.", operator)
	}
	return nil
}

// simpleCondition reads {"field": "value"}. It reads tokens, since a map would hide a name given twice.
func simpleCondition(raw json.RawMessage) (name, value string, refusal *Error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	one := badPolicy("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
	var tokens []json.Token
	for len(tokens) < 5 {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", "", badPolicy("Invalid JSON.")
		}
		tokens = append(tokens, token)
	}
	if len(tokens) < 4 {
		return "", "", one
	}
	name, _ = tokens[1].(string)
	value, ok := tokens[2].(string)
	switch {
	case !ok:
		return "", "", badPolicy("Invalid Simple-Condition: value must be a string.")
	case tokens[3] != json.Delim('}'):
		return "", "", one
	}
	return name, value, nil
}

func (p *PostPolicy) add(operator, field, value string) {
	text, _ := json.Marshal([]string{operator, "$" + field, value}) // strings always marshal
	p.Conditions = append(p.Conditions, PostCondition{operator, strings.ToLower(field), value, strings.ReplaceAll(string(text), `","`, `", "`)})
}

// Check tells whether the policy allows a form with these fields, by name in lower case. The caller adds "bucket" and
// replaces ${filename} in "key" first. Every field must be named by a condition, except for the policy, the signature,
// the file, and what begins with x-ignore-.
func (p *PostPolicy) Check(form map[string]string) error {
	named := make(map[string]bool, len(p.Conditions))
	for _, c := range p.Conditions {
		named[c.Field] = true
		value, present := form[c.Field]
		if !present || !c.allows(value) {
			return refuse(PolicyDenied, "Invalid according to Policy: Policy Condition failed: %s", c.text)
		}
	}
	extra := ""
	for name := range form {
		switch {
		case named[name], name == "policy", name == "x-amz-signature", name == "file", name == "bucket", name == "awsaccesskeyid", name == "signature", strings.HasPrefix(name, "x-ignore-"):
		case extra == "" || name < extra:
			extra = name
		}
	}
	if extra != "" {
		return refuse(PolicyDenied, "Invalid according to Policy: Extra input fields: %s", extra)
	}
	return nil
}

func (c *PostCondition) allows(value string) bool {
	if c.Operator == "eq" {
		return value == c.Value
	}
	if c.Field != "content-type" {
		return strings.HasPrefix(value, c.Value)
	}
	// A list of content types is allowed if each of them is.
	for part := range strings.SplitSeq(value, ",") {
		if !strings.HasPrefix(strings.TrimSpace(part), c.Value) {
			return false
		}
	}
	return true
}

// CheckLength tells whether the policy allows a file of n bytes.
func (p *PostPolicy) CheckLength(n int64) error {
	switch {
	case p.MaxLength >= 0 && n > p.MaxLength:
		return refuse(UploadTooLarge, "Your proposed upload exceeds the maximum allowed size").
			with("ProposedSize", n).with("MaxSizeAllowed", p.MaxLength)
	case n < p.MinLength:
		return refuse(UploadTooSmall, "Your proposed upload is smaller than the minimum allowed size").
			with("ProposedSize", n).with("MinSizeAllowed", p.MinLength)
	}
	return nil
}
