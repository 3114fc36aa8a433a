locals {
  # SageMaker refuses a space that is larger than its owner's profile allows.
  largest_disk = max(concat([100], [for experiment in values(var.experiments) : experiment.storage_gb])...)
}

resource "aws_sagemaker_user_profile" "this" {
  for_each          = var.members
  domain_id         = local.platform.domain_id
  user_profile_name = local.profiles[each.key]
  tags              = merge(local.tags, { "jsk:user" = each.key })

  # SageMaker wants both with Identity Center, and neither without.
  single_sign_on_user_identifier = local.platform.auth_mode == "SSO" ? "UserName" : null
  single_sign_on_user_value      = local.platform.auth_mode == "SSO" ? coalesce(each.value.user_name, each.value.email) : null

  user_settings {
    execution_role = aws_iam_role.this.arn

    # Notebooks' output may hold data: it is shared by saving objects, not by snapshots of notebooks.
    sharing_settings {
      notebook_output_option = "Disabled"
    }

    space_storage_settings {
      default_ebs_storage_settings {
        default_ebs_volume_size_in_gb = 20
        maximum_ebs_volume_size_in_gb = local.largest_disk
      }
    }

    # No jupyter_lab_app_settings: those of a profile take the place of the domain's, in which the publisher's images
    # and the time that idle apps have are.
  }
}
