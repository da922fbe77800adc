package iam

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"strconv"
	"time"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/store"
	"drydock/task"
)

// credentialReport is the last report on an account's credentials.
type credentialReport struct {
	Account, Partition string
	Ready              bool
	// Asked is when it was asked for, Generated when it was made.
	Asked, Generated time.Time
	Content          []byte
}

var credentialReports = store.NewTable("iam/credentialreport", func(r *credentialReport) store.Key { return store.K(r.Account) })

// credentialReportKind makes an account's report. Its key is the account.
const credentialReportKind = "iam.credentialreport"

func getCredentialReport(tx *store.Tx, account string) (*credentialReport, error) {
	r, err := credentialReports.Get(tx, store.K(account))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return r, err
}

// generateCredentialReport has a report made, unless there is one that is fresh enough.
func (s *Service) generateCredentialReport(call *aws.Call, _ *api.GenerateCredentialReportInput) (*api.GenerateCredentialReportOutput, error) {
	out := &api.GenerateCredentialReportOutput{}
	now := call.Now()
	err := s.DB.Update(call, func(tx *store.Tx) error {
		r, err := getCredentialReport(tx, call.Account)
		switch {
		case err != nil:
			return err
		case r != nil && !r.Ready:
			out.State, out.Description = new(api.ReportStateTypeInprogress), nil
			return nil
		case r != nil && now.Sub(r.Generated) < credentialReportLife:
			out.State, out.Description = new(api.ReportStateTypeComplete), nil
			return nil
		}
		out.State, out.Description = new(api.ReportStateTypeStarted), new("No report exists. Starting a new report generation task")
		if err := credentialReports.Put(tx, &credentialReport{Account: call.Account, Partition: call.Partition, Asked: now}); err != nil {
			return err
		}
		return s.Tasks.Schedule(tx, credentialReportKind, call.Account, now, nil)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Service) getCredentialReport(call *aws.Call, _ *api.GetCredentialReportInput) (*api.GetCredentialReportOutput, error) {
	var r *credentialReport
	err := s.DB.View(call, func(tx *store.Tx) (err error) {
		r, err = getCredentialReport(tx, call.Account)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case r == nil:
		return nil, api.NewCredentialReportNotPresentException("No report exists. To generate a report, call GenerateCredentialReport.")
	case !r.Ready:
		return nil, api.NewCredentialReportNotReadyException("Report generation is in progress.")
	case call.Now().Sub(r.Generated) >= credentialReportLife:
		return nil, api.NewCredentialReportExpiredException("The most recent credential report has expired. To generate a new report, call GenerateCredentialReport.")
	}
	return &api.GetCredentialReportOutput{Content: r.Content, ReportFormat: new(api.ReportFormatTypeTextCSV), GeneratedTime: &r.Generated}, nil
}

// makeCredentialReport is the task behind generateCredentialReport.
func (s *Service) makeCredentialReport(ctx context.Context, t task.Task) (task.Next, error) {
	var r *credentialReport
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		if r, err = getCredentialReport(tx, t.Key); err != nil || r == nil || r.Ready {
			return err
		}
		r.Content, err = credentialCSV(tx, r)
		return err
	})
	if err != nil || r == nil || r.Ready {
		return task.Done, err
	}
	r.Ready, r.Generated = true, s.Clock.Now().Truncate(time.Second)
	return task.Done, s.DB.Update(ctx, func(tx *store.Tx) error { return credentialReports.Put(tx, r) })
}

// credentialColumns are the columns of the report.
var credentialColumns = []string{
	"user", "arn", "user_creation_time", "password_enabled", "password_last_used", "password_last_changed", "password_next_rotation", "mfa_active",
	"access_key_1_active", "access_key_1_last_rotated", "access_key_1_last_used_date", "access_key_1_last_used_region", "access_key_1_last_used_service",
	"access_key_2_active", "access_key_2_last_rotated", "access_key_2_last_used_date", "access_key_2_last_used_region", "access_key_2_last_used_service",
	"cert_1_active", "cert_1_last_rotated", "cert_2_active", "cert_2_last_rotated",
}

const notApplicable = "N/A"

func reportTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05+00:00") }

// credentialCSV writes the report: the root user, then all users in the order of their names.
func credentialCSV(tx *store.Tx, r *credentialReport) ([]byte, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	if err := w.Write(credentialColumns); err != nil {
		return nil, fmt.Errorf("write the report: %w", err)
	}
	rules, err := getPasswordPolicy(tx, r.Account)
	if err != nil {
		return nil, err
	}
	root := []string{
		"<root_account>", aws.Root(r.Partition, r.Account).ARN, reportTime(accountCreated), "not_supported", "no_information", "not_supported", "not_supported", "false",
	}
	rows := [][]string{root}
	ids := []string{""}
	for e, err := range entities.Scan(tx, store.Range{Prefix: store.K(r.Account, userKind)}) {
		if err != nil {
			return nil, err
		}
		row, err := passwordColumns(tx, e, rules)
		if err != nil {
			return nil, err
		}
		rows, ids = append(rows, row), append(ids, e.ID)
	}
	for i, row := range rows {
		keys, err := keyColumns(tx, r.Account, ids[i])
		if err != nil {
			return nil, err
		}
		if err := w.Write(append(row, keys...)); err != nil {
			return nil, fmt.Errorf("write the report: %w", err)
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return nil, fmt.Errorf("write the report: %w", err)
	}
	return out.Bytes(), nil
}

// passwordColumns are a user's columns up to its keys.
func passwordColumns(tx *store.Tx, e *entity, rules *passwordPolicy) ([]string, error) {
	row := []string{e.Name, e.arn(), reportTime(e.Created)}
	l, err := getLogin(tx, e.ID)
	if err != nil {
		return nil, err
	}
	if l == nil {
		row = append(row, "false", notApplicable, notApplicable, notApplicable)
	} else {
		next := notApplicable
		if rules != nil && rules.MaxAge > 0 {
			next = reportTime(l.Changed.AddDate(0, 0, int(rules.MaxAge)))
		}
		row = append(row, "true", "no_information", reportTime(l.Changed), next)
	}
	devices, err := userDevices(tx, e.ID)
	return append(row, strconv.FormatBool(len(devices) > 0)), err
}

// keyColumns are the columns of the keys and certificates of a user, or of the root user if the id is empty.
func keyColumns(tx *store.Tx, account, userID string) ([]string, error) {
	var columns []string
	keys, err := userKeys(tx, account, userID)
	if err != nil {
		return nil, err
	}
	for i := range maxKeysPerUser {
		if i >= len(keys) {
			columns = append(columns, "false", notApplicable, notApplicable, notApplicable, notApplicable)
			continue
		}
		columns = append(columns, strconv.FormatBool(keys[i].Active), reportTime(keys[i].Created))
		used, err := lastUse(tx, keys[i].ID)
		if err != nil {
			return nil, err
		}
		if used == nil {
			columns = append(columns, notApplicable, notApplicable, notApplicable)
		} else {
			columns = append(columns, reportTime(used.At), used.Region, used.Service)
		}
	}
	certificates, err := userSigning(tx, account, userID)
	if err != nil {
		return nil, err
	}
	for i := range maxSigningCertificates {
		if i >= len(certificates) {
			columns = append(columns, "false", notApplicable)
			continue
		}
		columns = append(columns, strconv.FormatBool(certificates[i].Active), reportTime(certificates[i].Uploaded))
	}
	return columns, nil
}
