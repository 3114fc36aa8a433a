locals {
  arn     = "arn:${var.partition}:s3:::${var.name}"
  objects = "${local.arn}/*"
}

resource "aws_s3_bucket" "this" {
  # checkov:skip=CKV_AWS_144: a copy in another region doubles the price of every version; `replication` turns it on.
  # checkov:skip=CKV2_AWS_62: nothing listens to single objects; readers list the versions of a name themselves.
  bucket = var.name
  tags   = var.tags

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    # One data key for many objects: without it, each put and get is a paid call to KMS.
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_logging" "this" {
  bucket        = aws_s3_bucket.this.id
  target_bucket = var.logs_bucket
  target_prefix = "s3/${var.name}/"

  lifecycle {
    precondition {
      condition     = var.logs_bucket != var.name
      error_message = "Access logs go to another bucket: one that logs into itself never stops."
    }
  }
}
