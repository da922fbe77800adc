package s3

import (
	"slices"
	"time"

	api "drydock/api/s3"
	"drydock/store"
)

// coldness is the order in which objects move between storage classes: only downwards.
var coldness = []string{
	"", string(api.TransitionStorageClassStandardIa), string(api.TransitionStorageClassIntelligentTiering), string(api.TransitionStorageClassOnezoneIa),
	string(api.TransitionStorageClassGlacierIr), string(api.TransitionStorageClassGlacier), string(api.TransitionStorageClassDeepArchive),
}

func coldnessOf(class string) int {
	if class == string(api.StorageClassReducedRedundancy) {
		return 0
	}
	return slices.Index(coldness, class)
}

// minTransition is from what size on objects move by default.
const minTransition = 128 << 10

// large tells whether an object is large enough for a class. A rule that says for which sizes it is means it.
func large(r *api.LifecycleRule, minimum api.TransitionDefaultMinimumObjectSize, o *object, class string) bool {
	if o.Size >= minTransition {
		return true
	}
	if f := r.Filter; f != nil {
		if f.ObjectSizeGreaterThan != nil || f.ObjectSizeLessThan != nil || f.And != nil && (f.And.ObjectSizeGreaterThan != nil || f.And.ObjectSizeLessThan != nil) {
			return true
		}
	}
	archive := class == string(api.TransitionStorageClassGlacier) || class == string(api.TransitionStorageClassDeepArchive)
	return archive && minimum == api.TransitionDefaultMinimumObjectSizeVariesByStorageClass
}

// move is that a version changes its storage class at a time.
type move struct {
	at    time.Time
	class string
	// newer is how many noncurrent versions after it there must be.
	newer int
}

// moves returns all moves that a rule has for a version.
func moves(r *api.LifecycleRule, o *object) (list []move) {
	if !o.Noncurrent.IsZero() {
		for _, t := range r.NoncurrentVersionTransitions {
			list = append(list, move{midnight(o.Noncurrent.Add(time.Duration(number(t.NoncurrentDays)) * day)), text(t.StorageClass), int(number(t.NewerNoncurrentVersions))})
		}
		return list
	}
	for _, t := range r.Transitions {
		m := move{at: midnight(o.Modified.Add(time.Duration(number(t.Days)) * day)), class: text(t.StorageClass)}
		if t.Date != nil {
			m.at = midnight(*t.Date)
		}
		list = append(list, m)
	}
	return list
}

// moveBy returns the first move that the rules have for a version, of several at once the one to the coldest class; a
// zero time for none.
func moveBy(rules []api.LifecycleRule, minimum api.TransitionDefaultMinimumObjectSize, o *object) (first move) {
	if o.Marker || o.Lost {
		return first
	}
	now := coldnessOf(o.Class)
	for i := range rules {
		r := &rules[i]
		if r.Status != api.ExpirationStatusEnabled || !covers(r, o) {
			continue
		}
		for _, m := range moves(r, o) {
			if coldnessOf(m.class) <= now || !large(r, minimum, o, m.class) {
				continue
			}
			if first.at.IsZero() || m.at.Before(first.at) || m.at.Equal(first.at) && coldnessOf(m.class) > coldnessOf(first.class) {
				first = m
			}
		}
	}
	return first
}

// transit moves a version to the storage class that is due by now.
func (s *Service) transit(tx *store.Tx, b *bucket, o *object, now time.Time) error {
	o, err := o.settle(tx)
	if err != nil {
		return err
	}
	list, minimum, err := rules(tx, b)
	if err != nil {
		return err
	}
	o.Move = time.Time{} // its row is gone
	for m := moveBy(list, minimum, o); !m.at.IsZero() && !m.at.After(now); m = moveBy(list, minimum, o) {
		if m.newer > 0 {
			newer, err := newerNoncurrent(tx, b, o)
			if err != nil {
				return err
			}
			if newer < m.newer { // looked at again tomorrow: newer versions may have come
				o.Move = midnight(now.Add(day))
				if err := s.addDue(tx, b, &due{BucketID: b.ID, At: o.Move, Key: o.Key, Seq: o.Seq}); err != nil {
					return err
				}
				return putVersion(tx, o)
			}
		}
		if err := forgetAccess(tx, o); err != nil {
			return err
		}
		o.Class = m.class
		if err := s.notify(tx, b, changeOf(b, o, "s3:LifecycleTransition", nil)); err != nil {
			return err
		}
	}
	if err := s.came(tx, b, o); err != nil {
		return err
	}
	return putVersion(tx, o)
}

// newerNoncurrent counts the noncurrent versions of a key that are newer than one.
func newerNoncurrent(tx *store.Tx, b *bucket, o *object) (n int, err error) {
	for other, err := range olderObjects.Scan(tx, store.Range{Prefix: store.K(b.ID, o.Key)}) {
		if err != nil {
			return 0, err
		}
		if other.Seq <= o.Seq {
			break
		}
		if !other.Noncurrent.IsZero() {
			n++
		}
	}
	return n, nil
}

// transitDue moves a version if that is what a due row means, and tells whether it was.
func (s *Service) transitDue(tx *store.Tx, b *bucket, d *due, now time.Time) (bool, error) {
	o, err := versionAt(tx, b.ID, d.Key, d.Seq)
	if err != nil || o == nil || o.Move.IsZero() || !o.Move.Equal(d.At) {
		return false, err
	}
	return true, s.transit(tx, b, o, now)
}

// minDays are the least ages at which objects move to a class.
var minDays = map[string]int32{string(api.TransitionStorageClassStandardIa): 30, string(api.TransitionStorageClassOnezoneIa): 30}

// checkTransitions refuses moves that cannot be.
func checkTransitions(r *api.LifecycleRule) error {
	last := map[string]int32{}
	for _, t := range r.Transitions {
		class := text(t.StorageClass)
		switch {
		case coldnessOf(class) <= 0:
			return malformedXML()
		case given(t.Days != nil, t.Date != nil) != 1:
			return malformedXML()
		case t.Date != nil && !midnight(*t.Date).Equal(*t.Date):
			return invalidArgument("Date", "", "'Date' must be at midnight GMT")
		case t.Days != nil && *t.Days < 0:
			return invalidArgument("Days", "", "'Days' for Transition action must be nonnegative")
		case t.Days != nil && *t.Days < minDays[class]:
			return invalidArgument("Days", "", "'Days' in Transition action must be greater than or equal to %d for storageClass '%s'", minDays[class], class)
		}
		if _, twice := last[class]; twice {
			return invalidRequest("StorageClass %s cannot be used in more than one Transition action of a rule.", class)
		}
		if last[class] = number(t.Days); t.Days == nil {
			continue
		}
		if e := r.Expiration; e != nil && e.Days != nil && *e.Days <= *t.Days {
			return invalidArgument("Days", "", "'Days' in the Expiration action for filter '%s' must be greater than 'Days' in the Transition action", filterText(r))
		}
		for other, days := range last {
			if (coldnessOf(other) < coldnessOf(class)) != (days < *t.Days) && other != class {
				return invalidArgument("Days", "", "'Days' in the '%s' Transition action for filter '%s' must be greater than 'filter '%s's 'Days' in the '%s' Transition action", class, filterText(r), filterText(r), other)
			}
		}
	}
	seen := map[string]bool{}
	for _, t := range r.NoncurrentVersionTransitions {
		class := text(t.StorageClass)
		switch {
		case coldnessOf(class) <= 0 || seen[class]:
			return malformedXML()
		case t.NoncurrentDays == nil || *t.NoncurrentDays < 0:
			return invalidArgument("NoncurrentDays", "", "'NoncurrentDays' for NoncurrentVersionTransition action must be nonnegative")
		case *t.NoncurrentDays < minDays[class]:
			return invalidArgument("NoncurrentDays", "", "'NoncurrentDays' in NoncurrentVersionTransition action must be greater than or equal to %d for storageClass '%s'", minDays[class], class)
		case t.NewerNoncurrentVersions != nil && (*t.NewerNoncurrentVersions < 1 || *t.NewerNoncurrentVersions > 100):
			return invalidArgument("NewerNoncurrentVersions", "", "'NewerNoncurrentVersions' for NoncurrentVersionTransition action must be between 1 and 100")
		}
		if n := r.NoncurrentVersionExpiration; n != nil && n.NoncurrentDays != nil && *n.NoncurrentDays <= *t.NoncurrentDays {
			return invalidArgument("NoncurrentDays", "", "'NoncurrentDays' in the NoncurrentVersionExpiration action for filter '%s' must be greater than 'NoncurrentDays' in the NoncurrentVersionTransition action", filterText(r))
		}
		seen[class] = true
	}
	return nil
}

// filterText is how messages name a rule's filter.
func filterText(r *api.LifecycleRule) string {
	prefix := text(r.Prefix)
	if f := r.Filter; f != nil {
		prefix = text(f.Prefix)
		if f.And != nil {
			prefix = text(f.And.Prefix)
		}
	}
	return "(prefix=" + prefix + ")"
}
