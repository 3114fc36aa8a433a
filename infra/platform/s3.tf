# Two buckets of the platform's own: where access to all buckets is noted, and where jobs take turns.

locals {
  logs_bucket  = "${var.name}-logs-${local.account}"
  lease_bucket = "${var.name}-lease-${local.account}"
  buckets      = { logs = aws_s3_bucket.logs, lease = aws_s3_bucket.lease }
  bucket_arns  = { for key, name in { logs = local.logs_bucket, lease = local.lease_bucket } : key => "arn:${local.partition}:s3:::${name}" }

  tls_only = {
    for key, arn in local.bucket_arns : key => {
      Sid       = "NothingWithoutTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [arn, "${arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }
  }

  logs_bucket_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AccessLogsOfThisAccount"
        Effect    = "Allow"
        Principal = { Service = "logging.s3.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${local.bucket_arns["logs"]}/*"
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      },
      local.tls_only["logs"],
      {
        Sid       = "NobodyRewritesHistory"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutBucketVersioning"]
        Resource  = [local.bucket_arns["logs"], "${local.bucket_arns["logs"]}/*"]
        Condition = { ArnNotEquals = { "aws:PrincipalArn" = local.root } }
      },
    ]
  })

  lease_bucket_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [local.tls_only["lease"]]
  })
}

resource "aws_s3_bucket" "logs" {
  # checkov:skip=CKV_AWS_18: access to the logs is not logged into themselves, which would never end
  # checkov:skip=CKV_AWS_145: S3 delivers access logs to buckets with SSE-S3 alone
  # checkov:skip=CKV_AWS_144: logs of one region stay there
  # checkov:skip=CKV2_AWS_62: nobody waits for a log
  bucket = local.logs_bucket
  tags   = local.tags

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket" "lease" {
  # checkov:skip=CKV_AWS_144: a lease is of one region; in another one it would be wrong
  # checkov:skip=CKV2_AWS_62: whoever waits for a lease asks
  bucket = local.lease_bucket
  # What was attached last, and whose turn it is: it comes back with the next push.
  force_destroy = true
  tags          = local.tags
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = local.buckets

  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = local.buckets

  bucket = each.value.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = local.buckets

  bucket = each.value.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "logs" {
  bucket = aws_s3_bucket.logs.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "lease" {
  bucket = aws_s3_bucket.lease.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.operations.arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "logs" {
  bucket = aws_s3_bucket.logs.id

  rule {
    id     = "old-logs"
    status = "Enabled"

    filter {}

    expiration {
      days = var.log_retention_days
    }

    noncurrent_version_expiration {
      noncurrent_days = 30
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

# Every turn writes the lease anew: its old versions serve nobody.
resource "aws_s3_bucket_lifecycle_configuration" "lease" {
  bucket = aws_s3_bucket.lease.id

  rule {
    id     = "old-leases"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 1
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_logging" "lease" {
  bucket        = aws_s3_bucket.lease.id
  target_bucket = aws_s3_bucket.logs.bucket
  target_prefix = "${local.lease_bucket}/"

  # Until its policy lets logs be delivered, S3 refuses the bucket as a target.
  depends_on = [aws_s3_bucket_policy.this]
}

resource "aws_s3_bucket_policy" "this" {
  for_each = { logs = local.logs_bucket_policy, lease = local.lease_bucket_policy }

  bucket = local.buckets[each.key].id
  policy = each.value

  # That of the logs forbids changing versioning, also to whoever applies this.
  depends_on = [aws_s3_bucket_public_access_block.this, aws_s3_bucket_versioning.this]
}
