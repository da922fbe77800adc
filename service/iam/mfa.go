package iam

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"rsc.io/qr"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/lang/totp"
	"drydock/service"
	"drydock/store"
)

// mfaDevice is a virtual device that shows one-time passwords, such as an app on a phone.
type mfaDevice struct {
	Account, Partition string
	Name, Path         string
	// Nonce is what the sealed seed is bound to: a device made anew under an old name has another one.
	Nonce   string
	Sealed  []byte
	Created time.Time
	Tags    map[string]string
	// UserID is the user that the device is enabled for; empty: it is not assigned.
	UserID  string
	Enabled time.Time
	// Drift is by how many steps the device's clock is ahead of the cloud's, Last the step of the last code accepted.
	Drift, Last int64
	// Wrong counts the codes that were refused in the step Tried, so that nobody finds one by trying them all.
	Wrong int   `cbor:",omitempty"`
	Tried int64 `cbor:",omitempty"`
}

var (
	mfaByUser = store.NewIndex("user", func(d *mfaDevice) []store.Key {
		if d.UserID == "" {
			return nil
		}
		return []store.Key{store.K(d.UserID)}
	})
	mfaDevices = store.NewTable("iam/mfadevice", func(d *mfaDevice) store.Key { return store.K(d.Account, fold(d.Path+d.Name)) }, mfaByUser)
)

const (
	// seedBytes make a seed of 64 characters in base 32.
	seedBytes = 40
	// A code counts one step before and after its own; when a device is enabled or brought back into step it may be
	// further off.
	mfaWindow      = 1
	mfaSyncWindow  = 20
	mfaResyncSteps = 2880 // a day
	// maxWrongCodes is how many codes are refused within one step before the right one is, too. Three codes of a million
	// count at any time, so whoever has a user's keys would need weeks to find one.
	maxWrongCodes = 10
)

func (d *mfaDevice) serial() string {
	return aws.ARN{Partition: d.Partition, Service: "iam", Account: d.Account, Resource: "mfa" + d.Path + d.Name}.String()
}

func (d *mfaDevice) sealContext() []byte { return []byte("iam mfa device " + d.Nonce) }

// seed is the secret that the device shares with the cloud.
func (s *Service) seed(d *mfaDevice) ([]byte, error) {
	seed, err := s.Keys.Unwrap(d.Sealed, d.sealContext())
	if err != nil {
		return nil, fmt.Errorf("unseal the seed of %s: %w", d.serial(), err)
	}
	return seed, nil
}

// getMFADevice returns the device with a serial number.
func getMFADevice(tx *store.Tx, account, serial string) (*mfaDevice, error) {
	missing := api.NewNoSuchEntityException("VirtualMFADevice with serial number %s doesn't exist.", serial)
	a, ok := parseARN(serial)
	if !ok || a.Account != account {
		return nil, missing
	}
	d, err := mfaDevices.Get(tx, store.K(account, fold(strings.TrimPrefix(a.Resource, "mfa"))))
	if errors.Is(err, store.ErrNotFound) || err == nil && d.serial() != serial {
		return nil, missing
	}
	return d, err
}

// userDevices returns a user's devices in the order in which they were enabled.
func userDevices(tx *store.Tx, userID string) ([]*mfaDevice, error) {
	var found []*mfaDevice
	for d, err := range mfaByUser.Scan(tx, store.Range{Prefix: store.K(userID)}) {
		if err != nil {
			return nil, err
		}
		found = append(found, d)
	}
	slices.SortStableFunc(found, func(a, b *mfaDevice) int { return a.Enabled.Compare(b.Enabled) })
	return found, nil
}

// createVirtualMFADevice makes a device and tells its seed, as text and as a code for a camera.
func (s *Service) createVirtualMFADevice(call *aws.Call, in *api.CreateVirtualMFADeviceInput) (*api.CreateVirtualMFADeviceOutput, error) {
	tags, err := mergeTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	seed := make([]byte, seedBytes)
	if _, err := io.ReadFull(s.Random, seed); err != nil {
		return nil, fmt.Errorf("make a seed: %w", err)
	}
	d := &mfaDevice{
		Account: call.Account, Partition: call.Partition, Name: in.VirtualMFADeviceName, Path: pathOr(in.Path), Nonce: call.NewUUID(),
		Created: call.Now().Truncate(time.Second), Tags: tags,
	}
	if most := max(0, maxSerialLength-len(d.serial())+len(d.Name)); len(d.Name) > most {
		return nil, aws.NewError(400, "ValidationError", "1 validation error detected: Value '%.300s' at 'virtualMFADeviceName' failed to satisfy constraint: "+
			"Member must have length less than or equal to %d", d.Name, most)
	}
	d.Sealed = s.Keys.Wrap(seed, d.sealContext())
	var owner string
	err = s.DB.Update(call, func(tx *store.Tx) error {
		exists, err := mfaDevices.Has(tx, mfaDevices.Key(d))
		if err != nil {
			return err
		}
		if exists {
			return api.NewEntityAlreadyExistsException("MFADevice entity at the same path and name already exists.")
		}
		a, err := getAccount(tx, call.Account)
		if err != nil {
			return err
		}
		if owner = a.Alias; owner == "" {
			owner = call.Account
		}
		return mfaDevices.Put(tx, d)
	})
	if err != nil {
		return nil, err
	}
	text := base32.StdEncoding.EncodeToString(seed)
	link := url.URL{Scheme: "otpauth", Host: "totp", Path: "/Amazon Web Services:" + d.Name + "@" + owner,
		RawQuery: "secret=" + text + "&issuer=Amazon%20Web%20Services"}
	code, err := qr.Encode(link.String(), qr.L)
	if err != nil {
		return nil, fmt.Errorf("draw the code of %s: %w", d.serial(), err)
	}
	return &api.CreateVirtualMFADeviceOutput{VirtualMFADevice: api.VirtualMFADevice{
		SerialNumber: d.serial(), Base32StringSeed: []byte(text), QRCodePNG: code.PNG(), Tags: shownTags(d.Tags),
	}}, nil
}

func (s *Service) listVirtualMFADevices(call *aws.Call, in *api.ListVirtualMFADevicesInput) (*api.ListVirtualMFADevicesOutput, error) {
	p, err := newPage(in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	status := api.AssignmentStatusTypeAny
	if in.AssignmentStatus != nil {
		status = *in.AssignmentStatus
	}
	r := store.Range{Prefix: store.K(call.Account)}
	if p.after != "" {
		r.After = store.K(call.Account, p.after)
	}
	out := &api.ListVirtualMFADevicesOutput{VirtualMFADevices: []api.VirtualMFADevice{}}
	err = s.DB.View(call, func(tx *store.Tx) error {
		l, err := take(p, mfaDevices.Scan(tx, r), func(d *mfaDevice) string { return fold(d.Path + d.Name) }, func(d *mfaDevice) bool {
			return status == api.AssignmentStatusTypeAny || (d.UserID != "") == (status == api.AssignmentStatusTypeAssigned)
		})
		if err != nil {
			return err
		}
		out.IsTruncated, out.Marker = l.truncated(), l.marker
		for _, d := range l.items {
			shown := api.VirtualMFADevice{SerialNumber: d.serial()}
			if d.UserID != "" {
				owner, err := entityByID(tx, d.UserID)
				if err != nil {
					return err
				}
				if owner != nil {
					shown.User = new(owner.listedUser())
				}
				shown.EnableDate = &d.Enabled
			}
			out.VirtualMFADevices = append(out.VirtualMFADevices, shown)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// changeDevice changes one of the caller's devices.
func (s *Service) changeDevice(call *aws.Call, serial string, change func(tx *store.Tx, d *mfaDevice) error) error {
	return s.DB.Update(call, func(tx *store.Tx) error {
		d, err := getMFADevice(tx, call.Account, serial)
		if err != nil {
			return err
		}
		if err := change(tx, d); err != nil {
			return err
		}
		return mfaDevices.Put(tx, d)
	})
}

func (s *Service) deleteVirtualMFADevice(call *aws.Call, in *api.DeleteVirtualMFADeviceInput) (*api.DeleteVirtualMFADeviceOutput, error) {
	err := s.DB.Update(call, func(tx *store.Tx) error {
		d, err := getMFADevice(tx, call.Account, in.SerialNumber)
		if err != nil {
			return err
		}
		if d.UserID != "" {
			return api.NewDeleteConflictException("MFA VirtualDevice in use. Must deactivate first.")
		}
		_, err = mfaDevices.Delete(tx, mfaDevices.Key(d))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteVirtualMFADeviceOutput{}, nil
}

func wrongCode(d *mfaDevice) error {
	return api.NewInvalidAuthenticationCodeException("Authentication code for device %s is not valid.", d.serial())
}

// sync brings a device into step by two codes that follow each other.
func (s *Service) sync(d *mfaDevice, now time.Time, window int64, codes ...string) error {
	seed, err := s.seed(d)
	if err != nil {
		return err
	}
	first, ok := totp.Find(seed, totp.Counter(now)+d.Drift, window, d.Last, codes...)
	if !ok {
		return wrongCode(d)
	}
	d.Last = first + int64(len(codes)) - 1
	// The second code is taken for the one that the device shows now; what the window forgives is no drift.
	if d.Drift = d.Last - totp.Counter(now); d.Drift >= -mfaWindow && d.Drift <= mfaWindow {
		d.Drift = 0
	}
	return nil
}

// enableMFADevice gives a device to a user.
func (s *Service) enableMFADevice(call *aws.Call, in *api.EnableMFADeviceInput) (*api.EnableMFADeviceOutput, error) {
	now := call.Now()
	err := s.changeDevice(call, in.SerialNumber, func(tx *store.Tx, d *mfaDevice) error {
		e, err := getEntity(tx, call.Account, userKind, in.UserName)
		if err != nil {
			return err
		}
		if d.UserID != "" {
			return api.NewEntityAlreadyExistsException("MFA Device is already in use.")
		}
		have, err := userDevices(tx, e.ID)
		if err != nil {
			return err
		}
		if len(have) >= maxMFADevices {
			return api.NewLimitExceededException("Cannot exceed quota for MFADevicesPerUser: %d", maxMFADevices)
		}
		d.UserID, d.Enabled = e.ID, now.Truncate(time.Second)
		return s.sync(d, now, mfaSyncWindow, in.AuthenticationCode1, in.AuthenticationCode2)
	})
	if err != nil {
		return nil, err
	}
	return &api.EnableMFADeviceOutput{}, nil
}

// assigned returns a device of a user.
func assigned(d *mfaDevice, e *entity) error {
	if d.UserID != e.ID {
		return api.NewNoSuchEntityException("MFA Device with serial number %s is not assigned to user %s.", d.serial(), e.Name)
	}
	return nil
}

// resyncMFADevice brings a device back into step whose clock went wrong.
func (s *Service) resyncMFADevice(call *aws.Call, in *api.ResyncMFADeviceInput) (*api.ResyncMFADeviceOutput, error) {
	now := call.Now()
	err := s.changeDevice(call, in.SerialNumber, func(tx *store.Tx, d *mfaDevice) error {
		e, err := getEntity(tx, call.Account, userKind, in.UserName)
		if err != nil {
			return err
		}
		if err := assigned(d, e); err != nil {
			return err
		}
		return s.sync(d, now, mfaResyncSteps, in.AuthenticationCode1, in.AuthenticationCode2)
	})
	if err != nil {
		return nil, err
	}
	return &api.ResyncMFADeviceOutput{}, nil
}

func (s *Service) deactivateMFADevice(call *aws.Call, in *api.DeactivateMFADeviceInput) (*api.DeactivateMFADeviceOutput, error) {
	name, err := loginUser(call, in.UserName)
	if err != nil {
		return nil, err
	}
	err = s.changeDevice(call, in.SerialNumber, func(tx *store.Tx, d *mfaDevice) error {
		e, err := getEntity(tx, call.Account, userKind, name)
		if err != nil {
			return err
		}
		if err := assigned(d, e); err != nil {
			return err
		}
		d.UserID, d.Enabled, d.Drift = "", time.Time{}, 0
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.DeactivateMFADeviceOutput{}, nil
}

func (s *Service) getMFADevice(call *aws.Call, in *api.GetMFADeviceInput) (*api.GetMFADeviceOutput, error) {
	out := &api.GetMFADeviceOutput{SerialNumber: in.SerialNumber}
	err := s.DB.View(call, func(tx *store.Tx) error {
		d, err := getMFADevice(tx, call.Account, in.SerialNumber)
		if err != nil {
			return err
		}
		if in.UserName != nil {
			e, err := getEntity(tx, call.Account, userKind, *in.UserName)
			if err != nil {
				return err
			}
			if err := assigned(d, e); err != nil {
				return err
			}
		}
		owner, err := entityByID(tx, d.UserID)
		if owner != nil {
			out.UserName, out.EnableDate = &owner.Name, &d.Enabled
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Service) listMFADevices(call *aws.Call, in *api.ListMFADevicesInput) (*api.ListMFADevicesOutput, error) {
	p, err := newPage(in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	name, err := ownUser(call, in.UserName)
	if err != nil {
		return nil, err
	}
	var found []*mfaDevice
	err = s.DB.View(call, func(tx *store.Tx) error {
		id, err := userID(tx, call.Account, name)
		if err != nil || id == "" {
			return err
		}
		found, err = userDevices(tx, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	l := cut(p, found, func(d *mfaDevice) string { return d.Enabled.Format(time.RFC3339) + fold(d.Path+d.Name) })
	out := &api.ListMFADevicesOutput{MFADevices: []api.MFADevice{}, IsTruncated: l.truncated(), Marker: l.marker}
	for _, d := range l.items {
		out.MFADevices = append(out.MFADevices, api.MFADevice{UserName: name, SerialNumber: d.serial(), EnableDate: d.Enabled})
	}
	return out, nil
}

func (s *Service) tagMFADevice(call *aws.Call, in *api.TagMFADeviceInput) (*api.TagMFADeviceOutput, error) {
	return &api.TagMFADeviceOutput{}, s.changeDevice(call, in.SerialNumber, func(_ *store.Tx, d *mfaDevice) (err error) {
		d.Tags, err = mergeTags(d.Tags, in.Tags)
		return err
	})
}

func (s *Service) untagMFADevice(call *aws.Call, in *api.UntagMFADeviceInput) (*api.UntagMFADeviceOutput, error) {
	return &api.UntagMFADeviceOutput{}, s.changeDevice(call, in.SerialNumber, func(_ *store.Tx, d *mfaDevice) error {
		dropTags(d.Tags, in.TagKeys)
		return nil
	})
}

func (s *Service) listMFADeviceTags(call *aws.Call, in *api.ListMFADeviceTagsInput) (*api.ListMFADeviceTagsOutput, error) {
	var d *mfaDevice
	err := s.DB.View(call, func(tx *store.Tx) (err error) {
		d, err = getMFADevice(tx, call.Account, in.SerialNumber)
		return err
	})
	if err != nil {
		return nil, err
	}
	l, err := pageTags(d.Tags, in.Marker, in.MaxItems)
	return &api.ListMFADeviceTagsOutput{Tags: l.items, IsTruncated: l.truncated(), Marker: l.marker}, err
}

// SecondFactor accepts a code of one of a user's devices, once: see service.Vault.
func (s *Service) SecondFactor(ctx context.Context, p *aws.Principal, serial, code string) error {
	now := s.Clock.Now()
	accepted := false
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		accepted = false
		d, err := getMFADevice(tx, p.Account, serial)
		if aws.IsError(err, "NoSuchEntity") || err == nil && (p.Type != aws.PrincipalUser || d.UserID == "" || d.UserID != entityID(p)) {
			return service.ErrMFADevice
		}
		if err != nil {
			return err
		}
		seed, err := s.seed(d)
		if err != nil {
			return err
		}
		if step := totp.Counter(now); d.Tried != step {
			d.Tried, d.Wrong = step, 0
		}
		if d.Wrong >= maxWrongCodes {
			return nil
		}
		at, ok := totp.Find(seed, totp.Counter(now)+d.Drift, mfaWindow, d.Last, code)
		if accepted = ok; ok {
			d.Last = at
		} else {
			d.Wrong++
		}
		return mfaDevices.Put(tx, d)
	})
	if err == nil && !accepted {
		err = service.ErrSecondFactor
	}
	return err
}
