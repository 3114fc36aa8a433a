# No lifecycle rules: ECR does not know which images Studio refers to. `jsk-ci gc` does.

locals {
  base_repository_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "SageMakerOfThisAccountReads"
        Effect    = "Allow"
        Principal = { Service = "sagemaker.amazonaws.com" }
        Action    = ["ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer"]
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      },
      {
        Sid       = "NobodyElseComesIn"
        Effect    = "Deny"
        Principal = "*"
        Action    = "ecr:*"
        Condition = {
          StringNotEquals = { "aws:PrincipalAccount" = local.account }
          Bool            = { "aws:PrincipalIsAWSService" = "false" }
        }
      },
      {
        Sid       = "OnlyTheBuildPushes"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload"]
        Condition = { ArnNotLike = { "aws:PrincipalArn" = local.base_publishers } }
      },
    ]
  })

  # The build's role, and who else may on the day that GitLab is down.
  base_publishers = concat(["${local.roles_arn}/${var.name}-gitlab-base"], tolist(var.base_publishers))
}

resource "aws_ecr_repository" "base" {
  for_each = var.base_images

  name                 = "${var.name}/${each.key}"
  image_tag_mutability = "IMMUTABLE"
  tags                 = local.tags

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = aws_kms_key.data.arn
  }

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_repository_policy" "base" {
  for_each = var.base_images

  repository = aws_ecr_repository.base[each.key].name
  policy     = local.base_repository_policy
}
