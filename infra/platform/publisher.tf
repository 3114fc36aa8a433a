# The kernel publisher: the only one that may change the domain. infra/lambdas/attach_kernel has its source.

locals {
  publisher_seconds = 600
  lease_uri         = "s3://${local.lease_bucket}/jsk-ci/"
  kernels_arns      = concat(["${local.repositories_arn}/kernels/*"], [for image in sort(var.base_images) : "${local.repositories_arn}/${image}"])

  publisher_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })

  publisher_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ChangeTheDomain"
        Effect   = "Allow"
        Action   = ["sagemaker:DescribeDomain", "sagemaker:UpdateDomain"]
        Resource = aws_sagemaker_domain.this.arn
      },
      {
        Sid    = "Publish"
        Effect = "Allow"
        Action = [
          "sagemaker:CreateImage", "sagemaker:DescribeImage", "sagemaker:CreateImageVersion",
          "sagemaker:DescribeImageVersion", "sagemaker:ListImageVersions", "sagemaker:CreateAppImageConfig",
          "sagemaker:UpdateAppImageConfig", "sagemaker:DescribeAppImageConfig",
        ]
        Resource = ["${local.sagemaker_arn}:image/*", "${local.sagemaker_arn}:image-version/*", "${local.sagemaker_arn}:app-image-config/*"]
      },
      {
        # A list has no resource.
        Sid      = "ListWhatRuns"
        Effect   = "Allow"
        Action   = "sagemaker:ListApps"
        Resource = "*"
      },
      {
        Sid      = "SeeWhatRuns"
        Effect   = "Allow"
        Action   = "sagemaker:DescribeApp"
        Resource = "${local.sagemaker_arn}:app/${aws_sagemaker_domain.this.id}/*"
      },
      {
        Sid       = "GiveSageMakerTheRoleThatReadsImages"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = aws_iam_role.images.arn
        Condition = { StringEquals = { "iam:PassedToService" = "sagemaker.amazonaws.com" } }
      },
      {
        Sid      = "LogInToTheRegistry"
        Effect   = "Allow"
        Action   = "ecr:GetAuthorizationToken"
        Resource = "*"
      },
      {
        Sid      = "ReadWhatWasPushed"
        Effect   = "Allow"
        Action   = ["ecr:DescribeImages", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = local.kernels_arns
      },
      {
        Sid      = "TakeTurns"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
        Resource = "${local.bucket_arns["lease"]}/jsk-ci/*"
      },
      {
        # Without it S3 calls an object that is not there forbidden, and not missing.
        Sid       = "TellWhatIsNotThere"
        Effect    = "Allow"
        Action    = "s3:ListBucket"
        Resource  = local.bucket_arns["lease"]
        Condition = { StringLike = { "s3:prefix" = "jsk-ci/*" } }
      },
      {
        Sid      = "Messages"
        Effect   = "Allow"
        Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
        Resource = local.queue_arns["pushes"]
      },
      {
        Sid      = "TheKeyOfLeaseAndQueue"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = aws_kms_key.operations.arn
      },
      {
        Sid      = "Say"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${local.log_groups_arn}:/aws/lambda/${local.publisher_name}:*"
      },
    ]
  })
}

resource "aws_iam_role" "publisher" {
  name               = local.publisher_name
  description        = "The kernel publisher; the only role that may change the Studio domain"
  assume_role_policy = local.publisher_trust
  tags               = local.tags
}

resource "aws_iam_role_policy" "publisher" {
  name   = "publisher"
  role   = aws_iam_role.publisher.name
  policy = local.publisher_policy
}

resource "aws_lambda_function" "publisher" {
  # checkov:skip=CKV_AWS_117: it speaks to services of AWS alone, each of which asks for its role
  # checkov:skip=CKV_AWS_116: it is called by a queue, which has dead letters of its own
  # checkov:skip=CKV_AWS_272: its package is made of this checkout, and Terraform compares its digest
  function_name                  = local.publisher_name
  description                    = "Publishes tested kernel images, and lets the Studio domain offer them"
  role                           = aws_iam_role.publisher.arn
  runtime                        = "python3.12"
  handler                        = "attach_kernel.handler.handle"
  filename                       = var.publisher_package
  source_code_hash               = filebase64sha256(var.publisher_package)
  timeout                        = local.publisher_seconds
  memory_size                    = 512
  reserved_concurrent_executions = var.reserve_publisher ? 1 : -1
  kms_key_arn                    = aws_kms_key.operations.arn
  tags                           = local.tags

  environment {
    variables = {
      JSK_BASES          = join(",", sort(var.base_images))
      JSK_CI_DOMAIN      = aws_sagemaker_domain.this.id
      JSK_CI_LEASE       = local.lease_uri
      JSK_CI_REGISTRY    = local.registry
      JSK_CI_STUDIO_ROLE = aws_iam_role.images.arn
      JSK_HOME           = "/tmp/jsk"
      JSK_PLATFORM       = var.name
      JSK_QUEUE_URL      = aws_sqs_queue.pushes.id
    }
  }

  tracing_config {
    mode = "PassThrough"
  }

  depends_on = [aws_iam_role_policy.publisher, aws_cloudwatch_log_group.publisher]
}

# Of calls by hand that do not wait for the answer: tried again, a rollback would go back two versions.
resource "aws_lambda_function_event_invoke_config" "publisher" {
  function_name          = aws_lambda_function.publisher.function_name
  maximum_retry_attempts = 0
}

resource "aws_lambda_event_source_mapping" "pushes" {
  event_source_arn        = aws_sqs_queue.pushes.arn
  function_name           = aws_lambda_function.publisher.arn
  batch_size              = 1
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = local.tags

  # The least there is: of two messages that are fetched, one waits for the other.
  scaling_config {
    maximum_concurrency = 2
  }
}

# With this role SageMaker reads images; it can do nothing else.
locals {
  images_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "LogInToTheRegistry"
        Effect   = "Allow"
        Action   = "ecr:GetAuthorizationToken"
        Resource = "*"
      },
      {
        Sid      = "ReadKernels"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = local.kernels_arns
      },
    ]
  })
}

resource "aws_iam_role" "images" {
  name               = "${var.name}-studio-images"
  description        = "With it SageMaker reads kernel images"
  assume_role_policy = local.sagemaker_trust
  tags               = local.tags
}

resource "aws_iam_role_policy" "images" {
  name   = "images"
  role   = aws_iam_role.images.name
  policy = local.images_policy
}
