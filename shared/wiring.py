"""The one place where ports meet adapters. Adapters are imported inside the function that builds them, so that the command
line starts fast."""

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from shared import config, logs
from shared.domain.limits import Limits

if TYPE_CHECKING:
    import ssl

    from celery import Celery

    from shared.adapters.usage import Counts
    from shared.engine.context import Context
    from shared.engine.key_health import Probing
    from shared.engine.store_mark import MarkedStore
    from shared.ports.broker import Broker, BrokerAnswer
    from shared.ports.catalog import Catalog
    from shared.ports.clock import Clock
    from shared.ports.directory import DirectoryAccess
    from shared.ports.dispatch import Dispatch

LIMITS = Limits()


def settings() -> config.Settings:
    """The settings. Raises Refuse ``SETTINGS_INVALID`` naming every missing or wrong one."""
    return config.read_settings()


def set_up_logs() -> None:
    """Send logs where and how the settings say. Wrong settings are reported by what reads them next."""
    from shared.domain.errors import Refuse

    try:
        place = config.read_place()
    except Refuse:
        logs.set_up()
    else:
        logs.set_up(place.log_format, place.log_level)


def home() -> Path:
    """The folder for all that is kept on this machine; it may not be there yet."""
    return config.read_place().home


def clock() -> "Clock":
    """The machine's clock."""
    from shared.adapters.clock import SystemClock

    return SystemClock()


def child_environment() -> dict[str, str]:
    """The environment for the processes that ``up`` starts."""
    return config.child_environment(config.read_settings())


def bare_environment() -> dict[str, str]:
    """The environment for programs that must see no setting of this machine's."""
    return config.bare_environment()


def open_catalog() -> "Catalog":
    """The catalog alone: all that lists, shows and schedules need. What is done is done by this process's user."""
    from shared.adapters.catalog import open_catalog as opened
    from shared.adapters.operator import operator

    return opened(config.read_place().database).by(operator())


def tenant_names() -> list[str]:
    """Return the tenants' names, at once or not at all: nothing is made. Raise whatever the database raises."""
    from shared.adapters.catalog.glance import names_in_file, names_on_server

    place = config.read_place()
    return names_on_server(place.database) if place.catalog_file is None else names_in_file(place.catalog_file)


def migrate_catalog(grant_to: str | None = None) -> str:
    """Brings the catalog's schema up to date; its revision. ``grant_to``: a user of PostgreSQL who may use it then."""
    from shared.adapters.catalog import migrate

    return migrate(config.read_place().database, grant_to)


def broker_at(url: str) -> "Broker":
    """Take a broker's URL apart. Raises Refuse ``SETTINGS_INVALID``."""
    from shared.adapters.broker import broker_at as taken_apart

    return taken_apart(url)


def ask_broker(broker: "Broker", timeout: float) -> "BrokerAnswer":
    """Return whether the broker takes messages now. ``timeout``: seconds to wait for each of its answers."""
    from shared.adapters.broker import ask

    return ask(broker, timeout)


def broker() -> "Broker":
    """Return the broker of the settings."""
    return broker_at(config.read_settings().broker_url.get_secret_value())


def celery_app() -> "Celery":
    """The Celery application of workers, beat and Flower. Connects to nothing yet."""
    from shared.adapters.dispatch import make_app

    return make_app(broker(), config.read_settings().catalog_name)


def command_context() -> "Context":
    """The engine for a command: it never talks to the broker; the tick sends what it asks for."""
    from shared.adapters.late import LateAccess, TickDispatch

    return _context(TickDispatch(), LateAccess(lambda: _access(None, LIMITS, somebody_waits=True)), LIMITS, _nothing)


def worker_context(app: "Celery", *, limits: Limits = LIMITS, at: Callable[[str], None] | None = None) -> "Context":
    """The engine for a worker. ``at`` is called by name between the steps of the write order."""
    from shared.adapters.dispatch import CeleryDispatch
    from shared.adapters.usage import Counts

    url, counts = config.read_settings().broker_url.get_secret_value(), Counts()
    context = _context(CeleryDispatch(app), _access(url, limits, counts), limits, at or _nothing, counts)
    _quicken()
    return context


def _quicken() -> None:
    """For a process in which one thread downloads while another one computes: the first waits less for the interpreter, and
    what was made at the start is not looked through for cycles again and again."""
    sys.setswitchinterval(0.0005)
    gc.freeze()


def beat_context(app: "Celery", *, limits: Limits = LIMITS) -> "Context":
    """The engine for beat, which sends messages and leaves directories to workers."""
    from shared.adapters.dispatch import CeleryDispatch
    from shared.adapters.late import LateAccess

    return _context(CeleryDispatch(app), LateAccess(lambda: _access(None, limits)), limits, _nothing)


def probing() -> "Probing":
    """What the tenants' keys are probed with: the catalog and KMS, and neither store nor Graph."""
    from shared.adapters.kms import AwsKeys
    from shared.adapters.seclusion import seclude
    from shared.adapters.usage import CountedKeys, Counts
    from shared.adapters.webhook import Webhook
    from shared.engine.key_health import Probing

    seclude()
    found = config.read_settings()
    url, catalog, counts = found.key_webhook_url, open_catalog(), Counts()
    return Probing(
        catalog=catalog,
        keys=CountedKeys(AwsKeys(found.key_lease_seconds, found.provider_key_arn, config.aws_region()), counts),
        clock=clock(),
        limits=LIMITS,
        lease_seconds=found.key_lease_seconds,
        every=found.key_probe_seconds,
        notices=None if url is None else Webhook(url.get_secret_value(), _trust(found)),
        flush_usage=lambda: counts.flush(catalog.overview()),
    )


def marked_store() -> "MarkedStore":
    """Return the store alone, with the mark that the catalog knows. What is done is done by this process's user."""
    return _marked(open_catalog(), LIMITS)


def store_look() -> "Callable[[], None]":
    """Return a function that looks at the store as a job does before it writes, and raises what is wrong with it.

    For a catalog without tenants it does nothing.
    """
    catalog = open_catalog()
    store: list[MarkedStore] = []

    def look() -> None:
        if not catalog.tenants():
            return
        if store:
            store[0].check()
            return
        made = _marked(catalog, LIMITS)
        made.prove()
        store.append(made)

    return look


def _marked(catalog: "Catalog", limits: Limits) -> "MarkedStore":
    from shared.adapters.blobs import open_store
    from shared.engine.store_mark import MarkedStore

    found = config.read_settings()
    store = open_store(found.store, config.aws_region(), conditional=found.store_conditional_writes)
    return MarkedStore(store, catalog, limits)


def _context(
    dispatch: "Dispatch",
    access: "DirectoryAccess",
    limits: Limits,
    at: Callable[[str], None],
    counts: "Counts | None" = None,
) -> "Context":
    """``counts``: what counts what the process uses; None for one that tells nobody."""
    from shared.adapters.kms import AwsKeys
    from shared.adapters.seclusion import seclude
    from shared.adapters.usage import CountedKeys, Counts
    from shared.engine.context import Context

    seclude()
    found, catalog, counts = config.read_settings(), open_catalog(), counts or Counts()
    return Context(
        catalog=catalog,
        keys=CountedKeys(AwsKeys(found.key_lease_seconds, found.provider_key_arn, config.aws_region()), counts),
        store=_marked(catalog, limits),
        access=access,
        dispatch=dispatch,
        clock=clock(),
        limits=limits,
        lease_seconds=found.key_lease_seconds,
        provider_key=found.provider_key_arn,
        at=at,
        flush_usage=lambda: counts.flush(catalog.overview()),
    )


def _trust(found: config.Settings) -> "ssl.SSLContext":
    """Whom to believe outside AWS: the authorities of httpx, those of the system, and those of the operator's bundle."""
    import httpx

    context = httpx.create_ssl_context()
    context.load_default_certs()
    if found.ca_bundle is not None:
        context.load_verify_locations(cafile=found.ca_bundle)
    return context


def _access(
    redis_url: str | None, limits: Limits, counts: "Counts | None" = None, *, somebody_waits: bool = False
) -> "DirectoryAccess":
    from shared.adapters.budget import RedisBudgets
    from shared.adapters.graph import GraphAccess, Patience
    from shared.adapters.usage import CountedBudgets, Counts

    found = config.read_settings()
    return GraphAccess(
        graph_url=found.graph_url,
        authority_url=found.authority_url,
        trust=_trust(found),
        budgets=CountedBudgets(RedisBudgets(redis_url, limits.requests_in_flight), counts or Counts()),
        token_seconds=found.key_lease_seconds,
        patience=Patience(tries=2, wait_seconds=15.0) if somebody_waits else Patience(),
    )


def _nothing(_: str) -> None:
    """Between two steps of the write order, the product does nothing."""
