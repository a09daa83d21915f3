"""The tenants' names at a glance are those that the catalog itself lists, on either database."""

import subprocess
import sys
from pathlib import Path

import pytest

from shared.adapters.catalog.glance import tenant_names
from tests.contract.catalog.world import World


def test_the_names_are_those_of_the_catalog(world: World) -> None:
    assert tenant_names(world.url) == []
    for name in ("fabrikam", "contoso"):
        world.add(name)
    assert tenant_names(world.url) == ["contoso", "fabrikam"] == sorted(t.name for t in world.catalog.tenants())


def test_they_come_without_what_takes_long_to_import(world: World) -> None:
    code = (
        "import sys; from shared.adapters.catalog.glance import tenant_names; tenant_names(sys.argv[1]);"
        "sys.exit('sqlalchemy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, world.url], check=False).returncode == 0


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="unable to open"):
        tenant_names(f"sqlite:///{tmp_path / 'absent' / 'catalog.sqlite3'}")
    with pytest.raises(Exception, match="unable to open"):
        tenant_names(f"sqlite:///{tmp_path / 'catalog.sqlite3'}")
    assert list(tmp_path.iterdir()) == []
