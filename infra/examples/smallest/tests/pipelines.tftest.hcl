# With values as after an apply: what is told of pipelines names the domain.
mock_provider "aws" {
  source          = "../../platform/tests/mocks"
  override_during = plan
}

variables {
  email             = "ada@example.com"
  gitlab_host       = "gitlab.example.com"
  publisher_package = "../../platform/tests/package.zip"
}

run "a_project_of_gitlab_builds_base_images" {
  command = plan

  variables {
    gitlab_project = "platform/experiment-kit"
  }

  assert {
    condition     = strcontains(output.gitlab_ci.base, "aws-role: arn:aws:iam::123456789012:role/jsk-gitlab-base")
    error_message = "The pipeline of base images takes another role."
  }

  assert {
    condition = alltrue([
      for ref in ["branch:ref:main", "branch:ref:develop", "tag:ref:*.*.*"] :
      strcontains(module.platform.policies.gitlab_trust, "project_path:platform/experiment-kit:ref_type:${ref}")
    ])
    error_message = "A branch or tag that delivers base images has no role."
  }
}
