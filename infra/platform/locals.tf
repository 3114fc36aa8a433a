data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name
  suffix    = data.aws_partition.current.dns_suffix

  root     = "arn:${local.partition}:iam::${local.account}:root"
  registry = "${local.account}.dkr.ecr.${local.region}.${local.suffix}"

  # ARNs that policies name before what they name exists.
  sagemaker_arn       = "arn:${local.partition}:sagemaker:${local.region}:${local.account}"
  repositories_arn    = "arn:${local.partition}:ecr:${local.region}:${local.account}:repository/${var.name}"
  log_groups_arn      = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group"
  parameters_arn      = "arn:${local.partition}:ssm:${local.region}:${local.account}:parameter/${var.name}"
  roles_arn           = "arn:${local.partition}:iam::${local.account}:role"
  log_group_prefix    = "/${var.name}"
  studio_log_group    = "/aws/sagemaker/studio"
  publisher_name      = "${var.name}-attach-kernel"
  experiment_buckets  = "arn:${local.partition}:s3:::${var.name}-*-*-${local.account}"
  data_key_through_s3 = { StringEquals = { "kms:ViaService" = "s3.${local.region}.${local.suffix}" } }

  tags = merge(var.tags, { "jsk:part" = "platform", "jsk:platform" = var.name })
}
