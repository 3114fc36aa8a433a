# What works for this experiment, and for no other: jobs that its notebooks start.
locals {
  in_objects = "${local.bucket_arn}/${local.prefix}/*"

  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "SageMakerOfThisAccount"
      Effect    = "Allow"
      Principal = { Service = "sagemaker.amazonaws.com" }
      # SetSourceIdentity: Studio says whose notebook it is, and CloudTrail keeps it.
      Action    = ["sts:AssumeRole", "sts:SetSourceIdentity"]
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })

  # Without this right nobody can take back a deletion either: S3 sees a version like others in a delete marker.
  object_actions = concat(
    [
      "s3:AbortMultipartUpload",
      "s3:DeleteObject",
      "s3:GetObject",
      "s3:GetObjectVersion",
      "s3:ListMultipartUploadParts",
      "s3:PutObject",
    ],
    var.allow_purge ? ["s3:DeleteObjectVersion"] : [],
  )

  # Sid => statement; what a squad's own role gets of it is in modules/squad.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ListObjects"
        Effect   = "Allow"
        Action   = ["s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListBucketVersions"]
        Resource = local.bucket_arn
      },
      {
        Sid      = "Objects"
        Effect   = "Allow"
        Action   = local.object_actions
        Resource = local.in_objects
      },
      # The key is everybody's; what it may be used for is told by what S3 encrypts: this bucket.
      {
        Sid      = "EncryptObjects"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = local.platform.kms_key_arn
        Condition = {
          StringEquals = { "kms:ViaService" = "s3.${local.region}.${local.suffix}" }
          StringLike   = { "kms:EncryptionContext:aws:s3:arn" = [local.bucket_arn, "${local.bucket_arn}/*"] }
        }
      },
      {
        Sid      = "PullImages"
        Effect   = "Allow"
        Action   = local.pulling
        Resource = [local.repository_arn, local.platform.base_repository_arn]
      },
      {
        Sid      = "LogInToRegistry"
        Effect   = "Allow"
        Action   = "ecr:GetAuthorizationToken"
        Resource = "*"
      },
      {
        Sid    = "WriteLogs"
        Effect = "Allow"
        Action = ["logs:CreateLogStream", "logs:GetLogEvents", "logs:PutLogEvents"]
        Resource = [
          "${local.arn}:logs:${local.here}:log-group:${local.log_group}:*",
          "${local.arn}:logs:${local.here}:log-group:/aws/sagemaker/ProcessingJobs:log-stream:${local.squad_streams}",
          "${local.arn}:logs:${local.here}:log-group:/aws/sagemaker/TrainingJobs:log-stream:${local.squad_streams}",
        ]
      },
      # Streams are listed of a whole group, and not by their names.
      {
        Sid    = "FindLogs"
        Effect = "Allow"
        Action = "logs:DescribeLogStreams"
        Resource = [
          "${local.arn}:logs:${local.here}:log-group:${local.log_group}:*",
          "${local.arn}:logs:${local.here}:log-group:/aws/sagemaker/ProcessingJobs*",
          "${local.arn}:logs:${local.here}:log-group:/aws/sagemaker/TrainingJobs*",
        ]
      },
      {
        Sid      = "ReadParameters"
        Effect   = "Allow"
        Action   = ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"]
        Resource = ["${local.arn}:ssm:${local.here}:parameter${local.parameters}", "${local.arn}:ssm:${local.here}:parameter${local.parameters}/*"]
      },
      {
        Sid      = "TrackTrials"
        Effect   = "Allow"
        Action   = local.tracking
        Resource = local.tracked
      },
      # Jobs run in the platform's network: their interfaces are made with this role.
      {
        Sid    = "SeeNetwork"
        Effect = "Allow"
        Action = [
          "ec2:DescribeDhcpOptions",
          "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeSecurityGroups",
          "ec2:DescribeSubnets",
          "ec2:DescribeVpcEndpoints",
          "ec2:DescribeVpcs",
        ]
        Resource = "*"
      },
      {
        Sid    = "JoinNetwork"
        Effect = "Allow"
        Action = "ec2:CreateNetworkInterface"
        Resource = concat(
          [for id in local.platform.subnet_ids : "${local.arn}:ec2:${local.here}:subnet/${id}"],
          ["${local.arn}:ec2:${local.here}:network-interface/*", "${local.arn}:ec2:${local.here}:security-group/*"],
        )
      },
      {
        # Not ec2:AuthorizedService, which deleting does not know: then it would never be allowed.
        Sid       = "LendInterfaces"
        Effect    = "Allow"
        Action    = ["ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"]
        Resource  = "${local.arn}:ec2:${local.here}:network-interface/*"
        Condition = { ArnEquals = { "ec2:Subnet" = [for id in local.platform.subnet_ids : "${local.arn}:ec2:${local.here}:subnet/${id}"] } }
      },
      {
        Sid       = "MeasureJobs"
        Effect    = "Allow"
        Action    = "cloudwatch:PutMetricData"
        Resource  = "*"
        Condition = { StringLike = { "cloudwatch:namespace" = ["/aws/sagemaker/*", "aws/sagemaker/*"] } }
      },
    ]
  })

  # What jsk's SageMaker sink calls.
  tracking = [
    "sagemaker:AddTags",
    "sagemaker:AssociateTrialComponent",
    "sagemaker:BatchPutMetrics",
    "sagemaker:CreateExperiment",
    "sagemaker:CreateTrial",
    "sagemaker:CreateTrialComponent",
    "sagemaker:DeleteTags",
    "sagemaker:DescribeExperiment",
    "sagemaker:DescribeTrial",
    "sagemaker:DescribeTrialComponent",
    "sagemaker:UpdateExperiment",
    "sagemaker:UpdateTrial",
    "sagemaker:UpdateTrialComponent",
  ]
  # jsk names trials EXPERIMENT--TRIAL-…: no experiment has two hyphens in its name, so iris--* is nothing of iris-2.
  tracked = [for kind in ["experiment", "experiment-trial", "experiment-trial-component"] :
    "${local.arn}:sagemaker:${local.here}:${kind}/${var.name}${kind == "experiment" ? "" : "--*"}"
  ]
}

resource "aws_iam_role" "this" {
  name                 = local.full_name
  description          = "Jobs of the experiment ${var.name} of squad ${var.squad}."
  assume_role_policy   = local.trust
  permissions_boundary = local.platform.permissions_boundary_arn
  tags                 = local.tags
}

resource "aws_iam_policy" "this" {
  name        = local.full_name
  description = "What the experiment ${var.name} of squad ${var.squad} needs."
  policy      = local.policy
  tags        = local.tags
}

resource "aws_iam_role_policy_attachment" "this" {
  role       = aws_iam_role.this.name
  policy_arn = aws_iam_policy.this.arn

  # An experiment of another squad may have the name, and its trials: then nobody is let in here.
  depends_on = [aws_ecr_repository.kernel]
}
