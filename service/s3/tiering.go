package s3

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
)

// access is when an object of the class INTELLIGENT_TIERING was read last. It is written at most once a day, so that
// reading seldom writes. Which tier an object is in follows from it: nothing has to happen for an object to move.
type access struct {
	BucketID, Key string
	Seq           int64
	At            time.Time
}

var accesses = store.NewTable("s3/access", func(a *access) store.Key { return store.K(a.BucketID, a.Key, a.Seq) })

// Tiers of INTELLIGENT_TIERING, as inventories name them, and after how long without access an object moves there.
const (
	tierFrequent   = "FREQUENT"
	tierInfrequent = "INFREQUENT"
	tierInstant    = "ARCHIVE_INSTANT_ACCESS"

	infrequentAfter = 30 * day
	instantAfter    = 90 * day
	// minTiered is from what size on objects are watched; smaller ones stay where they are.
	minTiered = 128 << 10
)

func (o *object) tiered() bool {
	return o.Class == string(api.StorageClassIntelligentTiering) && o.Size >= minTiered && !o.Marker
}

// tierOf tells which tier an object is in.
func tierOf(tx *store.Tx, b *bucket, o *object, now time.Time) (string, error) {
	if !o.tiered() {
		return tierFrequent, nil
	}
	at := o.Modified
	a, err := accesses.Get(tx, store.K(b.ID, o.Key, o.Seq))
	if err == nil {
		at = a.At
	} else if !errors.Is(err, store.ErrNotFound) {
		return "", err
	}
	idle := now.Sub(at)
	if idle < infrequentAfter {
		return tierFrequent, nil
	}
	if idle < instantAfter {
		return tierInfrequent, nil
	}
	tier := tierInstant
	for n, err := range namedConfigs.Scan(tx, store.Range{Prefix: store.K(b.ID, kindTiering)}) {
		if err != nil {
			return "", err
		}
		c := n.Tiering
		if c.Status != api.IntelligentTieringStatusEnabled || !tieringCovers(c, o) {
			continue
		}
		for _, t := range c.Tierings {
			if idle >= time.Duration(t.Days)*day && tier != string(api.IntelligentTieringAccessTierDeepArchiveAccess) {
				tier = string(t.AccessTier)
			}
		}
	}
	return tier, nil
}

func tieringCovers(c *api.IntelligentTieringConfiguration, o *object) bool {
	f := c.Filter
	switch {
	case f == nil:
		return true
	case f.And != nil:
		return strings.HasPrefix(o.Key, text(f.And.Prefix)) && hasTags(o.Tags, f.And.Tags)
	case f.Tag != nil:
		return hasTags(o.Tags, []api.Tag{*f.Tag})
	}
	return strings.HasPrefix(o.Key, text(f.Prefix))
}

// archived tells whether a tier is one whose objects have to be restored before they can be read.
func archived(tier string) bool {
	return tier == string(api.IntelligentTieringAccessTierArchiveAccess) || tier == string(api.IntelligentTieringAccessTierDeepArchiveAccess)
}

// archiveStatus is the archive tier that an object is in, nil when it is in none.
func (s *Service) archiveStatus(call *aws.Call, b *bucket, o *object) (status *api.ArchiveStatus, err error) {
	if !o.tiered() {
		return nil, nil
	}
	err = s.DB.View(call, func(tx *store.Tx) error {
		tier, err := tierOf(tx, b, o, call.Now())
		if archived(tier) {
			status = new(api.ArchiveStatus(tier))
		}
		return err
	})
	return status, err
}

// touch notes that an object is read, and refuses it where it has to be restored before.
func (s *Service) touch(call *aws.Call, b *bucket, o *object) error {
	if !o.tiered() {
		return nil
	}
	now := call.Now()
	var known bool
	err := s.DB.View(call, func(tx *store.Tx) error {
		tier, err := tierOf(tx, b, o, now)
		if err != nil {
			return err
		}
		if archived(tier) {
			return api.NewInvalidObjectState("The action is not valid for the object's access tier").With("StorageClass", o.Class).With("AccessTier", tier)
		}
		a, err := accesses.Get(tx, store.K(b.ID, o.Key, o.Seq))
		known = err == nil && now.Sub(a.At) < day || errors.Is(err, store.ErrNotFound) && now.Sub(o.Modified) < day
		return ignoreNotFound(err)
	})
	if err != nil || known {
		return err
	}
	return s.DB.Update(call, func(tx *store.Tx) error { return noteAccess(tx, o, now) })
}

// noteAccess writes down that an object is in use, if it still is there.
func noteAccess(tx *store.Tx, o *object, now time.Time) error {
	there, err := currentObjects.Has(tx, store.K(o.BucketID, o.Key))
	if err == nil && !there {
		there, err = olderObjects.Has(tx, store.K(o.BucketID, o.Key, -o.Seq))
	}
	if err != nil || !there {
		return err
	}
	return accesses.Put(tx, &access{o.BucketID, o.Key, o.Seq, now})
}

// risings is how long an object takes from an archive tier up to the one for frequent access, by the tier of the restore.
var risings = map[string]map[api.Tier]time.Duration{
	string(api.IntelligentTieringAccessTierArchiveAccess): {
		api.TierExpedited: 5 * time.Minute, api.TierStandard: 5 * time.Hour, api.TierBulk: 12 * time.Hour,
	},
	string(api.IntelligentTieringAccessTierDeepArchiveAccess): {api.TierStandard: 12 * time.Hour, api.TierBulk: 48 * time.Hour},
}

// restoreTiered has an object of INTELLIGENT_TIERING move up from its archive tier.
func (s *Service) restoreTiered(tx *store.Tx, call *aws.Call, b *bucket, o *object, speed api.Tier, days *int32) error {
	now := call.Now()
	tier, err := tierOf(tx, b, o, now)
	if err != nil {
		return err
	}
	took, ok := risings[tier][speed]
	switch {
	case !archived(tier):
		return api.NewInvalidObjectState("Restore is not allowed for the object's current storage class").With("StorageClass", o.Class).With("AccessTier", tier)
	case days != nil:
		return invalidArgument("Days", strconv.Itoa(int(*days)), "Days must not be specified for objects in the INTELLIGENT_TIERING storage class")
	case !ok:
		return invalidArgument("Tier", string(speed), "Retrieval option is not supported by this storage class")
	case o.Tier != "":
		return aws.NewError(http.StatusConflict, "RestoreAlreadyInProgress", "Object restore is already in progress")
	}
	o.Tier, o.Ready = speed, now.Add(took)
	if err := s.Tasks.Schedule(tx, restoreKind, restoreTask(b, o), o.Ready, nil); err != nil {
		return err
	}
	if err := s.notify(tx, b, changeOf(b, o, string(api.EventS3ObjectRestorePost), call)); err != nil {
		return err
	}
	return s.rewrite(tx, b, o)
}

// risen ends such a restore: the object is as if it had been read.
func (s *Service) risen(tx *store.Tx, b *bucket, o *object) error {
	if o.Tier == "" {
		return nil
	}
	o.restoration = restoration{}
	if err := noteAccess(tx, o, s.Clock.Now()); err != nil {
		return err
	}
	if err := s.notify(tx, b, changeOf(b, o, string(api.EventS3ObjectRestoreCompleted), nil)); err != nil {
		return err
	}
	return s.rewrite(tx, b, o)
}

// forgetAccess removes what is known of the use of a version that goes.
func forgetAccess(tx *store.Tx, o *object) error {
	if !o.tiered() {
		return nil
	}
	_, err := accesses.Delete(tx, store.K(o.BucketID, o.Key, o.Seq))
	return err
}

// checkTiering refuses configurations that cannot be.
func checkTiering(c *api.IntelligentTieringConfiguration) error {
	if f := c.Filter; f != nil {
		and := f.And
		if and == nil {
			and = &api.IntelligentTieringAndOperator{}
		}
		if err := filterOf(f.Prefix, f.Tag, f.And != nil, and.Prefix, and.Tags); err != nil {
			return err
		}
	}
	if c.Status != api.IntelligentTieringStatusEnabled && c.Status != api.IntelligentTieringStatusDisabled || len(c.Tierings) == 0 {
		return malformedXML()
	}
	seen := map[api.IntelligentTieringAccessTier]int32{}
	for _, t := range c.Tierings {
		low := int32(90)
		switch t.AccessTier {
		case api.IntelligentTieringAccessTierArchiveAccess:
		case api.IntelligentTieringAccessTierDeepArchiveAccess:
			low = 180
		default:
			return malformedXML()
		}
		if _, twice := seen[t.AccessTier]; twice || t.Days < low || t.Days > 730 {
			return invalidRequest("The number of days for the %s access tier must be between %d and 730, and each tier may be given once.", t.AccessTier, low)
		}
		seen[t.AccessTier] = t.Days
	}
	archive, deep := seen[api.IntelligentTieringAccessTierArchiveAccess], seen[api.IntelligentTieringAccessTierDeepArchiveAccess]
	if archive != 0 && deep != 0 && archive >= deep {
		return invalidRequest("The number of days for the DEEP_ARCHIVE_ACCESS tier must be greater than for the ARCHIVE_ACCESS tier.")
	}
	return nil
}

// putBucketIntelligentTieringConfiguration sets when objects move to archive tiers.
func (s *Service) putBucketIntelligentTieringConfiguration(call *aws.Call, in *api.PutBucketIntelligentTieringConfigurationInput) (*api.PutBucketIntelligentTieringConfigurationOutput, error) {
	c := in.IntelligentTieringConfiguration
	if err := checkNamedID(in.ID, c.ID); err != nil {
		return nil, err
	}
	if err := checkTiering(&c); err != nil {
		return nil, err
	}
	return &api.PutBucketIntelligentTieringConfigurationOutput{}, s.putNamed(call, in.Bucket, in.ExpectedBucketOwner, &named{Kind: kindTiering, ID: c.ID, Tiering: &c}, nil)
}

func (s *Service) getBucketIntelligentTieringConfiguration(call *aws.Call, in *api.GetBucketIntelligentTieringConfigurationInput) (*api.GetBucketIntelligentTieringConfigurationOutput, error) {
	n, err := s.getNamed(call, in.Bucket, in.ExpectedBucketOwner, kindTiering, in.ID)
	if err != nil {
		return nil, err
	}
	return &api.GetBucketIntelligentTieringConfigurationOutput{IntelligentTieringConfiguration: n.Tiering}, nil
}

func (s *Service) deleteBucketIntelligentTieringConfiguration(call *aws.Call, in *api.DeleteBucketIntelligentTieringConfigurationInput) (*api.DeleteBucketIntelligentTieringConfigurationOutput, error) {
	return &api.DeleteBucketIntelligentTieringConfigurationOutput{}, s.deleteNamed(call, in.Bucket, in.ExpectedBucketOwner, kindTiering, in.ID)
}

func (s *Service) listBucketIntelligentTieringConfigurations(call *aws.Call, in *api.ListBucketIntelligentTieringConfigurationsInput) (*api.ListBucketIntelligentTieringConfigurationsOutput, error) {
	list, next, err := s.listNamed(call, in.Bucket, in.ExpectedBucketOwner, kindTiering, in.ContinuationToken)
	if err != nil {
		return nil, err
	}
	out := &api.ListBucketIntelligentTieringConfigurationsOutput{ContinuationToken: in.ContinuationToken, NextContinuationToken: next, IsTruncated: new(next != nil)}
	for _, n := range list {
		out.IntelligentTieringConfigurationList = append(out.IntelligentTieringConfigurationList, *n.Tiering)
	}
	return out, nil
}
