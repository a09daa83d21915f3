"""Generate the documentation files that come from code. ``make docs`` writes them, and a test compares them."""

from pathlib import Path

from tests.generated import (
    access,
    command_line,
    comparing,
    coverage,
    json_page,
    keys,
    permissions,
    restore,
    schemas,
    settings,
    stores,
)


def files() -> dict[Path, str]:
    """Return every generated file with the text that it must have."""
    modules = (
        access,
        command_line,
        comparing,
        coverage,
        json_page,
        keys,
        permissions,
        restore,
        settings,
        stores,
    )
    pages = {module.PAGE: module.text() for module in modules}
    return {**pages, **schemas.files()}


def unknown() -> set[Path]:
    """Return the files in the folder of schemas that are not generated."""
    return {*schemas.FOLDER.iterdir()} - schemas.files().keys()
