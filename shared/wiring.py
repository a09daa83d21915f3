"""Wiring: the only module where ports meet adapters.

Adapters are imported inside the function that builds them, so that the command line starts fast.
"""

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from shared import config, logs, web_config
from shared.domain.limits import LIMITS as LIMITS
from shared.domain.limits import Limits
from shared.ports.observer import Observer
from shared.web_config import WebSettings as WebSettings

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from celery import Celery

    from shared.domain.secret import Secret
    from shared.engine.context import Context
    from shared.engine.key_health import Probing
    from shared.engine.notices.delivering import Delivering
    from shared.engine.notices.installation_key import InstallationKeyring
    from shared.engine.store.marked_store import MarkedStore
    from shared.ports.broker import Broker, BrokerAnswer
    from shared.ports.catalog.database import Catalog
    from shared.ports.clock import Clock
    from shared.ports.directory import Access
    from shared.ports.dispatch import Dispatch
    from shared.ports.keys import KeyService
    from shared.ports.passkeys import Passkeys
    from shared.ports.passwords import Passwords
    from shared.ports.sealer import Sealer
    from shared.ports.sign_in_provider import SignInProvider


def settings() -> config.Settings:
    """Return the settings. Raise Refuse ``SETTINGS_INVALID`` that names every missing or wrong one."""
    return config.read_settings()


def web_settings() -> WebSettings:
    """Return the settings of the web console. Raise Refuse ``SETTINGS_INVALID``."""
    return web_config.read_web_settings()


def passkeys(values: WebSettings) -> "Passkeys":
    """Return the console's side of passkeys."""
    from shared.adapters.passkeys import Fido2Passkeys

    return Fido2Passkeys(values.web_url)


def passwords() -> "Passwords":
    """Return the hash function of passwords and one-time codes."""
    from shared.adapters.passwords import Argon2Passwords

    return Argon2Passwords()


def sign_in_provider(values: WebSettings) -> "SignInProvider | None":
    """Return the sign-in provider in the settings, or None. Raise Refuse ``SETTINGS_INVALID`` for a wrong certificate."""
    if values.oidc_issuer is None or values.oidc_client_id is None:
        return None
    from shared.adapters.oidc import Client, OidcProvider

    client = Client(
        client_id=values.oidc_client_id,
        secret=_file_of(values.oidc_client_secret_file),
        certificate=_file_of(values.oidc_certificate),
    )
    return OidcProvider(values.oidc_issuer, client, _trust(values.ca_bundle), clock())


def _file_of(path: Path | None) -> "Secret | None":
    """Return the content of a file with a credential, without a line break at its end."""
    from shared.domain.secret import Secret

    return None if path is None else Secret(path.read_bytes().strip())


def seclude() -> None:
    """Keep this process's memory out of core dumps, and away from other processes of the same user."""
    from shared.adapters.seclusion import seclude as secluded

    secluded()


def set_up_logs() -> None:
    """Set up logs with the format and level in the settings. The next reader of wrong settings reports them."""
    from shared.domain.errors import Refuse

    try:
        place = config.read_place()
    except Refuse:
        logs.set_up()
    else:
        logs.set_up(place.log_format, place.log_level)


def home() -> Path:
    """Return the folder of this machine's files, which may not exist yet."""
    return config.read_place().home


def clock() -> "Clock":
    """Return the machine's clock."""
    from shared.adapters.clock import SystemClock

    return SystemClock()


def child_environment() -> dict[str, str]:
    """Return the environment for the processes that ``up`` starts."""
    return config.child_environment(config.read_settings())


def bare_environment() -> dict[str, str]:
    """Return the environment for programs that must see none of this machine's settings."""
    return config.bare_environment()


def open_catalog() -> "Catalog":
    """Return the catalog alone, which is enough for lists, shows and schedules. The actor is this process's user."""
    from shared.adapters.catalog import open_catalog as opened
    from shared.adapters.operator import operator

    return opened(config.read_place().database).as_actor(operator())


def tenant_names() -> list[str]:
    """Return the tenants' names without creating a file or waiting. Raise whatever the database raises."""
    from shared.adapters.catalog.glance import names_in_file, names_on_server

    place = config.read_place()
    return names_on_server(place.database) if place.catalog_file is None else names_in_file(place.catalog_file)


def migrate_catalog(grant_to: str | None = None, console: str | None = None) -> str:
    """Upgrade the catalog's schema. Return its revision.

    ``grant_to`` is a user of PostgreSQL who gets the rights to use it, ``console`` one who gets those of the console alone.
    """
    from shared.adapters.catalog import migrate

    return migrate(config.read_place().database, grant_to, console)


def broker_at(url: str) -> "Broker":
    """Return the parts of a broker's URL. Raise Refuse ``SETTINGS_INVALID``."""
    from shared.adapters.broker import broker_at as taken_apart

    return taken_apart(url)


def ask_broker(broker: "Broker", timeout: float) -> "BrokerAnswer":
    """Return the broker's current readiness for messages.

    ``timeout`` is how many seconds to wait for each of its answers.
    """
    from shared.adapters.broker import ask

    return ask(broker, timeout)


def broker() -> "Broker":
    """Return the broker in the settings."""
    return broker_at(config.read_settings().broker_url.get_secret_value())


def celery_app() -> "Celery":
    """Return the Celery application of workers, beat and Flower, without connecting it."""
    from shared.adapters.dispatch import make_app

    return make_app(broker(), config.read_settings().catalog_name)


def command_context() -> "Context":
    """Return the engine for a command. It never uses the broker, because the tick sends the steps of requested jobs."""
    from shared.adapters.late import LateAccess, TickDispatch

    config.read_settings()  # every wrong setting is named before the catalog's file is created
    observer = Observer()
    access = LateAccess(lambda: _access(None, LIMITS, observer, somebody_waits=True))
    return _context(open_catalog(), TickDispatch(), access, LIMITS, observer)


def worker_context(app: "Celery", *, limits: Limits = LIMITS, listeners: "Sequence[Observer]" = ()) -> "Context":
    """Return the engine for a worker. ``listeners`` are called after those of the product."""
    from shared.adapters.dispatch import CeleryDispatch
    from shared.adapters.observers.listeners import Listeners
    from shared.adapters.observers.log import StepLog
    from shared.adapters.observers.usage import UsageTotals

    url, catalog = config.read_settings().broker_url.get_secret_value(), open_catalog()
    observer = Listeners(StepLog(), UsageTotals(catalog.overview()), *listeners)
    context = _context(catalog, CeleryDispatch(app), _access(url, limits, observer), limits, observer)
    _quicken()
    return context


def _quicken() -> None:
    """Tune the interpreter for a process with one thread that downloads and another that computes.

    The downloading thread waits less for the interpreter. The garbage collector ignores the objects created at the
    start.
    """
    sys.setswitchinterval(0.0005)
    gc.freeze()


def beat_context(app: "Celery", *, limits: Limits = LIMITS) -> "Context":
    """Return the engine for beat, which sends messages and leaves directories to workers."""
    from shared.adapters.dispatch import CeleryDispatch
    from shared.adapters.late import LateAccess

    observer = Observer()
    return _context(
        open_catalog(), CeleryDispatch(app), LateAccess(lambda: _access(None, limits, observer)), limits, observer
    )


def probing() -> "Probing":
    """Return what probing the tenants' keys needs: the catalog and KMS, without the store and Graph."""
    from shared.adapters.kms import AwsKeys
    from shared.adapters.observers.counted import CountedKeys
    from shared.adapters.observers.usage import UsageTotals
    from shared.adapters.seclusion import seclude
    from shared.adapters.webhook import Webhook
    from shared.engine.key_health import Probing

    seclude()
    values = config.read_settings()
    url, catalog = values.key_webhook_url, open_catalog()
    observer = UsageTotals(catalog.overview())
    return Probing(
        catalog=catalog,
        keys=CountedKeys(AwsKeys(values.key_lease_seconds, values.provider_key_arn, config.aws_region()), observer),
        clock=clock(),
        limits=LIMITS,
        lease_seconds=values.key_lease_seconds,
        every=values.key_probe_seconds,
        notices=None
        if url is None
        else Webhook(url.get_secret_value(), _trust(values.ca_bundle), LIMITS.notice_answer_seconds),
        observer=observer,
    )


def notifier(probing: "Probing") -> "Delivering":
    """Return what delivering notices needs, beside probes."""
    from shared.adapters.notices import TargetSender
    from shared.adapters.notices.by_apprise import ByApprise
    from shared.adapters.notices.signed_webhook import SignedWebhook
    from shared.engine.notices.delivering import Delivering

    values, seconds = config.read_settings(), LIMITS.notice_answer_seconds
    webhook = SignedWebhook(_trust(values.ca_bundle), clock(), seconds)
    return Delivering(
        catalog=probing.catalog,
        keyring=_installation_keyring(probing.catalog, probing.keys, values),
        sender=TargetSender(webhook, ByApprise(values.smtp_url_file, seconds)),
        limits=LIMITS,
    )


def sealer() -> "Sealer":
    """Return the sealer for notice targets. It has no key, and cannot open anything."""

    def seal(recipient: str, plaintext: bytes) -> bytes:
        from shared.vault.recipients import seal_to

        return seal_to(recipient, plaintext)

    return seal


def publish_installation_key(catalog: "Catalog") -> None:
    """Make the installation's key if no worker has done so yet. Raise what the key service raises."""
    from shared.adapters.kms import AwsKeys
    from shared.adapters.seclusion import seclude

    if catalog.installation_keys().recipient() is not None:
        return
    seclude()
    values = config.read_settings()
    keys = AwsKeys(values.key_lease_seconds, values.provider_key_arn, config.aws_region())
    _installation_keyring(catalog, keys, values).ensure()


def _installation_keyring(catalog: "Catalog", keys: "KeyService", values: config.Settings) -> "InstallationKeyring":
    from shared.engine.notices.installation_key import InstallationKeyring

    return InstallationKeyring(catalog, keys, clock(), values.provider_key_arn, values.key_lease_seconds)


def marked_store() -> "MarkedStore":
    """Return the store alone, with the mark that the catalog knows. The actor is this process's user."""
    return _marked(open_catalog(), LIMITS)


def store_look() -> "Callable[[], None]":
    """Return a function that checks the store as a job does before it writes, and raises what is wrong with it.

    It does nothing for a catalog without tenants.
    """
    catalog = open_catalog()
    store: list[MarkedStore] = []

    def look() -> None:
        if not catalog.queries().has_tenants():
            return
        if store:
            store[0].check()
            return
        opened = _marked(catalog, LIMITS)
        opened.prove()
        store.append(opened)

    return look


def _marked(catalog: "Catalog", limits: Limits) -> "MarkedStore":
    from shared.adapters.blobs import open_store
    from shared.engine.store.marked_store import MarkedStore

    values = config.read_settings()
    store = open_store(values.store, config.aws_region(), conditional=values.store_conditional_writes)
    return MarkedStore(store, catalog, limits, clock().monotonic)


def _context(
    catalog: "Catalog", dispatch: "Dispatch", access: "Access", limits: Limits, observer: Observer
) -> "Context":
    """Return the engine."""
    from shared.adapters.kms import AwsKeys
    from shared.adapters.observers.counted import CountedKeys
    from shared.adapters.seclusion import seclude
    from shared.engine.context import Context

    seclude()
    values = config.read_settings()
    return Context(
        catalog=catalog,
        keys=CountedKeys(AwsKeys(values.key_lease_seconds, values.provider_key_arn, config.aws_region()), observer),
        store=_marked(catalog, limits),
        access=access,
        targets=access,
        dispatch=dispatch,
        clock=clock(),
        limits=limits,
        lease_seconds=values.key_lease_seconds,
        provider_key=values.provider_key_arn,
        observer=observer,
    )


def _trust(bundle: Path | None) -> "ssl.SSLContext":
    """Return the authorities to trust outside AWS: those of httpx, of the system, and of the operator's bundle."""
    import httpx

    context = httpx.create_ssl_context()
    context.load_default_certs()
    if bundle is not None:
        context.load_verify_locations(cafile=bundle)
    return context


def _access(redis_url: str | None, limits: Limits, observer: Observer, *, somebody_waits: bool = False) -> "Access":
    from shared.adapters.budget import RedisBudgets
    from shared.adapters.graph import GraphAccess, RetryPolicy
    from shared.adapters.observers.counted import CountedBudgets

    values = config.read_settings()
    return GraphAccess(
        graph_url=values.graph_url,
        authority_url=values.authority_url,
        trust=_trust(values.ca_bundle),
        budgets=CountedBudgets(RedisBudgets(redis_url, limits), observer),
        token_seconds=values.key_lease_seconds,
        retry_policy=RetryPolicy(tries=2, wait_seconds=15.0)
        if somebody_waits
        else RetryPolicy(write_seconds=limits.write_seconds),
    )
