"""Trust: which KMS keys may wrap a tenant's data keys.

A bucket names keys; it never decides which to trust, as whoever may write to it may name a KMS key of its own. Trusted are
the provider key, the keys that SQL or the audit trail names for the tenant, and those that the operator names.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from shared.domain.arns import account_of, region_of
from shared.domain.audit import Action, Event
from shared.domain.model import JobState

_SWITCH_ENDED = frozenset({Action.KEY_ENABLE_ENDED, Action.KEY_UPDATE_ENDED})


class Untrusted(msgspec.Struct, frozen=True, kw_only=True):
    """What the store holds of one tenant under a KMS key that is not trusted."""

    arn: str
    data_keys: int
    manifests: int
    found_at: datetime | None = None
    """When the catalog first noted it."""


def described(found: Untrusted) -> str:
    """Return what there is under the untrusted KMS key, with its account and Region, in words."""
    counts = ((found.data_keys, "data key"), (found.manifests, "manifest"))
    counted = " and ".join(f"{count:,} {noun}{'' if count == 1 else 's'}" for count, noun in counts if count)
    return f"{counted} under {located(found.arn)}"


def located(arn: str) -> str:
    """Return the ARN of a KMS key with its account and Region, in words."""
    return f"{arn} (account {account_of(arn)}, Region {region_of(arn)})"


def arns_in_use(events: Iterable[Event]) -> frozenset[str]:
    """Return the KMS keys that wrapped the tenant's data keys after these events, the first of the trail included.

    The key before a change is in use until the change has succeeded: a key that was given up is trusted no longer.
    """
    present: str | None = None
    named: set[str] = set()
    for event in events:
        arn = event.detail.get("arn")
        if event.action == Action.TENANT_ADDED or event.action == Action.KEY_TRUSTED:
            present = str(arn)
            named.add(present)
        elif event.action == Action.KEY_SWITCHED:
            present = str(arn)
            named |= {present, str(event.detail.get("before"))}
        elif event.action in _SWITCH_ENDED and event.detail.get("state") == JobState.SUCCEEDED and present:
            named = {present}
    return frozenset(named)
