package iam_test

import (
	"bytes"
	"encoding/base32"
	"errors"
	"fmt"
	"image/png"
	"strings"
	"testing"
	"time"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/lang/totp"
	"drydock/service"
	"drydock/service/servicetest"
)

// device is a virtual MFA device as an app has it.
type device struct {
	serial string
	seed   []byte
}

func newDevice(t testing.TB, call *aws.Call, name string) *device {
	t.Helper()
	d := do(t, api.CreateVirtualMFADevice, call, &api.CreateVirtualMFADeviceInput{VirtualMFADeviceName: name, Tags: []api.Tag{{Key: "a", Value: "1"}}}).VirtualMFADevice
	seed, err := base32.StdEncoding.DecodeString(string(d.Base32StringSeed))
	if err != nil || len(d.Base32StringSeed) != 64 {
		t.Fatalf("seed %s, %v", d.Base32StringSeed, err)
	}
	if image, err := png.Decode(bytes.NewReader(d.QRCodePNG)); err != nil || image.Bounds().Dx() < 100 {
		t.Errorf("code %v", err)
	}
	return &device{d.SerialNumber, seed}
}

// code is what the device shows at a time.
func (d *device) code(at time.Time) string { return totp.Code(d.seed, totp.Counter(at)) }

// enable gives the device to a user.
func (d *device) enable(call *aws.Call, user string, at time.Time) error {
	return second(api.EnableMFADevice.Do(call, &api.EnableMFADeviceInput{
		UserName: user, SerialNumber: d.serial, AuthenticationCode1: d.code(at.Add(-totp.Step)), AuthenticationCode2: d.code(at),
	}))
}

func TestMFADevice_IsEnabledByTwoCodesThatFollowEachOther(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	createUser(t, call, "u")
	createUser(t, call, "v")
	d := newDevice(t, call, "d")
	if d.serial != "arn:aws:iam::111122223333:mfa/d" {
		t.Errorf("serial number %s", d.serial)
	}
	refuse(t, api.CreateVirtualMFADevice, call, &api.CreateVirtualMFADeviceInput{VirtualMFADeviceName: "D"}, "EntityAlreadyExists",
		"MFADevice entity at the same path and name already exists.")
	now := c.Clock.Now()
	wrong := &api.EnableMFADeviceInput{UserName: "u", SerialNumber: d.serial, AuthenticationCode1: d.code(now), AuthenticationCode2: d.code(now)}
	refuse(t, api.EnableMFADevice, call, wrong, "InvalidAuthenticationCode", "")
	wrong.AuthenticationCode2 = d.code(now.Add(-totp.Step))
	refuse(t, api.EnableMFADevice, call, wrong, "InvalidAuthenticationCode", "")
	if err := d.enable(call, "u", now.Add(-time.Hour)); !aws.IsError(err, "InvalidAuthenticationCode") {
		t.Errorf("codes of an hour ago: %v", err)
	}
	if err := d.enable(call, "u", now); err != nil {
		t.Fatal(err)
	}
	if err := d.enable(call, "v", now); !aws.IsError(err, "EntityAlreadyExists") {
		t.Errorf("enabled twice: %v", err)
	}
	l := do(t, api.ListMFADevices, call, &api.ListMFADevicesInput{UserName: new("u")}).MFADevices
	if len(l) != 1 || l[0].SerialNumber != d.serial || l[0].UserName != "u" || !l[0].EnableDate.Equal(now) {
		t.Errorf("devices %+v", l)
	}
	got := do(t, api.GetMFADevice, call, &api.GetMFADeviceInput{SerialNumber: d.serial, UserName: new("u")})
	if *got.UserName != "u" || !got.EnableDate.Equal(now) {
		t.Errorf("device %+v", got)
	}
	refuse(t, api.GetMFADevice, call, &api.GetMFADeviceInput{SerialNumber: d.serial, UserName: new("v")}, "NoSuchEntity", "")
	refuse(t, api.DeleteUser, call, &api.DeleteUserInput{UserName: "u"}, "DeleteConflict", "Cannot delete entity, must delete MFA device first.")
	refuse(t, api.DeleteVirtualMFADevice, call, &api.DeleteVirtualMFADeviceInput{SerialNumber: d.serial}, "DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.")
	refuse(t, api.DeactivateMFADevice, call, &api.DeactivateMFADeviceInput{UserName: new("v"), SerialNumber: d.serial}, "NoSuchEntity", "")
	do(t, api.DeactivateMFADevice, call, &api.DeactivateMFADeviceInput{UserName: new("u"), SerialNumber: d.serial})
	do(t, api.DeleteVirtualMFADevice, call, &api.DeleteVirtualMFADeviceInput{SerialNumber: d.serial})
	refuse(t, api.DeleteVirtualMFADevice, call, &api.DeleteVirtualMFADeviceInput{SerialNumber: d.serial}, "NoSuchEntity",
		"VirtualMFADevice with serial number "+d.serial+" doesn't exist.")
}

func TestVirtualMFADevice_HasASerialNumberThatOperationsAccept(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	longest := strings.Repeat("a", 256-len("arn:aws:iam::111122223333:mfa/"))
	made, err := api.CreateVirtualMFADevice.Do(call, &api.CreateVirtualMFADeviceInput{VirtualMFADeviceName: longest})
	if err != nil || len(made.VirtualMFADevice.SerialNumber) != 256 {
		t.Fatal(made, err)
	}
	refuse(t, api.CreateVirtualMFADevice, call, &api.CreateVirtualMFADeviceInput{VirtualMFADeviceName: longest + "a"}, "ValidationError", "")
}

func TestMFADevices_AreListedByAssignment(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	createUser(t, call, "u")
	var devices []*device
	for i := range 9 {
		devices = append(devices, newDevice(t, call, fmt.Sprintf("d%d", i)))
	}
	for i, d := range devices {
		err := d.enable(call, "u", c.Clock.Now())
		if i < 8 && err != nil || i == 8 && !aws.IsError(err, "LimitExceeded") {
			t.Errorf("device %d: %v", i, err)
		}
	}
	do(t, api.DeactivateMFADevice, call, &api.DeactivateMFADeviceInput{UserName: new("u"), SerialNumber: devices[0].serial})
	for status, want := range map[api.AssignmentStatusType]string{"Assigned": "1234567", "Unassigned": "08", "Any": "012345678"} {
		got := ""
		in := &api.ListVirtualMFADevicesInput{AssignmentStatus: &status, MaxItems: new(int32(3))}
		for more := true; more; more = in.Marker != nil {
			out := do(t, api.ListVirtualMFADevices, call, in)
			for _, d := range out.VirtualMFADevices {
				got += d.SerialNumber[len(d.SerialNumber)-1:]
				if (d.User != nil) != (d.EnableDate != nil) || d.Base32StringSeed != nil || d.User != nil && d.User.UserName != "u" {
					t.Errorf("device %+v", d)
				}
			}
			in.Marker = out.Marker
		}
		if got != want {
			t.Errorf("%s: %s, want %s", status, got, want)
		}
	}
	if s := do(t, api.GetAccountSummary, call, &api.GetAccountSummaryInput{}).SummaryMap; s["MFADevices"] != 9 || s["MFADevicesInUse"] != 7 {
		t.Errorf("summary %v", s)
	}
}

func TestSecondFactor_CountsOnceAndForItsUser(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	u, v := createUser(t, call, "u"), createUser(t, call, "v")
	d := newDevice(t, call, "d")
	if err := d.enable(call, "u", c.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	user := func(u api.User) *aws.Principal {
		return &aws.Principal{Type: aws.PrincipalUser, Account: servicetest.Account, ARN: u.ARN, ID: u.UserID, Name: u.UserName}
	}
	try := func(p *aws.Principal, serial, code string) bool {
		t.Helper()
		err := vault(t, c).SecondFactor(t.Context(), p, serial, code)
		if err != nil && !errors.Is(err, service.ErrSecondFactor) && !errors.Is(err, service.ErrMFADevice) {
			t.Error(err)
		}
		return err == nil
	}
	if try(user(u), d.serial, d.code(c.Clock.Now())) {
		t.Error("the code that enabled the device counts again")
	}
	c.Advance(t, time.Minute)
	now := c.Clock.Now()
	if try(user(v), d.serial, d.code(now)) || try(user(u), d.serial, "000000") || try(user(u), d.serial+"x", d.code(now)) || try(user(u), d.serial, d.code(now.Add(-time.Hour))) {
		t.Error("a wrong code, device or user counts")
	}
	if !try(user(u), d.serial, d.code(now)) || try(user(u), d.serial, d.code(now)) {
		t.Error("a code does not count exactly once")
	}
	// A device whose clock is wrong by an hour is brought into step.
	c.Advance(t, time.Minute)
	late := c.Clock.Now().Add(time.Hour)
	sync := &api.ResyncMFADeviceInput{UserName: "u", SerialNumber: d.serial, AuthenticationCode1: d.code(late.Add(-totp.Step)), AuthenticationCode2: d.code(late)}
	refuse(t, api.ResyncMFADevice, call, &api.ResyncMFADeviceInput{
		UserName: "u", SerialNumber: d.serial, AuthenticationCode1: sync.AuthenticationCode1, AuthenticationCode2: sync.AuthenticationCode1,
	}, "InvalidAuthenticationCode", "")
	refuse(t, api.ResyncMFADevice, call, &api.ResyncMFADeviceInput{
		UserName: "v", SerialNumber: d.serial, AuthenticationCode1: sync.AuthenticationCode1, AuthenticationCode2: sync.AuthenticationCode2,
	}, "NoSuchEntity", "")
	do(t, api.ResyncMFADevice, call, sync)
	c.Advance(t, time.Minute)
	if !try(user(u), d.serial, d.code(c.Clock.Now().Add(time.Hour))) {
		t.Error("the device is not in step")
	}
}

func TestSecondFactor_IsNotFoundByTrying(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	u := createUser(t, call, "u")
	d := newDevice(t, call, "d")
	if err := d.enable(call, "u", c.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	c.Advance(t, time.Minute)
	p := &aws.Principal{Type: aws.PrincipalUser, Account: servicetest.Account, ARN: u.ARN, ID: u.UserID, Name: u.UserName}
	try := func(code string) error { return vault(t, c).SecondFactor(t.Context(), p, d.serial, code) }
	for range 10 {
		if err := try("wrong!"); !errors.Is(err, service.ErrSecondFactor) {
			t.Fatal(err)
		}
	}
	if err := try(d.code(c.Clock.Now())); !errors.Is(err, service.ErrSecondFactor) {
		t.Errorf("the right code after many wrong ones: %v", err)
	}
	c.Advance(t, totp.Step)
	if err := try(d.code(c.Clock.Now())); err != nil {
		t.Errorf("in the next step: %v", err)
	}
}

func TestTags_OfEveryNoun(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	serial := newDevice(t, call, "d").serial
	do(t, api.UntagMFADevice, call, &api.UntagMFADeviceInput{SerialNumber: serial, TagKeys: []string{"A"}})
	upload(t, call, "c")
	provider := *do(t, api.CreateOpenIDConnectProvider, call, &api.CreateOpenIDConnectProviderInput{URL: "https://idp.example.com", ThumbprintList: []string{someThumbprint}}).OpenIDConnectProviderARN
	saml := *do(t, api.CreateSAMLProvider, call, &api.CreateSAMLProviderInput{Name: "s", SAMLMetadataDocument: metadata(t)}).SAMLProviderARN
	createRole(t, call, "r", trustEC2)
	createUser(t, call, "u")
	managed := createPolicy(t, call, "p")
	do(t, api.CreateInstanceProfile, call, &api.CreateInstanceProfileInput{InstanceProfileName: "i"})
	tags := []api.Tag{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}, {Key: "c", Value: "3"}}
	keys := []string{"b", "none"}
	type page struct {
		tags   []api.Tag
		marker *string
	}
	for name, noun := range map[string]struct {
		tag, untag func() error
		list       func(marker *string) page
	}{
		"mfa device": {
			func() error {
				return second(api.TagMFADevice.Do(call, &api.TagMFADeviceInput{SerialNumber: serial, Tags: tags}))
			},
			func() error {
				return second(api.UntagMFADevice.Do(call, &api.UntagMFADeviceInput{SerialNumber: serial, TagKeys: keys}))
			},
			func(m *string) page {
				o := do(t, api.ListMFADeviceTags, call, &api.ListMFADeviceTagsInput{SerialNumber: serial, Marker: m, MaxItems: new(int32(1))})
				return page{o.Tags, o.Marker}
			},
		},
		"server certificate": {
			func() error {
				return second(api.TagServerCertificate.Do(call, &api.TagServerCertificateInput{ServerCertificateName: "c", Tags: tags}))
			},
			func() error {
				return second(api.UntagServerCertificate.Do(call, &api.UntagServerCertificateInput{ServerCertificateName: "c", TagKeys: keys}))
			},
			func(m *string) page {
				o := do(t, api.ListServerCertificateTags, call, &api.ListServerCertificateTagsInput{ServerCertificateName: "c", Marker: m, MaxItems: new(int32(1))})
				return page{o.Tags, o.Marker}
			},
		},
		"oidc provider": {
			func() error {
				return second(api.TagOpenIDConnectProvider.Do(call, &api.TagOpenIDConnectProviderInput{OpenIDConnectProviderARN: provider, Tags: tags}))
			},
			func() error {
				return second(api.UntagOpenIDConnectProvider.Do(call, &api.UntagOpenIDConnectProviderInput{OpenIDConnectProviderARN: provider, TagKeys: keys}))
			},
			func(m *string) page {
				o := do(t, api.ListOpenIDConnectProviderTags, call, &api.ListOpenIDConnectProviderTagsInput{OpenIDConnectProviderARN: provider, Marker: m, MaxItems: new(int32(1))})
				return page{o.Tags, o.Marker}
			},
		},
		"saml provider": {
			func() error {
				return second(api.TagSAMLProvider.Do(call, &api.TagSAMLProviderInput{SAMLProviderARN: saml, Tags: tags}))
			},
			func() error {
				return second(api.UntagSAMLProvider.Do(call, &api.UntagSAMLProviderInput{SAMLProviderARN: saml, TagKeys: keys}))
			},
			func(m *string) page {
				o := do(t, api.ListSAMLProviderTags, call, &api.ListSAMLProviderTagsInput{SAMLProviderARN: saml, Marker: m, MaxItems: new(int32(1))})
				return page{o.Tags, o.Marker}
			},
		},
		"role": {
			func() error { return second(api.TagRole.Do(call, &api.TagRoleInput{RoleName: "r", Tags: tags})) },
			func() error { return second(api.UntagRole.Do(call, &api.UntagRoleInput{RoleName: "r", TagKeys: keys})) },
			func(m *string) page {
				o := do(t, api.ListRoleTags, call, &api.ListRoleTagsInput{RoleName: "r", Marker: m, MaxItems: new(int32(1))})
				return page{o.Tags, o.Marker}
			},
		},
		"user": {
			func() error { return second(api.TagUser.Do(call, &api.TagUserInput{UserName: "u", Tags: tags})) },
			func() error { return second(api.UntagUser.Do(call, &api.UntagUserInput{UserName: "u", TagKeys: keys})) },
			func(m *string) page {
				o := do(t, api.ListUserTags, call, &api.ListUserTagsInput{UserName: "u", Marker: m, MaxItems: new(int32(1))})
				return page{o.Tags, o.Marker}
			},
		},
		"policy": {
			func() error {
				return second(api.TagPolicy.Do(call, &api.TagPolicyInput{PolicyARN: managed, Tags: tags}))
			},
			func() error {
				return second(api.UntagPolicy.Do(call, &api.UntagPolicyInput{PolicyARN: managed, TagKeys: keys}))
			},
			func(m *string) page {
				o := do(t, api.ListPolicyTags, call, &api.ListPolicyTagsInput{PolicyARN: managed, Marker: m, MaxItems: new(int32(1))})
				return page{o.Tags, o.Marker}
			},
		},
		"instance profile": {
			func() error {
				return second(api.TagInstanceProfile.Do(call, &api.TagInstanceProfileInput{InstanceProfileName: "i", Tags: tags}))
			},
			func() error {
				return second(api.UntagInstanceProfile.Do(call, &api.UntagInstanceProfileInput{InstanceProfileName: "i", TagKeys: keys}))
			},
			func(m *string) page {
				o := do(t, api.ListInstanceProfileTags, call, &api.ListInstanceProfileTagsInput{InstanceProfileName: "i", Marker: m, MaxItems: new(int32(1))})
				return page{o.Tags, o.Marker}
			},
		},
	} {
		if err := errors.Join(noun.tag(), noun.untag()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		first := noun.list(nil)
		rest := noun.list(first.marker)
		if got := fmt.Sprint(first.tags, rest.tags); got != "[{a 1}] [{c 3}]" || rest.marker != nil {
			t.Errorf("%s: %s", name, got)
		}
	}
}
