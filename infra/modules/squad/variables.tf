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
    auth_mode                 = optional(string, "IAM")
    security_group_id         = optional(string)
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

variable "name" {
  description = "Name of the squad; it begins the names of all that the squad has."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,13}$", var.name))
    error_message = "A squad's name has 2 to 14 small letters and digits, without hyphens: squad a-b with experiment c would have the names of squad a with experiment b-c."
  }

  validation {
    condition     = !contains(["attach", "base", "flow", "gitlab", "kernel", "kernels", "lease", "logs", "platform", "studio"], var.name)
    error_message = "The platform itself has that name in its own: call the squad something else than attach, base, flow, gitlab, kernel, kernels, lease, logs, platform or studio."
  }
}

variable "budget" {
  description = "US dollars a month for the whole squad."
  type        = number

  validation {
    condition     = var.budget > 0
    error_message = "budget is more than 0 dollars."
  }
}

variable "alert_emails" {
  description = "Who is told at 80 % of a budget spent and 100 % foreseen, of the squad's and of each experiment's."
  type        = list(string)

  validation {
    condition     = length(var.alert_emails) >= 1 && length(var.alert_emails) <= 10 && alltrue([for email in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "Give 1 to 10 addresses such as ada@example.com: a budget that nobody hears of saves nothing."
  }
}

variable "members" {
  description = "The people of the squad, by a short name; each gets a Studio user profile. user_name is that of Identity Center, the email if not given."
  type        = map(object({ email = string, user_name = optional(string) }))

  validation {
    condition     = length(var.members) > 0 && alltrue([for member in keys(var.members) : can(regex("^[a-z][a-z0-9]{0,23}$", member))])
    error_message = "A squad has at least one member; a member's name has 1 to 24 small letters and digits."
  }

  validation {
    condition     = alltrue([for member in values(var.members) : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", member.email))])
    error_message = "A member's email is an address such as ada@example.com."
  }
}

variable "experiments" {
  description = "The squad's experiments, by name: repository, members (all of the squad if not given), budget in US dollars a month, and whatever else modules/experiment takes."
  type = map(object({
    repository_url        = string
    members               = optional(list(string))
    budget                = optional(number, 100)
    branch                = optional(string, "develop")
    repository_secret_arn = optional(string)
    protected_refs = optional(object({
      branches = optional(list(string), ["main", "develop", "release/*", "hotfix/*"])
      tags     = optional(list(string), ["*.*.*"])
    }), {})
    instance_type        = optional(string, "ml.t3.medium")
    storage_gb           = optional(number, 20)
    idle_timeout_minutes = optional(number)
    allow_purge          = optional(bool, true)
    old_versions = optional(object({
      cheaper_after_days = optional(number, 30)
      cheaper_class      = optional(string, "GLACIER_IR")
      remove_after_days  = optional(number)
      keep               = optional(number, 10)
    }), {})
    replication = optional(object({
      bucket_arn    = string
      kms_key_arn   = string
      account_id    = optional(string)
      storage_class = optional(string, "STANDARD_IA")
    }))
  }))

  validation {
    condition     = length(var.experiments) <= 36
    error_message = "A squad has at most 36 experiments: its role takes 10 policies, of four experiments each."
  }

  validation {
    condition     = alltrue([for name in keys(var.experiments) : can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", name)) && length(name) >= 2 && length(name) <= 22])
    error_message = "An experiment's name has 2 to 22 small letters, digits and single hyphens, and begins with a letter."
  }

  validation {
    condition     = alltrue([for name in keys(var.experiments) : !startswith("${name}-", "open-")])
    error_message = "Experiments called open, or open-…, are those of people without a squad: they could write into it."
  }

  validation {
    condition     = alltrue([for experiment in values(var.experiments) : experiment.budget > 0])
    error_message = "Each experiment's budget is more than 0 dollars."
  }
}

variable "instance_types" {
  description = "Machines that spaces and jobs of the squad may run on; a star stands for anything."
  type        = list(string)
  default     = ["ml.t3.*", "ml.m5.*", "ml.c5.*", "ml.r5.*", "ml.g4dn.*", "ml.g5.*", "system"]

  validation {
    condition     = length(var.instance_types) > 0 && alltrue([for kind in var.instance_types : kind == "system" || can(regex("^ml\\.[a-z0-9-]+\\.[a-z0-9*]+$", kind))])
    error_message = "instance_types are SageMaker's, such as ml.t3.medium or ml.m5.*; a family is named."
  }
}

variable "administrators" {
  description = "Patterns of ARNs (of the role that runs Terraform, at least) that alone may change safeguards of buckets and repositories; empty: everybody whose policies say so, but no role of the kit."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.administrators : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:.", arn))])
    error_message = "Administrators are ARNs of roles or users, such as arn:aws:iam::123456789012:role/terraform: the role's own, for AWS compares with that and not with the session (sts assumed-role)."
  }
}
