package git

import (
	"context"
	"fmt"
	"testing"
)

// The cost of an object call is that of its processes: one for a look-up by commit id, two with a branch's name.
func BenchmarkRepository(b *testing.B) {
	e := newEngine(b, b.TempDir())
	r, err := e.Create(b.Context(), "r", testKeys)
	if err != nil {
		b.Fatal(err)
	}
	var tip ID
	commit := func(ctx context.Context, i int) error {
		result, err := r.CommitFiles(ctx, CommitRequest{
			Branch: "main", Parent: tip, Author: ann(), Message: "x", Changes: []FileChange{{Path: "a/b", Content: fmt.Append(nil, i)}},
		})
		if err == nil {
			tip = result.Commit
		}
		return err
	}
	if err := commit(b.Context(), -1); err != nil {
		b.Fatal(err)
	}
	for name, do := range map[string]func(context.Context, int) error{
		"Branch":      func(ctx context.Context, _ int) error { _, err := r.Branch(ctx, "main"); return err },
		"FileAt":      func(ctx context.Context, _ int) error { _, err := r.FileAt(ctx, tip, "a/b"); return err },
		"CommitFiles": commit,
	} {
		b.Run(name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if err := do(b.Context(), i); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
