variable "name" {
  type        = string
  description = "Prefix of everything that is made: buckets, repositories, parameters, log groups."
  default     = "jsk"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.name))
    error_message = "name is 2 to 12 lower-case letters and digits, and starts with a letter: it is part of bucket names."
  }

  validation {
    condition     = !can(regex("^(aws|ssm)", var.name)) && var.name != "sthree"
    error_message = "name begins with what AWS keeps for itself: parameters cannot begin with aws or ssm, nor buckets with sthree-."
  }
}

variable "publisher_package" {
  type        = string
  description = "Path of the kernel publisher's package, which infra/lambdas/package.py makes."

  validation {
    condition     = endswith(var.publisher_package, ".zip") && fileexists(var.publisher_package)
    error_message = "There is no such package. Make it: python infra/lambdas/package.py, and give the path that it prints."
  }
}

variable "base_images" {
  type        = set(string)
  description = "Names of the base images; each gets a repository. The one called base is what experiments start from."
  default     = ["base"]

  validation {
    condition     = contains(var.base_images, "base")
    error_message = "base_images must have \"base\"."
  }

  validation {
    condition     = alltrue([for image in var.base_images : can(regex("^base(-[a-z0-9]+)*$", image)) && length(image) <= 40])
    error_message = "Names of base images are base, or start with base-: letters, digits and single hyphens, at most 40."
  }
}

variable "base_publishers" {
  type        = set(string)
  description = "ARNs of further roles that may push base images, beside GitLab's: for the day that GitLab is down."
  default     = []

  validation {
    condition     = alltrue([for arn in var.base_publishers : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/[^*?]+$", arn))])
    error_message = "base_publishers are ARNs of roles or users, without wildcards."
  }
}

# Network ---------------------------------------------------------------------------------------------

variable "network" {
  type = object({
    vpc_id     = string
    subnet_ids = list(string)
  })
  description = "VPC and private subnets for Studio, which must reach the services by themselves; null makes them, with endpoints."
  default     = null

  validation {
    condition     = var.network == null ? true : can(regex("^vpc-[0-9a-f]+$", var.network.vpc_id))
    error_message = "network.vpc_id is like vpc-0123456789abcdef0."
  }

  validation {
    condition     = var.network == null ? true : length(var.network.subnet_ids) >= 2 && alltrue([for id in var.network.subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))])
    error_message = "network.subnet_ids are two or more like subnet-0123456789abcdef0, in different zones."
  }
}

variable "vpc_cidr" {
  type        = string
  description = "Addresses of the VPC that is made; two subnets of a quarter each are taken of it."
  default     = "10.64.0.0/20"

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr)) && try(tonumber(split("/", var.vpc_cidr)[1]) >= 16 && tonumber(split("/", var.vpc_cidr)[1]) <= 24, false)
    error_message = "vpc_cidr is an IPv4 range from /16 to /24, such as 10.64.0.0/20."
  }
}

variable "availability_zones" {
  type        = list(string)
  description = "Zones of the two subnets that are made, by their letters."
  default     = ["a", "b"]

  validation {
    condition     = length(distinct(var.availability_zones)) == 2 && length(var.availability_zones) == 2 && alltrue([for zone in var.availability_zones : can(regex("^[a-f]$", zone))])
    error_message = "availability_zones are two different letters, such as [\"a\", \"b\"]."
  }
}

variable "interface_endpoints" {
  type        = set(string)
  description = "Services that the made VPC reaches without the Internet; each costs money by the hour and zone."
  default = [
    "ecr.api", "ecr.dkr", "kms", "logs", "sagemaker.api", "sagemaker.metrics", "sagemaker.runtime", "ssm", "sts",
    "studio",
  ]

  validation {
    condition     = alltrue([for service in ["sagemaker.api", "sagemaker.runtime", "studio", "sts"] : contains(var.interface_endpoints, service)])
    error_message = "Studio does not start without the endpoints sagemaker.api, sagemaker.runtime, studio and sts."
  }
}

# Studio ----------------------------------------------------------------------------------------------

variable "auth_mode" {
  type        = string
  description = "How people come into Studio: IAM, or SSO for IAM Identity Center, where people are assigned to the domain's application by hand."
  default     = "IAM"

  validation {
    condition     = contains(["IAM", "SSO"], var.auth_mode)
    error_message = "auth_mode is IAM or SSO."
  }
}

variable "idle_timeout_minutes" {
  type        = number
  description = "After so many minutes without work a notebook's machine is stopped; people can choose up to twice that."
  default     = 120

  validation {
    condition     = var.idle_timeout_minutes >= 60 && var.idle_timeout_minutes <= 1440 && floor(var.idle_timeout_minutes) == var.idle_timeout_minutes
    error_message = "idle_timeout_minutes is a whole number from 60 (SageMaker's least) to 1440 (a day)."
  }
}

variable "space_gigabytes" {
  type        = object({ usual = number, most = number })
  description = "Disk of a new space, and the most that people can choose."
  default     = { usual = 20, most = 100 }

  validation {
    condition     = var.space_gigabytes.usual >= 5 && var.space_gigabytes.most >= var.space_gigabytes.usual && var.space_gigabytes.most <= 16384
    error_message = "space_gigabytes: 5 <= usual <= most <= 16384."
  }
}

# GitLab ----------------------------------------------------------------------------------------------

variable "gitlab" {
  type = object({
    host         = optional(string, "gitlab.com")
    audience     = optional(string)
    provider_arn = optional(string)
    project      = optional(string)
    refs         = optional(list(string), ["branch:main"])
  })
  description = "GitLab: its host; the audience of its tokens (https://HOST); an identity provider that is there already; the project that builds base images, and its protected refs (branch:NAME, tag:NAME; * stands for anything)."
  default     = {}

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", var.gitlab.host))
    error_message = "gitlab.host is a host name such as gitlab.example.com, without https:// and port: IAM takes no identity provider with a port."
  }

  validation {
    condition     = var.gitlab.audience == null ? true : length(var.gitlab.audience) > 0 && !can(regex("[*?]", var.gitlab.audience))
    error_message = "gitlab.audience is exactly what tokens are made for, such as https://gitlab.example.com."
  }

  validation {
    condition     = var.gitlab.provider_arn == null ? true : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:oidc-provider/.+$", var.gitlab.provider_arn))
    error_message = "gitlab.provider_arn is like arn:aws:iam::123456789012:oidc-provider/gitlab.example.com."
  }

  validation {
    condition     = var.gitlab.provider_arn == null ? true : endswith(var.gitlab.provider_arn, "/${var.gitlab.host}")
    error_message = "gitlab.provider_arn is that of another host than gitlab.host: no job could ever prove who it is."
  }

  validation {
    condition     = var.gitlab.project == null ? true : can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+$", var.gitlab.project))
    error_message = "gitlab.project is a whole path such as platform/kernels, without wildcards."
  }

  validation {
    condition     = length(var.gitlab.refs) > 0 && alltrue([for ref in var.gitlab.refs : can(regex("^(branch|tag):[A-Za-z0-9_][A-Za-z0-9_./-]*[*]?$|^tag:\\*[.]\\*[.]\\*$", ref))])
    error_message = "gitlab.refs are like branch:main, branch:release/* or tag:v* (of tags also *.*.*); a bare * would let any branch publish."
  }
}

# Costs -----------------------------------------------------------------------------------------------

variable "monthly_budget" {
  type        = number
  description = "US dollars a month for the whole platform, squads included, or null for no budget; warnings come at 80 % and 100 %, and when a forecast passes it."
  default     = 1000

  validation {
    condition     = var.monthly_budget == null ? true : var.monthly_budget > 0
    error_message = "monthly_budget is more than 0, or null for none."
  }
}

variable "alert_emails" {
  type        = set(string)
  description = "Who is told of budgets and of kernels that could not be published."
  default     = []

  validation {
    condition     = alltrue([for email in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+[.][^@\\s]+$", email))]) && length(var.alert_emails) <= 10
    error_message = "alert_emails are at most ten addresses such as ada@example.com."
  }
}

variable "activate_cost_tags" {
  type        = bool
  description = "Let Cost Explorer break costs down by the kit's tags. AWS knows a tag only a day after its first use, and only the payer's account may: false for the first apply."
  default     = false

  validation {
    condition     = var.activate_cost_tags != null
    error_message = "activate_cost_tags is true or false."
  }
}

# Keeping ---------------------------------------------------------------------------------------------

variable "log_retention_days" {
  type        = number
  description = "How long logs are kept."
  default     = 365

  validation {
    condition     = contains([365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days is one of CloudWatch's, a year or more: 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

variable "key_deletion_days" {
  type        = number
  description = "Days between deleting a key on purpose and its end."
  default     = 30

  validation {
    condition     = var.key_deletion_days >= 7 && var.key_deletion_days <= 30
    error_message = "key_deletion_days is from 7 to 30."
  }
}

variable "create_studio_log_group" {
  type        = bool
  description = "Make the log group of all Studio apps; false where the account has it already."
  default     = true

  validation {
    condition     = var.create_studio_log_group != null
    error_message = "create_studio_log_group is true or false."
  }
}

variable "create_job_log_groups" {
  type        = bool
  description = "Make the log groups of all jobs, which may write to them but not make them; false where the account has them already."
  default     = true

  validation {
    condition     = var.create_job_log_groups != null
    error_message = "create_job_log_groups is true or false."
  }
}

variable "reserve_publisher" {
  type        = bool
  description = "Reserve one execution for the publisher, so that one runs at a time; false in an account whose limit of concurrent executions is too low for that (AWS wants 100 unreserved, of new accounts 10): then the lease alone keeps the turns."
  default     = true

  validation {
    condition     = var.reserve_publisher != null
    error_message = "reserve_publisher is true or false."
  }
}

variable "tags" {
  type        = map(string)
  description = "Further tags of everything."
  default     = {}

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(key, "jsk:") && !startswith(lower(key), "aws:")])
    error_message = "Tags that start with jsk: or aws: are not yours to set."
  }
}
