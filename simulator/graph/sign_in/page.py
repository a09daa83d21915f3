"""The pages that a browser gets from the authority."""

from html import escape

from simulator.graph.answers import Answer

_FRAME = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title></head>
<body><main><h1>{title}</h1>
{content}
</main></body></html>
"""


def choices(people: list[tuple[str, str, str]], cancel: str) -> Answer:
    """Return the page with a link for each person: name, username and address. `cancel` is the link that gives up."""
    rows = (f'<li><a href="{escape(url)}">{escape(name)}</a> {escape(username)}</li>' for name, username, url in people)
    listed = f"<ul>{''.join(rows)}</ul>" if people else "<p>Nobody can sign in here. POST /_sim/people adds people.</p>"
    return _page(200, "Pick an account", f'{listed}\n<p><a href="{escape(cancel)}">Cancel</a></p>')


def refused(status: int, sentence: str) -> Answer:
    """Return the page for a request that must not be sent back to any application."""
    return _page(status, "Sorry, but we’re having trouble signing you in", f"<p>{escape(sentence)}</p>")


def _page(status: int, title: str, content: str) -> Answer:
    body = _FRAME.format(title=title, content=content).encode()
    return Answer(status, body, {"Cache-Control": "no-store, no-cache"}, "text/html; charset=utf-8")
