resource "aws_ecr_repository" "kernel" {
  name                 = local.repository_name
  image_tag_mutability = "IMMUTABLE"
  force_delete         = false
  tags                 = local.tags

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = local.platform.kms_key_arn
  }
}

# There is no lifecycle policy: ECR does not know which images Studio offers or trials ran in. `jsk-ci gc` does.

locals {
  # Who may push: the job of this experiment's project. Others of the kit, even with a policy that says so, may not.
  pushers = {
    for operator, arns in {
      ArnLike    = length(var.administrators) == 0 ? local.working_roles : []
      ArnNotLike = concat([local.gitlab_arn], length(var.administrators) == 0 ? [] : local.keepers)
    } : operator => { "aws:PrincipalArn" = arns } if length(arns) > 0
  }
  changers = {
    for operator, arns in {
      ArnLike    = length(var.administrators) == 0 ? local.working_roles : []
      ArnNotLike = length(var.administrators) == 0 ? [] : local.keepers
    } : operator => { "aws:PrincipalArn" = arns } if length(arns) > 0
  }
  keepers = concat(var.administrators, ["${local.iam}:root"])

  pulling = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
  pushing = ["ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"]

  repository_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "StudioPulls"
        Effect    = "Allow"
        Principal = { AWS = local.platform.domain_execution_role_arn }
        Action    = local.pulling
      },
      {
        Sid       = "OnlyItsProjectPushes"
        Effect    = "Deny"
        Principal = "*"
        Action    = local.pushing
        Condition = local.pushers
      },
      {
        Sid       = "SafeguardsStay"
        Effect    = "Deny"
        Principal = "*"
        Action = [
          "ecr:DeleteRepository",
          "ecr:DeleteRepositoryPolicy",
          "ecr:PutImageScanningConfiguration",
          "ecr:PutImageTagMutability",
          "ecr:PutLifecyclePolicy",
          "ecr:SetRepositoryPolicy",
        ]
        Condition = local.changers
      },
    ]
  })
}

resource "aws_ecr_repository_policy" "kernel" {
  repository = aws_ecr_repository.kernel.name
  policy     = local.repository_policy
}
