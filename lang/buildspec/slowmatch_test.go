package buildspec

import "path"

type verdict int

const (
	unknown verdict = iota // it takes too long to say
	yes
	no
)

func cleanPath(p string) string { return path.Clean(p) }

// slowMatch is the definition of a match, as a model for the fast one: "**" is any number of names.
func slowMatch(segs, names []string, depth int) verdict {
	switch {
	case depth > 12:
		return unknown
	case len(segs) == 0:
		if len(names) == 0 {
			return yes
		}
		return no
	case segs[0] == "**":
		result := no
		for skip := 0; skip <= len(names); skip++ {
			switch slowMatch(segs[1:], names[skip:], depth+1) {
			case yes:
				return yes
			case unknown:
				result = unknown
			case no:
			}
		}
		return result
	case len(names) > 0 && matchSegment(segs[0], names[0]):
		return slowMatch(segs[1:], names[1:], depth+1)
	}
	return no
}
