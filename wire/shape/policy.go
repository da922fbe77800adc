package shape

import "drydock/aws"

// style is how an API words violations of its model.
type style uint8

const (
	// joined lists all violations in one message.
	joined style = iota + 1
	// invalidAt names the first violation: "Invalid parameter at 'x' failed to satisfy constraint: '...'".
	invalidAt
	// parameters only asks for what is required: "The request must contain the parameter X".
	parameters
	// presence only asks for what is required, in the joined wording.
	presence
	// object only asks for what is required, in the wordings of S3.
	object
	// off leaves everything to the service, which has errors of its own.
	off
)

// policy is what an API makes of an input that violates its model.
type policy struct {
	style style
	code  string
}

// policies lists the APIs, by package, that differ from their protocol's usual way. How they differ was learned from
// the errors their references list and from messages users quote.
var policies = map[string]policy{
	// Their references list an exception for every member, such as RepositoryNameRequiredException.
	"codecommit": {style: off},
	"codedeploy": {style: off},
	"cloudtrail": {style: off},
	// ClientException and InvalidParameterException in wordings of their own.
	"ecs":   {style: off},
	"batch": {style: off},
	// BadRequestException in wordings of their own.
	"apigateway":   {style: off},
	"apigatewayv2": {style: off},
	"efs":          {style: off},

	"codebuild":       {joined, "InvalidInputException"},
	"logs":            {joined, "InvalidParameterException"},
	"cloudwatchlogs":  {joined, "InvalidParameterException"},
	"cognitoidp":      {joined, "InvalidParameterException"},
	"cognitoidentity": {joined, "InvalidParameterException"},
	"ecr":             {invalidAt, "InvalidParameterException"},
	"ecrpublic":       {invalidAt, "InvalidParameterException"},
	"eks":             {joined, "InvalidParameterException"},
	"xray":            {joined, "InvalidRequestException"},
	"wafv2":           {joined, "WAFInvalidParameterException"},
	"route53":         {joined, "InvalidInput"},
	"sqs":             {parameters, "MissingParameter"},
	"cloudfront":      {presence, "MalformedXML"},
	"s3":              {object, ""},
}

// policyOf returns how an operation's API treats violations.
func policyOf(op *aws.Operation) policy {
	if p, ok := policies[op.API.Package]; ok {
		return p
	}
	protocol := aws.ProtocolJSON
	if len(op.API.Protocols) > 0 {
		protocol = op.API.Protocols[0]
	}
	switch protocol {
	case aws.ProtocolEC2:
		return policy{parameters, "MissingParameter"}
	case aws.ProtocolQuery:
		return policy{joined, "ValidationError"}
	case aws.ProtocolRESTXML:
		return policy{presence, "InvalidRequest"}
	default:
		return policy{joined, "ValidationException"}
	}
}
