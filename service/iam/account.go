package iam

import (
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
	mark := call.NewUUID()
	return s.DB.Update(call, func(tx *store.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return generations.Put(tx, &generation{Account: call.Account, Mark: mark})
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
		other, err := accountsByAlias.First(tx, store.K(in.AccountAlias))
		switch {
		case err == nil && other.Account != call.Account:
			return api.NewEntityAlreadyExistsException("The account alias %s already exists.", in.AccountAlias)
		case err != nil && !errors.Is(err, store.ErrNotFound):
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
	var versions, rootKeys int32
	err := s.DB.View(call, func(tx *store.Tx) (err error) {
		if a, err = getAccount(tx, call.Account); err != nil {
			return err
		}
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
		api.SummaryKeyTypeAccessKeysPerUserQuota: maxKeysPerUser, api.SummaryKeyTypeSigningCertificatesPerUserQuota: 2,
		api.SummaryKeyTypeServerCertificates: 0, api.SummaryKeyTypeServerCertificatesQuota: 20,
		api.SummaryKeyTypeMFADevices: 0, api.SummaryKeyTypeMFADevicesInUse: 0, api.SummaryKeyTypeAccountMFAEnabled: 0,
		api.SummaryKeyTypeAccountPasswordPresent: 0, api.SummaryKeyTypeAccountSigningCertificatesPresent: 0,
		api.SummaryKeyTypeAccountAccessKeysPresent: rootKeys, api.SummaryKeyTypeProviders: 0,
		api.SummaryKeyTypeGlobalEndpointTokenVersion: 1,
	}}, nil
}
