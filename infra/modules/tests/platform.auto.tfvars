# What the platform gives to squads and experiments, for the tests of both. Numbers are those of nobody.
platform = {
  name                      = "jsk"
  account_id                = "123456789012"
  region                    = "eu-central-1"
  partition                 = "aws"
  domain_id                 = "d-abcdefgh1234"
  domain_arn                = "arn:aws:sagemaker:eu-central-1:123456789012:domain/d-abcdefgh1234"
  domain_execution_role_arn = "arn:aws:iam::123456789012:role/jsk-domain"
  vpc_id                    = "vpc-0a1b2c3d"
  subnet_ids                = ["subnet-0a", "subnet-0b"]
  kms_key_arn               = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  logs_bucket               = "jsk-logs-123456789012"
  log_group_prefix          = "/jsk"
  base_repository_arn       = "arn:aws:ecr:eu-central-1:123456789012:repository/jsk/base"
  base_repository_url       = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/jsk/base"
  registry                  = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
  publisher_function_arn    = "arn:aws:lambda:eu-central-1:123456789012:function:jsk-publisher"
  permissions_boundary_arn  = "arn:aws:iam::123456789012:policy/jsk-boundary"
  gitlab_provider_arn       = "arn:aws:iam::123456789012:oidc-provider/gitlab.example.com"
  gitlab_host               = "gitlab.example.com"
  lease_uri                 = "s3://jsk-platform-123456789012/jsk-ci/"
  idle_timeout_minutes      = 120
  security_group_id         = "sg-0a"
  operations_key_arn        = "arn:aws:kms:eu-central-1:123456789012:key/66666666-2222-3333-4444-555555555555"
}
