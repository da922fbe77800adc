package s3_test

import (
	"compress/gzip"
	"crypto/md5"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/service/servicetest"
)

// inventory has lists of the bucket "data" made into the bucket "lists".
func inventory(t testing.TB, call *aws.Call, every api.InventoryFrequency, versions api.InventoryIncludedObjectVersions, fields ...api.InventoryOptionalField) {
	t.Helper()
	newBucket(t, call, "lists")
	allow(t, call, "lists", `{"Service":"s3.amazonaws.com"}`, "s3:PutObject", `,"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::data"},"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control"}}`)
	_, err := api.PutBucketInventoryConfiguration.Do(call, &api.PutBucketInventoryConfigurationInput{Bucket: "data", ID: "all", InventoryConfiguration: api.InventoryConfiguration{
		ID: "all", IsEnabled: true, IncludedObjectVersions: versions, OptionalFields: fields, Schedule: api.InventorySchedule{Frequency: every},
		Destination: api.InventoryDestination{S3BucketDestination: api.InventoryS3BucketDestination{Bucket: "arn:aws:s3:::lists", Format: api.InventoryFormatCSV, Prefix: new("inv")}},
	}})
	if err != nil {
		t.Fatal(err)
	}
}

type manifest struct {
	SourceBucket, DestinationBucket, FileFormat, FileSchema string
	Files                                                   []struct {
		Key, MD5checksum string
		Size             int
	}
}

// list reads the newest list, by its manifest.
func list(t testing.TB, call *aws.Call) (m manifest, rows [][]string) {
	t.Helper()
	out, err := api.ListObjectsV2.Do(call, &api.ListObjectsV2Input{Bucket: "lists", Prefix: new("inv/data/all/20")})
	if err != nil {
		t.Fatal(err)
	}
	sum, text := "", ""
	for _, o := range out.Contents {
		switch data := get(t, call, &api.GetObjectInput{Bucket: "lists", Key: *o.Key}); {
		case strings.HasSuffix(*o.Key, "/manifest.checksum"):
			sum = data
		case strings.HasSuffix(*o.Key, "/manifest.json"):
			text = data
		}
	}
	if want := md5.Sum([]byte(text)); sum != hex.EncodeToString(want[:]) {
		t.Errorf("the manifest's checksum is %s", sum)
	}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	packed := get(t, call, &api.GetObjectInput{Bucket: "lists", Key: m.Files[0].Key})
	if want := md5.Sum([]byte(packed)); m.Files[0].MD5checksum != hex.EncodeToString(want[:]) || m.Files[0].Size != len(packed) {
		t.Errorf("the manifest says %+v", m.Files[0])
	}
	unpacked, err := gzip.NewReader(strings.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	rows, err = csv.NewReader(unpacked).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return m, rows
}

func tiers(t testing.TB, call *aws.Call) string {
	t.Helper()
	_, rows := list(t, call)
	var out []string
	for _, r := range rows {
		out = append(out, r[1]+" "+r[2])
	}
	return strings.Join(out, ", ")
}

func TestInventory_ListsVersionsOnSchedule(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	newVersioned(t, call, "data")
	put(t, call, "data", "a b", "one")
	put(t, call, "data", "a b", "other")
	put(t, call, "data", "gone", "x")
	remove(t, call, "data", "gone", nil)
	for i := range 1200 {
		put(t, call, "data", fmt.Sprintf("many/%04d", i), "")
	}
	inventory(t, call, api.InventoryFrequencyWeekly, api.InventoryIncludedObjectVersionsAll, api.InventoryOptionalFieldSize, api.InventoryOptionalFieldETag, api.InventoryOptionalFieldEncryptionStatus)
	c.Advance(t, 24*time.Hour) // from Friday to Saturday
	if keys, _ := logs(t, call, "lists"); len(keys) != 0 {
		t.Errorf("before Sunday: %q", keys)
	}
	c.Advance(t, 24*time.Hour)
	m, rows := list(t, call)
	if m.SourceBucket != "data" || m.DestinationBucket != "arn:aws:s3:::lists" || m.FileFormat != "CSV" ||
		m.FileSchema != "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, ETag, EncryptionStatus" {
		t.Errorf("manifest %+v", m)
	}
	if len(rows) != 1204 {
		t.Errorf("%d rows", len(rows))
	}
	var short []string
	for _, r := range rows {
		if !strings.HasPrefix(r[1], "many/") {
			short = append(short, strings.Join(append(r[:2:2], r[3:]...), " "))
		}
	}
	want := "data a%20b true false 5 795f3202b17cb6bc3d4b771d8c6c9eaf SSE-S3\ndata a%20b false false 3 f97c5d29941bfb1b2fdab0874906ab82 SSE-S3\n" +
		"data gone true true   \ndata gone false false 1 9dd4e461268c8034f5c8564e155c67a6 SSE-S3"
	if got := strings.Join(short, "\n"); got != want {
		t.Errorf("rows\n%s\nwant\n%s", got, want)
	}
	keys, text := logs(t, call, "lists")
	if len(keys) != 4 || !strings.Contains(text, "s3://lists/"+m.Files[0].Key+"\n") || !strings.Contains(strings.Join(keys, " "), "inv/data/all/hive/dt=2026-01-04-00-00/symlink.txt") {
		t.Errorf("keys %q", keys)
	}
	if _, err := api.DeleteBucketInventoryConfiguration.Do(call, &api.DeleteBucketInventoryConfigurationInput{Bucket: "data", ID: "all"}); err != nil {
		t.Fatal(err)
	}
	c.Advance(t, 14*24*time.Hour)
	if keys, _ := logs(t, call, "lists"); len(keys) != 4 {
		t.Errorf("after it was deleted: %q", keys)
	}
}

func TestNamedConfigurations_AreKeptAndListedInPages(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	newBucket(t, call, "data")
	for i := range 150 {
		id := fmt.Sprintf("m%03d", i)
		_, err := api.PutBucketMetricsConfiguration.Do(call, &api.PutBucketMetricsConfigurationInput{Bucket: "data", ID: id, MetricsConfiguration: api.MetricsConfiguration{ID: id}})
		if err != nil {
			t.Fatal(err)
		}
	}
	in := &api.ListBucketMetricsConfigurationsInput{Bucket: "data"}
	n := 0
	for {
		out, err := api.ListBucketMetricsConfigurations.Do(call, in)
		if err != nil {
			t.Fatal(err)
		}
		if n += len(out.MetricsConfigurationList); !*out.IsTruncated {
			break
		}
		in.ContinuationToken = out.NextContinuationToken
	}
	if n != 150 {
		t.Errorf("%d configurations are listed", n)
	}
	get := func(id string) error {
		_, err := api.GetBucketMetricsConfiguration.Do(call, &api.GetBucketMetricsConfigurationInput{Bucket: "data", ID: id})
		return err
	}
	servicetest.WantError(t, get("none"), "NoSuchConfiguration")
	servicetest.WantError(t, get("m001"), "")
	if _, err := api.DeleteBucketMetricsConfiguration.Do(call, &api.DeleteBucketMetricsConfigurationInput{Bucket: "data", ID: "m001"}); err != nil {
		t.Fatal(err)
	}
	servicetest.WantError(t, get("m001"), "NoSuchConfiguration")
	_, err := api.DeleteBucketMetricsConfiguration.Do(call, &api.DeleteBucketMetricsConfigurationInput{Bucket: "data", ID: "m001"})
	servicetest.WantError(t, err, "NoSuchConfiguration")
	put := func(call *aws.Call, bucket, id string, f *api.MetricsFilter) error {
		_, err := api.PutBucketMetricsConfiguration.Do(call, &api.PutBucketMetricsConfigurationInput{Bucket: bucket, ID: id, MetricsConfiguration: api.MetricsConfiguration{ID: id, Filter: f}})
		return err
	}
	servicetest.WantError(t, put(call, "data", "a b", nil), "InvalidConfigurationId")
	servicetest.WantError(t, put(call, "data", "a", &api.MetricsFilter{}), "MalformedXML")
	servicetest.WantError(t, put(call, "data", "a", &api.MetricsFilter{Prefix: new("a"), Tag: &api.Tag{Key: "a"}}), "MalformedXML")
	servicetest.WantError(t, put(call, "missing", "a", nil), "NoSuchBucket")
	servicetest.WantError(t, put(c.CallIn(t, "444455556666", "us-east-1"), "data", "a", nil), "AccessDenied")
	analytics := api.AnalyticsConfiguration{ID: "a", Filter: &api.AnalyticsFilter{And: &api.AnalyticsAndOperator{Prefix: new("p"), Tags: []api.Tag{{Key: "k", Value: "v"}}}}}
	if _, err := api.PutBucketAnalyticsConfiguration.Do(call, &api.PutBucketAnalyticsConfigurationInput{Bucket: "data", ID: "a", AnalyticsConfiguration: analytics}); err != nil {
		t.Fatal(err)
	}
	got, err := api.GetBucketAnalyticsConfiguration.Do(call, &api.GetBucketAnalyticsConfigurationInput{Bucket: "data", ID: "a"})
	if err != nil || *got.AnalyticsConfiguration.Filter.And.Prefix != "p" {
		t.Errorf("analytics %+v, %v", got, err)
	}
	tier := func(tierings ...api.Tiering) error {
		_, err := api.PutBucketIntelligentTieringConfiguration.Do(call, &api.PutBucketIntelligentTieringConfigurationInput{Bucket: "data", ID: "a", IntelligentTieringConfiguration: api.IntelligentTieringConfiguration{
			ID: "a", Status: api.IntelligentTieringStatusEnabled, Tierings: tierings,
		}})
		return err
	}
	servicetest.WantError(t, tier(), "MalformedXML")
	servicetest.WantError(t, tier(api.Tiering{Days: 89, AccessTier: api.IntelligentTieringAccessTierArchiveAccess}), "InvalidRequest")
	servicetest.WantError(t, tier(api.Tiering{Days: 90, AccessTier: api.IntelligentTieringAccessTierArchiveAccess}), "")
	list, err := api.ListBucketIntelligentTieringConfigurations.Do(call, &api.ListBucketIntelligentTieringConfigurationsInput{Bucket: "data"})
	if err != nil || len(list.IntelligentTieringConfigurationList) != 1 {
		t.Errorf("tierings %+v, %v", list, err)
	}
}

func TestInventory_RefusesWhatItCannotWrite(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	newBucket(t, call, "data")
	for want, c := range map[string]api.InventoryConfiguration{
		"NotImplemented": {ID: "a", IncludedObjectVersions: "All", Schedule: api.InventorySchedule{Frequency: "Daily"},
			Destination: api.InventoryDestination{S3BucketDestination: api.InventoryS3BucketDestination{Bucket: "arn:aws:s3:::lists", Format: api.InventoryFormatOrc}}},
		"MalformedXML": {ID: "a", IncludedObjectVersions: "All", Schedule: api.InventorySchedule{Frequency: "Hourly"},
			Destination: api.InventoryDestination{S3BucketDestination: api.InventoryS3BucketDestination{Bucket: "arn:aws:s3:::lists", Format: api.InventoryFormatCSV}}},
		"InvalidArgument": {ID: "a", IncludedObjectVersions: "All", Schedule: api.InventorySchedule{Frequency: "Daily"},
			Destination: api.InventoryDestination{S3BucketDestination: api.InventoryS3BucketDestination{Bucket: "lists", Format: api.InventoryFormatCSV}}},
	} {
		_, err := api.PutBucketInventoryConfiguration.Do(call, &api.PutBucketInventoryConfigurationInput{Bucket: "data", ID: "a", InventoryConfiguration: c})
		servicetest.WantError(t, err, want)
	}
}
