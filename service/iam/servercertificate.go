package iam

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/store"
)

// serverCertificate is a certificate with its key, for load balancers where there is no ACM. Texts are kept as IAM
// answers them, without blanks around.
type serverCertificate struct {
	Account, Partition string
	Name, Path, ID     string
	Body, Chain        string
	Sealed             []byte // the private key, wrapped for this id
	Uploaded, NotAfter time.Time
	Tags               map[string]string
}

var serverCertificates = store.NewTable("iam/servercertificate", func(c *serverCertificate) store.Key { return store.K(c.Account, fold(c.Name)) })

func (c *serverCertificate) arn() string {
	return aws.ARN{Partition: c.Partition, Service: "iam", Account: c.Account, Resource: "server-certificate" + c.Path + c.Name}.String()
}

// keyContext binds the sealed key to the certificate.
func (c *serverCertificate) keyContext() []byte { return []byte("iam server certificate " + c.ID) }

func (c *serverCertificate) shown() api.ServerCertificateMetadata {
	return api.ServerCertificateMetadata{
		Path: c.Path, ServerCertificateName: c.Name, ServerCertificateID: c.ID, ARN: c.arn(), UploadDate: &c.Uploaded, Expiration: &c.NotAfter,
	}
}

func getServerCertificate(tx *store.Tx, account, name string) (*serverCertificate, error) {
	c, err := serverCertificates.Get(tx, store.K(account, fold(name)))
	if errors.Is(err, store.ErrNotFound) {
		return nil, api.NewNoSuchEntityException("The Server Certificate with name %s cannot be found.", name)
	}
	return c, err
}

func (s *Service) uploadServerCertificate(call *aws.Call, in *api.UploadServerCertificateInput) (*api.UploadServerCertificateOutput, error) {
	tags, err := mergeTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	now := call.Now().Truncate(time.Second)
	c := &serverCertificate{
		Account: call.Account, Partition: call.Partition, Name: in.ServerCertificateName, Path: pathOr(in.Path), ID: call.NewID("ASCA", 17),
		Body: strings.TrimSpace(in.CertificateBody), Uploaded: now, Tags: tags,
	}
	if err := c.check(in, now); err != nil {
		return nil, err
	}
	c.Sealed = s.Keys.Wrap([]byte(in.PrivateKey), c.keyContext())
	err = s.update(call, func(tx *store.Tx) error {
		have := 0
		for other, err := range serverCertificates.Scan(tx, store.Range{Prefix: store.K(call.Account)}) {
			if err != nil {
				return err
			}
			if fold(other.Name) == fold(c.Name) {
				return api.NewEntityAlreadyExistsException("The Server Certificate with name %s already exists.", c.Name)
			}
			have++
		}
		if have >= maxServerCertificates {
			return api.NewLimitExceededException("Cannot exceed quota for ServerCertificatesPerAccount: %d", maxServerCertificates)
		}
		return serverCertificates.Put(tx, c)
	})
	if err != nil {
		return nil, err
	}
	return &api.UploadServerCertificateOutput{ServerCertificateMetadata: new(c.shown()), Tags: shownTags(c.Tags)}, nil
}

// check reads the certificate, its key and its chain, and whether they belong together.
func (c *serverCertificate) check(in *api.UploadServerCertificateInput, now time.Time) error {
	certificate, err := parseCertificate(in.CertificateBody)
	if err != nil {
		return err
	}
	key, err := parsePrivateKey(in.PrivateKey)
	if err != nil {
		return err
	}
	if !matches(certificate, key) {
		return api.NewKeyPairMismatchException("Certificate and Private Key do not match")
	}
	if in.CertificateChain != nil {
		c.Chain = strings.TrimSpace(*in.CertificateChain)
		chain, err := parseCertificates(c.Chain, "certificate chain")
		if err != nil {
			return err
		}
		if err := checkChain(certificate, chain); err != nil {
			return err
		}
	}
	if now.Before(certificate.NotBefore) || now.After(certificate.NotAfter) {
		return api.NewMalformedCertificateException("The certificate is not valid at this time: it is valid from %s to %s.",
			certificate.NotBefore.UTC().Format(time.RFC3339), certificate.NotAfter.UTC().Format(time.RFC3339))
	}
	c.NotAfter = certificate.NotAfter.UTC()
	return nil
}

func (s *Service) getServerCertificate(call *aws.Call, in *api.GetServerCertificateInput) (*api.GetServerCertificateOutput, error) {
	c, err := s.viewServerCertificate(call, in.ServerCertificateName)
	if err != nil {
		return nil, err
	}
	return &api.GetServerCertificateOutput{ServerCertificate: api.ServerCertificate{
		ServerCertificateMetadata: c.shown(), CertificateBody: c.Body, CertificateChain: optional(c.Chain), Tags: shownTags(c.Tags),
	}}, nil
}

func (s *Service) viewServerCertificate(call *aws.Call, name string) (c *serverCertificate, err error) {
	err = s.DB.View(call, func(tx *store.Tx) error {
		c, err = getServerCertificate(tx, call.Account, name)
		return err
	})
	return c, err
}

func (s *Service) listServerCertificates(call *aws.Call, in *api.ListServerCertificatesInput) (*api.ListServerCertificatesOutput, error) {
	p, err := newPage(in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	r := store.Range{Prefix: store.K(call.Account)}
	if p.after != "" {
		r.After = store.K(call.Account, p.after)
	}
	out := &api.ListServerCertificatesOutput{ServerCertificateMetadataList: []api.ServerCertificateMetadata{}}
	err = s.DB.View(call, func(tx *store.Tx) error {
		l, err := take(p, serverCertificates.Scan(tx, r), func(c *serverCertificate) string { return fold(c.Name) },
			func(c *serverCertificate) bool { return below(c.Path, in.PathPrefix) })
		if err != nil {
			return err
		}
		out.IsTruncated, out.Marker = l.truncated(), l.marker
		for _, c := range l.items {
			out.ServerCertificateMetadataList = append(out.ServerCertificateMetadataList, c.shown())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// changeServerCertificate changes one of the caller's certificates.
func (s *Service) changeServerCertificate(call *aws.Call, name string, change func(tx *store.Tx, c *serverCertificate) error) error {
	return s.update(call, func(tx *store.Tx) error {
		c, err := getServerCertificate(tx, call.Account, name)
		if err != nil {
			return err
		}
		if err := change(tx, c); err != nil {
			return err
		}
		return serverCertificates.Put(tx, c)
	})
}

func (s *Service) updateServerCertificate(call *aws.Call, in *api.UpdateServerCertificateInput) (*api.UpdateServerCertificateOutput, error) {
	err := s.changeServerCertificate(call, in.ServerCertificateName, func(tx *store.Tx, c *serverCertificate) error {
		if in.NewPath != nil {
			c.Path = *in.NewPath
		}
		if in.NewServerCertificateName == nil {
			return nil
		}
		if name := *in.NewServerCertificateName; fold(name) != fold(c.Name) {
			taken, err := serverCertificates.Has(tx, store.K(call.Account, fold(name)))
			if err != nil {
				return err
			}
			if taken {
				return api.NewEntityAlreadyExistsException("The Server Certificate with name %s already exists.", name)
			}
			if _, err := serverCertificates.Delete(tx, serverCertificates.Key(c)); err != nil {
				return err
			}
		}
		c.Name = *in.NewServerCertificateName
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateServerCertificateOutput{}, nil
}

func (s *Service) deleteServerCertificate(call *aws.Call, in *api.DeleteServerCertificateInput) (*api.DeleteServerCertificateOutput, error) {
	err := s.update(call, func(tx *store.Tx) error {
		c, err := getServerCertificate(tx, call.Account, in.ServerCertificateName)
		if err != nil {
			return err
		}
		_, err = serverCertificates.Delete(tx, serverCertificates.Key(c))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteServerCertificateOutput{}, nil
}

func (s *Service) tagServerCertificate(call *aws.Call, in *api.TagServerCertificateInput) (*api.TagServerCertificateOutput, error) {
	return &api.TagServerCertificateOutput{}, s.changeServerCertificate(call, in.ServerCertificateName, func(_ *store.Tx, c *serverCertificate) (err error) {
		c.Tags, err = mergeTags(c.Tags, in.Tags)
		return err
	})
}

func (s *Service) untagServerCertificate(call *aws.Call, in *api.UntagServerCertificateInput) (*api.UntagServerCertificateOutput, error) {
	return &api.UntagServerCertificateOutput{}, s.changeServerCertificate(call, in.ServerCertificateName, func(_ *store.Tx, c *serverCertificate) error {
		dropTags(c.Tags, in.TagKeys)
		return nil
	})
}

func (s *Service) listServerCertificateTags(call *aws.Call, in *api.ListServerCertificateTagsInput) (*api.ListServerCertificateTagsOutput, error) {
	c, err := s.viewServerCertificate(call, in.ServerCertificateName)
	if err != nil {
		return nil, err
	}
	l, err := pageTags(c.Tags, in.Marker, in.MaxItems)
	return &api.ListServerCertificateTagsOutput{Tags: l.items, IsTruncated: l.truncated(), Marker: l.marker}, err
}

// ServerCertificate returns a certificate with its key: see service.Vault.
func (s *Service) ServerCertificate(ctx context.Context, arn string) (chain, key string, err error) {
	a, ok := parseARN(arn)
	missing := api.NewNoSuchEntityException("The Server Certificate %s cannot be found.", arn)
	if !ok {
		return "", "", missing
	}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		c, err := getServerCertificate(tx, a.Account, lastName(a.Resource))
		if err != nil {
			return err
		}
		if c.arn() != arn {
			return missing
		}
		plain, err := s.Keys.Unwrap(c.Sealed, c.keyContext())
		if err != nil {
			return fmt.Errorf("unseal the key of %s: %w", arn, err)
		}
		chain, key = c.Body+"\n"+c.Chain+"\n", string(plain)
		return nil
	})
	return chain, key, err
}
