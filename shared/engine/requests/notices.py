"""Requests about notice targets: add, list, test and remove. Nothing here can open a target."""

import base64
import re
import secrets
import uuid
from collections.abc import Iterable

import msgspec

from shared.domain.errors import Code, Refuse
from shared.domain.limits import LIMITS
from shared.domain.notice_addresses import checked
from shared.domain.notices import Target, TargetKind, TargetSecret, chosen
from shared.ports.catalog.database import Catalog
from shared.ports.catalog.notices import Delivery, SealedTarget
from shared.ports.clock import Clock
from shared.ports.sealer import Sealer

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,63}")


class AddedTarget(msgspec.Struct, frozen=True, kw_only=True):
    """A new target, and the secret that is shown this once."""

    target: Target
    secret: str | None
    """The key with which a webhook's receiver checks signatures."""


class TargetWithDeliveries(msgspec.Struct, frozen=True, kw_only=True):
    """A target and its newest deliveries, newest first."""

    target: Target
    deliveries: tuple[Delivery, ...]

    @property
    def failing(self) -> bool:
        """Return True if the target did not take what was tried last."""
        tried = [each for each in self.deliveries if each.tried_at is not None]
        return bool(tried) and max(tried, key=lambda each: each.tried_at or each.made_at).state != "delivered"


def add_target(
    catalog: Catalog,
    sealer: Sealer,
    clock: Clock,
    tenant_id: str | None,
    *,
    name: str,
    kind: TargetKind,
    address: str,
    notices: Iterable[str] = (),
) -> AddedTarget:
    """Store a target, its address sealed. Return it with the secret of a webhook's signatures.

    No notices chosen means all. Raise Refuse ``WRONG_USE``, ``NO_SUCH_TENANT``, and ``STACK_NOT_RUNNING`` if no worker
    has published the installation's public key yet.
    """
    name = checked_target_name(name)
    kinds, place = chosen(notices, tenant_id), checked(kind, address, tenant_id)
    key = catalog.installation_keys().recipient()
    if key is None:
        raise Refuse(
            Code.STACK_NOT_RUNNING,
            "No worker has published the key to which targets are sealed. Start the stack with 'entrakeep up', then try "
            "again.",
        )
    target = Target(
        target_id=str(uuid.uuid4()),
        tenant_id=tenant_id,
        name=name,
        kind=kind,
        place=place.place,
        notices=tuple(each.value for each in kinds),
        made_by=catalog.actor,
        made_at=clock.now(),
    )
    secret = _new_secret() if kind is TargetKind.WEBHOOK else None
    hidden = TargetSecret(
        target_id=target.target_id, tenant_id=tenant_id, kind=kind, address=place.address, secret=secret
    )
    data = sealer(key.recipient, msgspec.json.encode(hidden))
    catalog.notice_targets(tenant_id).add(SealedTarget(target=target, data_key_id=key.data_key_id, data=data))
    return AddedTarget(target=target, secret=secret)


def checked_target_name(name: str) -> str:
    """Return the name without outer spaces. Raise Refuse ``WRONG_USE`` if no target may have it."""
    if not _NAME.fullmatch(name.strip()):
        raise Refuse(
            Code.WRONG_USE,
            "A target's name has up to 64 letters, digits, spaces and . _ -, and begins with a letter or digit.",
        )
    return name.strip()


def list_targets(catalog: Catalog, tenant_id: str | None) -> list[TargetWithDeliveries]:
    """Return the targets by name, each with its newest deliveries. Two queries."""
    port = catalog.notice_targets(tenant_id)
    targets, deliveries = port.all(), port.deliveries(LIMITS.notice_deliveries_shown)
    return [
        TargetWithDeliveries(
            target=target, deliveries=tuple(each for each in deliveries if each.target_id == target.target_id)
        )
        for target in targets
    ]


def send_test(catalog: Catalog, tenant_id: str | None, name: str) -> tuple[Target, str]:
    """Queue a test. Return the target and the delivery's id. Raise Refuse ``NO_SUCH_TARGET``."""
    port = catalog.notice_targets(tenant_id)
    target = port.find(name)
    return target, port.test(target.target_id)


def remove_target(catalog: Catalog, tenant_id: str | None, name: str) -> Target:
    """Remove a target with its deliveries. Return it. Raise Refuse ``NO_SUCH_TARGET``."""
    port = catalog.notice_targets(tenant_id)
    target = port.find(name)
    port.remove(target.target_id)
    return target


def _new_secret() -> str:
    """Return a new secret of 256 random bits."""
    return "eks1_" + base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
