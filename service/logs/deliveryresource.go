package logs

import (
	"encoding/json"
	"fmt"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/resource"
)

// deliveryResources are the resource types of deliveries and their ends.
func deliveryResources() []resource.Type {
	return []resource.Type{
		sourceResource().of(resource.Type{
			Name: "AWS::Logs::DeliverySource", PrimaryIdentifier: []string{"Name"}, ReadOnly: []string{"Arn", "ResourceArns", "Service"}, CreateOnly: []string{"Name"},
		}),
		deliveryDestinationResourceType().of(resource.Type{
			Name: "AWS::Logs::DeliveryDestination", PrimaryIdentifier: []string{"Name"}, ReadOnly: []string{"Arn"},
			CreateOnly: []string{"Name", "DestinationResourceArn"},
		}),
		deliveryResource().of(resource.Type{
			Name: "AWS::Logs::Delivery", PrimaryIdentifier: []string{"DeliveryId"}, ReadOnly: []string{"DeliveryId", "Arn", "DeliveryDestinationType"},
			CreateOnly: []string{"DeliverySourceName", "DeliveryDestinationArn"},
		}),
	}
}

// sourceProperties are the properties of AWS::Logs::DeliverySource.
type sourceProperties struct {
	Name         string        `json:",omitempty"`
	ResourceARN  string        `json:"ResourceArn,omitempty"`
	LogType      string        `json:",omitempty"`
	Tags         []tagProperty `json:",omitempty"`
	ARN          string        `json:"Arn,omitempty"`
	ResourceARNs []string      `json:"ResourceArns,omitempty"`
	Service      string        `json:",omitempty"`
}

func sourceResource() typed[sourceProperties] {
	put := func(call *aws.Call, p *sourceProperties) error {
		_, err := api.PutDeliverySource.Do(call, &api.PutDeliverySourceInput{Name: p.Name, ResourceARN: p.ResourceARN, LogType: p.LogType})
		return err
	}
	arn := func(call *aws.Call, name string) string { return call.ARN("logs", "delivery-source:"+name).String() }
	return typed[sourceProperties]{
		create: func(call *aws.Call, p *sourceProperties) (string, error) {
			if err := put(call, p); err != nil {
				return "", err
			}
			return p.Name, setGroupTags(call, arn(call, p.Name), nil, tagMap(p.Tags))
		},
		read: func(call *aws.Call, id string) (*sourceProperties, error) {
			out, err := api.GetDeliverySource.Do(call, &api.GetDeliverySourceInput{Name: id})
			if err != nil {
				return nil, err
			}
			d := out.DeliverySource
			return &sourceProperties{
				Name: id, ResourceARN: d.ResourceARNs[0], LogType: *d.LogType, Tags: tagList(d.Tags), ARN: *d.ARN, ResourceARNs: d.ResourceARNs, Service: *d.Service,
			}, nil
		},
		update: func(call *aws.Call, id string, was, p *sourceProperties) error {
			if err := put(call, p); err != nil {
				return err
			}
			return setGroupTags(call, arn(call, id), tagMap(was.Tags), tagMap(p.Tags))
		},
		delete: func(call *aws.Call, id string) error {
			_, err := api.DeleteDeliverySource.Do(call, &api.DeleteDeliverySourceInput{Name: id})
			return err
		},
		list: func(call *aws.Call) ([]string, error) {
			return every(func(token *string) ([]string, *string, error) {
				out, err := api.DescribeDeliverySources.Do(call, &api.DescribeDeliverySourcesInput{NextToken: token})
				if err != nil {
					return nil, nil, err
				}
				var ids []string
				for _, d := range out.DeliverySources {
					ids = append(ids, *d.Name)
				}
				return ids, out.NextToken, nil
			})
		},
	}
}

// deliveryDestinationProperties are the properties of AWS::Logs::DeliveryDestination.
type deliveryDestinationProperties struct {
	Name                      string                    `json:",omitempty"`
	DestinationResourceARN    string                    `json:"DestinationResourceArn,omitempty"`
	DeliveryDestinationType   string                    `json:",omitempty"`
	OutputFormat              string                    `json:",omitempty"`
	DeliveryDestinationPolicy *deliveryPolicyProperties `json:",omitempty"`
	Tags                      []tagProperty             `json:",omitempty"`
	ARN                       string                    `json:"Arn,omitempty"`
}

type deliveryPolicyProperties struct {
	DeliveryDestinationName   string `json:",omitempty"`
	DeliveryDestinationPolicy json.RawMessage
}

func deliveryDestinationResourceType() typed[deliveryDestinationProperties] {
	put := func(call *aws.Call, p *deliveryDestinationProperties) error {
		in := &api.PutDeliveryDestinationInput{
			Name: p.Name, OutputFormat: optional(api.OutputFormat(p.OutputFormat)), DeliveryDestinationType: optional(api.DeliveryDestinationType(p.DeliveryDestinationType)),
		}
		if p.DestinationResourceARN != "" {
			in.DeliveryDestinationConfiguration = &api.DeliveryDestinationConfiguration{DestinationResourceARN: p.DestinationResourceARN}
		}
		_, err := api.PutDeliveryDestination.Do(call, in)
		return err
	}
	setPolicy := func(call *aws.Call, name string, was, now *deliveryPolicyProperties) error {
		switch {
		case now != nil:
			_, err := api.PutDeliveryDestinationPolicy.Do(call, &api.PutDeliveryDestinationPolicyInput{
				DeliveryDestinationName: name, DeliveryDestinationPolicy: string(now.DeliveryDestinationPolicy),
			})
			return err
		case was != nil:
			_, err := api.DeleteDeliveryDestinationPolicy.Do(call, &api.DeleteDeliveryDestinationPolicyInput{DeliveryDestinationName: name})
			return err
		}
		return nil
	}
	arn := func(call *aws.Call, name string) string {
		return call.ARN("logs", deliveryDestinationResource+name).String()
	}
	return typed[deliveryDestinationProperties]{
		create: func(call *aws.Call, p *deliveryDestinationProperties) (string, error) {
			if err := put(call, p); err != nil {
				return "", err
			}
			if err := setPolicy(call, p.Name, nil, p.DeliveryDestinationPolicy); err != nil {
				return p.Name, err
			}
			return p.Name, setGroupTags(call, arn(call, p.Name), nil, tagMap(p.Tags))
		},
		read: func(call *aws.Call, id string) (*deliveryDestinationProperties, error) {
			out, err := api.GetDeliveryDestination.Do(call, &api.GetDeliveryDestinationInput{Name: id})
			if err != nil {
				return nil, err
			}
			d := out.DeliveryDestination
			p := &deliveryDestinationProperties{
				Name: id, DeliveryDestinationType: string(*d.DeliveryDestinationType), OutputFormat: string(given(d.OutputFormat)), Tags: tagList(d.Tags), ARN: *d.ARN,
			}
			if d.DeliveryDestinationConfiguration != nil {
				p.DestinationResourceARN = d.DeliveryDestinationConfiguration.DestinationResourceARN
			}
			held, err := api.GetDeliveryDestinationPolicy.Do(call, &api.GetDeliveryDestinationPolicyInput{DeliveryDestinationName: id})
			switch {
			case aws.IsError(err, "ResourceNotFoundException"):
				return p, nil
			case err != nil:
				return nil, err
			case !json.Valid([]byte(*held.Policy.DeliveryDestinationPolicy)):
				return nil, fmt.Errorf("the policy of the delivery destination %s is no JSON", id)
			}
			p.DeliveryDestinationPolicy = &deliveryPolicyProperties{id, json.RawMessage(*held.Policy.DeliveryDestinationPolicy)}
			return p, nil
		},
		update: func(call *aws.Call, id string, was, p *deliveryDestinationProperties) error {
			if err := put(call, p); err != nil {
				return err
			}
			if err := setPolicy(call, id, was.DeliveryDestinationPolicy, p.DeliveryDestinationPolicy); err != nil {
				return err
			}
			return setGroupTags(call, arn(call, id), tagMap(was.Tags), tagMap(p.Tags))
		},
		delete: func(call *aws.Call, id string) error {
			_, err := api.DeleteDeliveryDestination.Do(call, &api.DeleteDeliveryDestinationInput{Name: id})
			return err
		},
		list: func(call *aws.Call) ([]string, error) {
			return every(func(token *string) ([]string, *string, error) {
				out, err := api.DescribeDeliveryDestinations.Do(call, &api.DescribeDeliveryDestinationsInput{NextToken: token})
				if err != nil {
					return nil, nil, err
				}
				var ids []string
				for _, d := range out.DeliveryDestinations {
					ids = append(ids, *d.Name)
				}
				return ids, out.NextToken, nil
			})
		},
	}
}

// deliveryProperties are the properties of AWS::Logs::Delivery.
type deliveryProperties struct {
	DeliveryID                 string        `json:"DeliveryId,omitempty"`
	ARN                        string        `json:"Arn,omitempty"`
	DeliverySourceName         string        `json:",omitempty"`
	DeliveryDestinationARN     string        `json:"DeliveryDestinationArn,omitempty"`
	DeliveryDestinationType    string        `json:",omitempty"`
	RecordFields               []string      `json:",omitempty"`
	FieldDelimiter             string        `json:",omitempty"`
	S3SuffixPath               string        `json:",omitempty"`
	S3EnableHiveCompatiblePath bool          `json:",omitempty"`
	Tags                       []tagProperty `json:",omitempty"`
}

// s3 is the configuration for S3, nil where the properties say nothing of it.
func (p *deliveryProperties) s3() *api.S3DeliveryConfiguration {
	if p.S3SuffixPath == "" && !p.S3EnableHiveCompatiblePath {
		return nil
	}
	return &api.S3DeliveryConfiguration{SuffixPath: optional(p.S3SuffixPath), EnableHiveCompatiblePath: &p.S3EnableHiveCompatiblePath}
}

func deliveryResource() typed[deliveryProperties] {
	return typed[deliveryProperties]{
		create: func(call *aws.Call, p *deliveryProperties) (string, error) {
			out, err := api.CreateDelivery.Do(call, &api.CreateDeliveryInput{
				DeliverySourceName: p.DeliverySourceName, DeliveryDestinationARN: p.DeliveryDestinationARN, RecordFields: p.RecordFields,
				FieldDelimiter: optional(p.FieldDelimiter), S3DeliveryConfiguration: p.s3(), Tags: tagMap(p.Tags),
			})
			if err != nil {
				return "", err
			}
			return *out.Delivery.ID, nil
		},
		read: func(call *aws.Call, id string) (*deliveryProperties, error) {
			out, err := api.GetDelivery.Do(call, &api.GetDeliveryInput{ID: id})
			if err != nil {
				return nil, err
			}
			d := out.Delivery
			p := &deliveryProperties{
				DeliveryID: id, ARN: *d.ARN, DeliverySourceName: *d.DeliverySourceName, DeliveryDestinationARN: *d.DeliveryDestinationARN,
				DeliveryDestinationType: string(*d.DeliveryDestinationType), RecordFields: d.RecordFields, FieldDelimiter: given(d.FieldDelimiter), Tags: tagList(d.Tags),
			}
			if c := d.S3DeliveryConfiguration; c != nil {
				p.S3SuffixPath, p.S3EnableHiveCompatiblePath = given(c.SuffixPath), given(c.EnableHiveCompatiblePath)
			}
			return p, nil
		},
		update: func(call *aws.Call, id string, was, p *deliveryProperties) error {
			if _, err := api.UpdateDeliveryConfiguration.Do(call, &api.UpdateDeliveryConfigurationInput{
				ID: id, RecordFields: p.RecordFields, FieldDelimiter: optional(p.FieldDelimiter), S3DeliveryConfiguration: p.s3(),
			}); err != nil {
				return err
			}
			return setGroupTags(call, was.ARN, tagMap(was.Tags), tagMap(p.Tags))
		},
		delete: func(call *aws.Call, id string) error {
			_, err := api.DeleteDelivery.Do(call, &api.DeleteDeliveryInput{ID: id})
			return err
		},
		list: func(call *aws.Call) ([]string, error) {
			return every(func(token *string) ([]string, *string, error) {
				out, err := api.DescribeDeliveries.Do(call, &api.DescribeDeliveriesInput{NextToken: token})
				if err != nil {
					return nil, nil, err
				}
				var ids []string
				for _, d := range out.Deliveries {
					ids = append(ids, *d.ID)
				}
				return ids, out.NextToken, nil
			})
		},
	}
}
