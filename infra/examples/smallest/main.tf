# One platform, one squad, one experiment.
module "platform" {
  source = "../../platform"

  name               = var.name
  publisher_package  = var.publisher_package
  alert_emails       = [var.email]
  network            = var.network
  gitlab             = { host = var.gitlab_host, project = var.gitlab_project, refs = ["branch:main", "branch:develop", "tag:*.*.*"] }
  activate_cost_tags = var.activate_cost_tags
}

module "squad" {
  source = "../../modules/squad"

  platform     = module.platform.platform
  name         = "vision"
  budget       = 500
  alert_emails = [var.email]
  members      = { ada = { email = var.email } }

  experiments = {
    iris = { repository_url = "https://${var.gitlab_host}/vision/iris.git" }
  }
}
