package s3

import (
	"slices"
	"strconv"
	"strings"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
)

// checkCORS refuses rules that cannot be.
func checkCORS(rules []api.CORSRule) error {
	if len(rules) == 0 || len(rules) > maxCORSRules {
		return malformedXML()
	}
	for _, r := range rules {
		if len(r.AllowedMethods) == 0 || len(r.AllowedOrigins) == 0 {
			return malformedXML()
		}
		for _, m := range r.AllowedMethods {
			if !slices.Contains([]string{"GET", "PUT", "HEAD", "POST", "DELETE"}, m) {
				return invalidRequest("Found unsupported HTTP method in CORS config. Unsupported method is %s", m)
			}
		}
		for _, o := range r.AllowedOrigins {
			if strings.Count(o, "*") > 1 {
				return invalidRequest("AllowedOrigin %q can not have more than one wildcard.", o)
			}
		}
		for _, h := range r.AllowedHeaders {
			if strings.Count(h, "*") > 1 {
				return invalidRequest("AllowedHeader %q can not have more than one wildcard.", h)
			}
		}
		for _, h := range r.ExposeHeaders {
			if strings.Contains(h, "*") {
				return invalidRequest("ExposeHeader %q contains wildcard. We currently do not support wildcard for ExposeHeader.", h)
			}
		}
	}
	return nil
}

// putBucketCORS sets which pages may call the bucket.
func (s *Service) putBucketCORS(call *aws.Call, in *api.PutBucketCorsInput) (*api.PutBucketCorsOutput, error) {
	rules := in.CORSConfiguration.CORSRules
	if err := checkCORS(rules); err != nil {
		return nil, err
	}
	return &api.PutBucketCorsOutput{}, s.configure(call, in.Bucket, in.ExpectedBucketOwner, func(_ *store.Tx, b *bucket, c *config) error {
		c.CORS, b.HasCORS = rules, true
		return nil
	})
}

// getBucketCORS shows which pages may call the bucket.
func (s *Service) getBucketCORS(call *aws.Call, in *api.GetBucketCorsInput) (*api.GetBucketCorsOutput, error) {
	b, c, err := s.config(call, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	if len(c.CORS) == 0 {
		return nil, missingConfiguration("NoSuchCORSConfiguration", b.Name, "The CORS configuration does not exist")
	}
	return &api.GetBucketCorsOutput{CORSRules: c.CORS}, nil
}

// deleteBucketCORS lets no page call the bucket.
func (s *Service) deleteBucketCORS(call *aws.Call, in *api.DeleteBucketCorsInput) (*api.DeleteBucketCorsOutput, error) {
	return &api.DeleteBucketCorsOutput{}, s.configure(call, in.Bucket, in.ExpectedBucketOwner, func(_ *store.Tx, b *bucket, c *config) error {
		c.CORS, b.HasCORS = nil, false
		return nil
	})
}

// cors finds the first rule that allows a request of a page and returns the headers that say so.
func (s *Service) cors(call *aws.Call, name, origin, method string, asked []string) (map[string]string, error) {
	var rules []api.CORSRule
	err := s.DB.View(call, func(tx *store.Tx) error {
		b, err := findBucket(tx, call, name, nil)
		if err != nil || !b.HasCORS {
			return err
		}
		c, err := configs.Get(tx, store.K(b.ID))
		if err == nil {
			rules = c.CORS
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range rules {
		r := &rules[i]
		pattern, ok := matchWildcard(r.AllowedOrigins, origin)
		if !ok || !slices.Contains(r.AllowedMethods, method) {
			continue
		}
		allowed := true
		for _, h := range asked {
			_, ok := matchWildcard(r.AllowedHeaders, h)
			allowed = allowed && ok
		}
		if !allowed {
			continue
		}
		headers := map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": strings.Join(r.AllowedMethods, ", ")}
		if pattern != "*" {
			headers["Access-Control-Allow-Origin"], headers["Access-Control-Allow-Credentials"] = origin, "true"
		}
		if len(asked) > 0 {
			headers["Access-Control-Allow-Headers"] = strings.Join(asked, ", ")
		}
		if len(r.ExposeHeaders) > 0 {
			headers["Access-Control-Expose-Headers"] = strings.Join(r.ExposeHeaders, ", ")
		}
		if r.MaxAgeSeconds != nil {
			headers["Access-Control-Max-Age"] = strconv.Itoa(int(*r.MaxAgeSeconds))
		}
		return headers, nil
	}
	return nil, nil
}

// matchWildcard returns the first of the patterns, each with at most one *, that matches s whatever the case.
func matchWildcard(patterns []string, s string) (string, bool) {
	s = strings.ToLower(s)
	for _, p := range patterns {
		before, after, wild := strings.Cut(strings.ToLower(p), "*")
		if !wild && before == s || wild && len(s) >= len(before)+len(after) && strings.HasPrefix(s, before) && strings.HasSuffix(s, after) {
			return p, true
		}
	}
	return "", false
}
