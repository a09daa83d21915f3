"""Run the front process until a signal ends it."""

from collections.abc import Callable

from console.web.front import Front
from console.web.pulse import Pulse
from console.web.server import server_of
from shared import wiring
from shared.domain.errors import Code, Refuse


def serve(say: Callable[[str], None]) -> None:
    """Serve the console until SIGTERM or Ctrl-C. ``say`` gets one line once it listens.

    Raise Refuse ``SETTINGS_INVALID`` if it cannot listen at its address, and what opening the catalog raises.
    """
    wiring.seclude()
    wiring.set_up_logs()
    front = opened()
    server = server_of(front)
    host, port = front.settings.web_address
    try:
        sockets = [server.config.bind_socket()]
    except SystemExit:
        raise Refuse(
            Code.SETTINGS_INVALID,
            f"ENTRAKEEP_WEB_LISTEN: {host}:{port} is in use or not of this machine; give another.",
        ) from None
    sockets[0].listen(server.config.backlog)  # whoever reads the line may connect at once
    say(f"ready {front.settings.web_url}")
    server.run(sockets)


def opened() -> Front:
    """Return the front of this process. Raise Refuse ``SETTINGS_INVALID``, ``CATALOG_UNREACHABLE``."""
    catalog, clock, settings = wiring.open_catalog(), wiring.clock(), wiring.web_settings()
    return Front(
        catalog=catalog,
        clock=clock,
        settings=settings,
        limits=wiring.LIMITS,
        pulse=Pulse(catalog, clock, wiring.LIMITS),
        passkeys=wiring.passkeys(settings),
        passwords=wiring.passwords(),
        provider=wiring.sign_in_provider(settings),
        sealer=wiring.sealer(),
    )
