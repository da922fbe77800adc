package s3

import (
	"net/http"
	"strings"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
)

// checkWebsite refuses configurations that cannot be.
func checkWebsite(w *api.WebsiteConfiguration) error {
	argument := func(format string, args ...any) error {
		return aws.NewError(http.StatusBadRequest, "InvalidArgument", format, args...)
	}
	if all := w.RedirectAllRequestsTo; all != nil {
		if w.IndexDocument != nil || w.ErrorDocument != nil || len(w.RoutingRules) > 0 {
			return argument("RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.")
		}
		return checkProtocol(all.Protocol)
	}
	if w.IndexDocument == nil || w.IndexDocument.Suffix == "" {
		return argument("A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty")
	}
	if strings.Contains(w.IndexDocument.Suffix, "/") {
		return argument("The IndexDocument Suffix is not well formed")
	}
	if len(w.RoutingRules) > maxRoutingRules {
		return invalidRequest("%d routing rules provided, the number of routing rules in a website configuration is limited to %d.", len(w.RoutingRules), maxRoutingRules)
	}
	for i := range w.RoutingRules {
		if err := checkRoutingRule(&w.RoutingRules[i]); err != nil {
			return err
		}
	}
	return nil
}

func checkProtocol(p *api.Protocol) error {
	if p != nil && *p != api.ProtocolHTTP && *p != api.ProtocolHTTPS {
		return invalidRequest("Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically.")
	}
	return nil
}

func checkRoutingRule(r *api.RoutingRule) error {
	if c := r.Condition; c != nil {
		code := text(c.HTTPErrorCodeReturnedEquals)
		switch {
		case code == "" && c.KeyPrefixEquals == nil:
			return invalidRequest("Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't be present.")
		case code != "" && (len(code) != 3 || code[0] != '4' && code[0] != '5'):
			return invalidRequest("The provided HTTP error code (%s) is not valid. Valid codes are 4XX or 5XX.", code)
		}
	}
	to := &r.Redirect
	code := text(to.HTTPRedirectCode)
	switch {
	case to.HostName == nil && code == "" && to.Protocol == nil && to.ReplaceKeyPrefixWith == nil && to.ReplaceKeyWith == nil:
		return malformedXML()
	case to.ReplaceKeyPrefixWith != nil && to.ReplaceKeyWith != nil:
		return invalidRequest("You can only define ReplaceKeyPrefix or ReplaceKey but not both.")
	case code != "" && (len(code) != 3 || code[0] != '3' || code == "300"):
		return invalidRequest("The provided HTTP redirect code (%s) is not valid. Valid codes are 3XX except 300.", code)
	}
	return checkProtocol(to.Protocol)
}

// putBucketWebsite has a bucket served as a website.
func (s *Service) putBucketWebsite(call *aws.Call, in *api.PutBucketWebsiteInput) (*api.PutBucketWebsiteOutput, error) {
	w := in.WebsiteConfiguration
	if err := checkWebsite(&w); err != nil {
		return nil, err
	}
	return &api.PutBucketWebsiteOutput{}, s.configure(call, in.Bucket, in.ExpectedBucketOwner, func(_ *store.Tx, _ *bucket, c *config) error {
		c.Website = &w
		return nil
	})
}

// getBucketWebsite shows how a bucket is served as a website.
func (s *Service) getBucketWebsite(call *aws.Call, in *api.GetBucketWebsiteInput) (*api.GetBucketWebsiteOutput, error) {
	b, c, err := s.config(call, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	w := c.Website
	if w == nil {
		return nil, missingConfiguration("NoSuchWebsiteConfiguration", b.Name, "The specified bucket does not have a website configuration")
	}
	return &api.GetBucketWebsiteOutput{RedirectAllRequestsTo: w.RedirectAllRequestsTo, IndexDocument: w.IndexDocument, ErrorDocument: w.ErrorDocument, RoutingRules: w.RoutingRules}, nil
}

// deleteBucketWebsite ends a website.
func (s *Service) deleteBucketWebsite(call *aws.Call, in *api.DeleteBucketWebsiteInput) (*api.DeleteBucketWebsiteOutput, error) {
	return &api.DeleteBucketWebsiteOutput{}, s.configure(call, in.Bucket, in.ExpectedBucketOwner, func(_ *store.Tx, _ *bucket, c *config) error {
		c.Website = nil
		return nil
	})
}
