package git

import (
	"errors"
	"fmt"
	"io"
	"strconv"
)

// The limits of the pkt-line format: four hexadecimal digits that count themselves, then the payload.
const (
	pktMax     = 65520
	pktPayload = pktMax - 4
)

type pktKind int

const (
	pktData      pktKind = iota
	pktFlush             // 0000
	pktDelimiter         // 0001
	pktEnd               // 0002
)

// readPkt reads one pkt-line and nothing behind it. At the end of r it returns io.EOF; any other end is
// io.ErrUnexpectedEOF.
func readPkt(r io.Reader) (pktKind, []byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	var size int
	for _, c := range head {
		switch {
		case c >= '0' && c <= '9':
			size = size<<4 | int(c-'0')
		case c >= 'a' && c <= 'f':
			size = size<<4 | int(c-'a'+10)
		case c >= 'A' && c <= 'F':
			size = size<<4 | int(c-'A'+10)
		default:
			return 0, nil, fmt.Errorf("bad length %q of a pkt-line: %w", head[:], ErrProtocol)
		}
	}
	switch {
	case size < 3:
		return pktFlush + pktKind(size), nil, nil
	case size == 3 || size > pktMax:
		return 0, nil, fmt.Errorf("a pkt-line of %d bytes: %w", size, ErrProtocol)
	}
	data := make([]byte, size-4)
	if _, err := io.ReadFull(r, data); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	return pktData, data, nil
}

// appendPkt appends a pkt-line; data is cut at the format's limit.
func appendPkt(b []byte, data string) []byte {
	data = data[:min(len(data), pktPayload)]
	size := strconv.FormatUint(uint64(len(data)+4)|0x10000, 16)[1:]
	return append(append(b, size...), data...)
}

func appendFlush(b []byte) []byte { return append(b, "0000"...) }

// The bands of git's side-band-64k.
const (
	bandData     = 1
	bandProgress = 2
)

// appendBand appends data as pkt-lines of a band, with at most size bytes each, the band included.
func appendBand(b []byte, band byte, data []byte, size int) []byte {
	for len(data) > 0 {
		n := min(len(data), size-1)
		b = appendPkt(b, string(band)+string(data[:n]))
		data = data[n:]
	}
	return b
}
