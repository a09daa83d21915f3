"""Requests to rebuild the catalog from the store."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager

from shared.domain.arns import check_form, is_alias
from shared.domain.errors import Code, Refuse
from shared.engine.context import Context
from shared.engine.upkeep.rebuild import Rebuilt, rebuild, rebuild_installation, stored_tenants

Progress = Callable[[], AbstractContextManager[Callable[[int], None]]]
"""Begins to show the progress with one tenant. The yielded function is called with the number of opened manifests."""


def check_trusted(arns: Iterable[str]) -> frozenset[str]:
    """Return these KMS keys, which the operator trusts. Raise Refuse ``KEY_INVALID`` for what is not the ARN of a key."""
    trusted = frozenset(arns)
    for arn in sorted(trusted):
        check_form(arn)
        if is_alias(arn):
            sentence = f"{arn} is an alias, which can be pointed to another key: give the ARN of the key itself."
            raise Refuse(Code.KEY_INVALID, sentence)
    return trusted


def rebuild_catalog(context: Context, actor: str, trusted: frozenset[str], progress: Progress) -> Iterator[Rebuilt]:
    """Restore what SQL lacks of the installation's audit trail and of every tenant in the store. Yield each outcome.

    ``trusted`` are KMS keys that the operator trusts, from ``check_trusted``. Raise as the rebuild of a tenant does, and what
    the store raises.
    """
    context = context.as_actor(actor)
    context.store.recognise()
    rebuild_installation(context)
    for tenant_id in stored_tenants(context):
        with progress() as opened:
            outcome = rebuild(context, tenant_id, opened, trusted)
        yield outcome
