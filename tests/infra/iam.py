"""Whether IAM would allow a request: an evaluator of rendered policies, after AWS's documented logic.

Source: "Policy evaluation logic" and "IAM JSON policy elements: Condition operators", AWS Identity and Access
Management User Guide. It knows what the kit's policies use and refuses to guess: an operator that it does not
know is an error, so that no test passes because a condition was not understood.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_VARIABLE = re.compile(r"\$\{([^}]+)\}")
#: ``${*}`` is a star and no wildcard: kept apart under characters that nobody uses.
_LITERAL = {"*": "\ue000", "?": "\ue001", "$": "\ue002"}
_PLAIN = {kept: character for character, kept in _LITERAL.items()}


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks for.

    Parameters
    ----------
    action
        ``s3:PutObject``.
    resource
        ARN; ``*`` where the action has none.
    context
        Condition keys and what the request has for them; lists where there may be several.
    """

    action: str
    resource: str = "*"
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)


def allowed(
    request: Request,
    identity: Iterable[str],
    *,
    boundary: str | None = None,
    resource: str | None = None,
    principal: str = "",
) -> bool:
    """Tell whether a request within one account is allowed.

    Parameters
    ----------
    request
        What is asked for.
    identity
        Policies of who asks, as JSON.
    boundary
        Permissions boundary of who asks, as JSON.
    resource
        Policy of what is asked for, as JSON: of a bucket, repository or key.
    principal
        ARN of who asks, for the principals of ``resource``.
    """
    of_identity = [_verdict(request, policy) for policy in identity]
    of_boundary = _verdict(request, boundary) if boundary is not None else "Allow"
    of_resource = _verdict(request, resource, principal) if resource is not None else None
    if "Deny" in (*of_identity, of_boundary, of_resource):
        return False
    return "Allow" in (*of_identity, of_resource) and of_boundary == "Allow"


def _verdict(request: Request, policy: str, principal: str | None = None) -> str | None:
    found = None
    for statement in _list(json.loads(policy)["Statement"]):
        if _applies(statement, request, principal):
            if statement["Effect"] == "Deny":
                return "Deny"
            if principal is None or not _delegates(statement, principal):
                found = "Allow"
    return found


def _delegates(statement: Mapping[str, Any], principal: str) -> bool:
    """Tell whether a statement names the account: then it is for identity policies to allow."""
    names = _principals(statement)
    return "*" not in names and principal not in names


def _applies(statement: Mapping[str, Any], request: Request, principal: str | None) -> bool:
    if principal is not None and not _principal(statement, principal):
        return False
    if not _named(statement, "Action", request.action, request, fold=True):
        return False
    is_resource_policy = principal is not None and "Resource" not in statement
    if not is_resource_policy and not _named(statement, "Resource", request.resource, request):
        return False
    return all(
        _condition(operator, key, _list(values), request)
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    )


def _principal(statement: Mapping[str, Any], principal: str) -> bool:
    names = _principals(statement)
    account = principal.split(":")[4] if principal.count(":") >= 5 else ""
    return any(name in ("*", principal, account, f"arn:aws:iam::{account}:root") for name in names)


def _principals(statement: Mapping[str, Any]) -> list[str]:
    told = statement["Principal"]
    return ["*"] if told == "*" else [name for values in told.values() for name in _list(values)]


def _named(
    statement: Mapping[str, Any], element: str, value: str, request: Request, *, fold: bool = False
) -> bool:
    wanted = statement.get(element)
    is_not = wanted is None
    patterns = _list(statement[f"Not{element}"] if is_not else wanted)
    found = any(like(value, _filled(pattern, request), fold=fold) for pattern in patterns)
    return found != is_not


def like(value: str, pattern: str, *, fold: bool = False) -> bool:
    """Tell whether a value is like a pattern with ``*`` and ``?``; brackets mean nothing in IAM."""
    wild = {"*": ".*", "?": "."}
    parts = (wild.get(character) or re.escape(_PLAIN.get(character, character)) for character in pattern)
    return re.fullmatch("".join(parts), value, re.DOTALL | (re.IGNORECASE if fold else 0)) is not None


def _filled(pattern: str, request: Request) -> str:
    def value(found: re.Match[str]) -> str:
        if found[1] in _LITERAL:
            return _LITERAL[found[1]]
        told = request.context.get(found[1])
        if not isinstance(told, str):
            return "\0"  # a variable without value matches nothing
        return told

    return _VARIABLE.sub(value, pattern)


def _condition(operator: str, key: str, wanted: Sequence[str], request: Request) -> bool:
    prefix, _, plain = operator.rpartition(":")
    told = next((value for name, value in request.context.items() if name.lower() == key.lower()), None)
    base = plain.removesuffix("IfExists")
    if base == "Null":
        return (told is None) == (str(wanted[0]).lower() == "true")
    if told is None:
        # Negated operators are true of a key that is not there, and so is ForAllValues.
        return plain != base or base.startswith(("StringNot", "ArnNot")) or prefix == "ForAllValues"
    values = [told] if isinstance(told, str) else list(told)
    patterns = [_filled(str(pattern), request) for pattern in wanted]
    results = [_compared(base, value, patterns) for value in values]
    return all(results) if prefix == "ForAllValues" else any(results)


def _compared(operator: str, value: str, patterns: Sequence[str]) -> bool:
    match operator:
        case "StringEquals":
            return value in patterns
        case "StringNotEquals":
            return value not in patterns
        case "StringEqualsIgnoreCase" | "Bool":
            return value.lower() in [pattern.lower() for pattern in patterns]
        case "StringLike" | "ArnLike" | "ArnEquals":
            return any(like(value, pattern) for pattern in patterns)
        case "StringNotLike" | "ArnNotLike" | "ArnNotEquals":
            return not any(like(value, pattern) for pattern in patterns)
        case "NumericLessThan":
            return any(float(value) < float(pattern) for pattern in patterns)
        case "NumericGreaterThanEquals":
            return any(float(value) >= float(pattern) for pattern in patterns)
    raise NotImplementedError(f"the condition operator {operator!r}")


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
