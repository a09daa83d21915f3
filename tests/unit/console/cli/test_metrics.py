"""The Prometheus metrics of the catalog, and the server that serves them."""

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from prometheus_client.core import Metric

from console.cli.exposition import backup_families, key_families
from console.cli.metrics_server import MetricsServer
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import JobState
from shared.domain.key_health import KeyCondition, KeyHealth, KeyWarning
from shared.domain.model import KeyMode, Refusal, Schedule, Tenant
from shared.ports.catalog.keys import KeyState
from shared.ports.catalog.queries import Result, SnapshotAt, TenantOverview

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
NEVER = TenantOverview(
    tenant=TENANT,
    schedule=None,
    last=None,
    complete=None,
    result=None,
    keys=NOTHING,
    health=KeyHealth(arn=ARN, condition=KeyCondition.OK, since=NOW),
    same_directory=[],
)


def samples(families: Iterator[Metric]) -> dict[str, list[tuple[list[str], float]]]:
    """Return the samples by family: values of the labels beside the tenant's, and the sample's value."""
    result: dict[str, list[tuple[list[str], float]]] = {}
    for family in families:
        name = family.name.removeprefix("entrakeep_")
        for sample in family.samples:
            labels = dict(sample.labels)
            assert (labels.pop("tenant"), labels.pop("tenant_id")) == ("contoso", "t")
            result.setdefault(name, []).append(([*labels.values()], sample.value))
    return result


def test_exactly_one_state_of_a_key_is_1() -> None:
    refusal = Refusal(arn=ARN, at=NOW, since=NOW, message="Refused.")
    keys = KeyState(refusal=refusal, unreachable=None, data_keys={})
    metrics = samples(key_families([msgspec.structs.replace(NEVER, keys=keys)]))
    states = {state: value for (state,), value in metrics["key_state"]}
    assert states == {"ok": 0, "revoked": 1, "unreachable": 0, "misconfigured": 0, "damaged": 0, "updating": 0}
    assert metrics["key_since_timestamp_seconds"] == [([], NOW.timestamp())]
    assert "key_checked_timestamp_seconds" not in metrics


def test_each_warning_is_a_sample_and_each_probe_has_a_time() -> None:
    warning = KeyWarning(warning="deletion", message="It will be deleted.", at=NOW)
    health = KeyHealth(arn=ARN, condition=KeyCondition.OK, since=NOW, checked_at=NOW, warnings=[warning])
    metrics = samples(key_families([msgspec.structs.replace(NEVER, health=health)]))
    assert metrics["key_warning"] == [(["deletion"], 1)]
    assert metrics["key_checked_timestamp_seconds"] == [([], NOW.timestamp())]


def test_a_known_sign_in_expiry_is_a_sample() -> None:
    tenant = msgspec.structs.replace(TENANT, sign_in_expires_at=NOW)
    assert samples(key_families([msgspec.structs.replace(NEVER, tenant=tenant)]))[
        "sign_in_expires_timestamp_seconds"
    ] == [([], NOW.timestamp())]
    assert "sign_in_expires_timestamp_seconds" not in samples(key_families([NEVER]))


def test_a_tenant_without_backups_has_no_age_and_no_result() -> None:
    assert samples(backup_families([NEVER], NOW)) == {}


def test_age_result_and_due_time_have_a_sample_per_tenant() -> None:
    last = SnapshotAt(snapshot_id="s2", created_at=NOW - timedelta(hours=1))
    complete = SnapshotAt(snapshot_id="s1", created_at=NOW - timedelta(hours=2))
    result = Result(job_id="j", state=JobState.FAILED, code=Code.STORE_FULL, finished_at=NOW)
    schedule = Schedule(cron="0 * * * *", timezone="UTC", paused=False, next_due=NOW)
    metrics = samples(
        backup_families(
            [msgspec.structs.replace(NEVER, schedule=schedule, last=last, complete=complete, result=result)], NOW
        )
    )
    assert metrics["backup_complete_age_seconds"] == [([], 7200)]
    assert metrics["backup_snapshot_timestamp_seconds"] == [([], last.created_at.timestamp())]
    assert metrics["backup_last_result"] == [(["failed", "STORE_FULL"], 1)]
    assert metrics["backup_next_due_timestamp_seconds"] == [([], NOW.timestamp())]


@contextmanager
def serving(text: bytes | Refuse) -> Iterator[MetricsServer]:
    def page() -> bytes:
        if isinstance(text, Refuse):
            raise text
        return text

    server = MetricsServer("127.0.0.1", 0, page)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def fetch(server: MetricsServer, path: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(f"http://{server.address}{path}", timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_metrics_are_served_and_nothing_else() -> None:
    with serving(b"a 1\n") as server:
        assert fetch(server, "/metrics?x=1") == (200, b"a 1\n")
        assert fetch(server, "/healthcheck") == (200, b"ok\n")
        assert fetch(server, "/other")[0] == 404


def test_a_silent_catalog_is_reported_as_unavailable_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(Refuse(Code.CATALOG_UNREACHABLE, "Start it.")) as server:
        assert fetch(server, "/metrics") == (503, b"CATALOG_UNREACHABLE\n")
    assert capsys.readouterr().err == "CATALOG_UNREACHABLE: Start it.\n"
