# A private space is one person's disk and notebook server for one experiment. Its apps carry its tags, and so do costs.
resource "aws_sagemaker_space" "this" {
  for_each   = var.members
  domain_id  = local.platform.domain_id
  space_name = "${var.squad}-${var.name}-${each.key}"
  tags       = merge(local.tags, { "jsk:user" = each.key })

  ownership_settings {
    owner_user_profile_name = each.value
  }

  space_sharing_settings {
    sharing_type = "Private"
  }

  space_settings {
    app_type = "JupyterLab"

    jupyter_lab_app_settings {
      app_lifecycle_management {
        idle_settings {
          idle_timeout_in_minutes = local.idle_timeout
        }
      }

      code_repository {
        repository_url = var.repository_url
      }

      default_resource_spec {
        instance_type = var.instance_type
      }
    }

    space_storage_settings {
      ebs_storage_settings {
        ebs_volume_size_in_gb = var.storage_gb
      }
    }
  }

  lifecycle {
    precondition {
      condition     = local.idle_timeout <= 2 * local.platform.idle_timeout_minutes
      error_message = "Studio refuses spaces of ${var.name} that may be idle for ${local.idle_timeout} minutes: the domain allows twice the platform's idle_timeout_minutes, ${2 * local.platform.idle_timeout_minutes}."
    }

    # Its owner chooses image and machine in Studio, and may enlarge the disk, which never shrinks.
    ignore_changes = [
      space_settings[0].jupyter_lab_app_settings[0].default_resource_spec,
      space_settings[0].space_storage_settings,
    ]
  }
}
