package s3

import (
	"bytes"
	"testing"

	api "drydock/api/s3"
	"drydock/service"
	"drydock/service/servicetest"
	"drydock/store"
	"drydock/task"
)

func TestHolds_KnowsTheBlobsOfAllRows(t *testing.T) {
	t.Parallel()
	var s *Service
	c := servicetest.New(t, func(d service.Deps) []service.Module {
		s = newService(d)
		return []service.Module{s.module()}
	})
	call := c.Call(t)
	large := bytes.Repeat([]byte("x"), 100_000)
	put := func(key string) {
		t.Helper()
		if _, err := api.PutObject.Do(call, &api.PutObjectInput{Bucket: "data", Key: key, Body: bytes.NewReader(large)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := api.CreateBucket.Do(call, &api.CreateBucketInput{Bucket: "data"}); err != nil {
		t.Fatal(err)
	}
	c.WaitIdle(t) // nothing is there to be adopted
	u, err := api.CreateMultipartUpload.Do(call, &api.CreateMultipartUploadInput{Bucket: "data", Key: "u"})
	if err != nil {
		t.Fatal(err)
	}
	for number := range int32(2) {
		if _, err := api.UploadPart.Do(call, &api.UploadPartInput{Bucket: "data", Key: "u", UploadID: *u.UploadID, PartNumber: number + 1, Body: bytes.NewReader(large)}); err != nil {
			t.Fatal(err)
		}
	}
	put("a")
	put("b")
	put("b") // the first is garbage now
	w, err := s.Blobs.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	orphan, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	check := func(when string, want int) {
		t.Helper()
		var ids []string
		for info, err := range s.Blobs.List(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, info.ID)
		}
		held, err := s.holds(t.Context(), ids)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, id := range ids {
			if held[id] {
				n++
			}
		}
		if n != want || len(ids) != want+1 && want < 6 || held[orphan.ID] != (want == 6) {
			t.Errorf("%s: %d of %d blobs are held, want %d; the orphan: %t", when, n, len(ids), want, held[orphan.ID])
		}
	}
	check("marked as they came", 5)
	// As a version without marks leaves it.
	err = s.DB.Update(t.Context(), func(tx *store.Tx) error {
		for h, err := range heldBlobs.Scan(tx, store.Range{}) {
			if err == nil {
				_, err = heldBlobs.Delete(tx, heldBlobs.Key(h))
			}
			if err != nil {
				return err
			}
		}
		_, err := adoptions.Delete(tx, store.K(0))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	check("not adopted yet", 6)
	if _, err := s.adopt(t.Context(), task.Task{}); err != nil {
		t.Fatal(err)
	}
	check("adopted", 5)
	c.WaitIdle(t)
	check("after garbage was removed", 4)
	if err := s.DB.View(t.Context(), func(tx *store.Tx) error {
		n := 0
		for _, err := range heldBlobs.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			n++
		}
		if n != 4 {
			t.Errorf("%d marks", n)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
