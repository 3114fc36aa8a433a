output "jsk" {
  description = "What jsk needs, by experiment: terraform output -json | jsk configure"
  value       = module.squad.jsk
}

output "gitlab_role_arns" {
  description = "Role of each experiment's jobs in GitLab: input aws-role of the component kernel."
  value       = module.squad.gitlab_role_arns
}

output "gitlab_ci" {
  description = "Text of .gitlab-ci.yml in each experiment's project; base: in the project that builds base images."
  value       = merge(module.squad.gitlab_ci, { base = module.platform.gitlab_ci })
}

output "open_studio" {
  description = "What each member types to open Studio: it prints an address for a browser."
  value       = module.squad.open_studio
}

output "dead_letters_url" {
  description = "Queue of the kernels that could not be published."
  value       = module.platform.dead_letters_url
}

output "policies" {
  description = "Policy documents of the squad as JSON, by name."
  value       = module.squad.policies
  # No secret, but pages long: terraform output -json policies
  sensitive = true
}
