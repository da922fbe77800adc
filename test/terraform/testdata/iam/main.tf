# Every resource and data source of IAM in the provider but aws_iam_organizations_features, which needs an organization.
variable "revision" { type = number }

locals {
  first  = var.revision == 1
  tags   = { revision = tostring(var.revision), kept = "same" }
  assume = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }] })
  read   = "arn:aws:iam::aws:policy/ReadOnlyAccess"
  view   = "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"
}

data "aws_caller_identity" "current" {}

# Policies.

data "aws_iam_policy_document" "base" {
  statement {
    sid       = "List"
    actions   = ["iam:List*", "iam:Get*"]
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "full" {
  source_policy_documents = [data.aws_iam_policy_document.base.json]
  statement {
    sid       = "Own"
    effect    = local.first ? "Deny" : "Allow"
    actions   = ["iam:ChangePassword"]
    resources = ["arn:aws:iam::*:user/&{aws:username}"]
    condition {
      test     = "Bool"
      variable = "aws:MultiFactorAuthPresent"
      values   = ["true"]
    }
  }
}

resource "aws_iam_policy" "this" {
  name        = "iam-policy"
  path        = "/iam/"
  description = "A policy with versions"
  policy      = data.aws_iam_policy_document.full.json
  tags        = local.tags
}

resource "aws_iam_policy" "prefixed" {
  name_prefix = "iam-prefixed-"
  policy      = data.aws_iam_policy_document.base.json
}

data "aws_iam_policy" "by_arn" {
  arn = aws_iam_policy.this.arn
}

data "aws_iam_policy" "by_name" {
  name       = "ReadOnlyAccess"
  depends_on = [aws_iam_policy.this]
}

# Users.

resource "aws_iam_user" "alice" {
  name                 = "iam-alice"
  path                 = local.first ? "/iam/" : "/iam/team/"
  permissions_boundary = local.first ? local.read : local.view
  force_destroy        = true
  tags                 = local.tags
}

resource "aws_iam_user" "bob" {
  name = "iam-bob"
  path = "/iam/"
}

resource "aws_iam_user_policy" "this" {
  name   = "iam-inline"
  user   = aws_iam_user.alice.name
  policy = data.aws_iam_policy_document.full.json
}

resource "aws_iam_user_policies_exclusive" "this" {
  user_name    = aws_iam_user.alice.name
  policy_names = [aws_iam_user_policy.this.name]
}

resource "aws_iam_user_policy_attachment" "this" {
  user       = aws_iam_user.alice.name
  policy_arn = aws_iam_policy.prefixed.arn
}

resource "aws_iam_user_policy_attachments_exclusive" "this" {
  user_name   = aws_iam_user.alice.name
  policy_arns = [aws_iam_user_policy_attachment.this.policy_arn]
}

resource "aws_iam_access_key" "this" {
  user   = aws_iam_user.bob.name
  status = local.first ? "Active" : "Inactive"
}

data "aws_iam_access_keys" "this" {
  user       = aws_iam_access_key.this.user
  depends_on = [aws_iam_access_key.this]
}

resource "aws_iam_user_login_profile" "this" {
  user                    = aws_iam_user.bob.name
  password_length         = 24
  password_reset_required = true
  depends_on              = [aws_iam_account_password_policy.this]
}

resource "aws_iam_user_ssh_key" "this" {
  username   = aws_iam_user.bob.name
  encoding   = "SSH"
  public_key = file("${path.module}/ssh.pub")
  status     = local.first ? "Active" : "Inactive"
}

data "aws_iam_user_ssh_key" "this" {
  encoding          = "PEM"
  ssh_public_key_id = aws_iam_user_ssh_key.this.ssh_public_key_id
  username          = aws_iam_user.bob.name
}

resource "aws_iam_signing_certificate" "this" {
  user_name        = aws_iam_user.bob.name
  certificate_body = file("${path.module}/leaf.pem")
  status           = local.first ? "Active" : "Inactive"
}

resource "aws_iam_service_specific_credential" "this" {
  user_name    = aws_iam_user.bob.name
  service_name = "codecommit.amazonaws.com"
  status       = local.first ? "Active" : "Inactive"
}

resource "aws_iam_virtual_mfa_device" "this" {
  virtual_mfa_device_name = "iam-device"
  path                    = "/iam/"
  tags                    = local.tags
}

data "aws_iam_user" "this" {
  user_name = aws_iam_user.bob.name
}

data "aws_iam_users" "this" {
  name_regex = "iam-bob.*"
  depends_on = [aws_iam_user.bob]
}

# Groups.

resource "aws_iam_group" "ops" {
  name = local.first ? "iam-ops" : "iam-operations"
  path = local.first ? "/iam/" : "/iam/team/"
}

resource "aws_iam_group" "dev" {
  name = "iam-dev"
}

resource "aws_iam_group_policy" "this" {
  name   = "iam-inline"
  group  = aws_iam_group.ops.name
  policy = data.aws_iam_policy_document.full.json
}

resource "aws_iam_group_policies_exclusive" "this" {
  group_name   = aws_iam_group.ops.name
  policy_names = [aws_iam_group_policy.this.name]
}

resource "aws_iam_group_policy_attachment" "this" {
  group      = aws_iam_group.ops.name
  policy_arn = local.read
}

resource "aws_iam_group_policy_attachments_exclusive" "this" {
  group_name  = aws_iam_group.ops.name
  policy_arns = [aws_iam_group_policy_attachment.this.policy_arn]
}

resource "aws_iam_group_membership" "this" {
  name  = "iam-membership"
  group = aws_iam_group.ops.name
  users = local.first ? [aws_iam_user.bob.name] : [aws_iam_user.bob.name, aws_iam_user.alice.name]
}

resource "aws_iam_user_group_membership" "this" {
  user   = aws_iam_user.bob.name
  groups = [aws_iam_group.dev.name]
}

data "aws_iam_group" "this" {
  group_name = aws_iam_group.dev.name
  depends_on = [aws_iam_user_group_membership.this]
}

# Roles.

resource "aws_iam_role" "this" {
  name                 = "iam-role"
  path                 = "/iam/"
  description          = "Revision ${var.revision}"
  assume_role_policy   = local.first ? local.assume : data.aws_iam_policy_document.federation.json
  max_session_duration = local.first ? 3600 : 7200
  permissions_boundary = local.first ? local.read : null
  tags                 = local.tags
}

resource "aws_iam_role" "profiled" {
  name_prefix        = "iam-profiled-"
  assume_role_policy = local.assume
}

resource "aws_iam_role_policy" "this" {
  name   = "iam-inline"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.full.json
}

resource "aws_iam_role_policies_exclusive" "this" {
  role_name    = aws_iam_role.this.name
  policy_names = [aws_iam_role_policy.this.name]
}

resource "aws_iam_role_policy_attachment" "this" {
  role       = aws_iam_role.this.name
  policy_arn = local.read
}

resource "aws_iam_role_policy_attachments_exclusive" "this" {
  role_name   = aws_iam_role.this.name
  policy_arns = [aws_iam_role_policy_attachment.this.policy_arn]
}

resource "aws_iam_policy_attachment" "this" {
  name       = "iam-attachment"
  policy_arn = aws_iam_policy.this.arn
  users      = [aws_iam_user.bob.name]
  roles      = [aws_iam_role.profiled.name]
  groups     = local.first ? [] : [aws_iam_group.dev.name]
}

resource "aws_iam_instance_profile" "this" {
  name = "iam-profile"
  path = "/iam/"
  role = local.first ? aws_iam_role.profiled.name : aws_iam_role.this.name
  tags = local.tags
}

resource "aws_iam_service_linked_role" "this" {
  aws_service_name = "autoscaling.amazonaws.com"
  custom_suffix    = "iam"
  description      = "Revision ${var.revision}"
  tags             = local.tags
}

data "aws_iam_role" "this" {
  name = aws_iam_role.profiled.name
}

data "aws_iam_roles" "this" {
  path_prefix = "/iam/"
  depends_on  = [aws_iam_role.this]
}

data "aws_iam_instance_profile" "this" {
  name       = aws_iam_instance_profile.this.name
  depends_on = [aws_iam_instance_profile.this]
}

data "aws_iam_instance_profiles" "this" {
  role_name  = local.first ? aws_iam_role.profiled.name : aws_iam_role.this.name
  depends_on = [aws_iam_instance_profile.this]
}

data "aws_iam_session_context" "this" {
  arn        = "arn:aws:sts::${data.aws_caller_identity.current.account_id}:assumed-role/${aws_iam_role.this.name}/session"
  depends_on = [aws_iam_role.this]
}

data "aws_iam_principal_policy_simulation" "this" {
  policy_source_arn = aws_iam_role.profiled.arn
  action_names      = ["iam:ListUsers", "iam:CreateUser"]
  depends_on        = [aws_iam_policy_attachment.this]
}

# Identity providers.

resource "aws_iam_openid_connect_provider" "this" {
  url             = "https://token.actions.githubusercontent.com"
  client_id_list  = local.first ? ["sts.amazonaws.com"] : ["sts.amazonaws.com", "other"]
  thumbprint_list = [local.first ? "6938fd4d98bab03faadb97b34396831e3780aea1" : "1c58a3a8518e8759bf075b76b750d4f2df264fcd"]
  tags            = local.tags
}

data "aws_iam_openid_connect_provider" "this" {
  url        = "https://token.actions.githubusercontent.com"
  depends_on = [aws_iam_openid_connect_provider.this]
}

data "aws_iam_policy_document" "federation" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.this.arn]
    }
    condition {
      test     = "StringLike"
      variable = "token.actions.githubusercontent.com:sub"
      values   = ["repo:org/app:*"]
    }
  }
}

resource "aws_iam_saml_provider" "this" {
  name                   = "iam-adfs"
  saml_metadata_document = local.first ? file("${path.module}/metadata.xml") : replace(file("${path.module}/metadata.xml"), "adfs/ls/", "adfs/next/")
  tags                   = local.tags
}

data "aws_iam_saml_provider" "this" {
  arn = aws_iam_saml_provider.this.arn
}

# Certificates.

resource "aws_iam_server_certificate" "this" {
  name              = "iam-certificate"
  path              = "/iam/"
  certificate_body  = file("${path.module}/leaf.pem")
  private_key       = file("${path.module}/leaf.key")
  certificate_chain = "${file("${path.module}/intermediate.pem")}${file("${path.module}/root.pem")}"
  tags              = local.tags
}

data "aws_iam_server_certificate" "this" {
  name       = aws_iam_server_certificate.this.name
  depends_on = [aws_iam_server_certificate.this]
}

# The account.

resource "aws_iam_account_alias" "this" {
  account_alias = "iam-module-alias"
}

data "aws_iam_account_alias" "this" {
  depends_on = [aws_iam_account_alias.this]
}

resource "aws_iam_account_password_policy" "this" {
  minimum_password_length        = 12
  require_lowercase_characters   = true
  require_numbers                = true
  require_uppercase_characters   = true
  require_symbols                = true
  allow_users_to_change_password = local.first
  max_password_age               = local.first ? 90 : 60
  password_reuse_prevention      = var.revision
  hard_expiry                    = false
}

resource "aws_iam_security_token_service_preferences" "this" {
  global_endpoint_token_version = local.first ? "v1Token" : "v2Token"
}

resource "terraform_data" "seen" {
  input = var.revision

  lifecycle {
    precondition {
      condition     = data.aws_iam_account_alias.this.account_alias == "iam-module-alias"
      error_message = "the alias is ${data.aws_iam_account_alias.this.account_alias}"
    }
    precondition {
      condition     = data.aws_iam_policy.by_name.arn == local.read && data.aws_iam_policy.by_arn.name == "iam-policy"
      error_message = "the policies are others"
    }
    precondition {
      condition     = [for r in data.aws_iam_principal_policy_simulation.this.results : r.action_name if r.allowed] == ["iam:ListUsers"]
      error_message = "the simulation says something else"
    }
    precondition {
      condition     = data.aws_iam_session_context.this.issuer_arn == aws_iam_role.this.arn
      error_message = "the session's role is ${data.aws_iam_session_context.this.issuer_arn}"
    }
    precondition {
      condition     = length(data.aws_iam_users.this.names) == 1 && length(data.aws_iam_roles.this.names) == 1 && length(data.aws_iam_instance_profiles.this.arns) == 1
      error_message = "the listings are others"
    }
    precondition {
      condition     = length(data.aws_iam_group.this.users) == 1 && length(data.aws_iam_access_keys.this.access_keys) == 1
      error_message = "the members are others"
    }
    precondition {
      condition     = startswith(data.aws_iam_user_ssh_key.this.public_key, "-----BEGIN PUBLIC KEY-----") && data.aws_iam_user.this.user_id == aws_iam_user.bob.unique_id
      error_message = "the key or its user is another"
    }
    precondition {
      condition     = length(data.aws_iam_saml_provider.this.saml_metadata_document) > 1000 && contains(data.aws_iam_openid_connect_provider.this.client_id_list, "sts.amazonaws.com")
      error_message = "the identity providers are others"
    }
    precondition {
      condition     = data.aws_iam_server_certificate.this.arn == aws_iam_server_certificate.this.arn
      error_message = "the certificate is another"
    }
  }
}
