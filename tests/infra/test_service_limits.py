"""Names, numbers and policies that AWS takes, though nothing here ever asks it.

A stand-in takes what AWS refuses: an apostrophe in a description, a condition that the action does not know,
a policy that is a character too long.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import pytest

from tests.infra import aws_limits
from tests.infra.longest import Rendered, render
from tests.infra.marks import needs_terraform

pytestmark = [pytest.mark.slow, needs_terraform]

_ATTRIBUTES = list(aws_limits.attributes())


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    return render(tmp_path_factory.mktemp("longest"))


@pytest.mark.parametrize(
    ("kind", "path", "shape"), _ATTRIBUTES, ids=[f"{kind}.{path}" for kind, path, _ in _ATTRIBUTES]
)
def test_a_value_fits_the_services_own_model(rendered, kind, path, shape):
    found = {address: aws_limits.value(values, path) for address, values in rendered.of(kind)}
    said = {address: value for address, value in found.items() if value is not None}
    assert said, f"no {kind} says {path}"
    refused = {address: aws_limits.complaint(shape, value) for address, value in said.items()}
    assert not {address: why for address, why in refused.items() if why}


@pytest.mark.parametrize(("resource", "most"), aws_limits.POLICY_SIZES.items(), ids=lambda one: str(one))
def test_a_policy_is_not_too_long_with_the_longest_names(rendered, resource, most):
    kind, attribute = resource
    together = defaultdict(int)
    for address, values in rendered.of(kind):
        # Policies that stand in a role or group are counted together.
        whose = values.get("role") or values.get("group") or address
        together[whose] += len(re.sub(r"\s", "", values[attribute]))
    assert together
    assert not {whose: size for whose, size in together.items() if size > most}


def test_a_role_has_at_most_ten_policies_with_as_many_experiments_as_a_squad_may_have(rendered):
    attached = Counter(values["role"] for _, values in rendered.of("aws_iam_role_policy_attachment"))
    squad = attached["p" * 12 + "-" + "s" * 14]
    assert squad == 2  # its own, and that of four experiments
    assert (squad - 1) * 36 / 4 + 1 <= 10


def test_security_groups_and_buckets_and_tags_are_written_as_aws_takes_them(rendered):
    descriptions = [values["description"] for _, values in rendered.of("aws_security_group")]
    assert len(descriptions) == 2
    assert all(aws_limits.GROUP_DESCRIPTION.fullmatch(text) for text in descriptions), descriptions
    buckets = [values["bucket"] for _, values in rendered.of("aws_s3_bucket")]
    assert len(buckets) == 6
    assert all(aws_limits.BUCKET.fullmatch(name) for name in buckets), buckets
    tags = {tag for item in rendered.resources for tag in (item["values"].get("tags") or {}).items()}
    assert ("jsk:user", "m" * 24) in tags
    assert not [tag for tag in tags if not all(aws_limits.TAG.fullmatch(text) for text in tag)]


def test_parameters_begin_with_nothing_that_ssm_keeps_for_itself(rendered):
    names = [values["name"] for _, values in rendered.of("aws_ssm_parameter")]
    assert names
    assert not [name for name in names if re.match(r"/?(aws|ssm)", name, re.IGNORECASE)]


def test_every_statement_asks_for_what_its_actions_know(rendered):
    """Without such a resource or condition key an action is never allowed, and IAM takes the policy."""
    found = {
        f"{name} {statement.get('Sid')}: {what}"
        for name, document in rendered.policies.items()
        for statement in document["Statement"]
        for what in aws_limits.unknown(statement)
    }
    assert len(rendered.policies) > 30
    assert not found, "\n".join(sorted(found))


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ({"Action": "sagemaker:ListApps", "Resource": "arn:aws:sagemaker:r:1:app/d-1/*"}, "no resource"),
        (
            {
                "Action": "sagemaker:AddTags",
                "Condition": {"StringEquals": {"sagemaker:SpaceSharingType": "x"}},
            },
            "does not know sagemaker:SpaceSharingType",
        ),
        (
            {
                "Action": ["ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterfacePermission"],
                "Condition": {"StringEquals": {"ec2:AuthorizedService": "sagemaker.amazonaws.com"}},
            },
            "ec2:DeleteNetworkInterfacePermission does not know ec2:AuthorizedService",
        ),
        (
            {
                "Action": "logs:DescribeLogStreams",
                "Resource": "arn:aws:logs:r:1:log-group:/aws/sagemaker/studio:log-stream:x",
            },
            "knows log-group",
        ),
        ({"Action": "sagemaker:UpdateSpaces"}, "is there such an action?"),
    ],
    ids=["no-resources", "no-such-key", "one-of-two", "narrower-kind", "no-such-action"],
)
def test_what_an_action_does_not_know_is_told(statement, told):
    said = list(aws_limits.unknown({"Effect": "Allow", **statement}))
    assert [one for one in said if told in one]
