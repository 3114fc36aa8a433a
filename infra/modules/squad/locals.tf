locals {
  platform = var.platform
  region   = local.platform.region
  account  = local.platform.account_id

  # ARNs are put together from names, so that policies can be read, and tested, before anything is made.
  arn  = "arn:${local.platform.partition}"
  iam  = "${local.arn}:iam::${local.account}"
  here = "${local.region}:${local.account}"
  # Only names of hosts differ in China, not those of services.
  suffix = local.platform.partition == "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com"

  full_name = "${local.platform.name}-${var.name}"
  role_arn  = "${local.iam}:role/${local.full_name}"

  profiles = { for member in keys(var.members) : member => "${var.name}-${member}" }

  tags = {
    "jsk:part"  = "squad"
    "jsk:squad" = var.name
  }
}
