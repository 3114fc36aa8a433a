# What is refused, and what is just allowed. Starting the provider takes most of a run's time, so that a run
# breaks a rule of each variable at once: expect_failures fails for every one that is not noticed.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  publisher_package = "./tests/package.zip"
}

run "what_is_just_allowed" {
  command = plan

  variables {
    name                    = "ab"
    base_images             = ["base", "base-gpu"]
    network                 = { vpc_id = "vpc-0a", subnet_ids = ["subnet-0a", "subnet-0b"] }
    vpc_cidr                = "10.0.0.0/24"
    auth_mode               = "SSO"
    idle_timeout_minutes    = 60
    space_gigabytes         = { usual = 5, most = 5 }
    gitlab                  = { host = "gitlab.example.com", project = "a/b/c.d", refs = ["branch:release/*", "tag:v*", "tag:*.*.*"] }
    monthly_budget          = 0.01
    alert_emails            = ["ada@example.com"]
    log_retention_days      = 3653
    key_deletion_days       = 7
    create_studio_log_group = false
    tags                    = { owner = "ada" }
  }
}

run "refused_1" {
  command = plan

  variables {
    name                    = "j"                                                             # too short
    publisher_package       = "./nowhere.zip"                                                 # that is not there
    base_images             = ["base-gpu"]                                                    # without base
    base_publishers         = ["arn:aws:iam::123456789012:role/*"]                            # with wildcards
    network                 = { vpc_id = "default", subnet_ids = ["subnet-0a", "subnet-0b"] } # of no vpc
    vpc_cidr                = "10.0.0.0"                                                      # that is none
    availability_zones      = ["a"]                                                           # that are one
    interface_endpoints     = ["sagemaker.api", "sagemaker.runtime", "sts"]                   # without studio
    auth_mode               = "PASSWORD"                                                      # that is none
    idle_timeout_minutes    = 59                                                              # too short
    space_gigabytes         = { usual = 4, most = 100 }                                       # too small
    gitlab                  = { host = "https://gitlab.example.com" }                         # by address
    monthly_budget          = 0                                                               # of nothing
    alert_emails            = ["ada"]                                                         # that are none
    activate_cost_tags      = null                                                            # unsaid
    log_retention_days      = 30                                                              # too short
    key_deletion_days       = 6                                                               # too short
    create_studio_log_group = null                                                            # unsaid
    create_job_log_groups   = null                                                            # unsaid
    reserve_publisher       = null                                                            # unsaid
    tags                    = { "jsk:squad" = "vision" }                                      # of the kit
  }

  expect_failures = [var.name, var.publisher_package, var.base_images, var.base_publishers, var.network, var.vpc_cidr, var.availability_zones, var.interface_endpoints, var.auth_mode, var.idle_timeout_minutes, var.space_gigabytes, var.gitlab, var.monthly_budget, var.alert_emails, var.activate_cost_tags, var.log_retention_days, var.key_deletion_days, var.create_studio_log_group, var.create_job_log_groups, var.reserve_publisher, var.tags]
}

run "refused_2" {
  command = plan

  variables {
    name                 = "jsk-lab"                                              # with a hyphen
    publisher_package    = "./versions.tf"                                        # that is no package
    base_images          = ["base", "iris"]                                       # of other names
    base_publishers      = ["*"]                                                  # that are everybody
    network              = { vpc_id = "vpc-0a", subnet_ids = ["subnet-0a"] }      # of one subnet
    vpc_cidr             = "10.0.0.0/28"                                          # too small
    availability_zones   = ["a", "a"]                                             # twice the same
    idle_timeout_minutes = 1441                                                   # too long
    space_gigabytes      = { usual = 50, most = 20 }                              # upside down
    gitlab               = { audience = "*" }                                     # audience for all
    alert_emails         = [for number in range(11) : "ada${number}@example.com"] # too many
    log_retention_days   = 366                                                    # unknown to CloudWatch
    key_deletion_days    = 31                                                     # too long
    tags                 = { "aws:x" = "y" }                                      # of AWS
  }

  expect_failures = [var.name, var.publisher_package, var.base_images, var.base_publishers, var.network, var.vpc_cidr, var.availability_zones, var.idle_timeout_minutes, var.space_gigabytes, var.gitlab, var.alert_emails, var.log_retention_days, var.key_deletion_days, var.tags]
}

run "refused_3" {
  command = plan

  variables {
    name                 = "JSK"                                          # in capitals
    base_images          = ["base", "base--gpu"]                          # with double hyphens
    network              = { vpc_id = "vpc-0a", subnet_ids = ["a", "b"] } # of no subnets
    vpc_cidr             = "10.0.0.0/8"                                   # too large
    availability_zones   = ["eu-central-1a", "eu-central-1b"]             # with the region
    idle_timeout_minutes = 90.5                                           # in parts
    space_gigabytes      = { usual = 20, most = 20000 }                   # too large
    gitlab               = { provider_arn = "gitlab" }                    # provider that is none
  }

  expect_failures = [var.name, var.base_images, var.network, var.vpc_cidr, var.availability_zones, var.idle_timeout_minutes, var.space_gigabytes, var.gitlab]
}

run "refused_4" {
  command = plan

  variables {
    name   = "abcdefghijklm"            # too long
    gitlab = { project = "platform/*" } # project with wildcard
  }

  expect_failures = [var.name, var.gitlab]
}

run "refused_5" {
  command = plan

  variables {
    gitlab = { project = "kernels" } # project without group
  }

  expect_failures = [var.gitlab]
}

run "refused_6" {
  command = plan

  variables {
    gitlab = { refs = ["branch:*"] } # refs of all
  }

  expect_failures = [var.gitlab]
}

run "refused_7" {
  command = plan

  variables {
    gitlab = { refs = ["main"] } # refs without kind
  }

  expect_failures = [var.gitlab]
}

run "refused_8" {
  command = plan

  variables {
    gitlab = { refs = [] } # without refs
  }

  expect_failures = [var.gitlab]
}

run "refused_9" {
  command = plan

  variables {
    name   = "awsml"                              # that parameters cannot begin with
    gitlab = { host = "gitlab.example.com:8443" } # with a port, which IAM refuses
  }

  expect_failures = [var.name, var.gitlab]
}

run "refused_10" {
  command = plan

  variables {
    name = "sthree" # that buckets cannot begin with
  }

  expect_failures = [var.name]
}

run "refused_11" {
  command = plan

  variables {
    gitlab = { refs = ["tag:*"] } # tags of all
  }

  expect_failures = [var.gitlab]
}

run "a_trust_policy_that_is_too_long" {
  command = plan

  variables {
    gitlab = { host = "gitlab.example.com", provider_arn = "arn:aws:iam::123456789012:oidc-provider/gitlab.example.com", project = "platform/kernels", refs = [for number in range(30) : "branch:release/${number}"] }
  }

  expect_failures = [aws_iam_role.gitlab]
}

run "refused_provider_of_another_host" {
  command = plan

  variables {
    gitlab = { host = "gitlab.example.com", provider_arn = "arn:aws:iam::123456789012:oidc-provider/gitlab.com" }
  }

  expect_failures = [var.gitlab]
}
