package codebuild

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	api "drydock/api/codebuild"
	"drydock/store"
)

// conclude does what the end of a build brings with it: its batch goes on, or a build that has failed is tried again.
// The build's record has been written.
func (s *Service) conclude(tx *store.Tx, b *build, now time.Time) error {
	if err := s.Tasks.Cancel(tx, timeoutTask, b.taskKey()); err != nil {
		return err
	}
	if b.Batch != "" {
		return s.Tasks.Schedule(tx, batchTask, b.Account+"/"+b.Region+"/"+b.Batch, now, nil)
	}
	switch *b.Detail.BuildStatus {
	case api.StatusTypeFailed, api.StatusTypeFault, api.StatusTypeTimedOut:
		return s.tryAgain(tx, b, now)
	case api.StatusTypeSucceeded, api.StatusTypeStopped, api.StatusTypeInProgress:
	}
	return nil
}

// tryAgain submits a build that has failed anew, where it may be tried again by itself.
func (s *Service) tryAgain(tx *store.Tx, b *build, now time.Time) error {
	number := int32(0)
	if c := b.Detail.AutoRetryConfig; c != nil {
		number = value(c.AutoRetryNumber)
	}
	if number >= b.RetryLimit {
		return nil
	}
	p, err := projects.Get(tx, store.K(b.Account, b.Region, *b.Detail.ProjectName))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	p.Builds++
	if err := projects.Put(tx, p); err != nil {
		return err
	}
	next := newBuild(order{p, b.plan(p), b.Detail.SourceVersion, b.debugged()}, followingID(b.ID), *b.Detail.Initiator, now)
	limit := b.RetryLimit
	next.RetryLimit = limit
	next.Detail.AutoRetryConfig = &api.AutoRetryConfig{AutoRetryLimit: &limit, AutoRetryNumber: new(number + 1), PreviousAutoRetry: b.Detail.ARN}
	if err := builds.Put(tx, next); err != nil {
		return err
	}
	due := now.Add(time.Duration(*next.Detail.QueuedTimeoutInMinutes) * time.Minute)
	if err := s.Tasks.Schedule(tx, timeoutTask, next.taskKey(), due, nil); err != nil {
		return err
	}
	if b.Detail.AutoRetryConfig == nil {
		b.Detail.AutoRetryConfig = &api.AutoRetryConfig{AutoRetryLimit: &limit, AutoRetryNumber: &number}
	}
	b.Detail.AutoRetryConfig.NextAutoRetry = next.Detail.ARN
	if err := builds.Put(tx, b); err != nil {
		return err
	}
	return s.admit(tx, now)
}

// followingID is a UUID that follows from an id, so that a transaction that runs twice gives it twice.
func followingID(id string) string {
	sum := sha256.Sum256([]byte(id))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // a version 8 UUID: of the maker's own making
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
