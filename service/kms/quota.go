package kms

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"drydock/aws"
	"drydock/clock"
)

// quota is a shared quota on cryptographic operations: how many requests a second an account makes in a region, with keys
// of one kind.
type quota uint8

// The quotas, as "Request quotas" of the developer guide has them.
const (
	quotaSymmetric quota = iota // HMAC keys too, and GenerateRandom
	quotaRSA
	quotaECC
)

// quotaCodes are the codes of Service Quotas.
var quotaCodes = [...]string{quotaSymmetric: "L-6E3AF000", quotaRSA: "L-2AC98190", quotaECC: "L-DC14942D"}

// quotaNames are those by which the quotas are set, as Deps.Quotas has them.
func quotaNames() (names []string) {
	for _, code := range quotaCodes {
		names = append(names, "kms/"+code)
	}
	return names
}

// quotaOf tells which quota operations with a key count against.
func quotaOf(k *key) quota {
	switch s := specs[k.Spec]; {
	case s.rsaBits != 0:
		return quotaRSA
	case s.curve != "":
		return quotaECC
	default:
		return quotaSymmetric
	}
}

// rate is how many requests a second a quota admits in a region by default.
func (q quota) rate(region string) int {
	if q != quotaSymmetric {
		return asymmetricRate
	}
	switch region {
	case "us-east-1", "us-west-2", "eu-west-1":
		return largestSymmetricRate
	case "us-east-2", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "eu-central-1", "eu-west-2":
		return largeSymmetricRate
	default:
		return symmetricRate
	}
}

// meter is a token bucket: it holds the requests of one second. Its only state is a time, so that taking is one
// compare-and-swap.
type meter struct {
	// interval is how long a request takes to be made up for.
	interval time.Duration
	// even is when all that were taken will be made up for, by the meters' stopwatch.
	even atomic.Int64
}

// take takes one request, if there is one.
func (m *meter) take(now time.Duration) bool {
	for {
		even := m.even.Load()
		next := max(time.Duration(even), now) + m.interval
		if next > now+time.Second {
			return false
		}
		if m.even.CompareAndSwap(even, int64(next)) {
			return true
		}
	}
}

// meterID tells meters apart.
type meterID struct {
	account, region string
	quota           quota
}

// meters count requests. They are in memory: what is lost with them is a second's count.
type meters struct {
	watch clock.Stopwatch
	// set are the rates that differ from the defaults, by the names of the quotas.
	set map[string]int

	mu sync.RWMutex // guards the field below
	of map[meterID]*meter
}

func newMeters(set map[string]int) *meters {
	return &meters{watch: clock.StartStopwatch(), set: set, of: map[meterID]*meter{}}
}

func (m *meters) take(id meterID) bool {
	m.mu.RLock()
	one := m.of[id]
	m.mu.RUnlock()
	now := m.watch.Elapsed()
	if one == nil {
		one = m.begin(id, now)
	}
	return one.take(now)
}

// begin returns a meter that may be new. Where there are too many, those go that hold all they can, which a new one does
// as well.
func (m *meters) begin(id meterID, now time.Duration) *meter {
	m.mu.Lock()
	defer m.mu.Unlock()
	if one := m.of[id]; one != nil {
		return one
	}
	if len(m.of) >= maxMeters {
		maps.DeleteFunc(m.of, func(_ meterID, one *meter) bool { return time.Duration(one.even.Load()) <= now })
	}
	if len(m.of) >= maxMeters {
		clear(m.of)
	}
	rate := m.set["kms/"+quotaCodes[id.quota]]
	if rate == 0 {
		rate = id.quota.rate(id.region)
	}
	one := &meter{interval: time.Second / time.Duration(rate)}
	m.of[id] = one
	return one
}

// count counts a request against a quota of the caller's account, whosever the key is.
func (s *Service) count(call *aws.Call, q quota) error {
	if s.meters.take(meterID{call.Account, call.Region, q}) {
		return nil
	}
	return aws.NewError(400, "ThrottlingException", "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.")
}

// useCounted is use for a cryptographic operation, which counts against the quota of the key's kind.
func (s *Service) useCounted(call *aws.Call, r request) (*key, error) {
	k, err := s.use(call, r)
	if err != nil {
		return nil, err
	}
	return k, s.count(call, quotaOf(k))
}
