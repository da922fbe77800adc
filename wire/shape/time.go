package shape

import (
	"bytes"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// TimeFormat is a textual form of timestamps; zero is the default of the place the timestamp stands in.
type TimeFormat uint8

// The formats of timestamps.
const (
	Unix    TimeFormat = iota + 1 // seconds since 1970, with a fraction down to milliseconds
	ISO8601                       // RFC 3339 in UTC, with milliseconds where there are any
	RFC822                        // as HTTP dates
)

var timeFormats = map[string]TimeFormat{"unixTimestamp": Unix, "iso8601": ISO8601, "rfc822": RFC822}

// Or returns the format, or other where none is set.
func (f TimeFormat) Or(other TimeFormat) TimeFormat {
	if f == 0 {
		return other
	}
	return f
}

// AppendTime appends t in a format.
func AppendTime(dst []byte, t time.Time, f TimeFormat) []byte {
	t = t.UTC()
	switch f {
	case Unix:
		ms := t.UnixMilli()
		if ms%1000 == 0 {
			return strconv.AppendInt(dst, ms/1000, 10)
		}
		if ms < 0 {
			dst, ms = append(dst, '-'), -ms
		}
		dst = strconv.AppendInt(dst, ms/1000, 10)
		dst = append(dst, '.', byte('0'+ms/100%10), byte('0'+ms/10%10), byte('0'+ms%10))
		return bytes.TrimRight(dst, "0")
	case RFC822:
		return t.AppendFormat(dst, http.TimeFormat)
	default:
		if t.Nanosecond() < int(time.Millisecond) {
			return t.AppendFormat(dst, "2006-01-02T15:04:05Z")
		}
		return t.AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	}
}

var errTime = errors.New("not a timestamp")

// ParseTime reads a timestamp in the format it is in: AWS's services accept any of the three wherever a client sends one.
func ParseTime(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 64 {
		return time.Time{}, errTime
	}
	if c := s[0]; c >= 'A' && c <= 'Z' {
		for _, layout := range []string{http.TimeFormat, time.RFC1123Z, time.RFC1123, time.RFC850, time.ANSIC,
			"Mon, 2 Jan 2006 15:04:05 GMT", "Mon, 02 Jan 2006 15:04:05.999 GMT"} {
			if t, err := time.Parse(layout, s); err == nil {
				return t.UTC(), nil
			}
		}
		return time.Time{}, errTime
	}
	if len(s) > 5 && s[4] == '-' {
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700",
			"2006-01-02T15:04:05.999999999", "2006-01-02T15:04Z", "2006-01-02"} {
			if t, err := time.Parse(layout, s); err == nil {
				return t.UTC(), nil
			}
		}
		return time.Time{}, errTime
	}
	if len(s) == 16 && s[8] == 'T' {
		if t, err := time.Parse("20060102T150405Z", s); err == nil {
			return t, nil
		}
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return time.Time{}, errTime
	}
	return TimeOf(n)
}

// TimeOf converts seconds since 1970, rounded to microseconds; it refuses years outside 0 to 9999, which no other
// format could express.
func TimeOf(seconds float64) (time.Time, error) {
	const first, last = -62167219200, 253402300799
	if math.IsNaN(seconds) || seconds < first || seconds > last {
		return time.Time{}, errTime
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(math.Round(fraction*1e6))*1000).UTC(), nil
}
