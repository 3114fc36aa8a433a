# The three roles that work is done with. None of them may change the domain, its images, or any policy.

locals {
  sagemaker_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "sagemaker.amazonaws.com" }
      # SetSourceIdentity: Studio says whose notebook it is, and CloudTrail keeps it.
      Action    = ["sts:AssumeRole", "sts:SetSourceIdentity"]
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })

  # What all three need: to say what they do, and to start from a base image.
  common_statements = [
    {
      Sid      = "LogInToTheRegistry"
      Effect   = "Allow"
      Action   = "ecr:GetAuthorizationToken"
      Resource = "*"
    },
    {
      Sid      = "ReadBaseImages"
      Effect   = "Allow"
      Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer"]
      Resource = [for image in sort(var.base_images) : "${local.repositories_arn}/${image}"]
    },
    {
      Sid      = "Say"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      Resource = "${local.log_groups_arn}:/aws/sagemaker/*"
    },
    {
      Sid    = "Look"
      Effect = "Allow"
      Action = [
        "sagemaker:DescribeExperiment", "sagemaker:DescribeTrial", "sagemaker:DescribeTrialComponent",
        "sagemaker:ListExperiments", "sagemaker:ListTags", "sagemaker:ListTrialComponents", "sagemaker:ListTrials",
        "sagemaker:Search",
      ]
      Resource = "*"
    },
  ]

  # Studio's own pages ask with the role of whoever looks at them.
  see_studio = {
    Sid    = "SeeStudio"
    Effect = "Allow"
    Action = [
      "sagemaker:DescribeApp", "sagemaker:DescribeAppImageConfig", "sagemaker:DescribeDomain", "sagemaker:DescribeImage",
      "sagemaker:DescribeImageVersion", "sagemaker:DescribeSpace", "sagemaker:DescribeUserProfile", "sagemaker:ListApps",
      "sagemaker:ListDomains", "sagemaker:ListImageVersions", "sagemaker:ListImages", "sagemaker:ListSpaces",
      "sagemaker:ListUserProfiles",
    ]
    Resource = "*"
  }

  # Pipelines train for all squads. People without a squad keep theirs below a name that no squad's experiment has.
  trial_kinds     = ["experiment", "experiment-trial", "experiment-trial-component"]
  every_trial     = [for kind in local.trial_kinds : "${local.sagemaker_arn}:${kind}/*"]
  trials_of_users = flatten([for kind in local.trial_kinds : [for end in ["", "-*"] : "${local.sagemaker_arn}:${kind}/open${end}"]])

  write_trials = {
    Sid    = "KeepTrials"
    Effect = "Allow"
    Action = [
      "sagemaker:AddTags", "sagemaker:AssociateTrialComponent", "sagemaker:BatchPutMetrics", "sagemaker:CreateExperiment",
      "sagemaker:CreateTrial", "sagemaker:CreateTrialComponent", "sagemaker:DeleteTags", "sagemaker:DisassociateTrialComponent",
      "sagemaker:UpdateExperiment", "sagemaker:UpdateTrial", "sagemaker:UpdateTrialComponent",
    ]
    Resource = local.every_trial
  }

  # jsk costs and jsk apps. Cost Explorer knows no resources: whoever may ask sees what the whole account spends.
  see_costs = {
    Sid      = "SeeCosts"
    Effect   = "Allow"
    Action   = ["ce:GetCostAndUsage", "pricing:GetProducts"]
    Resource = "*"
  }

  # Pipelines read what squads saved; what they write goes below pipelines/ and deployments/ alone.
  read_objects = {
    Sid      = "ReadWhatSquadsSaved"
    Effect   = "Allow"
    Action   = ["s3:GetObject", "s3:GetObjectVersion", "s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:ListBucket", "s3:ListBucketVersions"]
    Resource = [local.experiment_buckets, "${local.experiment_buckets}/*"]
  }

  # The key opens what S3 and disks hold, each through its own service: with it alone, nothing is read.
  use_key_of_objects = {
    Sid       = "TheKeyOfObjects"
    Effect    = "Allow"
    Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
    Resource  = aws_kms_key.data.arn
    Condition = local.data_key_through_s3
  }
  # SageMaker lends the key to disks of apps and jobs, in the name of who starts them.
  use_key_of_disks = {
    Sid       = "TheKeyOfDisks"
    Effect    = "Allow"
    Action    = "kms:CreateGrant"
    Resource  = aws_kms_key.data.arn
    Condition = { Bool = { "kms:GrantIsForAWSResource" = "true" } }
  }
  see_key = {
    Sid      = "SeeTheKey"
    Effect   = "Allow"
    Action   = "kms:DescribeKey"
    Resource = aws_kms_key.data.arn
  }

  read_kernels = {
    Sid      = "ReadKernels"
    Effect   = "Allow"
    Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer"]
    Resource = "${local.repositories_arn}/kernels/*"
  }

  use_network = {
    Sid    = "JobsInTheVpc"
    Effect = "Allow"
    Action = [
      "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
      "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs",
    ]
    Resource = "*"
  }

  # A job that names no network would run outside of it, where data can be carried anywhere.
  in_the_network = {
    Null                        = { "sagemaker:VpcSubnets" = "false" }
    "ForAllValues:StringEquals" = { "sagemaker:VpcSubnets" = local.subnet_ids, "sagemaker:VpcSecurityGroupIds" = [aws_security_group.studio.id] }
  }

  # SageMaker takes the role itself, so that nothing is "called via" it; and only creating a permission knows
  # ec2:AuthorizedService. What both creating and deleting know is the interface's subnet.
  ec2_arn     = "arn:${local.partition}:ec2:${local.region}:${local.account}"
  subnet_arns = [for id in local.subnet_ids : "${local.ec2_arn}:subnet/${id}"]

  make_interfaces = [
    {
      Sid      = "InterfacesOfJobs"
      Effect   = "Allow"
      Action   = "ec2:CreateNetworkInterface"
      Resource = concat(local.subnet_arns, ["${local.ec2_arn}:network-interface/*", "${local.ec2_arn}:security-group/*"])
    },
    {
      Sid       = "LendInterfaces"
      Effect    = "Allow"
      Action    = ["ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"]
      Resource  = "${local.ec2_arn}:network-interface/*"
      Condition = { ArnEquals = { "ec2:Subnet" = local.subnet_arns } }
    },
  ]

  # Namespaces of SageMaker's: usage and metrics of jobs.
  measure = {
    Sid       = "MeasureJobs"
    Effect    = "Allow"
    Action    = "cloudwatch:PutMetricData"
    Resource  = "*"
    Condition = { StringLike = { "cloudwatch:namespace" = ["/aws/sagemaker/*", "aws/sagemaker/*"] } }
  }

  execution_policies = {
    SagemakerExperimentsRole = jsonencode({
      Version = "2012-10-17"
      Statement = concat(local.common_statements, [
        merge(local.write_trials, { Resource = local.trials_of_users }),
        local.see_studio,
        local.see_costs,
        # As they are started, and never with the name of a squad, whose costs they would be.
        {
          Sid      = "TagWhatIsStarted"
          Effect   = "Allow"
          Action   = "sagemaker:AddTags"
          Resource = ["${local.sagemaker_arn}:space/$${sagemaker:DomainId}/*", "${local.sagemaker_arn}:app/$${sagemaker:DomainId}/*"]
          Condition = {
            Null = { "sagemaker:TaggingAction" = "false", "aws:RequestTag/jsk:squad" = "true", "aws:RequestTag/jsk:experiment" = "true" }
          }
        },
        {
          Sid      = "OwnPrivateSpace"
          Effect   = "Allow"
          Action   = ["sagemaker:CreateSpace", "sagemaker:UpdateSpace", "sagemaker:DeleteSpace"]
          Resource = "${local.sagemaker_arn}:space/$${sagemaker:DomainId}/*"
          Condition = {
            ArnLike      = { "sagemaker:OwnerUserProfileArn" = "${local.sagemaker_arn}:user-profile/$${sagemaker:DomainId}/$${sagemaker:UserProfileName}" }
            StringEquals = { "sagemaker:SpaceSharingType" = ["Private"] }
          }
        },
        local.use_key_of_disks,
        {
          Sid      = "LookAtTheKey"
          Effect   = "Allow"
          Action   = ["kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext"]
          Resource = aws_kms_key.data.arn
        },
        {
          Sid      = "OwnApps"
          Effect   = "Allow"
          Action   = ["sagemaker:CreateApp", "sagemaker:DeleteApp"]
          Resource = "${local.sagemaker_arn}:app/$${sagemaker:DomainId}/*"
          Condition = {
            ArnLike      = { "sagemaker:OwnerUserProfileArn" = "${local.sagemaker_arn}:user-profile/$${sagemaker:DomainId}/$${sagemaker:UserProfileName}" }
            StringEquals = { "sagemaker:SpaceSharingType" = ["Private"] }
          }
        },
      ])
    })

    SagemakerTrainingPipelinesRole = jsonencode({
      Version = "2012-10-17"
      Statement = concat(local.common_statements, local.make_interfaces, [
        local.write_trials,
        local.read_objects,
        local.read_kernels,
        local.use_network,
        local.use_key_of_objects,
        local.use_key_of_disks,
        local.see_key,
        local.measure,
        {
          Sid      = "WriteWhatWasTrained"
          Effect   = "Allow"
          Action   = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
          Resource = "${local.experiment_buckets}/pipelines/*"
        },
        {
          Sid       = "TrainInTheNetwork"
          Effect    = "Allow"
          Action    = ["sagemaker:CreateProcessingJob", "sagemaker:CreateTrainingJob", "sagemaker:CreateHyperParameterTuningJob"]
          Resource  = [for kind in ["processing-job", "training-job", "hyper-parameter-tuning-job"] : "${local.sagemaker_arn}:${kind}/*"]
          Condition = local.in_the_network
        },
        {
          Sid    = "Train"
          Effect = "Allow"
          Action = [
            "sagemaker:AddTags", "sagemaker:CreateTransformJob", "sagemaker:DescribeProcessingJob", "sagemaker:DescribeTrainingJob",
            "sagemaker:DescribeTransformJob", "sagemaker:DescribeHyperParameterTuningJob", "sagemaker:StopProcessingJob",
            "sagemaker:StopTrainingJob", "sagemaker:StopTransformJob", "sagemaker:StopHyperParameterTuningJob",
          ]
          Resource = [for kind in ["processing-job", "training-job", "transform-job", "hyper-parameter-tuning-job"] : "${local.sagemaker_arn}:${kind}/*"]
        },
        {
          Sid    = "RunPipelines"
          Effect = "Allow"
          Action = [
            "sagemaker:AddTags", "sagemaker:CreatePipeline", "sagemaker:UpdatePipeline", "sagemaker:DescribePipeline",
            "sagemaker:StartPipelineExecution", "sagemaker:StopPipelineExecution", "sagemaker:DescribePipelineExecution",
            "sagemaker:ListPipelineExecutionSteps",
          ]
          Resource = "${local.sagemaker_arn}:pipeline/*"
        },
        {
          Sid      = "RegisterModels"
          Effect   = "Allow"
          Action   = ["sagemaker:AddTags", "sagemaker:CreateModelPackageGroup", "sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage", "sagemaker:DescribeModelPackageGroup"]
          Resource = ["${local.sagemaker_arn}:model-package/*", "${local.sagemaker_arn}:model-package-group/*"]
        },
        {
          Sid       = "GiveJobsThisRoleAndNoOther"
          Effect    = "Allow"
          Action    = "iam:PassRole"
          Resource  = "${local.roles_arn}/SagemakerTrainingPipelinesRole"
          Condition = { StringEquals = { "iam:PassedToService" = "sagemaker.amazonaws.com" } }
        },
      ])
    })

    SagemakerDeploymentPipelinesRole = jsonencode({
      Version = "2012-10-17"
      Statement = concat(local.common_statements, local.make_interfaces, [
        local.read_objects,
        local.read_kernels,
        local.use_network,
        local.use_key_of_objects,
        local.use_key_of_disks,
        local.see_key,
        {
          # Each endpoint has a group of its own, which this role makes.
          Sid      = "GroupsOfEndpoints"
          Effect   = "Allow"
          Action   = "logs:CreateLogGroup"
          Resource = "${local.log_groups_arn}:/aws/sagemaker/Endpoints/*"
        },
        local.measure,
        {
          Sid      = "WriteWhatWasDeployed"
          Effect   = "Allow"
          Action   = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
          Resource = "${local.experiment_buckets}/deployments/*"
        },
        {
          Sid      = "ReadTheModelRegistry"
          Effect   = "Allow"
          Action   = ["sagemaker:DescribeModelPackage", "sagemaker:DescribeModelPackageGroup", "sagemaker:UpdateModelPackage"]
          Resource = ["${local.sagemaker_arn}:model-package/*", "${local.sagemaker_arn}:model-package-group/*"]
        },
        {
          Sid       = "ModelsInTheNetwork"
          Effect    = "Allow"
          Action    = "sagemaker:CreateModel"
          Resource  = "${local.sagemaker_arn}:model/*"
          Condition = local.in_the_network
        },
        {
          Sid    = "Deploy"
          Effect = "Allow"
          Action = [
            "sagemaker:AddTags", "sagemaker:DescribeModel", "sagemaker:DeleteModel",
            "sagemaker:CreateEndpointConfig", "sagemaker:DescribeEndpointConfig", "sagemaker:DeleteEndpointConfig",
            "sagemaker:CreateEndpoint", "sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpoint", "sagemaker:DeleteEndpoint",
            "sagemaker:InvokeEndpoint",
          ]
          Resource = [for kind in ["model", "endpoint-config", "endpoint"] : "${local.sagemaker_arn}:${kind}/*"]
        },
        {
          Sid       = "GiveModelsThisRoleAndNoOther"
          Effect    = "Allow"
          Action    = "iam:PassRole"
          Resource  = "${local.roles_arn}/SagemakerDeploymentPipelinesRole"
          Condition = { StringEquals = { "iam:PassedToService" = "sagemaker.amazonaws.com" } }
        },
      ])
    })
  }

  execution_roles = {
    SagemakerExperimentsRole         = "Studio without a squad: look, keep trials, own private space"
    SagemakerTrainingPipelinesRole   = "Pipelines that train: read what squads saved, run jobs, register models"
    SagemakerDeploymentPipelinesRole = "Pipelines that deploy: take models of the registry, run endpoints"
  }
}

resource "aws_iam_role" "execution" {
  for_each = local.execution_roles

  name                 = each.key
  description          = each.value
  assume_role_policy   = local.sagemaker_trust
  permissions_boundary = aws_iam_policy.boundary.arn
  tags                 = local.tags
}

resource "aws_iam_role_policy" "execution" {
  for_each = local.execution_roles

  name   = "work"
  role   = aws_iam_role.execution[each.key].name
  policy = local.execution_policies[each.key]
}
