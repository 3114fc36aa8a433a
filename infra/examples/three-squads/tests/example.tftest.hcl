mock_provider "aws" {
  source = "../../platform/tests/mocks"
}

variables {
  email             = "ada@example.com"
  gitlab_host       = "gitlab.example.com"
  publisher_package = "../../platform/tests/package.zip"
}

# With everything known, policies can be read before anything is made.
override_module {
  target = module.platform

  outputs = {
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
  }
}

run "three_squads_with_five_experiments" {
  command = plan

  assert {
    condition     = toset(keys(output.jsk)) == toset(["iris", "plates", "letters", "churn", "prices"])
    error_message = "An experiment is missing."
  }

  assert {
    condition     = length(distinct([for told in values(output.jsk) : told.store])) == 5
    error_message = "Two experiments have one store."
  }

  assert {
    condition = alltrue(flatten([for squad, documents in output.policies : [
      for name, document in documents : [
        for other in keys(output.policies) : !strcontains(document, "jsk-${other}-") && !strcontains(document, "/jsk/${other}/") if other != squad
      ]
    ]]))
    error_message = "A policy of one squad names what is another squad's."
  }
}

run "each_project_is_told_its_pipeline_and_each_member_the_way_in" {
  command = plan

  assert {
    condition     = toset(keys(output.gitlab_ci)) == toset(["base", "iris", "plates", "letters", "churn", "prices"])
    error_message = "A project's pipeline is missing."
  }

  assert {
    condition     = { for squad, members in output.open_studio : squad => keys(members) } == { vision = ["ada", "grace"], language = ["noam"], customers = ["florence", "john"] }
    error_message = "A member is not told how to open Studio."
  }
}

run "a_copy_is_made_of_one_experiment_alone" {
  command = plan

  variables {
    backup = { bucket_arn = "arn:aws:s3:::backup", kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/99999999-2222-3333-4444-555555555555" }
  }

  assert {
    condition     = [for name in sort(flatten([for squad in output.policies : keys(squad)])) : name if endswith(name, "/replication")] == ["churn/replication"]
    error_message = "Another experiment is copied, or churn is not."
  }
}

run "a_name_with_a_hyphen" {
  command         = plan
  expect_failures = [var.name]

  variables {
    name = "jsk-2"
  }
}

run "a_region_that_is_none" {
  command         = plan
  expect_failures = [var.region]

  variables {
    region = "Frankfurt"
  }
}

run "an_email_that_is_none" {
  command         = plan
  expect_failures = [var.email]

  variables {
    email = "ada"
  }
}

run "a_host_with_a_port" {
  command         = plan
  expect_failures = [var.gitlab_host]

  variables {
    gitlab_host = "gitlab.example.com:8443"
  }
}

run "a_host_with_https" {
  command         = plan
  expect_failures = [var.gitlab_host]

  variables {
    gitlab_host = "https://gitlab.example.com"
  }
}

run "a_project_that_is_an_address" {
  command         = plan
  expect_failures = [var.gitlab_project]

  variables {
    gitlab_project = "https://gitlab.example.com/platform/kit"
  }
}

run "a_network_without_ids" {
  command         = plan
  expect_failures = [var.network]

  variables {
    network = { vpc_id = "default", subnet_ids = [] }
  }
}

run "a_package_that_is_no_zip" {
  command         = plan
  expect_failures = [var.publisher_package]

  variables {
    publisher_package = "attach_kernel.tar"
  }
}

run "an_administrator_without_arn" {
  command         = plan
  expect_failures = [var.administrators]

  variables {
    administrators = ["terraform"]
  }
}

run "a_backup_without_arn" {
  command         = plan
  expect_failures = [var.backup]

  variables {
    backup = { bucket_arn = "backup", kms_key_arn = "key" }
  }
}

run "cost_tags_that_are_left_open" {
  command         = plan
  expect_failures = [var.activate_cost_tags]

  variables {
    activate_cost_tags = null
  }
}
