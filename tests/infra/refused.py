"""What is refused: the written list, and what of it each role does all the same because it is its work.

The list is one for all. Names are those of squad vision with its experiment iris, and of squad visionary with
iris-2, whose names begin like the first one's: a pattern that ends too early shows.
"""

from __future__ import annotations

from tests.infra.iam import Request
from tests.infra.rendered import (
    ACCOUNT,
    BUCKET,
    DOMAIN,
    ECR,
    IAM,
    KEY,
    LEASE_BUCKET,
    LOGS_BUCKET,
    OPERATIONS_KEY,
    OTHER_BUCKET,
    QUEUE,
    REGION,
    SAGEMAKER,
)

SSM = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/jsk"
LOGS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group"
LAMBDA = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:jsk-attach-kernel"
EVENTS = f"arn:aws:events:{REGION}:{ACCOUNT}"
EC2 = f"arn:aws:ec2:{REGION}:{ACCOUNT}"
_OTHER = f"{OTHER_BUCKET}/objects/a.csv"
_USER = f"{SAGEMAKER}:user-profile/{DOMAIN}"
_HERE = {"sagemaker:DomainId": DOMAIN, "sagemaker:UserProfileName": "vision-ada"}
_OF_BOB = {
    **_HERE,
    "sagemaker:OwnerUserProfileArn": f"{_USER}/visionary-bob",
    "sagemaker:SpaceSharingType": "Private",
    "sagemaker:InstanceTypes": ["ml.t3.medium"],
}
_APP = f"{SAGEMAKER}:app/{DOMAIN}/visionary-iris-2-bob/JupyterLab/default"
_SPACE = f"{SAGEMAKER}:space/{DOMAIN}/visionary-iris-2-bob"
_OWN_APP = f"{SAGEMAKER}:app/{DOMAIN}/vision-iris-ada/JupyterLab/default"
_PASSED = {"iam:PassedToService": "sagemaker.amazonaws.com"}
_JOB = {"sagemaker:InstanceTypes": ["ml.t3.medium"], "sagemaker:VpcSubnets": ["subnet-0a"]}

#: What is asked for, in words, and the request.
REFUSED: dict[str, Request] = {
    # Objects of another squad
    "read another squad's object": Request("s3:GetObject", _OTHER),
    "read an old version of it": Request("s3:GetObjectVersion", _OTHER),
    "overwrite another squad's object": Request("s3:PutObject", _OTHER),
    "delete another squad's object": Request("s3:DeleteObject", _OTHER),
    "remove a version of it for good": Request("s3:DeleteObjectVersion", _OTHER),
    "change the access list of an object": Request("s3:PutObjectAcl", f"{BUCKET}/objects/a.csv"),
    "list another squad's objects": Request("s3:ListBucket", OTHER_BUCKET),
    "list the versions of another squad": Request("s3:ListBucketVersions", OTHER_BUCKET),
    "list all buckets": Request("s3:ListAllMyBuckets"),
    "make a bucket": Request("s3:CreateBucket", f"arn:aws:s3:::jsk-vision-mine-{ACCOUNT}"),
    "carry data to a bucket of another account": Request(
        "s3:PutObject",
        f"arn:aws:s3:::jsk-my-own-{ACCOUNT}/pipelines/a.csv",
        {"aws:ResourceAccount": "999999999999"},
    ),
    # Buckets of the platform
    "read access logs": Request("s3:GetObject", f"{LOGS_BUCKET}/s3/jsk-vision-iris-{ACCOUNT}/2026-01-01"),
    "write access logs": Request("s3:PutObject", f"{LOGS_BUCKET}/s3/jsk-vision-iris-{ACCOUNT}/pipelines/a"),
    "delete access logs": Request(
        "s3:DeleteObject", f"{LOGS_BUCKET}/s3/jsk-vision-iris-{ACCOUNT}/2026-01-01"
    ),
    "take the publisher's turn": Request("s3:PutObject", f"{LEASE_BUCKET}/jsk-ci/studio.lease"),
    # Protection of data
    "turn versioning off": Request("s3:PutBucketVersioning", BUCKET),
    "turn encryption off": Request("s3:PutEncryptionConfiguration", BUCKET),
    "open a bucket to the public": Request("s3:PutBucketPublicAccessBlock", BUCKET),
    "change the policy of a bucket": Request("s3:PutBucketPolicy", BUCKET),
    "remove the policy of a bucket": Request("s3:DeleteBucketPolicy", BUCKET),
    "let versions expire": Request("s3:PutLifecycleConfiguration", BUCKET),
    "turn access logs off": Request("s3:PutBucketLogging", BUCKET),
    "copy a bucket elsewhere": Request("s3:PutReplicationConfiguration", BUCKET),
    "let access lists count": Request("s3:PutBucketOwnershipControls", BUCKET),
    "remove a bucket": Request("s3:DeleteBucket", BUCKET),
    "change the tags of a bucket": Request("s3:PutBucketTagging", BUCKET),
    "disable the key": Request("kms:DisableKey", KEY),
    "end the key": Request("kms:ScheduleKeyDeletion", KEY),
    "change the policy of the key": Request("kms:PutKeyPolicy", KEY),
    "keep the key from rotating": Request("kms:DisableKeyRotation", KEY),
    "decrypt with the key, past S3": Request("kms:Decrypt", KEY),
    "lend the key": Request("kms:CreateGrant", KEY, {"kms:GrantIsForAWSResource": "false"}),
    "decrypt what the platform writes": Request("kms:Decrypt", OPERATIONS_KEY),
    # Parameters, secrets, logs
    "read another squad's parameters": Request("ssm:GetParameter", f"{SSM}/visionary/iris-2/store"),
    "read all parameters at once": Request("ssm:GetParametersByPath", SSM),
    "change a parameter": Request("ssm:PutParameter", f"{SSM}/vision/iris/store"),
    "remove a parameter": Request("ssm:DeleteParameter", f"{SSM}/vision/iris/store"),
    "read a secret": Request(
        "secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:git"
    ),
    "read another squad's logs": Request("logs:GetLogEvents", f"{LOGS}:/jsk/visionary/iris-2:log-stream:a"),
    "read the platform's logs": Request("logs:GetLogEvents", f"{LOGS}:/jsk/platform:log-stream:a"),
    "remove logs": Request("logs:DeleteLogGroup", f"{LOGS}:/jsk/vision/iris"),
    "let logs expire": Request("logs:PutRetentionPolicy", f"{LOGS}:/jsk/vision/iris"),
    "stop the record of who did what": Request(
        "cloudtrail:StopLogging", f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/a"
    ),
    # Images
    "push to the base repository": Request("ecr:PutImage", f"{ECR}/base"),
    "upload layers to the base repository": Request("ecr:InitiateLayerUpload", f"{ECR}/base"),
    "push another squad's kernel": Request("ecr:PutImage", f"{ECR}/kernels/iris-2"),
    "delete an image": Request("ecr:BatchDeleteImage", f"{ECR}/kernels/iris"),
    "delete a base image": Request("ecr:BatchDeleteImage", f"{ECR}/base"),
    "let tags move": Request("ecr:PutImageTagMutability", f"{ECR}/kernels/iris"),
    "change the policy of a repository": Request("ecr:SetRepositoryPolicy", f"{ECR}/base"),
    "remove a repository": Request("ecr:DeleteRepository", f"{ECR}/kernels/iris"),
    "let images expire": Request("ecr:PutLifecyclePolicy", f"{ECR}/kernels/iris"),
    # Studio
    "change the domain": Request("sagemaker:UpdateDomain", f"{SAGEMAKER}:domain/{DOMAIN}"),
    "remove the domain": Request("sagemaker:DeleteDomain", f"{SAGEMAKER}:domain/{DOMAIN}"),
    "make a domain": Request("sagemaker:CreateDomain", f"{SAGEMAKER}:domain/d-new"),
    "make a user profile": Request("sagemaker:CreateUserProfile", f"{_USER}/eve"),
    "give a user profile another role": Request("sagemaker:UpdateUserProfile", f"{_USER}/vision-ada"),
    "come into Studio as somebody else": Request(
        "sagemaker:CreatePresignedDomainUrl", f"{_USER}/visionary-bob", _HERE
    ),
    "make an image known to Studio": Request("sagemaker:CreateImage", f"{SAGEMAKER}:image/mine"),
    "make an image version known to Studio": Request(
        "sagemaker:CreateImageVersion", f"{SAGEMAKER}:image/iris"
    ),
    "remove an image from Studio": Request("sagemaker:DeleteImage", f"{SAGEMAKER}:image/iris"),
    "change how an image is started": Request(
        "sagemaker:UpdateAppImageConfig", f"{SAGEMAKER}:app-image-config/iris"
    ),
    "start an app in somebody else's space": Request("sagemaker:CreateApp", _APP, _OF_BOB),
    "stop somebody else's app": Request("sagemaker:DeleteApp", _APP, _OF_BOB),
    "change somebody else's space": Request("sagemaker:UpdateSpace", _SPACE, _OF_BOB),
    "remove somebody else's space": Request("sagemaker:DeleteSpace", _SPACE, _OF_BOB),
    "run a script at each start": Request(
        "sagemaker:CreateStudioLifecycleConfig", f"{SAGEMAKER}:studio-lifecycle-config/a"
    ),
    "start a notebook instance": Request(
        "sagemaker:CreateNotebookInstance", f"{SAGEMAKER}:notebook-instance/a"
    ),
    # Trials, jobs and whose costs they are
    "make an experiment in another squad's name": Request(
        "sagemaker:CreateExperiment", f"{SAGEMAKER}:experiment/iris-2"
    ),
    "change another squad's trial": Request(
        "sagemaker:UpdateTrial", f"{SAGEMAKER}:experiment-trial/iris-2--k3-0a1b2c3d"
    ),
    "write another squad's metrics": Request(
        "sagemaker:BatchPutMetrics", f"{SAGEMAKER}:experiment-trial-component/iris-2--k3-0a1b2c3d"
    ),
    "start a job in another squad's name": Request(
        "sagemaker:CreateTrainingJob", f"{SAGEMAKER}:training-job/visionary-fit", _JOB
    ),
    "stop another squad's job": Request(
        "sagemaker:StopTrainingJob", f"{SAGEMAKER}:training-job/visionary-fit"
    ),
    "start a job outside of the network": Request(
        "sagemaker:CreateProcessingJob",
        f"{SAGEMAKER}:processing-job/vision-clean",
        {"sagemaker:InstanceTypes": ["ml.t3.medium"]},
    ),
    "start a job in a security group of somebody else's": Request(
        "sagemaker:CreateTrainingJob",
        f"{SAGEMAKER}:training-job/vision-fit",
        {**_JOB, "sagemaker:VpcSecurityGroupIds": ["sg-0123456789abcdef0", "sg-0d"]},
    ),
    "call an app another squad's": Request(
        "sagemaker:AddTags",
        _OWN_APP,
        {**_HERE, "aws:TagKeys": ["jsk:squad"], "aws:RequestTag/jsk:squad": "visionary"},
    ),
    "start an app at another squad's costs": Request(
        "sagemaker:AddTags",
        _OWN_APP,
        {
            **_HERE,
            "sagemaker:TaggingAction": "CreateApp",
            "aws:TagKeys": ["jsk:squad"],
            "aws:RequestTag/jsk:squad": "visionary",
        },
    ),
    "start an app at another experiment's costs": Request(
        "sagemaker:AddTags",
        _OWN_APP,
        {
            **_HERE,
            "sagemaker:TaggingAction": "CreateApp",
            "aws:TagKeys": ["jsk:squad", "jsk:experiment"],
            "aws:RequestTag/jsk:squad": "vision",
            "aws:RequestTag/jsk:experiment": "iris-2",
        },
    ),
    "start a job at another experiment's costs": Request(
        "sagemaker:AddTags",
        f"{SAGEMAKER}:training-job/vision-fit",
        {
            **_HERE,
            "sagemaker:TaggingAction": "CreateTrainingJob",
            "aws:TagKeys": ["jsk:experiment"],
            "aws:RequestTag/jsk:experiment": "iris-2",
        },
    ),
    "take the tag of costs off": Request(
        "sagemaker:DeleteTags", _OWN_APP, {**_HERE, "aws:TagKeys": ["jsk:squad"]}
    ),
    "change a budget": Request("budgets:ModifyBudget", f"arn:aws:budgets::{ACCOUNT}:budget/jsk-vision"),
    "turn tags of costs off": Request("ce:UpdateCostAllocationTagsStatus"),
    # Other roles
    "give a job another squad's role": Request("iam:PassRole", f"{IAM}:role/jsk-visionary-iris-2", _PASSED),
    "give a job the publisher's role": Request("iam:PassRole", f"{IAM}:role/jsk-attach-kernel", _PASSED),
    "give a job the role of base images": Request("iam:PassRole", f"{IAM}:role/jsk-gitlab-base", _PASSED),
    "give its role to another service": Request(
        "iam:PassRole", f"{IAM}:role/jsk-vision-iris", {"iam:PassedToService": "lambda.amazonaws.com"}
    ),
    "become the publisher": Request("sts:AssumeRole", f"{IAM}:role/jsk-attach-kernel"),
    "become another squad": Request("sts:AssumeRole", f"{IAM}:role/jsk-visionary"),
    "attach a policy": Request("iam:AttachRolePolicy", f"{IAM}:role/jsk-vision"),
    "write a policy into a role": Request("iam:PutRolePolicy", f"{IAM}:role/jsk-vision"),
    "take the boundary off": Request("iam:DeleteRolePermissionsBoundary", f"{IAM}:role/jsk-vision"),
    "change the boundary": Request("iam:CreatePolicyVersion", f"{IAM}:policy/jsk-boundary"),
    "change who may become a role": Request("iam:UpdateAssumeRolePolicy", f"{IAM}:role/jsk-attach-kernel"),
    "change the tags of a role": Request("iam:TagRole", f"{IAM}:role/jsk-vision"),
    "make a role": Request("iam:CreateRole", f"{IAM}:role/jsk-mine"),
    "make a user": Request("iam:CreateUser", f"{IAM}:user/eve"),
    "make a key that lasts": Request("iam:CreateAccessKey", f"{IAM}:user/ada"),
    "join a group": Request("iam:AddUserToGroup", f"{IAM}:group/SagemakerDevelopers"),
    # The publisher, and the network
    "run the publisher": Request("lambda:InvokeFunction", LAMBDA),
    "change the publisher": Request("lambda:UpdateFunctionCode", LAMBDA),
    "order a publication": Request("sqs:SendMessage", QUEUE),
    "lose publications": Request("sqs:PurgeQueue", QUEUE),
    "turn the rule of pushes off": Request("events:DisableRule", f"{EVENTS}:rule/jsk-kernel-pushes"),
    "tell of a push in ECR's name": Request(
        "events:PutEvents", f"{EVENTS}:event-bus/default", {"events:source": "aws.ecr"}
    ),
    "open the network": Request("ec2:AuthorizeSecurityGroupEgress", f"{EC2}:security-group/sg-0a"),
    "let a way out of the network": Request("ec2:CreateRoute", f"{EC2}:route-table/rtb-0a"),
}

_READS = "pipelines train on, and deploy, what squads saved"
_TRACKS = "pipelines train for every squad, and track it under the squad's experiment"
_PUBLISHES = "it is the kernel publisher"
_BUILDS = "it builds the base images, and nobody else does"
_SAVED = {
    "read another squad's object": _READS,
    "read an old version of it": _READS,
    "list another squad's objects": _READS,
    "list the versions of another squad": _READS,
}

#: What of it a role does because that is its work, and why; all else is refused.
OWN: dict[str, dict[str, str]] = {
    "SagemakerTrainingPipelinesRole": _SAVED
    | {
        "make an experiment in another squad's name": _TRACKS,
        "change another squad's trial": _TRACKS,
        "write another squad's metrics": _TRACKS,
        "start a job in another squad's name": _TRACKS,
        "stop another squad's job": _TRACKS,
        "start a job at another experiment's costs": _TRACKS,
    },
    "SagemakerDeploymentPipelinesRole": _SAVED,
    "SagemakerDevelopers": {"read another squad's parameters": "developers read the Parameter Store"},
    "jsk-gitlab-base": {
        "push to the base repository": _BUILDS,
        "upload layers to the base repository": _BUILDS,
    },
    "jsk-attach-kernel": {
        "change the domain": _PUBLISHES,
        "make an image known to Studio": _PUBLISHES,
        "make an image version known to Studio": _PUBLISHES,
        "change how an image is started": _PUBLISHES,
        "take the publisher's turn": _PUBLISHES,
        "decrypt what the platform writes": "its queue and its lease are encrypted with that key",
    },
}

_ONE_WALL = "one boundary is for all squads: what keeps them apart is in the policies of each"
_OWN_SPACE = "the boundary is also that of roles without a space; whose space it is, each policy asks"
#: What the boundary alone does not refuse, and why.
NOT_THE_BOUNDARYS: dict[str, str] = {
    **dict.fromkeys(
        [
            "read another squad's object",
            "read an old version of it",
            "overwrite another squad's object",
            "delete another squad's object",
            "remove a version of it for good",
            "list another squad's objects",
            "list the versions of another squad",
            "read another squad's parameters",
            "read another squad's logs",
            "make an experiment in another squad's name",
            "change another squad's trial",
            "write another squad's metrics",
            "start a job in another squad's name",
            "stop another squad's job",
            "start an app at another squad's costs",
            "start an app at another experiment's costs",
            "start a job at another experiment's costs",
            "give a job another squad's role",
        ],
        _ONE_WALL,
    ),
    **dict.fromkeys(
        [
            "come into Studio as somebody else",
            "start an app in somebody else's space",
            "stop somebody else's app",
            "change somebody else's space",
            "remove somebody else's space",
        ],
        _OWN_SPACE,
    ),
    "decrypt with the key, past S3": "disks and parameters are encrypted with that key too",
    "start a job outside of the network": "which subnets those are, each policy says",
    "start a job in a security group of somebody else's": "which group that is, each policy says",
}
