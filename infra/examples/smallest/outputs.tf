output "jsk" {
  description = "What jsk needs, by experiment: terraform output -json | jsk configure"
  value       = module.squad.jsk
}

output "gitlab_role_arns" {
  description = "Role of each experiment's jobs in GitLab: input aws-role of the component kernel."
  value       = module.squad.gitlab_role_arns
}

output "policies" {
  description = "Policy documents of the squad as JSON, by name."
  value       = module.squad.policies
  # No secret, but pages long: terraform output -json policies
  sensitive = true
}
