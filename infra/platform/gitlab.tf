# GitLab's jobs prove who they are by a token of their own; no key of AWS lies anywhere.

locals {
  gitlab_host     = var.gitlab.host
  gitlab_audience = coalesce(var.gitlab.audience, "https://${var.gitlab.host}")
  gitlab_provider = coalesce(var.gitlab.provider_arn, one(aws_iam_openid_connect_provider.gitlab[*].arn))
  gitlab_project  = var.gitlab.project == null ? [] : [var.gitlab.project]

  # The subject of a token names project and ref: project_path:GROUP/PROJECT:ref_type:branch:ref:main
  gitlab_subjects = flatten([
    for project in local.gitlab_project : [
      for ref in var.gitlab.refs : "project_path:${project}:ref_type:${split(":", ref)[0]}:ref:${split(":", ref)[1]}"
    ]
  ])

  gitlab_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = local.gitlab_provider }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = { "${local.gitlab_host}:aud" = local.gitlab_audience }
        StringLike   = { "${local.gitlab_host}:sub" = local.gitlab_subjects }
      }
    }]
  })

  gitlab_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "LogInToTheRegistry"
        Effect   = "Allow"
        Action   = "ecr:GetAuthorizationToken"
        Resource = "*"
      },
      {
        Sid    = "BuildBaseImages"
        Effect = "Allow"
        Action = [
          "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages",
          "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:ListImages", "ecr:PutImage", "ecr:UploadLayerPart",
        ]
        Resource = [for image in sort(var.base_images) : "${local.repositories_arn}/${image}"]
      },
      {
        # Whether the publisher is done.
        Sid    = "SeeWhatIsOffered"
        Effect = "Allow"
        Action = ["sagemaker:DescribeDomain", "sagemaker:DescribeImageVersion", "sagemaker:ListImageVersions"]
        Resource = concat(
          [aws_sagemaker_domain.this.arn],
          [for image in sort(var.base_images) : "${local.sagemaker_arn}:image/${image}"],
          [for image in sort(var.base_images) : "${local.sagemaker_arn}:image-version/${image}/*"],
        )
      },
    ]
  })
}

# What the pipeline of base images says, so that nobody copies ARNs by hand.
locals {
  gitlab_inputs = join("\n", concat(
    [
      "folders: kernels/base",
      "registry: ${local.registry}/${var.name}",
      "aws-role: arn:${local.partition}:iam::${local.account}:role/${var.name}-gitlab-base",
    ],
    local.gitlab_audience == "https://${local.gitlab_host}" ? [] : ["aws-audience: ${local.gitlab_audience}"],
  ))

  gitlab_ci = <<-EOT
    include:
      - component: $CI_SERVER_FQDN/jsk/kit/kernel@1
        inputs:
          ${indent(6, local.gitlab_inputs)}
          other-branches: none
          publisher: ${local.publisher_name}
          domain: ${aws_sagemaker_domain.this.id}
      - component: $CI_SERVER_FQDN/jsk/kit/release@1
        inputs:
          ${indent(6, local.gitlab_inputs)}
      - component: $CI_SERVER_FQDN/jsk/kit/workflow@1
  EOT
}

resource "aws_iam_openid_connect_provider" "gitlab" {
  count = var.gitlab.provider_arn == null ? 1 : 0

  url            = "https://${local.gitlab_host}"
  client_id_list = [local.gitlab_audience]
  tags           = local.tags
}

resource "aws_iam_role" "gitlab" {
  count = length(local.gitlab_project)

  name                 = "${var.name}-gitlab-base"
  description          = "GitLab's jobs that build base images"
  assume_role_policy   = local.gitlab_trust
  max_session_duration = 3600
  tags                 = local.tags

  lifecycle {
    precondition {
      condition     = length(local.gitlab_trust) <= 2048
      error_message = "The trust policy of the build of base images has ${length(local.gitlab_trust)} characters, and IAM takes 2,048: name fewer gitlab.refs, with stars (branch:release/*)."
    }
  }
}

resource "aws_iam_role_policy" "gitlab" {
  count = length(local.gitlab_project)

  name   = "base-images"
  role   = aws_iam_role.gitlab[0].name
  policy = local.gitlab_policy
}
