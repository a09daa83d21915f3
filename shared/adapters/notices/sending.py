"""Choose the way to a target, and keep targets of tenants off this machine's own services."""

import ipaddress
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

from shared.adapters.notices.by_apprise import ByApprise
from shared.adapters.notices.signed_webhook import SignedWebhook
from shared.domain.notices import Notice, TargetKind, TargetSecret
from shared.ports.notices import NotTaken

_NEAR = "the host is this machine or its cloud's own service, which a tenant's target may not be"


def is_near(host: str) -> bool:
    """Return True if a name means this machine, its link (where clouds serve credentials), or no single machine."""
    try:
        names = {each[4][0] for each in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return False  # the delivery fails by itself
    addresses = [ipaddress.ip_address(str(each).partition("%")[0]) for each in names]
    return any(each.is_loopback or each.is_link_local or each.is_unspecified or each.is_multicast for each in addresses)


class TargetSender:
    """``ports.notices.NoticeSender`` for each kind of target."""

    def __init__(self, webhook: SignedWebhook, by_apprise: ByApprise, near: Callable[[str], bool] = is_near) -> None:
        self._webhook = webhook
        self._by_apprise = by_apprise
        self._near = near

    def send(self, receiver: TargetSecret, notice: Notice) -> str:
        """Send a notice and return the outcome. Raise NotTaken."""
        host = urlsplit(receiver.address).hostname
        if receiver.tenant_id is not None and host is not None and self._near(host):
            raise NotTaken(_NEAR)
        sender = self._webhook if receiver.kind is TargetKind.WEBHOOK else self._by_apprise
        return sender.send(receiver, notice)
