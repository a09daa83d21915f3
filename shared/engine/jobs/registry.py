"""The step functions of every kind of job that workers run."""

from collections.abc import Callable, Mapping

from shared.domain.jobs import JobKind, Phase, RestorePhase
from shared.engine.backup import commit_step, compact_step, read_step
from shared.engine.key_management.change import key_change_step
from shared.engine.key_management.key_check import key_check_step
from shared.engine.restore.executing import write_step
from shared.engine.restore.proving import prove_step
from shared.engine.restore.steps import check_step, plan_step
from shared.engine.steps.work import Work
from shared.engine.tenants.check_step import tenant_check_step
from shared.engine.upkeep.sweep import sweep_step
from shared.engine.upkeep.verify import verify_step

StepFunction = Callable[[Work], bool]
"""Run a claimed step, and store in SQL that it ended. Return True if that opened the next phase."""

STEPS: Mapping[JobKind, Mapping[int, StepFunction]] = {
    JobKind.BACKUP: {
        Phase.READ: read_step,
        Phase.SECOND_ROUND: read_step,
        Phase.COMPACT: compact_step,
        Phase.COMMIT: commit_step,
    },
    JobKind.VERIFY: {1: verify_step},
    JobKind.KEY_CHECK: {1: key_check_step},
    JobKind.KEY_ENABLE: {1: key_change_step},
    JobKind.KEY_UPDATE: {1: key_change_step},
    JobKind.SWEEP: {1: sweep_step},
    JobKind.PLAN: {1: plan_step},
    JobKind.RESTORE: {RestorePhase.CHECK: check_step, RestorePhase.WRITE: write_step, RestorePhase.PROVE: prove_step},
    JobKind.TENANT_CHECK: {1: tenant_check_step},
}
"""The function of each phase of each kind."""
