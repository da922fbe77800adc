variable "revision" {
  type = number
}

locals {
  second = var.revision == 2
}

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

data "aws_canonical_user_id" "current" {}

resource "aws_s3_bucket" "main" {
  bucket        = "s3-main"
  force_destroy = true
  tags          = local.second ? { stage = "two", team = "s3" } : { stage = "one" }
}

resource "aws_s3_bucket" "target" {
  bucket        = "s3-target"
  force_destroy = true
}

resource "aws_s3_bucket" "prefixed" {
  bucket_prefix = "s3-prefixed-"
  force_destroy = local.second
}

resource "aws_s3_bucket_versioning" "main" {
  bucket = aws_s3_bucket.main.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_versioning" "prefixed" {
  bucket = aws_s3_bucket.prefixed.id
  versioning_configuration {
    status = local.second ? "Suspended" : "Enabled"
  }
}

resource "aws_s3_bucket_accelerate_configuration" "main" {
  bucket = aws_s3_bucket.main.id
  status = local.second ? "Suspended" : "Enabled"
}

resource "aws_s3_bucket_request_payment_configuration" "main" {
  bucket = aws_s3_bucket.prefixed.id
  payer  = local.second ? "Requester" : "BucketOwner"
}

resource "aws_s3_bucket_analytics_configuration" "main" {
  bucket = aws_s3_bucket.main.id
  name   = "whole"

  filter {
    prefix = "documents/"
    tags   = local.second ? { priority = "high", class = "blue" } : { priority = "high" }
  }

  storage_class_analysis {
    data_export {
      destination {
        s3_bucket_destination {
          bucket_arn = aws_s3_bucket.target.arn
          prefix     = local.second ? "analytics" : null
        }
      }
    }
  }
}

resource "aws_s3_bucket_metric" "all" {
  bucket = aws_s3_bucket.main.id
  name   = "all"
}

resource "aws_s3_bucket_metric" "some" {
  bucket = aws_s3_bucket.main.id
  name   = "some"

  filter {
    prefix = local.second ? "pictures/" : "documents/"
    tags   = { priority = "high" }
  }
}

resource "aws_s3_bucket_intelligent_tiering_configuration" "main" {
  bucket = aws_s3_bucket.main.id
  name   = "archive"
  status = local.second ? "Disabled" : "Enabled"

  filter {
    prefix = "documents/"
    tags   = { priority = "low" }
  }

  tiering {
    access_tier = "DEEP_ARCHIVE_ACCESS"
    days        = local.second ? 200 : 180
  }

  tiering {
    access_tier = "ARCHIVE_ACCESS"
    days        = 125
  }
}

resource "aws_s3_bucket_inventory" "main" {
  bucket                   = aws_s3_bucket.main.id
  name                     = "daily"
  included_object_versions = local.second ? "Current" : "All"
  optional_fields          = local.second ? ["Size", "ETag", "StorageClass"] : ["Size"]

  filter {
    prefix = "documents/"
  }

  schedule {
    frequency = local.second ? "Weekly" : "Daily"
  }

  destination {
    bucket {
      format     = "CSV"
      bucket_arn = aws_s3_bucket.target.arn
      prefix     = "inventory"
    }
  }
}

resource "aws_s3_bucket_cors_configuration" "main" {
  bucket = aws_s3_bucket.main.id

  cors_rule {
    id              = "pages"
    allowed_headers = ["*"]
    allowed_methods = local.second ? ["GET", "PUT"] : ["GET"]
    allowed_origins = ["https://example.com"]
    expose_headers  = ["ETag"]
    max_age_seconds = local.second ? 600 : 3000
  }

  cors_rule {
    allowed_methods = ["GET"]
    allowed_origins = ["*"]
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "main" {
  bucket     = aws_s3_bucket.main.id
  depends_on = [aws_s3_bucket_versioning.main]

  rule {
    id     = "logs"
    status = local.second ? "Disabled" : "Enabled"

    filter {
      and {
        prefix                   = "log/"
        object_size_greater_than = 500
        tags                     = { rule = "logs", autoclean = "true" }
      }
    }

    transition {
      days          = 30
      storage_class = "STANDARD_IA"
    }

    transition {
      days          = local.second ? 90 : 60
      storage_class = "GLACIER"
    }

    expiration {
      days = 120
    }
  }

  rule {
    id     = "versions"
    status = "Enabled"

    filter {
      prefix = ""
    }

    noncurrent_version_transition {
      noncurrent_days           = 30
      newer_noncurrent_versions = local.second ? 3 : 2
      storage_class             = "STANDARD_IA"
    }

    noncurrent_version_expiration {
      noncurrent_days = 90
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = local.second ? 2 : 7
    }
  }
}

resource "aws_s3_bucket_policy" "target" {
  bucket = aws_s3_bucket.target.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Logs"
        Effect    = "Allow"
        Principal = { Service = "logging.s3.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${aws_s3_bucket.target.arn}/${local.second ? "log" : "logs"}/*"
        Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
      },
      {
        Sid       = "Inventory"
        Effect    = "Allow"
        Principal = { Service = "s3.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${aws_s3_bucket.target.arn}/*"
        Condition = { ArnLike = { "aws:SourceArn" = aws_s3_bucket.main.arn } }
      },
    ]
  })
}

resource "aws_s3_bucket_logging" "main" {
  bucket        = aws_s3_bucket.main.id
  target_bucket = aws_s3_bucket.target.id
  target_prefix = local.second ? "log/" : "logs/"

  target_object_key_format {
    dynamic "partitioned_prefix" {
      for_each = local.second ? [1] : []
      content {
        partition_date_source = "EventTime"
      }
    }
    dynamic "simple_prefix" {
      for_each = local.second ? [] : [1]
      content {}
    }
  }
}

resource "aws_s3_bucket_notification" "main" {
  bucket      = aws_s3_bucket.main.id
  eventbridge = !local.second
}

resource "aws_s3_bucket_ownership_controls" "main" {
  bucket = aws_s3_bucket.main.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "main" {
  bucket                  = aws_s3_bucket.main.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = local.second
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "main" {
  bucket = aws_s3_bucket.main.id
  rule {
    bucket_key_enabled = local.second
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_website_configuration" "main" {
  bucket = aws_s3_bucket.main.id

  index_document {
    suffix = local.second ? "home.html" : "index.html"
  }

  error_document {
    key = "error.html"
  }

  routing_rule {
    condition {
      key_prefix_equals = "docs/"
    }
    redirect {
      replace_key_prefix_with = local.second ? "manuals/" : "documents/"
    }
  }
}

resource "aws_s3_bucket_website_configuration" "redirected" {
  bucket = aws_s3_bucket.prefixed.id

  redirect_all_requests_to {
    host_name = "example.com"
    protocol  = local.second ? "https" : "http"
  }
}
