package iam

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/store"
)

// signingCertificate is an X.509 certificate with which a user, or the root user, signs requests in SOAP.
type signingCertificate struct {
	ID, Account, UserID string
	Body                string
	DER                 []byte
	Active              bool
	Uploaded            time.Time
}

var (
	signingByUser       = store.NewIndex("user", func(c *signingCertificate) []store.Key { return []store.Key{store.K(c.Account, c.UserID)} })
	signingByContent    = store.NewIndex("content", func(c *signingCertificate) []store.Key { return []store.Key{c.contentKey()} })
	signingCertificates = store.NewTable("iam/signingcertificate", func(c *signingCertificate) store.Key { return store.K(c.ID) }, signingByUser, signingByContent)
)

// contentKey finds the certificate among those of its account: there it has one user.
func (c *signingCertificate) contentKey() store.Key {
	sum := sha256.Sum256(c.DER)
	return store.K(c.Account, hex.EncodeToString(sum[:]))
}

// userSigning returns a user's certificates in the order in which they were uploaded.
func userSigning(tx *store.Tx, account, userID string) ([]*signingCertificate, error) {
	var found []*signingCertificate
	for c, err := range signingByUser.Scan(tx, store.Range{Prefix: store.K(account, userID)}) {
		if err != nil {
			return nil, err
		}
		found = append(found, c)
	}
	slices.SortStableFunc(found, func(a, b *signingCertificate) int { return a.Uploaded.Compare(b.Uploaded) })
	return found, nil
}

func (c *signingCertificate) shown(user string) api.SigningCertificate {
	return api.SigningCertificate{UserName: user, CertificateID: c.ID, CertificateBody: c.Body, Status: shownStatus(c.Active), UploadDate: &c.Uploaded}
}

func (s *Service) uploadSigningCertificate(call *aws.Call, in *api.UploadSigningCertificateInput) (*api.UploadSigningCertificateOutput, error) {
	name, err := ownUser(call, in.UserName)
	if err != nil {
		return nil, err
	}
	parsed, err := parseCertificate(in.CertificateBody)
	if err != nil {
		return nil, err
	}
	now := call.Now().Truncate(time.Second)
	if now.After(parsed.NotAfter) {
		return nil, api.NewInvalidCertificateException("The certificate has expired.")
	}
	c := &signingCertificate{ID: call.NewID("", 32), Account: call.Account, Body: in.CertificateBody, DER: parsed.Raw, Active: true, Uploaded: now}
	err = s.update(call, func(tx *store.Tx) error {
		if c.UserID, err = userID(tx, call.Account, name); err != nil {
			return err
		}
		have, err := userSigning(tx, call.Account, c.UserID)
		if err != nil {
			return err
		}
		switch _, err := signingByContent.First(tx, c.contentKey()); {
		case err == nil:
			return api.NewDuplicateCertificateException("The certificate is already associated with a user of the account.")
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		if len(have) >= maxSigningCertificates {
			return api.NewLimitExceededException("Cannot exceed quota for CertificatesPerUser: %d", maxSigningCertificates)
		}
		return signingCertificates.Put(tx, c)
	})
	if err != nil {
		return nil, err
	}
	return &api.UploadSigningCertificateOutput{Certificate: c.shown(name)}, nil
}

func (s *Service) listSigningCertificates(call *aws.Call, in *api.ListSigningCertificatesInput) (*api.ListSigningCertificatesOutput, error) {
	p, err := newPage(in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	name, err := ownUser(call, in.UserName)
	if err != nil {
		return nil, err
	}
	var found []*signingCertificate
	err = s.DB.View(call, func(tx *store.Tx) error {
		id, err := userID(tx, call.Account, name)
		if err != nil {
			return err
		}
		found, err = userSigning(tx, call.Account, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	l := cut(p, found, func(c *signingCertificate) string { return c.Uploaded.Format(time.RFC3339) + c.ID })
	out := &api.ListSigningCertificatesOutput{Certificates: []api.SigningCertificate{}, IsTruncated: l.truncated(), Marker: l.marker}
	for _, c := range l.items {
		out.Certificates = append(out.Certificates, c.shown(name))
	}
	return out, nil
}

// changeSigning changes a certificate of the user named, or of the caller; nil deletes it.
func (s *Service) changeSigning(call *aws.Call, user *string, id string, change func(c *signingCertificate)) error {
	name, err := ownUser(call, user)
	if err != nil {
		return err
	}
	return s.update(call, func(tx *store.Tx) error {
		owner, err := userID(tx, call.Account, name)
		if err != nil {
			return err
		}
		c, err := signingCertificates.Get(tx, store.K(id))
		switch {
		case errors.Is(err, store.ErrNotFound), err == nil && (c.Account != call.Account || c.UserID != owner):
			return api.NewNoSuchEntityException("The Certificate with id %s cannot be found.", id)
		case err != nil:
			return err
		case change == nil:
			_, err := signingCertificates.Delete(tx, signingCertificates.Key(c))
			return err
		}
		change(c)
		return signingCertificates.Put(tx, c)
	})
}

func (s *Service) updateSigningCertificate(call *aws.Call, in *api.UpdateSigningCertificateInput) (*api.UpdateSigningCertificateOutput, error) {
	err := s.changeSigning(call, in.UserName, in.CertificateID, func(c *signingCertificate) { c.Active = in.Status == api.StatusTypeActive })
	return &api.UpdateSigningCertificateOutput{}, err
}

func (s *Service) deleteSigningCertificate(call *aws.Call, in *api.DeleteSigningCertificateInput) (*api.DeleteSigningCertificateOutput, error) {
	return &api.DeleteSigningCertificateOutput{}, s.changeSigning(call, in.UserName, in.CertificateID, nil)
}
