"""``entrakeep metrics``: how the tenants' keys are, for Prometheus."""

from collections.abc import Iterable, Iterator
from datetime import datetime

import typer

from console.cli.arguments import examples
from console.cli.documents import UPDATING, key_state
from console.cli.opening import open_catalog
from console.cli.output import write
from shared.domain.key_health import KeyCondition, KeyHealth
from shared.domain.model import Tenant
from shared.ports.catalog import KeyState

app = typer.Typer()

_FAMILIES = {
    "entrakeep_key_state": "Whether a tenant's KMS key is in this state: 1 for one of them, 0 for the others.",
    "entrakeep_key_since_timestamp_seconds": "Since when it is in its state.",
    "entrakeep_key_checked_timestamp_seconds": "When KMS was last asked for it by a probe.",
    "entrakeep_key_warning": "What will stop the tenant's backups unless somebody acts.",
    "entrakeep_sign_in_expires_timestamp_seconds": "When the client secret or certificate expires, if that is known.",
}
_ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
Sample = tuple[str, dict[str, str], float]


@app.command(epilog=examples("entrakeep metrics", "entrakeep metrics > entrakeep.prom"))
def metrics() -> None:
    """Print how the tenants' keys are, as Prometheus reads it.

    As the catalog knows it, which the workers' probes keep up to date: asks SQL alone. For the textfile collector of
    Prometheus's node exporter, or whatever else reads its text format.
    """
    catalog = open_catalog()
    samples: list[Sample] = []
    for tenant in reversed(catalog.tenants()):
        of = catalog.tenant(tenant.tenant_id)
        samples += samples_of(tenant, of.keys.state(), of.health.get())
    write("".join(f"{line}\n" for line in exposition(samples)).encode())


def samples_of(tenant: Tenant, keys: KeyState, health: KeyHealth) -> Iterator[Sample]:
    """What is told of one tenant."""
    who = {"tenant": tenant.name, "tenant_id": tenant.tenant_id}
    state, since = key_state(tenant, keys, health)
    for each in (*KeyCondition, UPDATING):
        yield "entrakeep_key_state", {**who, "state": each}, float(each == state)
    yield "entrakeep_key_since_timestamp_seconds", who, _seconds(since)
    if health.checked_at is not None:
        yield "entrakeep_key_checked_timestamp_seconds", who, _seconds(health.checked_at)
    if tenant.sign_in_expires_at is not None:
        yield "entrakeep_sign_in_expires_timestamp_seconds", who, _seconds(tenant.sign_in_expires_at)
    for warning in health.warnings:
        yield "entrakeep_key_warning", {**who, "warning": warning.warning}, 1.0


def exposition(samples: Iterable[Sample]) -> Iterator[str]:
    """Prometheus's text format: a family's samples stand together, under what they mean."""
    found = list(samples)
    for family, meaning in _FAMILIES.items():
        yield f"# HELP {family} {meaning}"
        yield f"# TYPE {family} gauge"
        for name, labels, value in found:
            if name == family:
                told = ",".join(f'{label}="{text.translate(_ESCAPED)}"' for label, text in labels.items())
                yield f"{name}{{{told}}} {value:.15g}"


def _seconds(at: datetime) -> float:
    return round(at.timestamp(), 3)
