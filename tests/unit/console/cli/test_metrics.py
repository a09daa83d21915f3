"""The keys' states as Prometheus reads them."""

from datetime import UTC, datetime

import msgspec

from console.cli.metrics import exposition, samples_of
from shared.domain.key_health import KeyCondition, KeyHealth, KeyWarning
from shared.domain.model import KeyMode, Refusal, Tenant
from shared.ports.catalog import KeyState

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
ARN = "arn:aws:kms:eu-central-1:111122223333:key/one"
TENANT = Tenant(
    tenant_id="t",
    name="contoso",
    directory_id="d",
    client_id="c",
    created_at=NOW,
    key_mode=KeyMode.PROVIDER,
    key_arn=ARN,
    key_epoch=1,
)
NOTHING = KeyState(refusal=None, unreachable=None, data_keys={})


def told(keys: KeyState, health: KeyHealth) -> list[str]:
    return [line for line in exposition(samples_of(TENANT, keys, health)) if not line.startswith("#")]


def test_of_all_states_one_is_1() -> None:
    refusal = Refusal(arn=ARN, at=NOW, since=NOW, message="Refused.")
    health = KeyHealth(arn=ARN, condition=KeyCondition.OK, since=NOW)
    lines = told(KeyState(refusal=refusal, unreachable=None, data_keys={}), health)
    who = 'tenant="contoso",tenant_id="t"'
    assert lines == [
        f'entrakeep_key_state{{{who},state="ok"}} 0',
        f'entrakeep_key_state{{{who},state="revoked"}} 1',
        f'entrakeep_key_state{{{who},state="unreachable"}} 0',
        f'entrakeep_key_state{{{who},state="misconfigured"}} 0',
        f'entrakeep_key_state{{{who},state="damaged"}} 0',
        f'entrakeep_key_state{{{who},state="updating"}} 0',
        f"entrakeep_key_since_timestamp_seconds{{{who}}} 1777636800",
    ]


def test_a_warning_is_a_sample_of_its_own_and_a_probe_has_a_time() -> None:
    warning = KeyWarning(warning="deletion", message="It will be deleted.", at=NOW)
    health = KeyHealth(arn=ARN, condition=KeyCondition.OK, since=NOW, checked_at=NOW, warnings=[warning])
    lines = told(NOTHING, health)
    assert 'entrakeep_key_warning{tenant="contoso",tenant_id="t",warning="deletion"} 1' in lines
    assert 'entrakeep_key_checked_timestamp_seconds{tenant="contoso",tenant_id="t"} 1777636800' in lines


def test_when_the_sign_in_expires_is_a_sample_if_it_is_known() -> None:
    health = KeyHealth(arn=ARN, condition=KeyCondition.OK, since=NOW)
    tenant = msgspec.structs.replace(TENANT, sign_in_expires_at=NOW)
    lines = list(exposition(samples_of(tenant, NOTHING, health)))
    assert 'entrakeep_sign_in_expires_timestamp_seconds{tenant="contoso",tenant_id="t"} 1777636800' in lines
    assert not any("sign_in" in line for line in told(NOTHING, health))


def test_every_family_says_what_it_means_even_without_a_tenant() -> None:
    lines = list(exposition([]))
    assert len(lines) == 10
    assert all(line.startswith(("# HELP entrakeep_", "# TYPE entrakeep_")) for line in lines)


def test_whatever_a_label_holds_stays_within_its_quotes() -> None:
    (line,) = (each for each in exposition([("entrakeep_key_warning", {"a": 'x"\\\n'}, 1.0)]) if each[0] != "#")
    assert line == 'entrakeep_key_warning{a="x\\"\\\\\\n"} 1'
