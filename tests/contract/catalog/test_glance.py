"""The fast list of tenant names equals the catalog's own list, on either database."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import make_url

from shared.adapters.catalog.glance import names_in_file, names_on_server
from tests.contract.catalog.world import World


def tenant_names(url: str) -> list[str]:
    """Return the tenant names by the function for this database."""
    parts = make_url(url)
    return names_in_file(Path(str(parts.database))) if parts.drivername == "sqlite" else names_on_server(url)


def test_tenant_names_equal_those_of_the_catalog(world: World) -> None:
    assert tenant_names(world.url) == []
    for name in ("fabrikam", "contoso"):
        world.add(name)
    assert tenant_names(world.url) == ["contoso", "fabrikam"] == sorted(t.name for t in world.catalog.tenants())


def test_tenant_names_are_read_without_importing_sqlalchemy(world: World) -> None:
    code = "import sys; from shared import wiring; wiring.tenant_names(); sys.exit('sqlalchemy' in sys.modules)"
    parts = make_url(world.url)
    settings = {"ENTRAKEEP_DATABASE_URL": world.url}
    if parts.drivername == "sqlite":  # a home's default file works as well
        settings = {"ENTRAKEEP_HOME": str(Path(str(parts.database)).parent)}
        Path(str(parts.database)).rename(Path(str(parts.database)).with_name("catalog.sqlite3"))
    assert subprocess.run([sys.executable, "-c", code], env={"PATH": "/bin", **settings}, check=False).returncode == 0


def test_a_missing_file_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="unable to open"):
        names_in_file(tmp_path / "absent" / "catalog.sqlite3")
    with pytest.raises(Exception, match="unable to open"):
        names_in_file(tmp_path / "catalog.sqlite3")
    assert list(tmp_path.iterdir()) == []
