output "platform" {
  description = "What squads are given: module \"squad\" { platform = module.platform.platform }."
  value = {
    name                      = var.name
    account_id                = local.account
    region                    = local.region
    partition                 = local.partition
    domain_id                 = aws_sagemaker_domain.this.id
    domain_arn                = aws_sagemaker_domain.this.arn
    domain_execution_role_arn = aws_iam_role.execution["SagemakerExperimentsRole"].arn
    vpc_id                    = local.vpc_id
    subnet_ids                = local.subnet_ids
    kms_key_arn               = aws_kms_key.data.arn
    logs_bucket               = aws_s3_bucket.logs.bucket
    log_group_prefix          = local.log_group_prefix
    base_repository_arn       = aws_ecr_repository.base["base"].arn
    base_repository_url       = aws_ecr_repository.base["base"].repository_url
    registry                  = local.registry
    publisher_function_arn    = aws_lambda_function.publisher.arn
    permissions_boundary_arn  = aws_iam_policy.boundary.arn
    gitlab_provider_arn       = local.gitlab_provider
    gitlab_host               = local.gitlab_host
    lease_uri                 = local.lease_uri
    idle_timeout_minutes      = var.idle_timeout_minutes
    operations_key_arn        = aws_kms_key.operations.arn
    gitlab_audience           = local.gitlab_audience
    auth_mode                 = var.auth_mode
    security_group_id         = aws_security_group.studio.id
  }

  # S3 refuses a bucket as a target of access logs until its policy lets them in.
  depends_on = [aws_s3_bucket_policy.this]
}

output "policies" {
  description = "Every policy document by name, as it is rendered, for tests and reviews."
  value = merge(
    local.execution_policies,
    {
      SagemakerUsers      = local.users_policy
      SagemakerDevelopers = local.developers_policy
      open_studio         = local.open_studio_policy
      boundary            = local.boundary
      publisher           = local.publisher_policy
      publisher_trust     = local.publisher_trust
      images              = local.images_policy
      sagemaker_trust     = local.sagemaker_trust
      gitlab              = local.gitlab_policy
      gitlab_trust        = local.gitlab_trust
      data_key            = local.data_key_policy
      operations_key      = local.operations_key_policy
      logs_bucket         = local.logs_bucket_policy
      lease_bucket        = local.lease_bucket_policy
      base_repository     = local.base_repository_policy
      queue               = local.queue_policies["pushes"]
      dead_letters        = local.queue_policies["dead"]
      warnings            = local.warnings_policy
      s3_endpoint         = local.s3_endpoint_policy
      interface_endpoint  = local.interface_endpoint_policy
      flow_logs           = local.flow_logs_policy
      flow_logs_trust     = local.flow_logs_trust
    },
  )
}

output "repositories" {
  description = "Addresses of the base images' repositories by name."
  value       = { for name, repository in aws_ecr_repository.base : name => repository.repository_url }
}

output "gitlab_role_arn" {
  description = "For the project that builds base images: the input aws-role of the kit's template; null without a project."
  value       = one(aws_iam_role.gitlab[*].arn)
}

output "gitlab_ci" {
  description = "Text of .gitlab-ci.yml in the project that builds base images; null without a project."
  value       = length(local.gitlab_project) == 0 ? null : local.gitlab_ci
}

output "dead_letters_url" {
  description = "Queue of the pushes that could not be published."
  value       = aws_sqs_queue.dead.id
}
