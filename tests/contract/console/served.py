"""The console over a real HTTP server on loopback, with a real catalog, and browsers of people with roles."""

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import uvicorn
from argon2 import PasswordHasher

from console.web.front import Front
from console.web.pulse import Pulse
from console.web.server import server_of
from console.web.visitor import COOKIE
from shared import wiring
from shared.adapters.clock import SystemClock
from shared.adapters.passwords import Argon2Passwords
from shared.domain.access import Grant, Role
from shared.domain.limits import LIMITS
from shared.domain.people import Means, SignIn
from shared.engine.access.sign_in import hash_of
from shared.ports.catalog.database import Catalog
from shared.web_config import WebSettings
from tests.contract.catalog.world import World, new_id
from tests.migrated import migrated_file

QUICK_PASSWORDS = Argon2Passwords()
QUICK_PASSWORDS._hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
"""How slow hashes are is tested elsewhere."""
QUICK = msgspec.structs.replace(
    LIMITS, web_network_requests=1_000_000, web_sign_in_requests=1_000_000, web_body_seconds=1.0
)
"""The limits of the console under test: a walk over all routes is no attack."""


class Browser(httpx.Client):
    """One browser: it keeps a cookie of a sign-in, and says where its requests come from as browsers do."""

    def __init__(self, url: str, cookie: str | None = None) -> None:
        headers = {"sec-fetch-site": "same-origin"}
        if cookie is not None:
            headers["cookie"] = f"{COOKIE}={cookie}"
        super().__init__(base_url=url, headers=headers, timeout=20, trust_env=False)


class Console:
    """A running console. ``world`` has its catalog, ``world.add("acme")`` adds a tenant."""

    def __init__(
        self,
        folder: Path,
        *,
        https: bool = False,
        world: World | None = None,
        catalog: Catalog | None = None,
        **settings: Any,
    ) -> None:
        """Use a catalog in the folder, or ``world``. ``catalog`` is that world's, opened as another database user."""
        self._scheme = "https" if https else "http"
        self.world = world or World(migrated_file(folder / "catalog.sqlite3"))
        self.ids: dict[str, str] = {}
        self._catalog = catalog or self.world.catalog
        self.clock = SystemClock()
        self.port = 0
        self._settings = settings
        self._browsers: list[Browser] = []

    @property
    def url(self) -> str:
        """Return the console's address."""
        return f"http://localhost:{self.port}"

    def front(self) -> Front:
        """Return what the console works with."""
        limits = self._settings.pop("limits", QUICK)
        settings = WebSettings(
            web_url=f"{self._scheme}://localhost:{self.port}",
            web_listen=f"127.0.0.1:{self.port}",
            home=Path("/nonexistent"),
            **self._settings,
        )
        return Front(
            catalog=self._catalog,
            clock=self.clock,
            settings=settings,
            limits=limits,
            pulse=Pulse(self._catalog, self.clock, limits),
            passkeys=wiring.passkeys(settings),
            passwords=QUICK_PASSWORDS,
            provider=wiring.sign_in_provider(settings),
            sealer=wiring.sealer(),
        )

    def as_(self, role: Role | str, tenant: str | None = None, *, confirmed: bool = True) -> Browser:
        """Return the browser of a person with one role, in this tenant or in the installation, signed in just now."""
        tenant_id = None if tenant is None else self.world.catalog.find(tenant).tenant_id
        return self.with_grants(Grant(role=Role(role), tenant_id=tenant_id), confirmed=confirmed)

    def with_grants(self, *grants: Grant, handle: str | None = None, confirmed: bool = True) -> Browser:
        """Return the browser of a person with these grants, signed in just now."""
        now, cookie, person_id = datetime.now(UTC), secrets.token_urlsafe(32), new_id()
        handle = handle or f"ana-{person_id[:8]}"
        self.world.catalog.people().add(person_id, handle, grants=grants)
        sign_in = SignIn(
            sign_in_id=new_id(),
            means=Means.PASSKEY,
            begun_at=now,
            seen_at=now,
            expires_at=now + timedelta(hours=8),
            confirmed_at=now if confirmed else None,
            address="127.0.0.1",
            browser="test",
        )
        self.world.catalog.sign_ins().begin(person_id, hash_of(cookie), sign_in)
        return self._opened(Browser(self.url, cookie))

    def nobody(self) -> Browser:
        """Return a browser in which nobody has signed in."""
        return self._opened(Browser(self.url))

    def close(self) -> None:
        """Close the browsers and the catalog."""
        for browser in self._browsers:
            browser.close()
        self.world.close()

    def _opened(self, browser: Browser) -> Browser:
        self._browsers.append(browser)
        return browser


@contextmanager
def served_console(folder: Path, **settings: Any) -> Iterator[Console]:
    """Serve a console with a catalog of its own as long as the block lasts."""
    console = Console(folder, **settings)
    with serving(console):
        yield console


@contextmanager
def serving(console: Console) -> Iterator[None]:
    """Serve the console as long as the block lasts. Close it at the end."""
    probe = uvicorn.Config(lambda: None, host="127.0.0.1", port=0, log_config=None).bind_socket()
    console.port = probe.getsockname()[1]
    server = server_of(console.front())
    thread = threading.Thread(target=server.run, args=([probe],))
    thread.start()
    try:
        until = time.monotonic() + 20
        while not server.started:
            assert time.monotonic() < until, "the console did not start"
            time.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        thread.join(20)
        console.close()
        probe.close()
