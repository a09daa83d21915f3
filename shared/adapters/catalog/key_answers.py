"""Apply an answer of KMS to a tenant's key: state, warnings and history change in one transaction.

Lock order: the tenant's row (if any), the row of the key's health, the refusal, the audit head.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import RowMapping

from shared.adapters.catalog.audit import append_if_sound
from shared.adapters.catalog.notice_queue import queue_notice
from shared.adapters.catalog.outbox import forget_old
from shared.adapters.catalog.schema import data_keys, key_events, key_health, refusals, tenants
from shared.adapters.catalog.tenancy import Changes, Rows
from shared.domain.audit import Action
from shared.domain.errors import Code
from shared.domain.key_health import ANSWERS, DISPROVED, WELL, KeyCondition, KeyEvent, KeyWarning
from shared.domain.notice_sources import of_key
from shared.ports.catalog.key_health import ProbeOutcome


def note_refusal(rows: Changes, tenant: RowMapping, arn: str, message: str) -> None:
    """Note that KMS refused a job's use of the key: the key was well until then and is revoked now.

    A former key that only wraps older data keys has no health row. For it only the event is written.
    """
    row = _health(rows, tenant)
    code, condition = Code.KEY_ACCESS_REVOKED, KeyCondition.REVOKED
    warnings = warnings_of(row) if row["arn"] == arn else []
    if arn in (row["arn"], tenant["key_arn"]):
        if (row["arn"], row["condition"]) == (arn, condition):
            return
        _change(
            rows, arn=arn, condition=condition, code=code, message=message, found=condition, warnings=plain(warnings)
        )
    outcome = ProbeOutcome(arn=arn, condition=condition, code=code, message=message, result=condition)
    insert_event(rows, outcome, warnings, notify=True)


def disproved(rows: Rows, arn: str) -> bool:
    """Return True if a stored refusal, state or warning about the key is wrong once KMS has answered for it."""
    row = rows.one(key_health)
    known_refusal = rows.one(refusals, refusals.c.arn == arn) is not None
    return known_refusal or (row is not None and _wrong(row) and (row["arn"] == arn or _outlived(rows, row, arn)))


def note_answer(rows: Changes, tenant: RowMapping, arn: str) -> bool:
    """Withdraw what an answer of KMS for this key disproves. Return True if a refusal was withdrawn."""
    row = _health(rows, tenant)
    recovered = forget_refusal(rows, arn)
    if _wrong(row) and (row["arn"] == arn or _outlived(rows, row, arn)):
        kept = warnings_of(row) if row["arn"] == arn else []
        warnings = [each for each in kept if each.warning not in DISPROVED]
        well = KeyCondition.OK
        _change(rows, arn=arn, condition=well, code=None, message=WELL, found=well, warnings=plain(warnings))
        insert_event(
            rows, ProbeOutcome(arn=arn, condition=well, code=None, message=WELL, result=well), warnings, notify=True
        )
    elif recovered and row["arn"] != arn:
        well = KeyCondition.OK
        insert_event(rows, ProbeOutcome(arn=arn, condition=well, code=None, message=WELL, result=well), [], notify=True)
    return recovered


def forget_refusal(rows: Changes, arn: str) -> bool:
    """Delete the key's refusal and append an audit event. Return True if there was one."""
    recovered = bool(rows.delete(refusals, refusals.c.arn == arn))
    if recovered:
        append_if_sound(rows, Action.KEY_ANSWERED, {}, {"arn": arn})
    return recovered


def insert_event(rows: Changes, outcome: ProbeOutcome, warnings: list[KeyWarning], *, notify: bool) -> KeyEvent:
    """Append an event to the history, queue its notice, and remove the oldest. ``notify`` is for the settings' webhook."""
    queue_notice(rows, of_key(outcome.condition, outcome.code, outcome.message, outcome.arn, warnings))
    number = rows.number(key_events)
    rows.insert(
        key_events,
        number=number,
        at=rows.now,
        arn=outcome.arn,
        condition=outcome.condition.value,
        code=outcome.code,
        message=outcome.message,
        warnings=plain(warnings),
        tell_at=rows.now if notify else None,
        tries=0,
    )
    forget_old(rows, key_events, number)
    return KeyEvent(
        number=number,
        at=rows.now,
        arn=outcome.arn,
        condition=outcome.condition,
        code=outcome.code,
        message=outcome.message,
        warnings=warnings,
    )


def unprobed(tenant: RowMapping) -> dict[str, Any]:
    """Return the initial health values of the tenant's key, before the first probe."""
    return {
        "arn": tenant["key_arn"],
        "condition": KeyCondition.OK.value,
        "since": tenant["created_at"],
        "message": "",
        "warnings": [],
    }


def warnings_of(row: Mapping[Any, Any]) -> list[KeyWarning]:
    """Return the warnings in a row."""
    return msgspec.convert(row["warnings"], list[KeyWarning])


def plain(warnings: list[KeyWarning]) -> list[Any]:
    """Return warnings as built-in types, as a row stores them."""
    values: list[Any] = msgspec.to_builtins(warnings)
    return values


def _outlived(rows: Rows, row: RowMapping, arn: str) -> bool:
    """Return True if the health is that of a former key which wraps no data key, and ``arn`` is the current key."""
    tenant = rows.one(tenants)
    is_current = tenant is not None and tenant["key_arn"] == arn
    return is_current and not rows.find(data_keys, data_keys.c.arn == row["arn"])


def _wrong(row: RowMapping) -> bool:
    """Return True if the health contains a condition or warning that an answer of KMS disproves."""
    return row["condition"] in ANSWERS or any(each.warning in DISPROVED for each in warnings_of(row))


def _health(rows: Changes, tenant: RowMapping) -> RowMapping:
    """Lock and return the row of the key's health. Insert it if the key was never probed."""
    row = rows.one(key_health, lock=True)
    if row is not None:
        return row
    rows.insert(key_health, turn=0, next_probe=rows.now, **unprobed(tenant))
    inserted = rows.one(key_health, lock=True)
    assert inserted is not None
    return inserted


def _change(rows: Changes, **values: Any) -> None:
    """Update the health as of now, and make a probe with a closer look due.

    A probe that is under way may have asked KMS before this change, so its result is ignored.
    """
    rows.update(key_health, since=rows.now, looked_at=None, next_probe=rows.now, turn=key_health.c.turn + 1, **values)
