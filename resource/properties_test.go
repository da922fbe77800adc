package resource

import (
	"encoding/json"
	"testing"

	"drydock/aws"
)

func TestProperties_GoThroughStructures(t *testing.T) {
	t.Parallel()
	type thing struct {
		Name string `json:",omitempty"`
		Size int    `json:",omitempty"`
	}
	p, err := Encode(thing{Name: "n"})
	if err != nil || len(p) != 1 || string(p["Name"]) != `"n"` {
		t.Errorf("encoded %s, %v", p, err)
	}
	var got thing
	if err := p.Decode(&got); err != nil || got != (thing{Name: "n"}) {
		t.Errorf("decoded %+v, %v", got, err)
	}
	if err := Properties(nil).Decode(&got); err != nil {
		t.Errorf("no properties: %v", err)
	}
	for name, bad := range map[string]Properties{
		"unknown": {"Color": json.RawMessage(`1`)}, "kind": {"Size": json.RawMessage(`"x"`)},
	} {
		if err := bad.Decode(&got); aws.ErrorCode(err) != "ValidationException" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
