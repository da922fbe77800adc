# Saved queries of Logs Insights, with and without log groups and parameters, and changed in place.

variable "revision" {
  type = number
}

resource "aws_cloudwatch_log_group" "app" {
  name = "insights-app"
}

resource "aws_cloudwatch_log_group" "api" {
  name = "insights-api"
}

resource "aws_cloudwatch_query_definition" "errors" {
  name = var.revision == 1 ? "insights/errors" : "insights/errors by stream"

  log_group_names = var.revision == 1 ? [aws_cloudwatch_log_group.app.name] : [
    aws_cloudwatch_log_group.app.name, aws_cloudwatch_log_group.api.name,
  ]

  query_string = var.revision == 1 ? "fields @timestamp, @message | filter level = 'ERROR' | limit 20" : <<-EOT
    # since the last release
    filter level in ['ERROR', 'FATAL']
    | stats count(*) as errors by @logStream, bin(5m)
    | sort errors desc
  EOT
}

resource "aws_cloudwatch_query_definition" "anywhere" {
  name         = "insights/anywhere"
  query_string = "fields @timestamp, @message | sort @timestamp desc | limit ${var.revision * 10}"
}
