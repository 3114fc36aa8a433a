"""The evaluator of policies decides as IAM's documentation says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.infra.iam import Request, allowed, like

ME = "arn:aws:iam::123456789012:role/me"


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any = "s3:GetObject", resource: Any = "arn:aws:s3:::mine/*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


READ = Request("s3:GetObject", "arn:aws:s3:::mine/a")


def test_what_nothing_allows_is_refused() -> None:
    assert not allowed(READ, [])
    assert allowed(READ, [policy(allow())])
    assert not allowed(Request("s3:PutObject", READ.resource), [policy(allow())])
    assert not allowed(Request("s3:GetObject", "arn:aws:s3:::other/a"), [policy(allow())])


def test_a_denial_wins_wherever_it_stands() -> None:
    deny = policy(allow("s3:*", "*") | {"Effect": "Deny"})
    mine = [policy(allow())]
    assert not allowed(READ, [*mine, deny])
    assert not allowed(READ, mine, boundary=deny)
    everybody = json.loads(deny)["Statement"][0] | {"Principal": "*"}
    assert not allowed(READ, mine, resource=policy(everybody), principal=ME)


def test_a_boundary_limits_and_allows_nothing() -> None:
    assert not allowed(READ, [], boundary=policy(allow()))
    assert not allowed(READ, [policy(allow())], boundary=policy(allow("s3:List*", "*")))
    assert allowed(READ, [policy(allow("*", "*"))], boundary=policy(allow("s3:Get*", "*")))


def test_a_resource_that_names_the_account_leaves_it_to_identities() -> None:
    root = allow() | {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}}
    me = allow() | {"Principal": {"AWS": ME}}
    assert not allowed(READ, [], resource=policy(root), principal=ME)
    assert allowed(READ, [], resource=policy(me), principal=ME)
    assert not allowed(READ, [], resource=policy(me), principal="arn:aws:iam::123456789012:role/you")


@pytest.mark.parametrize(
    ("operator", "key", "wanted", "context", "expected"),
    [
        ("StringEquals", "aws:RequestedRegion", "eu-west-1", {"aws:RequestedRegion": "eu-west-1"}, True),
        ("StringEquals", "aws:RequestedRegion", "eu-west-1", {}, False),
        ("StringEqualsIfExists", "aws:RequestedRegion", "eu-west-1", {}, True),
        ("StringNotEquals", "s3:x-amz-server-side-encryption", "aws:kms", {}, True),
        ("StringLike", "s3:prefix", ["a/*", "b/*"], {"s3:prefix": "b/c"}, True),
        ("StringLike", "s3:prefix", ["a/*", "b/*"], {"s3:prefix": "c"}, False),
        ("Bool", "aws:SecureTransport", "false", {"aws:SecureTransport": "false"}, True),
        ("Null", "aws:TagKeys", "true", {}, True),
        ("Null", "aws:TagKeys", "false", {}, False),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["a", "b"], {"aws:TagKeys": ["a", "c"]}, False),
        ("ForAnyValue:StringEquals", "aws:TagKeys", ["a", "b"], {"aws:TagKeys": ["a", "c"]}, True),
        ("ArnLike", "aws:SourceArn", "arn:aws:sns:*:1:x", {"aws:SourceArn": "arn:aws:sns:r:1:x"}, True),
    ],
)
def test_conditions(operator: str, key: str, wanted: Any, context: dict[str, Any], expected: bool) -> None:
    mine = policy(allow(Condition={operator: {key: wanted}}))
    assert allowed(Request(READ.action, READ.resource, context), [mine]) is expected


def test_an_operator_that_is_not_known_is_no_answer() -> None:
    mine = policy(allow(Condition={"DateLessThan": {"aws:CurrentTime": "2030-01-01"}}))
    with pytest.raises(NotImplementedError, match="DateLessThan"):
        allowed(Request(READ.action, READ.resource, {"aws:CurrentTime": "2026-01-01"}), [mine])


def test_variables_are_filled_and_match_nothing_without_a_value() -> None:
    mine = policy(allow(resource="arn:aws:s3:::mine/${aws:PrincipalTag/squad}/*"))
    there = "arn:aws:s3:::mine/vision/a"
    assert allowed(Request("s3:GetObject", there, {"aws:PrincipalTag/squad": "vision"}), [mine])
    assert not allowed(Request("s3:GetObject", there, {"aws:PrincipalTag/squad": "audio"}), [mine])
    assert not allowed(Request("s3:GetObject", there), [mine])


def test_all_but_named_actions_and_resources() -> None:
    mine = policy({"Effect": "Allow", "NotAction": "s3:Delete*", "NotResource": "arn:aws:s3:::secret/*"})
    assert allowed(READ, [mine])
    assert not allowed(Request("s3:DeleteObject", READ.resource), [mine])
    assert not allowed(Request("s3:GetObject", "arn:aws:s3:::secret/a"), [mine])


def test_patterns_are_those_of_iam_and_not_of_shells() -> None:
    assert like("s3:GetObject", "S3:get*", fold=True)
    assert not like("a", "[ab]")
    assert like("a/b\nc", "a/*")
    assert not like("ab", "?")
