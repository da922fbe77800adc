package iam

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/policy"
	"drydock/store"
)

// serviceCredential is a user name and password for a service that does not sign, as git.
type serviceCredential struct {
	ID, Account, UserID string
	Service             string // "codecommit.amazonaws.com"
	ServiceUser         string
	Hash                []byte
	Active              bool
	Created             time.Time
	// Expires is when they stop counting; zero: never.
	Expires time.Time
}

var (
	credentialsByUser = store.NewIndex("user", func(c *serviceCredential) []store.Key { return []store.Key{store.K(c.UserID)} })
	credentialsByName = store.NewIndex("name", func(c *serviceCredential) []store.Key { return []store.Key{store.K(c.Service, c.ServiceUser)} })
	credentials       = store.NewTable("iam/credential", func(c *serviceCredential) store.Key { return store.K(c.ID) }, credentialsByUser, credentialsByName)
)

// credentialServices are the services that such credentials are for. Those that take one key instead of a user name and a
// password say how it begins; only these can expire.
var credentialServices = map[string]string{
	"codecommit.amazonaws.com": "", "cassandra.amazonaws.com": "", "bedrock.amazonaws.com": "ABSK",
}

// passwordBytes make a password of 44 characters.
const passwordBytes = 33

// passwordHash is what is kept of a password. The password is random and long, so one round is enough.
func (s *Service) passwordHash(id, password string) []byte {
	mac := hmac.New(sha256.New, s.passwordKey)
	mac.Write([]byte(id + ":" + password))
	return mac.Sum(nil)
}

// userCredentials returns a user's credentials in the order in which they were made.
func userCredentials(tx *store.Tx, userID string) ([]*serviceCredential, error) {
	var found []*serviceCredential
	for c, err := range credentialsByUser.Scan(tx, store.Range{Prefix: store.K(userID)}) {
		if err != nil {
			return nil, err
		}
		found = append(found, c)
	}
	slices.SortStableFunc(found, func(a, b *serviceCredential) int { return a.Created.Compare(b.Created) })
	return found, nil
}

func (c *serviceCredential) shown(user, password string) *api.ServiceSpecificCredential {
	shown := &api.ServiceSpecificCredential{
		CreateDate: c.Created, ServiceName: c.Service, ServiceSpecificCredentialID: c.ID, UserName: user, Status: shownStatus(c.Active),
		ExpirationDate: c.expiration(),
	}
	if credentialServices[c.Service] == "" {
		shown.ServiceUserName, shown.ServicePassword = &c.ServiceUser, &password
	} else {
		shown.ServiceCredentialAlias, shown.ServiceCredentialSecret = &c.ServiceUser, &password
	}
	return shown
}

func (c *serviceCredential) listed(user string) api.ServiceSpecificCredentialMetadata {
	s := c.shown(user, "")
	return api.ServiceSpecificCredentialMetadata{
		UserName: user, Status: s.Status, ServiceUserName: s.ServiceUserName, CreateDate: c.Created, ServiceSpecificCredentialID: c.ID,
		ServiceName: c.Service, ServiceCredentialAlias: s.ServiceCredentialAlias, ExpirationDate: s.ExpirationDate,
	}
}

func (c *serviceCredential) expiration() *time.Time {
	if c.Expires.IsZero() {
		return nil
	}
	return &c.Expires
}

// password makes a secret into the password, or into a key that tells its user as well.
func (c *serviceCredential) password(secret string) string {
	prefix := credentialServices[c.Service]
	if prefix == "" {
		return secret
	}
	return prefix + base64.StdEncoding.EncodeToString([]byte(c.ServiceUser+":"+secret))
}

func (s *Service) createServiceSpecificCredential(call *aws.Call, in *api.CreateServiceSpecificCredentialInput) (*api.CreateServiceSpecificCredentialOutput, error) {
	prefix, ok := credentialServices[in.ServiceName]
	if !ok {
		return nil, api.NewServiceNotSupportedException("The service %s is not supported.", in.ServiceName)
	}
	c := &serviceCredential{
		ID: call.NewID("ACCA", 17), Account: call.Account, Service: in.ServiceName, Active: true, Created: call.Now().Truncate(time.Second),
	}
	if in.CredentialAgeDays != nil && prefix != "" {
		c.Expires = c.Created.AddDate(0, 0, int(*in.CredentialAgeDays))
	}
	secret, err := newSecret(s.Random, passwordBytes)
	if err != nil {
		return nil, err
	}
	var user, password string
	err = s.update(call, func(tx *store.Tx) error {
		e, err := getEntity(tx, call.Account, userKind, in.UserName)
		if err != nil {
			return err
		}
		all, err := userCredentials(tx, e.ID)
		if err != nil {
			return err
		}
		mine := slices.DeleteFunc(all, func(o *serviceCredential) bool { return o.Service != in.ServiceName })
		if len(mine) >= maxCredentials {
			return api.NewLimitExceededException("Cannot exceed quota for ServiceSpecificCredentialsPerUser: %d", maxCredentials)
		}
		c.UserID, user = e.ID, e.Name
		if c.ServiceUser, err = freeServiceUser(tx, e, in.ServiceName); err != nil {
			return err
		}
		password = c.password(secret)
		c.Hash = s.passwordHash(c.ID, password)
		return credentials.Put(tx, c)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateServiceSpecificCredentialOutput{ServiceSpecificCredential: c.shown(user, password)}, nil
}

// freeServiceUser finds a user name for new credentials: NAME-at-ACCOUNT, then NAME+1-at-ACCOUNT and so on.
func freeServiceUser(tx *store.Tx, e *entity, service string) (string, error) {
	for i := 0; ; i++ {
		name := e.Name
		if i > 0 {
			name += fmt.Sprintf("+%d", i)
		}
		name += "-at-" + e.Account
		_, err := credentialsByName.First(tx, store.K(service, name))
		if errors.Is(err, store.ErrNotFound) {
			return name, nil
		}
		if err != nil {
			return "", err
		}
	}
}

func (s *Service) listServiceSpecificCredentials(call *aws.Call, in *api.ListServiceSpecificCredentialsInput) (*api.ListServiceSpecificCredentialsOutput, error) {
	p, err := newPage(in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	var name string
	all := in.AllUsers != nil && *in.AllUsers
	if !all {
		if name, err = ownUser(call, in.UserName); err != nil {
			return nil, err
		}
	}
	var found []api.ServiceSpecificCredentialMetadata
	err = s.DB.View(call, func(tx *store.Tx) error {
		users, err := credentialOwners(tx, call.Account, name, all)
		if err != nil {
			return err
		}
		for _, e := range users {
			mine, err := userCredentials(tx, e.ID)
			if err != nil {
				return err
			}
			for _, c := range mine {
				if in.ServiceName != nil && *in.ServiceName != c.Service {
					continue
				}
				found = append(found, c.listed(e.Name))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	l := cut(p, found, func(c api.ServiceSpecificCredentialMetadata) string {
		return fold(c.UserName) + " " + c.CreateDate.Format(time.RFC3339) + c.ServiceSpecificCredentialID
	})
	if l.items == nil {
		l.items = []api.ServiceSpecificCredentialMetadata{}
	}
	return &api.ListServiceSpecificCredentialsOutput{ServiceSpecificCredentials: l.items, IsTruncated: l.truncated(), Marker: l.marker}, nil
}

// credentialOwners returns the user of that name, or all of the account.
func credentialOwners(tx *store.Tx, account, name string, all bool) ([]*entity, error) {
	if !all {
		if name == "" {
			return nil, nil
		}
		e, err := getEntity(tx, account, userKind, name)
		return []*entity{e}, err
	}
	var users []*entity
	for e, err := range entities.Scan(tx, store.Range{Prefix: store.K(account, userKind)}) {
		if err != nil {
			return nil, err
		}
		users = append(users, e)
	}
	return users, nil
}

// changeCredential changes credentials of the user named, or of the caller, and returns the user's name. Credentials that
// change tells to delete are deleted.
func (s *Service) changeCredential(call *aws.Call, user *string, id string, change func(c *serviceCredential) (remove bool)) (owner string, err error) {
	name, err := ownUser(call, user)
	if err != nil {
		return "", err
	}
	err = s.update(call, func(tx *store.Tx) error {
		uid, err := userID(tx, call.Account, name)
		if err != nil {
			return err
		}
		c, err := credentials.Get(tx, store.K(id))
		switch {
		case errors.Is(err, store.ErrNotFound), err == nil && (c.Account != call.Account || c.UserID != uid):
			return api.NewNoSuchEntityException("No such credential %s exists", id)
		case err != nil:
			return err
		}
		if change(c) {
			_, err := credentials.Delete(tx, credentials.Key(c))
			return err
		}
		return credentials.Put(tx, c)
	})
	return name, err
}

func (s *Service) updateServiceSpecificCredential(call *aws.Call, in *api.UpdateServiceSpecificCredentialInput) (*api.UpdateServiceSpecificCredentialOutput, error) {
	_, err := s.changeCredential(call, in.UserName, in.ServiceSpecificCredentialID, func(c *serviceCredential) bool {
		c.Active = in.Status == api.StatusTypeActive
		return false
	})
	return &api.UpdateServiceSpecificCredentialOutput{}, err
}

// resetServiceSpecificCredential gives credentials a new password.
func (s *Service) resetServiceSpecificCredential(call *aws.Call, in *api.ResetServiceSpecificCredentialInput) (*api.ResetServiceSpecificCredentialOutput, error) {
	secret, err := newSecret(s.Random, passwordBytes)
	if err != nil {
		return nil, err
	}
	var changed *serviceCredential
	var password string
	user, err := s.changeCredential(call, in.UserName, in.ServiceSpecificCredentialID, func(c *serviceCredential) bool {
		password = c.password(secret)
		c.Hash = s.passwordHash(c.ID, password)
		changed = c
		return false
	})
	if err != nil {
		return nil, err
	}
	return &api.ResetServiceSpecificCredentialOutput{ServiceSpecificCredential: changed.shown(user, password)}, nil
}

func (s *Service) deleteServiceSpecificCredential(call *aws.Call, in *api.DeleteServiceSpecificCredentialInput) (*api.DeleteServiceSpecificCredentialOutput, error) {
	_, err := s.changeCredential(call, in.UserName, in.ServiceSpecificCredentialID, func(*serviceCredential) bool { return true })
	return &api.DeleteServiceSpecificCredentialOutput{}, err
}

// Password finds the user behind service-specific credentials: see policy.Identity.
func (s *Service) Password(ctx context.Context, service, user, password string) (p aws.Principal, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		c, err := credentialsByName.First(tx, store.K(service+".amazonaws.com", user))
		if errors.Is(err, store.ErrNotFound) {
			return policy.ErrUnknownKey
		}
		if err != nil {
			return err
		}
		expired := !c.Expires.IsZero() && !s.Clock.Now().Before(c.Expires)
		if !hmac.Equal(c.Hash, s.passwordHash(c.ID, password)) || !c.Active || expired {
			return policy.ErrUnknownKey
		}
		e, err := entityByID(tx, c.UserID)
		if err != nil {
			return err
		}
		if e == nil {
			return policy.ErrUnknownKey
		}
		p = e.principal()
		return nil
	})
	return p, err
}
