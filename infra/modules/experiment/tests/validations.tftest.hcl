# Every validation refuses what it is there to refuse. Variables are checked each by itself, so a run tries a wrong
# value of many: all of them must be refused.
mock_provider "aws" {}

variables {
  squad          = "vision"
  name           = "iris"
  repository_url = "https://gitlab.example.com/vision/iris.git"
  alert_emails   = ["ada@example.com"]
  members        = { ada = "vision-ada" }
}

run "first_wrong_value_of_each" {
  command = plan

  expect_failures = [
    var.platform,
    var.squad,
    var.name,
    var.repository_url,
    var.repository_secret_arn,
    var.branch,
    var.protected_refs,
    var.members,
    var.instance_type,
    var.storage_gb,
    var.idle_timeout_minutes,
    var.budget,
    var.alert_emails,
    var.allow_purge,
    var.old_versions,
    var.replication,
    var.log_retention_days,
    var.administrators,
  ]

  variables {
    # a platform with a hyphen
    platform = merge(var.platform, { name = "jsk-2" })
    # a squad with a hyphen
    squad = "vi-sion"
    # a name with an underscore
    name = "my_iris"
    # a repository without https
    repository_url = "git@gitlab.example.com:vision/iris.git"
    # a secret without arn
    repository_secret_arn = "git-login"
    # a branch with a blank
    branch = "my branch"
    # every branch of the project
    protected_refs = { branches = ["*"] }
    # a member with a hyphen
    members = { ada-l = "vision-ada" }
    # a machine that is not sagemakers
    instance_type = "t3.medium"
    # a disk that is too small
    storage_gb = 4
    # an idle timeout that studio refuses
    idle_timeout_minutes = 30
    # a budget of nothing
    budget = 0
    # nobody to tell
    alert_emails = []
    # a purge that is neither allowed nor not
    allow_purge = null
    # removal before cheaper storage
    old_versions = { remove_after_days = 20 }
    # a copy that is no bucket
    replication = { bucket_arn = "backup", kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1" }
    # logs for a week
    log_retention_days = 7
    # an administrator without arn
    administrators = ["terraform"]
  }
}

run "second_wrong_value_of_each" {
  command = plan

  expect_failures = [
    var.platform,
    var.squad,
    var.name,
    var.repository_url,
    var.protected_refs,
    var.alert_emails,
  ]

  variables {
    # an account that is no number
    platform = merge(var.platform, { account_id = "me" })
    # a squad called like a part of the platform
    squad = "attach"
    # a name that is too long
    name = "a-name-with-23-letters-"
    # a repository with a token
    repository_url = "https://oauth2:secret@gitlab.example.com/vision/iris.git"
    # no branch at all
    protected_refs = { branches = [] }
    # an address that is none
    alert_emails = ["ada"]
  }
}

run "a_name_that_is_everybodys" {
  command         = plan
  expect_failures = [var.name]

  variables {
    name = "open"
  }
}

run "the_name_of_the_base_image" {
  command         = plan
  expect_failures = [var.name]

  variables {
    name = "base"
  }
}

run "the_name_of_a_base_image_that_may_come" {
  command         = plan
  expect_failures = [var.name]

  variables {
    name = "base-gpu"
  }
}

run "a_name_that_only_begins_like_a_base_image" {
  command = plan

  variables {
    name = "baseball"
  }

  assert {
    condition     = aws_ecr_repository.kernel.name == "jsk/kernels/baseball"
    error_message = "baseball is no base image."
  }
}

run "every_tag_of_everybody" {
  command         = plan
  expect_failures = [var.protected_refs]

  variables {
    protected_refs = { tags = ["*"] }
  }
}

run "a_repository_of_another_gitlab" {
  command         = plan
  expect_failures = [aws_iam_role.gitlab]

  variables {
    repository_url = "https://gitlab.example.org/vision/iris.git"
  }
}

run "a_repository_elsewhere_where_there_is_no_gitlab" {
  command = plan

  variables {
    platform       = merge(var.platform, { gitlab_host = "" })
    repository_url = "https://git.example.org/vision/iris.git"
  }

  assert {
    condition     = length(aws_iam_role.gitlab) == 0 && output.gitlab_role_arn == null
    error_message = "There is a role for jobs of a GitLab that is not there."
  }
}

run "an_idle_time_that_the_domain_does_not_allow" {
  command         = plan
  expect_failures = [aws_sagemaker_space.this]

  variables {
    members              = { ada = "vision-ada" }
    idle_timeout_minutes = 241
  }
}

run "more_refs_than_a_trust_policy_holds" {
  command         = plan
  expect_failures = [aws_iam_role.gitlab]

  variables {
    protected_refs = { branches = [for number in range(30) : "release/${number}"] }
  }
}

run "an_administrator_by_his_session" {
  command         = plan
  expect_failures = [var.administrators]

  variables {
    administrators = ["arn:aws:sts::123456789012:assumed-role/terraform/me"]
  }
}
