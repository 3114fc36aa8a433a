# One platform, one squad, one experiment.
module "platform" {
  source = "../../platform"

  name               = var.name
  publisher_package  = var.publisher_package
  alert_emails       = [var.email]
  gitlab             = { host = var.gitlab_host }
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
