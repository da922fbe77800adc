package logs

import (
	"errors"
	"slices"
	"strings"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/store"
)

// delivery takes the logs of a delivery source to a delivery destination.
type delivery struct {
	Account, Region, ID string
	Source              string
	DestinationARN      string
	DestinationType     api.DeliveryDestinationType
	Fields              []string
	Delimiter           *string
	S3                  *api.S3DeliveryConfiguration
	Tags                map[string]string
	Created             time.Time
}

var (
	deliveriesBySource = store.NewIndex("source", func(d *delivery) []store.Key {
		return []store.Key{store.K(d.Account, d.Region, d.Source)}
	})
	deliveriesByDestination = store.NewIndex("destination", func(d *delivery) []store.Key {
		return []store.Key{store.K(d.DestinationARN)}
	})
	deliveries = store.NewTable("logs/delivery", func(d *delivery) store.Key {
		return store.K(d.Account, d.Region, d.ID)
	}, deliveriesBySource, deliveriesByDestination)
)

const noDelivery = "The specified delivery does not exist."

func (d *delivery) arn() string {
	return aws.ARN{Partition: aws.PartitionOf(d.Region), Service: "logs", Region: d.Region, Account: d.Account, Resource: "delivery:" + d.ID}.String()
}

// deliveryIDLength is how many characters a delivery's id has.
const deliveryIDLength = 16

// createDelivery connects a source with a destination.
func (s *Service) createDelivery(call *aws.Call, in *api.CreateDeliveryInput) (*api.CreateDeliveryOutput, error) {
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	arn, err := aws.ParseARN(in.DeliveryDestinationARN)
	if err != nil || arn.Service != "logs" || !strings.HasPrefix(arn.Resource, deliveryDestinationResource) {
		return nil, api.NewValidationException("Invalid delivery destination ARN: %s", in.DeliveryDestinationARN)
	}
	d := &delivery{
		Account: call.Account, Region: call.Region, ID: call.NewID("", deliveryIDLength), Source: in.DeliverySourceName,
		DestinationARN: in.DeliveryDestinationARN, Fields: in.RecordFields, Delimiter: in.FieldDelimiter, S3: in.S3DeliveryConfiguration,
		Tags: in.Tags, Created: call.Now(),
	}
	err = s.DB.Update(call, func(tx *store.Tx) error {
		source, err := getDeliverySource(tx, call, in.DeliverySourceName)
		if err != nil {
			return err
		}
		to, err := deliveryDestinations.Get(tx, store.K(arn.Account, arn.Region, strings.TrimPrefix(arn.Resource, deliveryDestinationResource)))
		if errors.Is(err, store.ErrNotFound) {
			return api.NewResourceNotFoundException(noDeliveryDestination)
		}
		if err != nil {
			return err
		}
		d.DestinationType = to.Type
		for other, err := range deliveriesBySource.Scan(tx, store.Range{Prefix: store.K(d.Account, d.Region, d.Source)}) {
			if err != nil {
				return err
			}
			switch {
			case other.DestinationARN == d.DestinationARN:
				return api.NewConflictException("The specified Delivery already exists")
			case other.DestinationType == d.DestinationType:
				return api.NewConflictException("Delivery already exists for this Delivery Source with the same Delivery Destination Type.")
			}
		}
		if err := d.check(source, to); err != nil {
			return err
		}
		return deliveries.Put(tx, d)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateDeliveryOutput{Delivery: new(d.describe())}, nil
}

// check applies what the source's log type and the destination allow, and fills in their defaults.
func (d *delivery) check(source *deliverySource, to *deliveryDestination) error {
	t := templateOf(source.Service, source.LogType)
	if t == nil || !slices.Contains(t.destinations, to.Type) {
		return api.NewValidationException("Logs of the type %s cannot be delivered to a destination of the type %s.", source.LogType, to.Type)
	}
	if d.S3 != nil && to.Type != api.DeliveryDestinationTypeS3 {
		return api.NewValidationException("s3DeliveryConfiguration is only valid for deliveries to S3.")
	}
	if d.S3 != nil && d.S3.EnableHiveCompatiblePath == nil {
		d.S3 = &api.S3DeliveryConfiguration{SuffixPath: d.S3.SuffixPath, EnableHiveCompatiblePath: new(false)}
	}
	if d.Delimiter != nil && *d.Delimiter != "" && (to.Format == nil || !slices.Contains(delimitedFormats, *to.Format)) {
		return api.NewValidationException("fieldDelimiter is only valid for the output formats plain, w3c and raw.")
	}
	for i, f := range d.Fields {
		if t.fields != nil && !slices.Contains(t.fields, f) {
			return api.NewValidationException("The record field %s is not valid for logs of the type %s.", f, source.LogType)
		}
		if slices.Contains(d.Fields[:i], f) {
			return api.NewValidationException("The record field %s is given twice.", f)
		}
	}
	if d.Fields == nil {
		d.Fields = t.fields
	}
	return nil
}

var delimitedFormats = []api.OutputFormat{api.OutputFormatPlain, api.OutputFormatW3c, api.OutputFormatRaw}

func getDelivery(tx *store.Tx, call *aws.Call, id string) (*delivery, error) {
	d, err := deliveries.Get(tx, store.K(call.Account, call.Region, id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, api.NewResourceNotFoundException(noDelivery)
	}
	return d, err
}

// getDelivery returns a delivery.
func (s *Service) getDelivery(call *aws.Call, in *api.GetDeliveryInput) (*api.GetDeliveryOutput, error) {
	var d *delivery
	err := s.DB.View(call, func(tx *store.Tx) (err error) {
		d, err = getDelivery(tx, call, in.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.GetDeliveryOutput{Delivery: new(d.describe())}, nil
}

// describeDeliveries lists deliveries.
func (s *Service) describeDeliveries(call *aws.Call, in *api.DescribeDeliveriesInput) (*api.DescribeDeliveriesOutput, error) {
	found, next, err := listTable(deliveries, store.Range{Prefix: store.K(call.Account, call.Region)}, in.Limit, in.NextToken).page(s, call)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeDeliveriesOutput{Deliveries: make([]api.Delivery, len(found)), NextToken: next}
	for i, d := range found {
		out.Deliveries[i] = d.describe()
	}
	return out, nil
}

func (d *delivery) describe() api.Delivery {
	return api.Delivery{
		ID: &d.ID, ARN: new(d.arn()), DeliverySourceName: &d.Source, DeliveryDestinationARN: &d.DestinationARN,
		DeliveryDestinationType: &d.DestinationType, RecordFields: d.Fields, FieldDelimiter: d.Delimiter, S3DeliveryConfiguration: d.S3, Tags: d.Tags,
	}
}

// updateDeliveryConfiguration changes a delivery.
func (s *Service) updateDeliveryConfiguration(call *aws.Call, in *api.UpdateDeliveryConfigurationInput) (*api.UpdateDeliveryConfigurationOutput, error) {
	err := s.DB.Update(call, func(tx *store.Tx) error {
		d, err := getDelivery(tx, call, in.ID)
		if err != nil {
			return err
		}
		source, err := getDeliverySource(tx, call, d.Source)
		if err != nil {
			return err
		}
		arn, err := aws.ParseARN(d.DestinationARN)
		if err != nil {
			return err
		}
		to, err := deliveryDestinations.Get(tx, store.K(arn.Account, arn.Region, strings.TrimPrefix(arn.Resource, deliveryDestinationResource)))
		if err != nil {
			return err
		}
		if in.RecordFields != nil {
			d.Fields = in.RecordFields
		}
		if in.FieldDelimiter != nil {
			d.Delimiter = in.FieldDelimiter
		}
		if in.S3DeliveryConfiguration != nil {
			d.S3 = in.S3DeliveryConfiguration
		}
		if err := d.check(source, to); err != nil {
			return err
		}
		return deliveries.Put(tx, d)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateDeliveryConfigurationOutput{}, nil
}

// deleteDelivery disconnects a source from a destination.
func (s *Service) deleteDelivery(call *aws.Call, in *api.DeleteDeliveryInput) (*api.DeleteDeliveryOutput, error) {
	err := s.DB.Update(call, func(tx *store.Tx) error {
		d, err := getDelivery(tx, call, in.ID)
		if err != nil {
			return err
		}
		_, err = deliveries.Delete(tx, deliveries.Key(d))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteDeliveryOutput{}, nil
}
