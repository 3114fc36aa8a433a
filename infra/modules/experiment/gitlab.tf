# The jobs of this experiment's project in GitLab: they prove by a token of GitLab's which project and branch they
# are of, and have no key of their own.
locals {
  project = replace(replace(var.repository_url, "/^https://[^/]+//", ""), "/\\.git$/", "")

  refs = concat(
    [for branch in var.protected_refs.branches : "project_path:${local.project}:ref_type:branch:ref:${branch}"],
    [for tag in var.protected_refs.tags : "project_path:${local.project}:ref_type:tag:ref:${tag}"],
  )

  gitlab_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "ProtectedRefsOfItsProject"
      Effect    = "Allow"
      Principal = { Federated = local.platform.gitlab_provider_arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = { "${local.platform.gitlab_host}:aud" = local.gitlab_audience }
        StringLike   = { "${local.platform.gitlab_host}:sub" = local.refs }
      }
    }]
  })

  # Of SageMaker, a job only sees whether the publisher is done, which alone makes versions known and attaches them.
  gitlab_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "LogInToRegistry"
        Effect   = "Allow"
        Action   = "ecr:GetAuthorizationToken"
        Resource = "*"
      },
      {
        Sid      = "Pull"
        Effect   = "Allow"
        Action   = concat(local.pulling, ["ecr:DescribeImages", "ecr:ListImages"])
        Resource = [local.repository_arn, local.platform.base_repository_arn, "${local.platform.base_repository_arn}-*"]
      },
      {
        Sid      = "Push"
        Effect   = "Allow"
        Action   = local.pushing
        Resource = local.repository_arn
      },
      {
        Sid    = "SeeWhatIsOffered"
        Effect = "Allow"
        Action = ["sagemaker:DescribeDomain", "sagemaker:DescribeImageVersion", "sagemaker:ListImageVersions"]
        Resource = [
          local.platform.domain_arn,
          "${local.arn}:sagemaker:${local.here}:image/${var.name}",
          "${local.arn}:sagemaker:${local.here}:image-version/${var.name}/*",
        ]
      },
    ]
  })
}

# What the project's own pipeline says, so that nobody copies ARNs by hand.
locals {
  gitlab_audience = coalesce(local.platform.gitlab_audience, "https://${local.platform.gitlab_host}")

  gitlab_inputs = join("\n", concat(
    ["registry: ${local.platform.registry}/${local.platform.name}/kernels", "aws-role: ${local.gitlab_arn}"],
    local.gitlab_audience == "https://${local.platform.gitlab_host}" ? [] : ["aws-audience: ${local.gitlab_audience}"],
  ))

  gitlab_ci = <<-EOT
    include:
      - component: $CI_SERVER_FQDN/jsk/kit/notebooks@1
      - component: $CI_SERVER_FQDN/jsk/kit/kernel@1
        inputs:
          ${indent(6, local.gitlab_inputs)}
          other-branches: none
          publisher: ${reverse(split(":", local.platform.publisher_function_arn))[0]}
          domain: ${local.platform.domain_id}
      - component: $CI_SERVER_FQDN/jsk/kit/release@1
        inputs:
          ${indent(6, local.gitlab_inputs)}
  EOT
}

resource "aws_iam_role" "gitlab" {
  count                = local.gitlab_count
  name                 = local.gitlab_role
  description          = "GitLab's jobs of ${local.project}, on protected branches and tags."
  assume_role_policy   = local.gitlab_trust
  permissions_boundary = local.platform.permissions_boundary_arn
  max_session_duration = 3600
  tags                 = local.tags

  lifecycle {
    precondition {
      condition     = length(local.gitlab_trust) <= 2048
      error_message = "The trust policy of ${local.gitlab_role} has ${length(local.gitlab_trust)} characters, and IAM takes 2,048: name fewer protected_refs, with stars (release/*)."
    }

    precondition {
      condition     = startswith(var.repository_url, "https://${local.platform.gitlab_host}/")
      error_message = "The repository ${var.repository_url} is not on the platform's GitLab, ${local.platform.gitlab_host}: its jobs could never prove who they are."
    }
  }
}

resource "aws_iam_role_policy" "gitlab" {
  count  = local.gitlab_count
  name   = "kernel-images"
  role   = aws_iam_role.gitlab[0].name
  policy = local.gitlab_policy

  # An experiment of another squad may have the name, and the repository: then nobody is let in here.
  depends_on = [aws_ecr_repository.kernel]
}
