"""What an answer of KMS says of a tenant's key: state, warnings and history change in the transaction that learns of it.

Lock order: the tenant's row or nothing, the row of the key's health, the refusal, the audit head.
"""

from typing import Any

import msgspec
from sqlalchemy import RowMapping

from shared.adapters.catalog.audit import append_if_sound
from shared.adapters.catalog.outbox import forget_old
from shared.adapters.catalog.schema import data_keys, key_events, key_health, refusals, tenants
from shared.adapters.catalog.tenancy import Changes, Rows
from shared.domain.audit import Action
from shared.domain.errors import Code
from shared.domain.key_health import ANSWERS, DISPROVED, WELL, KeyCondition, KeyEvent, KeyWarning
from shared.ports.key_health import Noted


def note_refusal(rows: Changes, tenant: RowMapping, arn: str, message: str) -> None:
    """Note that a job's use of the key was refused, so that the key is revoked now and was well until then.

    A key that only older data keys are under has no health of its own: for it there is the event alone.
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
    noted = Noted(arn=arn, condition=condition, code=code, message=message, found=condition)
    happened(rows, noted, warnings, tell=True)


def disproved(rows: Rows, arn: str) -> bool:
    """Return whether anything that is known of the key is wrong if KMS has just answered for it."""
    row = rows.one(key_health)
    known_refusal = rows.one(refusals, refusals.c.arn == arn) is not None
    return known_refusal or (row is not None and _wrong(row) and (row["arn"] == arn or _outlived(rows, row, arn)))


def note_answer(rows: Changes, tenant: RowMapping, arn: str) -> bool:
    """Withdraw what an answer of KMS for this key proves wrong; return whether a refusal was among it."""
    row = _health(rows, tenant)
    again = forget_refusal(rows, arn)
    if _wrong(row) and (row["arn"] == arn or _outlived(rows, row, arn)):
        kept = warnings_of(row) if row["arn"] == arn else []
        warnings = [each for each in kept if each.warning not in DISPROVED]
        well = KeyCondition.OK
        _change(rows, arn=arn, condition=well, code=None, message=WELL, found=well, warnings=plain(warnings))
        happened(rows, Noted(arn=arn, condition=well, code=None, message=WELL, found=well), warnings, tell=True)
    elif again and row["arn"] != arn:
        well = KeyCondition.OK
        happened(rows, Noted(arn=arn, condition=well, code=None, message=WELL, found=well), [], tell=True)
    return again


def forget_refusal(rows: Changes, arn: str) -> bool:
    """Forget that the key was refused, and report it to the audit trail; return whether it was."""
    again = bool(rows.delete(refusals, refusals.c.arn == arn))
    if again:
        append_if_sound(rows, Action.KEY_ANSWERED, {}, {"arn": arn})
    return again


def happened(rows: Changes, noted: Noted, warnings: list[KeyWarning], *, tell: bool) -> KeyEvent:
    """Append an event to the history, and forget the oldest."""
    number = rows.number(key_events)
    rows.insert(
        key_events,
        number=number,
        at=rows.now,
        arn=noted.arn,
        condition=noted.condition.value,
        code=noted.code,
        message=noted.message,
        warnings=plain(warnings),
        tell_at=rows.now if tell else None,
        tries=0,
    )
    forget_old(rows, key_events, number)
    return KeyEvent(
        number=number,
        at=rows.now,
        arn=noted.arn,
        condition=noted.condition,
        code=noted.code,
        message=noted.message,
        warnings=warnings,
    )


def unprobed(tenant: RowMapping) -> dict[str, Any]:
    """Return the health of a key of which nothing is known but that the tenant has it."""
    return {
        "arn": tenant["key_arn"],
        "condition": KeyCondition.OK.value,
        "since": tenant["created_at"],
        "message": "",
        "warnings": [],
    }


def warnings_of(row: RowMapping) -> list[KeyWarning]:
    """Return the warnings in a row."""
    return msgspec.convert(row["warnings"], list[KeyWarning])


def plain(warnings: list[KeyWarning]) -> list[Any]:
    """Return warnings as a row holds them."""
    found: list[Any] = msgspec.to_builtins(warnings)
    return found


def _outlived(rows: Rows, row: RowMapping, arn: str) -> bool:
    """Whether the health is that of a key before, which wraps nothing any more, and ``arn`` is the tenant's key now."""
    tenant = rows.one(tenants)
    present = tenant is not None and tenant["key_arn"] == arn
    return present and not rows.find(data_keys, data_keys.c.arn == row["arn"])


def _wrong(row: RowMapping) -> bool:
    return row["condition"] in ANSWERS or any(each.warning in DISPROVED for each in warnings_of(row))


def _health(rows: Changes, tenant: RowMapping) -> RowMapping:
    """The row of the key's health, locked, made if the key was never probed."""
    row = rows.one(key_health, lock=True)
    if row is not None:
        return row
    rows.insert(key_health, turn=0, next_probe=rows.now, **unprobed(tenant))
    made = rows.one(key_health, lock=True)
    assert made is not None
    return made


def _change(rows: Changes, **values: Any) -> None:
    """Change the health from now on. A probe under way may have asked before: the next one is due, with a closer look."""
    rows.update(key_health, since=rows.now, looked_at=None, next_probe=rows.now, turn=key_health.c.turn + 1, **values)
