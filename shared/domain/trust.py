"""Trust: which KMS keys may wrap a tenant's data keys.

A bucket names keys but never decides which to trust, because anybody who may write to it may name a KMS key of their
own. Trusted keys are the provider key, the keys that SQL or the audit trail names for the tenant, and those that the
operator names.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from shared.domain.arns import account_of, region_of
from shared.domain.audit import Action, Event

_SUCCEEDED = "succeeded"
"""The state, in an event, of a job that succeeded."""
_SWITCH_ENDED = frozenset({Action.KEY_ENABLE_ENDED, Action.KEY_UPDATE_ENDED})


class Untrusted(msgspec.Struct, frozen=True, kw_only=True):
    """The data of one tenant in the store under a KMS key that is not trusted."""

    arn: str
    data_keys: int
    manifests: int
    found_at: datetime | None = None
    """When the catalog first stored this."""


def described(untrusted: Untrusted) -> str:
    """Return the data under the untrusted KMS key, with the key's account and Region, in words."""
    counts = ((untrusted.data_keys, "data key"), (untrusted.manifests, "manifest"))
    counted = " and ".join(f"{count:,} {noun}{'' if count == 1 else 's'}" for count, noun in counts if count)
    return f"{counted} under {located(untrusted.arn)}"


def located(arn: str) -> str:
    """Return the ARN of a KMS key with its account and Region, in words."""
    return f"{arn} (account {account_of(arn)}, Region {region_of(arn)})"


def arns_in_use(events: Iterable[Event]) -> frozenset[str]:
    """Return the KMS keys that wrapped the tenant's data keys after these events, starting from the trail's first event.

    The previous key is in use until the change has succeeded. After that it is no longer trusted.
    """
    current: str | None = None
    named: set[str] = set()
    for event in events:
        arn = event.detail.get("arn")
        if event.action == Action.TENANT_ADDED or event.action == Action.KEY_TRUSTED:
            current = str(arn)
            named.add(current)
        elif event.action == Action.KEY_SWITCHED:
            current = str(arn)
            named |= {current, str(event.detail.get("before"))}
        elif event.action in _SWITCH_ENDED and event.detail.get("state") == _SUCCEEDED and current:
            named = {current}
    return frozenset(named)
