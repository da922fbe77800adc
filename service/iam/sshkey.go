package iam

import (
	"bytes"
	"context"
	"crypto/md5" // the API's fingerprints are MD5
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"strings"
	"time"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/policy"
	"drydock/store"
)

// sshKey is the public half of a key with which a user may open CodeCommit's repositories over SSH.
type sshKey struct {
	ID, Account, UserID string
	Blob                []byte // as in the SSH protocol
	Active              bool
	Uploaded            time.Time
}

var (
	sshKeysByUser = store.NewIndex("user", func(k *sshKey) []store.Key { return []store.Key{store.K(k.UserID)} })
	sshKeys       = store.NewTable("iam/sshkey", func(k *sshKey) store.Key { return store.K(k.ID) }, sshKeysByUser)
)

const (
	sshRSA        = "ssh-rsa"
	minSSHKeyBits = 2048
	maxSSHKeyBits = 16384
)

// parseSSHKey reads an RSA public key as ssh-keygen writes it, or in PEM, and returns it as in the SSH protocol.
func parseSSHKey(text string) ([]byte, error) {
	text = strings.TrimSpace(text)
	var key *rsa.PublicKey
	if block, _ := pem.Decode([]byte(text)); block != nil {
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			parsed, err = x509.ParsePKCS1PublicKey(block.Bytes)
		}
		var ok bool
		if key, ok = parsed.(*rsa.PublicKey); err != nil || !ok {
			return nil, api.NewInvalidPublicKeyException("Invalid public key.")
		}
	} else {
		fields := strings.Fields(text)
		if len(fields) < 2 || fields[0] != sshRSA {
			return nil, api.NewInvalidPublicKeyException("Invalid public key. Only RSA keys are supported.")
		}
		blob, err := base64.StdEncoding.DecodeString(fields[1])
		if err != nil {
			return nil, api.NewInvalidPublicKeyException("Invalid public key.")
		}
		if key = readSSHBlob(blob); key == nil {
			return nil, api.NewInvalidPublicKeyException("Invalid public key.")
		}
	}
	if bits := key.N.BitLen(); bits < minSSHKeyBits || bits > maxSSHKeyBits {
		return nil, api.NewInvalidPublicKeyException("Length of public key is invalid: it must be from %d to %d bits.", minSSHKeyBits, maxSSHKeyBits)
	}
	return sshBlob(key), nil
}

// sshBlob is a key as the SSH protocol has it: RFC 4253, section 6.6.
func sshBlob(key *rsa.PublicKey) []byte {
	var b []byte
	for _, part := range [][]byte{[]byte(sshRSA), sshInt(big.NewInt(int64(key.E))), sshInt(key.N)} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return b
}

// sshInt is a positive integer in the SSH protocol's two's complement.
func sshInt(n *big.Int) []byte {
	b := n.Bytes()
	if len(b) > 0 && b[0]&0x80 != 0 {
		b = slices.Insert(b, 0, 0)
	}
	return b
}

// readSSHBlob is sshBlob's inverse; nil for what is not an RSA key.
func readSSHBlob(b []byte) *rsa.PublicKey {
	var parts [][]byte
	for range 3 {
		if len(b) < 4 {
			return nil
		}
		n := binary.BigEndian.Uint32(b)
		if uint64(n) > uint64(len(b)-4) {
			return nil
		}
		parts, b = append(parts, b[4:4+n]), b[4+n:]
	}
	e := new(big.Int).SetBytes(parts[1])
	if len(b) > 0 || string(parts[0]) != sshRSA || !e.IsInt64() || e.Int64() < 3 || e.Int64() > 1<<31-1 {
		return nil
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(parts[2]), E: int(e.Int64())}
}

// fingerprint is the MD5 of the key's blob, as the API shows it.
func (k *sshKey) fingerprint() string {
	sum := md5.Sum(k.Blob) // the API's fingerprints are MD5
	var parts []string
	for _, b := range sum {
		parts = append(parts, hex.EncodeToString([]byte{b}))
	}
	return strings.Join(parts, ":")
}

// body is the key in an encoding.
func (k *sshKey) body(encoding api.EncodingType) (string, error) {
	if encoding == api.EncodingTypeSSH {
		return sshRSA + " " + base64.StdEncoding.EncodeToString(k.Blob), nil
	}
	der, err := x509.MarshalPKIXPublicKey(readSSHBlob(k.Blob))
	if err != nil {
		return "", errors.New("the stored SSH key is damaged")
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}

func (k *sshKey) shown(user string, encoding api.EncodingType) (*api.SSHPublicKey, error) {
	body, err := k.body(encoding)
	return &api.SSHPublicKey{
		UserName: user, SSHPublicKeyID: k.ID, Fingerprint: k.fingerprint(), SSHPublicKeyBody: body, Status: shownStatus(k.Active), UploadDate: &k.Uploaded,
	}, err
}

// userSSHKeys returns a user's keys in the order in which they were uploaded.
func userSSHKeys(tx *store.Tx, userID string) ([]*sshKey, error) {
	var found []*sshKey
	for k, err := range sshKeysByUser.Scan(tx, store.Range{Prefix: store.K(userID)}) {
		if err != nil {
			return nil, err
		}
		found = append(found, k)
	}
	slices.SortStableFunc(found, func(a, b *sshKey) int { return a.Uploaded.Compare(b.Uploaded) })
	return found, nil
}

func (s *Service) uploadSSHPublicKey(call *aws.Call, in *api.UploadSSHPublicKeyInput) (*api.UploadSSHPublicKeyOutput, error) {
	blob, err := parseSSHKey(in.SSHPublicKeyBody)
	if err != nil {
		return nil, err
	}
	k := &sshKey{ID: call.NewID("APKA", 17), Account: call.Account, Blob: blob, Active: true, Uploaded: call.Now().Truncate(time.Second)}
	var user string
	err = s.update(call, func(tx *store.Tx) error {
		e, err := getEntity(tx, call.Account, userKind, in.UserName)
		if err != nil {
			return err
		}
		have, err := userSSHKeys(tx, e.ID)
		if err != nil {
			return err
		}
		k.UserID, user = e.ID, e.Name
		if slices.ContainsFunc(have, func(o *sshKey) bool { return bytes.Equal(o.Blob, k.Blob) }) {
			return api.NewDuplicateSSHPublicKeyException("The SSH public key is already associated with the user %s.", e.Name)
		}
		if len(have) >= maxSSHKeys {
			return api.NewLimitExceededException("Cannot exceed quota for SSHPublicKeysPerUser: %d", maxSSHKeys)
		}
		return sshKeys.Put(tx, k)
	})
	if err != nil {
		return nil, err
	}
	shown, err := k.shown(user, api.EncodingTypeSSH)
	return &api.UploadSSHPublicKeyOutput{SSHPublicKey: shown}, err
}

// userSSHKey returns a user with one of its keys.
func userSSHKey(tx *store.Tx, account, user, id string) (*entity, *sshKey, error) {
	e, err := getEntity(tx, account, userKind, user)
	if err != nil {
		return nil, nil, err
	}
	k, err := sshKeys.Get(tx, store.K(id))
	if errors.Is(err, store.ErrNotFound) || err == nil && k.UserID != e.ID {
		return nil, nil, api.NewNoSuchEntityException("The Public Key with id %s cannot be found.", id)
	}
	return e, k, err
}

func (s *Service) getSSHPublicKey(call *aws.Call, in *api.GetSSHPublicKeyInput) (*api.GetSSHPublicKeyOutput, error) {
	if in.Encoding != api.EncodingTypeSSH && in.Encoding != api.EncodingTypePem {
		return nil, api.NewUnrecognizedPublicKeyEncodingException("The encoding %s is not supported.", in.Encoding)
	}
	out := &api.GetSSHPublicKeyOutput{}
	err := s.DB.View(call, func(tx *store.Tx) error {
		e, k, err := userSSHKey(tx, call.Account, in.UserName, in.SSHPublicKeyID)
		if err != nil {
			return err
		}
		out.SSHPublicKey, err = k.shown(e.Name, in.Encoding)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Service) listSSHPublicKeys(call *aws.Call, in *api.ListSSHPublicKeysInput) (*api.ListSSHPublicKeysOutput, error) {
	p, err := newPage(in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	name, err := ownUser(call, in.UserName)
	if err != nil {
		return nil, err
	}
	var found []*sshKey
	err = s.DB.View(call, func(tx *store.Tx) error {
		id, err := userID(tx, call.Account, name)
		if err != nil || id == "" {
			return err
		}
		found, err = userSSHKeys(tx, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	l := cut(p, found, func(k *sshKey) string { return k.Uploaded.Format(time.RFC3339) + k.ID })
	out := &api.ListSSHPublicKeysOutput{SSHPublicKeys: []api.SSHPublicKeyMetadata{}, IsTruncated: l.truncated(), Marker: l.marker}
	for _, k := range l.items {
		out.SSHPublicKeys = append(out.SSHPublicKeys, api.SSHPublicKeyMetadata{
			UserName: name, SSHPublicKeyID: k.ID, Status: shownStatus(k.Active), UploadDate: k.Uploaded,
		})
	}
	return out, nil
}

func (s *Service) updateSSHPublicKey(call *aws.Call, in *api.UpdateSSHPublicKeyInput) (*api.UpdateSSHPublicKeyOutput, error) {
	err := s.update(call, func(tx *store.Tx) error {
		_, k, err := userSSHKey(tx, call.Account, in.UserName, in.SSHPublicKeyID)
		if err != nil {
			return err
		}
		k.Active = in.Status == api.StatusTypeActive
		return sshKeys.Put(tx, k)
	})
	return &api.UpdateSSHPublicKeyOutput{}, err
}

func (s *Service) deleteSSHPublicKey(call *aws.Call, in *api.DeleteSSHPublicKeyInput) (*api.DeleteSSHPublicKeyOutput, error) {
	err := s.update(call, func(tx *store.Tx) error {
		_, k, err := userSSHKey(tx, call.Account, in.UserName, in.SSHPublicKeyID)
		if err != nil {
			return err
		}
		_, err = sshKeys.Delete(tx, sshKeys.Key(k))
		return err
	})
	return &api.DeleteSSHPublicKeyOutput{}, err
}

// SSHKey finds the user behind an SSH key: see policy.SSHIdentity.
func (s *Service) SSHKey(ctx context.Context, id string) (key policy.SSHKey, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		k, err := sshKeys.Get(tx, store.K(id))
		if errors.Is(err, store.ErrNotFound) || err == nil && !k.Active {
			return policy.ErrUnknownKey
		}
		if err != nil {
			return err
		}
		e, err := entityByID(tx, k.UserID)
		if err != nil {
			return err
		}
		if e == nil {
			return policy.ErrUnknownKey
		}
		key = policy.SSHKey{Blob: k.Blob, Principal: e.principal()}
		return nil
	})
	return key, err
}
