# Every validation refuses what it is there to refuse.
mock_provider "aws" {
  source          = "../../platform/tests/mocks"
  override_during = plan
}

variables {
  email             = "ada@example.com"
  gitlab_host       = "gitlab.example.com"
  publisher_package = "../../platform/tests/package.zip"
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

run "cost_tags_that_are_left_open" {
  command         = plan
  expect_failures = [var.activate_cost_tags]

  variables {
    activate_cost_tags = null
  }
}
