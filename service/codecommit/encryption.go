package codecommit

import (
	"errors"
	"fmt"
	"net/http"

	api "drydock/api/codecommit"
	"drydock/api/kms"
	"drydock/aws"
	"drydock/blob/seal"
	"drydock/store"
)

// A repository's files are sealed under a data key, which a KMS key encrypts: every request that uses the files has KMS
// decrypt it, so a KMS key that is disabled, or that the caller may not use, keeps the caller out at once. What the service
// does of its own accord, such as packing files and following pull requests, it does with a copy of the data key that the
// root key of the data directory wraps.

// managedKey is the AWS managed key of CodeCommit, used where nobody names a key.
const managedKey = "alias/aws/codecommit"

// encryption is how a repository is encrypted.
type encryption struct {
	// KMSKey is the ARN of the KMS key, DataKey the data key as KMS encrypted it, OwnKey as the root key wrapped it.
	KMSKey          string
	DataKey, OwnKey []byte
	// Managed tells that the KMS key is the AWS managed one.
	Managed bool
}

// encryptionContext binds a data key to its repository.
func (r *repository) encryptionContext() map[string]string {
	return map[string]string{"aws:codecommit:id": r.ID}
}

// viaCodeCommit is the caller's call to KMS through CodeCommit.
func viaCodeCommit(call *aws.Call, row *repository) *aws.Call {
	via := call.As(call.Principal).In(row.Region)
	via.Request.ViaService = servicePrincipal
	return via
}

// newDataKey has KMS make the data key of a new repository.
func (s *Service) newDataKey(call *aws.Call, row *repository, keyID string) error {
	if keyID == "" {
		keyID = managedKey
	}
	out, err := kms.GenerateDataKey.Do(viaCodeCommit(call, row), &kms.GenerateDataKeyInput{
		KeyID: keyID, KeySpec: new(kms.DataKeySpecAes256), EncryptionContext: row.encryptionContext(),
	})
	if err != nil {
		return keyError(err, keyID)
	}
	row.Encryption = encryption{
		KMSKey: deref(out.KeyID), DataKey: out.CiphertextBlob, OwnKey: s.Keys.Wrap(out.Plaintext, []byte(row.ID)),
		Managed: keyID == managedKey,
	}
	return nil
}

// errPlain is for a repository of a version of drydock that did not encrypt, as long as no caller has used it: a caller's
// first use encrypts it.
var errPlain = errors.New("the repository is not encrypted yet")

// encrypt gives a repository of an earlier version a data key. Others have one.
func (s *Service) encrypt(call *aws.Call, row *repository) error {
	if row.Encryption.DataKey != nil {
		return nil
	}
	if err := s.newDataKey(call, row, ""); err != nil {
		return err
	}
	return s.DB.Update(call, func(tx *store.Tx) error {
		now, err := repositoriesByID.First(tx, store.K(row.ID))
		if errors.Is(err, store.ErrNotFound) {
			return noRepository(row.Name)
		}
		if err != nil {
			return err
		}
		if now.Encryption.DataKey != nil { // another caller was faster
			row.Encryption = now.Encryption
			return nil
		}
		now.Encryption = row.Encryption
		return repositories.Put(tx, now)
	})
}

// dataKey has KMS decrypt a repository's data key, as the caller.
func (s *Service) dataKey(call *aws.Call, row *repository) (*seal.RootKey, error) {
	if err := s.encrypt(call, row); err != nil {
		return nil, err
	}
	e := row.Encryption
	out, err := kms.Decrypt.Do(viaCodeCommit(call, row), &kms.DecryptInput{
		CiphertextBlob: e.DataKey, EncryptionContext: row.encryptionContext(), KeyID: &e.KMSKey,
	})
	if err != nil {
		return nil, keyError(err, e.KMSKey)
	}
	return seal.NewRootKey(out.Plaintext)
}

// ownKey is a repository's data key for what the service does of its own accord.
func (s *Service) ownKey(row *repository) (*seal.RootKey, error) {
	if row.Encryption.OwnKey == nil {
		return nil, fmt.Errorf("repository %s: %w", row.ID, errPlain)
	}
	key, err := s.Keys.Unwrap(row.Encryption.OwnKey, []byte(row.ID))
	if err != nil {
		return nil, fmt.Errorf("data key of repository %s: %w", row.ID, err)
	}
	return seal.NewRootKey(key)
}

// keyError words a refusal of KMS as CodeCommit does.
func keyError(err error, keyID string) error {
	var e *aws.Error
	switch {
	case !errors.As(err, &e) || e.Status >= http.StatusInternalServerError:
		return err
	case aws.IsError(err, "AccessDeniedException", "AccessDenied"):
		return api.NewEncryptionKeyAccessDeniedException("The KMS encryption key %s is not accessible: %s", keyID, e.Message).WithCause(err)
	case aws.IsError(err, "NotFoundException"):
		return api.NewEncryptionKeyNotFoundException("The KMS encryption key %s was not found: %s", keyID, e.Message).WithCause(err)
	case aws.IsError(err, "DisabledException"):
		return api.NewEncryptionKeyDisabledException("The KMS encryption key %s is disabled: %s", keyID, e.Message).WithCause(err)
	case aws.IsError(err, "KMSInvalidStateException"):
		return api.NewEncryptionKeyUnavailableException("The KMS encryption key %s is not available: %s", keyID, e.Message).WithCause(err)
	case aws.IsError(err, "InvalidKeyUsageException", "UnsupportedOperationException"):
		return api.NewEncryptionKeyInvalidUsageException("The KMS encryption key %s cannot be used for the repository: %s", keyID, e.Message).WithCause(err)
	case aws.IsError(err, "InvalidCiphertextException", "IncorrectKeyException"):
		return api.NewEncryptionIntegrityChecksFailedException("The encryption integrity check of the repository failed: %s", e.Message).WithCause(err)
	case aws.IsError(err, "InvalidArnException", "ValidationException"):
		return api.NewEncryptionKeyInvalidIDException("The KMS encryption key ID %s is not valid: %s", keyID, e.Message).WithCause(err)
	}
	return api.NewEncryptionKeyUnavailableException("The KMS encryption key %s is not available: %s", keyID, e.Message).WithCause(err)
}

// updateRepositoryEncryptionKey has another KMS key encrypt a repository's data key from now on. The caller must be able to
// use both keys.
func (s *Service) updateRepositoryEncryptionKey(call *aws.Call, in *api.UpdateRepositoryEncryptionKeyInput) (*api.UpdateRepositoryEncryptionKeyOutput, error) {
	if err := checkRepositoryName(in.RepositoryName); err != nil {
		return nil, err
	}
	if in.KMSKeyID == "" {
		return nil, api.NewEncryptionKeyRequiredException("A KMS encryption key is required, but no KMS encryption key was specified.")
	}
	row, err := s.row(call, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	if err := s.encrypt(call, row); err != nil {
		return nil, err
	}
	plain, err := kms.Decrypt.Do(viaCodeCommit(call, row), &kms.DecryptInput{
		CiphertextBlob: row.Encryption.DataKey, EncryptionContext: row.encryptionContext(), KeyID: &row.Encryption.KMSKey,
	})
	if err != nil {
		return nil, keyError(err, row.Encryption.KMSKey)
	}
	sealed, err := kms.Encrypt.Do(viaCodeCommit(call, row), &kms.EncryptInput{
		KeyID: in.KMSKeyID, Plaintext: plain.Plaintext, EncryptionContext: row.encryptionContext(),
	})
	if err != nil {
		return nil, keyError(err, in.KMSKeyID)
	}
	out := &api.UpdateRepositoryEncryptionKeyOutput{RepositoryID: &row.ID, KMSKeyID: sealed.KeyID}
	err = s.DB.Update(call, func(tx *store.Tx) error {
		now, err := getRow(tx, call, in.RepositoryName)
		if err != nil {
			return err
		}
		if now.ID != row.ID { // deleted and created anew
			return noRepository(in.RepositoryName)
		}
		out.OriginalKMSKeyID = new(now.Encryption.KMSKey)
		e := &now.Encryption
		e.KMSKey, e.DataKey, e.Managed, now.Modified = deref(sealed.KeyID), sealed.CiphertextBlob, in.KMSKeyID == managedKey, call.Now()
		return repositories.Put(tx, now)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
