"""Accessibility: axe finds no violation in light, in dark, and at 320 px, and focus is where a reader expects it."""

import json

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.watched import NARROW, WIDE

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
_RUN = "axe.run(document, %s).then(result => JSON.stringify(result.violations))"
_SCRIPT = Axe().axe_script


def violations(page: Page) -> list[str]:
    """Return one line for each element that breaks a rule in the page as it is now."""
    session = page.context.new_cdp_session(page)
    try:
        if not page.evaluate("'axe' in window"):
            session.send("Runtime.evaluate", {"expression": _SCRIPT})
        options = {"resultTypes": ["violations"], "runOnly": {"type": "tag", "values": _RULES}}
        answer = session.send(
            "Runtime.evaluate",
            {"expression": _RUN % json.dumps(options), "awaitPromise": True, "returnByValue": True},
        )
    finally:
        session.detach()
    assert "value" in answer["result"], answer
    return [
        f"{page.url} {rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in json.loads(answer["result"]["value"])
        for node in rule["nodes"]
    ]


def assert_accessible(page: Page) -> None:
    """Assert that the page has no violation in both themes and at 320 px, and that nothing scrolls sideways."""
    broken: list[str] = []
    size = page.viewport_size
    for theme, width in (("light", WIDE), ("dark", WIDE), ("light", NARROW)):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        page.set_viewport_size(width)  # type: ignore[arg-type]
        broken += [f"{theme} {width['width']} px {line}" for line in violations(page)]
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wider > 0:
            broken.append(f"{theme} {width['width']} px {page.url} scrolls sideways by {wider} px")
    page.emulate_media(color_scheme="light")
    if size is not None:
        page.set_viewport_size(size)
    assert not broken, "\n".join(broken)


_FOCUSED = """() => {
    const element = document.activeElement;
    if (!element || element === document.body) return "";
    const label = element.labels && element.labels[0];
    const name = element.getAttribute("aria-label") || (label && label.innerText) || element.innerText || element.name;
    return (name || element.id).replace(/\\soptional$/, "").trim();
}"""


def focused(page: Page) -> str:
    """Return the name of the element that has the keyboard: its label, heading or text. Empty for the page itself."""
    name: str = page.evaluate(_FOCUSED)
    return name
