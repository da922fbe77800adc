package logsinsights

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// period is a length of time that times are rounded to.
type period struct {
	// millis is the length, 0 for calendar units, which count in months.
	millis int64
	months int
	// weeks tells that the periods begin on Mondays.
	weeks bool
}

// maxMillis bounds times, to what a year of four digits has.
const maxMillis = 253402300800000

// units are the units of periods, with what numbers of them are capped at: 300s is taken for 60s, as on AWS.
var units = []struct {
	names string
	cap   int64
	period
}{
	{"ms msec msecs millisecond milliseconds", 1000, period{millis: 1}},
	{"s sec secs second seconds", 60, period{millis: 1000}},
	{"m min mins minute minutes", 60, period{millis: 60_000}},
	{"h hr hrs hour hours", 24, period{millis: 3_600_000}},
	{"d day days", 0, period{millis: 86_400_000}},
	{"w week weeks", 0, period{millis: 7 * 86_400_000, weeks: true}},
	{"mo mon mons month months", 0, period{months: 1}},
	{"q qtr qtrs quarter quarters", 0, period{months: 3}},
	{"y yr yrs year years", 0, period{months: 12}},
}

// parsePeriod reads a period such as 5m.
func parsePeriod(text string) (period, bool) {
	digits := digitRun(text)
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil || n < 1 || n > 100_000 {
		return period{}, false
	}
	for _, u := range units {
		for name := range strings.FieldsSeq(u.names) {
			if strings.EqualFold(name, text[len(digits):]) {
				if u.cap > 0 {
					n = min(n, u.cap)
				}
				return period{u.millis * n, u.months * int(n), u.weeks}, true
			}
		}
	}
	return period{}, false
}

// monday is the first one after the epoch, from which weeks count.
const monday = 4 * 86_400_000

// floor returns when the period that a time lies in begins.
func (p period) floor(millis int64) int64 {
	if p.months > 0 {
		t := time.UnixMilli(millis).UTC()
		months := (t.Year()-1970)*12 + int(t.Month()) - 1
		months = int(math.Floor(float64(months)/float64(p.months))) * p.months
		return time.Date(1970, time.Month(months+1), 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	}
	base := int64(0)
	if p.weeks {
		base = monday
	}
	rest := (millis - base) % p.millis
	if rest < 0 {
		rest += p.millis
	}
	return millis - rest
}

// next returns when the period after the one that begins at a time begins.
func (p period) next(millis int64) int64 {
	if p.months > 0 {
		return time.UnixMilli(millis).UTC().AddDate(0, p.months, 0).UnixMilli()
	}
	return millis + p.millis
}

func flooring(p period) func([]Value, *row) Value {
	return func(args []Value, _ *row) Value {
		n, ok := args[0].number()
		if !ok || math.Abs(n) > maxMillis {
			return Value{}
		}
		return Time(p.floor(int64(n)))
	}
}

func ceiling(p period) func([]Value, *row) Value {
	return func(args []Value, _ *row) Value {
		n, ok := args[0].number()
		if !ok || math.Abs(n) > maxMillis {
			return Value{}
		}
		low := p.floor(int64(n))
		if low < int64(n) {
			low = p.next(low)
		}
		return Time(low)
	}
}

// period reads the period that is next.
func (p *parser) period() (period, *Error) {
	got, ok := parsePeriod(p.tok.text)
	if !ok {
		return period{}, p.unexpected()
	}
	return got, p.advance()
}
