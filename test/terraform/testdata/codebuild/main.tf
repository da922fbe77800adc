# Every resource of CodeBuild: projects with all the blocks that are carried out, and what stands beside them.

variable "revision" {
  type = number
}

locals {
  first = var.revision == 1
  # The key that S3 has of its own, and one of one's own.
  key = local.first ? "arn:aws:kms:us-east-1:${data.aws_caller_identity.current.account_id}:alias/aws/s3" : aws_kms_key.output.arn
}

data "aws_caller_identity" "current" {}

resource "aws_iam_role" "build" {
  name = "codebuild-build"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "codebuild.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy" "build" {
  role = aws_iam_role.build.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["logs:*", "s3:*", "codecommit:GitPull", "codebuild:*"], Resource = "*" }]
  })
}

resource "aws_s3_bucket" "output" {
  bucket        = "codebuild-output"
  force_destroy = true
}

resource "aws_kms_key" "output" {
  description             = "codebuild-output"
  deletion_window_in_days = 7
}

resource "aws_codecommit_repository" "source" {
  repository_name = "codebuild-source"
}

resource "aws_codebuild_fleet" "fleet" {
  name              = "codebuild-fleet"
  base_capacity     = var.revision
  compute_type      = local.first ? "BUILD_GENERAL1_SMALL" : "BUILD_GENERAL1_MEDIUM"
  environment_type  = "LINUX_CONTAINER"
  overflow_behavior = local.first ? "QUEUE" : "ON_DEMAND"

  scaling_configuration {
    max_capacity = 3 + var.revision
    scaling_type = "TARGET_TRACKING_SCALING"

    target_tracking_scaling_configs {
      metric_type  = "FLEET_UTILIZATION_RATE"
      target_value = 90 + var.revision
    }
  }

  tags = { revision = var.revision }
}

data "aws_codebuild_fleet" "fleet" {
  name = aws_codebuild_fleet.fleet.name
}

resource "aws_codebuild_project" "full" {
  name                   = "codebuild-full"
  description            = "revision ${var.revision}"
  service_role           = aws_iam_role.build.arn
  build_timeout          = 10 * var.revision
  queued_timeout         = 20 * var.revision
  concurrent_build_limit = var.revision
  badge_enabled          = local.first
  encryption_key         = local.key
  source_version         = local.first ? "refs/heads/main" : "refs/heads/next"
  project_visibility     = local.first ? "PRIVATE" : "PUBLIC_READ"
  resource_access_role   = local.first ? null : aws_iam_role.build.arn

  source {
    type            = "CODECOMMIT"
    location        = aws_codecommit_repository.source.clone_url_http
    buildspec       = local.first ? "buildspec.yml" : "ci/buildspec.yml"
    git_clone_depth = var.revision

    git_submodules_config {
      fetch_submodules = local.first
    }
  }

  secondary_sources {
    source_identifier = "more"
    type              = "S3"
    location          = "${aws_s3_bucket.output.bucket}/source.zip"
  }

  secondary_sources {
    source_identifier = "shared"
    type              = "CODECOMMIT"
    location          = aws_codecommit_repository.source.clone_url_http
  }

  secondary_source_version {
    source_identifier = "shared"
    source_version    = local.first ? "refs/heads/main" : "refs/heads/next"
  }

  artifacts {
    type                   = "S3"
    location               = aws_s3_bucket.output.bucket
    name                   = "app"
    path                   = local.first ? "builds" : "builds/next"
    namespace_type         = local.first ? "BUILD_ID" : "NONE"
    packaging              = local.first ? "ZIP" : "NONE"
    override_artifact_name = local.first
    encryption_disabled    = !local.first
  }

  secondary_artifacts {
    artifact_identifier = "docs"
    type                = "S3"
    location            = aws_s3_bucket.output.bucket
    name                = "docs"
    packaging           = "ZIP"
  }

  cache {
    type     = local.first ? "S3" : "LOCAL"
    location = local.first ? "${aws_s3_bucket.output.bucket}/cache" : null
    modes    = local.first ? null : ["LOCAL_CUSTOM_CACHE", "LOCAL_SOURCE_CACHE"]
  }

  environment {
    type            = "LINUX_CONTAINER"
    image           = local.first ? "aws/codebuild/amazonlinux2-x86_64-standard:5.0" : "aws/codebuild/standard:7.0"
    compute_type    = local.first ? "BUILD_GENERAL1_SMALL" : "BUILD_GENERAL1_MEDIUM"
    privileged_mode = local.first

    environment_variable {
      name  = "REVISION"
      value = var.revision
    }

    environment_variable {
      name  = "SECRET"
      value = "/codebuild/secret"
      type  = "PARAMETER_STORE"
    }
  }

  logs_config {
    cloudwatch_logs {
      group_name  = "codebuild-full"
      stream_name = local.first ? "one" : "two"
    }

    s3_logs {
      status              = local.first ? "ENABLED" : "DISABLED"
      location            = local.first ? "${aws_s3_bucket.output.bucket}/logs" : null
      encryption_disabled = local.first
    }
  }

  build_batch_config {
    service_role      = aws_iam_role.build.arn
    combine_artifacts = local.first
    timeout_in_mins   = 30 * var.revision

    restrictions {
      compute_types_allowed  = local.first ? ["BUILD_GENERAL1_SMALL"] : ["BUILD_GENERAL1_SMALL", "BUILD_GENERAL1_MEDIUM"]
      maximum_builds_allowed = 10 * var.revision
    }
  }

  tags = { revision = var.revision }
}

resource "aws_codebuild_project" "on_fleet" {
  name         = "codebuild-on-fleet"
  service_role = aws_iam_role.build.arn

  source {
    type      = "NO_SOURCE"
    buildspec = "version: 0.2\nphases: {build: {commands: ['echo ${var.revision}']}}\n"
  }

  artifacts {
    type = "NO_ARTIFACTS"
  }

  environment {
    type         = "LINUX_CONTAINER"
    image        = "aws/codebuild/standard:7.0"
    compute_type = "BUILD_GENERAL1_SMALL"

    fleet {
      fleet_arn = data.aws_codebuild_fleet.fleet.arn
    }
  }
}

resource "aws_codebuild_source_credential" "enterprise" {
  auth_type   = "PERSONAL_ACCESS_TOKEN"
  server_type = "GITHUB_ENTERPRISE"
  token       = "codebuild-token-${var.revision}"
}

resource "aws_codebuild_project" "hooked" {
  name         = "codebuild-hooked"
  service_role = aws_iam_role.build.arn

  source {
    type         = "GITHUB_ENTERPRISE"
    location     = "https://git.example.com/me/shop.git"
    insecure_ssl = !local.first

    build_status_config {
      context = "drydock ${var.revision}"
    }
  }

  artifacts {
    type = "NO_ARTIFACTS"
  }

  environment {
    type         = "LINUX_CONTAINER"
    image        = "aws/codebuild/standard:7.0"
    compute_type = "BUILD_GENERAL1_SMALL"
  }

  build_batch_config {
    service_role = aws_iam_role.build.arn
  }

  depends_on = [aws_codebuild_source_credential.enterprise]
}

resource "aws_codebuild_webhook" "hook" {
  project_name    = aws_codebuild_project.hooked.name
  build_type      = local.first ? "BUILD" : "BUILD_BATCH"
  manual_creation = true

  filter_group {
    filter {
      type    = "EVENT"
      pattern = local.first ? "PUSH" : "PUSH, PULL_REQUEST_CREATED"
    }

    filter {
      type                    = "HEAD_REF"
      pattern                 = "^refs/heads/release-${var.revision}$"
      exclude_matched_pattern = !local.first
    }
  }
}

resource "aws_codebuild_report_group" "raw" {
  name           = "codebuild-raw"
  type           = "TEST"
  delete_reports = true

  export_config {
    type = "S3"

    s3_destination {
      bucket              = aws_s3_bucket.output.bucket
      encryption_disabled = false
      encryption_key      = local.key
      packaging           = local.first ? "NONE" : "ZIP"
      path                = "/reports/${var.revision}"
    }
  }

  tags = { revision = var.revision }
}

resource "aws_codebuild_report_group" "coverage" {
  name = "codebuild-coverage"
  type = "CODE_COVERAGE"

  export_config {
    type = "NO_EXPORT"
  }
}

resource "aws_codebuild_resource_policy" "shared" {
  resource_arn = aws_codebuild_report_group.raw.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::${local.first ? "444455556666" : "555566667777"}:root" }
      Action    = ["codebuild:BatchGetReportGroups", "codebuild:BatchGetReports", "codebuild:ListReportsForReportGroup", "codebuild:DescribeTestCases"]
      Resource  = aws_codebuild_report_group.raw.arn
    }]
  })
}
