variable "name" {
  description = "Name of the bucket, which nobody else in the world has."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "A bucket's name has 3 to 63 small letters, digits and hyphens, and begins and ends with a letter or digit."
  }
}

variable "partition" {
  description = "Partition of AWS: aws, aws-cn or aws-us-gov."
  type        = string
  default     = "aws"

  validation {
    condition     = contains(["aws", "aws-cn", "aws-us-gov"], var.partition)
    error_message = "The partition is aws, aws-cn or aws-us-gov."
  }
}

variable "account_id" {
  description = "Account that owns the bucket; nobody else reaches it."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account's number has 12 digits."
  }
}

variable "kms_key_arn" {
  description = "Key that everything in the bucket is encrypted with."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "The key is given as an ARN (arn:aws:kms:…:key/…): an alias may come to mean another key."
  }
}

variable "logs_bucket" {
  description = "Name of the bucket that gets the access logs."
  type        = string

  validation {
    condition     = length(var.logs_bucket) >= 3
    error_message = "logs_bucket is the name of a bucket."
  }
}

variable "guarded_roles" {
  description = "Patterns of role ARNs that may never change the bucket's safeguards, whatever their own policies say."
  type        = list(string)

  validation {
    condition     = length(var.guarded_roles) > 0 && alltrue([for arn in var.guarded_roles : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/.", arn))])
    error_message = "Give at least one pattern such as arn:aws:iam::123456789012:role/jsk-*."
  }
}

variable "administrators" {
  description = "Patterns of ARNs that alone may change the safeguards; empty: everybody but guarded_roles whose policies say so."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.administrators : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:.", arn))])
    error_message = "Administrators are ARNs of roles or users, such as arn:aws:iam::123456789012:role/terraform: the role's own, for AWS compares with that and not with the session (sts assumed-role)."
  }
}

variable "old_versions" {
  description = "What becomes of versions that are no longer the newest: days until cheaper storage, and, only if given, days until they are removed, and how many are kept all the same."
  type = object({
    cheaper_after_days = optional(number, 30)
    cheaper_class      = optional(string, "GLACIER_IR")
    remove_after_days  = optional(number)
    keep               = optional(number, 10)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.old_versions.cheaper_after_days >= 30 && floor(var.old_versions.cheaper_after_days) == var.old_versions.cheaper_after_days
    error_message = "cheaper_after_days is a whole number from 30 on, as S3 asks."
  }

  validation {
    condition     = contains(["STANDARD_IA", "INTELLIGENT_TIERING", "GLACIER_IR"], var.old_versions.cheaper_class)
    error_message = "cheaper_class is STANDARD_IA, INTELLIGENT_TIERING or GLACIER_IR: from the others nothing can be read at once."
  }

  validation {
    condition     = var.old_versions.remove_after_days == null ? true : var.old_versions.remove_after_days > var.old_versions.cheaper_after_days
    error_message = "remove_after_days is more than cheaper_after_days, or left out: then no version is ever removed."
  }

  validation {
    condition     = var.old_versions.keep >= 1 && var.old_versions.keep <= 100
    error_message = "keep is 1 to 100."
  }
}

variable "stale_uploads_after_days" {
  description = "Days after which parts of an upload that never ended are removed."
  type        = number
  default     = 7

  validation {
    condition     = var.stale_uploads_after_days >= 1 && var.stale_uploads_after_days <= 365
    error_message = "stale_uploads_after_days is 1 to 365."
  }
}

variable "replication" {
  description = "Bucket and key in another region (or account) that get a copy of every version; what is deleted here stays there."
  type = object({
    bucket_arn    = string
    kms_key_arn   = string
    account_id    = optional(string)
    storage_class = optional(string, "STANDARD_IA")
    role_name     = string
  })
  default = null

  validation {
    condition     = var.replication == null ? true : can(regex("^arn:[a-z-]+:s3:::[a-z0-9.-]{3,63}$", var.replication.bucket_arn))
    error_message = "replication.bucket_arn is the ARN of a bucket: arn:aws:s3:::name."
  }

  validation {
    condition     = var.replication == null ? true : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", var.replication.kms_key_arn))
    error_message = "replication.kms_key_arn is the ARN of a key in the copy's region."
  }
}

variable "tags" {
  description = "Tags of everything here."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(var.tags) <= 50
    error_message = "A bucket has at most 50 tags."
  }
}
