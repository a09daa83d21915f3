"""``docs/settings.md`` equals the class that reads the settings."""

import re

from shared.config import Settings
from shared.network import VARIABLES
from shared.web_config import WebSettings
from tests.compose import TOP
from tests.generated.settings import text


def test_every_setting_and_every_checked_variable_has_a_row() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \|", text(), re.MULTILINE)
    fields = dict.fromkeys([*Settings.model_fields, *WebSettings.model_fields])
    own = [f"ENTRAKEEP_{name.upper()}" for name in fields]
    assert [name for name in rows if name.startswith("ENTRAKEEP_")] == own
    assert set(rows) >= {name for name in VARIABLES if name.isupper()}


def test_the_readme_links_to_the_page() -> None:
    assert "(docs/settings.md)" in (TOP / "README.md").read_text()
