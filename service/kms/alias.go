package kms

import (
	"errors"
	"iter"
	"strings"
	"time"

	api "drydock/api/kms"
	"drydock/aws"
	"drydock/store"
)

// aliasPrefix begins every alias, managedPrefix those of AWS.
const (
	aliasPrefix   = "alias/"
	managedPrefix = "alias/aws/"
)

// alias is another name of a key.
type alias struct {
	Account, Region, Name string // Name with its prefix
	Key                   string
	Created, Updated      time.Time
}

var (
	aliasesByKey = store.NewIndex("key", func(a *alias) []store.Key { return []store.Key{store.K(a.Account, a.Region, a.Key)} })
	aliases      = store.NewTable("kms/alias", func(a *alias) store.Key { return store.K(a.Account, a.Region, a.Name) }, aliasesByKey)
)

func aliasARN(region, account, name string) string {
	return aws.ARN{Partition: aws.PartitionOf(region), Service: "kms", Region: region, Account: account, Resource: name}.String()
}

func (a *alias) arn() string { return aliasARN(a.Region, a.Account, a.Name) }

// checkAlias refuses what is no alias that a user may have.
func checkAlias(name string) error {
	switch {
	case !strings.HasPrefix(name, aliasPrefix) || name == aliasPrefix:
		return validation(`Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html`)
	case strings.HasPrefix(name, managedPrefix):
		return aws.NewError(400, "NotAuthorizedException", "%s", "")
	case strings.Contains(name[len(aliasPrefix):], ":"):
		return api.NewInvalidAliasNameException("%s contains invalid characters for an alias", name)
	}
	return nil
}

// getAlias returns the caller's alias.
func getAlias(tx *store.Tx, call *aws.Call, name string) (*alias, error) {
	a, err := aliases.Get(tx, store.K(call.Account, call.Region, name))
	if errors.Is(err, store.ErrNotFound) {
		return nil, api.NewNotFoundException("Alias %s is not found.", aliasARN(call.Region, call.Account, name))
	}
	return a, err
}

// createAlias names a key.
func (s *Service) createAlias(call *aws.Call, in *api.CreateAliasInput) (*api.CreateAliasOutput, error) {
	if err := checkAlias(in.AliasName); err != nil {
		return nil, err
	}
	a := &alias{Account: call.Account, Region: call.Region, Name: in.AliasName, Created: call.Now(), Updated: call.Now()}
	return done[api.CreateAliasOutput](s.DB.Update(call, func(tx *store.Tx) error {
		k, err := manage(tx, call, in.TargetKeyID, false)
		if err != nil {
			return err
		}
		if err := k.notPending(); err != nil {
			return err
		}
		exists, err := aliases.Has(tx, aliases.Key(a))
		if err != nil {
			return err
		}
		if exists {
			return api.NewAlreadyExistsException("An alias with the name %s already exists", a.arn())
		}
		count := 0
		for _, err := range aliasesByKey.Scan(tx, store.Range{Prefix: store.K(k.Account, k.Region, k.ID)}) {
			if err != nil {
				return err
			}
			if count++; count == maxAliases {
				return api.NewLimitExceededException("The key %s has %d aliases, which is the most it can have.", k.arn(), maxAliases)
			}
		}
		a.Key = k.ID
		return aliases.Put(tx, a)
	}))
}

// updateAlias has an alias name another key of the same kind.
func (s *Service) updateAlias(call *aws.Call, in *api.UpdateAliasInput) (*api.UpdateAliasOutput, error) {
	if err := checkAlias(in.AliasName); err != nil {
		return nil, err
	}
	// The present key has to agree as well, which its alias alone names.
	if err := s.allowPresent(call, in.AliasName, "kms:UpdateAlias"); err != nil {
		return nil, err
	}
	now := call.Now()
	return done[api.UpdateAliasOutput](s.DB.Update(call, func(tx *store.Tx) error {
		a, err := getAlias(tx, call, in.AliasName)
		if err != nil {
			return err
		}
		k, err := manage(tx, call, in.TargetKeyID, false)
		if err != nil {
			return err
		}
		if err := k.notPending(); err != nil {
			return err
		}
		was, err := find(tx, keyRef{Account: a.Account, Region: a.Region, ID: a.Key})
		if err != nil {
			return err
		}
		if was != nil && (was.Usage != k.Usage || was.asymmetric() != k.asymmetric()) {
			return validation("The current and new keys of an alias must be of the same type and have the same key usage.")
		}
		a.Key, a.Updated = k.ID, now
		return aliases.Put(tx, a)
	}))
}

// deleteAlias takes a name from its key.
func (s *Service) deleteAlias(call *aws.Call, in *api.DeleteAliasInput) (*api.DeleteAliasOutput, error) {
	if err := checkAlias(in.AliasName); err != nil {
		return nil, err
	}
	if err := s.allowPresent(call, in.AliasName, "kms:DeleteAlias"); err != nil {
		return nil, err
	}
	return done[api.DeleteAliasOutput](s.DB.Update(call, func(tx *store.Tx) error {
		a, err := getAlias(tx, call, in.AliasName)
		if err != nil {
			return err
		}
		_, err = aliases.Delete(tx, aliases.Key(a))
		return err
	}))
}

// allowPresent asks whether the caller may do something to the key that an alias names now.
func (s *Service) allowPresent(call *aws.Call, name, action string) error {
	k, err := s.load(call, keyRef{Account: call.Account, Region: call.Region, Alias: name})
	if err != nil || k == nil {
		return err
	}
	return s.allow(call, k, "", request{action: action})
}

// listAliases lists the aliases of the account and region, or of a key. Among the former are those of AWS managed keys that
// nobody has used yet: they name no key.
func (s *Service) listAliases(call *aws.Call, in *api.ListAliasesInput) (*api.ListAliasesOutput, error) {
	page, err := newPage(in.Limit, 50, in.Marker)
	if err != nil {
		return nil, err
	}
	out := &api.ListAliasesOutput{Aliases: []api.AliasListEntry{}}
	var predefined []string
	if in.KeyID == nil {
		predefined = managedAliases()
	}
	// take adds an alias, behind the predefined ones that come before it.
	take := func(a *alias) bool {
		for len(predefined) > 0 && (a == nil || predefined[0] <= a.Name) {
			name := predefined[0]
			predefined = predefined[1:]
			if name <= page.after || a != nil && name == a.Name {
				continue
			}
			if !page.take(name) {
				return false
			}
			out.Aliases = append(out.Aliases, api.AliasListEntry{AliasName: &name, AliasARN: new(aliasARN(call.Region, call.Account, name))})
		}
		if a == nil || !page.take(a.Name) {
			return false
		}
		out.Aliases = append(out.Aliases, a.entry())
		return true
	}
	err = s.DB.View(call, func(tx *store.Tx) error {
		rows, err := aliasRows(tx, call, in.KeyID, page.after)
		if err != nil {
			return err
		}
		for a, err := range rows {
			if err != nil {
				return err
			}
			if !take(a) {
				return nil
			}
		}
		take(nil)
		return nil
	})
	out.NextMarker, out.Truncated = page.next()
	return out, err
}

// aliasRows returns the caller's aliases behind a name: all, or those of a key.
func aliasRows(tx *store.Tx, call *aws.Call, id *string, after string) (iter.Seq2[*alias, error], error) {
	last := &alias{Account: call.Account, Region: call.Region, Name: after}
	r := store.Range{Prefix: store.K(call.Account, call.Region)}
	if id == nil {
		if after != "" {
			r.After = aliases.Key(last)
		}
		return aliases.Scan(tx, r), nil
	}
	k, err := manage(tx, call, *id, false)
	if err != nil {
		return nil, err
	}
	if r.Prefix = r.Prefix.With(k.ID); after != "" {
		r.After = aliasesByKey.Entry(last, r.Prefix)
	}
	return aliasesByKey.Scan(tx, r), nil
}

// entry shows the alias.
func (a *alias) entry() api.AliasListEntry {
	return api.AliasListEntry{
		AliasName: &a.Name, AliasARN: new(a.arn()), TargetKeyID: &a.Key, CreationDate: &a.Created, LastUpdatedDate: &a.Updated,
	}
}
