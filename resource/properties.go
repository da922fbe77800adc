package resource

import (
	"bytes"
	"encoding/json"
	"fmt"

	"drydock/aws"
)

// Decode reads the properties into a structure whose fields carry the properties' names in json tags. A property that the
// structure lacks, or a value of the wrong kind, is the caller's error: a type that does not carry a property out must
// not take it.
func (p Properties) Decode(into any) error {
	data, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encoding properties: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return aws.NewError(400, "ValidationException", "Properties validation failed: %v", err)
	}
	return nil
}

// Encode returns the properties that a structure with json tags holds.
func Encode(from any) (Properties, error) {
	data, err := json.Marshal(from)
	if err != nil {
		return nil, fmt.Errorf("encoding properties: %w", err)
	}
	var p Properties
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("decoding properties: %w", err)
	}
	return p, nil
}
