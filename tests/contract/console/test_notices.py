"""Pages of notice targets: added, tested and removed in the browser, which never gets a key."""

import html
import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from shared.domain.audit import event_of
from shared.engine.access import tokens
from shared.engine.access.people import Asker
from shared.ports.catalog.notices import InstallationKey
from shared.vault.recipients import new_identity, open_with
from tests.contract.catalog.world import NOW, REVOKED
from tests.contract.console.served import Browser, Console, served_console

RECIPIENT, IDENTITY = new_identity()
HOOK = {"target": "siem", "kind": "webhook", "address": "https://hooks.example.com/s3cr3t", "notice": "key.refused"}
MAIL = {"target": "on-call", "kind": "mail", "address": "ops@example.com", "notice": ["key.refused", "backup.failed"]}


def publish(console: Console) -> None:
    """Publish the installation's public key, as a worker does."""
    key = InstallationKey(
        data_key_id="d" * 64, arn="arn", wrapped=b"w", recipient=RECIPIENT, identity=b"i", created_at=NOW
    )
    console.world.catalog.installation_keys().add(key)


@pytest.fixture(scope="module", autouse=True)
def _published(console: Console) -> None:
    console.world.add("acme")
    publish(console)


@pytest.fixture
def admin(console: Console) -> Browser:
    return console.as_("admin", "acme")


PAGE = "/t/acme/settings/notices"


def shown_id(browser: Browser, path: str, name: str) -> str:
    """Return the id of the target with this name on a page."""
    match = re.search(
        rf'name="id" value="([^"]+)"><button type="submit" aria-label="Test {name}"', browser.get(path).text
    )
    assert match is not None
    return match[1]


def test_a_webhooks_secret_is_shown_once_and_its_address_is_only_sealed(console: Console, admin: Browser) -> None:
    answer = admin.post(PAGE, data=HOOK)
    assert answer.status_code == 200
    match = re.search(r"eks1_[A-Za-z0-9_-]{43}", answer.text)
    assert match is not None
    page = admin.get(PAGE)
    assert match[0] not in page.text
    assert "s3cr3t" not in page.text
    assert "https://hooks.example.com<" in page.text
    (row,) = (row for row in console.world.rows("notice_targets") if row["name"] == "siem")
    stored = repr(row)
    assert "s3cr3t" not in stored
    assert match[0] not in stored
    data = row["data"]
    assert isinstance(data, bytes)
    opened = open_with(IDENTITY, data)
    assert b"s3cr3t" in opened
    assert match[0].encode() in opened
    acme = console.world.catalog.find("acme").tenant_id
    event = event_of(console.world.catalog.tenant(acme).audit.recent(1)[0])
    assert (event.action, event.actor.split(":")[0]) == ("notice-target.added", "person")


def test_a_target_is_tested_and_removed(console: Console, admin: Browser) -> None:
    assert admin.post(PAGE, data=MAIL).status_code == 303
    target_id = shown_id(admin, PAGE, "on-call")
    answer = admin.post(f"{PAGE}/test", data={"id": target_id})
    assert answer.headers["location"] == f"{PAGE}?done=tested"
    assert "not tried yet" in admin.get(PAGE).text
    (due,) = console.world.catalog.notice_deliveries().take(5, 60, retries=False)
    console.world.catalog.notice_deliveries().mark_failed(due, "HTTP 500", None)
    assert "HTTP 500" in admin.get(PAGE).text
    assert admin.post(f"{PAGE}/remove", data={"id": target_id}).status_code == 303
    assert "Test on-call" not in admin.get(PAGE).text
    assert admin.post(f"{PAGE}/remove", data={"id": target_id}).status_code == 404


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("target", {"target": "<b>"}),
        ("kind", {"kind": "pigeon"}),
        ("address", {"address": "http://169.254.169.254/x"}),
        ("address", {"kind": "mail", "address": "nobody"}),
        ("address", {"kind": "chat", "address": "syslog://localhost"}),
        ("address", {"kind": "chat", "address": "slack://a/b/c?verify=no"}),
        ("notice", {"notice": "person.changed"}),
        ("notice", {"notice": []}),
    ],
)
def test_what_was_typed_stays_with_the_error_at_its_field(
    admin: Browser, field: str, values: dict[str, str | list[str]]
) -> None:
    typed = {**HOOK, "target": "kept", **values}
    answer = admin.post(PAGE, data=typed)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert len(re.findall('class="field-error"', answer.text)) == 1
    for name in ("target", "address"):
        assert f'value="{html.escape(str(typed[name]))}"' in answer.text


def test_a_name_is_taken_once(admin: Browser) -> None:
    data = {**MAIL, "target": "twice"}
    assert [admin.post(PAGE, data=data).status_code for _ in range(2)] == [303, 422]


def test_changes_need_a_confirmation_and_a_test_does_not(console: Console) -> None:
    admin = console.as_("admin", "acme", confirmed=False)
    answer = admin.post(PAGE, data={**MAIL, "target": "unconfirmed"})
    assert answer.status_code == 403
    assert "unconfirmed" in answer.text
    assert admin.post(f"{PAGE}/remove", data={"id": "x"}).status_code == 403
    assert admin.post(f"{PAGE}/test", data={"id": "x"}).status_code == 404


def test_an_operator_sets_targets_of_the_installation_and_none_of_a_tenant(console: Console) -> None:
    operator = console.as_("operator")
    assert operator.get(PAGE).status_code == 403
    assert operator.post("/notices", data={**MAIL, "target": "ops", "notice": "person.changed"}).status_code == 303
    tenant = console.world.catalog.tenant(console.world.catalog.find("acme").tenant_id)
    console.world.probed(tenant, REVOKED)
    console.world.catalog.notice_deliveries().address(100)
    page = operator.get("/notices").text
    assert "Person added, invited, reset or removed" in page
    assert console.as_("admin", "acme").get("/notices").status_code == 403


def test_the_page_says_that_no_worker_has_published_a_key(tmp_path_factory: pytest.TempPathFactory) -> None:
    with served_console(tmp_path_factory.mktemp("bare")) as console:
        operator = console.as_("operator")
        page = operator.get("/notices").text
        assert "No worker has published the key" in page
        assert "No target yet" in page
        answer = operator.post("/notices", data=MAIL)
        assert (answer.status_code, "STACK_NOT_RUNNING" in answer.text) == (503, True)
        assert console.world.count("notice_targets") == 0


def test_a_program_adds_tests_and_removes_targets_of_its_scope_alone(console: Console) -> None:
    now = datetime.now(UTC)
    tenant = console.world.add("served")
    headers = []
    for name, scope in (("here", "served"), ("elsewhere", "acme")):
        made = tokens.make(
            console.world.catalog, Asker(actor="ops@host"), name, scope, ["notices.set"], now + timedelta(days=1), now
        )
        headers.append({"authorization": f"Bearer {made.text}"})
    path, body = "/api/v1/tenants/served/notices", {**HOOK, "name": "siem", "notices": ["key.refused"]}
    body = {name: body[name] for name in ("name", "kind", "address", "notices")}
    with httpx.Client(base_url=console.url, timeout=20, trust_env=False) as client:
        added = client.post(path, json=body, headers=headers[0])
        assert added.status_code == 200, added.text
        assert added.json()["secret"].startswith("eks1_")
        assert client.post(f"{path}/siem/test", headers=headers[0]).json()["state"] == "waiting"
        (listed,) = client.get(path, headers=headers[0]).json()
        assert (listed["place"], [each["notice"] for each in listed["deliveries"]]) == (
            "https://hooks.example.com",
            ["test"],
        )
        assert "s3cr3t" not in client.get(path, headers=headers[0]).text
        assert client.post(path, json={**body, "address": "x"}, headers=headers[0]).status_code == 400
        for answer in (client.get(path, headers=headers[1]), client.post(f"{path}/siem/remove", headers=headers[1])):
            assert answer.status_code == 404
        assert client.get("/api/v1/notices", headers=headers[0]).status_code in (403, 404)
        assert client.post(f"{path}/siem/remove", headers=headers[0]).json()["name"] == "siem"
        assert client.post(f"{path}/siem/remove", headers=headers[0]).status_code == 404
    (added_event, _) = [event_of(entry) for entry in tenant.audit.entries()][-2:]
    assert added_event.actor == "token:here"
