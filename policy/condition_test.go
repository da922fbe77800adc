package policy

import (
	"encoding/json"
	"testing"
)

func TestCondition(t *testing.T) {
	t.Parallel()
	ctx := Map{
		"k:s": {"Value"}, "k:empty": {""}, "k:none": {}, "k:many": {"a", "b"}, "k:n": {"10"}, "k:word": {"ten"},
		"k:t": {"2024-06-01T12:00:00Z"}, "k:epoch": {"1717243200"}, "k:b": {"true"}, "k:ip": {"192.0.2.7"}, "k:ip6": {"2001:db8::7"},
		"k:mapped": {"::ffff:192.0.2.7"}, "k:arn": {"arn:aws:s3:::bucket/a/b"}, "k:user": {"Value"}, "k:bin": {"QmluYXJ5"}, "k:star": {"*"},
	}
	cases := []struct {
		condition string
		want      bool
	}{
		{`{"StringEquals":{"k:s":"Value"}}`, true},
		{`{"StringEquals":{"K:S":"Value"}}`, true},
		{`{"StringEquals":{"k:s":"value"}}`, false},
		{`{"StringEquals":{"k:s":["x","Value"]}}`, true},
		{`{"StringEquals":{"k:s":"Val*"}}`, false},
		{`{"StringEquals":{"k:star":"*"}}`, true},
		{`{"StringEquals":{"k:s":"${k:user}"}}`, true},
		{`{"StringEquals":{"k:s":"${k:absent}"}}`, false},
		{`{"StringEquals":{"k:s":"${k:absent, 'Value'}"}}`, true},
		{`{"StringNotEquals":{"k:s":"${k:absent}"}}`, true},
		{`{"StringEquals":{"k:s":"${k:many}"}}`, false},
		{`{"StringEquals":{"k:star":"${*}"}}`, true},
		{`{"StringNotEquals":{"k:s":"x"}}`, true},
		{`{"StringNotEquals":{"k:s":["x","Value"]}}`, false},
		{`{"StringEqualsIgnoreCase":{"k:s":"vALUE"}}`, true},
		{`{"StringNotEqualsIgnoreCase":{"k:s":"vALUE"}}`, false},
		{`{"StringLike":{"k:s":"V?l*"}}`, true},
		{`{"StringLike":{"k:s":"v*"}}`, false},
		{`{"StringLike":{"k:s":"${*}"}}`, false},
		{`{"StringLike":{"k:star":"${*}"}}`, true},
		{`{"StringNotLike":{"k:s":"V*"}}`, false},
		// Both must hold.
		{`{"StringEquals":{"k:s":"Value","k:n":"11"}}`, false},
		{`{"StringEquals":{"k:s":"Value"},"NumericEquals":{"k:n":"10"}}`, true},
		// Missing keys.
		{`{"StringEquals":{"k:absent":"x"}}`, false},
		{`{"StringNotEquals":{"k:absent":"x"}}`, true},
		{`{"StringEqualsIfExists":{"k:absent":"x"}}`, true},
		{`{"StringEqualsIfExists":{"k:s":"x"}}`, false},
		{`{"NumericLessThan":{"k:absent":"1"}}`, false},
		{`{"NotIpAddress":{"k:absent":"10.0.0.0/8"}}`, true},
		{`{"ArnNotLike":{"k:absent":"arn:aws:s3:::*"}}`, true},
		{`{"Bool":{"k:absent":"false"}}`, false},
		{`{"BoolIfExists":{"k:absent":"false"}}`, true},
		{`{"Null":{"k:absent":"true"}}`, true},
		{`{"Null":{"k:absent":"false"}}`, false},
		{`{"Null":{"k:s":false}}`, true},
		{`{"Null":{"k:none":true}}`, true},
		// Many values.
		{`{"ForAllValues:StringEquals":{"k:many":["a","b","c"]}}`, true},
		{`{"ForAllValues:StringEquals":{"k:many":["a"]}}`, false},
		{`{"ForAllValues:StringEquals":{"k:absent":["a"]}}`, true},
		{`{"ForAllValues:StringEquals":{"k:none":["a"]}}`, true},
		{`{"ForAnyValue:StringEquals":{"k:many":["b","c"]}}`, true},
		{`{"ForAnyValue:StringEquals":{"k:many":["c"]}}`, false},
		{`{"ForAnyValue:StringEquals":{"k:absent":["a"]}}`, false},
		{`{"ForAnyValue:StringEqualsIfExists":{"k:absent":["a"]}}`, true},
		{`{"ForAnyValue:StringEquals":{"k:none":["a"]}}`, false},
		{`{"ForAnyValue:StringNotEquals":{"k:many":["a"]}}`, true},
		{`{"ForAnyValue:StringNotEquals":{"k:many":["a","b"]}}`, false},
		{`{"ForAllValues:StringNotEquals":{"k:many":["c"]}}`, true},
		{`{"ForAllValues:StringNotEquals":{"k:many":["a"]}}`, false},
		{`{"ForAllValues:StringLike":{"k:many":"?"}}`, true},
		{`{"StringEquals":{"k:many":"b"}}`, true},
		{`{"StringNotEquals":{"k:many":"b"}}`, false},
		// Numbers.
		{`{"NumericEquals":{"k:n":10}}`, true},
		{`{"NumericEquals":{"k:n":"10.0"}}`, true},
		{`{"NumericNotEquals":{"k:n":"10"}}`, false},
		{`{"NumericLessThan":{"k:n":"10"}}`, false},
		{`{"NumericLessThanEquals":{"k:n":"10"}}`, true},
		{`{"NumericGreaterThan":{"k:n":"9"}}`, true},
		{`{"NumericGreaterThanEquals":{"k:n":"11"}}`, false},
		{`{"NumericEquals":{"k:word":"10"}}`, false},
		{`{"NumericNotEquals":{"k:word":"10"}}`, true},
		{`{"NumericEquals":{"k:n":"${k:n}"}}`, true},
		// Dates.
		{`{"DateEquals":{"k:t":"2024-06-01T14:00:00+02:00"}}`, true},
		{`{"DateEquals":{"k:epoch":"2024-06-01T12:00:00Z"}}`, true},
		{`{"DateEquals":{"k:t":"1717243200"}}`, true},
		{`{"DateNotEquals":{"k:t":"2024-06-01"}}`, true},
		{`{"DateLessThan":{"k:t":"2024-06-01T12:00:01Z"}}`, true},
		{`{"DateLessThanEquals":{"k:t":"2024-06-01T12:00:00Z"}}`, true},
		{`{"DateGreaterThan":{"k:t":"2024-06-01"}}`, true},
		{`{"DateGreaterThanEquals":{"k:t":"2025"}}`, false},
		// The rest.
		{`{"Bool":{"k:b":"TRUE"}}`, true},
		{`{"Bool":{"k:b":false}}`, false},
		{`{"Bool":{"k:s":"true"}}`, false},
		{`{"BinaryEquals":{"k:bin":"QmluYXJ5"}}`, true},
		{`{"BinaryEquals":{"k:bin":"AAAA"}}`, false},
		{`{"IpAddress":{"k:ip":"192.0.2.0/24"}}`, true},
		{`{"IpAddress":{"k:ip":"192.0.2.7"}}`, true},
		{`{"IpAddress":{"k:ip":["10.0.0.0/8","192.0.3.0/24"]}}`, false},
		{`{"IpAddress":{"k:ip":"2001:db8::/32"}}`, false},
		{`{"IpAddress":{"k:ip6":"2001:db8::/32"}}`, true},
		{`{"IpAddress":{"k:mapped":"192.0.2.0/24"}}`, true},
		{`{"NotIpAddress":{"k:ip":"192.0.2.0/24"}}`, false},
		{`{"IpAddress":{"k:s":"192.0.2.0/24"}}`, false},
		{`{"IpAddress":{"k:ip":"nonsense"}}`, false},
		{`{"ArnEquals":{"k:arn":"arn:aws:s3:::bucket/*"}}`, true},
		{`{"ArnLike":{"k:arn":"arn:*:s3:*:*:bucket/a/?"}}`, true},
		{`{"ArnLike":{"k:arn":"arn:aws:s3*bucket/a/b"}}`, false},
		{`{"ArnNotEquals":{"k:arn":"arn:aws:s3:::bucket/a/b"}}`, false},
		{`{"ArnNotLike":{"k:arn":"arn:aws:s3:::other/*"}}`, true},
		{`{"ArnLike":{"k:s":"*"}}`, false},
		{`{}`, true},
	}
	for _, c := range cases {
		t.Run(c.condition, func(t *testing.T) {
			t.Parallel()
			req := &Request{
				Principal: cast["bob"], Action: "k:Do", Resource: "*", Context: ctx,
				Identity: sources(t, "p", KindInline, "", json.RawMessage(`[{"Effect":"Allow","Action":"k:*","Resource":"*","Condition":`+c.condition+`}]`)),
			}
			if got := Evaluate(req).Allowed; got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
