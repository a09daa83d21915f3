"""Key policies: reading the document, and deciding whether it allows a call.

Source: the IAM guide's policy grammar and evaluation logic, the KMS guide's condition keys. IAM policies of the caller
are not looked at: where a key policy leaves the decision to an account, that account is taken to allow everything.
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
"""Condition keys in lower case with their values; an absent key has no entry."""


class Verdict(Enum):
    """What a policy says to a call."""

    ALLOWED = "allowed"
    DENIED = "denied"
    SILENT = "silent"


@dataclass(frozen=True)
class Condition:
    """One line of a Condition block: `words` is the operator without its set prefix and IfExists."""

    words: str
    every: bool
    any_one: bool
    if_exists: bool
    name: str
    wanted: tuple[str, ...]


@dataclass(frozen=True)
class Statement:
    """One statement, its lists made plain."""

    allow: bool
    principals: tuple[str, ...]
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Asked:
    """A call as policies see it. `principals` are all names of the caller: its ARNs, its account."""

    principals: frozenset[str]
    action: str
    resource: str
    facts: Facts


def parse_policy(text: str) -> tuple[Statement, ...]:
    """Read a policy document. Raises Refused (MalformedPolicyDocumentException)."""
    try:
        document = json.loads(text)
        statements = document["Statement"]
        found = [statements] if isinstance(statements, dict) else list(statements)
        return tuple(_statement(each) for each in found)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _malformed("The policy is not a document of statements.") from None


def evaluate(statements: Sequence[Statement], asked: Asked) -> Verdict:
    """Say what the policy says: a deny wins over every allow."""
    verdict = Verdict.SILENT
    for statement in statements:
        if _applies(statement, asked):
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
    prefix, _, words = operator.rpartition(":")
    if prefix not in ("", "ForAllValues", "ForAnyValue"):
        raise _malformed(f"The condition operator {operator} is not known.")
    if prefix and name.lower().startswith("kms:encryptioncontext:"):
        raise _malformed("A set operator with kms:EncryptionContext:<name> would be too permissive.")
    if_exists = words.endswith("IfExists")
    words = words.removesuffix("IfExists")
    if words not in _TESTS and words != "Null":
        raise _malformed(f"The condition operator {operator} is not known.")
    values = ["true" if each is True else "false" if each is False else each for each in _raw_list(wanted)]
    return Condition(
        words, prefix == "ForAllValues", prefix == "ForAnyValue", if_exists, name.lower(), tuple(map(str, values))
    )


def _raw_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _applies(statement: Statement, asked: Asked) -> bool:
    return (
        any(name == "*" or name in asked.principals for name in statement.principals)
        and _acts(statement, asked.action)
        and any(_like(asked.resource, pattern) for pattern in statement.resources)
        and all(_holds(condition, asked.facts) for condition in statement.conditions)
    )


def _acts(statement: Statement, action: str) -> bool:
    if statement.actions:
        return any(_like(action.lower(), pattern.lower()) for pattern in statement.actions)
    return not any(_like(action.lower(), pattern.lower()) for pattern in statement.not_actions)


def _holds(condition: Condition, facts: Facts) -> bool:
    have = facts.get(condition.name)
    if condition.words == "Null":
        return (not have) == (condition.wanted[0].lower() == "true")
    if not have:
        negated = condition.words in _NEGATED and not condition.any_one
        return condition.if_exists or condition.every or negated
    test = _TESTS[condition.words]
    hits = [test(value, condition.wanted) for value in have]
    return all(hits) if condition.every or (condition.words in _NEGATED and not condition.any_one) else any(hits)


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
    """Compare part by part: a wildcard in an ARN does not reach over a colon of the first five."""
    ours, theirs = value.split(":", 5), pattern.split(":", 5)
    return len(ours) == len(theirs) and all(map(_like, ours, theirs))


def _same(value: str, wanted: str) -> bool:
    return value == wanted


def _same_but_case(value: str, wanted: str) -> bool:
    return value.lower() == wanted.lower()


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
_NEGATED = frozenset(words for words in _TESTS if "Not" in words)
