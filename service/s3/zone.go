package s3

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
	"drydock/task"
)

// placement is where the bytes of an object of ONEZONE_IA are; those of the other classes are in several zones.
type placement struct {
	Zone string `cbor:",omitempty"`
	// Losses is how often the zone had been lost when the bytes came there: whoever finds more knows that they are gone.
	Losses int64 `cbor:",omitempty"`
}

// zone is an availability zone that was lost.
type zone struct {
	Name   string
	Losses int64
}

// placed is a version in a zone: the rows of a zone are what is lost with it. Those placed before a loss come before
// those placed after it.
type placed struct {
	Zone          string
	Losses        int64
	BucketID, Key string
	Seq           int64
}

var (
	zones  = store.NewTable("s3/zone", func(z *zone) store.Key { return store.K(z.Name) })
	places = store.NewTable("s3/placed", func(p *placed) store.Key { return store.K(p.Zone, p.Losses, p.BucketID, p.Key, p.Seq) })
)

// zoneKind removes the bytes that were lost with a zone. Its key is the zone's name.
const zoneKind = "s3.zone"

// zoneOf is the zone that holds a key's versions of ONEZONE_IA, so that one can know it beforehand: FNV-1a, in 32 bits, of
// "BUCKET/KEY", modulo the number of zones.
func zoneOf(b *bucket, key string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(b.Name + "/" + key)) // never fails
	return b.Region + zoneLetters[h.Sum32()%uint32(len(zoneLetters)):][:1]
}

// checkZone refuses what is no name of a zone.
func checkZone(name string) error {
	cut := max(0, len(name)-1)
	region, letter := name[:cut], name[cut:]
	known := region == defaultRegion || region != "EU" && slices.Contains(api.BucketLocationConstraint("").Values(), region)
	if !known || !strings.Contains(zoneLetters, letter) {
		return invalidArgument("zone", name, "The Availability Zone does not exist")
	}
	return nil
}

// readZone reads how often a zone was lost.
func readZone(tx *store.Tx, name string) (*zone, error) {
	z, err := zones.Get(tx, store.K(name))
	if errors.Is(err, store.ErrNotFound) {
		return &zone{Name: name}, nil
	}
	return z, err
}

// place puts a version that comes into its zone, or takes it out of there when its class changed.
func place(tx *store.Tx, b *bucket, o *object) error {
	if o.Class != string(api.StorageClassOnezoneIa) || o.Marker || o.Lost {
		return unplace(tx, o)
	}
	if o.Zone != "" {
		return nil
	}
	z, err := readZone(tx, zoneOf(b, o.Key))
	if err != nil {
		return err
	}
	o.placement = placement{z.Name, z.Losses}
	return places.Insert(tx, &placed{z.Name, z.Losses, o.BucketID, o.Key, o.Seq})
}

// unplace takes a version out of its zone.
func unplace(tx *store.Tx, o *object) error {
	if o.Zone == "" {
		return nil
	}
	_, err := places.Delete(tx, store.K(o.Zone, o.Losses, o.BucketID, o.Key, o.Seq))
	o.placement = placement{}
	return err
}

// settle finds out whether the bytes were lost with their zone, and returns the object as it is then.
func (o *object) settle(tx *store.Tx) (*object, error) {
	if o.Zone == "" || o.Lost {
		return o, nil
	}
	z, err := readZone(tx, o.Zone)
	if err != nil || z.Losses <= o.Losses {
		return o, err
	}
	lost := *o // whose row may be shared
	lost.Lost = true
	return &lost, nil
}

// loseZone is a fault: "zone" is destroyed, and comes back empty. It counts at once for everything in the zone; a task
// removes the bytes.
func (s *Service) loseZone(call *aws.Call, arguments map[string]string) error {
	name := arguments["zone"]
	if err := checkZone(name); err != nil {
		return err
	}
	return s.DB.Update(call, func(tx *store.Tx) error {
		z, err := readZone(tx, name)
		if err != nil {
			return err
		}
		z.Losses++
		if err := zones.Put(tx, z); err != nil {
			return err
		}
		return s.Tasks.Schedule(tx, zoneKind, name, s.Clock.Now(), nil)
	})
}

// sweepZone removes some of what was lost with a zone.
func (s *Service) sweepZone(ctx context.Context, t task.Task) (next task.Next, err error) {
	now := s.Clock.Now()
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		next = task.Done
		z, err := readZone(tx, t.Key)
		if err != nil {
			return err
		}
		n := 0
		for p, err := range places.Scan(tx, store.Range{From: store.K(z.Name), To: store.K(z.Name, z.Losses)}) {
			if err != nil {
				return err
			}
			if n++; n > zoneBatch {
				next = task.At(now)
				return nil
			}
			o, err := versionAt(tx, p.BucketID, p.Key, p.Seq)
			if err != nil {
				return err
			}
			if o == nil {
				return fmt.Errorf("zone %s: no version of %s/%s has the order %d", p.Zone, p.BucketID, p.Key, p.Seq)
			}
			if err := s.loseBytes(tx, o); err != nil {
				return err
			}
			if err := putVersion(tx, o); err != nil {
				return err
			}
		}
		return nil
	})
	return next, err
}

// loseBytes removes a version's bytes for good. What was copied from it keeps its own. The caller writes the version.
func (s *Service) loseBytes(tx *store.Tx, o *object) error {
	if err := unplace(tx, o); err != nil {
		return err
	}
	if err := s.release(tx, o.ContentID); err != nil {
		return err
	}
	o.Lost, o.ContentID, o.Inline = true, "", nil
	return nil
}
