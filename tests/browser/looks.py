"""Render every page in both themes and at two widths into a folder: ``python -m tests.browser.looks FOLDER``."""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Error, Page

from tests.browser import chromium
from tests.browser.filled import GRAPH_OPTIONS, fill
from tests.browser.persons import set_up
from tests.browser.stack import running_stack
from tests.browser.walk import Address, addresses
from tests.browser.watched import NARROW, WIDE, Complaints, visit


def main(folder: Path) -> int:
    """Write the pictures. Return the exit status."""
    if chromium.program() is None:
        print(chromium.MISSING, file=sys.stderr)
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with (
        tempfile.TemporaryDirectory() as home,
        running_stack(Path(home), *GRAPH_OPTIONS) as stack,
        chromium.chromium() as browser,
        visit(browser, stack.url, Complaints((stack.url,)), stack.secrets, passkeys=True) as page,
    ):
        print("filling an installation ...", flush=True)
        set_up(stack, page)
        fill(stack)
        for address in addresses(stack):
            try:
                _picture(page, address, folder)
            except Error as error:
                print(f"{address.path} cannot be pictured: {error.message}", file=sys.stderr)
            print(address.path, flush=True)
    print(f"The pictures are in {folder.absolute()}.")
    return 0


def _picture(page: Page, address: Address, folder: Path) -> None:
    """Write the pictures of one page."""
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.goto(address.path)  # anew for each width, because the menu of small screens begins closed
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            page.screenshot(path=folder / f"{address.name}-{theme}-{size['width']}.png", full_page=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
