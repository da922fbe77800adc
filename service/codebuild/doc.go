// Package codebuild is AWS CodeBuild.
package codebuild
