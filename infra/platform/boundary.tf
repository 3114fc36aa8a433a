# The most that any role of the platform's pipelines and of squads can do, whatever its own policies say.

locals {
  boundary = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Work"
        Effect   = "Allow"
        Action   = ["sagemaker:*", "ce:Get*", "cloudwatch:PutMetricData", "ecr:GetAuthorizationToken", "pricing:GetProducts", "sts:GetCallerIdentity", "sts:TagSession"]
        Resource = "*"
      },
      {
        Sid      = "Objects"
        Effect   = "Allow"
        Action   = ["s3:Get*", "s3:List*", "s3:PutObject", "s3:DeleteObject*", "s3:RestoreObject", "s3:AbortMultipartUpload", "s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"]
        Resource = [local.experiment_buckets, "${local.experiment_buckets}/*"]
        # Anybody can give a bucket such a name.
        Condition = { StringEquals = { "aws:ResourceAccount" = local.account } }
      },
      {
        # The pattern above has stars, and a star is also a slash: s3/BUCKET/… of the access logs is like it.
        Sid      = "ThePlatformsBucketsAndLogs"
        Effect   = "Deny"
        Action   = ["s3:*", "logs:*"]
        Resource = concat(flatten([for arn in values(local.bucket_arns) : [arn, "${arn}/*"]]), ["${local.log_groups_arn}:${local.log_group_prefix}/platform:*"])
      },
      {
        Sid    = "ReadImages"
        Effect = "Allow"
        Action = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:Describe*", "ecr:GetDownloadUrlForLayer", "ecr:ListImages"]
        # Base images are read only.
        Resource = local.kernels_arns
      },
      {
        Sid      = "PushImages"
        Effect   = "Allow"
        Action   = ["ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"]
        Resource = "${local.repositories_arn}/kernels/*"
      },
      {
        Sid      = "Logs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:Describe*", "logs:FilterLogEvents", "logs:GetLogEvents", "logs:PutLogEvents"]
        Resource = ["${local.log_groups_arn}:${local.log_group_prefix}/*", "${local.log_groups_arn}:/aws/sagemaker/*"]
      },
      {
        Sid      = "Keys"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*"]
        Resource = aws_kms_key.data.arn
      },
      {
        Sid       = "KeysOfDisks"
        Effect    = "Allow"
        Action    = "kms:CreateGrant"
        Resource  = aws_kms_key.data.arn
        Condition = { Bool = { "kms:GrantIsForAWSResource" = "true" } }
      },
      {
        Sid      = "Parameters"
        Effect   = "Allow"
        Action   = "ssm:GetParameter*"
        Resource = "${local.parameters_arn}/*"
      },
      {
        Sid      = "Network"
        Effect   = "Allow"
        Action   = ["ec2:*NetworkInterface", "ec2:*NetworkInterfacePermission", "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpc*"]
        Resource = "*"
      },
      {
        Sid       = "PassRoles"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = ["${local.roles_arn}/${var.name}-*", "${local.roles_arn}/SagemakerTrainingPipelinesRole", "${local.roles_arn}/SagemakerDeploymentPipelinesRole"]
        Condition = { StringEquals = { "iam:PassedToService" = "sagemaker.amazonaws.com" } }
      },
      {
        Sid    = "ThePlatformIsThePlatforms"
        Effect = "Deny"
        Action = [
          "sagemaker:CreateDomain", "sagemaker:UpdateDomain", "sagemaker:DeleteDomain",
          "sagemaker:CreateUserProfile", "sagemaker:UpdateUserProfile", "sagemaker:DeleteUserProfile", "sagemaker:CreateAppImageConfig", "sagemaker:CreateCodeRepository",
          "sagemaker:CreateImage*", "sagemaker:CreateNotebookInstance*", "sagemaker:CreatePresignedNotebook*",
          "sagemaker:CreateStudioLifecycleConfig", "sagemaker:DeleteAppImageConfig", "sagemaker:DeleteCodeRepository",
          "sagemaker:DeleteImage*", "sagemaker:DeleteStudioLifecycleConfig", "sagemaker:PutModelPackageGroupPolicy",
          "sagemaker:UpdateAppImageConfig", "sagemaker:UpdateCodeRepository", "sagemaker:UpdateImage*",
        ]
        Resource = "*"
      },
      {
        # By these tags costs are told apart; they are given when something is made, and then stay.
        Sid      = "CostsStayWhereTheyAre"
        Effect   = "Deny"
        Action   = ["sagemaker:AddTags", "sagemaker:DeleteTags"]
        Resource = "*"
        Condition = {
          Null                     = { "sagemaker:TaggingAction" = "true" }
          "ForAnyValue:StringLike" = { "aws:TagKeys" = "jsk:*" }
        }
      },
      {
        Sid      = "NobodyBecomesThePublisher"
        Effect   = "Deny"
        Action   = ["iam:PassRole", "sts:AssumeRole"]
        Resource = [for name in ["attach-kernel", "gitlab-base", "flow-logs"] : "${local.roles_arn}/${var.name}-${name}"]
      },
      {
        Sid    = "NobodyTurnsProtectionOff"
        Effect = "Deny"
        Action = [
          "ecr:DeleteRepository*", "ecr:PutImageTagMutability", "ecr:SetRepositoryPolicy", "kms:DisableKey*",
          "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "logs:Delete*", "s3:Delete*Policy", "s3:DeleteBucket*",
          "s3:PutBucket*", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration",
        ]
        Resource = "*"
      },
    ]
  })
}

resource "aws_iam_policy" "boundary" {
  # checkov:skip=CKV_AWS_288: a boundary allows nothing by itself; it bounds what other policies allow
  # checkov:skip=CKV_AWS_289: it gives no permission by itself; each role's own policy must allow it
  # checkov:skip=CKV_AWS_290: it grants no write by itself; roles' own policies name what they may write
  # checkov:skip=CKV_AWS_355: "*" is the most that any squad may reach; roles' own policies name less
  name        = "${var.name}-boundary"
  description = "The most that any role of a squad can do"
  policy      = local.boundary
  tags        = local.tags
}
