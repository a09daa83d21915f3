"""Probes of every tenant's key: refusals are recorded and cleared, and notices report each change and warning."""

import dataclasses
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared.domain.errors import Alarm, Code, KeyRefused, KeyTrouble, Refuse
from shared.domain.jobs import JobKind, JobState, Origin
from shared.domain.key_health import KeyCondition, KeyHealth
from shared.domain.model import KeyMode, Purpose, Schedule
from shared.domain.secret import Secret
from shared.engine.key_health import Prober, Probing
from shared.engine.key_health.identity import report_identity
from shared.engine.tenants.onboarding import add_tenant
from shared.ports.keys import KeyDescription
from shared.ports.notices import BackupNotice, Notice, NotTaken
from tests.contract.engine.world import LEASE, EngineWorld, identity
from tests.unit.vault.parts import ARN, MemoryKeys

OTHER_ARN = ARN.replace("0001", "0002")
OK, REVOKED, SILENT, WRONG, DAMAGED = (
    KeyCondition.OK,
    KeyCondition.REVOKED,
    KeyCondition.UNREACHABLE,
    KeyCondition.MISCONFIGURED,
    KeyCondition.DAMAGED,
)
REFUSED = KeyRefused(ARN, "The KMS key is disabled.")
TROUBLE = KeyTrouble("AWS KMS is in trouble.")


class Listener:
    """A receiver that accepts notices while ``open``."""

    def __init__(self) -> None:
        self.open = True
        self.notices: list[Notice | BackupNotice] = []
        self.tries = 0

    @property
    def about_keys(self) -> list[Notice]:
        return [notice for notice in self.notices if isinstance(notice, Notice)]

    @property
    def about_backups(self) -> list[BackupNotice]:
        return [notice for notice in self.notices if isinstance(notice, BackupNotice)]

    def send(self, notice: Notice | BackupNotice) -> str:
        self.tries += 1
        if not self.open:
            raise NotTaken("HTTP 503")
        self.notices.append(notice)
        return "HTTP 204"


class Keys(MemoryKeys):
    """Keys in memory that can also refuse single calls."""

    def __init__(self) -> None:
        super().__init__()
        self.forbidden_calls: set[str] = set()
        self.calls: list[str] = []

    def _call(self, name: str, arn: str) -> None:
        self.calls.append(name)
        if name in self.forbidden_calls:
            raise KeyRefused(arn, f"The policy does not allow {name}.")

    def probe(self, arn: str, context: dict[str, str]) -> None:
        super().probe(arn, context)
        self._call("probe", arn)

    def probe_reencrypt(self, arn: str, wrapped: bytes, context: dict[str, str], data_key_id: str) -> None:
        super().probe_reencrypt(arn, wrapped, context, data_key_id)
        self._call("reencrypt", arn)

    def describe(self, arn: str) -> KeyDescription:
        description = self.described.get(arn) or super().describe(arn)
        self._call("describe", arn)
        return description

    def decrypt(self, arn: str, wrapped: bytes, context: dict[str, str], data_key_id: str) -> Secret:
        self.calls.append("decrypt")
        return super().decrypt(arn, wrapped, context, data_key_id)


class ProbedWorld:
    """The engine's world with a prober."""

    def __init__(self, folder: Path, keys: Keys | None = None, lease: float = LEASE) -> None:
        self.engine = EngineWorld(folder, lease=lease)
        self.keys, self.listener = keys or Keys(), Listener()
        self.keys._wrapped = self.engine.keys._wrapped
        self.engine.keys = self.keys
        self.engine.context = dataclasses.replace(self.engine.context, keys=self.keys)
        self.catalog = self.engine.catalog
        context = self.engine.context
        self.probing = Probing(
            catalog=context.catalog,
            keys=self.keys,
            clock=context.clock,
            limits=context.limits,
            lease_seconds=60.0,
            every=60.0,
            notices=self.listener,
            observer=context.observer,
        )
        self.prober = Prober(self.probing)

    def probe(self, seconds: float = 100) -> KeyHealth:
        """Let time pass and run the due probes. Return the health of the tenant's key."""
        self.engine.pass_time(seconds)
        self.prober.once()
        assert self.prober.rest(20)
        return self.catalog.health.get()

    def send_notices(self, seconds: float = 0) -> None:
        self.engine.pass_time(seconds)
        self.prober.once()
        assert self.prober.rest(20)

    def describe(self, **values: Any) -> None:
        usual = KeyDescription(
            arn=ARN, state="Enabled", manager="CUSTOMER", spec="SYMMETRIC_DEFAULT", usage="", origin="EXTERNAL"
        )
        self.keys.described[ARN] = msgspec.structs.replace(usual, **values)

    def warnings(self) -> list[str]:
        return [warning.warning for warning in self.catalog.health.get().warnings]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ProbedWorld]:
    world = ProbedWorld(tmp_path)
    yield world
    world.engine.close()


def test_a_probe_makes_one_decrypt_per_interval(world: ProbedWorld) -> None:
    world.probe()
    world.keys.calls.clear()
    assert world.probe(70).condition is OK
    assert world.keys.calls == ["decrypt"]
    world.probe(50)
    assert world.keys.calls == ["decrypt"]
    world.probe(20)
    assert world.keys.calls == ["decrypt"] * 2
    assert world.catalog.health.history() == []
    assert world.listener.about_keys == []


def test_a_refused_probe_is_recorded_ends_jobs_and_sends_one_notice(world: ProbedWorld) -> None:
    job = world.engine.request()
    world.keys.refusing[ARN] = REFUSED
    health = world.probe()
    assert (health.condition, health.code, health.message) == (REVOKED, Code.KEY_ACCESS_REVOKED, REFUSED.message)
    ended = world.catalog.jobs.get(job.job_id)
    assert (ended.state, ended.code, ended.message) == (JobState.FAILED, Code.KEY_ACCESS_REVOKED, REFUSED.message)
    assert world.catalog.keys.state().refusal is not None
    for _ in range(3):
        assert world.probe(40).condition is REVOKED
    (notice,) = world.listener.about_keys
    assert (notice.tenant, notice.tenant_id, notice.arn) == ("acme", world.catalog.tenant_id, ARN)
    assert (notice.state, notice.code, notice.message) == (REVOKED, Code.KEY_ACCESS_REVOKED, REFUSED.message)
    assert [event.condition for event in world.catalog.health.history()] == [REVOKED]
    (failed,) = world.listener.about_backups
    assert (failed.tenant, failed.state, failed.code, failed.job) == ("acme", "failed", notice.code, job.job_id)


def test_due_times_create_no_job_while_probes_are_refused_and_one_after_recovery(world: ProbedWorld) -> None:
    world.engine.context = dataclasses.replace(world.engine.context, lease_seconds=60.0)
    world.keys.refusing[ARN] = REFUSED
    world.probe()
    now = datetime.now(UTC)
    world.catalog.schedules.set(
        Schedule(cron="* * * * *", timezone="UTC", paused=False, next_due=now - timedelta(hours=1))
    )
    for _ in range(5):
        world.probe(40)
        world.engine.clock.time = datetime.now(UTC)
        world.engine.tick()
        assert world.catalog.jobs.recent() == []
    world.keys.refusing.clear()
    assert world.probe(40).condition is REVOKED
    world.engine.tick()
    assert world.catalog.jobs.recent() == []
    assert world.probe(10).condition is OK
    assert world.catalog.keys.state().refusal is None
    world.engine.tick()
    (job,) = world.catalog.jobs.recent()
    assert (job.kind, job.origin) == (JobKind.BACKUP, Origin.SCHEDULE)
    world.send_notices()
    assert [notice.state for notice in world.listener.about_keys] == [REVOKED, OK]
    assert [notice.state for notice in world.listener.about_backups] == ["late"]


def test_trouble_is_no_refusal_and_changes_the_condition_only_if_it_lasts(world: ProbedWorld) -> None:
    world.probe()
    world.keys.trouble = TROUBLE
    assert world.probe().condition is OK
    health = world.probe(10)
    assert (health.condition, health.code) == (SILENT, Code.KEY_UNREACHABLE)
    assert world.catalog.keys.state().refusal is None
    world.keys.trouble = None
    assert world.probe().condition is OK
    assert [event.condition for event in world.catalog.health.history()] == [OK, SILENT]


@pytest.mark.parametrize(
    ("error", "condition"),
    [
        (Refuse(Code.KEY_MISCONFIGURED, "Our own credentials."), WRONG),
        (Alarm(Code.BLOB_DAMAGED, "It is not what KMS made.", "blob"), DAMAGED),
    ],
    ids=["misconfigured", "damaged"],
)
def test_misconfiguration_and_damage_are_not_recorded_as_a_refusal(
    world: ProbedWorld, error: Refuse | Alarm, condition: KeyCondition
) -> None:
    job = world.engine.request()
    world.keys.refusing[ARN] = error
    health = world.probe()
    assert (health.condition, health.code, health.message) == (condition, error.code, error.message)
    assert world.catalog.keys.state().refusal is None
    assert not world.catalog.jobs.get(job.job_id).state.ended


def test_a_probe_that_hangs_delays_no_other_key_and_is_not_repeated_meanwhile(world: ProbedWorld) -> None:
    other = world.engine.context.catalog.tenant(_add_tenant(world, "other"))
    wrapped = world.catalog.keys.find(Purpose.SECRETS, None)
    assert wrapped is not None
    answer = world.keys.hang(wrapped.wrapped)
    world.engine.pass_time(100)
    world.prober.once()
    assert world.keys.blocked.wait(20)
    assert not world.prober.rest(0.2)
    assert other.health.get().checked_at is not None
    assert world.catalog.health.get().checked_at is None
    world.engine.pass_time(70)
    assert world.prober.once() == 1
    answer.set()
    assert world.prober.rest(20)
    assert world.catalog.health.get().checked_at is not None


def test_concurrent_probes_do_not_exceed_their_limit(world: ProbedWorld) -> None:
    for n in range(4):
        _add_tenant(world, f"t{n}")
    few = dataclasses.replace(
        world.probing, limits=msgspec.structs.replace(world.probing.limits, probes=2), notices=None
    )
    prober = Prober(few)
    answer = world.keys.hang()
    world.engine.pass_time(100)
    assert prober.once() == 2
    assert prober.once() == 0
    answer.set()
    assert prober.rest(20)
    assert prober.once() == 2
    assert prober.rest(20)


def test_a_probe_of_a_previous_key_does_not_change_the_tenants_health(world: ProbedWorld) -> None:
    wrapped = world.catalog.keys.find(Purpose.SECRETS, None)
    assert wrapped is not None
    answer = world.keys.hang(wrapped.wrapped)
    world.engine.pass_time(100)
    world.prober.once()
    assert world.keys.blocked.wait(20)
    world.engine.change("tenants", key_arn=OTHER_ARN)
    world.engine.change("data_keys", arn=OTHER_ARN)
    world.keys.refusing[ARN] = REFUSED
    answer.set()
    assert world.prober.rest(20)
    assert world.catalog.health.get().condition is OK
    assert world.catalog.keys.state().refusal is None
    assert world.catalog.health.history() == []


def test_a_closer_look_runs_each_hour_and_after_a_change(world: ProbedWorld) -> None:
    world.probe()
    assert world.keys.calls == ["decrypt", "describe", "probe"]
    world.keys.calls.clear()
    for _ in range(3):
        world.probe(70)
    assert world.keys.calls == ["decrypt"] * 3
    world.keys.calls.clear()
    world.probe(3600)
    assert world.keys.calls == ["decrypt", "describe", "probe"]
    world.keys.calls.clear()
    world.keys.refusing[ARN] = REFUSED
    world.probe()
    world.keys.refusing.clear()
    world.keys.forbidden_calls = {"describe"}
    assert world.warnings() == []


def test_a_key_that_creates_no_data_keys_causes_a_warning_before_the_next_backup(world: ProbedWorld) -> None:
    world.probe()
    world.keys.forbidden_calls = {"probe"}
    assert world.probe(3700).condition is OK
    assert world.warnings() == ["no-new-data-keys"]
    world.send_notices()
    (notice,) = world.listener.about_keys
    assert notice.state is OK
    assert [warning.warning for warning in notice.warnings] == ["no-new-data-keys"]
    assert "backups wait until it does" in notice.warnings[0].message
    world.keys.forbidden_calls.clear()
    world.probe(3700)
    assert world.warnings() == []
    world.send_notices()
    assert [len(notice.warnings) for notice in world.listener.about_keys] == [1, 0]


def test_only_a_customer_key_is_probed_for_reencryption_to_another_key(world: ProbedWorld) -> None:
    world.keys.forbidden_calls = {"reencrypt"}
    world.probe()
    assert world.warnings() == []
    world.engine.change("tenants", key_mode=KeyMode.CUSTOMER)
    world.probe(3700)
    assert world.warnings() == ["no-way-out"]


@pytest.mark.parametrize(
    ("values", "warning"),
    [
        ({"state": "Disabled"}, "disabled"),
        ({"state": "PendingImport"}, "no-material"),
        ({"state": "Unavailable"}, "store-away"),
        ({"state": "PendingDeletion", "deletion": datetime(2026, 12, 24, tzinfo=UTC)}, "deletion"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_key_that_still_opens_but_will_soon_refuse_causes_a_warning(
    world: ProbedWorld, values: dict[str, Any], warning: str
) -> None:
    world.describe(**values)
    health = world.probe()
    assert (health.condition, world.warnings()) == (OK, [warning])
    assert ("2026-12-24" in health.warnings[0].message) == (warning == "deletion")
    assert health.warnings[0].at == values.get("deletion")


@pytest.mark.parametrize(
    ("days", "warnings"),
    [(40, []), (31, []), (29.9, ["material-expires-30"]), (6.9, ["material-expires-7"]), (0.5, ["material-expires-1"])],
)
def test_expiring_key_material_causes_a_warning_in_advance(
    world: ProbedWorld, days: float, warnings: list[str]
) -> None:
    world.describe(material_expires=world.engine.clock.now() + timedelta(days=days))
    world.probe()
    assert world.warnings() == warnings


def test_trouble_in_a_closer_look_keeps_the_warnings_and_the_look_is_repeated(world: ProbedWorld) -> None:
    world.keys.forbidden_calls = {"probe"}
    world.probe()
    looked_at = world.catalog.health.get().looked_at
    assert world.warnings() == ["no-new-data-keys"]

    def silent(arn: str) -> KeyDescription:
        raise TROUBLE

    world.keys.describe, describe = silent, world.keys.describe  # type: ignore[method-assign]
    world.probe(3700)
    assert world.warnings() == ["no-new-data-keys"]
    assert looked_at is not None
    world.keys.describe = describe  # type: ignore[method-assign]
    world.keys.forbidden_calls.clear()
    world.probe(70)
    assert world.warnings() == []


def test_a_rejected_notice_is_sent_again_with_growing_pauses_and_probes_continue(world: ProbedWorld) -> None:
    world.listener.open = False
    world.keys.refusing[ARN] = REFUSED
    world.probe()
    world.send_notices()
    assert world.listener.tries == 1
    world.send_notices(1)
    assert world.listener.tries == 1
    world.send_notices(5)
    assert world.listener.tries == 2
    world.send_notices(4)
    assert world.listener.tries == 2
    assert world.probe(40).condition is REVOKED
    world.listener.open = True
    world.send_notices(3600)
    assert [notice.event for notice in world.listener.about_keys] == [1]
    world.send_notices(3600)
    assert len(world.listener.about_keys) == 1


def test_a_listener_that_hangs_delays_no_probe(world: ProbedWorld) -> None:
    released, started = threading.Event(), threading.Event()

    def hang(notice: Notice) -> str:
        started.set()
        released.wait(20)
        return "HTTP 200"

    world.listener.send = hang  # type: ignore[method-assign]
    world.keys.refusing[ARN] = REFUSED
    world.probe()
    world.prober.once()
    assert started.wait(20)
    before = world.catalog.health.get().checked_at
    world.engine.pass_time(40)
    world.prober.once()
    assert not world.prober.rest(0.3)
    assert world.catalog.health.get().checked_at != before
    released.set()
    assert world.prober.rest(20)


def _add_tenant(world: ProbedWorld, name: str) -> str:
    return add_tenant(world.engine.context, name, identity()).tenant.tenant_id


def test_a_worker_reports_its_aws_identity_again_soon_until_sql_has_it(world: ProbedWorld) -> None:
    limits, catalog = world.probing.limits, world.engine.context.catalog
    world.keys.trouble = KeyTrouble("AWS does not answer.")
    assert report_identity(world.probing, "w@a") == limits.identity_retry_seconds
    world.keys.trouble = None
    assert report_identity(world.probing, "w@a") == limits.heartbeat_seconds, "the worker has no heartbeat yet"
    catalog.scheduler().record_heartbeat("w@a", 4)
    assert report_identity(world.probing, "w@a") == limits.identity_seconds
    worker = next(each for each in catalog.overview().workers() if each.worker == "w@a")
    caller = world.keys.caller()
    assert (worker.aws_account, worker.aws_principal) == (caller.account, caller.principal)
