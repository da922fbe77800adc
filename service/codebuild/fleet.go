package codebuild

import (
	"errors"
	"strings"
	"time"

	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/store"
)

// fleet is a fleet of reserved capacity. Its machines are those of the host as any other build's: what it gives is a
// number of builds that run at once.
type fleet struct {
	Account, Region, Name string
	// Created and Modified repeat what Detail has, for the indexes.
	Created, Modified time.Time
	Detail            api.Fleet
}

func fleetCreatedKey(f *fleet) store.Key  { return store.K(f.Account, f.Region, f.Created) }
func fleetModifiedKey(f *fleet) store.Key { return store.K(f.Account, f.Region, f.Modified) }

var (
	fleetsByCreated  = store.NewIndex("created", func(f *fleet) []store.Key { return []store.Key{fleetCreatedKey(f)} })
	fleetsByModified = store.NewIndex("modified", func(f *fleet) []store.Key { return []store.Key{fleetModifiedKey(f)} })
	fleets           = store.NewTable("codebuild/fleet", func(f *fleet) store.Key { return store.K(f.Account, f.Region, f.Name) },
		fleetsByCreated, fleetsByModified)
)

// getFleet returns a fleet by its ARN, which has an id behind the name that tells it from earlier ones.
func getFleet(tx *store.Tx, account, region, arn string) (*fleet, error) {
	missing := api.NewResourceNotFoundException("Fleet not found: %s", arn)
	a, err := aws.ParseARN(arn)
	if err != nil || a.Account != account || a.Region != region || !strings.HasPrefix(a.Resource, "fleet/") {
		return nil, missing
	}
	f, err := fleets.Get(tx, store.K(account, region, ownerName(trimKind(a.Resource, "fleet/"))))
	if errors.Is(err, store.ErrNotFound) || err == nil && *f.Detail.ARN != arn {
		return nil, missing
	}
	return f, err
}

// capacity is how many builds the fleet runs at once.
func (f *fleet) capacity() int {
	if c := f.Detail.ScalingConfiguration; c != nil && c.MaxCapacity != nil {
		return int(*c.MaxCapacity)
	}
	return int(*f.Detail.BaseCapacity)
}

// createFleet makes a fleet, which is ready at once.
func (s *Service) createFleet(call *aws.Call, in *api.CreateFleetInput) (*api.CreateFleetOutput, error) {
	now, uuid := call.Now(), call.NewUUID()
	f := &fleet{Account: call.Account, Region: call.Region, Name: in.Name, Created: now, Modified: now}
	f.Detail = api.Fleet{
		ARN: new(call.ARN("codebuild", "fleet/"+in.Name+":"+uuid).String()), Name: &in.Name, ID: &uuid, Created: &now, LastModified: &now,
		Status: &api.FleetStatus{StatusCode: new(api.FleetStatusCodeActive)}, BaseCapacity: &in.BaseCapacity,
		EnvironmentType: &in.EnvironmentType, ComputeType: &in.ComputeType, ComputeConfiguration: in.ComputeConfiguration,
		ScalingConfiguration: shownScaling(in.ScalingConfiguration, in.BaseCapacity), OverflowBehavior: in.OverflowBehavior,
		FleetServiceRole: in.FleetServiceRole, Tags: orEmpty(in.Tags),
	}
	if err := refuseFleet(in.VPCConfig, in.ProxyConfiguration, in.ImageID); err != nil {
		return nil, err
	}
	if err := completeFleet(&f.Detail); err != nil {
		return nil, err
	}
	err := s.DB.Update(call, func(tx *store.Tx) error {
		exists, err := fleets.Has(tx, fleets.Key(f))
		if err != nil {
			return err
		}
		if exists {
			return api.NewResourceAlreadyExistsException("Fleet already exists: %s", in.Name)
		}
		n := 0
		for _, err := range fleets.Scan(tx, store.Range{Prefix: store.K(f.Account, f.Region)}) {
			if err != nil {
				return err
			}
			if n++; n == maxFleets {
				return api.NewAccountLimitExceededException("Cannot have more than %d fleets in this account", maxFleets)
			}
		}
		return fleets.Put(tx, f)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateFleetOutput{Fleet: &f.Detail}, nil
}

// refuseFleet refuses what a fleet cannot be given.
func refuseFleet(vpc *api.VPCConfig, proxy *api.ProxyConfiguration, image *string) error {
	switch {
	case vpc != nil && (value(vpc.VPCID) != "" || len(vpc.Subnets)+len(vpc.SecurityGroupIDs) > 0):
		return notImplemented("vpcConfig of a fleet")
	case proxy != nil && (proxy.DefaultBehavior != nil || len(proxy.OrderedProxyRules) > 0):
		return notImplemented("proxyConfiguration of a fleet")
	case value(image) != "":
		return notImplemented("imageId of a fleet")
	}
	return nil
}

// shownScaling is the scaling configuration with the capacity that is there now: drydock's host has it all at any time.
func shownScaling(in *api.ScalingConfigurationInput, base int32) *api.ScalingConfigurationOutput {
	if in == nil || in.ScalingType == nil && in.MaxCapacity == nil && len(in.TargetTrackingScalingConfigs) == 0 {
		return nil
	}
	return &api.ScalingConfigurationOutput{
		ScalingType: in.ScalingType, TargetTrackingScalingConfigs: in.TargetTrackingScalingConfigs, MaxCapacity: in.MaxCapacity, DesiredCapacity: &base,
	}
}

// completeFleet checks a fleet and fills in what AWS fills in.
func completeFleet(f *api.Fleet) error {
	if *f.BaseCapacity < 1 {
		return api.NewInvalidInputException("Base capacity must be greater than or equal to 1")
	}
	if c := f.ScalingConfiguration; c != nil {
		switch {
		case c.ScalingType == nil || c.MaxCapacity == nil:
			return api.NewInvalidInputException("Invalid scaling configuration: scalingType and maxCapacity must be specified")
		case *c.MaxCapacity <= *f.BaseCapacity:
			return api.NewInvalidInputException("Max capacity must be greater than base capacity")
		}
	}
	custom := *f.ComputeType == api.ComputeTypeAttributeBasedCompute || *f.ComputeType == api.ComputeTypeCustomInstanceType
	switch {
	case custom && f.ComputeConfiguration == nil:
		return api.NewInvalidInputException("Invalid compute configuration: it must be specified for compute type %s", *f.ComputeType)
	case !custom && f.ComputeConfiguration != nil:
		return api.NewInvalidInputException("Invalid compute configuration: it must not be specified for compute type %s", *f.ComputeType)
	case strings.HasPrefix(string(*f.ComputeType), "BUILD_LAMBDA_") || strings.HasSuffix(string(*f.EnvironmentType), "LAMBDA_CONTAINER"):
		return api.NewInvalidInputException("Lambda compute is not supported for fleets")
	}
	if f.OverflowBehavior == nil {
		f.OverflowBehavior = new(api.FleetOverflowBehaviorQueue)
	}
	if repeatedTag(f.Tags) {
		return api.NewInvalidInputException("Duplicate tag keys are not allowed")
	}
	return nil
}

// batchGetFleets shows fleets by their names or ARNs.
func (s *Service) batchGetFleets(call *aws.Call, in *api.BatchGetFleetsInput) (*api.BatchGetFleetsOutput, error) {
	var out *api.BatchGetFleetsOutput
	err := s.DB.View(call, func(tx *store.Tx) error {
		out = &api.BatchGetFleetsOutput{Fleets: []api.Fleet{}, FleetsNotFound: []string{}}
		for _, name := range in.Names {
			f, err := findFleet(tx, call, name)
			switch {
			case errors.Is(err, store.ErrNotFound), aws.IsError(err, "ResourceNotFoundException"):
				out.FleetsNotFound = append(out.FleetsNotFound, name)
			case err != nil:
				return err
			default:
				out.Fleets = append(out.Fleets, f.Detail)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func findFleet(tx *store.Tx, call *aws.Call, name string) (*fleet, error) {
	if strings.HasPrefix(name, "arn:") {
		return getFleet(tx, call.Account, call.Region, name)
	}
	return fleets.Get(tx, store.K(call.Account, call.Region, name))
}

// listFleets lists the ARNs of fleets.
func (s *Service) listFleets(call *aws.Call, in *api.ListFleetsInput) (*api.ListFleetsOutput, error) {
	by := listing[fleet]{fleets.Scan, fleets.Key}
	switch value(in.SortBy) {
	case api.FleetSortByTypeCreatedTime:
		by = along(fleetsByCreated, fleetCreatedKey)
	case api.FleetSortByTypeLastModifiedTime:
		by = along(fleetsByModified, fleetModifiedKey)
	case api.FleetSortByTypeName:
	}
	r, err := pageRange(store.K(call.Account, call.Region), descending(in.SortOrder, false), in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &api.ListFleetsOutput{}
	err = s.DB.View(call, func(tx *store.Tx) error {
		found, next, err := by.page(tx, r, pageLimit(in.MaxResults))
		out.Fleets, out.NextToken = []string{}, next
		for _, f := range found {
			out.Fleets = append(out.Fleets, *f.Detail.ARN)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// updateFleet changes what the input names. More capacity lets builds begin that wait.
func (s *Service) updateFleet(call *aws.Call, in *api.UpdateFleetInput) (*api.UpdateFleetOutput, error) {
	if err := refuseFleet(in.VPCConfig, in.ProxyConfiguration, in.ImageID); err != nil {
		return nil, err
	}
	now := call.Now()
	var detail api.Fleet
	err := s.DB.Update(call, func(tx *store.Tx) error {
		f, err := getFleet(tx, call.Account, call.Region, in.ARN)
		if err != nil {
			return err
		}
		d := &f.Detail
		override(&d.BaseCapacity, in.BaseCapacity)
		override(&d.EnvironmentType, in.EnvironmentType)
		if in.ComputeType != nil && in.ComputeConfiguration == nil {
			d.ComputeConfiguration = nil // of the compute type before
		}
		override(&d.ComputeType, in.ComputeType)
		override(&d.ComputeConfiguration, in.ComputeConfiguration)
		override(&d.OverflowBehavior, in.OverflowBehavior)
		override(&d.FleetServiceRole, in.FleetServiceRole)
		overrideList(&d.Tags, in.Tags)
		if in.ScalingConfiguration != nil {
			d.ScalingConfiguration = shownScaling(in.ScalingConfiguration, *d.BaseCapacity)
		} else if d.ScalingConfiguration != nil {
			d.ScalingConfiguration.DesiredCapacity = d.BaseCapacity
		}
		if err := completeFleet(d); err != nil {
			return err
		}
		f.Modified, d.LastModified = now, &now
		detail = *d
		if err := fleets.Put(tx, f); err != nil {
			return err
		}
		return s.admit(tx, now)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateFleetOutput{Fleet: &detail}, nil
}

// deleteFleet removes a fleet. Builds that wait for it fail when their turn comes; those that run go on. One that is not
// there is no error.
func (s *Service) deleteFleet(call *aws.Call, in *api.DeleteFleetInput) (*api.DeleteFleetOutput, error) {
	if a, err := aws.ParseARN(in.ARN); err != nil || a.Service != "codebuild" || !strings.HasPrefix(a.Resource, "fleet/") {
		return nil, api.NewInvalidInputException("Invalid fleet ARN: %s", in.ARN)
	}
	now := call.Now()
	err := s.DB.Update(call, func(tx *store.Tx) error {
		f, err := getFleet(tx, call.Account, call.Region, in.ARN)
		if aws.IsError(err, "ResourceNotFoundException") {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := fleets.Delete(tx, fleets.Key(f)); err != nil {
			return err
		}
		return s.admit(tx, now)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteFleetOutput{}, nil
}
