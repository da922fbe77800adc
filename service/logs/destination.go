package logs

import (
	"errors"
	"strings"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/policy"
	"drydock/store"
)

// destination is a stream of an account, to which groups of that account and others can be subscribed.
type destination struct {
	Account, Region, Name string
	TargetARN, RoleARN    string
	AccessPolicy          string
	Tags                  map[string]string
	Created               time.Time
}

var destinations = store.NewTable("logs/destination", func(d *destination) store.Key { return store.K(d.Account, d.Region, d.Name) })

const noDestination = "The specified destination does not exist."

const destinationResource = "destination:"

func (d *destination) arn() string {
	return aws.ARN{Partition: aws.PartitionOf(d.Region), Service: "logs", Region: d.Region, Account: d.Account, Resource: destinationResource + d.Name}.String()
}

// destinationAt returns the destination with the ARN, or nil when there is none.
func destinationAt(tx *store.Tx, arn aws.ARN) (*destination, error) {
	name, ok := strings.CutPrefix(arn.Resource, destinationResource)
	if !ok {
		return nil, nil
	}
	d, err := destinations.Get(tx, store.K(arn.Account, arn.Region, name))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return d, err
}

func (s *Service) destinationOf(call *aws.Call, arn aws.ARN) (d *destination, err error) {
	if !strings.HasPrefix(arn.Resource, destinationResource) {
		return nil, api.NewInvalidParameterException("Invalid destination ARN: %s", arn)
	}
	err = s.DB.View(call, func(tx *store.Tx) (err error) {
		d, err = destinationAt(tx, arn)
		return err
	})
	return d, err
}

// putDestination makes or changes a destination.
func (s *Service) putDestination(call *aws.Call, in *api.PutDestinationInput) (*api.PutDestinationOutput, error) {
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	target, err := aws.ParseARN(in.TargetARN)
	if err != nil {
		return nil, api.NewInvalidParameterException("Invalid target ARN: %s", in.TargetARN)
	}
	if target.Service != toKinesis && target.Service != toFirehose {
		return nil, api.NewInvalidParameterException("PutDestination operation cannot work with targetArn for vendor %s", target.Service)
	}
	if role, err := aws.ParseARN(in.RoleARN); err != nil || role.Service != "iam" || !strings.HasPrefix(role.Resource, "role/") {
		return nil, api.NewInvalidParameterException("Invalid role ARN: %s", in.RoleARN)
	}
	d := &destination{Account: call.Account, Region: call.Region, Name: in.DestinationName, Created: call.Now(), Tags: in.Tags}
	err = s.DB.Update(call, func(tx *store.Tx) error {
		switch old, err := destinations.Get(tx, destinations.Key(d)); {
		case err == nil:
			d = old
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		if in.Tags != nil {
			d.Tags = in.Tags
		}
		d.TargetARN, d.RoleARN = in.TargetARN, in.RoleARN
		return destinations.Put(tx, d)
	})
	if err != nil {
		return nil, err
	}
	return &api.PutDestinationOutput{Destination: new(d.describe())}, nil
}

// putDestinationPolicy sets who may subscribe groups to a destination.
func (s *Service) putDestinationPolicy(call *aws.Call, in *api.PutDestinationPolicyInput) (*api.PutDestinationPolicyOutput, error) {
	if len(in.AccessPolicy) > maxPolicyBytes {
		return nil, api.NewInvalidParameterException("The access policy exceeds the limit of %d bytes.", maxPolicyBytes)
	}
	if _, err := policy.Parse(policy.KindResource, in.AccessPolicy); err != nil {
		return nil, api.NewInvalidParameterException("%s", err)
	}
	err := s.DB.Update(call, func(tx *store.Tx) error {
		d, err := getDestination(tx, call, in.DestinationName)
		if err != nil {
			return err
		}
		d.AccessPolicy = in.AccessPolicy
		return destinations.Put(tx, d)
	})
	if err != nil {
		return nil, err
	}
	return &api.PutDestinationPolicyOutput{}, nil
}

func getDestination(tx *store.Tx, call *aws.Call, name string) (*destination, error) {
	d, err := destinations.Get(tx, store.K(call.Account, call.Region, name))
	if errors.Is(err, store.ErrNotFound) {
		return nil, api.NewResourceNotFoundException(noDestination)
	}
	return d, err
}

// describeDestinations lists destinations by name.
func (s *Service) describeDestinations(call *aws.Call, in *api.DescribeDestinationsInput) (*api.DescribeDestinationsOutput, error) {
	within := prefixed(store.K(call.Account, call.Region), in.DestinationNamePrefix)
	found, next, err := listTable(destinations, within, in.Limit, in.NextToken).page(s, call)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeDestinationsOutput{Destinations: make([]api.Destination, len(found)), NextToken: next}
	for i, d := range found {
		out.Destinations[i] = d.describe()
	}
	return out, nil
}

func (d *destination) describe() api.Destination {
	shown := api.Destination{
		DestinationName: &d.Name, TargetARN: &d.TargetARN, RoleARN: &d.RoleARN, ARN: new(d.arn()), CreationTime: new(d.Created.UnixMilli()),
	}
	if d.AccessPolicy != "" {
		shown.AccessPolicy = &d.AccessPolicy
	}
	return shown
}

// deleteDestination removes a destination. Groups stay subscribed to it, and their events go nowhere.
func (s *Service) deleteDestination(call *aws.Call, in *api.DeleteDestinationInput) (*api.DeleteDestinationOutput, error) {
	err := s.DB.Update(call, func(tx *store.Tx) error {
		d, err := getDestination(tx, call, in.DestinationName)
		if err != nil {
			return err
		}
		_, err = destinations.Delete(tx, destinations.Key(d))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteDestinationOutput{}, nil
}
