package logs

import (
	"errors"
	"maps"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/store"
)

// deliverySource is a resource of a service that writes logs, with one type of these.
type deliverySource struct {
	Account, Region, Name string
	ResourceARN           string
	Service               string
	LogType               string
	Tags                  map[string]string
	Created               time.Time
}

var (
	deliverySourcesByResource = store.NewIndex("resource", func(d *deliverySource) []store.Key {
		return []store.Key{store.K(d.ResourceARN, d.LogType)}
	})
	deliverySources = store.NewTable("logs/deliverysource", func(d *deliverySource) store.Key {
		return store.K(d.Account, d.Region, d.Name)
	}, deliverySourcesByResource)
)

const noDeliverySource = "The specified delivery source does not exist."

func (d *deliverySource) arn() string {
	return aws.ARN{Partition: aws.PartitionOf(d.Region), Service: "logs", Region: d.Region, Account: d.Account, Resource: "delivery-source:" + d.Name}.String()
}

// putDeliverySource makes or changes a source.
func (s *Service) putDeliverySource(call *aws.Call, in *api.PutDeliverySourceInput) (*api.PutDeliverySourceOutput, error) {
	if len(in.DeliverySourceConfiguration) > 0 {
		return nil, notImplemented("drydock does not configure delivery sources.")
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	arn, err := aws.ParseARN(in.ResourceARN)
	if err != nil {
		return nil, api.NewValidationException("Invalid resource ARN: %s", in.ResourceARN)
	}
	if arn.Account != "" && arn.Account != call.Account {
		return nil, api.NewAccessDeniedException("The resource %s belongs to another account.", in.ResourceARN)
	}
	if !delivers(arn.Service) {
		return nil, notImplemented("drydock does not know logs of the service " + arn.Service + ".")
	}
	if templateOf(arn.Service, in.LogType) == nil {
		return nil, api.NewValidationException("The log type %s is not valid for the resource %s.", in.LogType, in.ResourceARN)
	}
	d := &deliverySource{
		Account: call.Account, Region: call.Region, Name: in.Name, ResourceARN: in.ResourceARN, Service: arn.Service, LogType: in.LogType,
		Tags: in.Tags, Created: call.Now(),
	}
	err = s.DB.Update(call, func(tx *store.Tx) error {
		for other, err := range deliverySourcesByResource.Scan(tx, store.Range{Prefix: store.K(d.ResourceARN, d.LogType)}) {
			if err != nil {
				return err
			}
			if other.Account == d.Account && other.Region == d.Region && other.Name != d.Name {
				return api.NewConflictException("This ResourceId has already been used in another Delivery Source in this account.")
			}
		}
		switch old, err := deliverySources.Get(tx, deliverySources.Key(d)); {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return err
		case len(in.Tags) > 0:
			return api.NewConflictException(tagsOfUpdate)
		case old.ResourceARN != d.ResourceARN:
			return api.NewConflictException("Update to existing Delivery Source with new ResourceId is not allowed. Please create a new Delivery Source instead.")
		case old.LogType != d.LogType:
			return api.NewConflictException("The log type of a delivery source cannot be changed.")
		default:
			d.Created, d.Tags = old.Created, old.Tags
		}
		return deliverySources.Put(tx, d)
	})
	if err != nil {
		return nil, err
	}
	return &api.PutDeliverySourceOutput{DeliverySource: new(d.describe())}, nil
}

// tagsOfUpdate refuses tags for a delivery source or destination that is there: TagResource changes them.
const tagsOfUpdate = "Tags can only be provided when a resource is being created, not updated."

func getDeliverySource(tx *store.Tx, call *aws.Call, name string) (*deliverySource, error) {
	d, err := deliverySources.Get(tx, store.K(call.Account, call.Region, name))
	if errors.Is(err, store.ErrNotFound) {
		return nil, api.NewResourceNotFoundException(noDeliverySource)
	}
	return d, err
}

// getDeliverySource returns a source.
func (s *Service) getDeliverySource(call *aws.Call, in *api.GetDeliverySourceInput) (*api.GetDeliverySourceOutput, error) {
	var d *deliverySource
	err := s.DB.View(call, func(tx *store.Tx) (err error) {
		d, err = getDeliverySource(tx, call, in.Name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.GetDeliverySourceOutput{DeliverySource: new(d.describe())}, nil
}

// describeDeliverySources lists sources by name.
func (s *Service) describeDeliverySources(call *aws.Call, in *api.DescribeDeliverySourcesInput) (*api.DescribeDeliverySourcesOutput, error) {
	found, next, err := listTable(deliverySources, store.Range{Prefix: store.K(call.Account, call.Region)}, in.Limit, in.NextToken).page(s, call)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeDeliverySourcesOutput{DeliverySources: make([]api.DeliverySource, len(found)), NextToken: next}
	for i, d := range found {
		out.DeliverySources[i] = d.describe()
	}
	return out, nil
}

func (d *deliverySource) describe() api.DeliverySource {
	return api.DeliverySource{
		Name: &d.Name, ARN: new(d.arn()), ResourceARNs: []string{d.ResourceARN}, Service: &d.Service, LogType: &d.LogType, Tags: maps.Clone(d.Tags),
	}
}

// deleteDeliverySource removes a source that nothing is delivered from.
func (s *Service) deleteDeliverySource(call *aws.Call, in *api.DeleteDeliverySourceInput) (*api.DeleteDeliverySourceOutput, error) {
	err := s.DB.Update(call, func(tx *store.Tx) error {
		d, err := getDeliverySource(tx, call, in.Name)
		if err != nil {
			return err
		}
		switch _, err := deliveriesBySource.First(tx, store.K(d.Account, d.Region, d.Name)); {
		case err == nil:
			return api.NewConflictException("The delivery source is connected to a delivery destination.")
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		_, err = deliverySources.Delete(tx, deliverySources.Key(d))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteDeliverySourceOutput{}, nil
}
