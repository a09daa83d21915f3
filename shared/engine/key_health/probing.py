"""One probe of one tenant's key: a real ``Decrypt``, what it means, and what follows.

The data key that is opened is the tenant's standing one of purpose ``secrets``. Every tenant has it from its first moment, it
is wrapped by the key that all new data keys get, and without it nobody can even sign in for the tenant: a key that opens it
is a key with which the next backup begins. A data key of its own for probes would have to be moved whenever the tenant's KMS
key changes, and would prove less. What it opens to is dropped where it was opened.
"""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from shared.domain.errors import Alarm, Code, EntrakeepError, KeyRefused, KeyTrouble, Refuse
from shared.domain.key_health import WELL, Finding, KeyCondition, KeyHealth, confirmed, makes_nothing_new, wait_for
from shared.domain.limits import Limits
from shared.domain.model import Purpose, WrappedKey
from shared.engine.key_health.looking import look
from shared.engine.patience import seconds_since
from shared.ports.catalog import Catalog, TenantCatalog
from shared.ports.clock import Clock
from shared.ports.key_health import Noted, ProbeTurn
from shared.ports.keys import KeyService
from shared.ports.notices import Notices
from shared.vault.keyring import unwrap

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Probing:
    """What probes are made with. ``every``: seconds between two of a tenant; ``notices``: None if nobody wants to hear."""

    catalog: Catalog
    keys: KeyService
    clock: Clock
    limits: Limits
    lease_seconds: float
    every: float
    notices: Notices | None
    flush_usage: Callable[[], None] = lambda: None
    """Adds the calls to KMS to the totals in SQL."""


def probe_key(probing: Probing, turn: ProbeTurn) -> None:
    """Probes the tenant's key, once, and writes down what that means. A refusal goes the way of every refusal: it is
    remembered, and ends the tenant's jobs; a success that is to be believed lets it be forgotten.

    Raises what the catalog raises; then nothing is noted, and the turn comes again.
    """
    catalog = probing.catalog.tenant(turn.tenant_id)
    health, wrapped = catalog.health.get(), catalog.keys.find(Purpose.SECRETS, None)
    if wrapped is None:
        return
    begun = time.monotonic()
    finding = _finding(probing.keys, wrapped)
    if finding.condition is KeyCondition.REVOKED:
        catalog.keys.refuse(wrapped.arn, finding.message, ago=seconds_since(begun), probed=True)
    if _moved(catalog, wrapped):
        return  # what was found is about a key that is not the tenant's any more
    noted = _noted(probing, catalog, health, wrapped, finding)
    warnings = health.warnings if noted.warnings is None else noted.warnings
    wait = wait_for(noted.condition, finding.condition, probing.every, probing.lease_seconds, warnings)
    wait *= random.uniform(0.9, 1.1)
    event = catalog.health.note(turn, noted, next_in=wait, tell=probing.notices is not None)
    if event is not None:
        level = logging.INFO if event.condition is KeyCondition.OK and not event.warnings else logging.WARNING
        said = " ".join([event.message, *(warning.message for warning in event.warnings)])
        log.log(level, "%s", said, extra={"tenant": turn.tenant_id, "code": event.code})


def _finding(keys: KeyService, wrapped: WrappedKey) -> Finding:
    try:
        unwrap(keys, wrapped).drop()
    except KeyRefused as error:
        return _wrong(KeyCondition.REVOKED, error)
    except KeyTrouble as error:
        return _wrong(KeyCondition.UNREACHABLE, error)
    except Refuse as error:
        return _wrong(KeyCondition.MISCONFIGURED, error)
    except Alarm as error:
        return _wrong(KeyCondition.DAMAGED, error)
    return Finding(condition=KeyCondition.OK, code=None, message=WELL)


def _wrong(condition: KeyCondition, error: EntrakeepError) -> Finding:
    return Finding(condition=condition, code=Code(error.code), message=error.message)


def _moved(catalog: TenantCatalog, wrapped: WrappedKey) -> bool:
    now = catalog.keys.find(Purpose.SECRETS, None)
    return now is None or (now.arn, now.generation) != (wrapped.arn, wrapped.generation)


def _noted(probing: Probing, catalog: TenantCatalog, health: KeyHealth, wrapped: WrappedKey, finding: Finding) -> Noted:
    """What is held to be so after this finding; with a closer look where that is due."""
    held = confirmed(health.condition, health.found, finding.condition)
    code, message = (finding.code, finding.message) if held is finding.condition else (health.code, health.message)
    due = (
        health.looked_at is None
        or makes_nothing_new(health.warnings)
        or held is not health.condition
        or (message != health.message and health.checked_at is not None)
        or probing.clock.now() - health.looked_at >= timedelta(seconds=probing.limits.key_look_seconds)
    )
    warnings = look(probing.keys, probing.clock.now(), catalog.tenant(), wrapped, held) if due else None
    return Noted(
        arn=wrapped.arn,
        condition=held,
        code=code,
        message=message or WELL,
        found=finding.condition,
        warnings=warnings,
    )
