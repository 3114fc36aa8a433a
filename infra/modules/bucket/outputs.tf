output "name" {
  description = "Name of the bucket, once all its safeguards are there."
  value       = aws_s3_bucket.this.id

  # Who is told the name may write at once: not before versions are kept, and all is encrypted.
  depends_on = [
    aws_s3_bucket_versioning.this,
    aws_s3_bucket_public_access_block.this,
    aws_s3_bucket_ownership_controls.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_policy.this,
  ]
}

output "arn" {
  description = "ARN of the bucket, known before it is made."
  value       = local.arn
}

output "policies" {
  description = "Policy documents as JSON, by name: the bucket's, and those of replication if it is on."
  value = merge(
    { bucket = local.policy },
    { for document in local.replication_policies : "replication" => document },
    length(local.copies) == 0 ? {} : { "replication-trust" = local.replication_trust },
  )
}
