package s3

import (
	"testing"

	"drydock/policy"
)

func TestIsPublic_WhereAConditionHoldsWithoutItsKey(t *testing.T) {
	t.Parallel()
	for operator, want := range map[string]bool{
		"StringEquals": false, "ForAnyValue:StringEquals": false, "ForAllValues:StringEquals": true, "StringEqualsIfExists": true, "StringNotEquals": true,
	} {
		doc, err := policy.Parse(policy.KindResource, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*","Condition":{"`+
			operator+`":{"aws:PrincipalAccount":"111122223333"}}}]}`)
		if err != nil {
			t.Fatal(err)
		}
		if got := isPublic(doc); got != want {
			t.Errorf("%s: public %t", operator, got)
		}
	}
}
