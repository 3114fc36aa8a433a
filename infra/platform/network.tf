# Given, or made here: a VPC that no way leads out of but its endpoints.

locals {
  make_network = var.network == null
  vpc_id       = local.make_network ? one(aws_vpc.this[*].id) : var.network.vpc_id
  subnet_ids   = local.make_network ? [for zone in var.availability_zones : aws_subnet.this[zone].id] : var.network.subnet_ids
  zones        = local.make_network ? { for index, zone in var.availability_zones : zone => index } : {}

  # Studio's service has a name of another form than all others.
  endpoint_names = {
    for service in local.make_network ? var.interface_endpoints : [] :
    service => service == "studio" ? "aws.sagemaker.${local.region}.studio" : "com.amazonaws.${local.region}.${service}"
  }

  # Whoever is in the VPC reaches buckets of this account, and ECR's layers, which lie in a bucket of AWS's:
  # a notebook cannot carry data to somebody else's bucket.
  s3_endpoint_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OwnBuckets"
        Effect    = "Allow"
        Principal = "*"
        Action    = "s3:*"
        Resource  = "*"
        Condition = { StringEquals = { "aws:ResourceAccount" = local.account, "aws:PrincipalAccount" = local.account } }
      },
      {
        Sid       = "LayersOfImages"
        Effect    = "Allow"
        Principal = "*"
        Action    = "s3:GetObject"
        Resource  = "arn:${local.partition}:s3:::prod-${local.region}-starport-layer-bucket/*"
      },
    ]
  })

  # With keys of another account, brought along, data could else leave through logs, parameters or images of that one.
  # Only services of which AWS documents that their endpoints take a policy; without one, an endpoint lets all through.
  guarded_endpoints = ["ecr.api", "ecr.dkr", "kms", "logs", "sagemaker.api", "sagemaker.runtime", "ssm", "sts"]

  interface_endpoint_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OwnRolesAndUsers"
        Effect    = "Allow"
        Principal = "*"
        Action    = "*"
        Resource  = "*"
        Condition = { StringEqualsIfExists = { "aws:PrincipalAccount" = local.account } }
      },
      {
        Sid       = "ServicesOfAws"
        Effect    = "Allow"
        Principal = "*"
        Action    = "*"
        Resource  = "*"
        Condition = { Bool = { "aws:PrincipalIsAWSService" = "true" } }
      },
    ]
  })

  flow_logs_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "vpc-flow-logs.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })

  flow_logs_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "WriteFlows"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
        Resource = "${local.log_groups_arn}:${local.log_group_prefix}/platform:*"
      },
      {
        # Flow logs look their group up; groups can only be listed all together.
        Sid      = "FindGroup"
        Effect   = "Allow"
        Action   = "logs:DescribeLogGroups"
        Resource = "*"
      },
    ]
  })
}

resource "aws_vpc" "this" {
  count = local.make_network ? 1 : 0

  cidr_block           = var.vpc_cidr
  enable_dns_hostnames = true
  enable_dns_support   = true
  tags                 = merge(local.tags, { Name = var.name })
}

# Nothing may use it.
resource "aws_default_security_group" "this" {
  count = local.make_network ? 1 : 0

  vpc_id  = aws_vpc.this[0].id
  ingress = []
  egress  = []
  tags    = local.tags
}

resource "aws_subnet" "this" {
  for_each = local.zones

  vpc_id                  = aws_vpc.this[0].id
  cidr_block              = cidrsubnet(var.vpc_cidr, 2, each.value)
  availability_zone       = "${local.region}${each.key}"
  map_public_ip_on_launch = false
  tags                    = merge(local.tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_route_table" "this" {
  count = local.make_network ? 1 : 0

  vpc_id = aws_vpc.this[0].id
  # No way out; that to S3 is its endpoint's.
  route = []
  tags  = merge(local.tags, { Name = var.name })
}

resource "aws_route_table_association" "this" {
  for_each = local.zones

  route_table_id = aws_route_table.this[0].id
  subnet_id      = aws_subnet.this[each.key].id
}

resource "aws_vpc_endpoint" "s3" {
  count = local.make_network ? 1 : 0

  vpc_id            = aws_vpc.this[0].id
  service_name      = "com.amazonaws.${local.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.this[0].id]
  policy            = local.s3_endpoint_policy
  tags              = merge(local.tags, { Name = "${var.name}-s3" })
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.endpoint_names

  vpc_id              = aws_vpc.this[0].id
  service_name        = each.value
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = local.subnet_ids
  security_group_ids  = [aws_security_group.endpoints[0].id]
  policy              = contains(local.guarded_endpoints, each.key) ? local.interface_endpoint_policy : null
  tags                = merge(local.tags, { Name = "${var.name}-${each.key}" })
}

# Who may talk to whom --------------------------------------------------------------------------------
# EC2 refuses descriptions with other signs than a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*: no apostrophe.

resource "aws_security_group" "studio" {
  # checkov:skip=CKV2_AWS_5: the Studio domain has it, which the check does not know
  name        = "${var.name}-studio"
  description = "Apps of Studio and their home folders"
  vpc_id      = local.vpc_id
  tags        = merge(local.tags, { Name = "${var.name}-studio" })
}

# AWS documents both for domains in VpcOnly: home folders (NFS), and apps that talk to their kernels.
resource "aws_vpc_security_group_ingress_rule" "studio_itself" {
  # checkov:skip=CKV_AWS_23: its tag Name says what it is for
  for_each = { nfs = [2049, 2049], kernels = [8192, 65535] }

  security_group_id            = aws_security_group.studio.id
  referenced_security_group_id = aws_security_group.studio.id
  ip_protocol                  = "tcp"
  from_port                    = each.value[0]
  to_port                      = each.value[1]
  tags                         = merge(local.tags, { Name = "Studio itself: ${each.key}" })
}

resource "aws_vpc_security_group_egress_rule" "studio_itself" {
  # checkov:skip=CKV_AWS_23: its tag Name says what it is for
  for_each = { nfs = [2049, 2049], kernels = [8192, 65535] }

  security_group_id            = aws_security_group.studio.id
  referenced_security_group_id = aws_security_group.studio.id
  ip_protocol                  = "tcp"
  from_port                    = each.value[0]
  to_port                      = each.value[1]
  tags                         = merge(local.tags, { Name = "Studio itself: ${each.key}" })
}

# In the network that is made, no route leads further than endpoints and S3; in a given one, its owner decides.
resource "aws_vpc_security_group_egress_rule" "studio_https" {
  security_group_id = aws_security_group.studio.id
  description       = "Services of AWS, package index, GitLab"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
  tags              = local.tags
}

resource "aws_security_group" "endpoints" {
  count = local.make_network ? 1 : 0

  name        = "${var.name}-endpoints"
  description = "Endpoints of AWS services"
  vpc_id      = local.vpc_id
  tags        = merge(local.tags, { Name = "${var.name}-endpoints" })
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  count = local.make_network ? 1 : 0

  security_group_id = aws_security_group.endpoints[0].id
  description       = "From within the VPC"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = var.vpc_cidr
  tags              = local.tags
}

# What went where -------------------------------------------------------------------------------------

resource "aws_flow_log" "this" {
  count = local.make_network ? 1 : 0

  vpc_id          = aws_vpc.this[0].id
  traffic_type    = "ALL"
  log_destination = aws_cloudwatch_log_group.platform.arn
  iam_role_arn    = aws_iam_role.flow_logs[0].arn
  tags            = local.tags

  depends_on = [aws_iam_role_policy.flow_logs]
}

resource "aws_iam_role" "flow_logs" {
  count = local.make_network ? 1 : 0

  name               = "${var.name}-flow-logs"
  assume_role_policy = local.flow_logs_trust
  tags               = local.tags
}

resource "aws_iam_role_policy" "flow_logs" {
  count = local.make_network ? 1 : 0

  name   = "flow-logs"
  role   = aws_iam_role.flow_logs[0].name
  policy = local.flow_logs_policy
}
