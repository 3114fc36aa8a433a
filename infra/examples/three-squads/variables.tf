variable "name" {
  description = "Name of the platform; it begins the names of all that is made."
  type        = string
  default     = "jsk"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.name))
    error_message = "The platform's name has 2 to 12 small letters and digits, and begins with a letter."
  }
}

variable "region" {
  description = "AWS region of everything here."
  type        = string
  default     = "eu-central-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "The region is one of AWS's, such as eu-central-1."
  }
}

variable "email" {
  description = "Who is told that budgets run out."
  type        = string

  validation {
    condition     = can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", var.email))
    error_message = "email is an address such as ada@example.com."
  }
}

variable "gitlab_host" {
  description = "Host of the GitLab whose jobs build kernel images."
  type        = string
  default     = "gitlab.com"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", var.gitlab_host))
    error_message = "gitlab_host is a host such as gitlab.example.com, without https:// and port: IAM takes no identity provider with a port."
  }
}

variable "publisher_package" {
  description = "Path of the publisher, packed by python infra/lambdas/package.py."
  type        = string
  default     = "../../../build/attach_kernel.zip"

  validation {
    condition     = endswith(var.publisher_package, ".zip")
    error_message = "publisher_package is a zip file, which python ../../lambdas/package.py makes."
  }
}

variable "administrators" {
  description = "ARNs of the roles that run Terraform: only they may change safeguards then."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.administrators : can(regex("^arn:[a-z-]+:(iam|sts)::[0-9]{12}:.", arn))])
    error_message = "Administrators are ARNs of roles or users, such as arn:aws:iam::123456789012:role/terraform."
  }
}

variable "backup" {
  description = "Bucket and key in another region that get a copy of every version of the experiment churn."
  type        = object({ bucket_arn = string, kms_key_arn = string })
  default     = null

  validation {
    condition     = var.backup == null ? true : startswith(var.backup.bucket_arn, "arn:")
    error_message = "backup.bucket_arn is the ARN of a bucket: arn:aws:s3:::name."
  }
}

variable "activate_cost_tags" {
  description = "Let Cost Explorer, and so jsk costs, tell costs apart by the kit's tags: true from a day after the first apply, where this is the account that pays."
  type        = bool
  default     = false

  validation {
    condition     = var.activate_cost_tags != null
    error_message = "activate_cost_tags is true or false."
  }
}
