resource "aws_sagemaker_code_repository" "this" {
  code_repository_name = local.full_name
  tags                 = local.tags

  git_config {
    repository_url = var.repository_url
    branch         = var.branch
    secret_arn     = var.repository_secret_arn
  }
}
