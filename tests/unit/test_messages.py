"""Messages contain ids, a version, and the displayed fields of a step; nothing else."""

import base64
import json
from pathlib import Path

import msgspec
import pytest

from shared import messages
from shared.adapters.dispatch.inbox import accepted
from shared.domain.jobs import KINDS, JobKind, Phase, StepRef
from shared.messages import StepMessage, decode, encode, message_of, shown

IDS = {
    "tenant_id": "0e2f6a2c-6a4d-4a5e-9d0c-6f0e4c1f7a10",
    "job_id": "3f2b8c1e-5f0a-4f57-9f53-0d6f2f6b8a11",
    "step_id": "a0f1d6b4-55e2-4e0a-8d5b-1b8f0c7e2d12",
}
STEP = StepRef(**IDS, queue="backup", tenant="contoso", kind=JobKind.BACKUP, phase=Phase.READ, name="users", version=2)  # type: ignore[arg-type]
MESSAGE = StepMessage(**IDS, tenant="contoso", streams=("users",))  # type: ignore[arg-type]
RECORDED = sorted((Path(__file__).parents[1] / "vectors" / "messages").glob("*.json"))


def test_a_message_reads_back() -> None:
    assert decode(encode(MESSAGE)) == MESSAGE


def test_a_message_of_an_unknown_version_or_shape_is_dropped() -> None:
    assert decode({**encode(MESSAGE), "version": 3}) is None
    assert decode({"version": 1, "tenant_id": IDS["tenant_id"]}) is None
    assert decode({**encode(MESSAGE), "tenant_id": "*"}) is None
    assert decode({**encode(MESSAGE), "tenant": "x" * 1000}) is None


def test_a_step_is_named_by_its_kind_and_phase_and_shows_tenant_job_and_streams() -> None:
    assert message_of(STEP) == ("backup.read", MESSAGE)
    assert shown(MESSAGE) == f"{{'tenant': 'contoso', 'streams': ['users'], 'job': '{IDS['job_id']}'}}"


def test_a_message_for_a_bundle_names_its_first_streams_and_counts_the_others() -> None:
    few, many = (tuple(f"s{n}" for n in range(count)) for count in (11, 12))
    for names, named in ((few, few), (many, (*many[:10], "and 2 more"))):
        assert message_of(msgspec.structs.replace(STEP, streams=names))[1].streams == named


@pytest.mark.parametrize(
    ("kind", "phase", "task"),
    [
        (JobKind.BACKUP, Phase.READ, "backup.read"),
        (JobKind.BACKUP, Phase.SECOND_ROUND, "backup.second_round"),
        (JobKind.BACKUP, Phase.COMPACT, "backup.compact"),
        (JobKind.BACKUP, Phase.COMMIT, "backup.commit"),
        (JobKind.VERIFY, 1, "verify"),
        (JobKind.KEY_CHECK, 1, "key.check"),
        (JobKind.KEY_ENABLE, 1, "key.enable"),
        (JobKind.KEY_UPDATE, 1, "key.update"),
        (JobKind.SWEEP, 1, "prune"),
        (JobKind.TENANT_CHECK, 1, "tenant.check"),
    ],
)
def test_the_task_name_of_a_step_stays_known_to_workers_of_every_version(kind: JobKind, phase: int, task: str) -> None:
    step = msgspec.structs.replace(STEP, kind=kind, phase=phase, name=KINDS[kind].phases[phase].steps[0])
    assert message_of(step)[0] == task
    assert task in messages.TASKS


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("backup.read", "backup.read"),
        ("prune", "prune"),
        ("sweep", messages.FIRST_TASK),
        ("restore.write_links", messages.FIRST_TASK),
        ("celery.backend_cleanup", None),
        ("celery.chord", None),
        ("", None),
        ("a.b.c", None),
        ("x" * 1000, None),
        ("shell; rm", None),
        (None, None),
        (["backup.read"], None),
    ],
)
def test_a_task_name_of_a_newer_version_is_left_to_the_row_of_the_step(name: object, task: str | None) -> None:
    recorded = json.loads(RECORDED[-1].read_bytes())
    recorded["headers"]["task"] = name
    message = accepted(recorded, "backup")
    assert (message["headers"]["task"] if message else None) == task


def test_a_worker_of_the_first_version_receives_messages_that_it_understands() -> None:
    task, message = message_of(msgspec.structs.replace(STEP, version=1))
    assert (task, encode(message)) == ("entrakeep.step", {"version": 1, **IDS})


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: f"version {file.stem}")
def test_messages_of_every_past_version_are_understood(file: Path) -> None:
    message = accepted(json.loads(file.read_bytes()), "backup")
    assert message is not None
    arguments, keywords, _ = json.loads(base64.b64decode(message["body"]))
    understood = decode(keywords)
    assert understood is not None
    assert (arguments, {name: getattr(understood, name) for name in IDS}) == ([], IDS)
    assert message["headers"]["id"] == IDS["step_id"]
    assert message["headers"]["task"] in messages.TASKS
