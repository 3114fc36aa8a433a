# The squad's role is that of its notebooks. The squad is the wall: inside, its members share; nothing of another
# squad's is within reach.
locals {
  in_domain = "${local.arn}:sagemaker:${local.here}"
  # SageMaker fills in who asks: nobody starts, changes or stops what is another's, also within the squad.
  own = {
    ArnLike      = { "sagemaker:OwnerUserProfileArn" = "${local.in_domain}:user-profile/$${sagemaker:DomainId}/$${sagemaker:UserProfileName}" }
    StringEquals = { "sagemaker:SpaceSharingType" = "Private" }
  }

  # What gets tags when it is started.
  started = concat(
    [for kind in ["app", "space"] : "${local.in_domain}:${kind}/${local.platform.domain_id}/${var.name}-*"],
    [for kind in ["processing-job", "training-job"] : "${local.in_domain}:${kind}/${var.name}-*"],
  )

  # A job in a group of its own choice could reach what only that group may: a database in a given network.
  in_the_network = merge(
    { "sagemaker:VpcSubnets" = local.platform.subnet_ids },
    local.platform.security_group_id == null ? {} : { "sagemaker:VpcSecurityGroupIds" = [local.platform.security_group_id] },
  )

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

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      # Studio's own pages ask with this role, and none of these can be asked for one squad alone.
      {
        Sid    = "SeeStudio"
        Effect = "Allow"
        Action = [
          "sagemaker:DescribeApp",
          "sagemaker:DescribeAppImageConfig",
          "sagemaker:DescribeDomain",
          "sagemaker:DescribeImage",
          "sagemaker:DescribeImageVersion",
          "sagemaker:DescribeSpace",
          "sagemaker:DescribeUserProfile",
          "sagemaker:ListApps",
          "sagemaker:ListDomains",
          "sagemaker:ListExperiments",
          "sagemaker:ListImageVersions",
          "sagemaker:ListImages",
          "sagemaker:ListSpaces",
          "sagemaker:ListTags",
          "sagemaker:ListTrialComponents",
          "sagemaker:ListTrials",
          "sagemaker:ListUserProfiles",
        ]
        Resource = "*"
      },
      {
        Sid      = "OpenOwnSpaces"
        Effect   = "Allow"
        Action   = "sagemaker:CreatePresignedDomainUrl"
        Resource = "${local.in_domain}:user-profile/${local.platform.domain_id}/$${sagemaker:UserProfileName}"
      },
      {
        Sid       = "StartOwnApps"
        Effect    = "Allow"
        Action    = "sagemaker:CreateApp"
        Resource  = "${local.in_domain}:app/${local.platform.domain_id}/${var.name}-*"
        Condition = merge(local.own, { "ForAllValues:StringLike" = { "sagemaker:InstanceTypes" = var.instance_types } })
      },
      {
        Sid       = "StopOwnApps"
        Effect    = "Allow"
        Action    = "sagemaker:DeleteApp"
        Resource  = "${local.in_domain}:app/${local.platform.domain_id}/${var.name}-*"
        Condition = local.own
      },
      {
        Sid       = "ChangeOwnSpaces"
        Effect    = "Allow"
        Action    = "sagemaker:UpdateSpace"
        Resource  = "${local.in_domain}:space/${local.platform.domain_id}/${var.name}-*"
        Condition = merge(local.own, { "ForAllValues:StringLike" = { "sagemaker:InstanceTypes" = var.instance_types } })
      },
      # Apps get the tags of their space, by which costs are told apart, with the rights of who starts them. Nothing
      # is tagged later, and nothing with the name of another squad or of its experiment: costs stay where they were
      # made, and nobody empties another's budget. Names of the own experiments are in the policies of those.
      {
        Sid      = "TagWhatIsStarted"
        Effect   = "Allow"
        Action   = "sagemaker:AddTags"
        Resource = local.started
        Condition = {
          Null                 = { "sagemaker:TaggingAction" = "false", "aws:RequestTag/jsk:experiment" = "true" }
          StringEqualsIfExists = { "aws:RequestTag/jsk:squad" = var.name }
        }
      },
      # Disks of spaces are encrypted with the platform's key: SageMaker lends it to them in the name of who starts
      # an app, and an app does not start where that is refused.
      {
        Sid       = "LendTheKeyToDisks"
        Effect    = "Allow"
        Action    = "kms:CreateGrant"
        Resource  = local.platform.kms_key_arn
        Condition = { Bool = { "kms:GrantIsForAWSResource" = "true" } }
      },
      {
        Sid      = "LookAtTheKey"
        Effect   = "Allow"
        Action   = ["kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext"]
        Resource = local.platform.kms_key_arn
      },
      {
        Sid      = "LogInToRegistry"
        Effect   = "Allow"
        Action   = "ecr:GetAuthorizationToken"
        Resource = "*"
      },
      # Jobs only in the platform's network, on these machines.
      {
        Sid    = "StartJobs"
        Effect = "Allow"
        Action = ["sagemaker:CreateProcessingJob", "sagemaker:CreateTrainingJob"]
        Resource = [
          "${local.in_domain}:processing-job/${var.name}-*",
          "${local.in_domain}:training-job/${var.name}-*",
        ]
        Condition = {
          Null                        = { "sagemaker:VpcSubnets" = "false", "sagemaker:InstanceTypes" = "false" }
          "ForAllValues:StringEquals" = local.in_the_network
          "ForAllValues:StringLike"   = { "sagemaker:InstanceTypes" = var.instance_types }
        }
      },
      {
        Sid    = "FollowJobs"
        Effect = "Allow"
        Action = ["sagemaker:DescribeProcessingJob", "sagemaker:DescribeTrainingJob", "sagemaker:StopProcessingJob", "sagemaker:StopTrainingJob"]
        Resource = [
          "${local.in_domain}:processing-job/${var.name}-*",
          "${local.in_domain}:training-job/${var.name}-*",
        ]
      },
      {
        Sid      = "ReadParameters"
        Effect   = "Allow"
        Action   = ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"]
        Resource = ["${local.arn}:ssm:${local.here}:parameter/${local.platform.name}/${var.name}", "${local.arn}:ssm:${local.here}:parameter/${local.platform.name}/${var.name}/*"]
      },
      {
        Sid    = "WriteLogs"
        Effect = "Allow"
        Action = ["logs:CreateLogStream", "logs:FilterLogEvents", "logs:GetLogEvents", "logs:PutLogEvents"]
        Resource = [
          "${local.arn}:logs:${local.here}:log-group:${local.platform.log_group_prefix}/${var.name}/*",
          "${local.arn}:logs:${local.here}:log-group:/aws/sagemaker/studio:log-stream:${local.platform.domain_id}/${var.name}-*",
          "${local.arn}:logs:${local.here}:log-group:/aws/sagemaker/ProcessingJobs:log-stream:${var.name}-*",
          "${local.arn}:logs:${local.here}:log-group:/aws/sagemaker/TrainingJobs:log-stream:${var.name}-*",
        ]
      },
      # Streams are listed of a whole group: that tells names of others, and nothing that they wrote.
      {
        Sid    = "FindLogs"
        Effect = "Allow"
        Action = "logs:DescribeLogStreams"
        Resource = [
          "${local.arn}:logs:${local.here}:log-group:${local.platform.log_group_prefix}/${var.name}/*",
          "${local.arn}:logs:${local.here}:log-group:/aws/sagemaker/ProcessingJobs*",
          "${local.arn}:logs:${local.here}:log-group:/aws/sagemaker/TrainingJobs*",
        ]
      },
      # jsk costs: Cost Explorer knows no resources, so this shows what the whole account spends.
      {
        Sid      = "SeeCosts"
        Effect   = "Allow"
        Action   = ["ce:GetCostAndUsage", "pricing:GetProducts"]
        Resource = "*"
      },
    ]
  })

  # A policy has 6,144 characters, and a role ten policies: so four experiments share one.
  chunks = { for index, names in chunklist(sort(keys(var.experiments)), 4) : format("experiments-%d", index + 1) => names }

  experiment_policies = { for chunk, names in local.chunks : chunk => jsonencode({
    Version = "2012-10-17"
    Statement = [for statement in [
      {
        Sid      = "ListObjects"
        Effect   = "Allow"
        Action   = ["s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListBucketVersions"]
        Resource = [for name in names : module.experiment[name].bucket_arn]
      },
      {
        Sid      = "Objects"
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:GetObjectVersion", "s3:ListMultipartUploadParts", "s3:PutObject"]
        Resource = [for name in names : module.experiment[name].objects_arn]
      },
      {
        Sid      = "RemoveVersions"
        Effect   = "Allow"
        Action   = ["s3:DeleteObjectVersion"]
        Resource = [for name in names : module.experiment[name].objects_arn if var.experiments[name].allow_purge]
      },
      {
        Sid      = "EncryptObjects"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = [local.platform.kms_key_arn]
        Condition = {
          StringEquals = { "kms:ViaService" = "s3.${local.region}.${local.suffix}" }
          StringLike   = { "kms:EncryptionContext:aws:s3:arn" = flatten([for name in names : [module.experiment[name].bucket_arn, "${module.experiment[name].bucket_arn}/*"]]) }
        }
      },
      # Apps start from these images.
      {
        Sid      = "PullKernels"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = concat([local.platform.base_repository_arn], [for name in names : module.experiment[name].repository_arn])
      },
      {
        Sid      = "TrackTrials"
        Effect   = "Allow"
        Action   = module.experiment[names[0]].tracking.actions
        Resource = flatten([for name in names : module.experiment[name].tracking.resources])
      },
      {
        Sid      = "TagAsTheirs"
        Effect   = "Allow"
        Action   = ["sagemaker:AddTags"]
        Resource = local.started
        Condition = {
          Null                 = { "sagemaker:TaggingAction" = "false" }
          StringEquals         = { "aws:RequestTag/jsk:experiment" = names }
          StringEqualsIfExists = { "aws:RequestTag/jsk:squad" = var.name }
        }
      },
      {
        Sid       = "PassOwnRoles"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = [for name in names : module.experiment[name].role_arn]
        Condition = { StringEquals = { "iam:PassedToService" = "sagemaker.amazonaws.com" } }
      },
    ] : statement if length(statement.Resource) > 0]
  }) }

  strangers_message = "No members of squad ${var.name}, but of its experiments: ${join(", ", local.strangers)}. Name them in `members` of the squad too."
}

resource "aws_iam_role" "this" {
  name                 = local.full_name
  description          = "Notebooks of squad ${var.name}."
  assume_role_policy   = local.trust
  permissions_boundary = local.platform.permissions_boundary_arn
  tags                 = local.tags

  lifecycle {
    precondition {
      condition     = length(local.strangers) == 0
      error_message = local.strangers_message
    }
  }
}

resource "aws_iam_policy" "this" {
  for_each = merge({ studio = local.policy }, local.experiment_policies)
  # A dot, which no experiment has in its name: an experiment called studio has a policy too.
  name        = "${local.full_name}.${each.key}"
  description = "What notebooks of squad ${var.name} need: ${each.key}."
  policy      = each.value
  tags        = local.tags

  lifecycle {
    precondition {
      condition     = length(each.value) <= 6144
      error_message = "The policy ${each.key} of squad ${var.name} has ${length(each.value)} characters, and IAM takes 6,144: name fewer instance_types (families, such as ml.m5.*) or subnets."
    }
  }
}

resource "aws_iam_role_policy_attachment" "this" {
  # By names, and not by policies, of which `terraform import` knows nothing yet.
  for_each   = toset(concat(["studio"], keys(local.chunks)))
  role       = aws_iam_role.this.name
  policy_arn = aws_iam_policy.this[each.key].arn
}
