package policy

import (
	"fmt"
	"strings"
	"testing"

	"drydock/aws"
)

func BenchmarkEvaluate(b *testing.B) {
	var st []string
	for i := range 9 {
		st = append(st, fmt.Sprintf(`{"Effect":"Allow","Action":["s3:Put*","ec2:Describe%d"],"Resource":"arn:aws:s3:::bucket-%d/*","Condition":{"StringEquals":{"aws:RequestedRegion":"us-east-1"}}}`, i, i))
	}
	st = append(st, `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket/*","Condition":{"StringEquals":{"aws:username":"bob"}}}`)
	doc, err := Parse(KindManaged, `{"Version":"2012-10-17","Statement":[`+strings.Join(st, ",")+`]}`)
	if err != nil {
		b.Fatal(err)
	}
	call := &aws.Call{Region: "us-east-1", Principal: aws.Principal{Type: aws.PrincipalUser, Account: "111122223333", Name: "bob", ARN: "arn:aws:iam::111122223333:user/bob"}}
	identity := []Source{{"p", doc}}
	b.ReportAllocs()
	for b.Loop() {
		req := Request{Principal: &call.Principal, Action: "s3:GetObject", Resource: "arn:aws:s3:::bucket/key", Context: NewContext(call), Identity: identity}
		if d := Evaluate(&req); !d.Allowed {
			b.Fatal(Denial(d, &req))
		}
	}
}
