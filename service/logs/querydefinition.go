package logs

import (
	"errors"
	"regexp"
	"slices"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/store"
)

// queryDefinition is a saved query.
type queryDefinition struct {
	Account, Region, ID string
	Name                string
	Text                string
	Language            api.QueryLanguage
	Groups              []string
	Parameters          []api.QueryParameter
	// Token is the client's, by which a repeated request is recognised.
	Token    string
	Modified time.Time
}

var (
	queryDefinitionsByName = store.NewIndex("name", func(d *queryDefinition) []store.Key {
		return []store.Key{store.K(d.Account, d.Region, d.Name)}
	})
	queryDefinitionsByToken = store.NewIndex("token", func(d *queryDefinition) []store.Key {
		if d.Token == "" {
			return nil
		}
		return []store.Key{store.K(d.Account, d.Region, d.Token)}
	})
	queryDefinitions = store.NewTable("logs/querydefinition", func(d *queryDefinition) store.Key {
		return store.K(d.Account, d.Region, d.ID)
	}, queryDefinitionsByName, queryDefinitionsByToken)
)

// getQueryDefinition returns the caller's definition of that id.
func getQueryDefinition(tx *store.Tx, call *aws.Call, id string) (*queryDefinition, error) {
	d, err := queryDefinitions.Get(tx, store.K(call.Account, call.Region, id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, api.NewResourceNotFoundException("The specified query definition does not exist.")
	}
	return d, err
}

// placeholder is a parameter in the text of a query.
var placeholder = regexp.MustCompile(`\{\{([^{}]*)\}\}`)

// putQueryDefinition saves a query. As on AWS, its text is not looked at before it is run.
func (s *Service) putQueryDefinition(call *aws.Call, in *api.PutQueryDefinitionInput) (*api.PutQueryDefinitionOutput, error) {
	d := &queryDefinition{
		Account: call.Account, Region: call.Region, ID: call.NewUUID(), Name: in.Name, Text: in.QueryString, Language: api.QueryLanguageCwli,
		Groups: in.LogGroupNames, Parameters: in.Parameters, Modified: call.Now(),
	}
	if in.QueryLanguage != nil {
		d.Language = *in.QueryLanguage
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	if in.ClientToken != nil {
		d.Token = *in.ClientToken
	}
	id := d.ID
	err := s.DB.Update(call, func(tx *store.Tx) error {
		id = d.ID
		if in.QueryDefinitionID != nil {
			old, err := getQueryDefinition(tx, call, *in.QueryDefinitionID)
			if err != nil {
				return err
			}
			changed := *d
			changed.ID, changed.Token = old.ID, old.Token
			id = old.ID
			return queryDefinitions.Put(tx, &changed)
		}
		if d.Token != "" {
			made, err := queryDefinitionsByToken.First(tx, store.K(call.Account, call.Region, d.Token))
			if err == nil {
				id = made.ID
				return nil
			}
			if !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
		n := 0
		for _, err := range queryDefinitions.Scan(tx, store.Range{Prefix: store.K(call.Account, call.Region)}) {
			if err != nil {
				return err
			}
			if n++; n >= maxQueryDefinitions {
				return api.NewLimitExceededException("Resource limit exceeded: at most %d query definitions are allowed.", maxQueryDefinitions)
			}
		}
		return queryDefinitions.Put(tx, d)
	})
	if err != nil {
		return nil, err
	}
	return &api.PutQueryDefinitionOutput{QueryDefinitionID: &id}, nil
}

// check applies what makes a definition invalid.
func (d *queryDefinition) check() error {
	if len(d.Groups) > maxQueryGroups {
		return api.NewInvalidParameterException("A query definition can have at most %d log groups.", maxQueryGroups)
	}
	if len(d.Parameters) == 0 {
		return nil
	}
	if d.Language != api.QueryLanguageCwli {
		return api.NewInvalidParameterException("Query parameters are supported only for Logs Insights QL queries.")
	}
	for i, p := range d.Parameters {
		if slices.ContainsFunc(d.Parameters[:i], func(o api.QueryParameter) bool { return o.Name == p.Name }) {
			return api.NewInvalidParameterException("Duplicate query parameter name: %s", p.Name)
		}
	}
	for _, found := range placeholder.FindAllStringSubmatch(d.Text, -1) {
		if !slices.ContainsFunc(d.Parameters, func(o api.QueryParameter) bool { return o.Name == found[1] }) {
			return api.NewInvalidParameterException("The query string refers to an undefined query parameter: %s", found[1])
		}
	}
	return nil
}

// describeQueryDefinitions lists saved queries by name.
func (s *Service) describeQueryDefinitions(call *aws.Call, in *api.DescribeQueryDefinitionsInput) (*api.DescribeQueryDefinitionsOutput, error) {
	limit := defaultDefinitionsListed
	if in.MaxResults != nil {
		limit = int(*in.MaxResults)
	}
	var r store.Range
	prefix := ""
	if in.QueryDefinitionNamePrefix != nil {
		prefix = *in.QueryDefinitionNamePrefix
	}
	r.From, r.To = store.K(call.Account, call.Region).StringPrefix(prefix)
	if in.NextToken != nil {
		parts, err := aws.DecodePageToken(*in.NextToken, 2)
		if err != nil {
			return nil, api.NewInvalidParameterException("The specified nextToken is invalid.")
		}
		at := &queryDefinition{Account: call.Account, Region: call.Region, ID: parts[1]}
		r.After = queryDefinitionsByName.Entry(at, store.K(call.Account, call.Region, parts[0]))
	}
	out := &api.DescribeQueryDefinitionsOutput{QueryDefinitions: []api.QueryDefinition{}}
	err := s.DB.View(call, func(tx *store.Tx) error {
		var last *queryDefinition
		for d, err := range queryDefinitionsByName.Scan(tx, r) {
			switch {
			case err != nil:
				return err
			case in.QueryLanguage != nil && d.Language != *in.QueryLanguage:
				continue
			case len(out.QueryDefinitions) == limit:
				out.NextToken = new(aws.EncodePageToken(last.Name, last.ID))
				return nil
			}
			out.QueryDefinitions = append(out.QueryDefinitions, api.QueryDefinition{
				QueryDefinitionID: &d.ID, Name: &d.Name, QueryString: &d.Text, LastModified: new(d.Modified.UnixMilli()), LogGroupNames: d.Groups,
				QueryLanguage: &d.Language, Parameters: d.Parameters,
			})
			last = d
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// deleteQueryDefinition forgets a saved query.
func (s *Service) deleteQueryDefinition(call *aws.Call, in *api.DeleteQueryDefinitionInput) (*api.DeleteQueryDefinitionOutput, error) {
	err := s.DB.Update(call, func(tx *store.Tx) error {
		d, err := getQueryDefinition(tx, call, in.QueryDefinitionID)
		if err != nil {
			return err
		}
		_, err = queryDefinitions.Delete(tx, queryDefinitions.Key(d))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteQueryDefinitionOutput{Success: new(true)}, nil
}
