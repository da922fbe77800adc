package iam

import (
	"context"
	"errors"
	"fmt"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/store"
)

// account is what an account has as a whole: how many of each, and its alias.
type account struct {
	Account                                  string
	Users, Groups, Roles, Policies, Profiles int32
	Alias                                    string
	// TokenVersion is that of the session tokens of the global endpoint, 0 where none was chosen.
	TokenVersion int32
}

var (
	accountsByAlias = store.NewIndex("alias", func(a *account) []store.Key {
		if a.Alias == "" {
			return nil
		}
		return []store.Key{store.K(a.Alias)}
	})
	accounts = store.NewTable("iam/account", func(a *account) store.Key { return store.K(a.Account) }, accountsByAlias)
)

// generation marks the state of everything that an account's identities may do. Each change writes a new mark.
type generation struct{ Account, Mark string }

var generations = store.NewTable("iam/generation", func(g *generation) store.Key { return store.K(g.Account) })

// update runs fn in a transaction that also marks the caller's account as changed. The mark is written without being
// read, so that it makes no two changes conflict.
func (s *Service) update(call *aws.Call, fn func(tx *store.Tx) error) error {
	return s.updateAccount(call, call.Account, fn)
}

// updateAccount is update for work that no call asked for.
func (s *Service) updateAccount(ctx context.Context, account string, fn func(tx *store.Tx) error) error {
	mark := aws.NewUUID(s.Random)
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return generations.Put(tx, &generation{Account: account, Mark: mark})
	})
}

// getAccount returns the account's row, a new one if there is none yet.
func getAccount(tx *store.Tx, id string) (*account, error) {
	a, err := accounts.Get(tx, store.K(id))
	if errors.Is(err, store.ErrNotFound) {
		return &account{Account: id}, nil
	}
	return a, err
}

// count adds n to one of the account's numbers, within its quota.
func count(tx *store.Tx, id string, n int32, field func(*account) *int32, quota int32, name string) error {
	a, err := getAccount(tx, id)
	if err != nil {
		return err
	}
	f := field(a)
	if n > 0 && *f+n > quota {
		return api.NewLimitExceededException("Cannot exceed quota for %s: %d", name, quota)
	}
	*f = max(0, *f+n)
	return accounts.Put(tx, a)
}

func (s *Service) createAccountAlias(call *aws.Call, in *api.CreateAccountAliasInput) (*api.CreateAccountAliasOutput, error) {
	err := s.DB.Update(call, func(tx *store.Tx) error {
		switch _, err := accountsByAlias.First(tx, store.K(in.AccountAlias)); {
		case err == nil: // the caller's own, too
			return api.NewEntityAlreadyExistsException("The account alias %s already exists.", in.AccountAlias)
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		a, err := getAccount(tx, call.Account)
		if err != nil {
			return err
		}
		a.Alias = in.AccountAlias
		return accounts.Put(tx, a)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateAccountAliasOutput{}, nil
}

func (s *Service) listAccountAliases(call *aws.Call, _ *api.ListAccountAliasesInput) (*api.ListAccountAliasesOutput, error) {
	out := &api.ListAccountAliasesOutput{AccountAliases: []string{}, IsTruncated: new(false)}
	err := s.DB.View(call, func(tx *store.Tx) error {
		a, err := getAccount(tx, call.Account)
		if err == nil && a.Alias != "" {
			out.AccountAliases = append(out.AccountAliases, a.Alias)
		}
		return err
	})
	return out, err
}

func (s *Service) deleteAccountAlias(call *aws.Call, in *api.DeleteAccountAliasInput) (*api.DeleteAccountAliasOutput, error) {
	err := s.DB.Update(call, func(tx *store.Tx) error {
		a, err := getAccount(tx, call.Account)
		if err != nil {
			return err
		}
		if a.Alias != in.AccountAlias {
			return api.NewNoSuchEntityException("The account alias with name %s cannot be found.", in.AccountAlias)
		}
		a.Alias = ""
		return accounts.Put(tx, a)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteAccountAliasOutput{}, nil
}

// getAccountSummary tells what the account has and may have.
func (s *Service) getAccountSummary(call *aws.Call, _ *api.GetAccountSummaryInput) (*api.GetAccountSummaryOutput, error) {
	var a *account
	var versions, rootKeys, rootCertificates int32
	var n tally
	err := s.DB.View(call, func(tx *store.Tx) (err error) {
		if a, err = getAccount(tx, call.Account); err != nil {
			return err
		}
		if n, err = tallied(tx, call.Account); err != nil {
			return err
		}
		certificates, err := userSigning(tx, call.Account, "")
		if err != nil {
			return err
		}
		rootCertificates = int32(min(len(certificates), 1))
		for p, err := range policies.Scan(tx, store.Range{Prefix: store.K(call.Account)}) {
			if err != nil {
				return fmt.Errorf("count policy versions: %w", err)
			}
			versions += int32(len(p.Versions))
		}
		keys, err := userKeys(tx, call.Account, "")
		if len(keys) > 0 {
			rootKeys = 1
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.GetAccountSummaryOutput{SummaryMap: map[api.SummaryKeyType]int32{
		api.SummaryKeyTypeUsers: a.Users, api.SummaryKeyTypeUsersQuota: maxUsers,
		api.SummaryKeyTypeGroups: a.Groups, api.SummaryKeyTypeGroupsQuota: maxGroups,
		api.SummaryKeyTypeRoles: a.Roles, api.SummaryKeyTypeRolesQuota: maxRoles,
		api.SummaryKeyTypePolicies: a.Policies, api.SummaryKeyTypePoliciesQuota: maxPolicies,
		api.SummaryKeyTypeInstanceProfiles: a.Profiles, api.SummaryKeyTypeInstanceProfilesQuota: maxInstanceProfiles,
		api.SummaryKeyTypePolicyVersionsInUse: versions, api.SummaryKeyTypePolicyVersionsInUseQuota: 10000,
		api.SummaryKeyTypeUserPolicySizeQuota: maxUserInlineSize, api.SummaryKeyTypeGroupPolicySizeQuota: maxGroupInlineSize,
		api.SummaryKeyTypeRolePolicySizeQuota: maxRoleInlineSize, api.SummaryKeyTypePolicySizeQuota: maxPolicySize,
		api.SummaryKeyTypeAssumeRolePolicySizeQuota: maxTrustPolicySize, api.SummaryKeyTypeGroupsPerUserQuota: maxGroupsPerUser,
		api.SummaryKeyTypeAttachedPoliciesPerUserQuota: maxAttached, api.SummaryKeyTypeAttachedPoliciesPerGroupQuota: maxAttached,
		api.SummaryKeyTypeAttachedPoliciesPerRoleQuota: maxAttached, api.SummaryKeyTypeVersionsPerPolicyQuota: maxVersions,
		api.SummaryKeyTypeAccessKeysPerUserQuota: maxKeysPerUser, api.SummaryKeyTypeSigningCertificatesPerUserQuota: maxSigningCertificates,
		api.SummaryKeyTypeServerCertificates: n.certificates, api.SummaryKeyTypeServerCertificatesQuota: maxServerCertificates,
		api.SummaryKeyTypeMFADevices: n.devices, api.SummaryKeyTypeMFADevicesInUse: n.enabled, api.SummaryKeyTypeAccountMFAEnabled: 0,
		api.SummaryKeyTypeAccountPasswordPresent: 0, api.SummaryKeyTypeAccountSigningCertificatesPresent: rootCertificates,
		api.SummaryKeyTypeAccountAccessKeysPresent: rootKeys, api.SummaryKeyTypeProviders: n.providers,
		api.SummaryKeyTypeGlobalEndpointTokenVersion: max(a.TokenVersion, 1),
	}}, nil
}

// tally counts what an account has of the things whose numbers are not kept.
type tally struct{ certificates, devices, enabled, providers int32 }

func tallied(tx *store.Tx, account string) (n tally, err error) {
	all := store.Range{Prefix: store.K(account)}
	for _, err := range serverCertificates.Scan(tx, all) {
		if err != nil {
			return n, err
		}
		n.certificates++
	}
	for d, err := range mfaDevices.Scan(tx, all) {
		if err != nil {
			return n, err
		}
		n.devices++
		if d.UserID != "" {
			n.enabled++
		}
	}
	for _, err := range samlProviders.Scan(tx, all) {
		if err != nil {
			return n, err
		}
		n.providers++
	}
	for _, err := range oidcProviders.Scan(tx, all) {
		if err != nil {
			return n, err
		}
		n.providers++
	}
	return n, nil
}

// setSecurityTokenServicePreferences chooses what the tokens of the global endpoint are valid for. All regions of this cloud
// take both kinds.
func (s *Service) setSecurityTokenServicePreferences(call *aws.Call, in *api.SetSecurityTokenServicePreferencesInput) (*api.SetSecurityTokenServicePreferencesOutput, error) {
	version := int32(1)
	if in.GlobalEndpointTokenVersion == api.GlobalEndpointTokenVersionV2Token {
		version = 2
	}
	err := s.DB.Update(call, func(tx *store.Tx) error {
		a, err := getAccount(tx, call.Account)
		if err != nil {
			return err
		}
		a.TokenVersion = version
		return accounts.Put(tx, a)
	})
	if err != nil {
		return nil, err
	}
	return &api.SetSecurityTokenServicePreferencesOutput{}, nil
}
