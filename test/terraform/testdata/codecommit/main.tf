variable "revision" { type = number }

locals {
  pool = "CodeCommitApprovers:${data.aws_caller_identity.me.account_id}:reviewer"
  rules = {
    for name, approvals in { one = 1, revised = var.revision } : name => jsonencode({
      Version               = "2018-11-08"
      DestinationReferences = ["refs/heads/main"]
      Statements            = [{ Type = "Approvers", NumberOfApprovalsNeeded = approvals, ApprovalPoolMembers = [local.pool] }]
    })
  }
}

data "aws_caller_identity" "me" {}

data "aws_region" "here" {}

resource "aws_codecommit_repository" "app" {
  repository_name = "codecommit-app-${var.revision}"
  description     = "The application, revision ${var.revision}"
  tags            = { team = "codecommit", revision = tostring(var.revision) }
}

resource "aws_kms_key" "one" {
  description             = "codecommit one"
  deletion_window_in_days = 7
}

resource "aws_kms_key" "two" {
  description             = "codecommit two"
  deletion_window_in_days = 7
}

resource "aws_codecommit_repository" "plain" {
  repository_name = "codecommit-plain"
}

resource "aws_codecommit_repository" "sealed" {
  repository_name = "codecommit-sealed"
  kms_key_id      = var.revision == 1 ? aws_kms_key.one.arn : aws_kms_key.two.arn
}

resource "aws_codecommit_approval_rule_template" "rule" {
  name        = "codecommit-rule-${var.revision}"
  description = "Approvals, revision ${var.revision}"
  content     = local.rules["revised"]
}

resource "aws_codecommit_approval_rule_template" "other" {
  name    = "codecommit-other"
  content = local.rules["one"]
}

resource "aws_codecommit_approval_rule_template_association" "app" {
  approval_rule_template_name = aws_codecommit_approval_rule_template.rule.name
  repository_name             = aws_codecommit_repository.app.repository_name
}

resource "aws_codecommit_approval_rule_template_association" "plain" {
  approval_rule_template_name = aws_codecommit_approval_rule_template.other.name
  repository_name             = aws_codecommit_repository.plain.repository_name
}

# The topic and the function need not be there until something is sent to them.
resource "aws_codecommit_trigger" "plain" {
  repository_name = aws_codecommit_repository.plain.repository_name

  trigger {
    name            = "all"
    events          = ["all"]
    destination_arn = "arn:aws:sns:${data.aws_region.here.name}:${data.aws_caller_identity.me.account_id}:codecommit-pushes"
  }

  trigger {
    name            = "main"
    events          = ["createReference", "updateReference"]
    branches        = ["main", "revision-${var.revision}"]
    custom_data     = "revision ${var.revision}"
    destination_arn = "arn:aws:lambda:${data.aws_region.here.name}:${data.aws_caller_identity.me.account_id}:function:codecommit-push"
  }
}

data "aws_codecommit_repository" "app" {
  repository_name = aws_codecommit_repository.app.repository_name
}

data "aws_codecommit_approval_rule_template" "rule" {
  name = aws_codecommit_approval_rule_template.rule.name
}

output "clone_url" {
  value = data.aws_codecommit_repository.app.clone_url_http

  precondition {
    condition     = data.aws_codecommit_repository.app.repository_id == aws_codecommit_repository.app.repository_id
    error_message = "The data source found another repository."
  }
}

output "sha256" {
  value = data.aws_codecommit_approval_rule_template.rule.rule_content_sha256

  precondition {
    condition     = data.aws_codecommit_approval_rule_template.rule.rule_content_sha256 == sha256(data.aws_codecommit_approval_rule_template.rule.content)
    error_message = "The checksum is not that of the content."
  }
}
