package logs

import (
	"errors"
	"strings"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/store"
)

// anomalyDetector is kept as it was given. It does not look at events: it never leaves the state INITIALIZING, in which
// AWS's have not found anything yet either.
type anomalyDetector struct {
	Account, Region, ID string
	Name                *string
	GroupARN            string
	Frequency           *api.EvaluationFrequency
	Pattern             *string
	KMSKeyID            *string
	VisibilityDays      int64
	Paused              bool
	Tags                map[string]string
	Created, Modified   time.Time
}

var anomalyDetectors = store.NewTable("logs/anomalydetector", func(d *anomalyDetector) store.Key { return store.K(d.Account, d.Region, d.ID) })

const (
	noDetector       = "The specified anomaly detector does not exist."
	detectorResource = "anomaly-detector:"
)

func (d *anomalyDetector) arn() string {
	return aws.ARN{Partition: aws.PartitionOf(d.Region), Service: "logs", Region: d.Region, Account: d.Account, Resource: detectorResource + d.ID}.String()
}

// createLogAnomalyDetector makes a detector.
func (s *Service) createLogAnomalyDetector(call *aws.Call, in *api.CreateLogAnomalyDetectorInput) (*api.CreateLogAnomalyDetectorOutput, error) {
	if len(in.LogGroupARNList) != 1 {
		return nil, api.NewInvalidParameterException("An anomaly detector must have exactly one log group.")
	}
	if !strings.HasPrefix(in.LogGroupARNList[0], "arn:") {
		return nil, api.NewInvalidParameterException("Invalid log group ARN: %s", in.LogGroupARNList[0])
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	if _, err := parsePattern(in.FilterPattern); err != nil {
		return nil, err
	}
	d := &anomalyDetector{
		Account: call.Account, Region: call.Region, ID: call.NewUUID(), Name: in.DetectorName, Frequency: in.EvaluationFrequency,
		Pattern: in.FilterPattern, KMSKeyID: in.KMSKeyID, VisibilityDays: defaultVisibilityDays, Tags: in.Tags, Created: call.Now(), Modified: call.Now(),
	}
	if in.AnomalyVisibilityTime != nil {
		d.VisibilityDays = *in.AnomalyVisibilityTime
	}
	err := s.DB.Update(call, func(tx *store.Tx) error {
		g, err := resolveLogGroup(tx, call, nil, &in.LogGroupARNList[0])
		if err != nil {
			return err
		}
		if err := g.standard(call); err != nil {
			return err
		}
		d.GroupARN = g.arn()
		return anomalyDetectors.Put(tx, d)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateLogAnomalyDetectorOutput{AnomalyDetectorARN: new(d.arn())}, nil
}

// getDetector returns the caller's detector with the ARN.
func getDetector(tx *store.Tx, call *aws.Call, arn string) (*anomalyDetector, error) {
	parsed, err := aws.ParseARN(arn)
	id, ok := strings.CutPrefix(parsed.Resource, detectorResource)
	if err != nil || !ok || parsed.Service != "logs" {
		return nil, api.NewInvalidParameterException("Invalid anomaly detector ARN: %s", arn)
	}
	d, err := anomalyDetectors.Get(tx, store.K(parsed.Account, parsed.Region, id))
	if errors.Is(err, store.ErrNotFound) || err == nil && (d.Account != call.Account || d.Region != call.Region) {
		return nil, api.NewResourceNotFoundException(noDetector)
	}
	return d, err
}

// getLogAnomalyDetector returns a detector.
func (s *Service) getLogAnomalyDetector(call *aws.Call, in *api.GetLogAnomalyDetectorInput) (*api.GetLogAnomalyDetectorOutput, error) {
	var d *anomalyDetector
	err := s.DB.View(call, func(tx *store.Tx) (err error) {
		d, err = getDetector(tx, call, in.AnomalyDetectorARN)
		return err
	})
	if err != nil {
		return nil, err
	}
	a := d.describe()
	return &api.GetLogAnomalyDetectorOutput{
		DetectorName: a.DetectorName, LogGroupARNList: a.LogGroupARNList, EvaluationFrequency: a.EvaluationFrequency, FilterPattern: a.FilterPattern,
		AnomalyDetectorStatus: a.AnomalyDetectorStatus, KMSKeyID: a.KMSKeyID, CreationTimeStamp: a.CreationTimeStamp,
		LastModifiedTimeStamp: a.LastModifiedTimeStamp, AnomalyVisibilityTime: a.AnomalyVisibilityTime,
	}, nil
}

func (d *anomalyDetector) describe() api.AnomalyDetector {
	status := api.AnomalyDetectorStatusInitializing
	if d.Paused {
		status = api.AnomalyDetectorStatusPaused
	}
	return api.AnomalyDetector{
		AnomalyDetectorARN: new(d.arn()), DetectorName: d.Name, LogGroupARNList: []string{d.GroupARN}, EvaluationFrequency: d.Frequency,
		FilterPattern: d.Pattern, AnomalyDetectorStatus: &status, KMSKeyID: d.KMSKeyID, CreationTimeStamp: new(d.Created.UnixMilli()),
		LastModifiedTimeStamp: new(d.Modified.UnixMilli()), AnomalyVisibilityTime: &d.VisibilityDays,
	}
}

// listLogAnomalyDetectors lists detectors, of all groups or of one.
func (s *Service) listLogAnomalyDetectors(call *aws.Call, in *api.ListLogAnomalyDetectorsInput) (*api.ListLogAnomalyDetectorsOutput, error) {
	l := listTable(anomalyDetectors, store.Range{Prefix: store.K(call.Account, call.Region)}, in.Limit, in.NextToken)
	l.wanted = func(d *anomalyDetector) bool {
		return in.FilterLogGroupARN == nil || strings.TrimSuffix(*in.FilterLogGroupARN, ":*") == d.GroupARN
	}
	found, next, err := l.page(s, call)
	if err != nil {
		return nil, err
	}
	out := &api.ListLogAnomalyDetectorsOutput{AnomalyDetectors: make([]api.AnomalyDetector, len(found)), NextToken: next}
	for i, d := range found {
		out.AnomalyDetectors[i] = d.describe()
	}
	return out, nil
}

// updateLogAnomalyDetector changes a detector.
func (s *Service) updateLogAnomalyDetector(call *aws.Call, in *api.UpdateLogAnomalyDetectorInput) (*api.UpdateLogAnomalyDetectorOutput, error) {
	if _, err := parsePattern(in.FilterPattern); err != nil {
		return nil, err
	}
	now := call.Now()
	err := s.DB.Update(call, func(tx *store.Tx) error {
		d, err := getDetector(tx, call, in.AnomalyDetectorARN)
		if err != nil {
			return err
		}
		if in.EvaluationFrequency != nil {
			d.Frequency = in.EvaluationFrequency
		}
		if in.FilterPattern != nil {
			d.Pattern = in.FilterPattern
		}
		if in.AnomalyVisibilityTime != nil {
			d.VisibilityDays = *in.AnomalyVisibilityTime
		}
		d.Paused, d.Modified = !in.Enabled, now
		return anomalyDetectors.Put(tx, d)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateLogAnomalyDetectorOutput{}, nil
}

// deleteLogAnomalyDetector removes a detector.
func (s *Service) deleteLogAnomalyDetector(call *aws.Call, in *api.DeleteLogAnomalyDetectorInput) (*api.DeleteLogAnomalyDetectorOutput, error) {
	err := s.DB.Update(call, func(tx *store.Tx) error {
		d, err := getDetector(tx, call, in.AnomalyDetectorARN)
		if err != nil {
			return err
		}
		_, err = anomalyDetectors.Delete(tx, anomalyDetectors.Key(d))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteLogAnomalyDetectorOutput{}, nil
}

// listAnomalies lists what detectors have found: nothing, as long as they do not look.
func (s *Service) listAnomalies(call *aws.Call, in *api.ListAnomaliesInput) (*api.ListAnomaliesOutput, error) {
	if in.NextToken != nil {
		return nil, api.NewInvalidParameterException("The specified nextToken is invalid.")
	}
	if in.AnomalyDetectorARN != nil {
		if err := s.DB.View(call, func(tx *store.Tx) error {
			_, err := getDetector(tx, call, *in.AnomalyDetectorARN)
			return err
		}); err != nil {
			return nil, err
		}
	}
	return &api.ListAnomaliesOutput{Anomalies: []api.Anomaly{}}, nil
}

// updateAnomaly changes what a detector has found: nothing, so that there is none to be changed.
func (s *Service) updateAnomaly(call *aws.Call, in *api.UpdateAnomalyInput) (*api.UpdateAnomalyOutput, error) {
	if (in.AnomalyID == nil) == (in.PatternID == nil) {
		return nil, api.NewInvalidParameterException("Either anomalyId or patternId must be given.")
	}
	if err := s.DB.View(call, func(tx *store.Tx) error {
		_, err := getDetector(tx, call, in.AnomalyDetectorARN)
		return err
	}); err != nil {
		return nil, err
	}
	return nil, api.NewResourceNotFoundException("The specified anomaly does not exist.")
}
