package logs

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"drydock/aws"
	"drydock/bus"
	"drydock/store"
)

// Metric data leaves as the input of CloudWatch's PutMetricData, addressed to metricDataARN.

// metricPeriod is the resolution of the data: the matches of a minute make one datum.
const metricPeriod = time.Minute

// maxDatumValues is how many different values a datum may have.
const maxDatumValues = 150

// metricData is what the bus carries to CloudWatch.
type metricData struct {
	Namespace  string
	MetricData []*datum
}

type datum struct {
	MetricName string
	Dimensions []dimension `json:",omitempty"`
	Timestamp  time.Time
	Values     []float64
	Counts     []float64
	Unit       string `json:",omitempty"`
}

type dimension struct{ Name, Value string }

func metricDataARN(g *logGroup) string {
	return aws.ARN{Partition: aws.PartitionOf(g.Region), Service: "cloudwatch", Region: g.Region, Account: g.Account, Resource: "metric-data"}.String()
}

// parseMetricValue reads a number that can be a metric's value.
func parseMetricValue(s string) (float64, error) {
	v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err == nil && (math.IsNaN(v) || math.IsInf(v, 0)) {
		err = errors.New("not a finite number")
	}
	return v, err
}

// add counts a value.
func (d *datum) add(v float64) bool {
	if i := slices.Index(d.Values, v); i >= 0 {
		d.Counts[i]++
		return true
	}
	if len(d.Values) == maxDatumValues {
		return false
	}
	d.Values, d.Counts = append(d.Values, v), append(d.Counts, 1)
	return true
}

// sendMetrics sends what the group's metric filters make of new events. Without CloudWatch there is nobody to send it to.
func (s *Service) sendMetrics(tx *store.Tx, g *logGroup, events []ingested) error {
	target := metricDataARN(g)
	if g.MetricFilters == 0 || !s.Bus.Accepts(target) {
		return nil
	}
	for f, err := range filtersOf(tx, metricFilters, g) {
		if err != nil {
			return err
		}
		c, err := f.compile()
		if err != nil {
			return fmt.Errorf("metric filter %s of %s: %w", f.Name, g.Name, err)
		}
		data := c.data(g, events)
		if len(data) == 0 {
			continue
		}
		payload, err := json.Marshal(metricData{Namespace: f.Metric.MetricNamespace, MetricData: data})
		if err != nil {
			return fmt.Errorf("encoding metric data: %w", err)
		}
		if err := s.Bus.Send(tx, bus.Delivery{
			Target: target, Source: s.principal(g.Region), SourceARN: g.arn(), Account: g.Account, Region: g.Region, Payload: payload,
		}); err != nil {
			return err
		}
	}
	return nil
}

// data is what the filter makes of the events.
func (c *compiledMetric) data(g *logGroup, events []ingested) []*datum {
	var all []*datum
	open := map[string]*datum{}
	matched := false
	for i := range events {
		message := events[i].text(c.Transformed)
		if c.pattern != nil && !c.pattern.Match(message) {
			continue
		}
		matched = true
		value := c.number
		if c.value != nil {
			text, ok := c.value.Value(message)
			if !ok {
				continue
			}
			var err error
			if value, err = parseMetricValue(text); err != nil {
				continue
			}
		}
		dimensions, ok := c.dimensionsOf(g, message)
		if !ok {
			continue
		}
		at := time.UnixMilli(events[i].Timestamp).UTC().Truncate(metricPeriod)
		key := fmt.Sprint(at.Unix(), dimensions)
		d := open[key]
		if d == nil || !d.add(value) {
			d = c.datum(at, dimensions)
			d.add(value)
			open[key] = d
			all = append(all, d)
		}
	}
	if !matched && c.Metric.DefaultValue != nil && len(events) > 0 {
		dimensions, _ := c.dimensionsOf(g, "")
		d := c.datum(time.UnixMilli(events[len(events)-1].Timestamp).UTC().Truncate(metricPeriod), dimensions)
		d.add(*c.Metric.DefaultValue)
		all = append(all, d)
	}
	return all
}

func (c *compiledMetric) datum(at time.Time, dimensions []dimension) *datum {
	d := &datum{MetricName: c.Metric.MetricName, Dimensions: dimensions, Timestamp: at}
	if c.Metric.Unit != nil {
		d.Unit = string(*c.Metric.Unit)
	}
	return d
}

// dimensionsOf takes the dimensions out of a message. One that lacks a dimension makes no datum.
func (c *compiledMetric) dimensionsOf(g *logGroup, message string) ([]dimension, bool) {
	var found []dimension
	for i, name := range c.names {
		value, ok := c.dimensions[i].Value(message)
		if !ok || value == "" {
			return nil, false
		}
		found = append(found, dimension{name, value})
	}
	for _, field := range c.SystemDimensions {
		value := g.Account
		if field == "@aws.region" {
			value = g.Region
		}
		found = append(found, dimension{field, value})
	}
	return found, true
}
