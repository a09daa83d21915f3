"""The checkpoints of a step: decrypting and writing them."""

import uuid
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from shared.domain.jobs import ResourceProgress
from shared.domain.model import RunRef
from shared.engine.steps.work import Work
from shared.ports.catalog.claims import Checkpoint
from shared.ports.observer import Point
from shared.vault.format import CheckpointBody, Merged, Run, decode, encode
from shared.vault.keyring import DataKey
from shared.vault.sealing import Kind, open_row, seal_row

B = TypeVar("B", CheckpointBody, Merged)
S = TypeVar("S", bound=msgspec.Struct)


def open_checkpoint(work: Work, checkpoint: Checkpoint, kind: type[B]) -> B:
    """Decrypt and decode a checkpoint's body. Raises as ``open_row`` does."""
    tenant = work.claim.tenant_id
    return decode(open_row(work.keys.find, tenant, Kind.CHECKPOINT, checkpoint.sealed), kind)


def step_checkpoints(work: Work) -> list[CheckpointBody]:
    """Return this step's checkpoints, in order of writing."""
    return [
        open_checkpoint(work, checkpoint, CheckpointBody) for checkpoint in work.catalog.claims.checkpoints(work.claim)
    ]


def job_checkpoints(work: Work, phase: int, stream: str) -> list[CheckpointBody]:
    """Return the checkpoints that this job wrote for a stream in a reading phase, in order of writing."""
    return [
        open_checkpoint(work, checkpoint, CheckpointBody)
        for checkpoint in work.catalog.claims.checkpoints(work.claim, step_only=False)
        if (checkpoint.phase, checkpoint.stream) == (phase, stream)
    ]


def store_checkpoint(
    work: Work, key: DataKey, stream: str, body: CheckpointBody | Merged, progress: Sequence[ResourceProgress]
) -> None:
    """Seal and store a checkpoint of a run, with the step's progress. Raises as ``_store`` does."""
    _store(work, key, stream, encode(body), None if body.run is None else run_ref(body.run), progress)


def store_state(work: Work, state: msgspec.Struct) -> None:
    """Seal and store the whole state of a step that writes no runs. Raises as ``_store`` does."""
    _store(work, work.keys.secrets(), work.claim.name, msgspec.json.encode(state))


def last_state(work: Work, kind: type[S]) -> S | None:
    """Return the state that this step stored last, or None. Raises as ``open_row`` does."""
    checkpoints = work.catalog.claims.checkpoints(work.claim)
    if not checkpoints:
        return None
    text = open_row(work.keys.find, work.claim.tenant_id, Kind.CHECKPOINT, checkpoints[-1].sealed)
    return msgspec.json.decode(text, type=kind)


def _store(
    work: Work,
    key: DataKey,
    stream: str,
    text: bytes,
    run: RunRef | None = None,
    progress: Sequence[ResourceProgress] = (),
) -> None:
    """Seal and store a checkpoint. The claim fences it: a lost claim stores nothing. Raises as ``Work.check`` does."""
    work.check()
    claim = work.claim
    sealed = seal_row(key, claim.tenant_id, Kind.CHECKPOINT, str(uuid.uuid4()), text)
    work.catalog.claims.checkpoint(
        claim, Checkpoint(phase=claim.phase, stream=stream, sealed=sealed, run=run), progress
    )
    work.context.observer.reach(Point.CHECKPOINTED)


def run_ref(run: Run) -> RunRef:
    """Return the run's reference as it is stored in SQL."""
    return RunRef(run_id=run.run_id, job_id=run.job_id, stream=run.stream, blobs=[chunk.name for chunk in run.chunks])
