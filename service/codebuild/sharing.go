package codebuild

import (
	"strings"

	"drydock/aws"
)

// place is where a resource lies that is given by its name or ARN.
type place struct{ account, region, name string }

// placeOf finds the place of a resource of a kind ("project/"). A name is one of the caller's own. The ARN of another
// account's is looked at only where that account's policy lets the caller in; owner is the ARN of the resource that has
// the policy, where that is another. What lies in another region is not found, which an empty place stands for.
func placeOf(call *aws.Call, kind, name string, owner func(p place) string) (place, error) {
	arn, err := aws.ParseARN(name)
	if err != nil {
		return place{call.Account, call.Region, name}, nil //nolint:nilerr // what is no ARN is a name
	}
	id, ok := strings.CutPrefix(arn.Resource, kind)
	if !ok || arn.Service != "codebuild" || arn.Region != call.Region {
		return place{}, nil
	}
	p := place{arn.Account, arn.Region, id}
	if arn.Account == call.Account {
		return p, nil
	}
	if owner != nil {
		name = owner(p)
	}
	return p, call.Cloud.Authorize(call, aws.Check{Action: "codebuild:" + call.Operation.Name, Resource: name})
}

// projectOfBuild is the ARN of the project that a build belongs to.
func projectOfBuild(p place) string { return p.arn("project/" + ownerName(p.name)) }

// groupOfReport is the ARN of the report group that a report belongs to.
func groupOfReport(p place) string { return p.arn("report-group/" + ownerName(p.name)) }

// ownerName is what an id of a build or report names before its colon.
func ownerName(id string) string {
	name, _, _ := strings.Cut(id, ":")
	return name
}

func (p place) arn(resource string) string {
	return aws.ARN{Partition: aws.PartitionOf(p.region), Service: "codebuild", Region: p.region, Account: p.account, Resource: resource}.String()
}
