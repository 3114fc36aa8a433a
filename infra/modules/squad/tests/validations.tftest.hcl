# Every validation refuses what it is there to refuse. Variables are checked each by itself, so a run tries a wrong
# value of many: all of them must be refused.
mock_provider "aws" {}

variables {
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

run "fourth_wrong_value_of_each" {
  command         = plan
  expect_failures = [var.experiments]

  variables {
    # a name that is everybody's
    experiments = { open-iris = { repository_url = "https://gitlab.example.com/vision/iris.git" } }
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
