package logs

import (
	"regexp"
	"strconv"
	"strings"

	api "drydock/api/logs"
)

// grokPatterns are the named patterns of grok, of which a pattern may use others.
var grokPatterns = map[string]string{
	"WORD": `\b\w+\b`, "NOTSPACE": `\S+`, "SPACE": `\s*`, "DATA": `.*?`, "GREEDYDATA": `.*`, "GREEDYDATA_MULTILINE": `(?s:.*)`,
	"USERNAME": `[a-zA-Z0-9._-]+`, "USER": `%{USERNAME}`, "QUOTEDSTRING": `"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'`, "QS": `%{QUOTEDSTRING}`,
	"INT": `[+-]?[0-9]+`, "BASE10NUM": `[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)`, "NUMBER": `%{BASE10NUM}`, "BASE16NUM": `(?:0[xX])?[0-9a-fA-F]+`,
	"POSINT": `\b[1-9][0-9]*\b`, "NONNEGINT": `\b[0-9]+\b`, "BOOLEAN": `(?i:true|false)`,
	"IPV4": `(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})`,
	"IPV6": `(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|%{IPV4})?`, "IP": `(?:%{IPV4}|%{IPV6})`,
	"HOSTNAME": `\b[0-9A-Za-z][0-9A-Za-z-]{0,62}(?:\.[0-9A-Za-z][0-9A-Za-z-]{0,62})*\.?\b`, "HOST": `%{HOSTNAME}`,
	"IPORHOST": `(?:%{IP}|%{HOSTNAME})`, "HOSTPORT": `%{IPORHOST}:%{POSINT}`,
	"MAC":  `(?:[A-Fa-f0-9]{2}[:-]){5}[A-Fa-f0-9]{2}|(?:[A-Fa-f0-9]{4}\.){2}[A-Fa-f0-9]{4}`,
	"UUID": `[A-Fa-f0-9]{8}-(?:[A-Fa-f0-9]{4}-){3}[A-Fa-f0-9]{12}`, "EMAILADDRESS": `[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+`,
	"UNIXPATH": `(?:/[\w_%!$@:.,+~-]*)+`, "WINPATH": `(?:[A-Za-z]+:|\\)(?:\\[^\\?*]*)+`, "PATH": `(?:%{UNIXPATH}|%{WINPATH})`,
	"URIPROTO": `[A-Za-z][A-Za-z0-9+.-]+`, "URIHOST": `%{IPORHOST}(?::%{POSINT})?`, "URIPATH": `(?:/[A-Za-z0-9$.+!*'(){},~:;=@#%&_-]*)+`,
	"URIPARAM": `\?[A-Za-z0-9$.+!*'|(){},~@#%&/=:;_?\[\]<>-]*`, "URIPATHPARAM": `%{URIPATH}(?:%{URIPARAM})?`,
	"URI":   `%{URIPROTO}://(?:%{USER}(?::[^@]*)?@)?(?:%{URIHOST})?(?:%{URIPATHPARAM})?`,
	"MONTH": `\b(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sep(?:tember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b`,
	"DAY":   `(?:Mon(?:day)?|Tue(?:sday)?|Wed(?:nesday)?|Thu(?:rsday)?|Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?)`, "YEAR": `[0-9]{2}(?:[0-9]{2})?`,
	"MONTHNUM": `(?:0?[1-9]|1[0-2])`, "MONTHDAY": `(?:0[1-9]|[12][0-9]|3[01]|[1-9])`, "HOUR": `(?:2[0-3]|[01]?[0-9])`, "MINUTE": `[0-5][0-9]`,
	"SECOND": `(?:[0-5]?[0-9]|60)(?:[:.,][0-9]+)?`, "TIME": `%{HOUR}:%{MINUTE}(?::%{SECOND})?`, "TZ": `[A-Z]{3,4}`,
	"DATE_US": `%{MONTHNUM}[/-]%{MONTHDAY}[/-]%{YEAR}`, "DATE_EU": `%{MONTHDAY}[./-]%{MONTHNUM}[./-]%{YEAR}`, "DATE": `(?:%{DATE_US}|%{DATE_EU})`,
	"DATESTAMP": `%{DATE}[- ]%{TIME}`, "ISO8601_TIMEZONE": `(?:Z|[+-]%{HOUR}(?::?%{MINUTE}))`,
	"TIMESTAMP_ISO8601": `%{YEAR}-%{MONTHNUM}-%{MONTHDAY}[T ]%{HOUR}:?%{MINUTE}(?::?%{SECOND})?(?:%{ISO8601_TIMEZONE})?`,
	"SYSLOGTIMESTAMP":   `%{MONTH} +%{MONTHDAY} %{TIME}`, "HTTPDATE": `%{MONTHDAY}/%{MONTH}/%{YEAR}:%{TIME} %{INT}`,
	"PROG": `[\x21-\x5a\x5c\x5e-\x7e]+`, "SYSLOGPROG": `%{PROG}(?:\[%{POSINT}\])?`, "SYSLOGHOST": `%{IPORHOST}`,
	"LOGLEVEL": `(?i:trace|debug|notice|info|warn(?:ing)?|err(?:or)?|crit(?:ical)?|fatal|severe|emerg(?:ency)?|alert)`,
}

// maxGrokDepth bounds how far patterns use each other, maxGrokFields how many fields a pattern finds.
const (
	maxGrokDepth  = 10
	maxGrokFields = 20
)

// grokReference is %{PATTERN}, %{PATTERN:field} or %{PATTERN:field:TYPE}.
var grokReference = regexp.MustCompile(`%\{([A-Z0-9_]+)(?::([^:}]+))?(?::([A-Za-z]+))?\}`)

// grokField is a field that a pattern finds, by the number of its group.
type grokField struct {
	path string
	kind string
}

func grokStep(c *api.Grok) (processor, error) {
	var fields []grokField
	expression, err := expandGrok(c.Match, 0, &fields)
	if err != nil {
		return nil, err
	}
	if len(fields) == 0 || len(fields) > maxGrokFields {
		return nil, invalidTransformer("grok must name between 1 and %d fields.", maxGrokFields)
	}
	re, err := regexp.Compile(expression)
	if err != nil || re.NumSubexp() < len(fields) {
		return nil, invalidTransformer("grok has an invalid pattern: %s", c.Match)
	}
	return func(doc document) error {
		text, err := doc.source(c.Source)
		if err != nil {
			return err
		}
		found := re.FindStringSubmatchIndex(text)
		if found == nil {
			return errUnfit
		}
		for i, f := range fields {
			n := 2 * re.SubexpIndex("f"+strconv.Itoa(i))
			if found[n] < 0 {
				continue
			}
			v, err := f.value(text[found[n]:found[n+1]])
			if err != nil {
				return err
			}
			doc.set(f.path, v, true)
		}
		return nil
	}, nil
}

func (f *grokField) value(text string) (any, error) {
	switch f.kind {
	case "INTEGER", "LONG":
		return convert(text, api.TypeInteger)
	case "DOUBLE", "FLOAT":
		return convert(text, api.TypeDouble)
	case "BOOLEAN":
		return convert(text, api.TypeBoolean)
	}
	return text, nil
}

// expandGrok makes an expression of a pattern, whose named references become groups.
func expandGrok(pattern string, depth int, fields *[]grokField) (string, error) {
	var out strings.Builder
	at := 0
	for _, m := range grokReference.FindAllStringSubmatchIndex(pattern, -1) {
		out.WriteString(pattern[at:m[0]])
		at = m[1]
		name := pattern[m[2]:m[3]]
		inner, ok := grokPatterns[name]
		if !ok || depth == maxGrokDepth {
			return "", invalidTransformer("grok has an unknown pattern: %s", name)
		}
		group := "(?:"
		if m[4] >= 0 {
			f := grokField{path: pattern[m[4]:m[5]]}
			if m[6] >= 0 {
				f.kind = strings.ToUpper(pattern[m[6]:m[7]])
			}
			group = "(?P<f" + strconv.Itoa(len(*fields)) + ">"
			*fields = append(*fields, f)
		}
		inner, err := expandGrok(inner, depth+1, fields)
		if err != nil {
			return "", err
		}
		out.WriteString(group + inner + ")")
	}
	out.WriteString(pattern[at:])
	return out.String(), nil
}
