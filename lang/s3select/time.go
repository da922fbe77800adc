package s3select

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// timeLayouts are the forms of Ion's timestamps, by precision.
var timeLayouts = []string{"2006T", "2006-01T", "2006-01-02T", "2006-01-02", "2006-01-02T15:04Z07:00", time.RFC3339Nano}

func parseTime(s string) (at time.Time, err error) {
	for _, layout := range timeLayouts {
		if at, err = time.Parse(layout, s); err == nil {
			return at, nil
		}
	}
	return at, err
}

func extract(part string, at time.Time) Value {
	_, offset := at.Zone()
	switch part {
	case "YEAR":
		return int64(at.Year())
	case "MONTH":
		return int64(at.Month())
	case "DAY":
		return int64(at.Day())
	case "HOUR":
		return int64(at.Hour())
	case "MINUTE":
		return int64(at.Minute())
	case "SECOND":
		return int64(at.Second())
	case "TIMEZONE_HOUR":
		return int64(offset / 3600)
	}
	return int64(offset / 60 % 60)
}

func dateAdd(part string, n int, at time.Time) (Value, error) {
	switch part {
	case "YEAR":
		return addMonths(at, 12*n), nil
	case "MONTH":
		return addMonths(at, n), nil
	case "DAY":
		return at.AddDate(0, 0, n), nil
	case "HOUR":
		return at.Add(time.Duration(n) * time.Hour), nil
	case "MINUTE":
		return at.Add(time.Duration(n) * time.Minute), nil
	case "SECOND":
		return at.Add(time.Duration(n) * time.Second), nil
	}
	return nil, invalid("DATE_ADD does not know %s.", part)
}

// addMonths keeps the day, or takes the last of a month that is shorter.
func addMonths(at time.Time, n int) time.Time {
	first := time.Date(at.Year(), at.Month(), 1, at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), at.Location()).AddDate(0, n, 0)
	return first.AddDate(0, 0, min(at.Day(), first.AddDate(0, 1, -1).Day())-1)
}

// dateDiff counts the whole parts between two times.
func dateDiff(part string, a, b time.Time) (Value, error) {
	months := func() int64 {
		n := 12*(b.UTC().Year()-a.UTC().Year()) + int(b.UTC().Month()) - int(a.UTC().Month())
		switch {
		case n > 0 && addMonths(a.UTC(), n).After(b):
			n--
		case n < 0 && addMonths(a.UTC(), n).Before(b):
			n++
		}
		return int64(n)
	}
	seconds := b.Unix() - a.Unix()
	switch part {
	case "YEAR":
		return months() / 12, nil
	case "MONTH":
		return months(), nil
	case "DAY":
		return seconds / 86400, nil
	case "HOUR":
		return seconds / 3600, nil
	case "MINUTE":
		return seconds / 60, nil
	case "SECOND":
		return seconds, nil
	}
	return nil, invalid("DATE_DIFF does not know %s.", part)
}

// formatTime writes a time by a pattern: "Timestamp format patterns" of the reference.
func formatTime(at time.Time, pattern string) (Value, error) {
	var out strings.Builder
	for i := 0; i < len(pattern); {
		c := pattern[i]
		if c == '\'' {
			end := strings.IndexByte(pattern[i+1:], '\'')
			if end < 0 {
				return nil, fail("EvaluatorUnterminatedTimestampFormatPatternToken", "Time stamp format pattern contains unterminated token in the SQL expression.")
			}
			out.WriteString(pattern[i+1 : i+1+end])
			i += end + 2
			continue
		}
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			out.WriteByte(c)
			i++
			continue
		}
		n := 1
		for i+n < len(pattern) && pattern[i+n] == c {
			n++
		}
		part, ok := timeField(at, c, n)
		if !ok {
			return nil, fail("EvaluatorInvalidTimestampFormatPatternSymbol", "Time stamp format pattern contains a non-valid symbol in the SQL expression: %s.", pattern[i:i+n])
		}
		out.WriteString(part)
		i += n
	}
	return out.String(), nil
}

// timeField writes a field of which the pattern has a letter n times.
func timeField(at time.Time, letter byte, n int) (string, bool) {
	number := func(v int) (string, bool) {
		return fmt.Sprintf("%0*d", n, v), n <= 2
	}
	_, offset := at.Zone()
	switch letter {
	case 'y':
		if n == 2 {
			return fmt.Sprintf("%02d", at.Year()%100), true
		}
		return fmt.Sprintf("%0*d", n, at.Year()), n == 1 || n == 4
	case 'M':
		switch n {
		case 3:
			return at.Format("Jan"), true
		case 4:
			return at.Format("January"), true
		case 5:
			return at.Format("Jan")[:1], true
		}
		return number(int(at.Month()))
	case 'd':
		return number(at.Day())
	case 'a':
		return at.Format("PM"), n == 1
	case 'h':
		return number((at.Hour()+11)%12 + 1)
	case 'H':
		return number(at.Hour())
	case 'm':
		return number(at.Minute())
	case 's':
		return number(at.Second())
	case 'S':
		return fmt.Sprintf("%09d", at.Nanosecond())[:min(n, 9)], n <= 9
	case 'n':
		return strconv.Itoa(at.Nanosecond()), n == 1
	case 'X', 'x':
		if letter == 'X' && offset == 0 {
			return "Z", n <= 5
		}
		layout := map[int]string{1: "-07", 2: "-0700", 3: "-07:00", 4: "-0700", 5: "-07:00"}[n]
		return at.Format(layout), layout != ""
	}
	return "", false
}
