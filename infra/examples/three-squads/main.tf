# Three squads on one platform. A squad is one entry of this map, an experiment one of its own.
module "platform" {
  source = "../../platform"

  name               = var.name
  publisher_package  = var.publisher_package
  alert_emails       = [var.email]
  network            = var.network
  gitlab             = { host = var.gitlab_host, project = var.gitlab_project, refs = ["branch:main", "branch:develop", "tag:*.*.*"] }
  activate_cost_tags = var.activate_cost_tags
}

locals {
  squads = {
    vision = {
      budget = 1500
      members = {
        ada   = { email = "ada@example.com" }
        grace = { email = "grace@example.com" }
      }
      experiments = {
        iris   = { repository_url = "https://${var.gitlab_host}/vision/iris.git", members = ["ada"] }
        plates = { repository_url = "https://${var.gitlab_host}/vision/plates.git", budget = 900, instance_type = "ml.g4dn.xlarge", storage_gb = 100 }
      }
    }

    language = {
      budget  = 800
      members = { noam = { email = "noam@example.com" } }
      experiments = {
        # Old versions go after two years, except for the twenty newest of each name.
        letters = { repository_url = "https://${var.gitlab_host}/language/letters.git", old_versions = { remove_after_days = 730, keep = 20 } }
      }
    }

    customers = {
      budget = 600
      members = {
        florence = { email = "florence@example.com" }
        john     = { email = "john@example.com" }
      }
      experiments = {
        # Nothing that was saved is ever removed, and there is a copy in another region.
        churn = { repository_url = "https://${var.gitlab_host}/customers/churn.git", allow_purge = false, replication = var.backup }
        prices = {
          repository_url       = "https://${var.gitlab_host}/customers/prices.git"
          members              = ["john"]
          idle_timeout_minutes = 60
          protected_refs       = { branches = ["main"], tags = [] }
        }
      }
    }
  }
}

module "squad" {
  source   = "../../modules/squad"
  for_each = local.squads

  platform       = module.platform.platform
  name           = each.key
  budget         = each.value.budget
  alert_emails   = [var.email]
  members        = each.value.members
  experiments    = each.value.experiments
  administrators = var.administrators
}
