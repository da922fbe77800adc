package iam

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/store"
)

// login is a user's password. There is no console to sign in to: what a password is good for is ChangePassword.
type login struct {
	UserID, Account  string
	Created, Changed time.Time
	Reset            bool
	// Hash is of the present password, Old of those before it, from the newest, as many as a policy may forbid to use again.
	Hash passwordHash
	Old  []passwordHash
}

// passwordHash is what is kept of a password.
type passwordHash struct{ Salt, Sum []byte }

var logins = store.NewTable("iam/login", func(l *login) store.Key { return store.K(l.UserID) })

const (
	saltBytes = 16
	// hashRounds is modest because the hash is keyed as well: the store alone, without the data directory's root key,
	// gives nothing to try passwords on.
	hashRounds = 5000
)

// hash makes a hash of a password with fresh salt.
func (s *Service) hash(password string) (passwordHash, error) {
	salt := make([]byte, saltBytes)
	if _, err := io.ReadFull(s.Random, salt); err != nil {
		return passwordHash{}, fmt.Errorf("make salt: %w", err)
	}
	sum, err := s.stretch(password, salt)
	return passwordHash{salt, sum}, err
}

func (s *Service) stretch(password string, salt []byte) ([]byte, error) {
	mac := hmac.New(sha256.New, s.loginKey)
	mac.Write([]byte(password))
	sum, err := pbkdf2.Key(sha256.New, string(mac.Sum(nil)), salt, hashRounds, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("hash a password: %w", err)
	}
	return sum, nil
}

// is tells whether a hash is of a password.
func (s *Service) is(h passwordHash, password string) (bool, error) {
	sum, err := s.stretch(password, h.Salt)
	return hmac.Equal(sum, h.Sum), err
}

// getLogin returns a user's password, or nil.
func getLogin(tx *store.Tx, userID string) (*login, error) {
	l, err := logins.Get(tx, store.K(userID))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return l, err
}

func noLogin(user string) error {
	return api.NewNoSuchEntityException("Login Profile for User %s cannot be found.", user)
}

// userLogin returns the password of a user by name.
func userLogin(tx *store.Tx, account, user string) (*entity, *login, error) {
	e, err := getEntity(tx, account, userKind, user)
	if err != nil {
		return nil, nil, err
	}
	l, err := getLogin(tx, e.ID)
	if err == nil && l == nil {
		err = noLogin(user)
	}
	return e, l, err
}

func (l *login) shown(user string) api.LoginProfile {
	return api.LoginProfile{UserName: user, CreateDate: l.Created, PasswordResetRequired: &l.Reset}
}

// loginUser is the user that an operation on login profiles means.
func loginUser(call *aws.Call, name *string) (string, error) {
	user, err := ownUser(call, name)
	if err == nil && user == "" {
		err = aws.NewError(400, "ValidationError", "Must specify userName when calling with root credentials")
	}
	return user, err
}

func (s *Service) createLoginProfile(call *aws.Call, in *api.CreateLoginProfileInput) (*api.CreateLoginProfileOutput, error) {
	name, err := loginUser(call, in.UserName)
	if err != nil {
		return nil, err
	}
	if in.Password == nil {
		return nil, aws.NewError(400, "ValidationError", "1 validation error detected: Value at 'password' failed to satisfy constraint: Member must not be null")
	}
	rules, err := s.passwordRules(call)
	if err != nil {
		return nil, err
	}
	if err := rules.check(*in.Password); err != nil {
		return nil, err
	}
	hash, err := s.hash(*in.Password)
	if err != nil {
		return nil, err
	}
	now := call.Now().Truncate(time.Second)
	l := &login{Account: call.Account, Created: now, Changed: now, Hash: hash, Reset: in.PasswordResetRequired != nil && *in.PasswordResetRequired}
	var user string
	err = s.update(call, func(tx *store.Tx) error {
		e, err := getEntity(tx, call.Account, userKind, name)
		if err != nil {
			return err
		}
		l.UserID, user = e.ID, e.Name
		exists, err := logins.Has(tx, logins.Key(l))
		if err != nil {
			return err
		}
		if exists {
			return api.NewEntityAlreadyExistsException("Login Profile for user %s already exists.", name)
		}
		return logins.Put(tx, l)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateLoginProfileOutput{LoginProfile: l.shown(user)}, nil
}

func (s *Service) getLoginProfile(call *aws.Call, in *api.GetLoginProfileInput) (*api.GetLoginProfileOutput, error) {
	name, err := loginUser(call, in.UserName)
	if err != nil {
		return nil, err
	}
	out := &api.GetLoginProfileOutput{}
	err = s.DB.View(call, func(tx *store.Tx) error {
		e, l, err := userLogin(tx, call.Account, name)
		if err != nil {
			return err
		}
		out.LoginProfile = l.shown(e.Name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Service) updateLoginProfile(call *aws.Call, in *api.UpdateLoginProfileInput) (*api.UpdateLoginProfileOutput, error) {
	change := func(*login) {}
	if in.Password != nil {
		var old *login
		err := s.DB.View(call, func(tx *store.Tx) (err error) {
			_, old, err = userLogin(tx, call.Account, in.UserName)
			return err
		})
		if err != nil {
			return nil, err
		}
		if change, err = s.replacement(call, old, *in.Password); err != nil {
			return nil, err
		}
	}
	err := s.update(call, func(tx *store.Tx) error {
		_, l, err := userLogin(tx, call.Account, in.UserName)
		if err != nil {
			return err
		}
		change(l)
		if in.PasswordResetRequired != nil {
			l.Reset = *in.PasswordResetRequired
		}
		return logins.Put(tx, l)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateLoginProfileOutput{}, nil
}

// replacement checks a new password and returns what brings it into a login. The work of hashing is done here, outside of
// any transaction.
func (s *Service) replacement(call *aws.Call, old *login, password string) (change func(*login), err error) {
	rules, err := s.passwordRules(call)
	if err != nil {
		return nil, err
	}
	if err := rules.check(password); err != nil {
		return nil, err
	}
	past := append([]passwordHash{old.Hash}, old.Old...)
	for _, h := range past[:min(len(past), int(rules.Reuse))] {
		same, err := s.is(h, password)
		if err != nil {
			return nil, err
		}
		if same {
			return nil, api.NewPasswordPolicyViolationException("Policy constraint violation with password reuse prevention during password change")
		}
	}
	hash, err := s.hash(password)
	if err != nil {
		return nil, err
	}
	now := call.Now().Truncate(time.Second)
	return func(l *login) {
		l.Old = slices.Insert(l.Old, 0, l.Hash)
		l.Old = l.Old[:min(len(l.Old), maxReusePrevention)]
		l.Hash, l.Changed = hash, now
	}, nil
}

func (s *Service) deleteLoginProfile(call *aws.Call, in *api.DeleteLoginProfileInput) (*api.DeleteLoginProfileOutput, error) {
	name, err := loginUser(call, in.UserName)
	if err != nil {
		return nil, err
	}
	err = s.update(call, func(tx *store.Tx) error {
		_, l, err := userLogin(tx, call.Account, name)
		if err != nil {
			return err
		}
		_, err = logins.Delete(tx, logins.Key(l))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteLoginProfileOutput{}, nil
}

// changePassword lets a user replace its own password. The account's policy can allow that to all users; otherwise it is a
// matter of each user's own policies.
func (s *Service) changePassword(call *aws.Call, in *api.ChangePasswordInput) (*api.ChangePasswordOutput, error) {
	if call.Principal.Type != aws.PrincipalUser {
		return nil, api.NewInvalidUserTypeException("Only IAM Users can change their own password")
	}
	rules, err := s.passwordRules(call)
	if err != nil {
		return nil, err
	}
	err = call.Cloud.Authorize(call, aws.Check{Action: "iam:ChangePassword", Resource: call.Principal.ARN})
	if err != nil && (!rules.SelfService || !aws.IsError(err, "AccessDenied") || strings.Contains(err.Error(), "explicit deny")) {
		return nil, err
	}
	wrong := aws.NewError(403, "AccessDenied", "The old password was incorrect.")
	var old *login
	err = s.DB.View(call, func(tx *store.Tx) (err error) {
		old, err = getLogin(tx, entityID(&call.Principal))
		return err
	})
	if err != nil {
		return nil, err
	}
	if old == nil {
		return nil, noLogin(call.Principal.Name)
	}
	same, err := s.is(old.Hash, in.OldPassword)
	if err != nil {
		return nil, err
	}
	if !same {
		return nil, wrong
	}
	change, err := s.replacement(call, old, in.NewPassword)
	if err != nil {
		return nil, err
	}
	err = s.update(call, func(tx *store.Tx) error {
		l, err := getLogin(tx, old.UserID)
		if err != nil {
			return err
		}
		if l == nil || !hmac.Equal(l.Hash.Sum, old.Hash.Sum) {
			return wrong // someone else was faster
		}
		change(l)
		l.Reset = false
		return logins.Put(tx, l)
	})
	if err != nil {
		return nil, err
	}
	return &api.ChangePasswordOutput{}, nil
}
