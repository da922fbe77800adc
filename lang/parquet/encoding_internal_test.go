package parquet

import (
	"errors"
	"testing"
)

// "Encodings" has these examples: 0 to 7 of three bits, packed from the lowest bit on, and from the highest.
func TestLevels_AsTheFormatShowsThem(t *testing.T) {
	t.Parallel()
	for name, l := range map[string]levels{
		"RLE":        &hybrid{data: []byte{0x03, 0x88, 0xC6, 0xFA}, width: 3},
		"BIT_PACKED": &bitPacked{data: []byte{0x05, 0x39, 0x77}, width: 3},
	} {
		for want := range uint32(8) {
			if v, err := l.level(); err != nil || v != want {
				t.Errorf("%s: %d, %v, want %d", name, v, err, want)
			}
		}
		if _, err := l.level(); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: behind the end: %v", name, err)
		}
	}
	run := &hybrid{data: []byte{0xC8, 0x01, 5}, width: 3}
	for range 100 {
		if v, err := run.level(); err != nil || v != 5 {
			t.Fatal(v, err)
		}
	}
	if _, err := run.level(); !errors.Is(err, ErrFormat) {
		t.Errorf("behind a run: %v", err)
	}
}

func TestFloat16(t *testing.T) {
	t.Parallel()
	for bits, want := range map[uint16]float64{0: 0, 0x3C00: 1, 0xC000: -2, 0x3555: 0.333251953125, 0x7BFF: 65504, 0x0001: 5.960464477539063e-08, 0x03FF: 6.097555160522461e-05} {
		if v := float16(bits); v != want {
			t.Errorf("%x: %v, want %v", bits, v, want)
		}
	}
}

func TestDecimal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		bytes []byte
		scale int32
		want  Decimal
	}{
		{[]byte{0xFF}, 2, "-0.01"}, {[]byte{0x01, 0x00}, 0, "256"}, {[]byte{0x80, 0x00}, 3, "-32.768"}, {nil, 1, "0.0"}, {[]byte{100}, 2, "1.00"},
	} {
		l := &leaf{typ: typeBytes, logical: logical{kind: kindDecimal, scale: tt.scale}}
		if v, err := l.logicalValue(raw{bytes: tt.bytes}); err != nil || v != tt.want {
			t.Errorf("%x of scale %d: %v, %v, want %s", tt.bytes, tt.scale, v, err, tt.want)
		}
	}
}

// Differences without bits stand for numbers that take no bytes: what claims more of them than there are values is refused
// before they are counted.
func TestBounded_RefusesMoreThanThereIs(t *testing.T) {
	t.Parallel()
	claim := []byte{0x80, 0x01, 0x04, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0x00, 0x00, 0, 0, 0, 0}
	if _, err := newDeltaLength(claim, 1000); !errors.Is(err, ErrFormat) {
		t.Error(err)
	}
}
