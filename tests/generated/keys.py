"""Generate the end of ``docs/keys.md`` from the table of KMS answers."""

from collections.abc import Iterable

from shared.adapters.kms.refusals import INVALID_STATE
from shared.adapters.kms.row import UNSEEN, Kind, Row
from shared.adapters.kms.table import ROWS
from shared.domain.errors import Code
from tests.pages import TOP

PAGE = TOP / "docs" / "keys.md"
BEGIN = "## What AWS KMS answers\n"
"""The heading at which the generated part starts."""
_ARN = "arn:aws:kms:…"
_HEAD = "| AWS KMS answers | which means | what Entrakeep does | what you see | who must act |\n" + "| --- " * 5 + "|\n"
_TOP = (
    BEGIN
    + """
Every use of a tenant's data starts with a call to AWS KMS. Each possible answer has a row here. These tables are generated
from the table that the code decides by, so they state what happens. `jobs show` and `key show` report the code and the
sentence.

- Entrakeep judges an answer by its error code first, by the key's state second, and by the words of its message last. After
  a `KMSInvalidStateException` it asks DescribeKey for the state. The first matching row decides. Statuses of 500 and above
  are always trouble.
- **Only a refusal is a revocation.** Throttling, time-outs, broken connections and errors inside AWS are retried. They are
  never treated as a refusal.
- Names that end in `Error` are not AWS's. They mean that no answer arrived, or none that can be read.
- In doubt, access is refused. The question who must act changes the sentence, never the access.
- Before Entrakeep blames a key's owner for a denial, it tries the operator's own key with the same credentials. This call
  is not carried out (`DryRun`; its success is a `DryRunOperationException`). If it is denied as well, the operator must
  act.

"""
)
_SECTIONS = {
    Kind.REVOKED: (
        "Refused",
        f"""Within one key lease (60 seconds, unless set lower) every queued or running job of the tenant that needs the key
has failed with `{Code.KEY_ACCESS_REVOKED}`. Data keys are dropped, downloads are cut off and leave no file, no snapshot
appears, and Microsoft Graph gets no request. A restore that was writing keeps the results that it had stored, and
`entrakeep jobs retry` continues it once KMS answers again. Entrakeep asks AWS KMS for the key twice a lease. Schedules
create no job while KMS refuses. Once KMS answers again, a time that was due becomes a job by itself. A job requested by
hand always asks KMS at once. The workers' log has one line for the first refusal, and one for the recovery.
""",
        "Ends the tenant's jobs with `KEY_ACCESS_REVOKED`.",
    ),
    Kind.TROUBLE: (
        "Trouble",
        f"""Entrakeep retries, with growing pauses, for as long as the key lease lasts. If the trouble lasts longer, the
step of a backup or restore is released. When AWS KMS answers, a backup continues from its last checkpoint, and a restore
from its last stored result. After six hours the job fails with `{Code.KEY_UNREACHABLE}`. A download fails with this code
after one lease, and a key check after ten seconds, because a person waits for it.
""",
        "Retries.",
    ),
    Kind.MISCONFIGURED: (
        "Settings or credentials",
        f"""The job fails with `{Code.KEY_MISCONFIGURED}`. Other jobs continue, and so do schedules. `entrakeep jobs retry`
continues a restore, here and after damage, once the cause is fixed.
""",
        "Fails the job with `KEY_MISCONFIGURED`.",
    ),
    Kind.CORRUPT: (
        "Damage",
        f"""The stored bytes have changed. The job fails with `{Code.BLOB_DAMAGED}`, the log has an error with the data
key's id, and `entrakeep verify` reports all other damage. Nothing is overwritten.
""",
        "Fails the job with `BLOB_DAMAGED` and logs an error.",
    ),
}


def text() -> str:
    """Return the whole page."""
    return PAGE.read_text().partition(BEGIN)[0] + section()


def section() -> str:
    """Return the page from ``BEGIN`` on."""
    return _TOP + "\n".join(
        f"### {title}\n\n{text}\n{_HEAD}" + "".join(_line(row, does) for row in ROWS if row.kind is kind)
        for kind, (title, text, does) in _SECTIONS.items()
    )


def _line(row: Row, does: str) -> str:
    cells = (_answer(row), row.means, f"{row.does} {does}".strip(), _sentence(row), row.responsible.capitalize())
    return f"| {' | '.join(cells)} |\n"


def _answer(row: Row) -> str:
    parts = [_either(f"`{code}`" for code in row.codes)] if row.codes else []
    if row.least_status:
        parts.append(f"any other code with a status of {row.least_status} or above")
    if row.states == (UNSEEN,):
        parts.append("and DescribeKey is refused")
    elif row.states:
        parts.append("key state " + _either(f"`{state}`" for state in row.states))
    elif INVALID_STATE in row.codes:
        parts.append("in any other key state")
    if row.words:
        parts.append("the message has " + _either(f"“{words}”" for words in row.words))
    if row.ours:
        parts.append("and the operator's own key is denied too")
    return ", ".join(parts) if parts else "any other code"


def _either(names: Iterable[str]) -> str:
    return " or ".join(names)


def _sentence(row: Row) -> str:
    code = row.codes[0] if row.codes else "CODE"
    state = row.states[0] if row.states else "STATE"
    date = " before 2026-12-01"
    return row.sentence.format(arn=_ARN, code=code, action="Decrypt", state=state, before=date, data_key="0b1e…")
