"""Generate the end of ``docs/stores.md`` from the table of store answers."""

from shared.adapters.blobs.s3.row import Kind, Row
from shared.adapters.blobs.s3.table import ROWS
from shared.domain.errors import Code
from tests.pages import TOP

PAGE = TOP / "docs" / "stores.md"
BEGIN = "## What S3 answers\n"
"""The heading at which the generated part starts."""
_HEAD = "| the store answers | which means | what you see |\n| --- | --- | --- |\n"
_TOP = (
    BEGIN
    + """
Every error of a bucket has a row here. These tables are generated from the table that the code decides by, so they state
what happens. Entrakeep judges an answer by its error code and its HTTP status. Words of the message count only if stores
use one code for several errors. The first matching row decides. Names that end in `Error` and are not S3's mean that no
answer arrived, or none that can be read.

"""
)
_SECTIONS = {
    Kind.TROUBLE: (
        "Trouble",
        f"""Entrakeep tries each call up to four times at once. Then it postpones the step of the job. The step continues
from its last checkpoint when the store answers. After six hours the job fails with `{Code.STORE_UNREACHABLE}`. A
`Retry-After` of up to ten minutes is respected. A command that a person waits for fails at once.
""",
    ),
    Kind.FULL: (
        "Full",
        f"""The job fails with `{Code.STORE_FULL}`. Nothing is lost: the next backup reads again what this one read.
""",
    ),
    Kind.FORBIDDEN: (
        "Settings, credentials or the bucket",
        f"""The job fails with `{Code.STORE_FORBIDDEN}`. Schedules continue, and the next backup tries again. If the session
of our credentials has ended, Entrakeep gets fresh ones and repeats the call once before it reports the error.
""",
    ),
    Kind.UNSUITABLE: (
        "A store that lacks something",
        f"""`entrakeep tenant add` and jobs fail with `{Code.STORE_UNSUITABLE}`, and `entrakeep up` says so when it starts.
""",
    ),
}


def text() -> str:
    """Return the whole page."""
    return PAGE.read_text().partition(BEGIN)[0] + section()


def section() -> str:
    """Return the page from ``BEGIN`` on."""
    return _TOP + "\n".join(
        f"### {title}\n\n{text}\n{_HEAD}" + "".join(_line(row) for row in ROWS if row.kind is kind)
        for kind, (title, text) in _SECTIONS.items()
    )


def _line(row: Row) -> str:
    return f"| {_answer(row)} | {row.means} | {_sentence(row)} |\n"


def _answer(row: Row) -> str:
    codes = [f"`{code}`" for code in row.codes]
    if row.statuses:
        first, last = row.statuses[0], row.statuses[-1]
        many = len(row.statuses) > 3
        codes += (
            [f"any other status from {first} to {last}"] if many else [f"status {status}" for status in row.statuses]
        )
    parts = [" or ".join(codes)] if codes else []
    if row.words:
        parts.append("the message has " + " or ".join(f"“{words}”" for words in row.words))
    return ", and ".join(parts) if parts else "any other code"


def _sentence(row: Row) -> str:
    code = row.codes[0] if row.codes else str(row.statuses[0]) if row.statuses else "CODE"
    return row.sentence.format(bucket="BUCKET", code=code, name="NAME", operation="PutObject")
