module "bucket" {
  source = "../bucket"

  name           = local.bucket_name
  partition      = local.platform.partition
  account_id     = local.account
  kms_key_arn    = local.platform.kms_key_arn
  logs_bucket    = local.platform.logs_bucket
  guarded_roles  = local.working_roles
  administrators = var.administrators
  old_versions   = var.old_versions
  tags           = local.tags

  replication = var.replication == null ? null : {
    bucket_arn    = var.replication.bucket_arn
    kms_key_arn   = var.replication.kms_key_arn
    account_id    = var.replication.account_id
    storage_class = var.replication.storage_class
    role_name     = "${local.full_name}.replication"
  }
}
