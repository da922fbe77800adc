package s3

import (
	"errors"
	"net/http"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
)

// named is a configuration of which a bucket can have many, each by its id.
type named struct {
	BucketID string
	Kind     string
	ID       string

	Analytics *api.AnalyticsConfiguration          `cbor:",omitempty"`
	Inventory *api.InventoryConfiguration          `cbor:",omitempty"`
	Metrics   *api.MetricsConfiguration            `cbor:",omitempty"`
	Tiering   *api.IntelligentTieringConfiguration `cbor:",omitempty"`
}

// The kinds.
const (
	kindAnalytics = "analytics"
	kindInventory = "inventory"
	kindMetrics   = "metrics"
	kindTiering   = "tiering"
)

var namedConfigs = store.NewTable("s3/named", func(n *named) store.Key { return store.K(n.BucketID, n.Kind, n.ID) })

func noSuchConfiguration() *aws.Error {
	return aws.NewError(http.StatusNotFound, "NoSuchConfiguration", "The specified configuration does not exist.")
}

// checkNamedID wants the id in the URL to be that of the document, and well formed.
func checkNamedID(query, id string) error {
	if query != id {
		return malformedXML()
	}
	valid := len(id) > 0 && len(id) <= maxNamedID
	for _, c := range []byte(id) {
		valid = valid && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_')
	}
	if !valid {
		return aws.NewError(http.StatusBadRequest, "InvalidConfigurationId", "The specified configuration id is invalid.")
	}
	return nil
}

// putNamed writes a configuration. also runs in the same transaction.
func (s *Service) putNamed(call *aws.Call, name string, owner *string, n *named, also func(*store.Tx, *bucket) error) error {
	return s.DB.Update(call, func(tx *store.Tx) error {
		b, err := getBucket(tx, call, name, owner)
		if err != nil {
			return err
		}
		n.BucketID = b.ID
		there, err := namedConfigs.Has(tx, namedConfigs.Key(n))
		if err != nil {
			return err
		}
		count := 0
		for _, err := range namedConfigs.Scan(tx, store.Range{Prefix: store.K(b.ID, n.Kind)}) {
			if err != nil {
				return err
			}
			if count++; !there && count == maxNamed {
				return aws.NewError(http.StatusBadRequest, "TooManyConfigurations",
					"You are attempting to create a new configuration but have already reached the 1,000-configuration limit.")
			}
		}
		if also != nil {
			if err := also(tx, b); err != nil {
				return err
			}
		}
		return namedConfigs.Put(tx, n)
	})
}

func (s *Service) getNamed(call *aws.Call, name string, owner *string, kind, id string) (n *named, err error) {
	err = s.DB.View(call, func(tx *store.Tx) error {
		b, err := getBucket(tx, call, name, owner)
		if err != nil {
			return err
		}
		n, err = namedConfigs.Get(tx, store.K(b.ID, kind, id))
		if errors.Is(err, store.ErrNotFound) {
			return noSuchConfiguration()
		}
		return err
	})
	return n, err
}

func (s *Service) deleteNamed(call *aws.Call, name string, owner *string, kind, id string) error {
	return s.DB.Update(call, func(tx *store.Tx) error {
		b, err := getBucket(tx, call, name, owner)
		if err != nil {
			return err
		}
		there, err := namedConfigs.Delete(tx, store.K(b.ID, kind, id))
		if err == nil && !there {
			err = noSuchConfiguration()
		}
		return err
	})
}

// listNamed returns a page of a bucket's configurations and the token of the next page, nil at the end.
func (s *Service) listNamed(call *aws.Call, name string, owner *string, kind string, token *string) (list []*named, next *string, err error) {
	last := ""
	if text(token) != "" {
		parts, err := aws.DecodePageToken(*token, 1)
		if err != nil {
			return nil, nil, invalidArgument("continuation-token", *token, "The continuation token provided is incorrect")
		}
		last = parts[0]
	}
	err = s.DB.View(call, func(tx *store.Tx) error {
		list, next = nil, nil
		b, err := getBucket(tx, call, name, owner)
		if err != nil {
			return err
		}
		space := store.K(b.ID, kind)
		r := store.Range{Prefix: space}
		if last != "" {
			r.After = space.With(last)
		}
		for n, err := range namedConfigs.Scan(tx, r) {
			if err != nil {
				return err
			}
			if len(list) == namedPage {
				next = new(aws.EncodePageToken(list[len(list)-1].ID))
				return nil
			}
			list = append(list, n)
		}
		return nil
	})
	return list, next, err
}

// filterOf checks the filter that analytics, metrics and tiering have: one condition, or several within And.
func filterOf(prefix *string, tag *api.Tag, and bool, andPrefix *string, andTags []api.Tag, others ...bool) error {
	conditions := given(append(others, prefix != nil, tag != nil, and)...)
	if conditions != 1 {
		return malformedXML()
	}
	tags := andTags
	if tag != nil {
		tags = []api.Tag{*tag}
	}
	if and && given(andPrefix != nil)+len(andTags)+given(others...) == 0 {
		return malformedXML()
	}
	_, err := checkTags(tags, maxObjectTags)
	return err
}

// putBucketAnalyticsConfiguration keeps what is to be analysed.
func (s *Service) putBucketAnalyticsConfiguration(call *aws.Call, in *api.PutBucketAnalyticsConfigurationInput) (*api.PutBucketAnalyticsConfigurationOutput, error) {
	c := in.AnalyticsConfiguration
	if err := checkNamedID(in.ID, c.ID); err != nil {
		return nil, err
	}
	if f := c.Filter; f != nil {
		and := f.And
		if and == nil {
			and = &api.AnalyticsAndOperator{}
		}
		if err := filterOf(f.Prefix, f.Tag, f.And != nil, and.Prefix, and.Tags); err != nil {
			return nil, err
		}
	}
	if e := c.StorageClassAnalysis.DataExport; e != nil {
		to := e.Destination.S3BucketDestination
		if a, err := aws.ParseARN(to.Bucket); err != nil || a.Service != "s3" || to.Format != api.AnalyticsS3ExportFileFormatCSV ||
			e.OutputSchemaVersion != api.StorageClassAnalysisSchemaVersionV1 {
			return nil, malformedXML()
		}
	}
	return &api.PutBucketAnalyticsConfigurationOutput{}, s.putNamed(call, in.Bucket, in.ExpectedBucketOwner, &named{Kind: kindAnalytics, ID: c.ID, Analytics: &c}, nil)
}

func (s *Service) getBucketAnalyticsConfiguration(call *aws.Call, in *api.GetBucketAnalyticsConfigurationInput) (*api.GetBucketAnalyticsConfigurationOutput, error) {
	n, err := s.getNamed(call, in.Bucket, in.ExpectedBucketOwner, kindAnalytics, in.ID)
	if err != nil {
		return nil, err
	}
	return &api.GetBucketAnalyticsConfigurationOutput{AnalyticsConfiguration: n.Analytics}, nil
}

func (s *Service) deleteBucketAnalyticsConfiguration(call *aws.Call, in *api.DeleteBucketAnalyticsConfigurationInput) (*api.DeleteBucketAnalyticsConfigurationOutput, error) {
	return &api.DeleteBucketAnalyticsConfigurationOutput{}, s.deleteNamed(call, in.Bucket, in.ExpectedBucketOwner, kindAnalytics, in.ID)
}

func (s *Service) listBucketAnalyticsConfigurations(call *aws.Call, in *api.ListBucketAnalyticsConfigurationsInput) (*api.ListBucketAnalyticsConfigurationsOutput, error) {
	list, next, err := s.listNamed(call, in.Bucket, in.ExpectedBucketOwner, kindAnalytics, in.ContinuationToken)
	if err != nil {
		return nil, err
	}
	out := &api.ListBucketAnalyticsConfigurationsOutput{ContinuationToken: in.ContinuationToken, NextContinuationToken: next, IsTruncated: new(next != nil)}
	for _, n := range list {
		out.AnalyticsConfigurationList = append(out.AnalyticsConfigurationList, *n.Analytics)
	}
	return out, nil
}

// putBucketMetricsConfiguration keeps for which objects requests are to be counted.
func (s *Service) putBucketMetricsConfiguration(call *aws.Call, in *api.PutBucketMetricsConfigurationInput) (*api.PutBucketMetricsConfigurationOutput, error) {
	c := in.MetricsConfiguration
	if err := checkNamedID(in.ID, c.ID); err != nil {
		return nil, err
	}
	if f := c.Filter; f != nil {
		and := f.And
		if and == nil {
			and = &api.MetricsAndOperator{}
		}
		if and.AccessPointARN == nil { // with one, And need have nothing else
			if err := filterOf(f.Prefix, f.Tag, f.And != nil, and.Prefix, and.Tags, f.AccessPointARN != nil); err != nil {
				return nil, err
			}
		}
	}
	return &api.PutBucketMetricsConfigurationOutput{}, s.putNamed(call, in.Bucket, in.ExpectedBucketOwner, &named{Kind: kindMetrics, ID: c.ID, Metrics: &c}, nil)
}

func (s *Service) getBucketMetricsConfiguration(call *aws.Call, in *api.GetBucketMetricsConfigurationInput) (*api.GetBucketMetricsConfigurationOutput, error) {
	n, err := s.getNamed(call, in.Bucket, in.ExpectedBucketOwner, kindMetrics, in.ID)
	if err != nil {
		return nil, err
	}
	return &api.GetBucketMetricsConfigurationOutput{MetricsConfiguration: n.Metrics}, nil
}

func (s *Service) deleteBucketMetricsConfiguration(call *aws.Call, in *api.DeleteBucketMetricsConfigurationInput) (*api.DeleteBucketMetricsConfigurationOutput, error) {
	return &api.DeleteBucketMetricsConfigurationOutput{}, s.deleteNamed(call, in.Bucket, in.ExpectedBucketOwner, kindMetrics, in.ID)
}

func (s *Service) listBucketMetricsConfigurations(call *aws.Call, in *api.ListBucketMetricsConfigurationsInput) (*api.ListBucketMetricsConfigurationsOutput, error) {
	list, next, err := s.listNamed(call, in.Bucket, in.ExpectedBucketOwner, kindMetrics, in.ContinuationToken)
	if err != nil {
		return nil, err
	}
	out := &api.ListBucketMetricsConfigurationsOutput{ContinuationToken: in.ContinuationToken, NextContinuationToken: next, IsTruncated: new(next != nil)}
	for _, n := range list {
		out.MetricsConfigurationList = append(out.MetricsConfigurationList, *n.Metrics)
	}
	return out, nil
}
