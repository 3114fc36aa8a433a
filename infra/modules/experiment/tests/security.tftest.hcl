# What keeps an experiment to itself, each by itself. Numbers are those of nobody.
mock_provider "aws" {}

variables {
  squad          = "vision"
  name           = "iris"
  repository_url = "https://gitlab.example.com/vision/iris.git"
  alert_emails   = ["ada@example.com"]
  members        = { ada = "vision-ada" }
}

run "images_are_immutable_scanned_and_encrypted" {
  command = plan

  assert {
    condition     = aws_ecr_repository.kernel.name == "jsk/kernels/iris"
    error_message = "The repository is not where the publisher looks for it."
  }

  assert {
    condition     = aws_ecr_repository.kernel.image_tag_mutability == "IMMUTABLE"
    error_message = "Tags can be moved."
  }

  assert {
    condition     = aws_ecr_repository.kernel.image_scanning_configuration[0].scan_on_push
    error_message = "Images are not scanned."
  }

  assert {
    condition     = aws_ecr_repository.kernel.encryption_configuration[0].encryption_type == "KMS" && aws_ecr_repository.kernel.encryption_configuration[0].kms_key == var.platform.kms_key_arn
    error_message = "Images are not encrypted with the key of the platform."
  }

  assert {
    condition     = !aws_ecr_repository.kernel.force_delete
    error_message = "A repository with images in it can be removed."
  }
}

run "only_jobs_of_its_project_push" {
  command = plan

  assert {
    condition     = [for s in jsondecode(output.policies["repository"]).Statement : s.Condition.ArnNotLike["aws:PrincipalArn"] if s.Sid == "OnlyItsProjectPushes"] == [["arn:aws:iam::123456789012:role/jsk-vision-iris.gitlab"]]
    error_message = "Somebody else is let through."
  }

  assert {
    condition     = contains([for s in jsondecode(output.policies["repository"]).Statement : s.Condition.ArnLike["aws:PrincipalArn"] if s.Sid == "OnlyItsProjectPushes"][0], "arn:aws:iam::123456789012:role/jsk-*")
    error_message = "Roles of the kit may push."
  }

  assert {
    condition     = toset([for s in jsondecode(output.policies["repository"]).Statement : s.Action if s.Sid == "OnlyItsProjectPushes"][0]) == toset(["ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"])
    error_message = "A part of pushing is not denied."
  }

  assert {
    condition     = alltrue([for action in ["SetRepositoryPolicy", "DeleteRepositoryPolicy", "DeleteRepository", "PutImageTagMutability", "PutImageScanningConfiguration"] : contains([for s in jsondecode(output.policies["repository"]).Statement : s.Action if s.Sid == "SafeguardsStay"][0], "ecr:${action}")])
    error_message = "A safeguard of the repository can be turned off."
  }

  assert {
    condition     = [for s in jsondecode(output.policies["repository"]).Statement : s.Principal if s.Effect == "Allow"] == [{ AWS = "arn:aws:iam::123456789012:role/jsk-domain" }]
    error_message = "Somebody else than Studio is allowed something."
  }

  assert {
    condition     = aws_ecr_repository_policy.kernel.policy == output.policies["repository"]
    error_message = "What is tested is not what is applied."
  }
}

run "with_administrators_nobody_else_pushes_or_changes" {
  command = plan

  variables {
    administrators = ["arn:aws:iam::123456789012:role/terraform"]
  }

  assert {
    condition     = [for s in jsondecode(output.policies["repository"]).Statement : s.Condition if s.Sid == "OnlyItsProjectPushes"] == [{ ArnNotLike = { "aws:PrincipalArn" = ["arn:aws:iam::123456789012:role/jsk-vision-iris.gitlab", "arn:aws:iam::123456789012:role/terraform", "arn:aws:iam::123456789012:root"] } }]
    error_message = "Somebody else may push."
  }

  assert {
    condition     = [for s in jsondecode(output.policies["repository"]).Statement : s.Condition if s.Sid == "SafeguardsStay"] == [{ ArnNotLike = { "aws:PrincipalArn" = ["arn:aws:iam::123456789012:role/terraform", "arn:aws:iam::123456789012:root"] } }]
    error_message = "Somebody else may change safeguards."
  }
}

run "its_role_reaches_its_own_and_nothing_else" {
  command = plan

  assert {
    condition     = aws_iam_role.this.name == "jsk-vision-iris" && aws_iam_role.this.permissions_boundary == var.platform.permissions_boundary_arn
    error_message = "The role has no boundary, or another name."
  }

  assert {
    condition     = jsondecode(output.policies["role-trust"]).Statement == [{ Sid = "SageMakerOfThisAccount", Effect = "Allow", Principal = { Service = "sagemaker.amazonaws.com" }, Action = ["sts:AssumeRole", "sts:SetSourceIdentity"], Condition = { StringEquals = { "aws:SourceAccount" = "123456789012" } } }]
    error_message = "Others than SageMaker, for this account, may take the role."
  }

  assert {
    condition     = [for s in jsondecode(output.policies["role"]).Statement : s.Resource if s.Sid == "ListObjects"] == ["arn:aws:s3:::jsk-vision-iris-123456789012"]
    error_message = "It lists another bucket."
  }

  assert {
    condition     = [for s in jsondecode(output.policies["role"]).Statement : s.Resource if s.Sid == "Objects"] == ["arn:aws:s3:::jsk-vision-iris-123456789012/objects/*"]
    error_message = "It reads or writes outside of its prefix."
  }

  assert {
    condition     = alltrue([for s in jsondecode(output.policies["role"]).Statement : alltrue([for action in flatten([s.Action]) : !strcontains(action, "*")])])
    error_message = "An action is a pattern."
  }

  assert {
    condition     = alltrue([for s in jsondecode(output.policies["role"]).Statement : (contains(["LogInToRegistry", "SeeNetwork"], s.Sid) || try(s.Condition.StringLike["cloudwatch:namespace"], "") != "") if contains(flatten([s.Resource]), "*")])
    error_message = "Something else than what knows no resource is allowed on everything."
  }

  assert {
    condition     = alltrue([for s in jsondecode(output.policies["role"]).Statement : alltrue([for action in flatten([s.Action]) : !startswith(action, "iam:") && !startswith(action, "sts:") && !contains(["sagemaker:UpdateDomain", "ecr:PutImage", "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration", "kms:ScheduleKeyDeletion", "kms:DisableKey"], action)])])
    error_message = "It may change the domain, push, pass roles, or turn off a safeguard."
  }

  assert {
    condition     = [for s in jsondecode(output.policies["role"]).Statement : s.Condition.StringLike["kms:EncryptionContext:aws:s3:arn"] if s.Sid == "EncryptObjects"] == [["arn:aws:s3:::jsk-vision-iris-123456789012", "arn:aws:s3:::jsk-vision-iris-123456789012/*"]]
    error_message = "The key serves other buckets too."
  }

  assert {
    condition     = [for s in jsondecode(output.policies["role"]).Statement : s.Condition.StringEquals["kms:ViaService"] if s.Sid == "EncryptObjects"] == ["s3.eu-central-1.amazonaws.com"]
    error_message = "The key can be used without S3."
  }

  assert {
    condition     = [for s in jsondecode(output.policies["role"]).Statement : s.Resource if s.Sid == "ReadParameters"] == [["arn:aws:ssm:eu-central-1:123456789012:parameter/jsk/vision/iris", "arn:aws:ssm:eu-central-1:123456789012:parameter/jsk/vision/iris/*"]]
    error_message = "It reads the parameters of others."
  }

  assert {
    condition     = alltrue([for arn in [for s in jsondecode(output.policies["role"]).Statement : s.Resource if s.Sid == "TrackTrials"][0] : can(regex(":(experiment/iris|experiment-trial(-component)?/iris--[*])$", arn))])
    error_message = "It tracks trials of others."
  }

  assert {
    condition     = aws_iam_policy.this.policy == output.policies["role"] && length(output.policies["role"]) < 6144
    error_message = "What is tested is not what is applied, or too long for IAM."
  }
}

run "the_longest_names_fit" {
  command = plan

  variables {
    platform = merge(var.platform, { name = "twelveletter" })
    squad    = "fourteenletter"
    name     = "twenty-two-letters-abc"
    members  = { abcdefghijklmnopqrstuvwx = "profile" }
  }

  assert {
    condition     = length(local.bucket_name) <= 63 && length(local.gitlab_role) <= 64 && length("${local.full_name}.replication") <= 64
    error_message = "A name is too long for S3 or IAM."
  }

  assert {
    condition     = alltrue([for space in values(aws_sagemaker_space.this) : length(space.space_name) <= 63])
    error_message = "The name of a space is too long."
  }

  assert {
    condition     = length(output.policies["role"]) < 6144
    error_message = "The policy is too long for IAM."
  }
}

run "without_purge_no_version_is_ever_removed" {
  command = plan

  variables {
    allow_purge = false
  }

  assert {
    condition     = !contains([for s in jsondecode(output.policies["role"]).Statement : s.Action if s.Sid == "Objects"][0], "s3:DeleteObjectVersion")
    error_message = "Versions can be removed."
  }
}

run "jobs_prove_their_project_and_a_protected_ref" {
  command = plan

  assert {
    condition     = jsondecode(output.policies["gitlab-trust"]).Statement[0].Condition.StringEquals == { "gitlab.example.com:aud" = "https://gitlab.example.com" }
    error_message = "A token for somebody else is taken."
  }

  assert {
    condition     = jsondecode(output.policies["gitlab-trust"]).Statement[0].Condition.StringLike["gitlab.example.com:sub"] == ["project_path:vision/iris:ref_type:branch:ref:main", "project_path:vision/iris:ref_type:branch:ref:develop", "project_path:vision/iris:ref_type:branch:ref:release/*", "project_path:vision/iris:ref_type:branch:ref:hotfix/*", "project_path:vision/iris:ref_type:tag:ref:*.*.*"]
    error_message = "Other projects or branches may take the role."
  }

  assert {
    condition     = jsondecode(output.policies["gitlab-trust"]).Statement[0].Principal == { Federated = var.platform.gitlab_provider_arn }
    error_message = "Somebody else than GitLab vouches for jobs."
  }

  assert {
    condition     = [for s in jsondecode(output.policies["gitlab"]).Statement : s.Resource if s.Sid == "Push"] == ["arn:aws:ecr:eu-central-1:123456789012:repository/jsk/kernels/iris"]
    error_message = "A job pushes to another repository."
  }

  assert {
    condition     = toset(flatten([for s in jsondecode(output.policies["gitlab"]).Statement : [for action in flatten([s.Action]) : split(":", action)[0]]])) == toset(["ecr", "sagemaker"])
    error_message = "A job may do more than push and look."
  }

  assert {
    condition     = alltrue([for action in flatten([for s in jsondecode(output.policies["gitlab"]).Statement : s.Action if s.Sid == "SeeWhatIsOffered"]) : can(regex("^sagemaker:(Describe|List)", action))])
    error_message = "A job may do more than look whether the publisher is done."
  }

  assert {
    condition     = aws_iam_role.gitlab[0].permissions_boundary == var.platform.permissions_boundary_arn && aws_iam_role_policy.gitlab[0].policy == output.policies["gitlab"] && aws_iam_role.gitlab[0].assume_role_policy == output.policies["gitlab-trust"]
    error_message = "What is tested is not what is applied, or there is no boundary."
  }
}

run "the_pipeline_of_its_project_names_what_there_is" {
  command = plan

  assert {
    condition = [for part in yamldecode(output.gitlab_ci).include : try(part.inputs, null)] == [
      null,
      {
        registry       = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/jsk/kernels"
        aws-role       = "arn:aws:iam::123456789012:role/jsk-vision-iris.gitlab"
        other-branches = "none"
        publisher      = "jsk-publisher"
        domain         = "d-abcdefgh1234"
      },
      {
        registry = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/jsk/kernels"
        aws-role = "arn:aws:iam::123456789012:role/jsk-vision-iris.gitlab"
      },
    ]
    error_message = "A pipeline would push elsewhere, by another role, or wait for another domain."
  }
}

run "spaces_are_private_and_stop_when_idle" {
  command = plan

  assert {
    condition     = aws_sagemaker_space.this["ada"].space_sharing_settings[0].sharing_type == "Private" && aws_sagemaker_space.this["ada"].ownership_settings[0].owner_user_profile_name == "vision-ada"
    error_message = "A space is not its member's own."
  }

  assert {
    condition     = aws_sagemaker_space.this["ada"].space_settings[0].jupyter_lab_app_settings[0].app_lifecycle_management[0].idle_settings[0].idle_timeout_in_minutes == 120
    error_message = "A space is not stopped when idle."
  }

  assert {
    condition     = aws_sagemaker_space.this["ada"].tags == tomap({ "jsk:part" = "experiment", "jsk:squad" = "vision", "jsk:experiment" = "iris", "jsk:user" = "ada" })
    error_message = "Costs of a space are told of nobody."
  }
}

run "its_own_idle_timeout_wins" {
  command = plan

  variables {
    idle_timeout_minutes = 60
  }

  assert {
    condition     = aws_sagemaker_space.this["ada"].space_settings[0].jupyter_lab_app_settings[0].app_lifecycle_management[0].idle_settings[0].idle_timeout_in_minutes == 60
    error_message = "The platform's holds."
  }
}

run "costs_are_told_apart_and_bounded" {
  command = plan

  assert {
    condition     = aws_budgets_budget.this.limit_amount == "100" && aws_budgets_budget.this.time_unit == "MONTHLY"
    error_message = "The budget is another."
  }

  assert {
    condition     = one(aws_budgets_budget.this.cost_filter).values == tolist(["user:jsk:experiment$iris"])
    error_message = "The budget counts something else than the experiment."
  }

  assert {
    condition     = toset([for n in aws_budgets_budget.this.notification : "${n.notification_type} ${n.threshold}"]) == toset(["ACTUAL 80", "FORECASTED 100"])
    error_message = "Nobody is told in time."
  }

  assert {
    condition     = alltrue([for tags in [aws_ecr_repository.kernel.tags, aws_iam_role.this.tags, aws_cloudwatch_log_group.this.tags, aws_sagemaker_code_repository.this.tags, aws_budgets_budget.this.tags, aws_ssm_parameter.this["store"].tags] : tags["jsk:experiment"] == "iris" && tags["jsk:squad"] == "vision" && tags["jsk:part"] == "experiment"])
    error_message = "Something has no cost tags."
  }
}

run "logs_are_encrypted_and_kept" {
  command = plan

  assert {
    condition     = aws_cloudwatch_log_group.this.kms_key_id == var.platform.operations_key_arn && aws_cloudwatch_log_group.this.retention_in_days == 365
    error_message = "Logs are not encrypted, or go too soon."
  }
}

run "jsk_is_told_what_it_needs" {
  command = plan

  assert {
    condition     = output.jsk.store == "s3://jsk-vision-iris-123456789012/objects" && output.jsk.region == "eu-central-1" && output.jsk.sse == "aws:kms" && output.jsk.kms_key == var.platform.kms_key_arn
    error_message = "The store of jsk is another."
  }

  assert {
    condition     = output.jsk.experiment == "iris" && output.jsk.squad == "vision" && output.jsk.domain_id == "d-abcdefgh1234"
    error_message = "The experiment of jsk is another."
  }

  assert {
    condition     = output.jsk.registry == "123456789012.dkr.ecr.eu-central-1.amazonaws.com/jsk/kernels"
    error_message = "The registry of jsk is another."
  }

  assert {
    condition     = { for name, parameter in aws_ssm_parameter.this : parameter.name => nonsensitive(parameter.value) } == { for name, value in output.jsk : "/jsk/vision/iris/${name}" => value }
    error_message = "The Parameter Store tells something else."
  }
}

run "an_audience_of_its_own_is_asked_for" {
  command = plan

  variables {
    platform = merge(var.platform, { gitlab_audience = "sts.amazonaws.com" })
  }

  assert {
    condition     = jsondecode(output.policies["gitlab-trust"]).Statement[0].Condition.StringEquals == { "gitlab.example.com:aud" = "sts.amazonaws.com" }
    error_message = "Another audience is taken."
  }

  assert {
    condition     = [for part in yamldecode(output.gitlab_ci).include : part.inputs.aws-audience if can(part.inputs)] == ["sts.amazonaws.com", "sts.amazonaws.com"]
    error_message = "Jobs would ask for tokens that AWS does not take."
  }
}

run "its_jobs_get_interfaces_in_the_platforms_subnets" {
  command = plan

  assert {
    condition     = [for s in jsondecode(output.policies["role"]).Statement : [s.Action, s.Condition] if s.Sid == "LendInterfaces"] == [[["ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"], { ArnEquals = { "ec2:Subnet" = [for id in var.platform.subnet_ids : "arn:aws:ec2:eu-central-1:123456789012:subnet/${id}"] } }]]
    error_message = "Jobs get no interfaces, do not give them back, or get them elsewhere."
  }

  assert {
    condition     = alltrue([for s in jsondecode(output.policies["role"]).Statement : !anytrue([for arn in flatten([s.Resource]) : strcontains(arn, ":log-stream:")]) if contains(flatten([s.Action]), "logs:DescribeLogStreams")])
    error_message = "Streams are listed of a group: by their own names, never."
  }
}
