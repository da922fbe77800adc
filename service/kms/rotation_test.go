package kms_test

import (
	"testing"
	"time"

	api "drydock/api/kms"
	"drydock/aws"
	"drydock/ledger"
	"drydock/service/servicetest"
)

const testDay = 24 * time.Hour

// rotations lists how a key rotated.
func rotations(t *testing.T, call *aws.Call, id string) (types []api.RotationType) {
	t.Helper()
	in := &api.ListKeyRotationsInput{KeyID: id, Limit: new(int32(1))}
	for {
		out, err := api.ListKeyRotations.Do(call, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range out.Rotations {
			types = append(types, *r.RotationType)
		}
		if in.Marker = out.NextMarker; !*out.Truncated {
			return types
		}
	}
}

func TestRotation_HappensOnTheClock(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "IAM-10")
	c, call := newCloud(t)
	k := createKey(t, call, &api.CreateKeyInput{})
	first := encrypt(t, call, k.KeyID, "first", nil)
	status := func() *api.GetKeyRotationStatusOutput {
		t.Helper()
		out, err := api.GetKeyRotationStatus.Do(call, &api.GetKeyRotationStatusInput{KeyID: k.KeyID})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if s := status(); *s.KeyRotationEnabled || s.NextRotationDate != nil {
		t.Errorf("at first %+v", s)
	}
	if _, err := api.EnableKeyRotation.Do(call, &api.EnableKeyRotationInput{KeyID: k.KeyID, RotationPeriodInDays: new(int32(90))}); err != nil {
		t.Fatal(err)
	}
	if s := status(); !*s.KeyRotationEnabled || *s.RotationPeriodInDays != 90 || !s.NextRotationDate.Equal(servicetest.Start.Add(90*testDay)) {
		t.Errorf("enabled %+v", s)
	}
	c.Advance(t, 181*testDay)
	if got := rotations(t, call, k.KeyID); len(got) != 2 || got[0] != api.RotationTypeAutomatic {
		t.Errorf("rotations %v", got)
	}
	if _, err := api.RotateKeyOnDemand.Do(call, &api.RotateKeyOnDemandInput{KeyID: k.KeyID}); err != nil {
		t.Fatal(err)
	}
	if got := rotations(t, call, k.KeyID); len(got) != 3 || got[2] != api.RotationTypeOnDemand {
		t.Errorf("rotations %v", got)
	}
	out, err := api.DescribeKey.Do(call, &api.DescribeKeyInput{KeyID: k.KeyID})
	if err != nil || *out.KeyMetadata.CurrentKeyMaterialID == *k.CurrentKeyMaterialID {
		t.Errorf("the material is the same: %v", err)
	}
	decrypted, err := api.Decrypt.Do(call, &api.DecryptInput{CiphertextBlob: first})
	if err != nil || string(decrypted.Plaintext) != "first" || *decrypted.KeyMaterialID != *k.CurrentKeyMaterialID {
		t.Errorf("with old material: %v", err)
	}
	everything, err := api.ListKeyRotations.Do(call, &api.ListKeyRotationsInput{KeyID: k.KeyID, IncludeKeyMaterial: new(api.IncludeKeyMaterialAllKeyMaterial)})
	if err != nil || len(everything.Rotations) != 4 || everything.Rotations[0].RotationDate != nil ||
		*everything.Rotations[3].KeyMaterialState != api.KeyMaterialStateCurrent || *everything.Rotations[2].KeyMaterialState != api.KeyMaterialStateNonCurrent {
		t.Errorf("materials %+v, %v", everything, err)
	}

	// A disabled key does not rotate, and does once it is enabled after that.
	if _, err := api.DisableKey.Do(call, &api.DisableKeyInput{KeyID: k.KeyID}); err != nil {
		t.Fatal(err)
	}
	c.Advance(t, 200*testDay)
	if got := rotations(t, call, k.KeyID); len(got) != 3 {
		t.Errorf("rotations of a disabled key %v", got)
	}
	_, err = api.DisableKeyRotation.Do(call, &api.DisableKeyRotationInput{KeyID: k.KeyID})
	servicetest.WantError(t, err, "DisabledException")
	if _, err := api.EnableKey.Do(call, &api.EnableKeyInput{KeyID: k.KeyID}); err != nil {
		t.Fatal(err)
	}
	c.WaitIdle(t)
	if got := rotations(t, call, k.KeyID); len(got) != 4 {
		t.Errorf("rotations %v", got)
	}
	if _, err := api.DisableKeyRotation.Do(call, &api.DisableKeyRotationInput{KeyID: k.KeyID}); err != nil {
		t.Fatal(err)
	}
	c.Advance(t, 400*testDay)
	if got := rotations(t, call, k.KeyID); len(got) != 4 {
		t.Errorf("rotations after that was disabled %v", got)
	}
}

func TestRotation_Errors(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	mac := createPair(t, call, api.KeySpecHmac256, api.KeyUsageTypeGenerateVerifyMac)
	_, err := api.EnableKeyRotation.Do(call, &api.EnableKeyRotationInput{KeyID: mac.KeyID})
	servicetest.WantError(t, err, "UnsupportedOperationException")
	_, err = api.RotateKeyOnDemand.Do(call, &api.RotateKeyOnDemandInput{KeyID: mac.KeyID})
	servicetest.WantError(t, err, "UnsupportedOperationException")
	if out, err := api.GetKeyRotationStatus.Do(call, &api.GetKeyRotationStatusInput{KeyID: mac.KeyID}); err != nil || *out.KeyRotationEnabled {
		t.Errorf("status %v, %v", out, err)
	}
	k := createKey(t, call, &api.CreateKeyInput{})
	_, err = api.EnableKeyRotation.Do(call, &api.EnableKeyRotationInput{KeyID: k.KeyID, RotationPeriodInDays: new(int32(89))})
	servicetest.WantError(t, err, "ValidationException")
	_, err = api.EnableKeyRotation.Do(user(t, c, servicetest.Account, "guest"), &api.EnableKeyRotationInput{KeyID: k.KeyID})
	servicetest.WantError(t, err, "AccessDeniedException")
	_, err = api.EnableKeyRotation.Do(call, &api.EnableKeyRotationInput{KeyID: "1234abcd-12ab-34cd-56ef-1234567890ab"})
	servicetest.WantError(t, err, "NotFoundException")
	for range 25 {
		if _, err := api.RotateKeyOnDemand.Do(call, &api.RotateKeyOnDemandInput{KeyID: k.KeyID}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = api.RotateKeyOnDemand.Do(call, &api.RotateKeyOnDemandInput{KeyID: k.KeyID})
	servicetest.WantError(t, err, "LimitExceededException")
}
