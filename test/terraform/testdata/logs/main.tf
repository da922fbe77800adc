variable "revision" { type = number }

data "aws_caller_identity" "current" {}
data "aws_region" "current" {}

locals {
  second  = var.revision == 2
  account = data.aws_caller_identity.current.account_id
  kinesis = "arn:aws:kinesis:us-east-1:${local.account}:stream/logs-module"
  role    = "arn:aws:iam::${local.account}:role/logs-module"
}

resource "aws_cloudwatch_log_group" "app" {
  name              = "logs-module/app"
  retention_in_days = local.second ? 14 : 7
  tags              = { revision = tostring(var.revision) }
}

resource "aws_cloudwatch_log_group" "findings" {
  name            = "logs-module/findings"
  log_group_class = "STANDARD"
  skip_destroy    = false
}

resource "aws_cloudwatch_log_group" "rare" {
  name            = "logs-module/rare"
  log_group_class = "INFREQUENT_ACCESS"
}

resource "aws_cloudwatch_log_stream" "one" {
  name           = "one"
  log_group_name = aws_cloudwatch_log_group.app.name
}

resource "aws_cloudwatch_log_metric_filter" "errors" {
  name           = "errors"
  log_group_name = aws_cloudwatch_log_group.app.name
  pattern        = local.second ? "?ERROR ?FATAL" : "ERROR"

  metric_transformation {
    name          = "Errors"
    namespace     = "LogsModule"
    value         = "1"
    default_value = local.second ? "0" : null
    unit          = local.second ? "Count" : "None"
  }
}

resource "aws_cloudwatch_log_metric_filter" "latency" {
  name           = "latency"
  log_group_name = aws_cloudwatch_log_group.app.name
  pattern        = "{ $.latency = * }"

  metric_transformation {
    name       = "Latency"
    namespace  = "LogsModule"
    value      = "$.latency"
    dimensions = { Path = "$.path" }
  }
}

resource "aws_cloudwatch_log_destination" "shared" {
  name       = "logs-module"
  role_arn   = local.role
  target_arn = local.second ? "${local.kinesis}-2" : local.kinesis
  tags       = { revision = tostring(var.revision) }
}

data "aws_iam_policy_document" "shared" {
  statement {
    effect    = "Allow"
    actions   = ["logs:PutSubscriptionFilter"]
    resources = [aws_cloudwatch_log_destination.shared.arn]

    principals {
      type        = "AWS"
      identifiers = local.second ? [local.account, "444455556666"] : [local.account]
    }
  }
}

resource "aws_cloudwatch_log_destination_policy" "shared" {
  destination_name = aws_cloudwatch_log_destination.shared.name
  access_policy    = data.aws_iam_policy_document.shared.json
}

resource "aws_cloudwatch_log_subscription_filter" "shared" {
  name            = "shared"
  log_group_name  = aws_cloudwatch_log_group.app.name
  filter_pattern  = local.second ? "WARN" : ""
  destination_arn = aws_cloudwatch_log_destination.shared.arn
  distribution    = local.second ? "Random" : "ByLogStream"
  depends_on      = [aws_cloudwatch_log_destination_policy.shared]
}

data "aws_iam_policy_document" "dns" {
  statement {
    actions   = local.second ? ["logs:CreateLogStream", "logs:PutLogEvents"] : ["logs:PutLogEvents"]
    resources = ["arn:aws:logs:*:*:log-group:logs-module/*"]

    principals {
      type        = "Service"
      identifiers = ["route53.amazonaws.com"]
    }
  }
}

resource "aws_cloudwatch_log_resource_policy" "dns" {
  policy_name     = "logs-module"
  policy_document = data.aws_iam_policy_document.dns.json
}

data "aws_cloudwatch_log_data_protection_policy_document" "group" {
  name = "logs-module"

  statement {
    sid              = "Audit"
    data_identifiers = local.second ? ["arn:aws:dataprotection::aws:data-identifier/EmailAddress", "arn:aws:dataprotection::aws:data-identifier/IpAddress"] : ["arn:aws:dataprotection::aws:data-identifier/EmailAddress"]

    operation {
      audit {
        findings_destination {
          cloudwatch_logs {
            log_group = aws_cloudwatch_log_group.findings.name
          }
        }
      }
    }
  }

  statement {
    sid              = "Deidentify"
    data_identifiers = local.second ? ["arn:aws:dataprotection::aws:data-identifier/EmailAddress", "arn:aws:dataprotection::aws:data-identifier/IpAddress"] : ["arn:aws:dataprotection::aws:data-identifier/EmailAddress"]

    operation {
      deidentify {
        mask_config {}
      }
    }
  }
}

resource "aws_cloudwatch_log_data_protection_policy" "app" {
  log_group_name  = aws_cloudwatch_log_group.app.name
  policy_document = data.aws_cloudwatch_log_data_protection_policy_document.group.json
}

resource "aws_cloudwatch_log_account_policy" "indexes" {
  policy_name        = "logs-module"
  policy_type        = "FIELD_INDEX_POLICY"
  policy_document    = jsonencode({ Fields = local.second ? ["requestId", "user"] : ["requestId"] })
  selection_criteria = "LogGroupNamePrefix IN [\"logs-module/\"]"
}

resource "aws_cloudwatch_log_account_policy" "protection" {
  policy_name     = "logs-module"
  policy_type     = "DATA_PROTECTION_POLICY"
  policy_document = data.aws_cloudwatch_log_data_protection_policy_document.group.json
}

resource "aws_cloudwatch_log_index_policy" "app" {
  log_group_name  = aws_cloudwatch_log_group.app.name
  policy_document = jsonencode({ Fields = local.second ? ["path", "code"] : ["path"] })
}

resource "aws_cloudwatch_log_anomaly_detector" "app" {
  detector_name           = "logs-module"
  log_group_arn_list      = [aws_cloudwatch_log_group.app.arn]
  anomaly_visibility_time = local.second ? 30 : 7
  evaluation_frequency    = local.second ? "TEN_MIN" : "FIVE_MIN"
  enabled                 = !local.second
}

resource "aws_cloudwatch_log_delivery_source" "bus" {
  name         = "logs-module"
  log_type     = "INFO_LOGS"
  resource_arn = "arn:aws:events:us-east-1:${local.account}:event-bus/default"
  tags         = { revision = tostring(var.revision) }
}

# The provider sends the tags again when it updates a destination, which AWS refuses: what has tags keeps its resource.
resource "aws_cloudwatch_log_delivery_destination" "group" {
  name          = "logs-module"
  output_format = "plain"

  delivery_destination_configuration {
    destination_resource_arn = local.second ? aws_cloudwatch_log_group.findings.arn : aws_cloudwatch_log_group.app.arn
  }
}

resource "aws_cloudwatch_log_delivery_destination_policy" "group" {
  delivery_destination_name = aws_cloudwatch_log_delivery_destination.group.name
  delivery_destination_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = local.second ? "444455556666" : "777788889999" }
      Action    = "logs:CreateDelivery"
      Resource  = aws_cloudwatch_log_delivery_destination.group.arn
    }]
  })
}

# The provider leaves attributes unknown when it updates a delivery that does not set them all.
resource "aws_cloudwatch_log_delivery" "group" {
  delivery_source_name     = aws_cloudwatch_log_delivery_source.bus.name
  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.group.arn
  record_fields            = ["event_timestamp", "message"]
  field_delimiter          = ","
}

resource "aws_s3_bucket" "logs" {
  bucket        = "logs-module"
  force_destroy = true
}

resource "aws_cloudwatch_log_delivery_destination" "bucket" {
  name          = "logs-module-bucket"
  output_format = "w3c"
  tags          = { revision = tostring(var.revision) }

  delivery_destination_configuration {
    destination_resource_arn = aws_s3_bucket.logs.arn
  }
}

resource "aws_cloudwatch_log_delivery" "bucket" {
  delivery_source_name     = aws_cloudwatch_log_delivery_source.bus.name
  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.bucket.arn
  field_delimiter          = local.second ? ";" : ","
  record_fields            = local.second ? ["event_timestamp", "message"] : ["event_timestamp"]
  tags                     = { revision = tostring(var.revision) }

  s3_delivery_configuration {
    suffix_path                 = local.second ? "/{account-id}/{yyyy}/{MM}" : "/{account-id}/{yyyy}"
    enable_hive_compatible_path = local.second
  }
}

data "aws_cloudwatch_log_group" "app" {
  name       = aws_cloudwatch_log_group.app.name
  depends_on = [aws_cloudwatch_log_stream.one]
}

data "aws_cloudwatch_log_groups" "all" {
  log_group_name_prefix = "logs-module/"
  depends_on            = [aws_cloudwatch_log_group.app, aws_cloudwatch_log_group.findings, aws_cloudwatch_log_group.rare]
}

output "groups" { value = sort(data.aws_cloudwatch_log_groups.all.log_group_names) }
output "retention" { value = data.aws_cloudwatch_log_group.app.retention_in_days }
