package logs

import (
	api "drydock/api/logs"
	"drydock/aws"
)

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
