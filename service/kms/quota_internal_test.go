package kms

import (
	"strconv"
	"testing"
	"time"

	"drydock/ledger"
)

func TestMeter_AdmitsItsQuotaEachSecond(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-35")
	for region, rate := range map[string]int{"eu-north-1": 10_000, "eu-west-2": 20_000, "us-east-1": 100_000} {
		if got := quotaSymmetric.rate(region); got != rate {
			t.Errorf("%s: %d a second", region, got)
		}
		m := &meter{interval: time.Second / time.Duration(rate)}
		admitted := func(now time.Duration) (n int) {
			for m.take(now) {
				n++
			}
			return n
		}
		for _, step := range []struct {
			now  time.Duration
			want int
		}{
			{0, rate}, {0, 0}, {time.Second / 10, rate / 10}, {time.Second / 2, rate * 4 / 10}, {time.Hour, rate}, {time.Hour, 0},
		} {
			if got := admitted(step.now); got != step.want {
				t.Errorf("%s: %d are admitted at %v, want %d", region, got, step.now, step.want)
			}
		}
	}
}

func TestMeters_AreBounded(t *testing.T) {
	t.Parallel()
	m := newMeters(map[string]int{"kms/L-6E3AF000": 1})
	for i := range 3 * maxMeters {
		if !m.take(meterID{strconv.Itoa(i), "us-east-1", quotaSymmetric}) {
			t.Fatal("an account's first request is refused")
		}
	}
	if n := len(m.of); n > maxMeters {
		t.Errorf("%d meters", n)
	}
}

// BenchmarkMeters is what counting adds to an operation.
func BenchmarkMeters(b *testing.B) {
	m := newMeters(map[string]int{"kms/L-6E3AF000": 1e9})
	b.ReportAllocs()
	for b.Loop() {
		if !m.take(meterID{"111122223333", "us-east-1", quotaSymmetric}) {
			b.Fatal("refused")
		}
	}
}
