package eventstream_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drydock/aws"
	"drydock/wire/eventstream"
	"drydock/wire/jsonbody"
)

type audio struct {
	Rate  *int32 `aws:"rate,eventheader"`
	Chunk []byte `aws:"chunk,eventpayload"`
}

type text struct {
	Line *string `aws:"line"`
}

type events struct {
	_     struct{} `aws:"stream"`
	Audio *audio   `aws:"audio"`
	Text  *text    `aws:"text"`
}

var format = eventstream.Format{ContentType: "application/json", Append: jsonbody.AppendEvent, Decode: jsonbody.DecodeEvent}

func frame(t *testing.T, payload []byte, headers ...eventstream.Header) []byte {
	t.Helper()
	b, err := (&eventstream.Message{Headers: headers, Payload: payload}).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMessage_RoundTrip(t *testing.T) {
	t.Parallel()
	m := &eventstream.Message{Payload: []byte("payload"), Headers: []eventstream.Header{
		{Name: "true", Value: true}, {Name: "false", Value: false}, {Name: "byte", Value: int8(-1)},
		{Name: "short", Value: int16(-2)}, {Name: "int", Value: int32(-3)}, {Name: "long", Value: int64(-4)},
		{Name: "bytes", Value: []byte("b")}, {Name: "string", Value: "s"},
		{Name: "time", Value: time.UnixMilli(1500).UTC()}, {Name: "uuid", Value: eventstream.UUID{1, 2}},
	}}
	b, err := m.Append([]byte("before"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := eventstream.Read(bytes.NewReader(b[len("before"):]))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, got); diff != "" {
		t.Error(diff)
	}
}

// TestMessage_Published frames the empty message as the format's specification shows it.
func TestMessage_Published(t *testing.T) {
	t.Parallel()
	if got := hex.EncodeToString(frame(t, nil)); got != "000000100000000005c248eb7d98c8ff" {
		t.Errorf("got %s", got)
	}
}

func TestRead_RefusesDamage(t *testing.T) {
	t.Parallel()
	good := frame(t, []byte("payload"), eventstream.Header{Name: "n", Value: "v"})
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1
		if _, err := eventstream.Read(bytes.NewReader(bad)); err == nil {
			t.Errorf("byte %d changed unnoticed", i)
		}
		if _, err := eventstream.Read(bytes.NewReader(good[:i])); err == nil {
			t.Errorf("cut at %d unnoticed", i)
		}
	}
}

func TestEvents_ReadsPlainAndSignedEvents(t *testing.T) {
	t.Parallel()
	one := frame(t, []byte("pcm"), eventstream.Header{Name: ":event-type", Value: "audio"}, eventstream.Header{Name: "rate", Value: int32(8000)})
	two := frame(t, []byte(`{"line":"hi"}`), eventstream.Header{Name: ":event-type", Value: "text"})
	signature := eventstream.Header{Name: ":chunk-signature", Value: []byte("sig")}
	var stream bytes.Buffer
	stream.Write(one)
	stream.Write(frame(t, two, signature))
	stream.Write(frame(t, nil, signature))
	stream.WriteString("what follows the end is not read")
	var got []any
	for event, err := range eventstream.Events(&stream, reflect.TypeFor[events](), &format) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, event)
	}
	want := []any{&events{Audio: &audio{Rate: new(int32(8000)), Chunk: []byte("pcm")}}, &events{Text: &text{Line: new("hi")}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEvents_EndsWithTheClientsError(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{
		"unknown": frame(t, nil, eventstream.Header{Name: ":event-type", Value: "video"}),
		"header":  frame(t, nil, eventstream.Header{Name: ":event-type", Value: "audio"}, eventstream.Header{Name: "rate", Value: "fast"}),
		"body":    frame(t, []byte("{"), eventstream.Header{Name: ":event-type", Value: "text"}),
		"damaged": []byte("no event stream at all"),
	} {
		n := 0
		for _, err := range eventstream.Events(bytes.NewReader(data), reflect.TypeFor[events](), &format) {
			var e *aws.Error
			if n++; !errors.As(err, &e) || e.Status != 400 {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d results", name, n)
		}
	}
}
