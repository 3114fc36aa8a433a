# Two keys: what people save, and what the platform itself writes. Who may read logs need not read data.

locals {
  key_administration = {
    Sid       = "TheAccountDecidesByItsPolicies"
    Effect    = "Allow"
    Principal = { AWS = local.root }
    Action    = "kms:*"
    Resource  = "*"
  }

  data_key_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [local.key_administration]
  })

  operations_key_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      local.key_administration,
      {
        Sid       = "LogGroupsOfThisAccount"
        Effect    = "Allow"
        Principal = { Service = "logs.${local.region}.${local.suffix}" }
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
        Resource  = "*"
        Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "${local.log_groups_arn}:*" } }
      },
      {
        # No aws:SourceAccount: AWS says of topics that EventBridge does not tell a key of it; where that holds of
        # queues too, no push would arrive, and nobody be told. The queue's policy names the one rule that sends.
        Sid       = "EventsToTheQueue"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*"
      },
      {
        Sid       = "AlarmsToTheTopic"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      },
    ]
  })
}

resource "aws_kms_key" "data" {
  description             = "${var.name}: objects, images, notebooks' disks and parameters"
  enable_key_rotation     = true
  deletion_window_in_days = var.key_deletion_days
  policy                  = local.data_key_policy
  tags                    = local.tags

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_kms_alias" "data" {
  name          = "alias/${var.name}-data"
  target_key_id = aws_kms_key.data.key_id
}

resource "aws_kms_key" "operations" {
  description             = "${var.name}: logs, queues and warnings of the platform"
  enable_key_rotation     = true
  deletion_window_in_days = var.key_deletion_days
  policy                  = local.operations_key_policy
  tags                    = local.tags

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_kms_alias" "operations" {
  name          = "alias/${var.name}-operations"
  target_key_id = aws_kms_key.operations.key_id
}
