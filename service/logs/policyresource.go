package logs

import (
	"strings"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/resource"
)

// policyResources are the resource types of what an account has beside its groups.
func policyResources() []resource.Type {
	return []resource.Type{
		resourcePolicyResource().of(resource.Type{
			Name: "AWS::Logs::ResourcePolicy", PrimaryIdentifier: []string{"PolicyName"}, CreateOnly: []string{"PolicyName"},
		}),
		accountPolicyResource().of(resource.Type{
			Name: "AWS::Logs::AccountPolicy", PrimaryIdentifier: []string{"AccountId", "PolicyType", "PolicyName"}, ReadOnly: []string{"AccountId"},
			CreateOnly: []string{"PolicyType", "PolicyName"},
		}),
		detectorResourceType().of(resource.Type{
			Name: "AWS::Logs::LogAnomalyDetector", PrimaryIdentifier: []string{"AnomalyDetectorArn"},
			ReadOnly: []string{"AnomalyDetectorArn", "AnomalyDetectorStatus", "CreationTimeStamp", "LastModifiedTimeStamp"},
		}),
	}
}

// resourcePolicyProperties are the properties of AWS::Logs::ResourcePolicy.
type resourcePolicyProperties struct{ PolicyName, PolicyDocument string }

func resourcePolicyResource() typed[resourcePolicyProperties] {
	list := func(call *aws.Call, visit func(*api.ResourcePolicy)) ([]string, error) {
		return every(func(token *string) ([]string, *string, error) {
			out, err := api.DescribeResourcePolicies.Do(call, &api.DescribeResourcePoliciesInput{NextToken: token})
			if err != nil {
				return nil, nil, err
			}
			var ids []string
			for i := range out.ResourcePolicies {
				visit(&out.ResourcePolicies[i])
				ids = append(ids, *out.ResourcePolicies[i].PolicyName)
			}
			return ids, out.NextToken, nil
		})
	}
	put := func(call *aws.Call, p *resourcePolicyProperties) error {
		_, err := api.PutResourcePolicy.Do(call, &api.PutResourcePolicyInput{PolicyName: &p.PolicyName, PolicyDocument: &p.PolicyDocument})
		return err
	}
	return typed[resourcePolicyProperties]{
		create: func(call *aws.Call, p *resourcePolicyProperties) (string, error) { return p.PolicyName, put(call, p) },
		read: func(call *aws.Call, id string) (*resourcePolicyProperties, error) {
			var found *resourcePolicyProperties
			_, err := list(call, func(p *api.ResourcePolicy) {
				if *p.PolicyName == id {
					found = &resourcePolicyProperties{id, *p.PolicyDocument}
				}
			})
			if err == nil && found == nil {
				err = api.NewResourceNotFoundException("Policy with name [%s] does not exist.", id)
			}
			return found, err
		},
		update: func(call *aws.Call, _ string, _, p *resourcePolicyProperties) error { return put(call, p) },
		delete: func(call *aws.Call, id string) error {
			_, err := api.DeleteResourcePolicy.Do(call, &api.DeleteResourcePolicyInput{PolicyName: &id})
			return err
		},
		list: func(call *aws.Call) ([]string, error) { return list(call, func(*api.ResourcePolicy) {}) },
	}
}

// accountPolicyProperties are the properties of AWS::Logs::AccountPolicy.
type accountPolicyProperties struct {
	AccountID         string `json:"AccountId,omitempty"`
	PolicyType        string `json:",omitempty"`
	PolicyName        string `json:",omitempty"`
	PolicyDocument    string `json:",omitempty"`
	Scope             string `json:",omitempty"`
	SelectionCriteria string `json:",omitempty"`
}

func accountPolicyResource() typed[accountPolicyProperties] {
	put := func(call *aws.Call, p *accountPolicyProperties) error {
		_, err := api.PutAccountPolicy.Do(call, &api.PutAccountPolicyInput{
			PolicyName: p.PolicyName, PolicyType: api.PolicyType(p.PolicyType), PolicyDocument: p.PolicyDocument, Scope: optional(api.Scope(p.Scope)),
			SelectionCriteria: optional(p.SelectionCriteria),
		})
		return err
	}
	parts := func(id string) (t api.PolicyType, name string) {
		_, rest, _ := strings.Cut(id, "|")
		kind, name, _ := strings.Cut(rest, "|")
		return api.PolicyType(kind), name
	}
	return typed[accountPolicyProperties]{
		create: func(call *aws.Call, p *accountPolicyProperties) (string, error) {
			return call.Account + "|" + p.PolicyType + "|" + p.PolicyName, put(call, p)
		},
		read: func(call *aws.Call, id string) (*accountPolicyProperties, error) {
			t, name := parts(id)
			out, err := api.DescribeAccountPolicies.Do(call, &api.DescribeAccountPoliciesInput{PolicyType: t, PolicyName: &name})
			if err != nil {
				return nil, err
			}
			if len(out.AccountPolicies) == 0 {
				return nil, api.NewResourceNotFoundException("The specified account policy does not exist.")
			}
			a := out.AccountPolicies[0]
			return &accountPolicyProperties{
				AccountID: *a.AccountID, PolicyType: string(t), PolicyName: name, PolicyDocument: *a.PolicyDocument, Scope: string(*a.Scope),
				SelectionCriteria: given(a.SelectionCriteria),
			}, nil
		},
		update: func(call *aws.Call, _ string, _, p *accountPolicyProperties) error { return put(call, p) },
		delete: func(call *aws.Call, id string) error {
			t, name := parts(id)
			_, err := api.DeleteAccountPolicy.Do(call, &api.DeleteAccountPolicyInput{PolicyType: t, PolicyName: name})
			return err
		},
		list: func(call *aws.Call) ([]string, error) {
			var all []string
			for _, t := range api.PolicyType("").Values() {
				ids, err := every(func(token *string) ([]string, *string, error) {
					out, err := api.DescribeAccountPolicies.Do(call, &api.DescribeAccountPoliciesInput{PolicyType: api.PolicyType(t), NextToken: token})
					if err != nil {
						return nil, nil, err
					}
					var ids []string
					for _, p := range out.AccountPolicies {
						ids = append(ids, *p.AccountID+"|"+t+"|"+*p.PolicyName)
					}
					return ids, out.NextToken, nil
				})
				if err != nil {
					return nil, err
				}
				all = append(all, ids...)
			}
			return all, nil
		},
	}
}

// detectorProperties are the properties of AWS::Logs::LogAnomalyDetector.
type detectorProperties struct {
	AnomalyDetectorARN    string   `json:"AnomalyDetectorArn,omitempty"`
	AnomalyDetectorStatus string   `json:",omitempty"`
	CreationTimeStamp     int64    `json:",omitempty"`
	LastModifiedTimeStamp int64    `json:",omitempty"`
	DetectorName          string   `json:",omitempty"`
	LogGroupARNList       []string `json:"LogGroupArnList,omitempty"`
	EvaluationFrequency   string   `json:",omitempty"`
	FilterPattern         string   `json:",omitempty"`
	KMSKeyID              string   `json:"KmsKeyId,omitempty"`
	AnomalyVisibilityTime int64    `json:",omitempty"`
}

func detectorResourceType() typed[detectorProperties] {
	return typed[detectorProperties]{
		create: func(call *aws.Call, p *detectorProperties) (string, error) {
			out, err := api.CreateLogAnomalyDetector.Do(call, &api.CreateLogAnomalyDetectorInput{
				LogGroupARNList: p.LogGroupARNList, DetectorName: optional(p.DetectorName), FilterPattern: optional(p.FilterPattern), KMSKeyID: optional(p.KMSKeyID),
				EvaluationFrequency: optional(api.EvaluationFrequency(p.EvaluationFrequency)), AnomalyVisibilityTime: optional(p.AnomalyVisibilityTime),
			})
			if err != nil {
				return "", err
			}
			return *out.AnomalyDetectorARN, nil
		},
		read: func(call *aws.Call, id string) (*detectorProperties, error) {
			d, err := api.GetLogAnomalyDetector.Do(call, &api.GetLogAnomalyDetectorInput{AnomalyDetectorARN: id})
			if err != nil {
				return nil, err
			}
			return &detectorProperties{
				AnomalyDetectorARN: id, AnomalyDetectorStatus: string(*d.AnomalyDetectorStatus), CreationTimeStamp: *d.CreationTimeStamp,
				LastModifiedTimeStamp: *d.LastModifiedTimeStamp, DetectorName: given(d.DetectorName), LogGroupARNList: d.LogGroupARNList,
				EvaluationFrequency: string(given(d.EvaluationFrequency)), FilterPattern: given(d.FilterPattern), KMSKeyID: given(d.KMSKeyID),
				AnomalyVisibilityTime: *d.AnomalyVisibilityTime,
			}, nil
		},
		update: func(call *aws.Call, id string, was, p *detectorProperties) error {
			if len(p.LogGroupARNList) > 0 && p.LogGroupARNList[0] != was.LogGroupARNList[0] || p.DetectorName != was.DetectorName || p.KMSKeyID != was.KMSKeyID {
				return api.NewInvalidParameterException("The log group, name and key of an anomaly detector cannot be changed.")
			}
			_, err := api.UpdateLogAnomalyDetector.Do(call, &api.UpdateLogAnomalyDetectorInput{
				AnomalyDetectorARN: id, EvaluationFrequency: optional(api.EvaluationFrequency(p.EvaluationFrequency)), FilterPattern: &p.FilterPattern,
				AnomalyVisibilityTime: optional(p.AnomalyVisibilityTime), Enabled: was.AnomalyDetectorStatus != string(api.AnomalyDetectorStatusPaused),
			})
			return err
		},
		delete: func(call *aws.Call, id string) error {
			_, err := api.DeleteLogAnomalyDetector.Do(call, &api.DeleteLogAnomalyDetectorInput{AnomalyDetectorARN: id})
			return err
		},
		list: func(call *aws.Call) ([]string, error) {
			return every(func(token *string) ([]string, *string, error) {
				out, err := api.ListLogAnomalyDetectors.Do(call, &api.ListLogAnomalyDetectorsInput{NextToken: token})
				if err != nil {
					return nil, nil, err
				}
				var ids []string
				for _, d := range out.AnomalyDetectors {
					ids = append(ids, *d.AnomalyDetectorARN)
				}
				return ids, out.NextToken, nil
			})
		},
	}
}
