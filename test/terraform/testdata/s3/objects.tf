resource "aws_s3_object" "main" {
  bucket        = aws_s3_bucket.main.id
  key           = "documents/main.txt"
  content       = local.second ? "two" : "one"
  content_type  = "text/plain"
  cache_control = local.second ? "max-age=60" : null
  metadata      = { revision = tostring(var.revision) }
  storage_class = local.second ? "STANDARD_IA" : "STANDARD"
  tags          = local.second ? { a = "2" } : { a = "1" }
  depends_on    = [aws_s3_bucket_versioning.main]
}

resource "aws_s3_bucket_object" "old" {
  bucket     = aws_s3_bucket.main.id
  key        = "documents/old.txt"
  content    = "old"
  acl        = "bucket-owner-full-control"
  depends_on = [aws_s3_bucket_versioning.main]
}

resource "aws_s3_object_copy" "main" {
  bucket             = aws_s3_bucket.target.id
  key                = "copies/old.txt"
  source             = "${aws_s3_bucket.main.id}/${aws_s3_bucket_object.old.key}"
  metadata_directive = "REPLACE"
  content_type       = local.second ? "text/x-two" : "text/x-one"
  tagging_directive  = "REPLACE"
  tags               = { revision = tostring(var.revision) }
}

data "aws_s3_bucket" "main" {
  bucket = aws_s3_bucket.main.id
}

data "aws_s3_bucket_policy" "target" {
  bucket = aws_s3_bucket_policy.target.bucket
}

data "aws_s3_object" "main" {
  bucket = aws_s3_object.main.bucket
  key    = aws_s3_object.main.key
}

data "aws_s3_bucket_object" "main" {
  bucket = aws_s3_object.main.bucket
  key    = aws_s3_object.main.key
}

data "aws_s3_objects" "main" {
  bucket     = aws_s3_bucket.main.id
  prefix     = "documents/"
  depends_on = [aws_s3_object.main, aws_s3_bucket_object.old]
}

data "aws_s3_bucket_objects" "main" {
  bucket     = aws_s3_bucket.main.id
  prefix     = "documents/"
  depends_on = [aws_s3_object.main, aws_s3_bucket_object.old]
}

check "data_sources" {
  assert {
    condition     = data.aws_s3_bucket.main.region == data.aws_region.current.name
    error_message = "the bucket is in another region"
  }
  assert {
    condition     = data.aws_s3_object.main.body == (local.second ? "two" : "one")
    error_message = "the object has another body"
  }
  assert {
    condition     = length(data.aws_s3_objects.main.keys) == 2
    error_message = "there are other objects"
  }
}
