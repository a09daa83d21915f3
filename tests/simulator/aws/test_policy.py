import json
from typing import Any

import pytest

from simulator.aws.answers import Refused
from simulator.aws.policy import Request, Verdict, evaluate, parse_policy

ROOT = "arn:aws:iam::444455556666:root"
ROLE = "arn:aws:iam::444455556666:role/worker"
KEY = "arn:aws:kms:eu-central-1:111122223333:key/0"
CONTEXT = {
    "kms:encryptioncontext:tenant": ["t-1"],
    "kms:encryptioncontext:purpose": ["backup"],
    "kms:encryptioncontextkeys": ["tenant", "purpose"],
    "aws:principalarn": [ROLE],
    "aws:principalaccount": ["444455556666"],
}


def statement(**given: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:Decrypt", "Resource": "*", **given}


def verdict(
    *statements: dict[str, Any], action: str = "kms:Decrypt", facts: dict[str, list[str]] | None = None
) -> Verdict:
    parsed = parse_policy(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))
    names = frozenset({ROLE, ROOT, "444455556666"})
    return evaluate(parsed, Request(names, action, KEY, CONTEXT if facts is None else facts))


def test_an_action_that_no_statement_names_is_neither_allowed_nor_denied() -> None:
    assert verdict(statement(Action="kms:Encrypt")) is Verdict.SILENT
    assert verdict(statement(Principal={"AWS": "arn:aws:iam::777788889999:root"})) is Verdict.SILENT
    assert verdict(statement(Principal={"Service": "s3.amazonaws.com"})) is Verdict.SILENT
    assert verdict(statement(Resource="arn:aws:kms:eu-central-1:111122223333:key/1")) is Verdict.SILENT


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": "444455556666"}, {"AWS": ROLE}, {"AWS": ["x", ROOT]}])
def test_a_statement_matches_a_caller_under_each_of_its_names(principal: object) -> None:
    assert verdict(statement(Principal=principal)) is Verdict.ALLOWED


@pytest.mark.parametrize(
    "action", ["*", "kms:*", "kms:De*", "kms:decrypt", "kms:?ecrypt", ["kms:Encrypt", "kms:Decrypt"]]
)
def test_actions_match_with_wildcards_and_without_case(action: object) -> None:
    assert verdict(statement(Action=action)) is Verdict.ALLOWED


def test_not_action_matches_every_other_action() -> None:
    all_but_encrypt = statement(NotAction="kms:Encrypt")
    del all_but_encrypt["Action"]
    assert verdict(all_but_encrypt) is Verdict.ALLOWED
    assert verdict(all_but_encrypt, action="kms:Encrypt") is Verdict.SILENT


def test_a_deny_wins_wherever_it_is_placed() -> None:
    deny = statement(Effect="Deny")
    assert verdict(deny, statement()) is Verdict.DENIED
    assert verdict(statement(), deny) is Verdict.DENIED


HOLDING = [
    {"StringEquals": {"kms:EncryptionContext:tenant": "t-1"}},
    {"StringEquals": {"kms:EncryptionContext:tenant": ["t-0", "t-1"]}},
    {"StringEqualsIgnoreCase": {"kms:EncryptionContext:tenant": "T-1"}},
    {"StringLike": {"kms:EncryptionContext:tenant": "t-?"}},
    {"StringNotEquals": {"kms:EncryptionContext:tenant": "t-2"}},
    {"StringNotEquals": {"kms:EncryptionContext:absent": "t-2"}},
    {"StringEqualsIfExists": {"kms:ViaService": "s3"}},
    {"ArnEquals": {"aws:PrincipalArn": ROLE}},
    {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}},
    {"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["tenant", "purpose", "more"]}},
    {"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "tenant"}},
    {"Null": {"kms:EncryptionContext:tenant": False}},
    {"Null": {"aws:SourceAccount": "true"}},
]
FAILING = [
    {"StringEquals": {"kms:EncryptionContext:tenant": "T-1"}},
    {"StringEquals": {"kms:EncryptionContext:tenant": "t-1", "kms:EncryptionContext:purpose": "other"}},
    {"StringEquals": {"aws:SourceAccount": "444455556666"}},
    {"StringNotEquals": {"kms:EncryptionContext:tenant": "t-1"}},
    {"StringLike": {"kms:EncryptionContext:tenant": "?"}},
    {"ArnLike": {"aws:PrincipalArn": "arn:*:role/worker"}},
    {"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["tenant"]}},
    {"ForAnyValue:StringEquals": {"aws:TagKeys": "tenant"}},
    {"Null": {"kms:EncryptionContext:tenant": "true"}},
]


@pytest.mark.parametrize("condition", HOLDING)
def test_a_true_condition_lets_its_statement_apply(condition: dict[str, Any]) -> None:
    assert verdict(statement(Condition=condition)) is Verdict.ALLOWED


@pytest.mark.parametrize("condition", FAILING)
def test_a_false_condition_disables_its_statement(condition: dict[str, Any]) -> None:
    assert verdict(statement(Condition=condition)) is Verdict.SILENT


def test_for_all_values_is_true_for_an_empty_set() -> None:
    condition = {"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["tenant"]}}
    assert verdict(statement(Condition=condition), facts={}) is Verdict.ALLOWED


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        "{}",
        json.dumps({"Statement": [statement(Effect="Maybe")]}),
        json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Resource": "*"}]}),
        json.dumps({"Statement": [statement(Condition={"StringSomehow": {"a": "b"}})]}),
        json.dumps({"Statement": [statement(Condition={"ForNone:StringEquals": {"a": "b"}})]}),
        json.dumps(
            {"Statement": [statement(Condition={"ForAllValues:StringEquals": {"kms:EncryptionContext:tenant": "b"}})]}
        ),
    ],
)
def test_an_unsupported_policy_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_policy(text)
    assert refused.value.code == "MalformedPolicyDocumentException"
