# The key of what the platform writes, which CloudWatch may use; the key of objects is nobody's but those who save.
# Without it CloudWatch encrypts with a key of its own.
resource "aws_cloudwatch_log_group" "this" {
  name              = local.log_group
  kms_key_id        = local.platform.operations_key_arn
  retention_in_days = var.log_retention_days
  tags              = local.tags
}
