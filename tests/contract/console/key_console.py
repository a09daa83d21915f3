"""A console over a catalog whose jobs an engine carries out against the simulated KMS, with keys of two accounts."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.domain.jobs import Job
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.console.served import Browser, Console, serving
from tests.contract.engine.test_key_checks import OWNER, KmsWorld
from tests.parts import ACCOUNT, REGION, AwsSimulator, aws_simulator

NAME = "contoso"
BASE = f"/t/{NAME}/settings/key-management"


class KeyConsole(Console):
    """A console of one tenant, ``contoso``, and the engine whose ``work`` carries its jobs out."""

    def __init__(self, folder: Path, aws: AwsSimulator) -> None:
        (folder / "unused").mkdir()
        self.engine = KmsWorld(folder, aws)
        self.engine.limit(key_steady_seconds=0.3, worker_seen_seconds=3600.0)  # its heartbeat below is the only one
        super().__init__(folder / "unused", catalog=self.engine.context.catalog)
        self.world.close()
        self.world.catalog = self.engine.context.catalog
        self.engine.context.catalog.scheduler().record_heartbeat("w", 100)
        caller = self.engine.context.keys.caller()
        self.engine.context.catalog.scheduler().record_identity("w", caller.account, caller.principal)

    @property
    def tenant(self) -> TenantCatalog:
        """Return the tenant's part of the catalog."""
        return self.engine.catalog

    def close(self) -> None:
        """Close the browsers and the engine."""
        for browser in self._browsers:
            browser.close()
        self.engine.close()

    def newest(self) -> Job:
        """Return the newest job."""
        return self.tenant.jobs.recent(1)[0]

    def keys(self, **values: Any) -> Browser:
        """Return the browser of a person who manages the tenant's key."""
        return self.as_("keys", NAME, **values)

    def checked(self, browser: Browser, arn: str, kind: str = "enable") -> tuple[str, httpx.Response]:
        """Send the ARN by the dialog, let the worker check it, and return the address and the page of the checks."""
        answer = browser.post(f"{BASE}/{kind}", data={"arn": arn})
        assert answer.status_code == 303, answer.text
        self.engine.work()
        address = answer.headers["location"]
        return address, browser.get(address)

    def enabled(self, browser: Browser, arn: str) -> Job:
        """Enable the key by the whole dialog. Return the job of the change after its end."""
        address, _ = self.checked(browser, arn)
        browser.post(f"{address}/save")
        assert agree(browser, address).status_code == 303
        self.engine.work()
        return self.tenant.jobs.get(self.tenant.customer_keys.summary().changes[0].job_id)


def agree(browser: Browser, address: str) -> httpx.Response:
    """Send the form of the terms as it is shown."""
    return browser.post(f"{address}/agree", data=hidden(browser.get(f"{address}/terms").text))


def hidden(page: str) -> dict[str, str]:
    """Return the hidden fields of the form with which a person agrees."""
    form = page.partition('/agree"')[2].partition("</form>")[0]
    return dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form))


def text_of(page: str) -> str:
    """Return the words of a page without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsSimulator]:
    with aws_simulator() as simulator:
        yield simulator


@contextmanager
def key_console(folder: Path, aws: AwsSimulator, patch: pytest.MonkeyPatch) -> Iterator[KeyConsole]:
    """Serve a console whose tenant has the operator's key."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"):
        patch.delenv(name, raising=False)
    environment = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": REGION}
    for name, value in (environment | {f"AWS_ENDPOINT_URL_{service}": aws.url for service in ("KMS", "STS")}).items():
        patch.setenv(name, value)
    aws.clear_faults()
    console = KeyConsole(folder, aws)
    with serving(console):
        yield console


__all__ = ["BASE", "NAME", "OWNER", "KeyConsole", "agree", "hidden", "key_console", "text_of"]
