# The whole of it, with the real platform module: what both give each other fits.
mock_provider "aws" {
  source = "../../platform/tests/mocks"
}

variables {
  email             = "ada@example.com"
  gitlab_host       = "gitlab.example.com"
  publisher_package = "../../platform/tests/package.zip"
}

run "one_squad_with_one_experiment" {
  command = plan

  assert {
    condition     = { for name, told in output.jsk : name => told.store } == { iris = "s3://jsk-vision-iris-123456789012/objects" }
    error_message = "jsk is told of another store."
  }

  assert {
    condition     = output.gitlab_role_arns == { iris = "arn:aws:iam::123456789012:role/jsk-vision-iris.gitlab" }
    error_message = "Jobs take another role."
  }

  assert {
    condition     = toset(keys(output.gitlab_ci)) == toset(["base", "iris"]) && output.gitlab_ci.base == null
    error_message = "A pipeline of base images is told, though no project may push any."
  }

  assert {
    condition     = keys(output.open_studio) == ["ada"]
    error_message = "A member is not told how to open Studio."
  }

  assert {
    condition     = alltrue([for name in ["studio", "experiments-1", "iris/role", "iris/bucket", "iris/gitlab"] : contains(keys(output.policies), name)])
    error_message = "A policy is not told."
  }
}
