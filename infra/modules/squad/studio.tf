locals {
  # SageMaker refuses a space that would wait longer, or is larger, than its owner's profile allows.
  longest_timeout = max(concat(
    [local.platform.idle_timeout_minutes],
    [for experiment in values(var.experiments) : coalesce(experiment.idle_timeout_minutes, 60)],
  )...)
  largest_disk = max(concat([100], [for experiment in values(var.experiments) : experiment.storage_gb])...)
}

resource "aws_sagemaker_user_profile" "this" {
  for_each          = var.members
  domain_id         = local.platform.domain_id
  user_profile_name = local.profiles[each.key]
  tags              = merge(local.tags, { "jsk:user" = each.key })

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

    jupyter_lab_app_settings {
      app_lifecycle_management {
        idle_settings {
          lifecycle_management        = "ENABLED"
          idle_timeout_in_minutes     = local.platform.idle_timeout_minutes
          min_idle_timeout_in_minutes = 60
          max_idle_timeout_in_minutes = local.longest_timeout
        }
      }
    }
  }

  lifecycle {
    # Which images are offered is the publisher's affair.
    ignore_changes = [user_settings[0].jupyter_lab_app_settings[0].custom_image]
  }
}
