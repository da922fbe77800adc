package logsinsights

import (
	"math"
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
)

// function is a function of the language.
type function struct {
	// least and most bound the number of arguments; most is -1 for any.
	least, most int
	do          func(args []Value, r *row) Value
	// period tells that the last argument is a period, which withPeriod takes in.
	period     bool
	withPeriod func(p period) func(args []Value, r *row) Value
}

// functions are all functions but aggregations, by their names in lower case.
var functions = map[string]*function{
	"abs":      numeric(math.Abs),
	"ceil":     numeric(math.Ceil),
	"floor":    numeric(math.Floor),
	"log":      numeric(math.Log),
	"sqrt":     numeric(math.Sqrt),
	"greatest": {least: 1, most: -1, do: func(args []Value, _ *row) Value { return extreme(args, 1) }},
	"least":    {least: 1, most: -1, do: func(args []Value, _ *row) Value { return extreme(args, -1) }},

	"ispresent": {least: 1, most: 1, do: func(args []Value, _ *row) Value { return boolean(args[0].Present()) }},
	"coalesce": {least: 1, most: -1, do: func(args []Value, _ *row) Value {
		for _, v := range args {
			if v.Present() {
				return v
			}
		}
		return Value{}
	}},
	// A field of the event becomes one of its own, see Unmasked; of anything else the mask cannot be taken off.
	"unmask": {least: 1, most: 1, do: func(args []Value, _ *row) Value { return args[0] }},

	"isempty": {least: 1, most: 1, do: func(args []Value, _ *row) Value { return boolean(args[0].String() == "") }},
	"isblank": {least: 1, most: 1, do: func(args []Value, _ *row) Value {
		return boolean(strings.TrimSpace(args[0].String()) == "")
	}},
	"concat": {least: 1, most: -1, do: func(args []Value, r *row) Value {
		var b strings.Builder
		for _, v := range args {
			if b.WriteString(v.String()); b.Len() > maxText {
				return r.tooLarge()
			}
		}
		return Text(b.String())
	}},
	"ltrim": trimming(func(s, cut string) string { return strings.TrimLeft(s, cut) }, prefixCut),
	"rtrim": trimming(func(s, cut string) string { return strings.TrimRight(s, cut) }, suffixCut),
	"trim":  trimming(func(s, cut string) string { return strings.Trim(s, cut) }, func(s, cut string) string { return prefixCut(suffixCut(s, cut), cut) }),
	"strlen": {least: 1, most: 1, do: func(args []Value, _ *row) Value {
		return ofText(args[0], func(s string) Value { return number(float64(utf8.RuneCountInString(s))) })
	}},
	"toupper": {least: 1, most: 1, do: func(args []Value, _ *row) Value {
		return ofText(args[0], func(s string) Value { return Text(strings.ToUpper(s)) })
	}},
	"tolower": {least: 1, most: 1, do: func(args []Value, _ *row) Value {
		return ofText(args[0], func(s string) Value { return Text(strings.ToLower(s)) })
	}},
	"substr": {least: 2, most: 3, do: substr},
	"replace": {least: 3, most: 3, do: func(args []Value, r *row) Value {
		if !args[0].Present() {
			return Value{}
		}
		s, old, with := args[0].String(), args[1].String(), args[2].String()
		if old == "" {
			return Text(s)
		}
		if n := strings.Count(s, old); len(s)+n*(len(with)-len(old)) > maxText {
			return r.tooLarge()
		}
		return Text(strings.ReplaceAll(s, old, with))
	}},
	"strcontains": {least: 2, most: 2, do: func(args []Value, _ *row) Value {
		return boolean(args[0].Present() && args[1].Present() && strings.Contains(args[0].String(), args[1].String()))
	}},

	"bin":       {least: 1, most: 1, period: true, withPeriod: flooring},
	"datefloor": {least: 2, most: 2, period: true, withPeriod: flooring},
	"dateceil":  {least: 2, most: 2, period: true, withPeriod: ceiling},
	"frommillis": {least: 1, most: 1, do: func(args []Value, _ *row) Value {
		if n, ok := args[0].number(); ok && math.Abs(n) < maxMillis {
			return Time(int64(n))
		}
		return Value{}
	}},
	"tomillis": {least: 1, most: 1, do: func(args []Value, _ *row) Value {
		if args[0].kind == kindTime {
			return number(args[0].num)
		}
		return Value{}
	}},
	"now": {do: func(_ []Value, r *row) Value { return number(float64(r.exec.now.Unix())) }},

	"isvalidip":      address(func(netip.Addr) bool { return true }),
	"isvalidipv4":    address(netip.Addr.Is4),
	"isvalidipv6":    address(netip.Addr.Is6),
	"isipinsubnet":   subnet(func(netip.Addr) bool { return true }),
	"isipv4insubnet": subnet(netip.Addr.Is4),
	"isipv6insubnet": subnet(netip.Addr.Is6),

	"jsonparse": {least: 1, most: 1, do: func(args []Value, _ *row) Value {
		switch args[0].kind {
		case kindStructure:
			return args[0]
		case kindString:
			var x any
			if json.Unmarshal([]byte(args[0].str), &x) == nil {
				return structure(x)
			}
		case kindNull, kindNumber, kindTime:
		}
		return Value{}
	}},
	"jsonstringify": {least: 1, most: 1, do: func(args []Value, _ *row) Value {
		return ofText(args[0], Text)
	}},
}

// maxText bounds the texts that functions make: as much as an event may have.
const maxText = 1 << 20

// numeric is a function of one number.
func numeric(f func(float64) float64) *function {
	return &function{least: 1, most: 1, do: func(args []Value, _ *row) Value {
		if n, ok := args[0].number(); ok {
			return number(f(n))
		}
		return Value{}
	}}
}

// extreme returns the largest number with the sign 1, the smallest with -1.
func extreme(args []Value, sign float64) Value {
	var best Value
	for _, v := range args {
		n, ok := v.number()
		if ok && (!best.Present() || n*sign > best.num*sign) {
			best = number(n)
		}
	}
	return best
}

func ofText(v Value, f func(string) Value) Value {
	if !v.Present() {
		return Value{}
	}
	return f(v.String())
}

// trimming is a function that removes blanks, or a given text as often as it stands there.
func trimming(blanks, text func(s, cut string) string) *function {
	return &function{least: 1, most: 2, do: func(args []Value, _ *row) Value {
		return ofText(args[0], func(s string) Value {
			if len(args) == 1 {
				return Text(blanks(s, " \t\r\n\v\f"))
			}
			return Text(text(s, args[1].String()))
		})
	}}
}

func prefixCut(s, cut string) string {
	for cut != "" && strings.HasPrefix(s, cut) {
		s = s[len(cut):]
	}
	return s
}

func suffixCut(s, cut string) string {
	for cut != "" && strings.HasSuffix(s, cut) {
		s = s[:len(s)-len(cut)]
	}
	return s
}

// substr counts characters from 0; the length is to the end unless it is given.
func substr(args []Value, _ *row) Value {
	from, ok := args[1].number()
	if !ok || !args[0].Present() {
		return Value{}
	}
	runes := []rune(args[0].String())
	from = min(max(from, 0), float64(len(runes)))
	to := float64(len(runes))
	if len(args) == 3 {
		n, ok := args[2].number()
		if !ok {
			return Value{}
		}
		to = min(from+max(n, 0), to)
	}
	return Text(string(runes[int(from):int(to)]))
}

// address is a test of an IP address.
func address(is func(netip.Addr) bool) *function {
	return &function{least: 1, most: 1, do: func(args []Value, _ *row) Value {
		a, err := netip.ParseAddr(args[0].String())
		return boolean(err == nil && a.Zone() == "" && is(a))
	}}
}

// subnet is a test whether an IP address lies in a subnet.
func subnet(is func(netip.Addr) bool) *function {
	return &function{least: 2, most: 2, do: func(args []Value, _ *row) Value {
		a, err := netip.ParseAddr(args[0].String())
		if err != nil {
			return boolean(false)
		}
		net, err := netip.ParsePrefix(args[1].String())
		return boolean(err == nil && is(a) && is(net.Addr()) && net.Contains(a))
	}}
}
