"""Fetch pages in states that cost most, within the bound of their queries."""

from tests.contract.console.counted import counted
from tests.contract.console.served import Browser

MOST = 6
"""Queries that a page may make."""


def fetched(browser: Browser, path: str) -> str:
    """Return the text of a page. Assert that it takes few queries."""
    browser.get("/tenants").raise_for_status()  # what a process asks every few seconds for all pages
    with counted() as queries:
        answer = browser.get(path)
    assert answer.status_code == 200
    assert len(queries) <= MOST, "\n".join(queries)
    return answer.text
