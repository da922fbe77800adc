package logs

import (
	"errors"
	"slices"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/policy"
	"drydock/store"
)

// deliveryDestination is where the logs of services can be delivered: a log group, a bucket, a Firehose stream or X-Ray.
type deliveryDestination struct {
	Account, Region, Name string
	Type                  api.DeliveryDestinationType
	ResourceARN           string
	Format                *api.OutputFormat
	Policy                string
	Tags                  map[string]string
	Created               time.Time
}

var deliveryDestinations = store.NewTable("logs/deliverydestination", func(d *deliveryDestination) store.Key {
	return store.K(d.Account, d.Region, d.Name)
})

const (
	noDeliveryDestination       = "The specified delivery destination does not exist."
	deliveryDestinationResource = "delivery-destination:"
)

func (d *deliveryDestination) arn() string {
	return aws.ARN{
		Partition: aws.PartitionOf(d.Region), Service: "logs", Region: d.Region, Account: d.Account, Resource: deliveryDestinationResource + d.Name,
	}.String()
}

// destinationFormats are the output formats that a type of destination takes.
var destinationFormats = map[api.DeliveryDestinationType][]api.OutputFormat{
	api.DeliveryDestinationTypeCwl: {api.OutputFormatJSON, api.OutputFormatPlain},
	api.DeliveryDestinationTypeFh:  {api.OutputFormatJSON, api.OutputFormatPlain, api.OutputFormatRaw},
	api.DeliveryDestinationTypeS3:  {api.OutputFormatJSON, api.OutputFormatPlain, api.OutputFormatW3c, api.OutputFormatParquet},
}

// destinationTypes are the types by the service of the resource.
var destinationTypes = map[string]api.DeliveryDestinationType{
	"logs": api.DeliveryDestinationTypeCwl, "s3": api.DeliveryDestinationTypeS3, "firehose": api.DeliveryDestinationTypeFh,
}

// putDeliveryDestination makes or changes a destination.
func (s *Service) putDeliveryDestination(call *aws.Call, in *api.PutDeliveryDestinationInput) (*api.PutDeliveryDestinationOutput, error) {
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	d := &deliveryDestination{
		Account: call.Account, Region: call.Region, Name: in.Name, Format: in.OutputFormat, Tags: in.Tags, Created: call.Now(),
	}
	if c := in.DeliveryDestinationConfiguration; c != nil {
		arn, err := aws.ParseARN(c.DestinationResourceARN)
		if err != nil {
			return nil, api.NewValidationException("Invalid destination resource ARN: %s", c.DestinationResourceARN)
		}
		d.ResourceARN, d.Type = c.DestinationResourceARN, destinationTypes[arn.Service]
	} else if in.DeliveryDestinationType != nil {
		d.Type = *in.DeliveryDestinationType
	}
	switch {
	case d.Type == "" || d.Type == api.DeliveryDestinationTypeXray != (d.ResourceARN == ""):
		return nil, api.NewValidationException("The destination must be a log group, an S3 bucket or a Firehose stream, or be of the type XRAY.")
	case in.DeliveryDestinationType != nil && *in.DeliveryDestinationType != d.Type:
		return nil, api.NewValidationException("The destination resource is not of the type %s.", *in.DeliveryDestinationType)
	case d.Format != nil && !slices.Contains(destinationFormats[d.Type], *d.Format):
		return nil, api.NewValidationException("The output format %s is not valid for a destination of the type %s.", *d.Format, d.Type)
	}
	err := s.DB.Update(call, func(tx *store.Tx) error {
		if d.Type == api.DeliveryDestinationTypeCwl {
			if _, err := resolveLogGroup(tx, call, nil, &d.ResourceARN); err != nil {
				return err
			}
		}
		switch old, err := deliveryDestinations.Get(tx, deliveryDestinations.Key(d)); {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return err
		case len(in.Tags) > 0:
			return api.NewConflictException(tagsOfUpdate)
		case old.Type != d.Type:
			return api.NewConflictException("The type of a delivery destination cannot be changed.")
		case d.Format != nil && (old.Format == nil || *old.Format != *d.Format):
			return api.NewValidationException("Update to existing Delivery Destination with new Output Format is not allowed. Please create a new Delivery Destination instead.")
		default:
			d.Created, d.Policy, d.Format, d.Tags = old.Created, old.Policy, old.Format, old.Tags
		}
		return deliveryDestinations.Put(tx, d)
	})
	if err != nil {
		return nil, err
	}
	return &api.PutDeliveryDestinationOutput{DeliveryDestination: new(d.describe())}, nil
}

func getDeliveryDestination(tx *store.Tx, call *aws.Call, name string) (*deliveryDestination, error) {
	d, err := deliveryDestinations.Get(tx, store.K(call.Account, call.Region, name))
	if errors.Is(err, store.ErrNotFound) {
		return nil, api.NewResourceNotFoundException(noDeliveryDestination)
	}
	return d, err
}

// getDeliveryDestination returns a destination.
func (s *Service) getDeliveryDestination(call *aws.Call, in *api.GetDeliveryDestinationInput) (*api.GetDeliveryDestinationOutput, error) {
	var d *deliveryDestination
	err := s.DB.View(call, func(tx *store.Tx) (err error) {
		d, err = getDeliveryDestination(tx, call, in.Name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.GetDeliveryDestinationOutput{DeliveryDestination: new(d.describe())}, nil
}

// describeDeliveryDestinations lists destinations by name.
func (s *Service) describeDeliveryDestinations(call *aws.Call, in *api.DescribeDeliveryDestinationsInput) (*api.DescribeDeliveryDestinationsOutput, error) {
	found, next, err := listTable(deliveryDestinations, store.Range{Prefix: store.K(call.Account, call.Region)}, in.Limit, in.NextToken).page(s, call)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeDeliveryDestinationsOutput{DeliveryDestinations: make([]api.DeliveryDestination, len(found)), NextToken: next}
	for i, d := range found {
		out.DeliveryDestinations[i] = d.describe()
	}
	return out, nil
}

func (d *deliveryDestination) describe() api.DeliveryDestination {
	shown := api.DeliveryDestination{Name: &d.Name, ARN: new(d.arn()), DeliveryDestinationType: &d.Type, OutputFormat: d.Format, Tags: d.Tags}
	if d.ResourceARN != "" {
		shown.DeliveryDestinationConfiguration = &api.DeliveryDestinationConfiguration{DestinationResourceARN: d.ResourceARN}
	}
	return shown
}

// deleteDeliveryDestination removes a destination that nothing is delivered to.
func (s *Service) deleteDeliveryDestination(call *aws.Call, in *api.DeleteDeliveryDestinationInput) (*api.DeleteDeliveryDestinationOutput, error) {
	err := s.DB.Update(call, func(tx *store.Tx) error {
		d, err := getDeliveryDestination(tx, call, in.Name)
		if err != nil {
			return err
		}
		switch _, err := deliveriesByDestination.First(tx, store.K(d.arn())); {
		case err == nil:
			return api.NewConflictException("The delivery destination is connected to a delivery source.")
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		_, err = deliveryDestinations.Delete(tx, deliveryDestinations.Key(d))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteDeliveryDestinationOutput{}, nil
}

// putDeliveryDestinationPolicy sets which other accounts may deliver to a destination.
func (s *Service) putDeliveryDestinationPolicy(call *aws.Call, in *api.PutDeliveryDestinationPolicyInput) (*api.PutDeliveryDestinationPolicyOutput, error) {
	if _, err := policy.Parse(policy.KindResource, in.DeliveryDestinationPolicy); err != nil {
		return nil, api.NewValidationException("%s", err)
	}
	if err := s.setDeliveryPolicy(call, in.DeliveryDestinationName, in.DeliveryDestinationPolicy); err != nil {
		return nil, err
	}
	return &api.PutDeliveryDestinationPolicyOutput{Policy: &api.Policy{DeliveryDestinationPolicy: &in.DeliveryDestinationPolicy}}, nil
}

// setDeliveryPolicy replaces a destination's policy, or removes it where there is none to replace it.
func (s *Service) setDeliveryPolicy(call *aws.Call, name, text string) error {
	return s.DB.Update(call, func(tx *store.Tx) error {
		d, err := getDeliveryDestination(tx, call, name)
		if err != nil {
			return err
		}
		if text == "" && d.Policy == "" {
			return api.NewResourceNotFoundException("The delivery destination has no policy.")
		}
		d.Policy = text
		return deliveryDestinations.Put(tx, d)
	})
}

// getDeliveryDestinationPolicy returns a destination's policy.
func (s *Service) getDeliveryDestinationPolicy(call *aws.Call, in *api.GetDeliveryDestinationPolicyInput) (*api.GetDeliveryDestinationPolicyOutput, error) {
	var d *deliveryDestination
	err := s.DB.View(call, func(tx *store.Tx) (err error) {
		d, err = getDeliveryDestination(tx, call, in.DeliveryDestinationName)
		return err
	})
	if err != nil {
		return nil, err
	}
	if d.Policy == "" {
		return nil, api.NewResourceNotFoundException("The delivery destination has no policy.")
	}
	return &api.GetDeliveryDestinationPolicyOutput{Policy: &api.Policy{DeliveryDestinationPolicy: &d.Policy}}, nil
}

// deleteDeliveryDestinationPolicy removes a destination's policy.
func (s *Service) deleteDeliveryDestinationPolicy(call *aws.Call, in *api.DeleteDeliveryDestinationPolicyInput) (*api.DeleteDeliveryDestinationPolicyOutput, error) {
	if err := s.setDeliveryPolicy(call, in.DeliveryDestinationName, ""); err != nil {
		return nil, err
	}
	return &api.DeleteDeliveryDestinationPolicyOutput{}, nil
}
