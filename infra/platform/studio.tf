resource "aws_sagemaker_domain" "this" {
  domain_name             = var.name
  auth_mode               = var.auth_mode
  app_network_access_type = "VpcOnly"
  vpc_id                  = local.vpc_id
  subnet_ids              = local.subnet_ids
  # By its id: that is what SageMaker tells of it later, and a difference would replace the domain.
  kms_key_id      = aws_kms_key.data.key_id
  tag_propagation = "ENABLED"
  tags            = local.tags

  default_user_settings {
    execution_role      = aws_iam_role.execution["SagemakerExperimentsRole"].arn
    security_groups     = [aws_security_group.studio.id]
    default_landing_uri = "studio::"
    studio_web_portal   = "ENABLED"

    jupyter_lab_app_settings {
      app_lifecycle_management {
        idle_settings {
          lifecycle_management        = "ENABLED"
          idle_timeout_in_minutes     = var.idle_timeout_minutes
          min_idle_timeout_in_minutes = 60
          max_idle_timeout_in_minutes = var.idle_timeout_minutes * 2
        }
      }
    }

    sharing_settings {
      notebook_output_option = "Disabled"
    }

    space_storage_settings {
      default_ebs_storage_settings {
        default_ebs_volume_size_in_gb = var.space_gigabytes.usual
        maximum_ebs_volume_size_in_gb = var.space_gigabytes.most
      }
    }
  }

  default_space_settings {
    execution_role  = aws_iam_role.execution["SagemakerExperimentsRole"].arn
    security_groups = [aws_security_group.studio.id]

    jupyter_lab_app_settings {
      app_lifecycle_management {
        idle_settings {
          lifecycle_management        = "ENABLED"
          idle_timeout_in_minutes     = var.idle_timeout_minutes
          min_idle_timeout_in_minutes = 60
          max_idle_timeout_in_minutes = var.idle_timeout_minutes * 2
        }
      }
    }
  }

  domain_settings {
    # Who did it stands in CloudTrail with everything that is done from Studio.
    execution_role_identity_config = "USER_PROFILE_NAME"
    # No security_group_ids: they are those of RStudio, and to change them would replace the domain.
  }

  retention_policy {
    home_efs_file_system = "Retain"
  }

  lifecycle {
    prevent_destroy = true

    # Which images are offered is the publisher's.
    ignore_changes = [
      default_user_settings[0].jupyter_lab_app_settings[0].custom_image,
      default_user_settings[0].kernel_gateway_app_settings,
      default_space_settings[0].jupyter_lab_app_settings[0].custom_image,
      default_space_settings[0].kernel_gateway_app_settings,
    ]
  }

  depends_on = [aws_iam_role_policy.execution]
}
