locals {
  platform = var.platform
  region   = local.platform.region
  account  = local.platform.account_id

  # ARNs are put together from names, so that policies can be read, and tested, before anything is made.
  arn  = "arn:${local.platform.partition}"
  iam  = "${local.arn}:iam::${local.account}"
  here = "${local.region}:${local.account}"
  # Only names of hosts differ in China, not those of services.
  suffix = local.platform.partition == "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com"

  full_name   = "${local.platform.name}-${var.squad}-${var.name}"
  bucket_name = "${local.full_name}-${local.account}"
  bucket_arn  = "${local.arn}:s3:::${local.bucket_name}"
  prefix      = "objects"

  repository_name = "${local.platform.name}/kernels/${var.name}"
  repository_arn  = "${local.arn}:ecr:${local.here}:repository/${local.repository_name}"

  parameters    = "/${local.platform.name}/${var.squad}/${var.name}"
  log_group     = "${local.platform.log_group_prefix}/${var.squad}/${var.name}"
  idle_timeout  = coalesce(var.idle_timeout_minutes, local.platform.idle_timeout_minutes)
  role_arn      = "${local.iam}:role/${local.full_name}"
  gitlab_role   = "${local.full_name}.gitlab"
  gitlab_count  = try(length(local.platform.gitlab_host), 0) > 0 ? 1 : 0
  gitlab_arn    = "${local.iam}:role/${local.gitlab_role}"
  squad_streams = "${var.squad}-${var.name}-*"

  # Roles that work with the experiments of this platform. None of them changes a safeguard.
  working_roles = [
    "${local.iam}:role/${local.platform.name}-*",
    "${local.iam}:role/SagemakerExperimentsRole",
    "${local.iam}:role/SagemakerTrainingPipelinesRole",
    "${local.iam}:role/SagemakerDeploymentPipelinesRole",
  ]

  tags = {
    "jsk:part"       = "experiment"
    "jsk:squad"      = var.squad
    "jsk:experiment" = var.name
  }
}
