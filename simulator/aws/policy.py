"""Key policies: parse the document and decide whether it allows a call.

Sources: the policy grammar and evaluation logic of the IAM guide, the condition keys of the KMS guide. IAM policies of the
caller are not evaluated: where a key policy delegates to an account, the account is assumed to allow everything.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from simulator.aws.answers import Refused

Facts = Mapping[str, Sequence[str]]
"""Values by condition key in lower case. An absent key has no entry."""


class Verdict(Enum):
    """The decision of a key policy on a call."""

    ALLOWED = "allowed"
    """An Allow statement applies and no Deny statement does."""
    DENIED = "denied"
    """A Deny statement applies."""
    SILENT = "silent"
    """No statement applies."""


@dataclass(frozen=True)
class Condition:
    """One entry of a Condition block."""

    operator: str
    """The operator without its set prefix and without IfExists."""
    every: bool
    """Whether the prefix is ForAllValues."""
    any_one: bool
    """Whether the prefix is ForAnyValue."""
    if_exists: bool
    name: str
    """The condition key, in lower case."""
    wanted: tuple[str, ...]
    """The values to compare with."""


@dataclass(frozen=True)
class Statement:
    """One statement of a policy, with each single value turned into a tuple."""

    allow: bool
    principals: tuple[str, ...]
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Request:
    """A call as a policy evaluates it. `principals` holds all names of the caller: its ARNs and its account."""

    principals: frozenset[str]
    action: str
    resource: str
    facts: Facts


def parse_policy(text: str) -> tuple[Statement, ...]:
    """Parse a policy document. Raises Refused (MalformedPolicyDocumentException)."""
    try:
        document = json.loads(text)
        statements = document["Statement"]
        listed = [statements] if isinstance(statements, dict) else list(statements)
        return tuple(_statement(each) for each in listed)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _malformed("The policy is not a document of statements.") from None


def evaluate(statements: Sequence[Statement], call: Request) -> Verdict:
    """Return the policy's decision on a call. A matching Deny overrides every Allow."""
    verdict = Verdict.SILENT
    for statement in statements:
        if _applies(statement, call):
            if not statement.allow:
                return Verdict.DENIED
            verdict = Verdict.ALLOWED
    return verdict


def _malformed(why: str) -> Refused:
    return Refused("MalformedPolicyDocumentException", why)


def _statement(raw: Mapping[str, Any]) -> Statement:
    if raw["Effect"] not in ("Allow", "Deny"):
        raise _malformed("Effect is Allow or Deny.")
    if "Action" not in raw and "NotAction" not in raw:
        raise _malformed("A statement needs an Action.")
    principal = raw["Principal"]
    names = ["*"] if principal == "*" else _listed(principal["AWS"]) if "AWS" in principal else []
    return Statement(
        allow=raw["Effect"] == "Allow",
        principals=tuple(names),
        actions=tuple(_listed(raw.get("Action", []))),
        not_actions=tuple(_listed(raw.get("NotAction", []))),
        resources=tuple(_listed(raw["Resource"])),
        conditions=tuple(
            _condition(operator, name, wanted)
            for operator, tests in raw.get("Condition", {}).items()
            for name, wanted in tests.items()
        ),
    )


def _listed(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def _condition(operator: str, name: str, wanted: object) -> Condition:
    prefix, _, plain = operator.rpartition(":")
    if prefix not in ("", "ForAllValues", "ForAnyValue"):
        raise _malformed(f"The condition operator {operator} is not known.")
    if prefix and name.lower().startswith("kms:encryptioncontext:"):
        raise _malformed("A set operator with kms:EncryptionContext:<name> would be too permissive.")
    if_exists = plain.endswith("IfExists")
    plain = plain.removesuffix("IfExists")
    if plain not in _TESTS and plain != "Null":
        raise _malformed(f"The condition operator {operator} is not known.")
    values = ["true" if each is True else "false" if each is False else each for each in _raw_list(wanted)]
    return Condition(
        plain, prefix == "ForAllValues", prefix == "ForAnyValue", if_exists, name.lower(), tuple(map(str, values))
    )


def _raw_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _applies(statement: Statement, call: Request) -> bool:
    return (
        any(name == "*" or name in call.principals for name in statement.principals)
        and _acts(statement, call.action)
        and any(_like(call.resource, pattern) for pattern in statement.resources)
        and all(_applies_to(condition, call.facts) for condition in statement.conditions)
    )


def _acts(statement: Statement, action: str) -> bool:
    if statement.actions:
        return any(_like(action.lower(), pattern.lower()) for pattern in statement.actions)
    return not any(_like(action.lower(), pattern.lower()) for pattern in statement.not_actions)


def _applies_to(condition: Condition, facts: Facts) -> bool:
    present = facts.get(condition.name)
    if condition.operator == "Null":
        return (not present) == (condition.wanted[0].lower() == "true")
    if not present:
        negated = condition.operator in _NEGATED and not condition.any_one
        return condition.if_exists or condition.every or negated
    test = _TESTS[condition.operator]
    hits = [test(value, condition.wanted) for value in present]
    return all(hits) if condition.every or (condition.operator in _NEGATED and not condition.any_one) else any(hits)


def _one_of(test: Callable[[str, str], bool]) -> Callable[[str, Sequence[str]], bool]:
    return lambda value, wanted: any(test(value, each) for each in wanted)


def _none_of(test: Callable[[str, str], bool]) -> Callable[[str, Sequence[str]], bool]:
    return lambda value, wanted: not any(test(value, each) for each in wanted)


@lru_cache(maxsize=4096)
def _wild(pattern: str) -> re.Pattern[str]:
    return re.compile("".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern), re.DOTALL)


def _like(value: str, pattern: str) -> bool:
    return _wild(pattern).fullmatch(value) is not None


def _like_arn(value: str, pattern: str) -> bool:
    """Match the six parts of an ARN one by one: a wildcard does not span the first five colons."""
    parts, patterns = value.split(":", 5), pattern.split(":", 5)
    return len(parts) == len(patterns) and all(map(_like, parts, patterns))


def _same(value: str, other: str) -> bool:
    return value == other


def _same_but_case(value: str, other: str) -> bool:
    return value.lower() == other.lower()


_TESTS: dict[str, Callable[[str, Sequence[str]], bool]] = {
    "StringEquals": _one_of(_same),
    "StringEqualsIgnoreCase": _one_of(_same_but_case),
    "StringLike": _one_of(_like),
    "ArnEquals": _one_of(_like_arn),
    "ArnLike": _one_of(_like_arn),
    "Bool": _one_of(_same_but_case),
    "StringNotEquals": _none_of(_same),
    "StringNotEqualsIgnoreCase": _none_of(_same_but_case),
    "StringNotLike": _none_of(_like),
    "ArnNotEquals": _none_of(_like_arn),
    "ArnNotLike": _none_of(_like_arn),
}
_NEGATED = frozenset(operator for operator in _TESTS if "Not" in operator)
