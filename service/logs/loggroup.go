package logs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/store"
)

// logGroup is a log group.
type logGroup struct {
	Account, Region, Name string
	// ID tells the group from earlier ones of the same name; see sequence.
	ID                 uint64
	Created            time.Time
	RetentionDays      int32 // 0 keeps events for ever
	KMSKeyID           string
	Class              api.LogGroupClass
	Tags               map[string]string
	DeletionProtection bool
}

var logGroups = store.NewTable("logs/group", func(g *logGroup) store.Key { return store.K(g.Account, g.Region, g.Name) })

// arn is the group's ARN without the ":*" that the older fields and policies have after it.
func (g *logGroup) arn() string {
	return aws.ARN{Partition: aws.PartitionOf(g.Region), Service: "logs", Region: g.Region, Account: g.Account, Resource: "log-group:" + g.Name}.String()
}

const noLogGroup = "The specified log group does not exist."

// findLogGroup returns the group, or nil when there is none.
func findLogGroup(tx *store.Tx, key groupKey) (*logGroup, error) {
	g, err := logGroups.Get(tx, store.K(key.Account, key.Region, key.Name))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return g, err
}

// getLogGroup returns the caller's group of that name.
func getLogGroup(tx *store.Tx, call *aws.Call, name string) (*logGroup, error) {
	g, err := findLogGroup(tx, groupKey{call.Account, call.Region, name})
	if g == nil && err == nil {
		return nil, api.NewResourceNotFoundException(noLogGroup)
	}
	return g, err
}

// resolveLogGroup returns the caller's group that a request names or identifies by its name or ARN.
func resolveLogGroup(tx *store.Tx, call *aws.Call, name, identifier *string) (*logGroup, error) {
	switch {
	case name != nil && identifier != nil:
		return nil, api.NewInvalidParameterException("LogGroup name and LogGroup identifier are mutually exclusive parameters.")
	case name != nil:
		return getLogGroup(tx, call, *name)
	case identifier != nil:
		found, err := groupName(call, *identifier)
		if err != nil {
			return nil, err
		}
		return getLogGroup(tx, call, found)
	default:
		return nil, api.NewInvalidParameterException("Either LogGroup name or LogGroup identifier must be given.")
	}
}

// groupName returns the name in a group's identifier: its name or its ARN, with or without the final ":*". The ARN is of
// the call's account and region: observing other accounts takes links between them, which are not there.
func groupName(call *aws.Call, identifier string) (string, error) {
	if !strings.HasPrefix(identifier, "arn:") {
		return identifier, nil
	}
	arn, err := aws.ParseARN(identifier)
	name, ok := strings.CutPrefix(arn.Resource, "log-group:")
	name = strings.TrimSuffix(name, ":*")
	if err != nil || !ok || arn.Service != "logs" || name == "" || strings.ContainsAny(name, ":*") {
		return "", api.NewInvalidParameterException("Invalid log group identifier: %s", identifier)
	}
	if arn.Account != call.Account || arn.Region != call.Region {
		return "", api.NewResourceNotFoundException(noLogGroup)
	}
	return name, nil
}

// standard refuses an operation on a group whose class is too low for it.
func (g *logGroup) standard(call *aws.Call) error {
	if g.Class == api.LogGroupClassStandard {
		return nil
	}
	return api.NewInvalidOperationException("The log group %s is of log-group-class %s. %s is not supported for this log class.",
		g.Name, g.Class, call.Operation.Name)
}

// retention is how long events are kept; 0 is for ever.
func (g *logGroup) retention() time.Duration { return time.Duration(g.RetentionDays) * 24 * time.Hour }

// createLogGroup makes a group.
func (s *Service) createLogGroup(call *aws.Call, in *api.CreateLogGroupInput) (*api.CreateLogGroupOutput, error) {
	if strings.HasPrefix(in.LogGroupName, "aws/") {
		return nil, api.NewInvalidParameterException("Log groups starting with AWS/ are reserved for AWS.")
	}
	g := &logGroup{
		Account: call.Account, Region: call.Region, Name: in.LogGroupName, ID: s.sequence.next(), Created: call.Now(),
		Class: api.LogGroupClassStandard, Tags: maps.Clone(in.Tags),
	}
	if in.LogGroupClass != nil {
		g.Class = *in.LogGroupClass
	}
	if in.KMSKeyID != nil {
		g.KMSKeyID = *in.KMSKeyID
	}
	if in.DeletionProtectionEnabled != nil {
		g.DeletionProtection = *in.DeletionProtectionEnabled
	}
	err := s.DB.Update(call, func(tx *store.Tx) error {
		exists, err := logGroups.Has(tx, logGroups.Key(g))
		if err != nil {
			return err
		}
		if exists {
			return api.NewResourceAlreadyExistsException("The specified log group already exists")
		}
		return logGroups.Put(tx, g)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateLogGroupOutput{}, nil
}

// describeLogGroups lists groups by name.
func (s *Service) describeLogGroups(call *aws.Call, in *api.DescribeLogGroupsInput) (*api.DescribeLogGroupsOutput, error) {
	if in.LogGroupNamePrefix != nil && in.LogGroupNamePattern != nil {
		return nil, api.NewInvalidParameterException("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	limit := defaultDescribeLimit
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	prefix, pattern := "", ""
	if in.LogGroupNamePrefix != nil {
		prefix = *in.LogGroupNamePrefix
	}
	if in.LogGroupNamePattern != nil {
		pattern = strings.ToLower(*in.LogGroupNamePattern)
	}
	r := store.Range{Prefix: store.K(call.Account, call.Region), From: store.K(call.Account, call.Region, prefix)}
	if in.NextToken != nil {
		last, err := aws.DecodePageToken(*in.NextToken, 1)
		if err != nil {
			return nil, api.NewInvalidParameterException("The specified nextToken is invalid.")
		}
		r.After = store.K(call.Account, call.Region, last[0])
	}
	out := &api.DescribeLogGroupsOutput{LogGroups: []api.LogGroup{}}
	err := s.DB.View(call, func(tx *store.Tx) error {
		last := ""
		for g, err := range logGroups.Scan(tx, r) {
			switch {
			case err != nil:
				return err
			case !strings.HasPrefix(g.Name, prefix):
				return nil
			case pattern != "" && !strings.Contains(strings.ToLower(g.Name), pattern),
				in.LogGroupClass != nil && g.Class != *in.LogGroupClass:
				continue
			case len(out.LogGroups) == limit:
				out.NextToken = new(aws.EncodePageToken(last))
				return nil
			}
			last = g.Name
			out.LogGroups = append(out.LogGroups, g.describe())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// describe is the group as the API shows it.
func (g *logGroup) describe() api.LogGroup {
	shown := api.LogGroup{
		LogGroupName: &g.Name, CreationTime: new(g.Created.UnixMilli()), ARN: new(g.arn() + ":*"), LogGroupARN: new(g.arn()),
		LogGroupClass: &g.Class, MetricFilterCount: new(int32(0)), StoredBytes: new(int64(0)), DeletionProtectionEnabled: &g.DeletionProtection,
	}
	if g.RetentionDays != 0 {
		shown.RetentionInDays = &g.RetentionDays
	}
	if g.KMSKeyID != "" {
		shown.KMSKeyID = &g.KMSKeyID
	}
	return shown
}

// deleteLogGroup removes a group and all that is in it.
func (s *Service) deleteLogGroup(call *aws.Call, in *api.DeleteLogGroupInput) (*api.DeleteLogGroupOutput, error) {
	now := call.Now()
	err := s.DB.Update(call, func(tx *store.Tx) error {
		g, err := getLogGroup(tx, call, in.LogGroupName)
		if err != nil {
			return err
		}
		if g.DeletionProtection {
			return api.NewValidationException("Log group has deletion protection enabled.")
		}
		if _, err := logGroups.Delete(tx, logGroups.Key(g)); err != nil {
			return err
		}
		if err := s.Tasks.Cancel(tx, expireKind, fmt.Sprint(g.ID)); err != nil {
			return err
		}
		return s.schedulePurge(tx, purged{Group: g.ID}, now)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteLogGroupOutput{}, nil
}

// putRetentionPolicy sets how long events are kept.
func (s *Service) putRetentionPolicy(call *aws.Call, in *api.PutRetentionPolicyInput) (*api.PutRetentionPolicyOutput, error) {
	if !slices.Contains(retentionDays, in.RetentionInDays) {
		return nil, api.NewInvalidParameterException("1 validation error detected: Value '%d' at 'retentionInDays' failed to satisfy constraint: "+
			"Member must satisfy enum value set: %v", in.RetentionInDays, retentionDays)
	}
	return &api.PutRetentionPolicyOutput{}, s.setRetention(call, in.LogGroupName, in.RetentionInDays)
}

// deleteRetentionPolicy keeps events for ever.
func (s *Service) deleteRetentionPolicy(call *aws.Call, in *api.DeleteRetentionPolicyInput) (*api.DeleteRetentionPolicyOutput, error) {
	return &api.DeleteRetentionPolicyOutput{}, s.setRetention(call, in.LogGroupName, 0)
}

func (s *Service) setRetention(call *aws.Call, name string, days int32) error {
	return s.DB.Update(call, func(tx *store.Tx) error {
		g, err := getLogGroup(tx, call, name)
		if err != nil {
			return err
		}
		if g.Class == api.LogGroupClassDelivery {
			return api.NewInvalidOperationException("The retention of log groups of log-group-class DELIVERY cannot be changed.")
		}
		g.RetentionDays = days
		if err := logGroups.Put(tx, g); err != nil {
			return err
		}
		if days == 0 {
			return s.Tasks.Cancel(tx, expireKind, fmt.Sprint(g.ID))
		}
		// The look decides when the next batch expires; with a shorter retention that is earlier than was planned.
		return s.scheduleExpiry(tx, g, 0)
	})
}
