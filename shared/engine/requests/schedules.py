"""Requests to schedule backups: set, pause and resume."""

from datetime import datetime

import msgspec

from shared.domain.errors import Code, Refuse
from shared.domain.model import Schedule
from shared.domain.schedule import next_due
from shared.ports.catalog.database import Catalog
from shared.ports.catalog.schedules import Schedules


def set_schedule(catalog: Catalog, actor: str, name: str, cron: str, timezone: str, now: datetime) -> Schedule:
    """Set the tenant's schedule in place of the current one, even of a paused one. Return it.

    Raise Refuse ``SETTINGS_INVALID`` for a malformed cron expression or time zone, ``NO_SUCH_TENANT``.
    """
    due = next_due(cron, timezone, now)
    schedule = Schedule(cron=" ".join(cron.split()), timezone=timezone, paused=False, next_due=due)
    _schedules(catalog, actor, name).set(schedule)
    return schedule


def pause_schedule(catalog: Catalog, actor: str, name: str) -> Schedule:
    """Pause the tenant's schedule. Return it. Raise Refuse ``NO_SUCH_TENANT``, ``WRONG_USE`` if there is none."""
    schedules = _schedules(catalog, actor, name)
    schedule = _existing(schedules, name)
    if not schedule.paused:
        schedule = msgspec.structs.replace(schedule, paused=True, next_due=None)
        schedules.set(schedule)
    return schedule


def resume_schedule(catalog: Catalog, actor: str, name: str, now: datetime) -> Schedule:
    """Resume the tenant's paused schedule; missed backups are skipped. Return it. Raise as ``pause_schedule`` does."""
    schedules = _schedules(catalog, actor, name)
    schedule = _existing(schedules, name)
    if schedule.paused:
        due = next_due(schedule.cron, schedule.timezone, now)
        schedule = msgspec.structs.replace(schedule, paused=False, next_due=due)
        schedules.set(schedule)
    return schedule


def _schedules(catalog: Catalog, actor: str, name: str) -> Schedules:
    """Return the handle of the tenant's schedule. Raise Refuse ``NO_SUCH_TENANT``."""
    return catalog.as_actor(actor).tenant(catalog.find(name).tenant_id).schedules


def _existing(schedules: Schedules, name: str) -> Schedule:
    """Return the schedule. Raise Refuse ``WRONG_USE`` if there is none."""
    schedule = schedules.get()
    if schedule is None:
        raise Refuse(Code.WRONG_USE, f"{name} has no schedule; set one with 'entrakeep schedule set'.")
    return schedule
