locals {
  # What `jsk configure` takes. All of it is text, and none of it secret.
  jsk = merge(
    {
      store              = "s3://${local.bucket_name}/${local.prefix}"
      region             = local.region
      sse                = "aws:kms"
      kms_key            = local.platform.kms_key_arn
      experiment         = var.name
      squad              = var.squad
      registry           = "${local.platform.registry}/${local.platform.name}/kernels"
      base               = local.platform.base_repository_url
      repository         = var.repository_url
      domain_id          = local.platform.domain_id
      execution_role_arn = local.role_arn
      log_group          = local.log_group
      parameters         = local.parameters
    },
    local.gitlab_count == 0 ? {} : { gitlab_role_arn = local.gitlab_arn },
  )
}

output "jsk" {
  description = "What jsk needs to work in this experiment; `jsk configure` takes it."
  value       = local.jsk

  # Who is told where to save may save at once.
  depends_on = [module.bucket]
}

output "bucket_arn" {
  description = "ARN of the bucket."
  value       = local.bucket_arn
}

output "objects_arn" {
  description = "ARN of all that is in the bucket where jsk saves."
  value       = local.in_objects
}

output "tracking" {
  description = "Actions and resources by which trials are copied to SageMaker."
  value       = { actions = local.tracking, resources = local.tracked }

  # The squad's notebooks are let in once the name is this experiment's alone.
  depends_on = [aws_ecr_repository.kernel]
}

output "repository_arn" {
  description = "ARN of the repository of kernel images."
  value       = local.repository_arn
}

output "role_arn" {
  description = "ARN of the role that the experiment's jobs have."
  value       = local.role_arn
}

output "gitlab_role_arn" {
  description = "ARN of the role that jobs of its project in GitLab have; null without GitLab."
  value       = local.gitlab_count == 0 ? null : local.gitlab_arn
}

output "gitlab_ci" {
  description = "Text of .gitlab-ci.yml in its project, with the inputs that this platform asks for; null without GitLab."
  value       = local.gitlab_count == 0 ? null : local.gitlab_ci
}

output "spaces" {
  description = "Names of the members' spaces, by member."
  value       = { for member, space in aws_sagemaker_space.this : member => space.space_name }
}

output "policies" {
  description = "Policy documents as JSON, by name: what tests evaluate is what is applied."
  value = merge(
    module.bucket.policies,
    {
      role           = local.policy
      "role-trust"   = local.trust
      repository     = local.repository_policy
      "gitlab"       = local.gitlab_policy
      "gitlab-trust" = local.gitlab_trust
    },
  )
}
