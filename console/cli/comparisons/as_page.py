"""A comparison as one HTML page: self-contained, without scripts, printable, in light and dark."""

from collections.abc import Iterator
from html import escape

from console.cli.comparisons.page_style import STYLE
from console.cli.comparisons.spool import Spool
from console.cli.comparisons.visible import name_of, named_value, path_of, shortened, visible
from console.cli.output import printable
from console.documents.times import moment, to_second
from console.documents.words import counted
from shared.domain.compare import PropertyChange
from shared.engine.compare.comparing import Comparison
from shared.engine.compare.differences import Change, Difference

_LONGEST = 4_000
"""Characters of a value that are shown."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Changes of {tenant}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>Changes of <bdi>{tenant}</bdi></h1>
<dl>
<dt>A</dt><dd>{a}</dd>
<dt>B</dt><dd>{b}</dd>
</dl>
<p class="legend">Of two values side by side, the left one is A's and the right one is B's.</p>
</header>
"""


def page(comparison: Comparison, tenant: str, *, summary: bool) -> Iterator[bytes]:
    """Yield the page: counts first, then what is unknown, then (without ``summary``) the differences."""
    body = Spool()
    if summary:
        comparison.count_all()
    else:
        _write_details(comparison, body)
    a, b = (
        f"{to_second(moment(each.created_at))} <code>{_text(each.snapshot_id)}</code>" for each in comparison.snapshots
    )
    yield _HEAD.format(policy=_POLICY, style=STYLE, tenant=_text(tenant), a=a, b=b).encode()
    yield _counts(comparison).encode()
    yield _unknown(comparison).encode()
    yield from body.read()
    yield b"</body>\n</html>\n"


def _write_details(comparison: Comparison, body: Spool) -> None:
    """Write a section for each resource that differs."""
    resource = None
    for difference in comparison.differences():
        if difference.resource != resource:
            end = "</table>\n</section>\n" if resource is not None else ""
            resource = difference.resource
            body.write(f'{end}<section>\n<h2>{_text(resource)}</h2>\n<table class="records">\n'.encode())
        body.write(_record(comparison, difference).encode("utf-8", "backslashreplace"))
    if resource is not None:
        body.write(b"</table>\n</section>\n")


def _record(comparison: Comparison, difference: Difference) -> str:
    """Return the rows of a difference."""
    name, key = name_of(difference), _text(difference.key)
    title = f"<strong><bdi>{_text(name)}</bdi></strong> " if name else ""
    change = difference.change
    rows = [f'<tbody>\n<tr><td class="{change}">{change}</td><td colspan="3">{title}<code>{key}</code></td></tr>\n']
    rows += [_property(comparison, difference, each) for each in difference.properties]
    return "".join(rows) + "</tbody>\n"


def _property(comparison: Comparison, difference: Difference, change: PropertyChange) -> str:
    """Return the row of a property that changed."""
    path = f'<tr class="property"><td></td><th scope="row">{_breakable(path_of(change))}</th>'
    if change.added or change.removed:
        elements = (("del", change.removed or []), ("ins", change.added or []))
        cells = [
            "".join(f"<{tag}>{_value(comparison, difference, change, each)}</{tag}>" for each in some)
            for tag, some in elements
        ]
    else:
        pairs = (("del", change.before), ("ins", change.after))
        cells = [f"<{tag}>{_value(comparison, difference, change, each)}</{tag}>" for tag, each in pairs]
    return f"{path}<td>{cells[0]}</td><td>{cells[1]}</td></tr>\n"


def _value(comparison: Comparison, difference: Difference, change: PropertyChange, value: bytes | None) -> str:
    """Return a value, shortened if it is very long, with the name of the object that it names."""
    if value is not None and len(value) > _LONGEST:
        return f"<bdi>{_text(shortened(visible(value), _LONGEST))}</bdi>"
    return f"<bdi>{_text(named_value(difference.resource, change, value, comparison.names))}</bdi>"


def _counts(comparison: Comparison) -> str:
    """Return the table of counts, or a sentence if nothing differs."""
    if not comparison.counts:
        return '<p class="none">No differences.</p>\n'
    heads = "".join(f'<th scope="col" class="number">{change}</th>' for change in Change)
    rows = [
        f'<tr><th scope="row">{_text(resource)}</th>'
        + "".join(f'<td class="number">{_number(number[change])}</td>' for change in Change)
        + "</tr>\n"
        for resource, number in comparison.counts.items()
    ]
    total = counted(sum(number.total() for number in comparison.counts.values()), "difference")
    head = f'<thead><tr><th scope="col">Resource</th>{heads}</tr></thead>\n'
    return f'<table class="counts">\n<caption>{total}</caption>\n{head}<tbody>\n{"".join(rows)}</tbody>\n</table>\n'


def _number(number: int) -> str:
    """Return a number, or a dash for none."""
    return f"{number:,}" if number else "–"


def _unknown(comparison: Comparison) -> str:
    """Return the list of what could not be compared, empty if there is nothing."""
    if not comparison.unknown:
        return ""
    by_reason: dict[str, list[str]] = {}
    for each in comparison.unknown:
        objects = "".join(f" <code>{_text(printable(one))}</code>" for one in each.objects)
        by_reason.setdefault(_text(each.reason) + objects, []).append(f"<strong>{_text(each.resource)}</strong>")
    items = [f"<li>{', '.join(resources)} {reason}</li>\n" for reason, resources in by_reason.items()]
    return f'<section class="unknown">\n<h2>Not compared</h2>\n<ul>\n{"".join(items)}</ul>\n</section>\n'


def _breakable(path: str) -> str:
    """Return a path that may be broken between its names."""
    return _text(path).replace(".", ".<wbr>")


def _text(text: str) -> str:
    """Return text for HTML, also within quotation marks."""
    return escape(text, quote=True)
