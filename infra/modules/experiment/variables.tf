variable "platform" {
  description = "What the platform gives to squads: its output of the same name."
  type = object({
    name                      = string
    account_id                = string
    region                    = string
    partition                 = string
    domain_id                 = string
    domain_arn                = string
    domain_execution_role_arn = string
    vpc_id                    = string
    subnet_ids                = list(string)
    kms_key_arn               = string
    logs_bucket               = string
    log_group_prefix          = string
    base_repository_arn       = string
    base_repository_url       = string
    registry                  = string
    publisher_function_arn    = string
    permissions_boundary_arn  = string
    gitlab_provider_arn       = string
    gitlab_host               = string
    lease_uri                 = string
    idle_timeout_minutes      = number
    operations_key_arn        = optional(string)
    gitlab_audience           = optional(string)
  })

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.platform.name))
    error_message = "The platform's name has 2 to 12 small letters and digits: it begins the names of buckets, which have 63 characters, and a hyphen in it could make two squads' names one."
  }

  validation {
    condition     = can(regex("^[0-9]{12}$", var.platform.account_id))
    error_message = "platform.account_id has 12 digits."
  }
}

variable "squad" {
  description = "Name of the squad that owns the experiment."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,13}$", var.squad))
    error_message = "A squad's name has 2 to 14 small letters and digits, without hyphens: squad a-b with experiment c would have the names of squad a with experiment b-c."
  }

  validation {
    condition     = !contains(["attach", "base", "flow", "gitlab", "kernel", "kernels", "lease", "logs", "platform", "studio"], var.squad)
    error_message = "The platform itself has that name in its own: call the squad something else than attach, base, flow, gitlab, kernel, kernels, lease, logs, platform or studio."
  }
}

variable "name" {
  description = "Name of the experiment, as in its kernel's `name`. No other experiment of the platform has it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name)) && length(var.name) >= 2 && length(var.name) <= 22
    error_message = "An experiment's name has 2 to 22 small letters, digits and single hyphens, and begins with a letter."
  }

  validation {
    condition     = !startswith("${var.name}-", "open-")
    error_message = "Experiments called open, or open-…, are those of people without a squad: they could write into it."
  }

  validation {
    condition     = !can(regex("^base(-|$)", var.name))
    error_message = "base, and what begins with base-, is the name of a base image: Studio would have two images of that name, and the publisher refuses the experiment's."
  }
}

variable "repository_url" {
  description = "Address of the experiment's Git repository; its path is the project that GitLab's jobs prove to be of."
  type        = string

  validation {
    condition     = can(regex("^https://[^/@:\\s]+(/[A-Za-z0-9_.-]+){2,}$", var.repository_url))
    error_message = "The repository is given as https://gitlab.example.com/group/project.git, without a user or token in it."
  }
}

variable "repository_secret_arn" {
  description = "Secret (Secrets Manager) with the login for the repository, if it is not public."
  type        = string
  default     = null

  validation {
    condition     = var.repository_secret_arn == null ? true : can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.", var.repository_secret_arn))
    error_message = "repository_secret_arn is the ARN of a secret (arn:aws:secretsmanager:…:secret:…)."
  }
}

variable "branch" {
  description = "Branch that Studio checks out first."
  type        = string
  default     = "develop"

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._/-]*$", var.branch))
    error_message = "branch is the name of a branch, such as develop."
  }
}

variable "protected_refs" {
  description = "Branches and tags of the repository, as GitLab protects them, whose jobs may push images. A star stands for anything."
  type = object({
    branches = optional(list(string), ["main", "develop", "release/*", "hotfix/*"])
    tags     = optional(list(string), ["*.*.*"])
  })
  default  = {}
  nullable = false

  validation {
    condition     = length(var.protected_refs.branches) > 0 && alltrue([for ref in concat(var.protected_refs.branches, [for tag in var.protected_refs.tags : tag if tag != "*.*.*"]) : can(regex("^[A-Za-z0-9][A-Za-z0-9._/*-]*$", ref))])
    error_message = "Give at least one branch, and each branch and tag with a beginning (release/*; of tags, also *.*.*): a star alone would let every branch of everybody publish."
  }
}

variable "members" {
  description = "User profile of each member, by the member's name; each gets a private space for this experiment."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for member, profile in var.members : can(regex("^[a-z][a-z0-9]{0,23}$", member)) && length(profile) > 0])
    error_message = "A member's name has 1 to 24 small letters and digits."
  }
}

variable "instance_type" {
  description = "What a space starts on, until its owner takes another."
  type        = string
  default     = "ml.t3.medium"

  validation {
    condition     = can(regex("^ml\\.[a-z0-9-]+\\.[a-z0-9]+$", var.instance_type))
    error_message = "instance_type is one of SageMaker's, such as ml.t3.medium."
  }
}

variable "storage_gb" {
  description = "Size of a space's disk, in GB."
  type        = number
  default     = 20

  validation {
    condition     = var.storage_gb >= 5 && var.storage_gb <= 16384 && floor(var.storage_gb) == var.storage_gb
    error_message = "storage_gb is a whole number from 5 to 16384."
  }
}

variable "idle_timeout_minutes" {
  description = "Minutes without work after which a space is stopped; the platform's if not given."
  type        = number
  default     = null

  validation {
    condition     = var.idle_timeout_minutes == null ? true : var.idle_timeout_minutes >= 60 && var.idle_timeout_minutes <= 525600
    error_message = "idle_timeout_minutes is 60 to 525600, as SageMaker asks."
  }
}

variable "budget" {
  description = "US dollars a month; whoever is in alert_emails is told at 80 % spent and 100 % foreseen."
  type        = number
  default     = 100

  validation {
    condition     = var.budget > 0
    error_message = "budget is more than 0 dollars."
  }
}

variable "alert_emails" {
  description = "Who is told that the budget runs out."
  type        = list(string)

  validation {
    condition     = length(var.alert_emails) >= 1 && length(var.alert_emails) <= 10 && alltrue([for email in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "Give 1 to 10 addresses such as ada@example.com: a budget that nobody hears of saves nothing."
  }
}

variable "allow_purge" {
  description = "Whether those who work on the experiment may remove single versions for good (jsk purge) and take back a deletion, which needs the same right."
  type        = bool
  default     = true

  validation {
    condition     = var.allow_purge != null
    error_message = "allow_purge is true or false."
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
    condition     = var.old_versions.remove_after_days == null ? true : var.old_versions.remove_after_days > var.old_versions.cheaper_after_days
    error_message = "old_versions.remove_after_days is more than cheaper_after_days, or left out: then no version is ever removed."
  }
}

variable "replication" {
  description = "Bucket and key in another region (or account) that get a copy of every version."
  type = object({
    bucket_arn    = string
    kms_key_arn   = string
    account_id    = optional(string)
    storage_class = optional(string, "STANDARD_IA")
  })
  default = null

  validation {
    condition     = var.replication == null ? true : can(regex("^arn:[a-z-]+:s3:::[a-z0-9.-]{3,63}$", var.replication.bucket_arn))
    error_message = "replication.bucket_arn is the ARN of a bucket: arn:aws:s3:::name."
  }
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 365

  validation {
    condition     = contains([30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days is one of the numbers of CloudWatch, from 30 on: 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, …"
  }
}

variable "administrators" {
  description = "Patterns of ARNs (of the role that runs Terraform, at least) that alone may change safeguards of bucket and repository; empty: everybody whose policies say so, but no role of the kit."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.administrators : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:.", arn))])
    error_message = "Administrators are ARNs of roles or users, such as arn:aws:iam::123456789012:role/terraform: the role's own, for AWS compares with that and not with the session (sts assumed-role)."
  }
}
