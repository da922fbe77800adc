package codecommit

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	api "drydock/api/codecommit"
	"drydock/ledger"
	"drydock/service"
	"drydock/service/servicetest"
	"drydock/store"
	"drydock/store/mem"
)

func TestRestart_KeepsRepositoriesAndFinishesDeletions(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CC-02")
	db, dir := store.Open(mem.New()), t.TempDir()
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	start := func() *servicetest.Cloud {
		return servicetest.New(t, func(d service.Deps) []service.Module {
			return []service.Module{New(d), new(servicetest.Keyring).Module()}
		},
			func(d *service.Deps) { d.DB, d.Dir = db, dir })
	}
	call := start().Call(t)
	for _, name := range []string{"kept", "deleted"} {
		if _, err := api.CreateRepository.Do(call, &api.CreateRepositoryInput{RepositoryName: name}); err != nil {
			t.Fatal(err)
		}
		_, err := api.PutFile.Do(call, &api.PutFileInput{RepositoryName: name, BranchName: "main", FilePath: "f", FileContent: []byte(name)})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := api.DeleteRepository.Do(call, &api.DeleteRepositoryInput{RepositoryName: "deleted"}); err != nil {
		t.Fatal(err)
	}
	count := func() int {
		entries, err := os.ReadDir(filepath.Join(dir, "codecommit", "repositories"))
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	if n := count(); n != 2 {
		t.Errorf("%d folders before the restart", n)
	}

	again := start()
	again.WaitIdle(t)
	if n := count(); n != 1 {
		t.Errorf("%d folders after the restart", n)
	}
	file, err := api.GetFile.Do(again.Call(t), &api.GetFileInput{RepositoryName: "kept", FilePath: "f"})
	if err != nil || string(file.FileContent) != "kept" {
		t.Errorf("file %+v %v", file, err)
	}
}

func TestListRepositories_ComesInPages(t *testing.T) {
	t.Parallel()
	var s *Service
	c := servicetest.New(t, func(d service.Deps) []service.Module {
		s = newService(d)
		return []service.Module{s.module(), new(servicetest.Keyring).Module()}
	})
	want := make([]string, 0, 2*repositoriesPage+1)
	for i := range cap(want) {
		want = append(want, fmt.Sprintf("r%04d", i))
	}
	err := s.DB.Update(t.Context(), func(tx *store.Tx) error {
		for i, name := range want {
			// Several have the same time, also where a page ends.
			row := &repository{
				Account: servicetest.Account, Region: servicetest.Region, Name: name, ID: name, Modified: servicetest.Start.Add(time.Duration(i/7) * time.Second),
			}
			if err := repositories.Insert(tx, row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, by := range []api.SortByEnum{api.SortByEnumRepositoryName, api.SortByEnumLastModifiedDate} {
		for _, order := range []api.OrderEnum{api.OrderEnumAscending, api.OrderEnumDescending} {
			in := &api.ListRepositoriesInput{SortBy: &by, Order: &order}
			var got []string
			pages := 0
			for {
				out, err := api.ListRepositories.Do(c.Call(t), in)
				if err != nil {
					t.Fatal(err)
				}
				pages++
				for _, r := range out.Repositories {
					got = append(got, *r.RepositoryName)
				}
				if in.NextToken = out.NextToken; in.NextToken == nil {
					break
				}
			}
			if order == api.OrderEnumDescending {
				slices.Reverse(got)
			}
			if !slices.Equal(got, want) || pages != 3 {
				t.Errorf("by %s, %s: %d repositories in %d pages", by, order, len(got), pages)
			}
		}
	}
}
