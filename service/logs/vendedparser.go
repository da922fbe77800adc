package logs

import (
	"net/url"
	"regexp"
	"strings"

	api "drydock/api/logs"
)

// The processors that know the logs of a service. They read the whole message.

// The fields of these logs, in order, and those of them that are numbers.
var (
	vpcFields     = strings.Fields("version accountId interfaceId srcAddr dstAddr srcPort dstPort protocol packets bytes start end action logStatus")
	route53Fields = strings.Fields("version queryTimestamp hostZoneId queryName queryType responseCode protocol edgeLocation resolverIp ednsClientSubnet")

	vpcNumbers        = numeric("version srcPort dstPort protocol packets bytes start end")
	route53Numbers    = numeric("version")
	cloudFrontNumbers = numeric("sc-bytes sc-status cs-bytes time-taken c-port time-to-first-byte sc-content-len sc-range-start sc-range-end fle-encrypted-fields")
)

func numeric(names string) map[string]bool {
	set := map[string]bool{}
	for name := range strings.FieldsSeq(names) {
		set[name] = true
	}
	return set
}

// vendedStep makes a processor of a function that reads the message. Another source is refused, as on AWS.
func vendedStep(source *string, read func(message string) ([]string, error), fields []string, isNumber map[string]bool) (processor, error) {
	if source != nil && *source != messageField {
		return nil, invalidTransformer("a parser of a service's logs reads %s only.", messageField)
	}
	return func(doc document) error {
		text, err := doc.source(nil)
		if err != nil {
			return err
		}
		values, err := read(text)
		if err != nil {
			return err
		}
		for i, value := range values {
			var v any = value
			if isNumber[fields[i]] && value != "-" {
				if v, err = convert(value, api.TypeDouble); err != nil {
					return err
				}
			}
			doc[fields[i]] = v
		}
		return nil
	}, nil
}

// separated reads values that are separated by blanks, as many as there are fields.
func separated(fields []string) func(string) ([]string, error) {
	return func(message string) ([]string, error) {
		values := strings.Fields(message)
		if len(values) != len(fields) {
			return nil, errUnfit
		}
		return values, nil
	}
}

func parseVPCStep(c *api.ParseVPC) (processor, error) {
	return vendedStep(c.Source, separated(vpcFields), vpcFields, vpcNumbers)
}

func parseRoute53Step(c *api.ParseRoute53) (processor, error) {
	return vendedStep(c.Source, separated(route53Fields), route53Fields, route53Numbers)
}

// parseCloudfrontStep reads standard logs, whose values are separated by tabs and encoded.
func parseCloudfrontStep(c *api.ParseCloudfront) (processor, error) {
	return vendedStep(c.Source, func(message string) ([]string, error) {
		values := strings.Split(message, "\t")
		if len(values) != len(cloudFrontFields) {
			return nil, errUnfit
		}
		for i, v := range values {
			if decoded, err := url.PathUnescape(v); err == nil {
				values[i] = decoded
			}
		}
		return values, nil
	}, cloudFrontFields, cloudFrontNumbers)
}

// postgresFields are those that a line of an RDS database begins with, postgresLine that beginning: the prefix
// %t:%r:%u@%d:[%p]: and the severity.
var (
	postgresFields = strings.Fields("logTime srcIp userName dbName processId logLevel")
	postgresLine   = regexp.MustCompile(`^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [A-Z]+):([^:]*(?:::?[0-9A-Fa-f:.]+\(\d+\))?):([^@:]*)@([^:]*):\[(\d+)\]:([A-Z0-9]+):`)
)

func parsePostgresStep(c *api.ParsePostgres) (processor, error) {
	return vendedStep(c.Source, func(message string) ([]string, error) {
		found := postgresLine.FindStringSubmatch(message)
		if found == nil {
			return nil, errUnfit
		}
		return found[1:], nil
	}, postgresFields, nil)
}
