"""A restore part for the rows of the table that have none yet, so that the planner's rules can be tested by themselves."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest

from shared.domain.resources import RESOURCES
from shared.domain.resources.restoring import RestoreKind, Restoring

ROWS: dict[str, Restoring] = {
    "servicePrincipals.appRoleAssignedTo": Restoring(
        kind=RestoreKind.ROW,
        stage=9,
        collection="/servicePrincipals/{owner}/appRoleAssignedTo",
        item="/servicePrincipals/{owner}/appRoleAssignedTo/{id}",
        required=("principalId", "resourceId", "appRoleId"),
        identified_by=("principalId", "resourceId", "appRoleId"),
    ),
}


@contextmanager
def made_up_table() -> Iterator[None]:
    """Give each row of ``ROWS`` its restore part while the block runs."""
    with pytest.MonkeyPatch.context() as patch:
        for name, restoring in ROWS.items():
            patch.setitem(RESOURCES, name, msgspec.structs.replace(RESOURCES[name], restoring=restoring))
        yield
