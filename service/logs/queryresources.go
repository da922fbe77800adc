package logs

import (
	api "drydock/api/logs"
	"drydock/aws"
	"drydock/resource"
)

// queryDefinitionType is AWS::Logs::QueryDefinition.
func queryDefinitionType() resource.Type {
	return resource.Type{
		Name:              "AWS::Logs::QueryDefinition",
		PrimaryIdentifier: []string{"QueryDefinitionId"},
		ReadOnly:          []string{"QueryDefinitionId"},
		Create:            createQueryDefinitionResource,
		Read:              readQueryDefinitionResource,
		Update: func(call *aws.Call, id string, _, desired resource.Properties) error {
			_, err := putQueryDefinitionResource(call, &id, desired)
			return err
		},
		Delete: func(call *aws.Call, id string) error {
			_, err := api.DeleteQueryDefinition.Do(call, &api.DeleteQueryDefinitionInput{QueryDefinitionID: id})
			return err
		},
		List: listQueryDefinitionResources,
	}
}

// queryDefinitionProperties are the properties of AWS::Logs::QueryDefinition.
type queryDefinitionProperties struct {
	Name, QueryString string
	LogGroupNames     []string                   `json:",omitempty"`
	QueryLanguage     string                     `json:",omitempty"`
	Parameters        []queryParameterProperties `json:",omitempty"`
	QueryDefinitionID string                     `json:"QueryDefinitionId,omitempty"`
}

type queryParameterProperties struct {
	Name         string
	DefaultValue *string `json:",omitempty"`
	Description  *string `json:",omitempty"`
}

func createQueryDefinitionResource(call *aws.Call, desired resource.Properties) (string, error) {
	return putQueryDefinitionResource(call, nil, desired)
}

func putQueryDefinitionResource(call *aws.Call, id *string, desired resource.Properties) (string, error) {
	var p queryDefinitionProperties
	if err := desired.Decode(&p); err != nil {
		return "", err
	}
	in := &api.PutQueryDefinitionInput{Name: p.Name, QueryString: p.QueryString, LogGroupNames: p.LogGroupNames, QueryDefinitionID: id}
	if p.QueryLanguage != "" {
		in.QueryLanguage = new(api.QueryLanguage(p.QueryLanguage))
	}
	for _, q := range p.Parameters {
		in.Parameters = append(in.Parameters, api.QueryParameter(q))
	}
	out, err := api.PutQueryDefinition.Do(call, in)
	if err != nil {
		return "", err
	}
	return *out.QueryDefinitionID, nil
}

// eachQueryDefinition calls do with the caller's definitions until it returns false.
func eachQueryDefinition(call *aws.Call, do func(*api.QueryDefinition) bool) error {
	in := &api.DescribeQueryDefinitionsInput{}
	for {
		out, err := api.DescribeQueryDefinitions.Do(call, in)
		if err != nil {
			return err
		}
		for i := range out.QueryDefinitions {
			if !do(&out.QueryDefinitions[i]) {
				return nil
			}
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return nil
		}
	}
}

func readQueryDefinitionResource(call *aws.Call, id string) (resource.Properties, error) {
	var p *queryDefinitionProperties
	err := eachQueryDefinition(call, func(d *api.QueryDefinition) bool {
		if *d.QueryDefinitionID != id {
			return true
		}
		p = &queryDefinitionProperties{
			Name: *d.Name, QueryString: *d.QueryString, LogGroupNames: d.LogGroupNames, QueryLanguage: string(*d.QueryLanguage), QueryDefinitionID: id,
		}
		for _, q := range d.Parameters {
			p.Parameters = append(p.Parameters, queryParameterProperties(q))
		}
		return false
	})
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, api.NewResourceNotFoundException("The specified query definition does not exist.")
	}
	return resource.Encode(*p)
}

func listQueryDefinitionResources(call *aws.Call) ([]string, error) {
	var ids []string
	err := eachQueryDefinition(call, func(d *api.QueryDefinition) bool {
		ids = append(ids, *d.QueryDefinitionID)
		return true
	})
	return ids, err
}
