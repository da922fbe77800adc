package s3

import (
	api "drydock/api/s3"
)

// checkRules refuses rules that cannot be, and actions that drydock does not carry out.
func checkRules(list []api.LifecycleRule) error {
	if len(list) > maxRules {
		return malformedXML()
	}
	ids := map[string]bool{}
	for i := range list {
		r := &list[i]
		id := text(r.ID)
		switch {
		case len(id) > 255:
			return invalidArgument("ID", id, "ID length should not exceed allowed limit of 255")
		case id != "" && ids[id]:
			return invalidArgument("ID", id, "Rule ID must be unique. Found same ID for more than one rule")
		case r.Status != api.ExpirationStatusEnabled && r.Status != api.ExpirationStatusDisabled:
			return malformedXML()
		case r.Prefix != nil && r.Filter != nil, r.Prefix == nil && r.Filter == nil:
			return malformedXML()
		case r.Expiration == nil && r.NoncurrentVersionExpiration == nil && r.AbortIncompleteMultipartUpload == nil &&
			len(r.Transitions) == 0 && len(r.NoncurrentVersionTransitions) == 0:
			return invalidRequest("At least one action needs to be specified in a rule")
		}
		ids[id] = true
		if err := checkFilter(r); err != nil {
			return err
		}
		if err := checkActions(r); err != nil {
			return err
		}
		if err := checkTransitions(r); err != nil {
			return err
		}
	}
	return nil
}

// checkFilter wants a filter to have one condition, or several within And.
func checkFilter(r *api.LifecycleRule) error {
	f := r.Filter
	if f == nil {
		return nil
	}
	conditions := 0
	for _, there := range []bool{f.Prefix != nil, f.Tag != nil, f.ObjectSizeGreaterThan != nil, f.ObjectSizeLessThan != nil, f.And != nil} {
		if there {
			conditions++
		}
	}
	if conditions > 1 {
		return malformedXML()
	}
	tagged := f.Tag != nil || f.And != nil && len(f.And.Tags) > 0
	if tagged && r.AbortIncompleteMultipartUpload != nil {
		return invalidRequest("AbortIncompleteMultipartUpload cannot be specified with Tags.")
	}
	if tagged && r.Expiration != nil && r.Expiration.ExpiredObjectDeleteMarker != nil {
		return invalidRequest("ExpiredObjectDeleteMarker cannot be specified with Tags.")
	}
	return nil
}

func checkActions(r *api.LifecycleRule) error {
	if e := r.Expiration; e != nil {
		given := 0
		for _, there := range []bool{e.Days != nil, e.Date != nil, e.ExpiredObjectDeleteMarker != nil} {
			if there {
				given++
			}
		}
		switch {
		case given != 1:
			return malformedXML()
		case e.Days != nil && *e.Days <= 0:
			return invalidArgument("Days", "", "'Days' for Expiration action must be a positive integer")
		case e.Date != nil && !midnight(*e.Date).Equal(*e.Date):
			return invalidArgument("Date", "", "'Date' must be at midnight GMT")
		}
	}
	if n := r.NoncurrentVersionExpiration; n != nil {
		switch {
		case n.NoncurrentDays == nil || *n.NoncurrentDays <= 0:
			return invalidArgument("NoncurrentDays", "", "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer")
		case n.NewerNoncurrentVersions != nil && (*n.NewerNoncurrentVersions < 1 || *n.NewerNoncurrentVersions > 100):
			return invalidArgument("NewerNoncurrentVersions", "", "'NewerNoncurrentVersions' for NoncurrentVersionExpiration action must be between 1 and 100")
		}
	}
	if a := r.AbortIncompleteMultipartUpload; a != nil && (a.DaysAfterInitiation == nil || *a.DaysAfterInitiation <= 0) {
		return invalidArgument("DaysAfterInitiation", "", "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer")
	}
	return nil
}
