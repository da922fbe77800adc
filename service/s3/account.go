package s3

import (
	"errors"

	control "drydock/api/s3control"
	"drydock/aws"
	"drydock/store"
)

// accountBlock is what public access to an account's buckets is blocked, whatever they say themselves.
type accountBlock struct {
	Partition, Account string
	Block              publicAccess
}

var accountBlocks = store.NewTable("s3/account", func(a *accountBlock) store.Key { return store.K(a.Partition, a.Account) })

// blocked returns what a bucket's own block, its account's and that of others on the way block together.
func blocked(tx *store.Tx, partition, account string, own ...publicAccess) (publicAccess, error) {
	a, err := accountBlocks.Get(tx, store.K(partition, account))
	switch {
	case err == nil:
		own = append(own, a.Block)
	case !errors.Is(err, store.ErrNotFound):
		return publicAccess{}, err
	}
	var all publicAccess
	for _, p := range own {
		all.BlockACLs, all.IgnoreACLs = all.BlockACLs || p.BlockACLs, all.IgnoreACLs || p.IgnoreACLs
		all.BlockPolicy, all.Restrict = all.BlockPolicy || p.BlockPolicy, all.Restrict || p.Restrict
	}
	return all, nil
}

// ownAccount refuses what names another account than the caller's.
func ownAccount(call *aws.Call, account string) error {
	if account != call.Account {
		return accessDenied()
	}
	return nil
}

func blockOf(c *control.PublicAccessBlockConfiguration) publicAccess {
	if c == nil {
		return publicAccess{true, true, true, true, true}
	}
	on := func(p *bool) bool { return p != nil && *p }
	return publicAccess{on(c.BlockPublicACLs), on(c.IgnorePublicACLs), on(c.BlockPublicPolicy), on(c.RestrictPublicBuckets), true}
}

func (p publicAccess) shown() *control.PublicAccessBlockConfiguration {
	return &control.PublicAccessBlockConfiguration{
		BlockPublicACLs: &p.BlockACLs, IgnorePublicACLs: &p.IgnoreACLs, BlockPublicPolicy: &p.BlockPolicy, RestrictPublicBuckets: &p.Restrict,
	}
}

// putAccountBlock sets what public access to all of an account's buckets is blocked.
func (s *Service) putAccountBlock(call *aws.Call, in *control.PutPublicAccessBlockInput) (*control.PutPublicAccessBlockOutput, error) {
	if err := ownAccount(call, in.AccountID); err != nil {
		return nil, err
	}
	row := &accountBlock{call.Partition, call.Account, blockOf(&in.PublicAccessBlockConfiguration)}
	return &control.PutPublicAccessBlockOutput{}, s.DB.Update(call, func(tx *store.Tx) error { return accountBlocks.Put(tx, row) })
}

// getAccountBlock shows what public access to all of an account's buckets is blocked.
func (s *Service) getAccountBlock(call *aws.Call, in *control.GetPublicAccessBlockInput) (*control.GetPublicAccessBlockOutput, error) {
	if err := ownAccount(call, in.AccountID); err != nil {
		return nil, err
	}
	var row *accountBlock
	err := s.DB.View(call, func(tx *store.Tx) (err error) {
		row, err = accountBlocks.Get(tx, store.K(call.Partition, call.Account))
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, control.NewNoSuchPublicAccessBlockConfiguration("The public access block configuration was not found").With("AccountId", call.Account)
	}
	if err != nil {
		return nil, err
	}
	return &control.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: row.Block.shown()}, nil
}

// deleteAccountBlock leaves public access to the buckets.
func (s *Service) deleteAccountBlock(call *aws.Call, in *control.DeletePublicAccessBlockInput) (*control.DeletePublicAccessBlockOutput, error) {
	if err := ownAccount(call, in.AccountID); err != nil {
		return nil, err
	}
	return &control.DeletePublicAccessBlockOutput{}, s.DB.Update(call, func(tx *store.Tx) error {
		_, err := accountBlocks.Delete(tx, store.K(call.Partition, call.Account))
		return err
	})
}
