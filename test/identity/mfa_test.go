package identity

import (
	"encoding/base32"
	"testing"
	"time"

	"drydock/api/iam"
	api "drydock/api/sts"
	"drydock/aws"
	"drydock/lang/totp"
)

// device is a user's virtual MFA device.
type device struct {
	serial string
	seed   []byte
}

func (c *cloud) device(t testing.TB, call *aws.Call, user string) *device {
	t.Helper()
	made := do(t, iam.CreateVirtualMFADevice, call, &iam.CreateVirtualMFADeviceInput{VirtualMFADeviceName: user}).VirtualMFADevice
	seed, err := base32.StdEncoding.DecodeString(string(made.Base32StringSeed))
	if err != nil {
		t.Fatal(err)
	}
	d := &device{made.SerialNumber, seed}
	do(t, iam.EnableMFADevice, call, &iam.EnableMFADeviceInput{
		UserName: user, SerialNumber: d.serial, AuthenticationCode1: d.at(c.Clock.Now().Add(-totp.Step)), AuthenticationCode2: d.at(c.Clock.Now()),
	})
	return d
}

// at is what the device shows at a time.
func (d *device) at(now time.Time) string { return totp.Code(d.seed, totp.Counter(now)) }

func TestAssumeRole_WithASecondFactor(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	u := c.user(t, call, "u", "")
	guest := c.user(t, call, "guest", "")
	d := c.device(t, call, "u")
	role := createRole(t, call, "r", trust(u.Principal.ARN, `,"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"},"NumericLessThan":{"aws:MultiFactorAuthAge":"60"}}`)).ARN
	open := createRole(t, call, "open", trust(guest.Principal.ARN)).ARN
	in := &api.AssumeRoleInput{RoleARN: role, RoleSessionName: "s1"}
	refuse(t, api.AssumeRole, u, in, "AccessDenied", "is not authorized to perform: sts:AssumeRole")
	c.Advance(t, time.Minute)
	in.SerialNumber = &d.serial
	refuse(t, api.AssumeRole, u, in, "AccessDenied", "must provide both MFA serial number and one time pass code")
	in.TokenCode = new("000000")
	refuse(t, api.AssumeRole, u, in, "AccessDenied", "invalid MFA one time pass code")
	in.TokenCode = new(d.at(c.Clock.Now()))
	s := c.with(t, do(t, api.AssumeRole, u, in).Credentials)
	if s.Principal.Session.MFA {
		t.Error("the role's session counts as one with a second factor")
	}
	refuse(t, api.AssumeRole, u, in, "AccessDenied", "invalid MFA one time pass code")
	c.Advance(t, time.Minute)
	// Someone else's device is none.
	refuse(t, api.AssumeRole, guest, &api.AssumeRoleInput{RoleARN: open, RoleSessionName: "s1", SerialNumber: &d.serial, TokenCode: new(d.at(c.Clock.Now()))},
		"AccessDenied", "verify your MFA serial number is valid and associated with this user")
}

func TestGetSessionToken_WithASecondFactor(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	u := c.user(t, call, "u", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*",`+
		`"Condition":{"NumericLessThan":{"aws:MultiFactorAuthAge":"3600"}}}]}`)
	role := createRole(t, call, "r", trust(u.Principal.ARN, `,"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}`)).ARN
	d := c.device(t, call, "u")
	c.Advance(t, time.Minute)
	in := &api.GetSessionTokenInput{SerialNumber: &d.serial, TokenCode: new(d.at(c.Clock.Now()))}
	plain := c.with(t, do(t, api.GetSessionToken, u, &api.GetSessionTokenInput{}).Credentials)
	strong := c.with(t, do(t, api.GetSessionToken, u, in).Credentials)
	refuse(t, api.GetSessionToken, u, in, "AccessDenied", "invalid MFA one time pass code")
	refuse(t, iam.ListUsers, plain, &iam.ListUsersInput{}, "AccessDenied", "")
	refuse(t, api.AssumeRole, plain, &api.AssumeRoleInput{RoleARN: role, RoleSessionName: "s1"}, "AccessDenied", "")
	do(t, iam.ListUsers, strong, &iam.ListUsersInput{})
	c.assume(t, strong, role)
	// The factor grows old, by the hour, within its session.
	c.Advance(t, time.Hour)
	refuse(t, iam.ListUsers, strong, &iam.ListUsersInput{}, "AccessDenied", "")
	c.assume(t, strong, role)
	// The root user has no devices.
	refuse(t, api.GetSessionToken, call, &api.GetSessionTokenInput{SerialNumber: &d.serial, TokenCode: new(d.at(c.Clock.Now()))}, "AccessDenied", "MFA serial number")
}
