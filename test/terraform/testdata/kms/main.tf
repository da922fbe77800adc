variable "revision" { type = number }

data "aws_caller_identity" "current" {}

locals {
  second = var.revision == 2
  root   = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:root"
  policy = jsonencode({
    Version = "2012-10-17"
    Id      = "kms-${var.revision}"
    Statement = [{
      Sid       = "Account"
      Effect    = "Allow"
      Principal = { AWS = local.root }
      Action    = "kms:*"
      Resource  = "*"
    }]
  })
}

# Symmetric keys: everything that changes in place does.
resource "aws_kms_key" "main" {
  description             = "kms main ${var.revision}"
  enable_key_rotation     = true
  rotation_period_in_days = local.second ? 180 : 90
  deletion_window_in_days = 7
  policy                  = local.policy
  tags                    = local.second ? { team = "blue", stage = "test" } : { team = "red" }
}

resource "aws_kms_key" "plain" {
  description             = "kms plain"
  enable_key_rotation     = local.second
  is_enabled              = true
  deletion_window_in_days = 10
}

resource "aws_kms_key" "off" {
  is_enabled              = !local.second
  deletion_window_in_days = 7
}

# One key of each other kind.
resource "aws_kms_key" "rsa" {
  customer_master_key_spec = "RSA_2048"
  key_usage                = "ENCRYPT_DECRYPT"
  deletion_window_in_days  = 7
}

resource "aws_kms_key" "ecc" {
  customer_master_key_spec = "ECC_NIST_P256"
  key_usage                = "SIGN_VERIFY"
  deletion_window_in_days  = 7
}

resource "aws_kms_key" "agreement" {
  customer_master_key_spec = "ECC_NIST_P384"
  key_usage                = "KEY_AGREEMENT"
  deletion_window_in_days  = 7
}

resource "aws_kms_key" "mac" {
  customer_master_key_spec = "HMAC_256"
  key_usage                = "GENERATE_VERIFY_MAC"
  deletion_window_in_days  = 7
}

resource "aws_kms_key_policy" "plain" {
  key_id = aws_kms_key.plain.id
  policy = local.policy
}

resource "aws_kms_alias" "main" {
  name          = "alias/kms-main"
  target_key_id = local.second ? aws_kms_key.plain.key_id : aws_kms_key.main.key_id
}

resource "aws_kms_alias" "prefixed" {
  name_prefix   = "alias/kms-prefixed-"
  target_key_id = aws_kms_key.mac.arn
}

resource "aws_iam_role" "grantee" {
  name = "kms-grantee"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "aws_kms_grant" "main" {
  name               = "kms-grant"
  key_id             = aws_kms_key.main.key_id
  grantee_principal  = aws_iam_role.grantee.arn
  retiring_principal = aws_iam_role.grantee.arn
  operations         = ["Encrypt", "Decrypt", "GenerateDataKey"]
  constraints {
    encryption_context_equals = { Department = "Finance" }
  }
}

resource "aws_kms_grant" "subset" {
  key_id            = aws_kms_key.main.arn
  grantee_principal = aws_iam_role.grantee.arn
  operations        = ["Decrypt", "RetireGrant", "DescribeKey"]
  retire_on_delete  = false
  constraints {
    encryption_context_subset = { Department = "Finance" }
  }
}

resource "aws_kms_ciphertext" "secret" {
  key_id    = aws_kms_key.main.key_id
  plaintext = "the secret"
  context   = { app = "shop" }
}

data "aws_kms_secrets" "secret" {
  secret {
    name    = "secret"
    payload = aws_kms_ciphertext.secret.ciphertext_blob
    context = { app = "shop" }
  }
}

# Material of the user.
resource "aws_kms_external_key" "main" {
  description             = "kms external ${var.revision}"
  key_material_base64     = base64encode("0123456789abcdef0123456789abcdef")
  enabled                 = !local.second
  deletion_window_in_days = 7
  policy                  = local.policy
  tags                    = { revision = tostring(var.revision) }
}

resource "aws_kms_external_key" "empty" {
  deletion_window_in_days = 7
}

# Keys of two regions.
resource "aws_kms_key" "regions" {
  description             = "kms regions"
  multi_region            = true
  enable_key_rotation     = true
  deletion_window_in_days = 7
}

resource "aws_kms_replica_key" "west" {
  provider                = aws.west
  description             = "kms west ${var.revision}"
  primary_key_arn         = aws_kms_key.regions.arn
  deletion_window_in_days = 7
  enabled                 = !local.second
  policy                  = local.policy
  tags                    = local.second ? { a = "2", b = "3" } : { a = "1" }
}

resource "aws_kms_external_key" "regions" {
  multi_region            = true
  key_material_base64     = base64encode("fedcba9876543210fedcba9876543210")
  enabled                 = true
  deletion_window_in_days = 7
}

resource "aws_kms_replica_external_key" "west" {
  provider                = aws.west
  description             = "kms west ${var.revision}"
  primary_key_arn         = aws_kms_external_key.regions.arn
  key_material_base64     = base64encode("fedcba9876543210fedcba9876543210")
  enabled                 = true
  deletion_window_in_days = 7
}

data "aws_kms_key" "main" {
  key_id = aws_kms_key.main.arn
}

data "aws_kms_key" "regions" {
  key_id     = aws_kms_key.regions.key_id
  depends_on = [aws_kms_replica_key.west]
}

data "aws_kms_alias" "main" {
  name       = aws_kms_alias.main.name
  depends_on = [aws_kms_alias.main]
}

data "aws_kms_alias" "managed" {
  name = "alias/aws/s3"
}

data "aws_kms_public_key" "rsa" {
  key_id = aws_kms_key.rsa.arn
}

output "checks" {
  value = {
    secret  = nonsensitive(data.aws_kms_secrets.secret.plaintext["secret"]) == "the secret"
    spec    = data.aws_kms_key.main.customer_master_key_spec == "SYMMETRIC_DEFAULT"
    alias   = data.aws_kms_alias.main.target_key_id == (local.second ? aws_kms_key.plain.key_id : aws_kms_key.main.key_id)
    managed = length(data.aws_kms_alias.managed.target_key_arn) > 0
    public  = startswith(data.aws_kms_public_key.rsa.public_key_pem, "-----BEGIN PUBLIC KEY-----")
    replica = aws_kms_replica_key.west.key_id == aws_kms_key.regions.key_id
  }
  precondition {
    condition     = nonsensitive(data.aws_kms_secrets.secret.plaintext["secret"]) == "the secret"
    error_message = "the ciphertext was not decrypted"
  }
}
