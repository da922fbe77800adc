resource "aws_s3_bucket" "granted" {
  bucket        = "s3-granted"
  force_destroy = true
}

resource "aws_s3_bucket_ownership_controls" "granted" {
  bucket = aws_s3_bucket.granted.id
  rule {
    object_ownership = local.second ? "BucketOwnerPreferred" : "ObjectWriter"
  }
}

resource "aws_s3_bucket_acl" "granted" {
  depends_on = [aws_s3_bucket_ownership_controls.granted]
  bucket     = aws_s3_bucket.granted.id

  access_control_policy {
    owner {
      id = data.aws_canonical_user_id.current.id
    }
    grant {
      permission = "FULL_CONTROL"
      grantee {
        id   = data.aws_canonical_user_id.current.id
        type = "CanonicalUser"
      }
    }
    grant {
      permission = local.second ? "WRITE" : "READ_ACP"
      grantee {
        uri  = "http://acs.amazonaws.com/groups/s3/LogDelivery"
        type = "Group"
      }
    }
  }
}

resource "aws_s3_bucket" "locked" {
  bucket              = "s3-locked"
  object_lock_enabled = true
  force_destroy       = true
}

resource "aws_s3_bucket_object_lock_configuration" "locked" {
  bucket = aws_s3_bucket.locked.id

  rule {
    default_retention {
      mode = "GOVERNANCE"
      days = local.second ? 2 : 1
    }
  }
}

resource "aws_s3_object" "locked" {
  depends_on                    = [aws_s3_bucket_object_lock_configuration.locked]
  bucket                        = aws_s3_bucket.locked.id
  key                           = "held"
  content                       = "held"
  object_lock_legal_hold_status = local.second ? "OFF" : "ON"
  object_lock_mode              = "GOVERNANCE"
  object_lock_retain_until_date = local.second ? "2101-01-01T00:00:00Z" : "2100-01-01T00:00:00Z"
  force_destroy                 = true
}
