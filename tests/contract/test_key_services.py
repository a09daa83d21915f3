"""The contract of every key service: one suite for the service in memory and for AWS KMS as the simulator answers."""

import uuid
from collections.abc import Iterator
from typing import Protocol

import pytest

from shared.adapters.kms import AwsKeys
from shared.domain.errors import Alarm, Code, KeyRefused
from shared.ports.keys import KeyService
from tests.parts import ACCOUNT, REGION, AwsSimulator, aws_simulator
from tests.unit.vault.parts import MemoryKeys

CONTEXT = {"tenant": "a-tenant", "purpose": "backup"}


class Stage(Protocol):
    """A key service, and controls to create, enable and disable its keys."""

    keys: KeyService

    def new_key(self) -> str: ...

    def switch(self, arn: str, *, on: bool) -> None: ...


class InMemory:
    def __init__(self) -> None:
        self.memory = MemoryKeys()
        self.keys: KeyService = self.memory

    def new_key(self) -> str:
        return f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{uuid.uuid4()}"

    def switch(self, arn: str, *, on: bool) -> None:
        if on:
            del self.memory.refusing[arn]
        else:
            self.memory.refusing[arn] = KeyRefused(arn, "The key is disabled.")


class InAws:
    def __init__(self, aws: AwsSimulator) -> None:
        self.aws = aws
        self.keys: KeyService = AwsKeys(60.0)

    def new_key(self) -> str:
        return self.aws.new_key()

    def switch(self, arn: str, *, on: bool) -> None:
        kms = self.aws.client("kms")
        (kms.enable_key if on else kms.disable_key)(KeyId=arn)


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsSimulator]:
    with aws_simulator() as simulator:
        yield simulator


@pytest.fixture(params=["memory", "aws"])
def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Stage:
    if request.param == "memory":
        return InMemory()
    simulator: AwsSimulator = request.getfixturevalue("aws")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    environment = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": REGION}
    for name, value in (environment | {f"AWS_ENDPOINT_URL_{each}": simulator.url for each in ("KMS", "STS")}).items():
        monkeypatch.setenv(name, value)
    return InAws(simulator)


def test_a_data_key_is_256_bits_and_decrypts_to_itself(stage: Stage) -> None:
    arn = stage.new_key()
    one, other = (stage.keys.generate(arn, CONTEXT) for _ in range(2))
    assert one.arn == arn
    assert len(one.plaintext.reveal()) == 32
    assert one.plaintext.reveal() != other.plaintext.reveal()
    assert one.plaintext.reveal() not in one.wrapped
    for _ in range(2):
        assert stage.keys.decrypt(arn, one.wrapped, CONTEXT, "d").reveal() == one.plaintext.reveal()


def test_a_damaged_wrapping_or_wrong_context_raises_an_alarm_with_the_data_key_id(stage: Stage) -> None:
    arn = stage.new_key()
    fresh = stage.keys.generate(arn, CONTEXT)
    damaged = bytes([*fresh.wrapped[:-1], fresh.wrapped[-1] ^ 1])
    for wrapped, context in (
        (damaged, CONTEXT),
        (fresh.wrapped, {**CONTEXT, "tenant": "another"}),
        (fresh.wrapped, {}),
    ):
        with pytest.raises(Alarm) as alarm:
            stage.keys.decrypt(arn, wrapped, context, "the-data-key")
        assert (alarm.value.code, alarm.value.blob) == (Code.BLOB_DAMAGED, "the-data-key")


def test_a_wrapping_of_another_key_does_not_open(stage: Stage) -> None:
    one, other = stage.new_key(), stage.new_key()
    fresh = stage.keys.generate(one, CONTEXT)
    with pytest.raises(Alarm):
        stage.keys.decrypt(other, fresh.wrapped, CONTEXT, "d")


def test_each_rewrap_is_unique_and_opens_only_under_the_new_key(stage: Stage) -> None:
    one, other = stage.new_key(), stage.new_key()
    fresh = stage.keys.generate(one, CONTEXT)
    moved, repeated = (stage.keys.reencrypt(one, fresh.wrapped, CONTEXT, other, "d") for _ in range(2))
    assert moved.arn == other
    assert moved.wrapped != repeated.wrapped
    assert stage.keys.decrypt(other, moved.wrapped, CONTEXT, "d").reveal() == fresh.plaintext.reveal()
    with pytest.raises(Alarm):
        stage.keys.decrypt(one, moved.wrapped, CONTEXT, "d")
    with pytest.raises(Alarm):
        stage.keys.reencrypt(one, fresh.wrapped, {**CONTEXT, "purpose": "secrets"}, other, "d")


def test_a_disabled_key_refuses_every_call_until_it_is_enabled(stage: Stage) -> None:
    arn, other = stage.new_key(), stage.new_key()
    fresh = stage.keys.generate(arn, CONTEXT)
    other_fresh = stage.keys.generate(other, CONTEXT)
    stage.switch(arn, on=False)
    for call in (
        lambda: stage.keys.generate(arn, CONTEXT),
        lambda: stage.keys.decrypt(arn, fresh.wrapped, CONTEXT, "d"),
        lambda: stage.keys.reencrypt(arn, fresh.wrapped, CONTEXT, other, "d"),
        lambda: stage.keys.reencrypt(other, other_fresh.wrapped, CONTEXT, arn, "d"),
        lambda: stage.keys.probe(arn, CONTEXT),
        lambda: stage.keys.probe_reencrypt(arn, fresh.wrapped, CONTEXT, "d"),
    ):
        with pytest.raises(KeyRefused) as refusal:
            call()
        assert refusal.value.arn == arn
    stage.switch(arn, on=True)
    stage.keys.probe(arn, CONTEXT)
    stage.keys.probe_reencrypt(arn, fresh.wrapped, CONTEXT, "d")
    assert stage.keys.decrypt(arn, fresh.wrapped, CONTEXT, "d").reveal() == fresh.plaintext.reveal()


def test_describe_reports_an_ordinary_key_and_caller_reports_the_account(stage: Stage) -> None:
    arn = stage.new_key()
    description = stage.keys.describe(arn)
    assert (description.arn, description.state, description.manager) == (arn, "Enabled", "CUSTOMER")
    assert (description.spec, description.usage) == ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    assert (description.origin, description.related, description.deletion) == ("AWS_KMS", [], None)
    caller = stage.keys.caller()
    assert caller.account == ACCOUNT
    assert caller.principal.startswith(f"arn:aws:iam::{ACCOUNT}:")
