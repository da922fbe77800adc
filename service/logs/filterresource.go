package logs

import (
	"slices"
	"strings"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/resource"
)

// filterResources are the resource types of filters and of what subscriptions lead to.
func filterResources() []resource.Type {
	return []resource.Type{
		metricFilterResource().of(resource.Type{
			Name: "AWS::Logs::MetricFilter", PrimaryIdentifier: []string{"LogGroupName", "FilterName"}, CreateOnly: []string{"LogGroupName", "FilterName"},
		}),
		subscriptionResource().of(resource.Type{
			Name: "AWS::Logs::SubscriptionFilter", PrimaryIdentifier: []string{"FilterName", "LogGroupName"}, CreateOnly: []string{"LogGroupName", "FilterName"},
		}),
		destinationResourceType().of(resource.Type{
			Name: "AWS::Logs::Destination", PrimaryIdentifier: []string{"DestinationName"}, ReadOnly: []string{"Arn"}, CreateOnly: []string{"DestinationName"},
		}),
	}
}

// metricFilterProperties are the properties of AWS::Logs::MetricFilter.
type metricFilterProperties struct {
	LogGroupName              string                     `json:",omitempty"`
	FilterName                string                     `json:",omitempty"`
	FilterPattern             string                     `json:",omitempty"`
	MetricTransformations     []transformationProperties `json:",omitempty"`
	ApplyOnTransformedLogs    bool                       `json:",omitempty"`
	EmitSystemFieldDimensions []string                   `json:",omitempty"`
}

type transformationProperties struct {
	MetricName, MetricNamespace, MetricValue string
	DefaultValue                             *float64      `json:",omitempty"`
	Dimensions                               []tagProperty `json:",omitempty"`
	Unit                                     string        `json:",omitempty"`
}

func metricFilterResource() typed[metricFilterProperties] {
	put := func(call *aws.Call, p *metricFilterProperties) error {
		in := &api.PutMetricFilterInput{
			LogGroupName: p.LogGroupName, FilterName: p.FilterName, FilterPattern: p.FilterPattern,
			ApplyOnTransformedLogs: &p.ApplyOnTransformedLogs, EmitSystemFieldDimensions: p.EmitSystemFieldDimensions,
		}
		for _, t := range p.MetricTransformations {
			in.MetricTransformations = append(in.MetricTransformations, api.MetricTransformation{
				MetricName: t.MetricName, MetricNamespace: t.MetricNamespace, MetricValue: t.MetricValue, DefaultValue: t.DefaultValue,
				Dimensions: tagMap(t.Dimensions), Unit: optional(api.StandardUnit(t.Unit)),
			})
		}
		_, err := api.PutMetricFilter.Do(call, in)
		return err
	}
	return typed[metricFilterProperties]{
		create: func(call *aws.Call, p *metricFilterProperties) (string, error) {
			p.FilterName = named(call, p.FilterName, "MetricFilter-")
			return p.LogGroupName + "|" + p.FilterName, put(call, p)
		},
		read: func(call *aws.Call, id string) (*metricFilterProperties, error) {
			group, name, _ := strings.Cut(id, "|")
			// A name comes first among those that begin with it.
			out, err := api.DescribeMetricFilters.Do(call, &api.DescribeMetricFiltersInput{LogGroupName: &group, FilterNamePrefix: &name, Limit: new(int32(1))})
			if err != nil {
				return nil, err
			}
			if len(out.MetricFilters) == 0 || *out.MetricFilters[0].FilterName != name {
				return nil, api.NewResourceNotFoundException("The specified metric filter does not exist.")
			}
			f := out.MetricFilters[0]
			p := &metricFilterProperties{
				LogGroupName: group, FilterName: name, FilterPattern: *f.FilterPattern, ApplyOnTransformedLogs: *f.ApplyOnTransformedLogs,
				EmitSystemFieldDimensions: f.EmitSystemFieldDimensions,
			}
			for _, t := range f.MetricTransformations {
				p.MetricTransformations = append(p.MetricTransformations, transformationProperties{
					MetricName: t.MetricName, MetricNamespace: t.MetricNamespace, MetricValue: t.MetricValue, DefaultValue: t.DefaultValue,
					Dimensions: tagList(t.Dimensions), Unit: string(given(t.Unit)),
				})
			}
			return p, nil
		},
		update: func(call *aws.Call, _ string, _, p *metricFilterProperties) error { return put(call, p) },
		delete: func(call *aws.Call, id string) error {
			group, name, _ := strings.Cut(id, "|")
			_, err := api.DeleteMetricFilter.Do(call, &api.DeleteMetricFilterInput{LogGroupName: group, FilterName: name})
			return err
		},
		list: func(call *aws.Call) ([]string, error) {
			return every(func(token *string) ([]string, *string, error) {
				out, err := api.DescribeMetricFilters.Do(call, &api.DescribeMetricFiltersInput{NextToken: token})
				if err != nil {
					return nil, nil, err
				}
				var ids []string
				for _, f := range out.MetricFilters {
					ids = append(ids, *f.LogGroupName+"|"+*f.FilterName)
				}
				return ids, out.NextToken, nil
			})
		},
	}
}

// tagList returns tags in the order of keys.
func tagList(tags map[string]string) []tagProperty {
	var list []tagProperty
	for key, value := range tags {
		list = append(list, tagProperty{key, value})
	}
	slices.SortFunc(list, func(a, b tagProperty) int { return strings.Compare(a.Key, b.Key) })
	return list
}

// subscriptionProperties are the properties of AWS::Logs::SubscriptionFilter.
type subscriptionProperties struct {
	FilterName             string   `json:",omitempty"`
	LogGroupName           string   `json:",omitempty"`
	DestinationARN         string   `json:"DestinationArn,omitempty"`
	RoleARN                string   `json:"RoleArn,omitempty"`
	FilterPattern          string   `json:",omitempty"`
	Distribution           string   `json:",omitempty"`
	ApplyOnTransformedLogs bool     `json:",omitempty"`
	EmitSystemFields       []string `json:",omitempty"`
}

func subscriptionResource() typed[subscriptionProperties] {
	put := func(call *aws.Call, p *subscriptionProperties) error {
		_, err := api.PutSubscriptionFilter.Do(call, &api.PutSubscriptionFilterInput{
			LogGroupName: p.LogGroupName, FilterName: p.FilterName, FilterPattern: p.FilterPattern, DestinationARN: p.DestinationARN,
			RoleARN: optional(p.RoleARN), Distribution: optional(api.Distribution(p.Distribution)), ApplyOnTransformedLogs: &p.ApplyOnTransformedLogs,
			EmitSystemFields: p.EmitSystemFields,
		})
		return err
	}
	find := func(call *aws.Call, group string, prefix *string) (ids []string, first *api.SubscriptionFilter, err error) {
		out, err := api.DescribeSubscriptionFilters.Do(call, &api.DescribeSubscriptionFiltersInput{LogGroupName: group, FilterNamePrefix: prefix})
		if err != nil {
			return nil, nil, err
		}
		for i := range out.SubscriptionFilters { // there are two at most
			f := &out.SubscriptionFilters[i]
			if first == nil {
				first = f
			}
			ids = append(ids, *f.FilterName+"|"+group)
		}
		return ids, first, nil
	}
	return typed[subscriptionProperties]{
		create: func(call *aws.Call, p *subscriptionProperties) (string, error) {
			p.FilterName = named(call, p.FilterName, "SubscriptionFilter-")
			return p.FilterName + "|" + p.LogGroupName, put(call, p)
		},
		read: func(call *aws.Call, id string) (*subscriptionProperties, error) {
			name, group := cutLast(id)
			_, f, err := find(call, group, &name)
			if err != nil {
				return nil, err
			}
			if f == nil || *f.FilterName != name {
				return nil, api.NewResourceNotFoundException("The specified subscription filter does not exist.")
			}
			return &subscriptionProperties{
				FilterName: name, LogGroupName: group, DestinationARN: *f.DestinationARN, RoleARN: given(f.RoleARN), FilterPattern: *f.FilterPattern,
				Distribution: string(*f.Distribution), ApplyOnTransformedLogs: *f.ApplyOnTransformedLogs, EmitSystemFields: f.EmitSystemFields,
			}, nil
		},
		update: func(call *aws.Call, _ string, _, p *subscriptionProperties) error { return put(call, p) },
		delete: func(call *aws.Call, id string) error {
			name, group := cutLast(id)
			_, err := api.DeleteSubscriptionFilter.Do(call, &api.DeleteSubscriptionFilterInput{LogGroupName: group, FilterName: name})
			return err
		},
		list: func(call *aws.Call) ([]string, error) {
			groups, err := listGroupResources(call)
			if err != nil {
				return nil, err
			}
			var all []string
			for _, group := range groups {
				ids, _, err := find(call, group, nil)
				if err != nil && !aws.IsError(err, "ResourceNotFoundException") { // deleted since it was listed
					return nil, err
				}
				all = append(all, ids...)
			}
			return all, nil
		},
	}
}

// cutLast splits an identifier of two parts at the last "|": names of groups have none, those of filters may.
func cutLast(id string) (first, last string) {
	i := strings.LastIndexByte(id, '|')
	if i < 0 {
		return id, ""
	}
	return id[:i], id[i+1:]
}

// destinationProperties are the properties of AWS::Logs::Destination.
type destinationProperties struct {
	DestinationName   string        `json:",omitempty"`
	DestinationPolicy string        `json:",omitempty"`
	RoleARN           string        `json:"RoleArn,omitempty"`
	TargetARN         string        `json:"TargetArn,omitempty"`
	Tags              []tagProperty `json:",omitempty"`
	ARN               string        `json:"Arn,omitempty"`
}

func destinationResourceType() typed[destinationProperties] {
	find := func(call *aws.Call, name string) (*api.Destination, error) {
		out, err := api.DescribeDestinations.Do(call, &api.DescribeDestinationsInput{DestinationNamePrefix: &name, Limit: new(int32(1))})
		if err != nil {
			return nil, err
		}
		if len(out.Destinations) == 0 || *out.Destinations[0].DestinationName != name {
			return nil, api.NewResourceNotFoundException(noDestination)
		}
		return &out.Destinations[0], nil
	}
	put := func(call *aws.Call, p *destinationProperties) error {
		if _, err := api.PutDestination.Do(call, &api.PutDestinationInput{DestinationName: p.DestinationName, RoleARN: p.RoleARN, TargetARN: p.TargetARN}); err != nil {
			return err
		}
		if p.DestinationPolicy == "" {
			return nil
		}
		_, err := api.PutDestinationPolicy.Do(call, &api.PutDestinationPolicyInput{DestinationName: p.DestinationName, AccessPolicy: p.DestinationPolicy})
		return err
	}
	arn := func(call *aws.Call, name string) string { return call.ARN("logs", destinationResource+name).String() }
	return typed[destinationProperties]{
		create: func(call *aws.Call, p *destinationProperties) (string, error) {
			if err := put(call, p); err != nil {
				return p.DestinationName, err
			}
			return p.DestinationName, setGroupTags(call, arn(call, p.DestinationName), nil, tagMap(p.Tags))
		},
		read: func(call *aws.Call, id string) (*destinationProperties, error) {
			d, err := find(call, id)
			if err != nil {
				return nil, err
			}
			tags, err := api.ListTagsForResource.Do(call, &api.ListTagsForResourceInput{ResourceARN: *d.ARN})
			if err != nil {
				return nil, err
			}
			return &destinationProperties{
				DestinationName: id, DestinationPolicy: given(d.AccessPolicy), RoleARN: *d.RoleARN, TargetARN: *d.TargetARN, ARN: *d.ARN, Tags: tagList(tags.Tags),
			}, nil
		},
		update: func(call *aws.Call, id string, was, p *destinationProperties) error {
			if was.DestinationPolicy != "" && p.DestinationPolicy == "" {
				return api.NewInvalidParameterException("The policy of a destination cannot be removed.")
			}
			if err := put(call, p); err != nil {
				return err
			}
			return setGroupTags(call, arn(call, id), tagMap(was.Tags), tagMap(p.Tags))
		},
		delete: func(call *aws.Call, id string) error {
			_, err := api.DeleteDestination.Do(call, &api.DeleteDestinationInput{DestinationName: id})
			return err
		},
		list: func(call *aws.Call) ([]string, error) {
			return every(func(token *string) ([]string, *string, error) {
				out, err := api.DescribeDestinations.Do(call, &api.DescribeDestinationsInput{NextToken: token})
				if err != nil {
					return nil, nil, err
				}
				var ids []string
				for _, d := range out.Destinations {
					ids = append(ids, *d.DestinationName)
				}
				return ids, out.NextToken, nil
			})
		},
	}
}
