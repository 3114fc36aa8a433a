# What makes the bucket safe, each by itself.
mock_provider "aws" {}

variables {
  name          = "jsk-vision-iris-123456789012"
  account_id    = "123456789012"
  kms_key_arn   = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  logs_bucket   = "jsk-logs-123456789012"
  guarded_roles = ["arn:aws:iam::123456789012:role/jsk-*"]
}

run "keeps_versions_encrypted_and_private" {
  command = plan

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "Versions are not kept."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "Public access is not blocked in all four ways."
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.this.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "Objects may belong to somebody else."
  }

  assert {
    condition = alltrue([for rule in aws_s3_bucket_server_side_encryption_configuration.this.rule :
      rule.bucket_key_enabled
      && rule.apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms"
      && rule.apply_server_side_encryption_by_default[0].kms_master_key_id == var.kms_key_arn
    ])
    error_message = "It is not encrypted with the key that was given, or without a bucket key."
  }

  assert {
    condition     = aws_s3_bucket_logging.this.target_bucket == var.logs_bucket && aws_s3_bucket_logging.this.target_prefix == "s3/${var.name}/"
    error_message = "Access is not logged."
  }

  assert {
    condition     = length(aws_s3_bucket_replication_configuration.this) == 0 && length(aws_iam_role.replication) == 0
    error_message = "Replication is on without being asked for."
  }
}

run "lifecycle_never_removes_a_current_version" {
  command = plan

  assert {
    condition     = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : length(rule.expiration) == 0 && length(rule.transition) == 0])
    error_message = "A rule touches current versions."
  }

  assert {
    condition     = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : length(rule.noncurrent_version_expiration) == 0])
    error_message = "Old versions are removed without being asked for."
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.this.rule[0].abort_incomplete_multipart_upload[0].days_after_initiation == 7
    error_message = "Stale uploads stay."
  }

  assert {
    condition     = one(aws_s3_bucket_lifecycle_configuration.this.rule[1].noncurrent_version_transition).storage_class == "GLACIER_IR"
    error_message = "Old versions do not become cheaper."
  }
}

run "old_versions_are_removed_only_on_request" {
  command = plan

  variables {
    old_versions = { remove_after_days = 400, keep = 5 }
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.this.rule[1].noncurrent_version_expiration[0].noncurrent_days == 400
    error_message = "They stay longer or shorter than was asked for."
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.this.rule[1].noncurrent_version_expiration[0].newer_noncurrent_versions == 5
    error_message = "Too few are kept."
  }

  assert {
    condition     = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : length(rule.expiration) == 0])
    error_message = "A rule touches current versions."
  }
}

run "policy_refuses_what_is_unsafe" {
  command = plan

  assert {
    condition     = alltrue([for statement in jsondecode(output.policies.bucket).Statement : statement.Effect == "Deny" && statement.Principal == "*"])
    error_message = "The bucket's policy allows something, or denies it only to some."
  }

  assert {
    condition     = [for s in jsondecode(output.policies.bucket).Statement : s.Condition if s.Sid == "OnlyOverTls"] == [{ Bool = { "aws:SecureTransport" = "false" } }]
    error_message = "It can be reached without TLS."
  }

  assert {
    condition     = [for s in jsondecode(output.policies.bucket).Statement : s.Resource if s.Sid == "OnlyOverTls"] == [["arn:aws:s3:::jsk-vision-iris-123456789012", "arn:aws:s3:::jsk-vision-iris-123456789012/*"]]
    error_message = "TLS is not asked for on the bucket and on all in it."
  }

  assert {
    condition     = [for s in jsondecode(output.policies.bucket).Statement : s.Condition.NumericLessThan["s3:TlsVersion"] if s.Sid == "OnlyOverModernTls"] == ["1.2"]
    error_message = "It can be reached with old TLS."
  }

  assert {
    condition     = [for s in jsondecode(output.policies.bucket).Statement : s.Condition.StringNotEquals["aws:PrincipalAccount"] if s.Sid == "OnlyThisAccount"] == ["123456789012"]
    error_message = "Other accounts are not kept out."
  }

  assert {
    condition     = [for s in jsondecode(output.policies.bucket).Statement : s.Condition.StringNotEquals["s3:x-amz-server-side-encryption"] if s.Sid == "OnlyKms"] == ["aws:kms"]
    error_message = "Another encryption may be asked for."
  }

  assert {
    condition     = [for s in jsondecode(output.policies.bucket).Statement : s.Condition.StringNotEquals["s3:x-amz-server-side-encryption-aws-kms-key-id"] if s.Sid == "OnlyThisKey"] == [var.kms_key_arn]
    error_message = "Another key may be asked for."
  }

  assert {
    condition     = length([for s in jsondecode(output.policies.bucket).Statement : s if s.Sid == "NoKeysOfCallers"]) == 1
    error_message = "Callers may encrypt with keys of their own, that nobody else has."
  }

  assert {
    condition = alltrue([for action in ["PutBucketVersioning", "PutEncryptionConfiguration", "PutBucketPublicAccessBlock", "PutBucketPolicy", "DeleteBucketPolicy", "DeleteBucket", "PutLifecycleConfiguration", "PutBucketOwnershipControls", "PutBucketLogging", "PutReplicationConfiguration", "PutBucketAcl"] :
      contains([for s in jsondecode(output.policies.bucket).Statement : s.Action if s.Sid == "SafeguardsStay"][0], "s3:${action}")
    ])
    error_message = "A safeguard can be turned off."
  }

  assert {
    condition     = [for s in jsondecode(output.policies.bucket).Statement : s.Condition if s.Sid == "SafeguardsStay"] == [{ ArnLike = { "aws:PrincipalArn" = ["arn:aws:iam::123456789012:role/jsk-*"] } }]
    error_message = "Those who work with the bucket may change its safeguards."
  }

  assert {
    condition     = aws_s3_bucket_policy.this.policy == output.policies.bucket
    error_message = "What is tested is not what is applied."
  }
}

run "with_administrators_nobody_else_changes_safeguards" {
  command = plan

  variables {
    administrators = ["arn:aws:iam::123456789012:role/terraform"]
  }

  assert {
    condition     = [for s in jsondecode(output.policies.bucket).Statement : s.Condition if s.Sid == "SafeguardsStay"] == [{ ArnNotLike = { "aws:PrincipalArn" = ["arn:aws:iam::123456789012:role/terraform", "arn:aws:iam::123456789012:root"] } }]
    error_message = "Others than administrators and the account's root may change safeguards, or the root may not."
  }
}

run "a_copy_keeps_what_is_deleted_here" {
  command = plan

  variables {
    replication = {
      bucket_arn  = "arn:aws:s3:::backup"
      kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/99999999-2222-3333-4444-555555555555"
      role_name   = "jsk-vision-iris.replication"
    }
  }

  assert {
    condition     = aws_s3_bucket_replication_configuration.this[0].rule[0].delete_marker_replication[0].status == "Disabled"
    error_message = "Deletions reach the copy."
  }

  assert {
    condition     = aws_s3_bucket_replication_configuration.this[0].rule[0].destination[0].encryption_configuration[0].replica_kms_key_id == var.replication.kms_key_arn
    error_message = "The copy is not encrypted with its own key."
  }

  assert {
    condition     = jsondecode(output.policies["replication-trust"]).Statement[0].Condition.ArnEquals["aws:SourceArn"] == "arn:aws:s3:::jsk-vision-iris-123456789012"
    error_message = "S3 may take the role for another bucket."
  }

  assert {
    condition     = toset([for s in jsondecode(output.policies.replication).Statement : s.Resource]) == toset(["arn:aws:s3:::jsk-vision-iris-123456789012", "arn:aws:s3:::jsk-vision-iris-123456789012/*", "arn:aws:s3:::backup/*", var.kms_key_arn, var.replication.kms_key_arn])
    error_message = "Replication reaches more than the two buckets and their keys."
  }
}

run "a_copy_in_another_account_belongs_to_it" {
  command = plan

  variables {
    replication = {
      bucket_arn  = "arn:aws:s3:::backup"
      kms_key_arn = "arn:aws:kms:eu-west-1:210987654321:key/99999999-2222-3333-4444-555555555555"
      account_id  = "210987654321"
      role_name   = "jsk-vision-iris.replication"
    }
  }

  assert {
    condition     = [for s in jsondecode(output.policies.replication).Statement : contains(s.Action, "s3:ObjectOwnerOverrideToBucketOwner") if s.Sid == "IntoTheCopy"] == [aws_s3_bucket_replication_configuration.this[0].rule[0].destination[0].access_control_translation[0].owner == "Destination"]
    error_message = "Who hands copies over needs the right to."
  }
}
