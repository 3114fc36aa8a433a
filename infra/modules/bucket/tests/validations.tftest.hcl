# Every validation refuses what it is there to refuse. Variables are checked each by itself, so a run tries a wrong
# value of many: all of them must be refused.
mock_provider "aws" {}

variables {
  name          = "jsk-vision-iris-123456789012"
  account_id    = "123456789012"
  kms_key_arn   = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  logs_bucket   = "jsk-logs-123456789012"
  guarded_roles = ["arn:aws:iam::123456789012:role/jsk-*"]
}

run "first_wrong_value_of_each" {
  command = plan

  expect_failures = [
    var.name,
    var.partition,
    var.account_id,
    var.kms_key_arn,
    var.logs_bucket,
    var.guarded_roles,
    var.administrators,
    var.old_versions,
    var.stale_uploads_after_days,
    var.replication,
    var.tags,
  ]

  variables {
    # a name with capitals
    name = "Jsk"
    # an unknown partition
    partition = "azure"
    # an account that is no number
    account_id = "me"
    # an alias instead of a key
    kms_key_arn = "alias/jsk"
    # a name that is none
    logs_bucket = "b"
    # nobody guarded
    guarded_roles = []
    # an administrator without arn
    administrators = ["terraform"]
    # cheaper storage too early
    old_versions = { cheaper_after_days = 1 }
    # stale uploads at once
    stale_uploads_after_days = 0
    # a copy that is no bucket
    replication = { bucket_arn = "backup", kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1", role_name = "r" }
    # too many tags
    tags = { for number in range(51) : tostring(number) => "x" }
  }
}

run "second_wrong_value_of_each" {
  command = plan

  expect_failures = [
    var.old_versions,
    var.replication,
  ]

  variables {
    # storage that nothing can be read from
    old_versions = { cheaper_class = "DEEP_ARCHIVE" }
    # a copy with an alias
    replication = { bucket_arn = "arn:aws:s3:::backup", kms_key_arn = "alias/backup", role_name = "r" }
  }
}

run "third_wrong_value_of_each" {
  command = plan

  expect_failures = [
    var.old_versions,
  ]

  variables {
    # removal before cheaper storage
    old_versions = { remove_after_days = 20 }
  }
}

run "fourth_wrong_value_of_each" {
  command = plan

  expect_failures = [
    var.old_versions,
  ]

  variables {
    # no version kept
    old_versions = { remove_after_days = 90, keep = 0 }
  }
}

run "a_bucket_that_logs_into_itself" {
  command         = plan
  expect_failures = [aws_s3_bucket_logging.this]

  variables {
    logs_bucket = "jsk-vision-iris-123456789012"
  }
}

run "an_administrator_by_his_session" {
  command         = plan
  expect_failures = [var.administrators]

  variables {
    administrators = ["arn:aws:sts::123456789012:assumed-role/terraform/me"]
  }
}
