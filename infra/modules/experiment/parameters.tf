# The same as the output `jsk`, for those who have no Terraform: jobs, notebooks, people in the console.
resource "aws_ssm_parameter" "this" {
  # checkov:skip=CKV2_AWS_34: names and addresses, no secret; encrypted, whoever may read them would need the key too.
  for_each    = local.jsk
  name        = "${local.parameters}/${each.key}"
  description = "${each.key} of the experiment ${var.name}, for jsk."
  type        = "String"
  value       = each.value
  tags        = local.tags
}
