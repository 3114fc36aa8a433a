# Where all of this is. With another region, or with credentials of another account, Terraform finds nothing of what is
# there, forgets it, and plans to make it once more: nothing would be destroyed by that, and so nothing else stops it.

resource "terraform_data" "account_and_region" {
  triggers_replace = [local.account, local.region]

  lifecycle {
    prevent_destroy = true
  }
}
