package codebuild

import (
	"context"

	api "drydock/api/codebuild"
	"drydock/api/s3"
)

func shownArtifacts(a *api.ProjectArtifacts, id string) *api.BuildArtifacts { return &api.BuildArtifacts{Location: new("")} }
func (r *run) encrypt(in *s3.PutObjectInput) {}
func (r *run) uploadArtifacts(ctx context.Context) *failure { return nil }
