"""The first page of an archive: what it holds, how complete that is, and how to check and read it."""

from datetime import UTC
from html import escape

from console.page_style import BASE
from shared.domain.model import ResourceReport, Snapshot
from shared.engine.snapshots.download import Download

_STYLE = (
    BASE
    + """body { max-width: 60rem; } dl { margin: 0; } dd { overflow-wrap: anywhere; } a { color: inherit; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 500; color: var(--soft); }
th, td { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
.number { text-align: right; font-variant-numeric: tabular-nums; } .lacking { color: var(--changed); }
"""
)

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{tenant}, {time}</title>
<style>{style}</style>
</head>
<body>
<h1>Directory of <bdi>{tenant}</bdi></h1>
<dl>
<dt>Taken</dt><dd>{time}</dd>
<dt>Snapshot</dt><dd>{snapshot}</dd>
<dt>Contents</dt><dd>{contents}</dd>
<dt>Records here</dt><dd>{records:,}</dd>
<dt>Complete</dt><dd>{complete}</dd>
</dl>
<h2>Resources</h2>
<table>
<thead><tr><th scope="col">Resource</th><th scope="col" class="number">In the snapshot</th><th scope="col">Read</th>
<th scope="col">Files</th></tr></thead>
<tbody>
{rows}</tbody>
</table>
<h2>The files</h2>
<p>A file <code>.jsonl</code> has one record a line, each value byte for byte as Microsoft Graph sent it. A file
<code>.csv</code> has the same records as a table; there, a cell that a spreadsheet would calculate has an apostrophe in
front. <a href="completeness.json">completeness.json</a> says what was read of each resource. To check that no file has
changed, run <code>sha256sum -c SHA256SUMS</code> in this folder.</p>
</body>
</html>
"""


def index_page(download: Download, tenant: str) -> bytes:
    """Return the page, as HTML without scripts."""
    snapshot = download.snapshot
    reports = {report.resource: report for report in snapshot.resources}
    lacking = [name for name in download.resources if name in reports and reports[name].lacking]
    page = _PAGE.format(
        style=_STYLE,
        tenant=escape(tenant),
        time=_time(snapshot),
        snapshot=escape(snapshot.snapshot_id),
        contents=_contents(download.earlier),
        records=download.count,
        complete="yes" if not lacking else f'<span class="lacking">no: see {escape(", ".join(lacking))}</span>',
        rows="".join(_row(name, reports.get(name)) for name in download.resources),
    )
    return page.encode("utf-8", "backslashreplace")


def _contents(earlier: Snapshot | None) -> str:
    """Return what the archive has of the snapshot."""
    if earlier is None:
        return "all records"
    return f"only what changed since {_time(earlier)} (snapshot {escape(earlier.snapshot_id)})"


def _time(snapshot: Snapshot) -> str:
    """Return when the snapshot was taken."""
    return f"{snapshot.created_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _row(resource: str, report: ResourceReport | None) -> str:
    """Return the table's row of a resource."""
    name = escape(resource)
    records = "" if report is None or report.records is None else f"{report.records:,}"
    links = " ".join(f'<a href="{name}/{name}.{form}">{form}</a>' for form in ("jsonl", "csv"))
    return f'<tr><td>{name}</td><td class="number">{records}</td><td>{_answer(report)}</td><td>{links}</td></tr>\n'


def _answer(report: ResourceReport | None) -> str:
    """Return how the resource was read."""
    if report is None:
        return ""
    words = f"{report.answer}{', from an earlier backup' if report.stale else ''}"
    return f'<span class="lacking">{escape(words)}</span>' if report.lacking else escape(words)
