package policy

import "strings"

// segments are the six parts of an ARN; ok is false for text that is none, which is then kept whole in the last.
type segments struct {
	part [6]string
	ok   bool
}

// splitARN splits a request's resource without allocating.
func splitARN(s string) segments {
	var g segments
	rest := s
	for i := range 5 {
		at := strings.IndexByte(rest, ':')
		if at < 0 {
			return segments{}
		}
		g.part[i], rest = rest[:at], rest[at+1:]
	}
	g.part[5] = rest
	g.ok = g.part[0] == "arn"
	return g
}

// arnPattern matches ARNs part by part, so that a wildcard in one part never reaches into the next. Parts that the
// policy leaves out match anything.
type arnPattern struct {
	whole *pattern // for text that is no ARN, such as "*"
	part  [6]pattern
}

// compileARN reads the text of a Resource element or of an Arn condition.
func compileARN(s string, vars bool) arnPattern {
	fields := splitPattern(s, vars)
	if len(fields) < 2 || fields[0] != "arn" {
		p := compile(s, true, vars)
		return arnPattern{whole: &p}
	}
	var a arnPattern
	for i := range a.part {
		if i < len(fields) {
			a.part[i] = compile(fields[i], true, vars)
		} else {
			a.part[i] = pattern{shape: shapeAll, text: string([]byte{manyByte})}
		}
	}
	return a
}

// splitPattern splits at colons outside variables into at most six fields.
func splitPattern(s string, vars bool) []string {
	fields := make([]string, 0, 6)
	start := 0
	for i := 0; i < len(s) && len(fields) < 5; i++ {
		switch {
		case s[i] == ':':
			fields = append(fields, s[start:i])
			start = i + 1
		case vars && strings.HasPrefix(s[i:], "${"):
			if _, n := parseVariable(s[i:]); n > 0 {
				i += n - 1
			}
		}
	}
	return append(fields, s[start:])
}

// match tells whether the resource text, with its parts in g, fits.
func (a *arnPattern) match(text string, g *segments, ctx Values) bool {
	if a.whole != nil {
		return a.whole.match(text, ctx)
	}
	if !g.ok {
		return false
	}
	// The resource is what differs most, so it is compared first.
	for i := 5; i > 0; i-- {
		if !a.part[i].match(g.part[i], ctx) {
			return false
		}
	}
	return true
}

// MatchARN tells whether an ARN fits a pattern as in a Resource element: part by part, missing parts match anything.
func MatchARN(text, arn string) bool {
	a := compileARN(text, false)
	g := splitARN(arn)
	return a.match(arn, &g, nil)
}

// variables calls fn with the name of each variable in the patterns.
func (a *arnPattern) variables(fn func(string)) {
	if a.whole != nil {
		a.whole.variables(fn)
	}
	for i := range a.part {
		a.part[i].variables(fn)
	}
}

func (p *pattern) variables(fn func(string)) {
	for _, v := range p.parts {
		if v.key != "" {
			fn(v.name)
		}
	}
}

// actionSet matches action names quickly however many there are: patterns are looked up by the service before the
// colon.
type actionSet struct {
	all     bool
	loose   []pattern // whole patterns whose service has a wildcard
	vendors map[string][]pattern
}

func compileActions(actions []string) actionSet {
	var set actionSet
	for _, text := range actions {
		low := asciiLower(text)
		vendor, name, found := strings.Cut(low, ":")
		switch {
		case low == "*" || low == "*:*":
			set.all = true
		case !found || strings.ContainsAny(vendor, "*?"):
			set.loose = append(set.loose, compile(low, true, false))
		default:
			if set.vendors == nil {
				set.vendors = map[string][]pattern{}
			}
			set.vendors[vendor] = append(set.vendors[vendor], compile(name, true, false))
		}
	}
	return set
}

// match tells whether action ("s3:GetObject"), whose service is vendor in lower case and whose remainder is name,
// is in the set.
func (set *actionSet) match(action, vendor, name string) bool {
	if set.all {
		return true
	}
	if patterns, ok := set.vendors[vendor]; ok {
		for i := range patterns {
			if patterns[i].matchFold(name) {
				return true
			}
		}
	}
	for i := range set.loose {
		if set.loose[i].matchFold(action) {
			return true
		}
	}
	return false
}
