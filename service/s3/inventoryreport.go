package s3

import (
	"compress/gzip"
	"context"
	"crypto/md5" //nolint:gosec // the checksum that manifests have
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
	"drydock/task"
)

const inventoryKind = "s3.inventory"

// inventoryBatch is how many rows are read on one snapshot.
const inventoryBatch = 1000

// inventoryFields are the optional columns.
var inventoryFields = map[api.InventoryOptionalField]func(b *bucket, o *object, tier string) string{
	api.InventoryOptionalFieldSize:                         func(_ *bucket, o *object, _ string) string { return strconv.FormatInt(o.Size, 10) },
	api.InventoryOptionalFieldLastModifiedDate:             func(_ *bucket, o *object, _ string) string { return o.Modified.UTC().Format(eventTime) },
	api.InventoryOptionalFieldStorageClass:                 func(_ *bucket, o *object, _ string) string { return o.listedClass() },
	api.InventoryOptionalFieldETag:                         func(_ *bucket, o *object, _ string) string { return o.ETag },
	api.InventoryOptionalFieldIsMultipartUploaded:          func(_ *bucket, o *object, _ string) string { return strconv.FormatBool(o.Parts > 0) },
	api.InventoryOptionalFieldReplicationStatus:            func(_ *bucket, o *object, _ string) string { return string(o.Replication) },
	api.InventoryOptionalFieldIntelligentTieringAccessTier: func(_ *bucket, _ *object, tier string) string { return tier },
	api.InventoryOptionalFieldChecksumAlgorithm:            func(_ *bucket, o *object, _ string) string { return string(o.Sum.Algorithm) },
	api.InventoryOptionalFieldObjectOwner:                  func(b *bucket, o *object, _ string) string { return canonicalID(o.ownership.owner(b)) },
	api.InventoryOptionalFieldObjectLockMode:               func(_ *bucket, o *object, _ string) string { return string(o.LockMode) },
	api.InventoryOptionalFieldObjectLockLegalHoldStatus:    func(_ *bucket, o *object, _ string) string { return string(o.Hold) },
	api.InventoryOptionalFieldObjectLockRetainUntilDate: func(_ *bucket, o *object, _ string) string {
		if o.LockMode == "" {
			return ""
		}
		return o.LockUntil.UTC().Format(eventTime)
	},
	api.InventoryOptionalFieldBucketKeyStatus: func(_ *bucket, o *object, _ string) string {
		if o.BucketKey {
			return "ENABLED"
		}
		return "DISABLED"
	},
	api.InventoryOptionalFieldEncryptionStatus: func(_ *bucket, o *object, _ string) string {
		switch {
		case o.CustomerMD5 != "":
			return "SSE-C"
		case o.SSE == api.ServerSideEncryptionAWSKMS:
			return "SSE-KMS"
		case o.SSE != "":
			return "DSSE-KMS"
		}
		return "SSE-S3"
	},
	api.InventoryOptionalFieldLifecycleExpirationDate: func(b *bucket, o *object, _ string) string {
		if o.expiration(b) == nil {
			return ""
		}
		return o.Due.UTC().Format(eventTime)
	},
}

// report makes a report and says when to make the next.
func (s *Service) report(ctx context.Context, t task.Task) (task.Next, error) {
	parts := strings.SplitN(t.Key, "/", 3)
	var b, to *bucket
	var c *api.InventoryConfiguration
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		b, to, c = nil, nil, nil
		if b, err = buckets.Get(tx, store.K(parts[0], parts[1])); err != nil {
			return err
		}
		n, err := namedConfigs.Get(tx, store.K(b.ID, kindInventory, parts[2]))
		if err != nil {
			return err
		}
		c = n.Inventory
		to, err = buckets.Get(tx, store.K(b.Partition, strings.TrimPrefix(c.Destination.S3BucketDestination.Bucket, "arn:"+b.Partition+":s3:::")))
		return ignoreNotFound(err)
	})
	if errors.Is(err, store.ErrNotFound) || err == nil && !c.IsEnabled {
		return task.Done, nil
	}
	if err != nil {
		return task.Done, err
	}
	next := task.At(nextReport(s.Clock.Now(), c.Schedule.Frequency))
	if to == nil {
		s.Log.Warn("inventory not delivered", "bucket", b.Name, "error", "the destination does not exist")
		return next, nil
	}
	call := s.NewCall(ctx, aws.ServicePrincipal(servicePrincipal, ""), b.Region)
	call.Partition = b.Partition
	r := &inventoryReport{s: s, call: call, from: b, to: to, c: c, at: t.Due}
	err = r.make()
	if aws.ErrorCode(err) != "" {
		s.Log.Warn("inventory not delivered", "bucket", b.Name, "destination", to.Name, "error", err)
		return next, nil
	}
	return next, err
}

// inventoryReport is one report: "Locating your inventory list" of the S3 User Guide.
type inventoryReport struct {
	s        *Service
	call     *aws.Call
	from, to *bucket
	c        *api.InventoryConfiguration
	at       time.Time
}

// base is before the keys of all reports of a configuration.
func (r *inventoryReport) base() string {
	base := r.from.Name + "/" + r.c.ID + "/"
	if prefix := text(r.c.Destination.S3BucketDestination.Prefix); prefix != "" {
		base = strings.TrimSuffix(prefix, "/") + "/" + base
	}
	return base
}

func (r *inventoryReport) all() bool {
	return r.c.IncludedObjectVersions == api.InventoryIncludedObjectVersionsAll
}

// make writes the list, then what refers to it.
func (r *inventoryReport) make() error {
	if a := text(r.c.Destination.S3BucketDestination.AccountID); a != "" && a != r.to.Account {
		return accessDenied()
	}
	data := r.base() + "data/" + r.call.NewUUID() + ".csv.gz"
	file, err := r.putList(data)
	if err != nil {
		return err
	}
	schema := []string{"Bucket", "Key"}
	if r.all() {
		schema = append(schema, "VersionId", "IsLatest", "IsDeleteMarker")
	}
	for _, f := range r.c.OptionalFields {
		schema = append(schema, string(f))
	}
	type listed struct {
		Key  string `json:"key"`
		Size int64  `json:"size"`
		MD5  string `json:"MD5checksum"`
	}
	manifest, err := json.MarshalIndent(struct {
		Source      string   `json:"sourceBucket"`
		Destination string   `json:"destinationBucket"`
		Version     string   `json:"version"`
		Created     string   `json:"creationTimestamp"`
		Format      string   `json:"fileFormat"`
		Schema      string   `json:"fileSchema"`
		Files       []listed `json:"files"`
	}{
		r.from.Name, r.to.arn(), "2016-11-30", strconv.FormatInt(r.at.UnixMilli(), 10), "CSV", strings.Join(schema, ", "),
		[]listed{{data, file.Size, file.ETag}},
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("inventory manifest: %w", err)
	}
	sum := md5.Sum(manifest) //nolint:gosec // the checksum that manifests have
	at := r.at.UTC()
	folder := r.base() + at.Format("2006-01-02T15-04Z") + "/"
	for _, o := range []struct{ key, typ, text string }{
		{r.base() + "hive/dt=" + at.Format("2006-01-02-15-04") + "/symlink.txt", "text/plain", "s3://" + r.to.Name + "/" + data + "\n"},
		{folder + "manifest.json", "application/json", string(manifest)},
		{folder + "manifest.checksum", "text/plain", hex.EncodeToString(sum[:])},
	} {
		if err := r.put(&object{Key: o.key, headers: headers{ContentType: o.typ}}, strings.NewReader(o.text)); err != nil {
			return err
		}
	}
	return nil
}

// put writes one object of the report, which the destination's policy has to allow.
func (r *inventoryReport) put(o *object, body io.Reader) error {
	check := aws.Check{Action: "s3:PutObject", Resource: r.to.arn() + "/" + o.Key, Keys: map[string][]string{
		"aws:SourceArn": {r.from.arn()}, "aws:SourceAccount": {r.from.Account}, "s3:x-amz-acl": {string(api.ObjectCannedACLBucketOwnerFullControl)},
	}}
	if err := r.call.Cloud.Authorize(r.call, check); err != nil {
		return err
	}
	return r.s.deposit(r.call, r.to.Name, o, body, nil)
}

// putList writes the list as it is read.
func (r *inventoryReport) putList(key string) (*object, error) {
	body, w := io.Pipe()
	go func() { w.CloseWithError(r.write(w)) }()
	o := &object{Key: key, headers: headers{ContentType: "application/octet-stream"}}
	err := r.put(o, body)
	return o, errors.Join(err, body.CloseWithError(io.ErrClosedPipe))
}

// write writes the list.
func (r *inventoryReport) write(w io.Writer) error {
	zipped := gzip.NewWriter(w)
	out := &quotedCSV{w: zipped}
	prefix := ""
	if r.c.Filter != nil {
		prefix = r.c.Filter.Prefix
	}
	tables := []*store.Table[object]{currentObjects}
	if r.all() {
		tables = append(tables, olderObjects)
	}
	for _, table := range tables {
		if err := r.walk(table, prefix, out); err != nil {
			return err
		}
	}
	return errors.Join(out.err, zipped.Close())
}

func (r *inventoryReport) walk(table *store.Table[object], prefix string, out *quotedCSV) error {
	var after store.Key
	for {
		var rows []*object
		var tiers []string
		err := r.s.DB.View(r.call, func(tx *store.Tx) error {
			rows, tiers = nil, nil
			space := store.K(r.from.ID)
			span := store.Range{Prefix: space, After: after}
			if span.From, span.To = space.StringPrefix(prefix); prefix == "" {
				span.From, span.To = nil, nil
			}
			next, stop := iter.Pull2(table.Scan(tx, span))
			defer stop()
			for len(rows) < inventoryBatch {
				o, err, more := next()
				if err != nil || !more {
					return err
				}
				tier, err := tierOf(tx, r.from, o, r.at)
				if err != nil {
					return err
				}
				if o.Class != string(api.StorageClassIntelligentTiering) {
					tier = ""
				}
				rows, tiers = append(rows, o), append(tiers, tier)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for i, o := range rows {
			out.line(r.line(o, tiers[i]))
		}
		if len(rows) < inventoryBatch || out.err != nil {
			return out.err
		}
		after = table.Key(rows[len(rows)-1])
	}
}

// line is what the list says of a version.
func (r *inventoryReport) line(o *object, tier string) []string {
	line := []string{r.from.Name, encodeKey(o.Key)}
	if r.all() {
		line = append(line, o.Version, strconv.FormatBool(o.Noncurrent.IsZero()), strconv.FormatBool(o.Marker))
	}
	for _, f := range r.c.OptionalFields {
		value := ""
		if !o.Marker || f == api.InventoryOptionalFieldLastModifiedDate {
			value = inventoryFields[f](r.from, o, tier)
		}
		line = append(line, value)
	}
	return line
}

// quotedCSV writes lines whose values are all in quotes, as inventories have them.
type quotedCSV struct {
	w   io.Writer
	err error
}

func (q *quotedCSV) line(values []string) {
	if q.err == nil {
		_, q.err = io.WriteString(q.w, `"`+strings.Join(values, `","`)+"\"\n")
	}
}
