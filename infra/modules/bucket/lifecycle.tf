# No rule here has an `expiration` of current versions: what a name means today stays until somebody deletes it.
resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    id     = "stale-uploads"
    status = "Enabled"
    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = var.stale_uploads_after_days
    }
  }

  rule {
    id     = "old-versions"
    status = "Enabled"
    filter {}

    noncurrent_version_transition {
      noncurrent_days = var.old_versions.cheaper_after_days
      storage_class   = var.old_versions.cheaper_class
    }

    dynamic "noncurrent_version_expiration" {
      for_each = var.old_versions.remove_after_days == null ? [] : [var.old_versions.remove_after_days]

      content {
        noncurrent_days           = noncurrent_version_expiration.value
        newer_noncurrent_versions = var.old_versions.keep
      }
    }
  }

  # Rules about old versions are refused by a bucket that keeps none.
  depends_on = [aws_s3_bucket_versioning.this]
}
