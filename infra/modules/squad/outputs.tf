output "jsk" {
  description = "What jsk needs, by experiment; `terraform output -json | jsk configure` takes it."
  value       = { for name, experiment in module.experiment : name => experiment.jsk }
}

output "role_arn" {
  description = "ARN of the role of the squad's notebooks."
  value       = local.role_arn
}

output "user_profiles" {
  description = "Names of the members' Studio user profiles, by member."
  value       = { for member, profile in aws_sagemaker_user_profile.this : member => profile.user_profile_name }
}

output "spaces" {
  description = "Names of spaces, by experiment and member."
  value       = { for name, experiment in module.experiment : name => experiment.spaces }
}

output "gitlab_role_arns" {
  description = "ARN of the role of each experiment's jobs in GitLab, by experiment: input aws-role of the component kernel."
  value       = { for name, experiment in module.experiment : name => experiment.gitlab_role_arn }
}

output "gitlab_ci" {
  description = "Text of .gitlab-ci.yml in each experiment's project, by experiment."
  value       = { for name, experiment in module.experiment : name => experiment.gitlab_ci }
}

output "open_studio" {
  description = "What each member types to open Studio, by member: it prints an address for a browser."
  value = {
    for member, profile in aws_sagemaker_user_profile.this :
    member => "aws sagemaker create-presigned-domain-url --region ${local.region} --domain-id ${local.platform.domain_id} --user-profile-name ${profile.user_profile_name} --query AuthorizedUrl --output text"
    if local.platform.auth_mode == "IAM"
  }
}

output "policies" {
  description = "Policy documents as JSON, by name: studio, experiments-1, …, role-trust, and each experiment's behind its name (iris/role, iris/bucket, …)."
  value = merge(
    { studio = local.policy, role-trust = local.trust },
    local.experiment_policies,
    merge([for name, experiment in module.experiment : { for document, text in experiment.policies : "${name}/${document}" => text }]...),
  )
}
