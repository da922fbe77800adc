variable "revision" { type = number }

data "aws_caller_identity" "current" {}
data "aws_region" "current" {}
data "aws_partition" "current" {}

resource "terraform_data" "identity" {
  input = "${data.aws_partition.current.partition} ${data.aws_region.current.name} ${data.aws_caller_identity.current.account_id} ${var.revision}"

  lifecycle {
    precondition {
      condition     = data.aws_caller_identity.current.arn == "arn:aws:iam::000000000000:root"
      error_message = "not the account's root"
    }
  }
}
