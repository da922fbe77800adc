package kms

import (
	api "drydock/api/kms"
	"drydock/aws"
)

// describeCustomKeyStores lists the custom key stores: there are none.
func (s *Service) describeCustomKeyStores(_ *aws.Call, in *api.DescribeCustomKeyStoresInput) (*api.DescribeCustomKeyStoresOutput, error) {
	for _, name := range []*string{in.CustomKeyStoreID, in.CustomKeyStoreName} {
		if name != nil {
			return nil, noKeyStore(*name)
		}
	}
	if in.Marker != nil {
		return nil, api.NewInvalidMarkerException("Could not deserialize marker: %s", *in.Marker)
	}
	return &api.DescribeCustomKeyStoresOutput{CustomKeyStores: []api.CustomKeyStoresListEntry{}, Truncated: new(false)}, nil
}

func noKeyStore(id string) error {
	return api.NewCustomKeyStoreNotFoundException("Custom key store %s does not exist", id)
}
