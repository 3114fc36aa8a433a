# What keeps a squad to itself, each by itself. Numbers are those of nobody.
mock_provider "aws" {}

variables {
  name         = "vision"
  budget       = 500
  alert_emails = ["ada@example.com"]

  members = {
    ada  = { email = "ada@example.com" }
    alan = { email = "alan@example.com" }
  }

  experiments = {
    iris   = { repository_url = "https://gitlab.example.com/vision/iris.git", members = ["ada"], budget = 100 }
    tulips = { repository_url = "https://gitlab.example.com/vision/tulips.git", allow_purge = false, idle_timeout_minutes = 240 }
  }
}

run "its_role_reaches_its_own_experiments_only" {
  command = plan

  assert {
    condition     = aws_iam_role.this.name == "jsk-vision" && aws_iam_role.this.permissions_boundary == var.platform.permissions_boundary_arn
    error_message = "The role has no boundary, or another name."
  }

  assert {
    condition     = jsondecode(output.policies["role-trust"]).Statement[0].Principal == { Service = "sagemaker.amazonaws.com" } && jsondecode(output.policies["role-trust"]).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "123456789012"
    error_message = "Others than SageMaker, for this account, may take the role."
  }

  assert {
    condition     = [for s in jsondecode(output.policies["experiments-1"]).Statement : s.Resource if s.Sid == "ListObjects"] == [["arn:aws:s3:::jsk-vision-iris-123456789012", "arn:aws:s3:::jsk-vision-tulips-123456789012"]]
    error_message = "It lists other buckets."
  }

  assert {
    condition     = [for s in jsondecode(output.policies["experiments-1"]).Statement : s.Resource if s.Sid == "Objects"] == [["arn:aws:s3:::jsk-vision-iris-123456789012/objects/*", "arn:aws:s3:::jsk-vision-tulips-123456789012/objects/*"]]
    error_message = "It reads or writes elsewhere."
  }

  assert {
    condition     = [for s in jsondecode(output.policies["experiments-1"]).Statement : s.Resource if s.Sid == "RemoveVersions"] == [["arn:aws:s3:::jsk-vision-iris-123456789012/objects/*"]]
    error_message = "Versions are removed where that is not allowed."
  }

  assert {
    condition     = [for s in jsondecode(output.policies["experiments-1"]).Statement : s.Resource if s.Sid == "PassOwnRoles"] == [["arn:aws:iam::123456789012:role/jsk-vision-iris", "arn:aws:iam::123456789012:role/jsk-vision-tulips"]]
    error_message = "It passes foreign roles."
  }

  assert {
    condition     = [for s in jsondecode(output.policies["experiments-1"]).Statement : s.Condition if s.Sid == "PassOwnRoles"] == [{ StringEquals = { "iam:PassedToService" = "sagemaker.amazonaws.com" } }]
    error_message = "Roles are passed to others than SageMaker."
  }

  assert {
    condition     = [for s in jsondecode(output.policies["studio"]).Statement : s.Resource if s.Sid == "ReadParameters"] == [["arn:aws:ssm:eu-central-1:123456789012:parameter/jsk/vision", "arn:aws:ssm:eu-central-1:123456789012:parameter/jsk/vision/*"]]
    error_message = "It reads parameters of other squads."
  }

  assert {
    condition     = alltrue([for document in ["studio", "experiments-1"] : alltrue([for s in jsondecode(output.policies[document]).Statement : alltrue([for action in flatten([s.Action]) : !strcontains(action, "*") && !contains(["sagemaker:UpdateDomain", "sagemaker:CreateSpace", "sagemaker:UpdateUserProfile", "ecr:PutImage", "s3:PutBucketVersioning"], action)])])])
    error_message = "An action is a pattern, or changes what is not the squad's."
  }

  assert {
    condition     = alltrue([for s in jsondecode(output.policies["studio"]).Statement : contains(["SeeStudio", "SeeCosts", "LogInToRegistry"], s.Sid) if contains(flatten([s.Resource]), "*")])
    error_message = "Something else than looking is allowed on everything."
  }

  assert {
    condition     = alltrue([for s in jsondecode(output.policies["studio"]).Statement : alltrue([for action in flatten([s.Action]) : can(regex(":(Describe|List|Get)", action))]) if contains(flatten([s.Resource]), "*")])
    error_message = "Something else than looking is allowed on everything."
  }

  assert {
    condition     = { for name, policy in aws_iam_policy.this : name => policy.policy } == { for name in ["studio", "experiments-1"] : name => output.policies[name] }
    error_message = "What is tested is not what is applied."
  }
}

run "nobody_starts_or_stops_what_is_anothers" {
  command = plan

  assert {
    condition     = [for s in jsondecode(output.policies["studio"]).Statement : s.Resource if s.Sid == "OpenOwnSpaces"] == ["arn:aws:sagemaker:eu-central-1:123456789012:user-profile/d-abcdefgh1234/$${sagemaker:UserProfileName}"]
    error_message = "Members come into Studio as somebody else."
  }

  assert {
    condition     = alltrue([for sid in ["StartOwnApps", "StopOwnApps", "ChangeOwnSpaces"] : [for s in jsondecode(output.policies["studio"]).Statement : s.Condition.ArnLike["sagemaker:OwnerUserProfileArn"] if s.Sid == sid] == ["arn:aws:sagemaker:eu-central-1:123456789012:user-profile/$${sagemaker:DomainId}/$${sagemaker:UserProfileName}"]])
    error_message = "Members reach into the spaces of others."
  }

  assert {
    condition     = alltrue([for sid in ["StartOwnApps", "ChangeOwnSpaces", "StartJobs"] : [for s in jsondecode(output.policies["studio"]).Statement : join(" ", s.Condition["ForAllValues:StringLike"]["sagemaker:InstanceTypes"]) if s.Sid == sid] == [join(" ", var.instance_types)]])
    error_message = "Any machine can be started."
  }

  assert {
    condition     = [for s in jsondecode(output.policies["studio"]).Statement : s.Condition["ForAllValues:StringEquals"]["sagemaker:VpcSubnets"] if s.Sid == "StartJobs"] == [["subnet-0a", "subnet-0b"]]
    error_message = "Jobs run outside of the network."
  }

  assert {
    condition     = [for s in jsondecode(output.policies["studio"]).Statement : s.Condition["ForAllValues:StringEquals"]["sagemaker:VpcSecurityGroupIds"] if s.Sid == "StartJobs"] == [["sg-0a"]]
    error_message = "Jobs reach what only another security group may."
  }

  assert {
    condition     = [for s in jsondecode(output.policies["studio"]).Statement : s.Condition.Null if s.Sid == "StartJobs"] == [{ "sagemaker:VpcSubnets" = "false", "sagemaker:InstanceTypes" = "false" }]
    error_message = "Jobs that name no network or machine are let through."
  }
}

run "costs_stay_where_they_were_made" {
  command = plan

  assert {
    condition     = [for s in jsondecode(output.policies["studio"]).Statement : s.Condition if contains(flatten([s.Action]), "sagemaker:AddTags")] == [{ Null = { "sagemaker:TaggingAction" = "false", "aws:RequestTag/jsk:experiment" = "true" }, StringEqualsIfExists = { "aws:RequestTag/jsk:squad" = "vision" } }]
    error_message = "Something is tagged later, or with another squad's name, or with that of any experiment."
  }

  assert {
    condition     = [for s in jsondecode(output.policies["experiments-1"]).Statement : s.Condition if s.Sid == "TagAsTheirs"] == [{ Null = { "sagemaker:TaggingAction" = "false" }, StringEquals = { "aws:RequestTag/jsk:experiment" = ["iris", "tulips"] }, StringEqualsIfExists = { "aws:RequestTag/jsk:squad" = "vision" } }]
    error_message = "Something is tagged later, or with the name of another squad or of its experiment."
  }

  assert {
    condition     = [for s in jsondecode(output.policies["experiments-1"]).Statement : s.Resource if s.Sid == "TrackTrials"] == [flatten([for name in ["iris", "tulips"] : ["arn:aws:sagemaker:eu-central-1:123456789012:experiment/${name}", "arn:aws:sagemaker:eu-central-1:123456789012:experiment-trial/${name}--*", "arn:aws:sagemaker:eu-central-1:123456789012:experiment-trial-component/${name}--*"]])]
    error_message = "It tracks trials of others: without both hyphens, iris is also the beginning of iris-2."
  }
}

run "each_member_has_a_profile_with_the_domains_images_and_idle_time" {
  command = plan

  assert {
    condition     = toset([for profile in aws_sagemaker_user_profile.this : profile.user_profile_name]) == toset(["vision-ada", "vision-alan"])
    error_message = "Profiles are not those of the members."
  }

  assert {
    condition     = alltrue([for profile in aws_sagemaker_user_profile.this : length(profile.user_settings[0].jupyter_lab_app_settings) == 0])
    error_message = "A profile's own settings hide the domain's: its images, and its end of idle apps."
  }

  assert {
    condition     = alltrue([for profile in aws_sagemaker_user_profile.this : profile.user_settings[0].sharing_settings[0].notebook_output_option == "Disabled"])
    error_message = "Output of notebooks leaves the store."
  }

  assert {
    condition     = alltrue([for member, profile in aws_sagemaker_user_profile.this : profile.tags["jsk:user"] == member && profile.tags["jsk:squad"] == "vision"])
    error_message = "Costs are told of nobody."
  }

  assert {
    condition     = output.spaces == { iris = { ada = "vision-iris-ada" }, tulips = { ada = "vision-tulips-ada", alan = "vision-tulips-alan" } }
    error_message = "Spaces are not those of the members."
  }
}

run "the_budget_is_the_squads" {
  command = plan

  assert {
    condition     = aws_budgets_budget.this.limit_amount == "500" && one(aws_budgets_budget.this.cost_filter).values == tolist(["user:jsk:squad$vision"])
    error_message = "The budget counts something else."
  }
}

run "jsk_is_told_of_each_experiment" {
  command = plan

  assert {
    condition     = { for name, told in output.jsk : name => told.store } == { iris = "s3://jsk-vision-iris-123456789012/objects", tulips = "s3://jsk-vision-tulips-123456789012/objects" }
    error_message = "The stores of jsk are others."
  }
}

run "policies_of_many_experiments_fit" {
  command = plan

  variables {
    platform    = merge(var.platform, { name = "twelveletter" })
    name        = "fourteenletter"
    experiments = { for number in range(100, 136) : "twenty-two-letters-${number}" => { repository_url = "https://gitlab.example.com/vision/project.git" } }
  }

  assert {
    condition     = length(local.chunks) == 9 && alltrue([for policy in values(local.experiment_policies) : length(policy) < 6144]) && length(local.policy) < 6144
    error_message = "A policy is too long for IAM, or a role has more than ten."
  }

  assert {
    condition     = toset(flatten(values(local.chunks))) == toset(keys(var.experiments))
    error_message = "An experiment is missing."
  }
}

run "an_app_starts_on_an_encrypted_disk" {
  command = plan

  assert {
    condition     = [for s in jsondecode(output.policies["studio"]).Statement : [s.Resource, s.Condition] if contains(flatten([s.Action]), "kms:CreateGrant")] == [[var.platform.kms_key_arn, { Bool = { "kms:GrantIsForAWSResource" = "true" } }]]
    error_message = "SageMaker cannot lend the key to a space's disk, or others than services may be lent it."
  }

  assert {
    condition     = [for s in jsondecode(output.policies["experiments-1"]).Statement : s.Resource if s.Sid == "PullKernels"] == [["arn:aws:ecr:eu-central-1:123456789012:repository/jsk/base", "arn:aws:ecr:eu-central-1:123456789012:repository/jsk/kernels/iris", "arn:aws:ecr:eu-central-1:123456789012:repository/jsk/kernels/tulips"]]
    error_message = "Apps start from other images than the squad's."
  }
}

run "with_identity_center_a_profile_is_somebodys" {
  command = plan

  variables {
    platform = merge(var.platform, { auth_mode = "SSO" })
    members = {
      ada  = { email = "ada@example.com" }
      alan = { email = "alan@example.com", user_name = "alan.t" }
    }
  }

  assert {
    condition     = { for member, profile in aws_sagemaker_user_profile.this : member => [profile.single_sign_on_user_identifier, profile.single_sign_on_user_value] } == { ada = ["UserName", "ada@example.com"], alan = ["UserName", "alan.t"] }
    error_message = "SageMaker refuses a profile that is nobody's."
  }

  assert {
    condition     = output.open_studio == {}
    error_message = "SageMaker makes no such addresses in a domain of Identity Center."
  }
}

run "without_identity_center_it_is_not_named" {
  command = plan

  assert {
    condition     = alltrue([for profile in aws_sagemaker_user_profile.this : profile.single_sign_on_user_identifier == null && profile.single_sign_on_user_value == null])
    error_message = "SageMaker refuses names of Identity Center without it."
  }

  assert {
    condition     = alltrue([for member, typed in output.open_studio : strcontains(typed, " --user-profile-name vision-${member} ")]) && toset(keys(output.open_studio)) == toset(keys(var.members))
    error_message = "A member is told another's profile."
  }
}
