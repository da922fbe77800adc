package pebble_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"drydock/store"
	"drydock/store/pebble"
)

// crashDir tells the test binary, started again as a child, to commit into that directory until it is killed.
const crashDir = "DRYDOCK_TEST_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		if err := commitForever(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// mark is one half of a commit: each writes two rows, and counts how many there were.
type mark struct {
	Half   string
	Worker int
	N      int
	Fill   []byte
}

var marks = store.NewTable("test/mark", func(m *mark) store.Key { return store.K(m.Half, m.Worker, m.N) },
	store.NewIndex("worker", func(m *mark) []store.Key { return []store.Key{store.K(m.Worker)} }))

const crashWorkers = 4

// commitForever has some workers commit numbered rows, each going on where the directory's ended, and print what was
// acknowledged.
func commitForever(dir string) error {
	d, err := pebble.Open(dir, pebble.Options{})
	if err != nil {
		return err
	}
	db := store.Open(d)
	found, err := recovered(db)
	if err != nil {
		return err
	}
	var out sync.Mutex
	var wg sync.WaitGroup
	for w := range crashWorkers {
		wg.Go(func() {
			for n := found[w]; ; n++ {
				err := db.Update(context.Background(), func(tx *store.Tx) error {
					for _, half := range []string{"left", "right"} {
						m := &mark{Half: half, Worker: w, N: n, Fill: make([]byte, rand.N(3000))}
						if err := marks.Put(tx, m); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				out.Lock()
				fmt.Printf("%d %d\n", w, n)
				out.Unlock()
			}
		})
	}
	wg.Wait()
	return errors.New("unreachable")
}

// recovered returns how many commits each worker has in the store. It fails when one is there by half, or is missing
// before a later one.
func recovered(db *store.DB) (count [crashWorkers]int, err error) {
	err = db.View(context.Background(), func(tx *store.Tx) error {
		var halves [2][crashWorkers]int
		for i, half := range []string{"left", "right"} {
			for m, err := range marks.Scan(tx, store.Range{Prefix: store.K(half)}) {
				if err != nil {
					return err
				}
				if m.N != halves[i][m.Worker] {
					return fmt.Errorf("worker %d: commit %d follows %d", m.Worker, m.N, halves[i][m.Worker])
				}
				halves[i][m.Worker]++
			}
		}
		if halves[0] != halves[1] {
			return fmt.Errorf("commits are torn: %v", halves)
		}
		count = halves[0]
		return nil
	})
	return count, err
}

func TestDriver_KeepsAcknowledgedCommitsWhenKilled(t *testing.T) {
	t.Parallel()
	const kills = 12
	dir := t.TempDir()
	total := 0
	for range kills {
		acknowledged := runAndKill(t, dir, 1+rand.N(400))
		db := store.Open(open(t, dir))
		found, err := recovered(db)
		if err != nil {
			t.Fatal(err)
		}
		total = 0
		for w, n := range acknowledged {
			if n > found[w] {
				t.Fatalf("worker %d: %d commits were acknowledged, %d are there", w, n, found[w])
			}
			total += found[w]
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if total < kills {
		t.Errorf("only %d commits were made", total)
	}
}

// runAndKill lets a child commit, kills it when it has printed some lines, and returns how many commits each worker
// had acknowledged.
func runAndKill(t *testing.T, dir string, lines int) (acknowledged [crashWorkers]int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self)
	child.Env = append(os.Environ(), crashDir+"="+dir)
	var stderr strings.Builder
	child.Stderr = &stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(out)
	for read := 0; scanner.Scan(); { // the pipe's rest, too, was acknowledged
		worker, n, _ := strings.Cut(scanner.Text(), " ")
		w, err := strconv.Atoi(worker)
		if err != nil {
			continue
		}
		last, err := strconv.Atoi(n)
		if err != nil {
			continue
		}
		acknowledged[w] = last + 1
		if read++; read == lines {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil || stderr.Len() > 0 {
		t.Fatalf("the child ended by itself: %v\n%s", err, stderr.String())
	}
	return acknowledged
}
