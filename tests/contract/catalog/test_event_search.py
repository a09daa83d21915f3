"""Audit events found by who, what and when, page by page."""

from datetime import datetime, timedelta

import pytest

from shared.domain.audit import INSTALLATION, Action, event_of
from shared.domain.jobs import JobKind, Origin
from shared.ports.catalog.audit import EventFilter
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import World

ODD = 'a"b\\c","at":"2020% _é'


def numbers(tenant: TenantCatalog, **filters: object) -> list[int]:
    return [entry.number for entry in tenant.audit.find(EventFilter(**filters))]  # type: ignore[arg-type]


@pytest.mark.postgresql
def test_events_are_found_by_action_family_and_actor(world: World, acme: TenantCatalog) -> None:
    def append(actor: str, action: Action) -> int:
        return world.catalog.as_actor(actor).tenant(acme.tenant_id).audit.append(action, called=ODD).number

    begun = append("person:ana", Action.DOWNLOAD_BEGUN)
    ended = append("person:ana", Action.DOWNLOAD_ENDED)
    shown = append("person:an", Action.BROWSE_BEGUN)
    odd = append(ODD, Action.BROWSE_ENDED)
    assert numbers(acme) == [odd, shown, ended, begun, 1]
    assert numbers(acme, action="download.begun") == [begun]
    assert numbers(acme, action="download.b") == []
    assert numbers(acme, family="download") == [ended, begun]
    assert numbers(acme, family="down") == []
    assert numbers(acme, actor="person:ana") == [ended, begun]
    assert numbers(acme, actor="PERSON:ANA") == []
    assert numbers(acme, actor=ODD) == [odd]
    assert numbers(acme, actor="person:ana", family="browse") == []
    assert numbers(world.catalog.tenant(INSTALLATION), family="download") == []


@pytest.mark.postgresql
def test_events_are_found_by_their_time(world: World, acme: TenantCatalog) -> None:
    for _ in range(3):
        acme.audit.append(Action.BROWSE_BEGUN)
        world.pass_time(60)
    third = acme.audit.find(EventFilter(limit=1))[0]
    at = datetime.fromisoformat(event_of(third).at)
    assert numbers(acme, since=at) == [third.number]
    assert third.number not in numbers(acme, until=at)
    assert third.number in numbers(acme, until=at + timedelta(microseconds=1))
    assert numbers(acme, since=at, until=at) == []


@pytest.mark.postgresql
def test_pages_of_events_follow_each_other(acme: TenantCatalog) -> None:
    for _ in range(4):
        acme.audit.append(Action.BROWSE_BEGUN)
    assert numbers(acme, limit=2) == [5, 4]
    assert numbers(acme, limit=2, below=4) == [3, 2]
    assert numbers(acme, limit=2, below=2) == [1]
    assert numbers(acme, below=1) == []


@pytest.mark.postgresql
def test_the_events_of_a_job_are_found(acme: TenantCatalog) -> None:
    job, _ = acme.jobs.request(JobKind.BACKUP, origin=Origin.HAND)
    acme.jobs.request(JobKind.VERIFY, origin=Origin.HAND)
    acme.jobs.cancel(job.job_id)
    actions = [event_of(entry).action for entry in acme.audit.find(EventFilter(job=job.job_id))]
    assert actions == [Action.JOB_CANCELLED, Action.BACKUP_ASKED]
