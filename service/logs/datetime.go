package logs

import (
	"strconv"
	"strings"
	"time"

	api "drydock/api/logs"
)

// defaultDateFormat is what dates are written in.
const defaultDateFormat = "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'"

// dateFields are the fields of Java's date patterns and what stands for them in Go's. Longer runs come first.
var dateFields = []struct{ java, golang string }{
	{"yyyy", "2006"}, {"uuuu", "2006"}, {"yy", "06"}, {"MMMM", "January"}, {"MMM", "Jan"}, {"MM", "01"}, {"M", "1"},
	{"dd", "02"}, {"d", "2"}, {"EEEE", "Monday"}, {"EEE", "Mon"}, {"E", "Mon"}, {"HH", "15"}, {"hh", "03"}, {"h", "3"},
	{"mm", "04"}, {"m", "4"}, {"ss", "05"}, {"s", "5"}, {"SSSSSSSSS", "000000000"}, {"SSSSSS", "000000"}, {"SSS", "000"}, {"SS", "00"}, {"S", "0"},
	{"a", "PM"}, {"XXX", "Z07:00"}, {"XX", "Z0700"}, {"X", "Z07"}, {"ZZZ", "-0700"}, {"ZZ", "-0700"}, {"Z", "-0700"}, {"z", "MST"},
}

// dateLayout makes Go's layout of a Java pattern.
func dateLayout(pattern string) (string, error) {
	var out strings.Builder
next:
	for i := 0; i < len(pattern); {
		c := pattern[i]
		if c == '\'' {
			end := strings.IndexByte(pattern[i+1:], '\'')
			if end < 0 {
				return "", invalidTransformer("dateTimeConverter has an invalid pattern: %s", pattern)
			}
			if end == 0 {
				out.WriteByte('\'')
			}
			out.WriteString(pattern[i+1 : i+1+end])
			i += end + 2
			continue
		}
		for _, f := range dateFields {
			if strings.HasPrefix(pattern[i:], f.java) {
				if c == 'S' && !strings.HasSuffix(out.String(), ".") && !strings.HasSuffix(out.String(), ",") {
					return "", notImplemented("drydock reads fractions of seconds only behind a dot or comma.")
				}
				out.WriteString(f.golang)
				i += len(f.java)
				continue next
			}
		}
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			return "", notImplemented("drydock does not have the date pattern " + pattern + ".")
		}
		out.WriteByte(c)
		i++
	}
	return out.String(), nil
}

func dateTimeStep(c *api.DateTimeConverter) (processor, error) {
	if l := strings.ToLower(orElse(c.Locale, "en")); !strings.HasPrefix(l, "en") {
		return nil, notImplemented("drydock reads dates in English only.")
	}
	zone := func(name *string) (*time.Location, error) {
		found, err := time.LoadLocation(orElse(name, "UTC"))
		if err != nil || found == time.Local {
			return nil, invalidTransformer("dateTimeConverter has an invalid time zone: %s", orElse(name, ""))
		}
		return found, nil
	}
	from, err := zone(c.SourceTimezone)
	if err != nil {
		return nil, err
	}
	to, err := zone(c.TargetTimezone)
	if err != nil {
		return nil, err
	}
	target, err := dateLayout(orElse(c.TargetFormat, defaultDateFormat))
	if err != nil {
		return nil, err
	}
	layouts := make([]string, len(c.MatchPatterns))
	for i, p := range c.MatchPatterns {
		if p == "epoch" {
			continue
		}
		if layouts[i], err = dateLayout(p); err != nil {
			return nil, err
		}
	}
	return func(doc document) error {
		text, ok := doc.text(c.Source)
		if !ok {
			return nil
		}
		for i, layout := range layouts {
			if at, ok := readDate(strings.TrimSpace(text), layout, c.MatchPatterns[i] == "epoch", from); ok {
				doc.set(c.Target, at.In(to).Format(target), true)
				return nil
			}
		}
		return errUnfit
	}, nil
}

// readDate reads a date by a layout, or as seconds or milliseconds of the Unix epoch.
func readDate(text, layout string, epoch bool, zone *time.Location) (time.Time, bool) {
	if !epoch {
		at, err := time.ParseInLocation(layout, text, zone)
		return at, err == nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	if len(strings.TrimLeft(text, "-")) > 11 {
		return time.UnixMilli(n), true
	}
	return time.Unix(n, 0), true
}
