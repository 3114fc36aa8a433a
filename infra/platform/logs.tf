resource "aws_cloudwatch_log_group" "publisher" {
  name              = "/aws/lambda/${local.publisher_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.operations.arn
  tags              = local.tags
}

resource "aws_cloudwatch_log_group" "platform" {
  name              = "${local.log_group_prefix}/platform"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.operations.arn
  tags              = local.tags
}

# SageMaker writes what all apps of an account say into this one group.
resource "aws_cloudwatch_log_group" "studio" {
  count = var.create_studio_log_group ? 1 : 0

  name              = local.studio_log_group
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.operations.arn
  tags              = local.tags
}

# Jobs run with roles that may write here, and make no groups: in an account without these, what jobs say would be lost.
resource "aws_cloudwatch_log_group" "jobs" {
  for_each = var.create_job_log_groups ? toset(["ProcessingJobs", "TrainingJobs", "TransformJobs"]) : []

  name              = "/aws/sagemaker/${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.operations.arn
  tags              = local.tags
}
