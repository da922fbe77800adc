package logs

import (
	"fmt"
	"slices"
	"strings"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/store"
)

// putRetentionPolicy sets how long events are kept.
func (s *Service) putRetentionPolicy(call *aws.Call, in *api.PutRetentionPolicyInput) (*api.PutRetentionPolicyOutput, error) {
	if !slices.Contains(retentionDays, in.RetentionInDays) {
		return nil, api.NewInvalidParameterException("1 validation error detected: Value '%d' at 'retentionInDays' failed to satisfy constraint: "+
			"Member must satisfy enum value set: %s", in.RetentionInDays, strings.ReplaceAll(fmt.Sprint(retentionDays), " ", ", "))
	}
	if err := s.setRetention(call, in.LogGroupName, in.RetentionInDays); err != nil {
		return nil, err
	}
	return &api.PutRetentionPolicyOutput{}, nil
}

// deleteRetentionPolicy keeps events for ever.
func (s *Service) deleteRetentionPolicy(call *aws.Call, in *api.DeleteRetentionPolicyInput) (*api.DeleteRetentionPolicyOutput, error) {
	if err := s.setRetention(call, in.LogGroupName, 0); err != nil {
		return nil, err
	}
	return &api.DeleteRetentionPolicyOutput{}, nil
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
