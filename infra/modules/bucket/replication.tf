locals {
  copies = var.replication == null ? [] : [var.replication]

  replication_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account_id }
        ArnEquals    = { "aws:SourceArn" = local.arn }
      }
    }]
  })

  replication_policies = [for copy in local.copies : jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "WhatIsHere"
        Effect   = "Allow"
        Action   = ["s3:GetReplicationConfiguration", "s3:ListBucket"]
        Resource = local.arn
      },
      {
        Sid      = "EachVersion"
        Effect   = "Allow"
        Action   = ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"]
        Resource = local.objects
      },
      {
        Sid    = "IntoTheCopy"
        Effect = "Allow"
        # The copy belongs to the account that it is in: handing it over is an action of its own.
        Action   = concat(["s3:ReplicateObject", "s3:ReplicateTags"], copy.account_id == null ? [] : ["s3:ObjectOwnerOverrideToBucketOwner"])
        Resource = "${copy.bucket_arn}/*"
      },
      {
        Sid       = "Decrypt"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = var.kms_key_arn
        Condition = { StringLike = { "kms:EncryptionContext:aws:s3:arn" = [local.arn, local.objects] } }
      },
      {
        Sid       = "Encrypt"
        Effect    = "Allow"
        Action    = ["kms:Encrypt", "kms:GenerateDataKey"]
        Resource  = copy.kms_key_arn
        Condition = { StringLike = { "kms:EncryptionContext:aws:s3:arn" = [copy.bucket_arn, "${copy.bucket_arn}/*"] } }
      },
    ]
  })]
}

# No boundary: that of squads ends at the experiments' own buckets and key. Only S3 takes this role, for this bucket.
resource "aws_iam_role" "replication" {
  count              = length(local.copies)
  name               = var.replication.role_name
  description        = "Copies versions of ${var.name} to another bucket."
  assume_role_policy = local.replication_trust
  tags               = var.tags
}

resource "aws_iam_role_policy" "replication" {
  count  = length(local.copies)
  name   = "replication"
  role   = aws_iam_role.replication[count.index].name
  policy = local.replication_policies[count.index]
}

resource "aws_s3_bucket_replication_configuration" "this" {
  count  = length(local.copies)
  bucket = aws_s3_bucket.this.id
  role   = aws_iam_role.replication[count.index].arn

  rule {
    id     = "every-version"
    status = "Enabled"
    filter {}

    # A copy is also there for what was deleted by mistake.
    delete_marker_replication {
      status = "Disabled"
    }

    source_selection_criteria {
      sse_kms_encrypted_objects {
        status = "Enabled"
      }
    }

    destination {
      bucket        = var.replication.bucket_arn
      account       = var.replication.account_id
      storage_class = var.replication.storage_class

      encryption_configuration {
        replica_kms_key_id = var.replication.kms_key_arn
      }

      dynamic "access_control_translation" {
        for_each = var.replication.account_id == null ? [] : ["Destination"]

        content {
          owner = access_control_translation.value
        }
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this, aws_iam_role_policy.replication]
}
