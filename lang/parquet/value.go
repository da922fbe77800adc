package parquet

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// Decimal is a number that is written with all its digits.
type Decimal string

const (
	maxScale   = 1000
	maxDecimal = 64 // bytes; AWS's decimals take 16
	day        = 24 * time.Hour
	// julian is the day on which 1970 begins.
	julian = 2_440_588
)

// logicalValue is what a value means.
func (l *leaf) logicalValue(v raw) (any, error) {
	switch l.logical.kind {
	case kindInterval:
		return nil, fmt.Errorf("%w: INTERVAL", ErrType)
	case kindUnknown:
		return nil, nil
	case kindDecimal:
		return l.decimal(v)
	default:
	}
	switch l.typ {
	case typeBoolean:
		return v.bits&1 == 1, nil
	case typeInt32:
		return l.integer(int64(int32(v.bits)), 32)
	case typeInt64:
		return l.integer(int64(v.bits), 64)
	case typeFloat:
		return float64(math.Float32frombits(uint32(v.bits))), nil
	case typeDouble:
		return math.Float64frombits(v.bits), nil
	case typeInt96:
		days := int64(binary.LittleEndian.Uint32(v.bytes[8:])) - julian
		return time.Unix(days*86400, int64(binary.LittleEndian.Uint64(v.bytes))).UTC(), nil
	}
	switch {
	case l.logical.kind == kindUUID && len(v.bytes) == 16:
		h := hex.EncodeToString(v.bytes)
		return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], nil
	case l.logical.kind == kindFloat16 && len(v.bytes) == 2:
		return float16(binary.LittleEndian.Uint16(v.bytes)), nil
	}
	return string(v.bytes), nil
}

func float16(b uint16) float64 {
	exponent, fraction := int(b>>10&31), float64(b&1023)
	v := math.Ldexp(1024+fraction, exponent-25)
	switch {
	case exponent == 0:
		v = math.Ldexp(fraction, -24)
	case exponent == 31 && fraction == 0:
		v = math.Inf(1)
	case exponent == 31:
		v = math.NaN()
	}
	if b>>15 == 1 {
		v = -v
	}
	return v
}

// integer is what an integer of so many bits means.
func (l *leaf) integer(v int64, bits int8) (any, error) {
	switch k := l.logical; k.kind {
	case kindDate:
		return time.Unix(v*86400, 0).UTC(), nil
	case kindTimestamp:
		switch k.unit {
		case millis:
			return time.UnixMilli(v).UTC(), nil
		case micros:
			return time.UnixMicro(v).UTC(), nil
		case nanos:
			return time.Unix(0, v).UTC(), nil
		}
		return nil, fmt.Errorf("%w: a TIMESTAMP of an unknown unit", ErrType)
	case kindTime:
		each, ok := map[unit]time.Duration{millis: time.Millisecond, micros: time.Microsecond, nanos: time.Nanosecond}[k.unit]
		if !ok {
			return nil, fmt.Errorf("%w: a TIME of an unknown unit", ErrType)
		}
		if v < 0 || v > int64(day/each) {
			return nil, damaged("a time is of no day")
		}
		return time.Duration(v) * each, nil
	case kindInteger:
		switch {
		case !k.unsigned:
		case bits == 32:
			return int64(uint32(v)), nil
		case v < 0:
			return Decimal(strconv.FormatUint(uint64(v), 10)), nil
		}
	default:
	}
	return v, nil
}

func (l *leaf) decimal(v raw) (any, error) {
	if l.logical.scale < 0 || l.logical.scale > maxScale {
		return nil, fmt.Errorf("%w: a DECIMAL of scale %d", ErrType, l.logical.scale)
	}
	var n big.Int
	switch l.typ {
	case typeInt32:
		n.SetInt64(int64(int32(v.bits)))
	case typeInt64:
		n.SetInt64(int64(v.bits))
	case typeBytes, typeFixed:
		if len(v.bytes) > maxDecimal {
			return nil, fmt.Errorf("%w: a DECIMAL of %d bytes", ErrType, len(v.bytes))
		}
		n.SetBytes(v.bytes)
		if len(v.bytes) > 0 && v.bytes[0]>>7 == 1 { // two's complement
			n.Sub(&n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(v.bytes))))
		}
	default:
		return nil, damaged("a DECIMAL has the physical type %d", l.typ)
	}
	digits, minus := strings.CutPrefix(n.String(), "-")
	if scale := int(l.logical.scale); scale > 0 {
		if len(digits) <= scale {
			digits = strings.Repeat("0", scale-len(digits)+1) + digits
		}
		digits = digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
	}
	if minus {
		digits = "-" + digits
	}
	return Decimal(digits), nil
}
