"""Probe one tenant's key once: make a real ``Decrypt``, assess the result, and act on it.

The probe opens the tenant's existing data key of purpose ``secrets``. Every tenant has this data key from the start, and the
KMS key for all new data keys wraps it. Without it Entrakeep cannot even sign in for the tenant. So a KMS key that opens it is
one with which the next backup can begin. A separate data key for probes would have to be moved at each change of the tenant's
KMS key, and would prove less. The opened data key is dropped at once.
"""

import logging
import random
from dataclasses import dataclass
from datetime import timedelta

from shared.domain.deadline import seconds_since
from shared.domain.errors import Alarm, Code, EntrakeepError, KeyRefused, KeyTrouble, Refuse
from shared.domain.key_health import WELL, Finding, KeyCondition, KeyHealth, makes_nothing_new, next_condition, wait_for
from shared.domain.limits import Limits
from shared.domain.model import Purpose, WrappedKey
from shared.engine.key_health.warnings import find_warnings
from shared.ports.catalog.database import Catalog
from shared.ports.catalog.key_health import ProbeOutcome, ProbeTurn
from shared.ports.catalog.tenant import TenantCatalog
from shared.ports.clock import Clock
from shared.ports.keys import KeyService
from shared.ports.notices import Notices
from shared.ports.observer import Observer
from shared.vault.keyring import unwrap

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Probing:
    """What probes need: ports, limits and times."""

    catalog: Catalog
    """The SQL catalog."""
    keys: KeyService
    """AWS KMS."""
    clock: Clock
    """The time of day."""
    limits: Limits
    """Sizes and durations."""
    lease_seconds: float
    """How long a key lease lasts without a renewal."""
    every: float
    """Seconds between two probes of a tenant."""
    notices: Notices | None
    """Where to send events, None if no receiver is configured."""
    observer: Observer
    """The listeners to counters of the calls to KMS."""


def probe_key(probing: Probing, turn: ProbeTurn) -> None:
    """Probe the tenant's key once, and store the assessment.

    A refusal is recorded as any other and ends the tenant's jobs. A confirmed success removes it. Raises what the catalog
    raises. Nothing is stored then, and the probe is due again later.
    """
    catalog = probing.catalog.tenant(turn.tenant_id)
    health, wrapped = catalog.health.get(), catalog.keys.find(Purpose.SECRETS, None)
    if wrapped is None:
        return
    started_at = probing.clock.monotonic()
    finding = _probe_once(probing.keys, wrapped)
    if finding.condition is KeyCondition.REVOKED:
        ago = seconds_since(started_at, probing.clock.monotonic)
        catalog.keys.refuse(wrapped.arn, finding.message, ago=ago, probed=True)
    if _key_was_changed(catalog, wrapped):
        return  # the tenant's KMS key was changed during the probe
    outcome = _assess(probing, catalog, health, wrapped, finding)
    warnings = health.warnings if outcome.warnings is None else outcome.warnings
    wait = wait_for(outcome.condition, finding.condition, probing.every, probing.lease_seconds, warnings)
    wait *= random.uniform(0.9, 1.1)
    event = catalog.health.note(turn, outcome, next_in=wait, notify=probing.notices is not None)
    if event is not None:
        level = logging.INFO if event.condition is KeyCondition.OK and not event.warnings else logging.WARNING
        text = " ".join([event.message, *(warning.message for warning in event.warnings)])
        log.log(level, "%s", text, extra={"tenant": turn.tenant_id, "code": event.code})


def _probe_once(keys: KeyService, wrapped: WrappedKey) -> Finding:
    """Open the data key in KMS, drop it, and return what that shows."""
    try:
        unwrap(keys, wrapped).drop()
    except KeyRefused as error:
        return _failure(KeyCondition.REVOKED, error)
    except KeyTrouble as error:
        return _failure(KeyCondition.UNREACHABLE, error)
    except Refuse as error:
        return _failure(KeyCondition.MISCONFIGURED, error)
    except Alarm as error:
        return _failure(KeyCondition.DAMAGED, error)
    return Finding(condition=KeyCondition.OK, code=None, message=WELL)


def _failure(condition: KeyCondition, error: EntrakeepError) -> Finding:
    return Finding(condition=condition, code=Code(error.code), message=error.message)


def _key_was_changed(catalog: TenantCatalog, wrapped: WrappedKey) -> bool:
    """Return whether SQL has another wrapping of the data key by now, or none."""
    current = catalog.keys.find(Purpose.SECRETS, None)
    return current is None or (current.arn, current.generation) != (wrapped.arn, wrapped.generation)


def _assess(
    probing: Probing, catalog: TenantCatalog, health: KeyHealth, wrapped: WrappedKey, finding: Finding
) -> ProbeOutcome:
    """Return the condition to report after this probe, with the warnings of a closer look if one is due."""
    condition = next_condition(health.condition, health.last_result, finding.condition)
    is_new = condition is finding.condition
    code, message = (finding.code, finding.message) if is_new else (health.code, health.message)
    due = (
        health.looked_at is None
        or makes_nothing_new(health.warnings)
        or condition is not health.condition
        or (message != health.message and health.checked_at is not None)
        or probing.clock.now() - health.looked_at >= timedelta(seconds=probing.limits.key_look_seconds)
    )
    warnings = find_warnings(probing.keys, probing.clock.now(), catalog.tenant(), wrapped, condition) if due else None
    return ProbeOutcome(
        arn=wrapped.arn,
        condition=condition,
        code=code,
        message=message or WELL,
        result=finding.condition,
        warnings=warnings,
    )
