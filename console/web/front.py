"""What the front process works with: the catalog, the clock and the settings."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.web.pulse import Pulse
from shared.domain.limits import Limits

if TYPE_CHECKING:
    from shared.ports.catalog.database import Catalog
    from shared.ports.clock import Clock
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


def opened() -> Front:
    """Return the front of this process. Raise Refuse ``SETTINGS_INVALID``, ``CATALOG_UNREACHABLE``."""
    from shared import wiring

    catalog, clock = wiring.open_catalog(), wiring.clock()
    return Front(
        catalog=catalog,
        clock=clock,
        settings=wiring.web_settings(),
        limits=wiring.LIMITS,
        pulse=Pulse(catalog, clock, wiring.LIMITS),
    )
