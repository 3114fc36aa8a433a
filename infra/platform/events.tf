# A push to a repository of kernels -> the queue; what the queue cannot deliver -> the dead letters.

locals {
  pushes = jsonencode({
    source      = ["aws.ecr"]
    account     = [local.account]
    detail-type = ["ECR Image Action"]
    detail = {
      action-type     = ["PUSH"]
      result          = ["SUCCESS"]
      repository-name = concat([{ prefix = "${var.name}/kernels/" }], [for image in sort(var.base_images) : "${var.name}/${image}"])
      image-tag       = [{ anything-but = { prefix = "candidate-" } }]
    }
  })

  queue_names = { pushes = "${var.name}-kernel-pushes", dead = "${var.name}-kernel-pushes-dead" }
  queue_arns  = { for key, name in local.queue_names : key => "arn:${local.partition}:sqs:${local.region}:${local.account}:${name}" }
  rule_arn    = "arn:${local.partition}:events:${local.region}:${local.account}:rule/${var.name}-kernel-pushes"

  queue_policies = {
    for key, arn in local.queue_arns : key => jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Sid       = "TheRuleSends"
          Effect    = "Allow"
          Principal = { Service = "events.amazonaws.com" }
          Action    = "sqs:SendMessage"
          Resource  = arn
          Condition = { ArnEquals = { "aws:SourceArn" = local.rule_arn } }
        },
        {
          Sid       = "NobodyElseSends"
          Effect    = "Deny"
          Principal = "*"
          Action    = "sqs:SendMessage"
          Resource  = arn
          # Whoever moves dead letters back sends in his own name; of this account, nobody has the right by the kit.
          Condition = {
            ArnNotEquals    = { "aws:SourceArn" = local.rule_arn }
            StringNotEquals = { "aws:PrincipalAccount" = local.account }
          }
        },
        {
          Sid       = "NothingWithoutTls"
          Effect    = "Deny"
          Principal = "*"
          Action    = "sqs:*"
          Resource  = arn
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
      ]
    })
  }
}

resource "aws_cloudwatch_event_rule" "pushes" {
  name          = "${var.name}-kernel-pushes"
  description   = "Tested images of kernels, pushed to ECR"
  event_pattern = local.pushes
  tags          = local.tags
}

resource "aws_cloudwatch_event_target" "pushes" {
  rule = aws_cloudwatch_event_rule.pushes.name
  arn  = aws_sqs_queue.pushes.arn

  dead_letter_config {
    arn = aws_sqs_queue.dead.arn
  }
}

resource "aws_sqs_queue" "pushes" {
  name                      = local.queue_names["pushes"]
  message_retention_seconds = 1209600
  # AWS asks for six times the function's: while it is busy (one at a time), the poller tries again that long.
  visibility_timeout_seconds        = 6 * local.publisher_seconds
  kms_master_key_id                 = aws_kms_key.operations.arn
  kms_data_key_reuse_period_seconds = 3600
  tags                              = local.tags

  # It is a resource of its own, below.
  lifecycle {
    ignore_changes = [redrive_policy]
  }
}

resource "aws_sqs_queue" "dead" {
  name                              = local.queue_names["dead"]
  message_retention_seconds         = 1209600
  kms_master_key_id                 = aws_kms_key.operations.arn
  kms_data_key_reuse_period_seconds = 3600
  tags                              = local.tags
}

resource "aws_sqs_queue_redrive_policy" "pushes" {
  queue_url = aws_sqs_queue.pushes.id

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = 6
  })
}

resource "aws_sqs_queue_policy" "this" {
  for_each = { pushes = aws_sqs_queue.pushes.id, dead = aws_sqs_queue.dead.id }

  queue_url = each.value
  policy    = local.queue_policies[each.key]
}

# Somebody is told ------------------------------------------------------------------------------------

locals {
  warnings_arn = "arn:${local.partition}:sns:${local.region}:${local.account}:${var.name}-warnings"

  warnings_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AlarmsOfThisAccount"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = local.warnings_arn
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      },
      {
        Sid       = "NothingWithoutTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = local.warnings_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_sns_topic" "warnings" {
  name              = "${var.name}-warnings"
  kms_master_key_id = aws_kms_key.operations.arn
  tags              = local.tags
}

resource "aws_sns_topic_policy" "warnings" {
  arn    = aws_sns_topic.warnings.arn
  policy = local.warnings_policy
}

resource "aws_sns_topic_subscription" "warnings" {
  for_each = var.alert_emails

  topic_arn = aws_sns_topic.warnings.arn
  protocol  = "email"
  endpoint  = each.key
}

resource "aws_cloudwatch_metric_alarm" "dead" {
  alarm_name          = "${var.name}-kernels-not-published"
  alarm_description   = "A kernel could not be published; its message waits in ${local.queue_names["dead"]}."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead.name }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.warnings.arn]
  tags                = local.tags
}

# What is refused for good (a name that is not the repository's, …) is in no queue any more.
resource "aws_cloudwatch_log_metric_filter" "refused" {
  name           = "${var.name}-kernels-refused"
  log_group_name = aws_cloudwatch_log_group.publisher.name
  pattern        = "{ $.what = \"attach_kernel\" && $.outcome = \"refused\" }"

  metric_transformation {
    name          = "KernelsRefused"
    namespace     = var.name
    value         = "1"
    default_value = "0"
  }
}

resource "aws_cloudwatch_metric_alarm" "refused" {
  alarm_name          = "${var.name}-kernels-refused"
  alarm_description   = "An image was pushed that is not its repository's kernel; why stands in ${aws_cloudwatch_log_group.publisher.name}."
  namespace           = var.name
  metric_name         = "KernelsRefused"
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.warnings.arn]
  tags                = local.tags
}
