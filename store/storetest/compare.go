package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"drydock/store"
)

// compareKeys are few, so that transactions meet.
var compareKeys = []string{"a", "a\x00", "ab", "b", "b\xff", "c", "d", "d\x00\x00", "e", "\xfe\xff"}

// Compare plays a random history of transactions that overlap on every driver and fails when they answer differently. It
// begins by dropping everything.
func Compare(t *rapid.T, drivers ...store.Driver) {
	ctx := context.Background()
	type player struct {
		driver store.Driver
		txns   [3]store.Txn
		log    []string
	}
	players := make([]*player, len(drivers))
	for i, d := range drivers {
		players[i] = &player{driver: d}
		if err := d.DropAll(ctx); err != nil {
			t.Fatal(err)
		}
	}
	defer func() {
		for _, p := range players {
			for _, tx := range p.txns {
				if tx != nil {
					if err := tx.Rollback(); err != nil {
						t.Error(err)
					}
				}
			}
		}
	}()
	// all has every driver do the same and compares what they say.
	all := func(do func(p *player) string) {
		for _, p := range players {
			p.log = append(p.log, do(p))
			if diff := cmp.Diff(players[0].log, p.log); diff != "" && len(p.log) == len(players[0].log) {
				t.Fatalf("%T and %T disagree (-one +other):\n%s", players[0].driver, p.driver, diff)
			}
		}
	}
	drawKey := rapid.SampledFrom(compareKeys)
	drawBound := rapid.SampledFrom(slices.Concat(compareKeys, []string{""}))
	steps := rapid.IntRange(5, 60).Draw(t, "steps")
	for range steps {
		slot := rapid.IntRange(0, len(players[0].txns)-1).Draw(t, "transaction")
		if players[0].txns[slot] == nil {
			writable := rapid.IntRange(0, 3).Draw(t, "writable") > 0
			all(func(p *player) string {
				tx, err := p.driver.Begin(ctx, writable)
				p.txns[slot] = tx
				return fmt.Sprint("begin ", slot, writable, err)
			})
		}
		switch action := rapid.IntRange(0, 13).Draw(t, "action"); action {
		case 0, 1, 2:
			key := drawKey.Draw(t, "key")
			all(func(p *player) string {
				v, err := p.txns[slot].Get([]byte(key))
				return fmt.Sprintf("get %d %q = %q %v", slot, key, v, err)
			})
		case 3, 4, 5, 6:
			key, value := drawKey.Draw(t, "key"), rapid.StringN(0, 3, 9).Draw(t, "value")
			all(func(p *player) string {
				return fmt.Sprintf("set %d %q %q: %v", slot, key, value, p.txns[slot].Set([]byte(key), []byte(value)))
			})
		case 7, 8:
			key := drawKey.Draw(t, "key")
			all(func(p *player) string {
				return fmt.Sprintf("delete %d %q: %v", slot, key, p.txns[slot].Delete([]byte(key)))
			})
		case 9, 10:
			lo, hi := drawBound.Draw(t, "lo"), drawBound.Draw(t, "hi")
			reverse, limit := rapid.Bool().Draw(t, "reverse"), rapid.IntRange(1, 12).Draw(t, "limit")
			all(func(p *player) string {
				var line strings.Builder
				line.WriteString(fmt.Sprintf("scan %d [%q, %q) %v:", slot, lo, hi, reverse))
				n := 0
				for k, v := range p.txns[slot].Scan([]byte(lo), []byte(hi), reverse) {
					line.WriteString(fmt.Sprintf(" %q=%q %v", k, v.Bytes, v.Err))
					if n++; n == limit {
						break
					}
				}
				return line.String()
			})
		case 11, 12:
			all(func(p *player) string {
				err := p.txns[slot].Commit(ctx)
				p.txns[slot] = nil
				if err != nil && !errors.Is(err, store.ErrConflict) {
					t.Fatal(err)
				}
				return fmt.Sprint("commit ", slot, err != nil)
			})
		default:
			all(func(p *player) string {
				err := p.txns[slot].Rollback()
				p.txns[slot] = nil
				return fmt.Sprint("rollback ", slot, err)
			})
		}
	}
	all(func(p *player) string {
		tx, err := p.driver.Begin(ctx, false)
		if err != nil {
			t.Fatal(err)
		}
		var line strings.Builder
		line.WriteString("in the end:")
		for k, v := range tx.Scan(nil, nil, false) {
			line.WriteString(fmt.Sprintf(" %q=%q %v", k, v.Bytes, v.Err))
		}
		return fmt.Sprint(line.String(), tx.Rollback())
	})
}
