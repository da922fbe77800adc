package iam

import (
	"errors"
	"strings"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/store"
)

// passwordPolicy is what an account demands of passwords.
type passwordPolicy struct {
	Account                          string
	MinLength                        int32
	Symbols, Numbers, Uppers, Lowers bool
	// Kinds is how many of these four kinds of characters there must be at least: the rule of accounts without a policy.
	Kinds int
	// SelfService lets all users change their own passwords.
	SelfService bool
	MaxAge      int32 // days; 0: passwords do not expire
	Reuse       int32 // how many passwords must differ, the present one included
	HardExpiry  *bool
}

var passwordPolicies = store.NewTable("iam/passwordpolicy", func(p *passwordPolicy) store.Key { return store.K(p.Account) })

// Symbols that a password policy counts.
const passwordSymbols = "!@#$%^&*()_+-=[]{}|'"

// passwordRules returns what the caller's account demands, with or without a policy of its own.
func (s *Service) passwordRules(call *aws.Call) (*passwordPolicy, error) {
	var p *passwordPolicy
	err := s.DB.View(call, func(tx *store.Tx) (err error) {
		p, err = getPasswordPolicy(tx, call.Account)
		return err
	})
	if p == nil {
		p = &passwordPolicy{MinLength: defaultPasswordLength, Kinds: defaultPasswordKinds}
	}
	return p, err
}

// getPasswordPolicy returns an account's own policy, or nil.
func getPasswordPolicy(tx *store.Tx, account string) (*passwordPolicy, error) {
	p, err := passwordPolicies.Get(tx, store.K(account))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return p, err
}

// check tells what is wrong with a password.
func (p *passwordPolicy) check(password string) error {
	violation := func(format string, args ...any) error {
		return api.NewPasswordPolicyViolationException(format, args...)
	}
	if len([]rune(password)) < int(p.MinLength) {
		return violation("Password should have a minimum length of %d", p.MinLength)
	}
	kinds := 0
	for _, kind := range []struct {
		required bool
		name     string
		is       func(r rune) bool
	}{
		{p.Symbols, "symbol", func(r rune) bool { return strings.ContainsRune(passwordSymbols, r) }},
		{p.Numbers, "number", func(r rune) bool { return r >= '0' && r <= '9' }},
		{p.Uppers, "uppercase letter", func(r rune) bool { return r >= 'A' && r <= 'Z' }},
		{p.Lowers, "lowercase letter", func(r rune) bool { return r >= 'a' && r <= 'z' }},
	} {
		switch {
		case strings.ContainsFunc(password, kind.is):
			kinds++
		case kind.required:
			return violation("Password should have at least one %s", kind.name)
		}
	}
	if kinds < p.Kinds {
		return violation("Password does not conform to the account password policy.")
	}
	return nil
}

func noPasswordPolicy(call *aws.Call) error {
	return api.NewNoSuchEntityException("The Password Policy with domain name %s cannot be found.", call.Account)
}

// updateAccountPasswordPolicy replaces the policy; what is not given gets its default.
func (s *Service) updateAccountPasswordPolicy(call *aws.Call, in *api.UpdateAccountPasswordPolicyInput) (*api.UpdateAccountPasswordPolicyOutput, error) {
	is := func(b *bool) bool { return b != nil && *b }
	number := func(n *int32, otherwise int32) int32 {
		if n == nil {
			return otherwise
		}
		return *n
	}
	p := &passwordPolicy{
		Account: call.Account, MinLength: number(in.MinimumPasswordLength, policyPasswordLength),
		Symbols: is(in.RequireSymbols), Numbers: is(in.RequireNumbers), Uppers: is(in.RequireUppercaseCharacters),
		Lowers: is(in.RequireLowercaseCharacters), SelfService: is(in.AllowUsersToChangePassword),
		MaxAge: number(in.MaxPasswordAge, 0), Reuse: number(in.PasswordReusePrevention, 0), HardExpiry: in.HardExpiry,
	}
	if err := s.DB.Update(call, func(tx *store.Tx) error { return passwordPolicies.Put(tx, p) }); err != nil {
		return nil, err
	}
	return &api.UpdateAccountPasswordPolicyOutput{}, nil
}

func (s *Service) getAccountPasswordPolicy(call *aws.Call, _ *api.GetAccountPasswordPolicyInput) (*api.GetAccountPasswordPolicyOutput, error) {
	var p *passwordPolicy
	err := s.DB.View(call, func(tx *store.Tx) (err error) {
		p, err = getPasswordPolicy(tx, call.Account)
		return err
	})
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, noPasswordPolicy(call)
	}
	shown := api.PasswordPolicy{
		MinimumPasswordLength: &p.MinLength, RequireSymbols: &p.Symbols, RequireNumbers: &p.Numbers,
		RequireUppercaseCharacters: &p.Uppers, RequireLowercaseCharacters: &p.Lowers, AllowUsersToChangePassword: &p.SelfService,
		ExpirePasswords: new(p.MaxAge > 0), HardExpiry: p.HardExpiry,
	}
	if p.MaxAge > 0 {
		shown.MaxPasswordAge = &p.MaxAge
	}
	if p.Reuse > 0 {
		shown.PasswordReusePrevention = &p.Reuse
	}
	return &api.GetAccountPasswordPolicyOutput{PasswordPolicy: shown}, nil
}

func (s *Service) deleteAccountPasswordPolicy(call *aws.Call, _ *api.DeleteAccountPasswordPolicyInput) (*api.DeleteAccountPasswordPolicyOutput, error) {
	err := s.DB.Update(call, func(tx *store.Tx) error {
		existed, err := passwordPolicies.Delete(tx, store.K(call.Account))
		if err == nil && !existed {
			err = noPasswordPolicy(call)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteAccountPasswordPolicyOutput{}, nil
}
