# Every validation refuses what it is there to refuse. Variables are checked each by itself, so a run tries a wrong
# value of many: all of them must be refused.
mock_provider "aws" {}

variables {
  platform = {
    name                      = "jsk"
    account_id                = "123456789012"
    region                    = "eu-central-1"
    partition                 = "aws"
    domain_id                 = "d-abcdefgh1234"
    domain_arn                = "arn:aws:sagemaker:eu-central-1:123456789012:domain/d-abcdefgh1234"
    domain_execution_role_arn = "arn:aws:iam::123456789012:role/jsk-domain"
    vpc_id                    = "vpc-0a1b2c3d"
    subnet_ids                = ["subnet-0a", "subnet-0b"]
    kms_key_arn               = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    logs_bucket               = "jsk-logs-123456789012"
    log_group_prefix          = "/jsk"
    base_repository_arn       = "arn:aws:ecr:eu-central-1:123456789012:repository/jsk/base"
    base_repository_url       = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/jsk/base"
    registry                  = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
    publisher_function_arn    = "arn:aws:lambda:eu-central-1:123456789012:function:jsk-publisher"
    permissions_boundary_arn  = "arn:aws:iam::123456789012:policy/jsk-boundary"
    gitlab_provider_arn       = "arn:aws:iam::123456789012:oidc-provider/gitlab.example.com"
    gitlab_host               = "gitlab.example.com"
    lease_uri                 = "s3://jsk-platform-123456789012/jsk-ci/"
    idle_timeout_minutes      = 120
  }

  name         = "vision"
  budget       = 500
  alert_emails = ["ada@example.com"]

  members = {
    ada  = { email = "ada@example.com" }
    alan = { email = "alan@example.com" }
  }

  # None: what is refused here is refused before any is made.
  experiments = {}
}

run "first_wrong_value_of_each" {
  command = plan

  expect_failures = [
    var.platform,
    var.name,
    var.budget,
    var.alert_emails,
    var.members,
    var.experiments,
    var.instance_types,
    var.administrators,
  ]

  variables {
    # a platform with a hyphen
    platform = merge(var.platform, { name = "jsk-2" })
    # a name with a hyphen
    name = "vi-sion"
    # a budget of nothing
    budget = 0
    # nobody to tell
    alert_emails = []
    # nobody in it
    members = {}
    # more experiments than a role holds
    experiments = { for number in range(37) : "e${number}" => { repository_url = "https://gitlab.example.com/vision/e${number}.git" } }
    # every machine there is
    instance_types = ["*"]
    # an administrator without arn
    administrators = ["terraform"]
  }
}

run "second_wrong_value_of_each" {
  command = plan

  expect_failures = [
    var.platform,
    var.name,
    var.members,
    var.experiments,
    var.administrators,
  ]

  variables {
    # an account that is no number
    platform = merge(var.platform, { account_id = "me" })
    # an administrator by his session, which AWS never compares with
    administrators = ["arn:aws:sts::123456789012:assumed-role/terraform/me"]
    # a squad called like a part of the platform
    name = "attach"
    # a member with a hyphen
    members = { ada-l = { email = "ada@example.com" } }
    # an experiment with an underscore
    experiments = { my_iris = { repository_url = "https://gitlab.example.com/vision/iris.git" } }
  }
}

run "third_wrong_value_of_each" {
  command = plan

  expect_failures = [
    var.members,
    var.experiments,
  ]

  variables {
    # an email that is none
    members = { ada = { email = "ada" } }
    # an experiment with a budget of nothing
    experiments = { iris = { repository_url = "https://gitlab.example.com/vision/iris.git", budget = 0 } }
  }
}

run "an_experiment_with_somebody_who_is_no_member" {
  command         = plan
  expect_failures = [aws_iam_role.this]

  variables {
    experiments = { iris = { repository_url = "https://gitlab.example.com/vision/iris.git", members = ["ada", "eve"] } }
  }
}

run "more_machines_than_a_policy_holds" {
  command         = plan
  expect_failures = [aws_iam_policy.this]

  variables {
    instance_types = [for number in range(150) : "ml.m${number}.24xlarge"]
  }
}
