"""What the front process works with: the catalog, the clock and the settings."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from console.web.kept import Kept
from console.web.pulse import Pulse
from shared.domain.limits import Limits

if TYPE_CHECKING:
    from shared.ports.catalog.database import Catalog
    from shared.ports.clock import Clock
    from shared.ports.passkeys import Passkeys
    from shared.ports.passwords import Passwords
    from shared.ports.sealer import Sealer
    from shared.ports.sign_in_provider import SignInProvider
    from shared.wiring import WebSettings


@dataclass(frozen=True, kw_only=True)
class Front:
    """The parts that handlers use. It contains no key and no AWS credential."""

    catalog: "Catalog"
    """The catalog. Handlers use ``Ask.catalog``, whose audit events name the visitor."""
    clock: "Clock"
    settings: "WebSettings"
    limits: Limits
    pulse: Pulse
    passkeys: "Passkeys"
    passwords: "Passwords"
    provider: "SignInProvider | None"
    """The service that signs people in, or None if the settings name none."""
    sealer: "Sealer"
    """Seals what is typed to the installation's public key. The front cannot open it."""
    kept: Kept = field(default_factory=Kept)
