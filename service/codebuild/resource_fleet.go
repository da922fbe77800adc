package codebuild

import (
	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/resource"
)

// fleetProperties are the properties of AWS::CodeBuild::Fleet that are carried out. Others are refused.
type fleetProperties struct {
	Name                 *string
	BaseCapacity         *int32
	EnvironmentType      *api.EnvironmentType
	ComputeType          *api.ComputeType
	OverflowBehavior     *api.FleetOverflowBehavior
	FleetServiceRole     *string
	ScalingConfiguration *api.ScalingConfigurationInput
	ComputeConfiguration *api.ComputeConfiguration
	Tags                 []api.Tag
	ARN                  *string
}

func createFleetResource(call *aws.Call, desired resource.Properties) (string, error) {
	var p fleetProperties
	if err := desired.Decode(&p); err != nil {
		return "", err
	}
	if p.BaseCapacity == nil || p.EnvironmentType == nil || p.ComputeType == nil {
		return "", aws.NewError(400, "ValidationException", "Properties validation failed: BaseCapacity, EnvironmentType and ComputeType are required")
	}
	if value(p.Name) == "" {
		p.Name = new(call.NewID("Fleet-", 12))
	}
	out, err := api.CreateFleet.Do(call, &api.CreateFleetInput{
		Name: *p.Name, BaseCapacity: *p.BaseCapacity, EnvironmentType: *p.EnvironmentType, ComputeType: *p.ComputeType,
		OverflowBehavior: p.OverflowBehavior, FleetServiceRole: p.FleetServiceRole, ScalingConfiguration: p.ScalingConfiguration,
		ComputeConfiguration: p.ComputeConfiguration, Tags: p.Tags,
	})
	if err != nil {
		return "", err
	}
	return *out.Fleet.ARN, nil
}

func readFleetResource(call *aws.Call, id string) (resource.Properties, error) {
	out, err := api.BatchGetFleets.Do(call, &api.BatchGetFleetsInput{Names: []string{id}})
	if err != nil {
		return nil, err
	}
	if len(out.Fleets) == 0 {
		return nil, api.NewResourceNotFoundException("Fleet not found: %s", id)
	}
	f := &out.Fleets[0]
	p := fleetProperties{
		Name: f.Name, BaseCapacity: f.BaseCapacity, EnvironmentType: f.EnvironmentType, ComputeType: f.ComputeType,
		OverflowBehavior: f.OverflowBehavior, FleetServiceRole: f.FleetServiceRole, ComputeConfiguration: f.ComputeConfiguration, Tags: f.Tags, ARN: f.ARN,
	}
	if c := f.ScalingConfiguration; c != nil {
		p.ScalingConfiguration = &api.ScalingConfigurationInput{
			ScalingType: c.ScalingType, TargetTrackingScalingConfigs: c.TargetTrackingScalingConfigs, MaxCapacity: c.MaxCapacity,
		}
	}
	return properties(p)
}

func updateFleetResource(call *aws.Call, id string, _, desired resource.Properties) error {
	var p fleetProperties
	if err := desired.Decode(&p); err != nil {
		return err
	}
	_, err := api.UpdateFleet.Do(call, &api.UpdateFleetInput{
		ARN: id, BaseCapacity: p.BaseCapacity, EnvironmentType: p.EnvironmentType, ComputeType: p.ComputeType,
		OverflowBehavior: orDefault(p.OverflowBehavior, api.FleetOverflowBehaviorQueue), FleetServiceRole: p.FleetServiceRole,
		ScalingConfiguration: orDefault(p.ScalingConfiguration, api.ScalingConfigurationInput{}), ComputeConfiguration: p.ComputeConfiguration,
		Tags: orEmpty(p.Tags),
	})
	return err
}

func deleteFleetResource(call *aws.Call, id string) error {
	_, err := api.DeleteFleet.Do(call, &api.DeleteFleetInput{ARN: id})
	return err
}

func listFleetResources(call *aws.Call) (ids []string, err error) {
	in := &api.ListFleetsInput{}
	for {
		out, err := api.ListFleets.Do(call, in)
		if err != nil {
			return nil, err
		}
		ids = append(ids, out.Fleets...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return ids, nil
		}
	}
}
