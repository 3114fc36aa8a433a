module "experiment" {
  source   = "../experiment"
  for_each = var.experiments

  platform              = local.platform
  squad                 = var.name
  name                  = each.key
  repository_url        = each.value.repository_url
  repository_secret_arn = each.value.repository_secret_arn
  branch                = each.value.branch
  protected_refs        = each.value.protected_refs
  members               = { for member in local.working[each.key] : member => aws_sagemaker_user_profile.this[member].user_profile_name }
  instance_type         = each.value.instance_type
  storage_gb            = each.value.storage_gb
  idle_timeout_minutes  = each.value.idle_timeout_minutes
  budget                = each.value.budget
  alert_emails          = var.alert_emails
  allow_purge           = each.value.allow_purge
  old_versions          = each.value.old_versions
  replication           = each.value.replication
  administrators        = var.administrators
}

locals {
  # Who works on what: everybody, where nobody is named. One who is no member is told by the role's precondition.
  working = {
    for name, experiment in var.experiments : name => [
      for member in coalesce(experiment.members, keys(var.members)) : member if contains(keys(var.members), member)
    ]
  }
  strangers = distinct(flatten([
    for name, experiment in var.experiments : [
      for member in coalesce(experiment.members, []) : "${member} (${name})" if !contains(keys(var.members), member)
    ]
  ]))
}
