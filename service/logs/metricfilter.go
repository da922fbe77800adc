package logs

import (
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/lang/filterpattern"
	"drydock/store"
)

// metricFilter turns events of a group into metric data, see metricdata.go.
type metricFilter struct {
	Account, Region, Group, Name string
	Pattern                      string
	Metric                       api.MetricTransformation
	// Transformed tells that the pattern is matched against what the group's transformer makes of an event.
	Transformed bool
	// SystemDimensions are those of @aws.account and @aws.region that become dimensions.
	SystemDimensions []string
	Created          time.Time
}

var (
	metricFiltersByMetric = store.NewIndex("metric", func(f *metricFilter) []store.Key {
		return []store.Key{store.K(f.Account, f.Region, f.Metric.MetricNamespace, f.Metric.MetricName)}
	})
	metricFilters = store.NewTable("logs/metricfilter", func(f *metricFilter) store.Key {
		return store.K(f.Account, f.Region, f.Group, f.Name)
	}, metricFiltersByMetric)
)

// filters yields the rows of a table of filters that belong to the group.
func filtersOf[T any](tx *store.Tx, t *store.Table[T], g *logGroup) iter.Seq2[*T, error] {
	return t.Scan(tx, store.Range{Prefix: store.K(g.Account, g.Region, g.Name)})
}

// emittedFields are the fields that filters may add to what they make.
var emittedFields = []string{"@aws.account", "@aws.region"}

// checkSystemFields refuses others.
func checkSystemFields(fields []string) error {
	for _, f := range fields {
		if !slices.Contains(emittedFields, f) {
			return api.NewInvalidParameterException("Invalid system field: %s. Valid values are %s.", f, strings.Join(emittedFields, ", "))
		}
	}
	return nil
}

const limitExceeded = "Resource limit exceeded."

// putMetricFilter makes or replaces a filter.
func (s *Service) putMetricFilter(call *aws.Call, in *api.PutMetricFilterInput) (*api.PutMetricFilterOutput, error) {
	if in.FieldSelectionCriteria != nil && *in.FieldSelectionCriteria != "" {
		return nil, notImplemented("drydock does not select events by fieldSelectionCriteria.")
	}
	if err := checkSystemFields(in.EmitSystemFieldDimensions); err != nil {
		return nil, err
	}
	f := &metricFilter{
		Account: call.Account, Region: call.Region, Group: in.LogGroupName, Name: in.FilterName, Pattern: in.FilterPattern,
		Metric: in.MetricTransformations[0], SystemDimensions: in.EmitSystemFieldDimensions, Created: call.Now(),
		Transformed: in.ApplyOnTransformedLogs != nil && *in.ApplyOnTransformedLogs,
	}
	if _, err := f.compile(); err != nil {
		return nil, err
	}
	err := s.DB.Update(call, func(tx *store.Tx) error {
		g, err := getLogGroup(tx, call, in.LogGroupName)
		if err != nil {
			return err
		}
		if err := g.standard(call); err != nil {
			return err
		}
		switch old, err := metricFilters.Get(tx, metricFilters.Key(f)); {
		case err == nil:
			f.Created = old.Created
		case !errors.Is(err, store.ErrNotFound):
			return err
		case g.MetricFilters >= maxMetricFilters:
			return api.NewLimitExceededException(limitExceeded)
		default:
			g.MetricFilters++
		}
		if err := checkRegexFilters(tx, g, f.Pattern, f.Name); err != nil {
			return err
		}
		if err := metricFilters.Put(tx, f); err != nil {
			return err
		}
		return s.putWatched(tx, g)
	})
	if err != nil {
		return nil, err
	}
	return &api.PutMetricFilterOutput{}, nil
}

// checkRegexFilters keeps a group from having more filters with regular expressions than AWS lets it have. The filter
// that is put, by its name, may replace one.
func checkRegexFilters(tx *store.Tx, g *logGroup, pattern, name string) error {
	if p, err := parsePattern(&pattern); err != nil || p == nil || !p.UsesRegex() {
		return err
	}
	n := 0
	count := func(other, pattern string) {
		if p, err := parsePattern(&pattern); other != name && err == nil && p != nil && p.UsesRegex() {
			n++
		}
	}
	for f, err := range filtersOf(tx, metricFilters, g) {
		if err != nil {
			return err
		}
		count(f.Name, f.Pattern)
	}
	for f, err := range filtersOf(tx, subscriptionFilters, g) {
		if err != nil {
			return err
		}
		count(f.Name, f.Pattern)
	}
	if n >= maxRegexFilters {
		return api.NewLimitExceededException(limitExceeded)
	}
	return nil
}

// compiledMetric is a metric filter ready to be matched.
type compiledMetric struct {
	*metricFilter
	pattern *filterpattern.Pattern // nil matches everything
	// value takes the value out of a message, or is nil where it is the constant number.
	value  *filterpattern.Selector
	number float64
	// dimensions take the values of dimensions, in the order of names.
	names      []string
	dimensions []*filterpattern.Selector
}

func invalidTransformation(format string, args ...any) error {
	return api.NewInvalidParameterException("Invalid metric transformation: "+format, args...)
}

// compile checks a filter's pattern and transformation.
func (f *metricFilter) compile() (*compiledMetric, error) {
	pattern, err := parsePattern(&f.Pattern)
	if err != nil {
		return nil, err
	}
	c := &compiledMetric{metricFilter: f, pattern: pattern}
	selector := func(ref string) (*filterpattern.Selector, error) {
		if pattern == nil {
			return nil, invalidTransformation("the filter pattern has no value %s", ref)
		}
		sel, err := pattern.Selector(ref)
		if err != nil {
			return nil, invalidTransformation("the filter pattern has no value %s", ref)
		}
		return sel, nil
	}
	if m := f.Metric.MetricValue; strings.HasPrefix(m, "$") {
		if c.value, err = selector(m); err != nil {
			return nil, err
		}
	} else if c.number, err = parseMetricValue(m); err != nil {
		return nil, invalidTransformation("metricValue must be a number or a reference to a field: %s", m)
	}
	if len(f.Metric.Dimensions) > 0 && f.Metric.DefaultValue != nil {
		return nil, invalidTransformation("dimensions and default value are mutually exclusive properties.")
	}
	if len(f.Metric.Dimensions)+len(f.SystemDimensions) > maxDimensions {
		return nil, invalidTransformation("a metric filter may have at most %d dimensions.", maxDimensions)
	}
	for name := range f.Metric.Dimensions {
		c.names = append(c.names, name)
	}
	slices.Sort(c.names)
	for _, name := range c.names {
		sel, err := selector(f.Metric.Dimensions[name])
		if err != nil {
			return nil, err
		}
		c.dimensions = append(c.dimensions, sel)
	}
	return c, nil
}

// describeMetricFilters lists the filters of a group, of a metric, or all.
func (s *Service) describeMetricFilters(call *aws.Call, in *api.DescribeMetricFiltersInput) (*api.DescribeMetricFiltersOutput, error) {
	if (in.MetricName == nil) != (in.MetricNamespace == nil) {
		return nil, api.NewInvalidParameterException("Metric name and metric namespace must be given together.")
	}
	of := store.K(call.Account, call.Region)
	l := listTable(metricFilters, store.Range{Prefix: of}, in.Limit, in.NextToken)
	l.wanted = func(f *metricFilter) bool {
		return (in.FilterNamePrefix == nil || strings.HasPrefix(f.Name, *in.FilterNamePrefix)) &&
			(in.MetricName == nil || f.Metric.MetricName == *in.MetricName && f.Metric.MetricNamespace == *in.MetricNamespace)
	}
	switch {
	case in.LogGroupName != nil:
		if err := s.DB.View(call, func(tx *store.Tx) error {
			_, err := getLogGroup(tx, call, *in.LogGroupName)
			return err
		}); err != nil {
			return nil, err
		}
		l.within = prefixed(of.With(*in.LogGroupName), in.FilterNamePrefix)
	case in.MetricName != nil:
		by := of.With(*in.MetricNamespace, *in.MetricName)
		l.within, l.scan = store.Range{Prefix: by}, metricFiltersByMetric.Scan
		l.position = func(f *metricFilter) store.Key { return metricFiltersByMetric.Entry(f, by) }
	}
	filters, next, err := l.page(s, call)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeMetricFiltersOutput{MetricFilters: make([]api.MetricFilter, len(filters)), NextToken: next}
	for i, f := range filters {
		out.MetricFilters[i] = api.MetricFilter{
			FilterName: &f.Name, FilterPattern: &f.Pattern, MetricTransformations: []api.MetricTransformation{f.Metric},
			CreationTime: new(f.Created.UnixMilli()), LogGroupName: &f.Group, ApplyOnTransformedLogs: &f.Transformed,
			EmitSystemFieldDimensions: f.SystemDimensions,
		}
	}
	return out, nil
}

// deleteMetricFilter removes a filter.
func (s *Service) deleteMetricFilter(call *aws.Call, in *api.DeleteMetricFilterInput) (*api.DeleteMetricFilterOutput, error) {
	err := s.DB.Update(call, func(tx *store.Tx) error {
		g, err := getLogGroup(tx, call, in.LogGroupName)
		if err != nil {
			return err
		}
		existed, err := metricFilters.Delete(tx, store.K(g.Account, g.Region, g.Name, in.FilterName))
		if err != nil {
			return err
		}
		if !existed {
			return api.NewResourceNotFoundException("The specified metric filter does not exist.")
		}
		g.MetricFilters--
		return s.putWatched(tx, g)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteMetricFilterOutput{}, nil
}

// testMetricFilter shows which messages a filter pattern matches, and what it takes out of them.
func (s *Service) testMetricFilter(_ *aws.Call, in *api.TestMetricFilterInput) (*api.TestMetricFilterOutput, error) {
	pattern, err := parsePattern(&in.FilterPattern)
	if err != nil {
		return nil, err
	}
	out := &api.TestMetricFilterOutput{Matches: []api.MetricFilterMatchRecord{}}
	for i, message := range in.LogEventMessages {
		values, matched := map[string]string(nil), true
		if pattern != nil {
			values, matched = pattern.Extract(message)
		}
		if !matched {
			continue
		}
		if values == nil {
			values = map[string]string{}
		}
		out.Matches = append(out.Matches, api.MetricFilterMatchRecord{
			EventNumber: new(int64(i + 1)), EventMessage: &in.LogEventMessages[i], ExtractedValues: values,
		})
	}
	return out, nil
}
