# For people who sign in by IAM: who may look, and who may also read parameters.

locals {
  users_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "ExperimentsPipelinesAndModels"
        Effect = "Allow"
        Action = [
          "sagemaker:DescribeExperiment", "sagemaker:DescribeModelPackage", "sagemaker:DescribeModelPackageGroup",
          "sagemaker:DescribePipeline", "sagemaker:DescribePipelineExecution", "sagemaker:DescribeTrial",
          "sagemaker:DescribeTrialComponent", "sagemaker:ListExperiments", "sagemaker:ListModelPackageGroups",
          "sagemaker:ListModelPackages", "sagemaker:ListPipelineExecutionSteps", "sagemaker:ListPipelineExecutions",
          "sagemaker:ListPipelines", "sagemaker:ListTrialComponents", "sagemaker:ListTrials", "sagemaker:Search",
        ]
        Resource = "*"
      },
      # jsk apps and jsk costs. Nobody is stopped from here: outside of Studio, AWS does not know whose app is whose.
      {
        Sid      = "WhatRuns"
        Effect   = "Allow"
        Action   = ["sagemaker:DescribeApp", "sagemaker:ListApps", "sagemaker:ListSpaces", "sagemaker:ListTags"]
        Resource = "*"
      },
      local.see_costs,
      {
        Sid      = "Kernels"
        Effect   = "Allow"
        Action   = ["ecr:DescribeImages", "ecr:DescribeImageScanFindings", "ecr:DescribeRepositories", "ecr:ListImages"]
        Resource = "${local.repositories_arn}/*"
      },
    ]
  })

  # Names and addresses: the kit keeps no secret there, and no key to read one comes with this.
  developers_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ReadParameters"
        Effect   = "Allow"
        Action   = ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"]
        Resource = "${local.parameters_arn}/*"
      },
      {
        Sid      = "ListParameters"
        Effect   = "Allow"
        Action   = "ssm:DescribeParameters"
        Resource = "*"
      },
    ]
  })
}

locals {
  # Without Identity Center people come into Studio by an address that they ask for: each for the profiles that bear
  # his name, which is that of his IAM user and of the member of a squad.
  open_studio_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OpenOwnStudio"
        Effect    = "Allow"
        Action    = "sagemaker:CreatePresignedDomainUrl"
        Resource  = "${local.sagemaker_arn}:user-profile/${aws_sagemaker_domain.this.id}/*"
        Condition = { StringEquals = { "sagemaker:ResourceTag/jsk:user" = "$${aws:username}" } }
      },
      {
        Sid      = "FindOwnProfile"
        Effect   = "Allow"
        Action   = ["sagemaker:DescribeDomain", "sagemaker:ListDomains", "sagemaker:ListUserProfiles"]
        Resource = "*"
      },
    ]
  })
}

resource "aws_iam_group" "users" {
  name = "SagemakerUsers"
}

resource "aws_iam_group" "developers" {
  name = "SagemakerDevelopers"
}

resource "aws_iam_group_policy" "users" {
  # checkov:skip=CKV_AWS_355: lists and searches of SageMaker take no resource, and nothing here changes any
  for_each = { users = aws_iam_group.users.name, developers = aws_iam_group.developers.name }

  name   = "look"
  group  = each.value
  policy = local.users_policy
}

resource "aws_iam_group_policy" "developers" {
  name   = "parameters"
  group  = aws_iam_group.developers.name
  policy = local.developers_policy
}

resource "aws_iam_group_policy" "open_studio" {
  # checkov:skip=CKV_AWS_355: domains and profiles can only be listed all together
  for_each = { users = aws_iam_group.users.name, developers = aws_iam_group.developers.name }

  name   = "studio"
  group  = each.value
  policy = local.open_studio_policy
}
