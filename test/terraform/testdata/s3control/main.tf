# S3 Control's clients put the account before the endpoint's host, which not every resolver knows below localhost.
# HTTP_PROXY set to the endpoint leads them there.

variable "revision" {
  type = number
}

locals {
  second = var.revision == 2
}

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

resource "aws_s3_bucket" "main" {
  bucket = "s3control-main"
}

resource "aws_s3_account_public_access_block" "main" {
  block_public_acls   = true
  block_public_policy = local.second
  ignore_public_acls  = local.second
}

resource "aws_s3_access_point" "main" {
  bucket = aws_s3_bucket.main.id
  name   = "s3control-door"

  public_access_block_configuration {
    block_public_acls       = true
    block_public_policy     = true
    ignore_public_acls      = true
    restrict_public_buckets = true
  }

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = data.aws_caller_identity.current.account_id }
      Action    = local.second ? "s3:Get*" : "s3:GetObject"
      Resource  = "arn:aws:s3:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:accesspoint/s3control-door/object/*"
    }]
  })
}

resource "aws_s3_access_point" "inside" {
  bucket = aws_s3_bucket.main.id
  name   = "s3control-inside"

  vpc_configuration {
    vpc_id = "vpc-0123456789abcdef0"
  }
}

resource "aws_s3control_access_point_policy" "main" {
  access_point_arn = aws_s3_access_point.inside.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = data.aws_caller_identity.current.account_id }
      Action    = local.second ? "s3:GetObjectTagging" : "s3:GetObject"
      Resource  = "${aws_s3_access_point.inside.arn}/object/*"
    }]
  })
}
