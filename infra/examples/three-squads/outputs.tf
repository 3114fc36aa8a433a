output "jsk" {
  description = "What jsk needs, by experiment: terraform output -json | jsk configure churn"
  value       = merge([for squad in module.squad : squad.jsk]...)

  precondition {
    condition     = length(distinct(flatten([for squad in local.squads : keys(squad.experiments)]))) == length(flatten([for squad in local.squads : keys(squad.experiments)]))
    error_message = "Two squads have an experiment of the same name, which names its kernel image too: rename one."
  }
}

output "gitlab_role_arns" {
  description = "Role of each experiment's jobs in GitLab: input aws-role of the component kernel."
  value       = merge([for squad in module.squad : squad.gitlab_role_arns]...)
}

output "gitlab_ci" {
  description = "Text of .gitlab-ci.yml in each experiment's project; base: in the project that builds base images."
  value       = merge({ base = module.platform.gitlab_ci }, [for squad in module.squad : squad.gitlab_ci]...)
}

output "open_studio" {
  description = "What each member types to open Studio, by squad: it prints an address for a browser."
  value       = { for name, squad in module.squad : name => squad.open_studio }
}

output "dead_letters_url" {
  description = "Queue of the kernels that could not be published."
  value       = module.platform.dead_letters_url
}

output "policies" {
  description = "Policy documents as JSON, by squad and name."
  value       = { for name, squad in module.squad : name => squad.policies }
  # No secret, but pages long: terraform output -json policies
  sensitive = true
}
