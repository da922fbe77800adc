package codebuild

import (
	"context"
	"errors"
	"net/url"
	"path"
	"strings"

	api "drydock/api/codebuild"
	"drydock/api/s3"
	"drydock/aws"
	"drydock/store"
	"drydock/task"
)

// reconcileCombine ends a batch whose builds have all passed: it brings their artifacts together, where that is asked
// for. It may be done again: copying twice is no harm.
func (s *Service) reconcileCombine(ctx context.Context, t task.Task) (task.Next, error) {
	var b *buildBatch
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		var err error
		b, err = buildBatches.Get(tx, keyOfTask(t.Key))
		return err
	})
	if errors.Is(err, store.ErrNotFound) || err == nil && b.complete() {
		return task.Done, nil
	}
	if err != nil {
		return task.Done, err
	}
	var failed *failure
	if value(b.Plan.BuildBatchConfig.CombineArtifacts) {
		if err := s.combine(ctx, b); err != nil {
			if ctx.Err() != nil || aws.ErrorCode(err) == "" {
				return task.Done, err
			}
			failed = clientError("Error in COMBINE_ARTIFACTS phase: [%s]", serviceError(err))
		}
	}
	now := s.Clock.Now()
	return task.Done, s.DB.Update(ctx, func(tx *store.Tx) error {
		b, err := buildBatches.Get(tx, keyOfTask(t.Key))
		if errors.Is(err, store.ErrNotFound) || err == nil && b.complete() {
			return nil
		}
		if err != nil {
			return err
		}
		if err := b.refresh(tx); err != nil {
			return err
		}
		if failed != nil {
			return s.failBatch(tx, b, failed, now)
		}
		b.leave(api.StatusTypeSucceeded, nil, now)
		b.end(api.StatusTypeSucceeded, now)
		if err := s.Tasks.Cancel(tx, batchTimeoutTask, b.taskKey()); err != nil {
			return err
		}
		return buildBatches.Put(tx, b)
	})
}

// combine copies what the builds have delivered to the place of the batch's own artifacts, as the service role that
// delivered it: files of all builds to one folder, packages to folders named by their builds.
func (s *Service) combine(ctx context.Context, b *buildBatch) error {
	r := &role{s: s, arn: roleARN(value(b.Plan.ServiceRole), b.Account, b.Region), session: "AWSCodeBuild-" + b.uuid(), account: b.Account, region: b.Region}
	for i := 1; i < len(b.Members); i++ {
		var one *build
		err := s.DB.View(ctx, func(tx *store.Tx) error {
			var err error
			one, err = builds.Get(tx, store.K(b.Account, b.Region, b.Members[i].Build))
			return err
		})
		if errors.Is(err, store.ErrNotFound) || err == nil && *one.Detail.BuildStatus != api.StatusTypeSucceeded {
			continue
		}
		if err != nil {
			return err
		}
		if err := combineOne(ctx, r, b.Plan.Artifacts, one.Detail.Artifacts, b, i); err != nil {
			return err
		}
		for j := range b.Plan.SecondaryArtifacts {
			if err := combineOne(ctx, r, &b.Plan.SecondaryArtifacts[j], &one.Detail.SecondaryArtifacts[j], b, i); err != nil {
				return err
			}
		}
	}
	return nil
}

func combineOne(ctx context.Context, r *role, config *api.ProjectArtifacts, delivered *api.BuildArtifacts, b *buildBatch, index int) error {
	if config.Type != api.ArtifactsTypeS3 {
		return nil
	}
	bucket, from, _ := strings.Cut(strings.TrimPrefix(value(delivered.Location), "arn:aws:s3:::"), "/")
	to := artifactKey(config, b.uuid(), value(config.Name))
	if value(config.Packaging) == api.ArtifactPackagingZip {
		return copyObject(ctx, r, config, bucket, from, path.Join(to, b.Members[index].Spec.Identifier, path.Base(from)), b)
	}
	in := &s3.ListObjectsV2Input{Bucket: bucket, Prefix: new(strings.TrimSuffix(from, "/") + "/")}
	for {
		call, err := r.call(ctx)
		if err != nil {
			return err
		}
		page, err := s3.ListObjectsV2.Do(call, in)
		if err != nil {
			return err
		}
		for _, o := range page.Contents {
			key := value(o.Key)
			if err := copyObject(ctx, r, config, bucket, key, path.Join(to, strings.TrimPrefix(key, *in.Prefix)), b); err != nil {
				return err
			}
		}
		if in.ContinuationToken = page.NextContinuationToken; in.ContinuationToken == nil {
			return nil
		}
	}
}

func copyObject(ctx context.Context, r *role, config *api.ProjectArtifacts, bucket, from, to string, b *buildBatch) error {
	call, err := r.call(ctx)
	if err != nil {
		return err
	}
	in := &s3.CopyObjectInput{Bucket: value(config.Location), Key: to, CopySource: (&url.URL{Path: bucket + "/" + from}).EscapedPath()}
	if !value(config.EncryptionDisabled) {
		var asked s3.PutObjectInput
		encryptWith(&asked, value(b.Plan.EncryptionKey))
		in.ServerSideEncryption, in.SSEKMSKeyID = asked.ServerSideEncryption, asked.SSEKMSKeyID
	}
	_, err = s3.CopyObject.Do(call, in)
	return err
}
