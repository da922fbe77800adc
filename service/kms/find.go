package kms

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"strings"

	api "drydock/api/kms"
	"drydock/aws"
	"drydock/store"
)

// keyRef is what a request names a key by: an id or an alias, of an account in the call's region.
type keyRef struct{ Account, Region, ID, Alias string }

// keyID matches the ids of keys.
var keyID = regexp.MustCompile(`^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32})$`)

// parseRef reads a key's id, ARN, alias or alias ARN.
func parseRef(call *aws.Call, id string) (keyRef, error) {
	ref := keyRef{Account: call.Account, Region: call.Region}
	name := id
	if strings.HasPrefix(id, "arn:") {
		arn, err := aws.ParseARN(id)
		if err != nil || arn.Service != "kms" || !aws.ValidAccount(arn.Account) {
			return ref, api.NewInvalidARNException("Invalid arn %s", id)
		}
		if arn.Region != call.Region {
			return ref, api.NewNotFoundException("Invalid arn %s", arn.Region)
		}
		ref.Account = arn.Account
		var isKey bool
		if name, isKey = strings.CutPrefix(arn.Resource, "key/"); !isKey && !strings.HasPrefix(name, aliasPrefix) {
			return ref, api.NewInvalidARNException("Invalid arn %s", id)
		}
	}
	switch {
	case strings.HasPrefix(name, aliasPrefix):
		ref.Alias = name
	case keyID.MatchString(name):
		ref.ID = name
	default:
		return ref, api.NewNotFoundException("Invalid keyId '%s'", name)
	}
	return ref, nil
}

// arn names what the reference names.
func (r keyRef) arn() string {
	if r.Alias != "" {
		return aliasARN(r.Region, r.Account, r.Alias)
	}
	return keyARN(r.Region, r.Account, r.ID)
}

// missing is the error when there is no such key.
func (r keyRef) missing() error {
	if r.Alias != "" {
		return api.NewNotFoundException("Alias %s is not found.", r.arn())
	}
	return api.NewNotFoundException("Key '%s' does not exist", r.arn())
}

// find returns the key behind a reference, or nil.
func find(tx *store.Tx, ref keyRef) (*key, error) {
	if ref.Alias != "" {
		a, err := aliases.Get(tx, store.K(ref.Account, ref.Region, ref.Alias))
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		ref.ID = a.Key
	}
	k, err := keys.Get(tx, store.K(ref.Account, ref.Region, ref.ID))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return k, err
}

// request is what a caller asks of a key.
type request struct {
	// id is how it names the key.
	id string
	// action is the permission it takes.
	action string
	// context is the encryption context, algorithm the one of the operation, tokens the grant tokens.
	context   map[string]string
	algorithm string
	tokens    []string
	// keys are further condition keys.
	keys map[string][]string
}

// use returns the key that a request names, once the caller is known to be allowed the action on it. It creates an AWS
// managed key that is used for the first time.
func (s *Service) use(call *aws.Call, r request) (*key, error) {
	ref, err := parseRef(call, r.id)
	if err != nil {
		return nil, err
	}
	if err := s.checkTokens(r.tokens); err != nil {
		return nil, err
	}
	k, err := s.load(call, ref)
	if err == nil && k == nil && ref.Account == call.Account && s.mayCreate(call, ref.Alias) {
		k, err = s.createManaged(call, ref.Alias)
	}
	if err != nil {
		return nil, err
	}
	if k == nil {
		// Who may not use keys learns nothing of which there are.
		if err := call.Cloud.Authorize(call, aws.Check{Action: r.action, Resource: ref.arn()}); err != nil {
			return nil, err
		}
		return nil, ref.missing()
	}
	return k, s.allow(call, k, ref.Alias, r)
}

// load reads the key behind a reference; nil when there is none.
func (s *Service) load(call *aws.Call, ref keyRef) (k *key, err error) {
	err = s.DB.View(call, func(tx *store.Tx) error {
		k, err = find(tx, ref)
		return err
	})
	return k, err
}

// allow asks whether the caller may do what it asks of a key that it named by an alias, or not.
func (s *Service) allow(call *aws.Call, k *key, alias string, r request) error {
	check := aws.Check{Action: r.action, Resource: k.arn(), Keys: map[string][]string{}}
	maps.Copy(check.Keys, r.keys)
	for name, value := range r.context {
		check.Keys["kms:EncryptionContext:"+name] = []string{value}
		check.Keys["kms:EncryptionContextKeys"] = append(check.Keys["kms:EncryptionContextKeys"], name)
	}
	if r.algorithm != "" {
		check.Keys["kms:EncryptionAlgorithm"] = []string{r.algorithm}
	}
	if alias != "" {
		check.Keys["kms:RequestAlias"] = []string{alias}
	}
	return call.Cloud.Authorize(call.With(context.WithValue(call, heldKey{}, &held{key: k, context: r.context})), check)
}

// heldKey is the context key under which a call carries the key that its handler has read, so that facts need not read it
// again.
type heldKey struct{}

// held is a key, and the encryption context of the request, which grants may constrain.
type held struct {
	key     *key
	context map[string]string
	// ungranted leaves grants out of the question.
	ungranted bool
}

// manage returns a key by id or ARN, not by alias, for an operation that the gateway has allowed. Only some operations
// reach keys of other accounts.
func manage(tx *store.Tx, call *aws.Call, id string, foreign bool) (*key, error) {
	ref, err := parseRef(call, id)
	if err != nil {
		return nil, err
	}
	if ref.Alias != "" {
		return nil, noAlias(id)
	}
	if ref.Account != call.Account && !foreign {
		return nil, aws.NewError(400, "AccessDeniedException", "User: %s is not authorized to perform: kms:%s on resource: %s",
			call.Principal.ARN, call.Operation.Name, ref.arn())
	}
	k, err := find(tx, ref)
	if err == nil && k == nil {
		err = ref.missing()
	}
	return k, err
}

// noAlias refuses an alias where a key is named by id or ARN only.
func noAlias(id string) error {
	if strings.HasPrefix(id, "arn:") {
		return api.NewInvalidARNException("Key Aliases are not supported for this operation.")
	}
	return api.NewNotFoundException("Invalid keyId '%s'", id)
}

// read returns a key for an operation that only looks at it.
func (s *Service) read(call *aws.Call, id string, foreign bool) (k *key, err error) {
	err = s.DB.View(call, func(tx *store.Tx) error {
		k, err = manage(tx, call, id, foreign)
		return err
	})
	return k, err
}

// change has a function change a key, and stores it.
func (s *Service) change(call *aws.Call, id string, fn func(tx *store.Tx, k *key) error) error {
	return s.DB.Update(call, func(tx *store.Tx) error {
		k, err := manage(tx, call, id, false)
		if err != nil {
			return err
		}
		if err := fn(tx, k); err != nil {
			return err
		}
		return keys.Put(tx, k)
	})
}

// done is the result of an operation that returns nothing.
func done[Out any](err error) (*Out, error) {
	if err != nil {
		return nil, err
	}
	return new(Out), nil
}

// dryRun ends a request that asks only whether it would succeed.
func dryRun(dry *bool) error {
	if dry == nil || !*dry {
		return nil
	}
	return api.NewDryRunOperationException("The request would have succeeded, but the DryRun option is set.")
}

// validation is the error for an input that the model admits and KMS does not.
func validation(format string, args ...any) error {
	return aws.NewError(400, "ValidationException", format, args...)
}

// notImplemented refuses an input that asks for what is not there, as the gateway refuses whole operations.
func notImplemented(message string) error { return aws.NewError(501, "NotImplemented", "%s", message) }
