package logs

import (
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/store"
)

// lookupTable is a table of reference data.
type lookupTable struct {
	Account, Region, Name string
	Description           *string
	Fields                []string
	Records               int64
	Size                  int64
	Tags                  map[string]string
	Created, Updated      time.Time
}

// lookupBody is a table's content, apart so that listing does not read it.
type lookupBody struct {
	Account, Region, Name string
	CSV                   string
}

var (
	lookupTables = store.NewTable("logs/lookuptable", func(t *lookupTable) store.Key { return store.K(t.Account, t.Region, t.Name) })
	lookupBodies = store.NewTable("logs/lookupbody", func(b *lookupBody) store.Key { return store.K(b.Account, b.Region, b.Name) })
)

const (
	noLookupTable  = "The specified lookup table does not exist."
	lookupResource = "lookup-table:"
)

func (t *lookupTable) arn() string {
	return aws.ARN{Partition: aws.PartitionOf(t.Region), Service: "logs", Region: t.Region, Account: t.Account, Resource: lookupResource + t.Name}.String()
}

// read finds out what the content of a table has.
func (t *lookupTable) read(body string) error {
	invalid := func(why string) error {
		return api.NewInvalidParameterException("The content of the lookup table is invalid: %s", why)
	}
	if !utf8.ValidString(body) {
		return invalid("it is not UTF-8.")
	}
	r := csv.NewReader(strings.NewReader(body))
	r.ReuseRecord = true
	header, err := r.Read()
	if err != nil {
		return invalid("it has no header.")
	}
	t.Fields = slices.Clone(header)
	for i, name := range t.Fields {
		if strings.TrimSpace(name) == "" || slices.Contains(t.Fields[:i], name) {
			return invalid("the names of its columns are empty or not unique.")
		}
	}
	t.Records, t.Size = 0, int64(len(body))
	for {
		_, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return invalid(err.Error())
		}
		t.Records++
	}
}

func (t *lookupTable) put(tx *store.Tx, body string) error {
	if err := lookupTables.Put(tx, t); err != nil {
		return err
	}
	return lookupBodies.Put(tx, &lookupBody{t.Account, t.Region, t.Name, body})
}

// createLookupTable makes a table.
func (s *Service) createLookupTable(call *aws.Call, in *api.CreateLookupTableInput) (*api.CreateLookupTableOutput, error) {
	if in.KMSKeyID != nil {
		return nil, notImplemented("drydock does not encrypt lookup tables with KMS keys.")
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	t := &lookupTable{
		Account: call.Account, Region: call.Region, Name: in.LookupTableName, Description: in.Description, Tags: in.Tags, Created: call.Now(), Updated: call.Now(),
	}
	if err := t.read(in.TableBody); err != nil {
		return nil, err
	}
	err := s.DB.Update(call, func(tx *store.Tx) error {
		exists, err := lookupTables.Has(tx, lookupTables.Key(t))
		if err != nil {
			return err
		}
		if exists {
			return api.NewResourceAlreadyExistsException("The specified lookup table already exists")
		}
		return t.put(tx, in.TableBody)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateLookupTableOutput{LookupTableARN: new(t.arn()), CreatedAt: new(t.Created.UnixMilli())}, nil
}

// getLookupTable returns the caller's table with the ARN.
func getLookupTable(tx *store.Tx, call *aws.Call, arn string) (*lookupTable, error) {
	parsed, err := aws.ParseARN(arn)
	name, ok := strings.CutPrefix(parsed.Resource, lookupResource)
	if err != nil || !ok || parsed.Service != "logs" {
		return nil, api.NewInvalidParameterException("Invalid lookup table ARN: %s", arn)
	}
	t, err := lookupTables.Get(tx, store.K(parsed.Account, parsed.Region, name))
	if errors.Is(err, store.ErrNotFound) || err == nil && (t.Account != call.Account || t.Region != call.Region) {
		return nil, api.NewResourceNotFoundException(noLookupTable)
	}
	return t, err
}

// getLookupTable returns a table with its content.
func (s *Service) getLookupTable(call *aws.Call, in *api.GetLookupTableInput) (*api.GetLookupTableOutput, error) {
	var t *lookupTable
	var body *lookupBody
	err := s.DB.View(call, func(tx *store.Tx) (err error) {
		if t, err = getLookupTable(tx, call, in.LookupTableARN); err == nil {
			body, err = lookupBodies.Get(tx, lookupTables.Key(t))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.GetLookupTableOutput{
		LookupTableARN: new(t.arn()), LookupTableName: &t.Name, Description: t.Description, TableBody: &body.CSV, SizeBytes: &t.Size,
		LastUpdatedTime: new(t.Updated.UnixMilli()),
	}, nil
}

// describeLookupTables lists tables by name.
func (s *Service) describeLookupTables(call *aws.Call, in *api.DescribeLookupTablesInput) (*api.DescribeLookupTablesOutput, error) {
	limit := in.MaxResults
	if limit != nil && *limit < 1 {
		return nil, api.NewInvalidParameterException("maxResults must be at least 1.")
	}
	found, next, err := listTable(lookupTables, prefixed(store.K(call.Account, call.Region), in.LookupTableNamePrefix), limit, in.NextToken).page(s, call)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeLookupTablesOutput{LookupTables: make([]api.LookupTable, len(found)), NextToken: next}
	for i, t := range found {
		out.LookupTables[i] = api.LookupTable{
			LookupTableARN: new(t.arn()), LookupTableName: &t.Name, Description: t.Description, TableFields: t.Fields, RecordsCount: &t.Records,
			SizeBytes: &t.Size, LastUpdatedTime: new(t.Updated.UnixMilli()),
		}
	}
	return out, nil
}

// updateLookupTable replaces a table's content.
func (s *Service) updateLookupTable(call *aws.Call, in *api.UpdateLookupTableInput) (*api.UpdateLookupTableOutput, error) {
	if in.KMSKeyID != nil {
		return nil, notImplemented("drydock does not encrypt lookup tables with KMS keys.")
	}
	var read lookupTable
	if err := read.read(in.TableBody); err != nil {
		return nil, err
	}
	now := call.Now()
	err := s.DB.Update(call, func(tx *store.Tx) error {
		t, err := getLookupTable(tx, call, in.LookupTableARN)
		if err != nil {
			return err
		}
		t.Fields, t.Records, t.Size, t.Updated = read.Fields, read.Records, read.Size, now
		if in.Description != nil {
			t.Description = in.Description
		}
		return t.put(tx, in.TableBody)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateLookupTableOutput{LookupTableARN: &in.LookupTableARN, LastUpdatedTime: new(now.UnixMilli())}, nil
}

// deleteLookupTable removes a table.
func (s *Service) deleteLookupTable(call *aws.Call, in *api.DeleteLookupTableInput) (*api.DeleteLookupTableOutput, error) {
	err := s.DB.Update(call, func(tx *store.Tx) error {
		t, err := getLookupTable(tx, call, in.LookupTableARN)
		if err != nil {
			return err
		}
		if _, err := lookupBodies.Delete(tx, lookupTables.Key(t)); err != nil {
			return err
		}
		_, err = lookupTables.Delete(tx, lookupTables.Key(t))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteLookupTableOutput{}, nil
}
