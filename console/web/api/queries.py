"""Types of the queries and bodies of endpoints. Their fields and docstrings are in the OpenAPI document."""

from datetime import datetime
from typing import Annotated

import msgspec

from shared.domain.freshness import Freshness
from shared.domain.jobs import JobState
from shared.domain.notices import TargetKind
from shared.engine.requests.fleet import KeyWord

Limit = Annotated[int, msgspec.Meta(ge=1, le=200, description="The number of rows at most.")]
After = Annotated[
    str, msgspec.Meta(max_length=200, description="The mark of the last row of the previous page; use the Link header.")
]
Number = Annotated[
    int, msgspec.Meta(ge=1, le=2**31 - 1, description="The number of the last event of the previous page.")
]
Arn = Annotated[str, msgspec.Meta(max_length=2048, description="The ARN of a KMS key.")]
Time = Annotated[datetime, msgspec.Meta(tz=True)]
Text = Annotated[str, msgspec.Meta(max_length=200)]


class Paging(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which page of a list."""

    limit: Limit = 50
    after: After | None = None


class FleetQuery(Paging, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which tenants of the fleet, the worst first."""

    state: list[Freshness] = msgspec.field(default_factory=list)
    key: list[KeyWord] = msgspec.field(default_factory=list)
    search: Text = ""


class JobsQuery(Paging, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which jobs, newest first."""

    state: list[JobState] = msgspec.field(default_factory=list)
    since: Time | None = None


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which events, newest first."""

    limit: Limit = 50
    after: (
        Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1, description="The number of the last event of the page.")] | None
    ) = None
    actor: Text | None = None
    action: Text | None = None
    since: Time | None = None
    until: Time | None = None


class PolicyQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For which key, if it exists already."""

    arn: (
        Annotated[str, msgspec.Meta(max_length=2048, description="The ARN of the KMS key, if it exists already.")]
        | None
    ) = None


class BackupBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to back up."""

    full: bool = False


class VerifyBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to verify."""

    snapshot: Text | None = None
    shallow: bool = False


class ScheduleBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The schedule of backups."""

    cron: Annotated[str, msgspec.Meta(max_length=200, description="Five fields: minute hour day month weekday.")]
    timezone: Annotated[str, msgspec.Meta(max_length=100, description="Time zone of the cron fields.")] = "UTC"


class KeyCheckBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which key to check: a new one, or without ``arn`` the current one."""

    arn: (
        Annotated[
            str, msgspec.Meta(max_length=2048, description="A new key to rehearse; leave out for the current one.")
        ]
        | None
    ) = None


class TargetBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new notice target."""

    name: Annotated[str, msgspec.Meta(max_length=64)]
    kind: TargetKind
    address: Annotated[
        str, msgspec.Meta(max_length=2000, description="A mail address, a chat's link, or a webhook's URL.")
    ]
    notices: list[Text] = msgspec.field(default_factory=list)
    """Which notices it gets; all, if none is named."""
