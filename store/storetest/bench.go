package storetest

import (
	"strconv"
	"sync/atomic"
	"testing"

	"drydock/store"
)

// record is a row of a common size.
type record struct {
	Account, Name string
	Size          int64
	Tag           []byte
}

var records = store.NewTable("storetest/record", func(r *record) store.Key { return store.K(r.Account, r.Name) })

const benchRows = 10_000

// Benchmark measures a driver: commits of one small row by 16 goroutines (one fsync each where there is a disk), reads
// of one row, scans of a thousand. open returns an empty driver that Benchmark owns.
func Benchmark(b *testing.B, open func(b *testing.B) store.Driver) {
	db := store.Open(open(b))
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	row := func(i int) *record {
		return &record{Account: "000000000000", Name: "name-" + strconv.Itoa(i%benchRows), Size: int64(i), Tag: make([]byte, 100)}
	}
	if err := db.Update(b.Context(), func(tx *store.Tx) error {
		for i := range benchRows {
			if err := records.Insert(tx, row(i)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	b.Run("Update", func(b *testing.B) {
		var n atomic.Int64
		b.SetParallelism(8) // on two cores
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				r := row(int(n.Add(1)))
				if err := db.Update(b.Context(), func(tx *store.Tx) error {
					if _, err := records.Get(tx, records.Key(r)); err != nil {
						return err
					}
					return records.Put(tx, r)
				}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
	b.Run("View", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			key := store.K("000000000000", "name-"+strconv.Itoa(i%benchRows))
			if err := db.View(b.Context(), func(tx *store.Tx) error {
				_, err := records.Get(tx, key)
				return err
			}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Scan1000", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			n := 0
			if err := db.View(b.Context(), func(tx *store.Tx) error {
				for _, err := range records.Scan(tx, store.Range{Prefix: store.K("000000000000")}) {
					if err != nil {
						return err
					}
					if n++; n == 1000 {
						break
					}
				}
				return nil
			}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
