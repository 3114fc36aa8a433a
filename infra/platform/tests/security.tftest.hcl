# What must stay so, whoever changes this stack: each line is a property that somebody relies on.

# Plans alone, with values as after an apply: Terraform would end an apply by a destroy, which prevent_destroy forbids.
mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  publisher_package  = "./tests/package.zip"
  alert_emails       = ["ada@example.com"]
  activate_cost_tags = true
  gitlab = {
    host    = "gitlab.example.com"
    project = "platform/kernels"
    refs    = ["branch:main", "tag:v*"]
  }
}

run "platform" {
  command = plan

  # Studio ------------------------------------------------------------------------------------------

  assert {
    condition     = aws_sagemaker_domain.this.app_network_access_type == "VpcOnly"
    error_message = "Notebooks must not reach the Internet but through the VPC."
  }

  assert {
    condition     = aws_sagemaker_domain.this.kms_key_id == aws_kms_key.data.key_id
    error_message = "Home folders must be encrypted with the platform's key."
  }

  assert {
    condition = alltrue([
      for settings in [aws_sagemaker_domain.this.default_user_settings[0], aws_sagemaker_domain.this.default_space_settings[0]] :
      settings.jupyter_lab_app_settings[0].app_lifecycle_management[0].idle_settings[0].lifecycle_management == "ENABLED" &&
      settings.jupyter_lab_app_settings[0].app_lifecycle_management[0].idle_settings[0].idle_timeout_in_minutes == 120 &&
      settings.jupyter_lab_app_settings[0].app_lifecycle_management[0].idle_settings[0].max_idle_timeout_in_minutes == 240
    ])
    error_message = "Idle notebooks must be stopped, those of users and of shared spaces."
  }

  assert {
    condition     = aws_sagemaker_domain.this.default_user_settings[0].execution_role == aws_iam_role.execution["SagemakerExperimentsRole"].arn
    error_message = "Users without a squad have SagemakerExperimentsRole."
  }

  assert {
    condition     = aws_sagemaker_domain.this.domain_settings[0].execution_role_identity_config == "USER_PROFILE_NAME"
    error_message = "CloudTrail must tell who did it."
  }

  assert {
    condition     = aws_sagemaker_domain.this.default_user_settings[0].sharing_settings[0].notebook_output_option == "Disabled"
    error_message = "Outputs of notebooks must not be shared unasked."
  }

  assert {
    condition     = aws_sagemaker_domain.this.retention_policy[0].home_efs_file_system == "Retain"
    error_message = "Home folders must outlive the domain."
  }

  assert {
    condition     = aws_sagemaker_domain.this.tag_propagation == "ENABLED"
    error_message = "Apps must carry the tags of cost."
  }

  # Keys --------------------------------------------------------------------------------------------

  assert {
    condition     = alltrue([for key in [aws_kms_key.data, aws_kms_key.operations] : key.enable_key_rotation && key.deletion_window_in_days == 30])
    error_message = "Keys must rotate, and end late."
  }

  assert {
    condition     = [for statement in jsondecode(output.policies.data_key).Statement : statement.Principal] == [{ AWS = "arn:aws:iam::123456789012:root" }]
    error_message = "The key of data must be given to nobody beside the account's own policies."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(output.policies.operations_key).Statement :
      can(statement.Condition) || contains([{ AWS = "arn:aws:iam::123456789012:root" }, { Service = "events.amazonaws.com" }], statement.Principal)
    ])
    error_message = "Services must use the key for this account alone."
  }

  assert {
    condition     = [for statement in jsondecode(output.policies.operations_key).Statement : can(statement.Condition) if strcontains(jsonencode(statement.Principal), "events.amazonaws.com")] == [false]
    error_message = "EventBridge may tell a key no account: on a condition no push would reach the queue."
  }

  # Images ------------------------------------------------------------------------------------------

  assert {
    condition = alltrue([
      for repository in aws_ecr_repository.base :
      repository.image_tag_mutability == "IMMUTABLE" && repository.image_scanning_configuration[0].scan_on_push &&
      repository.encryption_configuration[0].encryption_type == "KMS" && repository.encryption_configuration[0].kms_key == aws_kms_key.data.arn &&
      coalesce(repository.force_delete, false) == false
    ])
    error_message = "Base images must have tags that never move, be scanned, encrypted, and not be deleted along."
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(output.policies.base_repository).Statement :
      statement.Effect == "Deny" && contains(flatten([statement.Action]), "ecr:PutImage") &&
      statement.Condition == { ArnNotLike = { "aws:PrincipalArn" = ["arn:aws:iam::123456789012:role/jsk-gitlab-base"] } }
    ])
    error_message = "Nobody but the build may push base images."
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(output.policies.base_repository).Statement :
      statement.Effect == "Deny" && statement.Action == "ecr:*" &&
      try(statement.Condition.StringNotEquals["aws:PrincipalAccount"], "") == "123456789012"
    ])
    error_message = "Other accounts must not reach base images."
  }

  # Buckets -----------------------------------------------------------------------------------------

  assert {
    condition = length(aws_s3_bucket_public_access_block.this) == 2 && alltrue([
      for block in aws_s3_bucket_public_access_block.this :
      block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets
    ])
    error_message = "Buckets must not be public."
  }

  assert {
    condition     = length(aws_s3_bucket_ownership_controls.this) == 2 && alltrue([for control in aws_s3_bucket_ownership_controls.this : control.rule[0].object_ownership == "BucketOwnerEnforced"])
    error_message = "Access lists must not count."
  }

  assert {
    condition     = length(aws_s3_bucket_versioning.this) == 2 && alltrue([for versioning in aws_s3_bucket_versioning.this : versioning.versioning_configuration[0].status == "Enabled"])
    error_message = "Buckets must keep versions."
  }

  assert {
    condition = alltrue([
      for policy in [output.policies.logs_bucket, output.policies.lease_bucket, output.policies.queue, output.policies.dead_letters, output.policies.warnings] :
      anytrue([for statement in jsondecode(policy).Statement : statement.Effect == "Deny" && try(statement.Condition.Bool["aws:SecureTransport"], "") == "false"])
    ])
    error_message = "Buckets, queues and the topic must be spoken to by TLS alone."
  }

  assert {
    condition = (
      one(aws_s3_bucket_server_side_encryption_configuration.lease.rule).apply_server_side_encryption_by_default[0].kms_master_key_id == aws_kms_key.operations.arn &&
      one(aws_s3_bucket_server_side_encryption_configuration.lease.rule).bucket_key_enabled &&
      one(aws_s3_bucket_server_side_encryption_configuration.logs.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
    )
    error_message = "Buckets must be encrypted; the one for logs as S3 demands."
  }

  assert {
    condition     = !can(aws_s3_bucket_lifecycle_configuration.lease.rule[0].expiration[0].days) && aws_s3_bucket_lifecycle_configuration.lease.rule[0].noncurrent_version_expiration[0].noncurrent_days == 1
    error_message = "The lease itself must not expire."
  }

  assert {
    condition     = aws_s3_bucket_logging.lease.target_bucket == aws_s3_bucket.logs.bucket
    error_message = "Access to the lease must be logged."
  }

  # The publisher -----------------------------------------------------------------------------------

  assert {
    condition = alltrue([
      for name, policy in output.policies : alltrue([
        for statement in jsondecode(policy).Statement :
        # A boundary and an endpoint's policy give nothing: they let through what others give.
        statement.Effect == "Deny" || contains(["boundary", "interface_endpoint", "publisher"], name) ||
        !anytrue([for action in flatten([try(statement.Action, [])]) : can(regex("^(\\*|sagemaker:\\*|sagemaker:U\\*|sagemaker:Update\\*|sagemaker:UpdateDomain)$", action))])
      ])
    ])
    error_message = "The publisher alone may change the domain."
  }

  assert {
    condition = alltrue([
      for action in ["CreateDomain", "UpdateDomain", "DeleteDomain", "CreateUserProfile", "UpdateUserProfile", "DeleteUserProfile", "CreateImage*", "UpdateImage*", "DeleteImage*", "CreatePresignedNotebook*"] :
      anytrue([for statement in jsondecode(output.policies.boundary).Statement : statement.Effect == "Deny" && statement.Resource == "*" && contains(flatten([statement.Action]), "sagemaker:${action}") && !can(statement.Condition)])
    ])
    error_message = "The boundary must forbid what is the platform's."
  }

  assert {
    condition = alltrue([
      for action in ["s3:PutBucket*", "s3:DeleteBucket*", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration", "kms:ScheduleKeyDeletion", "kms:DisableKey*", "kms:PutKeyPolicy", "ecr:PutImageTagMutability", "ecr:SetRepositoryPolicy"] :
      anytrue([for statement in jsondecode(output.policies.boundary).Statement : statement.Effect == "Deny" && statement.Resource == "*" && contains(flatten([statement.Action]), action) && !can(statement.Condition)])
    ])
    error_message = "The boundary must forbid turning protection off."
  }

  assert {
    condition     = length(output.policies.boundary) <= 6144
    error_message = "AWS takes managed policies of 6,144 characters."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(output.policies.boundary).Statement :
      statement.Effect == "Deny" || !contains(flatten([statement.Action]), "ecr:PutImage") || statement.Resource == "arn:aws:ecr:eu-central-1:123456789012:repository/jsk/kernels/*"
    ])
    error_message = "Squads must not push base images."
  }

  assert {
    condition     = one([for statement in jsondecode(output.policies.publisher).Statement : statement.Resource if contains(flatten([statement.Action]), "sagemaker:UpdateDomain")]) == aws_sagemaker_domain.this.arn
    error_message = "The publisher must change this domain alone."
  }

  assert {
    condition     = one([for statement in jsondecode(output.policies.publisher).Statement : statement if contains(flatten([statement.Action]), "iam:PassRole")]).Resource == aws_iam_role.images.arn
    error_message = "The publisher must pass the role that reads images, and no other."
  }

  assert {
    condition     = aws_lambda_function.publisher.reserved_concurrent_executions == 1 && aws_lambda_event_source_mapping.pushes.batch_size == 1
    error_message = "One at a time."
  }

  assert {
    condition     = aws_lambda_function.publisher.source_code_hash == filebase64sha256("./tests/package.zip") && aws_lambda_function.publisher.handler == "attach_kernel.handler.handle"
    error_message = "The package that was made must be what runs."
  }

  assert {
    condition     = aws_lambda_function.publisher.kms_key_arn == aws_kms_key.operations.arn
    error_message = "The function's environment must be encrypted."
  }

  assert {
    condition     = contains(aws_lambda_event_source_mapping.pushes.function_response_types, "ReportBatchItemFailures")
    error_message = "Messages that failed must stay in the queue."
  }

  assert {
    condition     = aws_sqs_queue.pushes.visibility_timeout_seconds >= 6 * aws_lambda_function.publisher.timeout
    error_message = "AWS asks for six times the function's time."
  }

  assert {
    condition = (
      jsondecode(aws_sqs_queue_redrive_policy.pushes.redrive_policy).deadLetterTargetArn == aws_sqs_queue.dead.arn && jsondecode(aws_sqs_queue_redrive_policy.pushes.redrive_policy).maxReceiveCount >= 5 &&
      aws_cloudwatch_event_target.pushes.dead_letter_config[0].arn == aws_sqs_queue.dead.arn && aws_sqs_queue.dead.message_retention_seconds == 1209600
    )
    error_message = "Nothing may be lost: what fails, and what cannot be delivered, goes to the dead letters."
  }

  assert {
    condition     = alltrue([for queue in [aws_sqs_queue.pushes, aws_sqs_queue.dead] : queue.kms_master_key_id == aws_kms_key.operations.arn]) && aws_sns_topic.warnings.kms_master_key_id == aws_kms_key.operations.arn
    error_message = "Messages must be encrypted."
  }

  assert {
    condition = alltrue([
      for policy in [output.policies.queue, output.policies.dead_letters] :
      anytrue([for statement in jsondecode(policy).Statement : statement.Effect == "Deny" && statement.Action == "sqs:SendMessage" && try(statement.Condition.ArnNotEquals["aws:SourceArn"], "") == "arn:aws:events:eu-central-1:123456789012:rule/jsk-kernel-pushes"])
    ])
    error_message = "Nobody but the rule may send to the queues: a message is an order to publish."
  }

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.pushes.event_pattern) == {
      source      = ["aws.ecr"]
      account     = ["123456789012"]
      detail-type = ["ECR Image Action"]
      detail = {
        action-type     = ["PUSH"]
        result          = ["SUCCESS"]
        repository-name = [{ prefix = "jsk/kernels/" }, "jsk/base"]
        image-tag       = [{ anything-but = { prefix = "candidate-" } }]
      }
    }
    error_message = "Only tested images of kernels may be published."
  }

  assert {
    condition = alltrue([
      for alarm in [aws_cloudwatch_metric_alarm.dead, aws_cloudwatch_metric_alarm.refused] : alarm.alarm_actions == toset([aws_sns_topic.warnings.arn]) && alarm.threshold == 0
    ])
    error_message = "Somebody must be told of kernels that are not published."
  }

  # Roles and groups --------------------------------------------------------------------------------

  assert {
    condition = alltrue([
      for name in ["SagemakerExperimentsRole", "SagemakerUsers", "SagemakerDevelopers", "gitlab", "publisher", "images"] :
      !anytrue([for resource in flatten([for statement in jsondecode(output.policies[name]).Statement : statement.Resource]) : can(regex("^arn:aws:s3:::jsk-[*]", resource))])
    ])
    error_message = "Only pipelines may read what squads saved."
  }

  assert {
    condition = alltrue([
      for resource in flatten([for statement in jsondecode(output.policies.SagemakerExperimentsRole).Statement : statement.Resource if statement.Sid == "KeepTrials"]) :
      can(regex(":experiment(-trial|-trial-component)?/open(-[*])?$", resource))
    ])
    error_message = "People without a squad must not write into a squad's experiment."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(output.policies.boundary).Statement :
      statement.Condition == { Null = { "sagemaker:TaggingAction" = "true" }, "ForAnyValue:StringLike" = { "aws:TagKeys" = "jsk:*" } } &&
      statement.Effect == "Deny" && statement.Resource == "*" && toset(statement.Action) == toset(["sagemaker:AddTags", "sagemaker:DeleteTags"])
      if statement.Sid == "CostsStayWhereTheyAre"
    ]) && strcontains(output.policies.boundary, "CostsStayWhereTheyAre")
    error_message = "Tags of costs must stay as they were given."
  }

  assert {
    condition = one([
      for statement in jsondecode(output.policies.boundary).Statement : statement if statement.Sid == "ThePlatformsBucketsAndLogs"
      ]) == {
      Sid    = "ThePlatformsBucketsAndLogs"
      Effect = "Deny"
      Action = ["s3:*", "logs:*"]
      Resource = [
        "arn:aws:s3:::jsk-lease-123456789012", "arn:aws:s3:::jsk-lease-123456789012/*", "arn:aws:s3:::jsk-logs-123456789012",
        "arn:aws:s3:::jsk-logs-123456789012/*", "arn:aws:logs:eu-central-1:123456789012:log-group:/jsk/platform:*",
      ]
    }
    error_message = "Roles of squads and pipelines must stay out of the platform's own buckets and logs."
  }

  assert {
    condition     = one([for statement in jsondecode(output.policies.boundary).Statement : statement.Condition if statement.Sid == "Objects"]) == { StringEquals = { "aws:ResourceAccount" = "123456789012" } }
    error_message = "Data must not be carried to buckets of other accounts."
  }

  assert {
    condition = alltrue(flatten([
      for name in ["SagemakerTrainingPipelinesRole", "SagemakerDeploymentPipelinesRole"] : [
        for statement in jsondecode(output.policies[name]).Statement :
        length(setintersection(flatten([statement.Action]), ["sagemaker:CreateProcessingJob", "sagemaker:CreateTrainingJob", "sagemaker:CreateHyperParameterTuningJob", "sagemaker:CreateModel"])) == 0 ||
        try(statement.Condition.Null["sagemaker:VpcSubnets"], "") == "false" &&
        try(statement.Condition["ForAllValues:StringEquals"]["sagemaker:VpcSecurityGroupIds"], []) == [aws_security_group.studio.id]
      ]
    ]))
    error_message = "Jobs and models of pipelines must run in the network, in its group."
  }

  assert {
    condition = alltrue(flatten([
      for name in ["SagemakerTrainingPipelinesRole", "SagemakerDeploymentPipelinesRole"] : [
        for statement in jsondecode(output.policies[name]).Statement :
        !contains(flatten([statement.Action]), "kms:Decrypt") || try(statement.Condition.StringEquals["kms:ViaService"], "") == "s3.eu-central-1.amazonaws.com"
      ]
    ]))
    error_message = "Pipelines must use the key of objects through S3 alone."
  }

  assert {
    condition = alltrue([
      for name in ["SagemakerExperimentsRole", "SagemakerUsers"] : alltrue([
        for action in ["ce:GetCostAndUsage", "pricing:GetProducts", "sagemaker:ListApps", "sagemaker:DescribeApp", "sagemaker:ListSpaces", "sagemaker:ListTags"] :
        contains(flatten([for statement in jsondecode(output.policies[name]).Statement : statement.Action if statement.Resource == "*"]), action)
      ])
    ])
    error_message = "People must be able to see what runs, and what it costs."
  }

  assert {
    condition     = !strcontains(output.policies.SagemakerDevelopers, "kms:")
    error_message = "Developers read names and addresses, and no secrets."
  }

  assert {
    condition     = contains(flatten([for statement in jsondecode(output.policies.publisher).Statement : statement.Action if statement.Resource == "*"]), "sagemaker:ListApps")
    error_message = "A list has no resource: the publisher could not see what runs."
  }

  assert {
    condition     = toset(keys(aws_iam_role.execution)) == toset(["SagemakerExperimentsRole", "SagemakerTrainingPipelinesRole", "SagemakerDeploymentPipelinesRole"])
    error_message = "The three execution roles have these names."
  }

  assert {
    condition     = alltrue([for role in aws_iam_role.execution : role.permissions_boundary == aws_iam_policy.boundary.arn])
    error_message = "Execution roles must be under the boundary."
  }

  assert {
    condition     = one(jsondecode(output.policies.sagemaker_trust).Statement).Condition == { StringEquals = { "aws:SourceAccount" = "123456789012" } }
    error_message = "SageMaker must take execution roles for this account alone."
  }

  assert {
    condition = alltrue(flatten([
      for name in ["SagemakerExperimentsRole", "SagemakerTrainingPipelinesRole", "SagemakerDeploymentPipelinesRole", "SagemakerUsers", "SagemakerDevelopers", "publisher", "images", "gitlab"] : [
        for statement in jsondecode(output.policies[name]).Statement : [
          for action in flatten([statement.Action]) : !endswith(action, "*")
        ]
      ]
    ]))
    error_message = "Roles must name each action that they may do."
  }

  assert {
    condition = alltrue(flatten([
      for name in ["SagemakerExperimentsRole", "SagemakerTrainingPipelinesRole", "SagemakerDeploymentPipelinesRole", "publisher"] : [
        for statement in jsondecode(output.policies[name]).Statement :
        contains(flatten([statement.Action]), "iam:PassRole") ? statement.Condition.StringEquals["iam:PassedToService"] == "sagemaker.amazonaws.com" && !strcontains(statement.Resource, "*") : true
      ]
    ]))
    error_message = "Roles must pass one role by name, to SageMaker alone."
  }

  assert {
    condition = alltrue(flatten([
      for name in ["SagemakerUsers", "SagemakerDevelopers"] : [
        for statement in jsondecode(output.policies[name]).Statement : [
          for action in flatten([statement.Action]) : can(regex(":(Describe|List|Get|Search|Decrypt)", action))
        ]
      ]
    ]))
    error_message = "Groups must only look."
  }

  assert {
    condition     = !strcontains(output.policies.SagemakerUsers, "ssm:") && strcontains(output.policies.SagemakerDevelopers, "ssm:GetParametersByPath")
    error_message = "Developers read parameters, users do not."
  }

  assert {
    condition     = { for key, policy in aws_iam_group_policy.users : key => policy.group } == { users = "SagemakerUsers", developers = "SagemakerDevelopers" } && aws_iam_group_policy.developers.group == "SagemakerDevelopers"
    error_message = "Developers may what users may, and more."
  }

  # GitLab ------------------------------------------------------------------------------------------

  assert {
    condition = one(jsondecode(output.policies.gitlab_trust).Statement).Condition == {
      StringEquals = { "gitlab.example.com:aud" = "https://gitlab.example.com" }
      StringLike   = { "gitlab.example.com:sub" = ["project_path:platform/kernels:ref_type:branch:ref:main", "project_path:platform/kernels:ref_type:tag:ref:v*"] }
    }
    error_message = "Only the platform's project, on its protected refs, may push base images."
  }

  assert {
    condition     = aws_iam_openid_connect_provider.gitlab[0].client_id_list == toset(["https://gitlab.example.com"])
    error_message = "Tokens must have been made for this."
  }

  assert {
    condition = [for part in yamldecode(output.gitlab_ci).include : try([part.inputs.folders, part.inputs.registry, part.inputs.aws-role], null)] == [
      ["kernels/base", "123456789012.dkr.ecr.eu-central-1.amazonaws.com/jsk", "arn:aws:iam::123456789012:role/jsk-gitlab-base"],
      ["kernels/base", "123456789012.dkr.ecr.eu-central-1.amazonaws.com/jsk", "arn:aws:iam::123456789012:role/jsk-gitlab-base"],
      null,
    ]
    error_message = "The pipeline of base images would push elsewhere, or by another role."
  }

  # Logs and costs ----------------------------------------------------------------------------------

  assert {
    condition     = alltrue([for group in [aws_cloudwatch_log_group.publisher, aws_cloudwatch_log_group.platform, aws_cloudwatch_log_group.studio[0]] : group.kms_key_id == aws_kms_key.operations.arn && group.retention_in_days >= 365])
    error_message = "Logs must be encrypted, and kept a year."
  }

  assert {
    condition     = toset(keys(aws_ce_cost_allocation_tag.this)) == toset(["jsk:part", "jsk:squad", "jsk:experiment", "jsk:user"])
    error_message = "Costs must be told by squad, experiment and user."
  }

  assert {
    condition = alltrue([
      for tags in concat(
        [aws_sagemaker_domain.this.tags, aws_kms_key.data.tags, aws_kms_key.operations.tags, aws_s3_bucket.logs.tags, aws_s3_bucket.lease.tags, aws_lambda_function.publisher.tags],
        [aws_sqs_queue.pushes.tags, aws_sqs_queue.dead.tags, aws_sns_topic.warnings.tags, aws_iam_role.publisher.tags, aws_cloudwatch_log_group.publisher.tags],
        [for repository in aws_ecr_repository.base : repository.tags],
        [for endpoint in aws_vpc_endpoint.interface : endpoint.tags],
      ) : tags["jsk:part"] == "platform"
    ])
    error_message = "Everything that costs money must say whose it is."
  }

  assert {
    condition     = length(aws_budgets_budget.platform[0].notification) == 3 && tolist(aws_budgets_budget.platform[0].cost_filter)[0].values == tolist(["user:jsk:part$platform", "user:jsk:part$squad", "user:jsk:part$experiment"])
    error_message = "Somebody must be told before the budget is gone."
  }

  # The network that is made ------------------------------------------------------------------------

  assert {
    condition     = alltrue([for subnet in aws_subnet.this : !subnet.map_public_ip_on_launch]) && length(aws_subnet.this) == 2
    error_message = "Subnets must be private."
  }

  assert {
    condition     = length(aws_route_table.this[0].route) == 0
    error_message = "No way may lead out of the VPC."
  }

  assert {
    condition     = toset(keys(aws_vpc_endpoint.interface)) == var.interface_endpoints && alltrue([for endpoint in aws_vpc_endpoint.interface : endpoint.private_dns_enabled])
    error_message = "Services must be reached inside the VPC."
  }

  assert {
    condition     = alltrue([for service in ["ecr.api", "ecr.dkr", "kms", "logs", "sagemaker.api", "sagemaker.runtime", "ssm", "sts"] : jsondecode(aws_vpc_endpoint.interface[service].policy).Statement[*].Condition == [{ StringEqualsIfExists = { "aws:PrincipalAccount" = "123456789012" } }, { Bool = { "aws:PrincipalIsAWSService" = "true" } }]])
    error_message = "Keys of another account would carry data out through an endpoint."
  }

  assert {
    condition     = aws_vpc_endpoint.interface["studio"].service_name == "aws.sagemaker.eu-central-1.studio" && aws_vpc_endpoint.interface["ecr.api"].service_name == "com.amazonaws.eu-central-1.ecr.api"
    error_message = "Endpoints have the services' names."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_vpc_endpoint.s3[0].policy).Statement :
      try(statement.Condition.StringEquals["aws:ResourceAccount"], "") == "123456789012" || statement.Resource == "arn:aws:s3:::prod-eu-central-1-starport-layer-bucket/*"
    ])
    error_message = "A notebook must not carry data to somebody else's bucket."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.endpoints[0].cidr_ipv4 == var.vpc_cidr && aws_vpc_security_group_ingress_rule.endpoints[0].from_port == 443
    error_message = "Endpoints must be reached from within alone."
  }

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.studio_itself : rule.referenced_security_group_id == rule.security_group_id && rule.cidr_ipv4 == null])
    error_message = "Nobody but Studio itself may come into Studio."
  }

  assert {
    condition     = aws_flow_log.this[0].traffic_type == "ALL" && length(aws_default_security_group.this[0].ingress) + length(aws_default_security_group.this[0].egress) == 0
    error_message = "Traffic must be noted, and the default group be empty."
  }

  assert {
    condition     = alltrue([for group in concat([aws_security_group.studio], aws_security_group.endpoints) : can(regex("^[A-Za-z0-9. _:/()#,@+=&;{}!$*\\[\\]-]{1,255}$", group.description))])
    error_message = "EC2 refuses a description with an apostrophe."
  }

  assert {
    condition     = contains(keys(aws_vpc_endpoint.interface), "sagemaker.metrics")
    error_message = "Metrics of trials go through an endpoint of their own."
  }

  # Jobs --------------------------------------------------------------------------------------------

  assert {
    condition     = toset([for group in aws_cloudwatch_log_group.jobs : group.name]) == toset(["/aws/sagemaker/ProcessingJobs", "/aws/sagemaker/TrainingJobs", "/aws/sagemaker/TransformJobs"])
    error_message = "What jobs say is lost: their roles make no log groups."
  }

  assert {
    condition = alltrue(flatten([
      for role in ["SagemakerTrainingPipelinesRole", "SagemakerDeploymentPipelinesRole"] : [
        for statement in jsondecode(output.policies[role]).Statement :
        !strcontains(jsonencode(try(statement.Condition, {})), "aws:CalledVia") && !strcontains(jsonencode(try(statement.Condition, {})), "ec2:AuthorizedService")
        if strcontains(jsonencode(statement.Action), "NetworkInterface")
      ]
    ]))
    error_message = "SageMaker takes the role itself: on these conditions no job would get an interface."
  }

  assert {
    condition     = alltrue([for statement in jsondecode(output.policies.SagemakerExperimentsRole).Statement : !strcontains(jsonencode(try(statement.Condition, {})), "Owner") if contains(flatten([statement.Action]), "sagemaker:AddTags")])
    error_message = "Adding tags knows no owner: on such a condition it would never be allowed."
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.publisher.maximum_retry_attempts == 0
    error_message = "A rollback that is tried again goes back two versions."
  }

  assert {
    condition     = [for statement in jsondecode(output.policies.publisher).Statement : statement.Resource if contains(flatten([statement.Action]), "sagemaker:ListApps")] == ["*"]
    error_message = "Apps can only be listed all together: of one domain, never."
  }

  assert {
    condition     = aws_sagemaker_domain.this.domain_settings[0].security_group_ids == null
    error_message = "Another group would replace the domain."
  }

  assert {
    condition     = [for statement in jsondecode(output.policies.open_studio).Statement : [statement.Resource, statement.Condition] if contains(flatten([statement.Action]), "sagemaker:CreatePresignedDomainUrl")] == [["arn:aws:sagemaker:eu-central-1:123456789012:user-profile/d-0123456789ab/*", { StringEquals = { "sagemaker:ResourceTag/jsk:user" = "$${aws:username}" } }]]
    error_message = "People open their own profiles, and no other."
  }

  # What squads are given ---------------------------------------------------------------------------

  assert {
    condition = toset(keys(output.platform)) == toset([
      "name", "account_id", "region", "partition", "domain_id", "domain_arn", "domain_execution_role_arn", "vpc_id",
      "subnet_ids", "kms_key_arn", "logs_bucket", "log_group_prefix", "base_repository_arn", "base_repository_url",
      "registry", "publisher_function_arn", "permissions_boundary_arn", "gitlab_provider_arn", "gitlab_host",
      "lease_uri", "idle_timeout_minutes", "operations_key_arn", "gitlab_audience", "auth_mode", "security_group_id",
    ])
    error_message = "Squads are given exactly what they take."
  }

  assert {
    condition     = output.platform.lease_uri == "s3://jsk-lease-123456789012/jsk-ci/" && output.platform.registry == "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
    error_message = "Jobs take turns in the platform's own bucket, and push to this account."
  }
}

run "an_account_with_a_low_limit_of_concurrency" {
  command = plan

  variables {
    reserve_publisher     = false
    create_job_log_groups = false
  }

  assert {
    condition     = aws_lambda_function.publisher.reserved_concurrent_executions == -1 && length(aws_cloudwatch_log_group.jobs) == 0
    error_message = "What an account refuses, or has already, can be left out."
  }
}

run "given_network_and_provider" {
  command = plan

  variables {
    network = { vpc_id = "vpc-0a", subnet_ids = ["subnet-0a", "subnet-0b"] }
    gitlab  = { host = "gitlab.example.com", provider_arn = "arn:aws:iam::123456789012:oidc-provider/gitlab.example.com" }
  }

  assert {
    condition     = length(aws_vpc.this) + length(aws_subnet.this) + length(aws_vpc_endpoint.interface) + length(aws_vpc_endpoint.s3) + length(aws_flow_log.this) == 0
    error_message = "In a given network nothing is made but Studio's security group."
  }

  assert {
    condition     = aws_sagemaker_domain.this.vpc_id == "vpc-0a" && aws_sagemaker_domain.this.subnet_ids == toset(["subnet-0a", "subnet-0b"]) && output.platform.vpc_id == "vpc-0a"
    error_message = "Studio must be in the network that is given."
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.gitlab) == 0 && output.platform.gitlab_provider_arn == var.gitlab.provider_arn && length(aws_iam_role.gitlab) == 0 && output.gitlab_role_arn == null
    error_message = "An identity provider that is there is used; without a project there is no role."
  }
}

# On the day that GitLab is down.
run "listed_publishers" {
  command = plan

  variables {
    base_publishers = ["arn:aws:iam::123456789012:role/release-manager"]
  }

  assert {
    condition = one([
      for statement in jsondecode(output.policies.base_repository).Statement : statement if statement.Sid == "OnlyTheBuildPushes"
      ]) == {
      Sid       = "OnlyTheBuildPushes"
      Effect    = "Deny"
      Principal = "*"
      Action    = ["ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload"]
      Condition = { ArnNotLike = { "aws:PrincipalArn" = ["arn:aws:iam::123456789012:role/jsk-gitlab-base", "arn:aws:iam::123456789012:role/release-manager"] } }
    }
    error_message = "Who is listed may push base images, beside the build, and nobody else."
  }

  assert {
    condition     = alltrue([for policy in aws_ecr_repository_policy.base : policy.policy == output.policies.base_repository])
    error_message = "What is tested is not what is applied."
  }
}
