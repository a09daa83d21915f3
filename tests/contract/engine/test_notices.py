"""Notices reach real receivers, also while the tenant's key is refused, and broken receivers delay no other."""

import hashlib
import hmac
import json
import logging
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_string
from email.header import decode_header, make_header
from pathlib import Path

import msgspec
import pytest

from shared import logs
from shared.adapters.clock import SystemClock
from shared.adapters.notices import TargetSender
from shared.adapters.notices.by_apprise import ByApprise
from shared.adapters.notices.signed_webhook import SignedWebhook
from shared.domain.errors import Alarm, Code, KeyRefused, KeyTrouble, Refuse
from shared.domain.limits import LIMITS
from shared.domain.notices import TargetKind
from shared.engine.notices.delivering import Delivering, Notifier
from shared.engine.notices.installation_key import InstallationKeyring
from shared.engine.requests.notices import AddedTarget, add_target, list_targets, send_test
from shared.ports.catalog.tenant import TenantCatalog
from shared.vault.recipients import new_identity, seal_to
from tests.contract.catalog.world import ARN, OK, REVOKED, World
from tests.contract.receivers import MailServer, WebhookReceiver, serving
from tests.migrated import migrated_file
from tests.parts import free_port
from tests.unit.vault.parts import MemoryKeys

PROVIDER = ARN.replace("one", "provider")
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")  # apprise imports it
TRUST = ssl.create_default_context()
SECONDS = 2.0


class Stage:
    """A catalog, keys, and the process that delivers. Tenants' targets may be on loopback here."""

    def __init__(self, folder: Path) -> None:
        self.world = World(migrated_file(folder / "catalog.sqlite3"))
        self.catalog = self.world.catalog.as_actor("ops@host")
        self.keys, self.clock = MemoryKeys(), SystemClock()
        self.keyring = self.another_keyring()
        self.smtp = folder / "smtp"
        self.near = False
        sender = TargetSender(
            SignedWebhook(TRUST, self.clock, SECONDS), ByApprise(self.smtp, SECONDS), lambda _: self.near
        )
        self.limits = msgspec.structs.replace(LIMITS, notice_retry_seconds=0.01, notice_retry_most_seconds=0.01)
        self.notifier = Notifier(
            Delivering(catalog=self.catalog, keyring=self.keyring, sender=sender, limits=self.limits)
        )
        self.keyring.publish(self.limits)

    def another_keyring(self, provider: str = PROVIDER) -> InstallationKeyring:
        return InstallationKeyring(self.world.catalog, self.keys, self.clock, provider, 30.0)

    def add(
        self,
        address: str,
        kind: TargetKind = TargetKind.WEBHOOK,
        tenant: TenantCatalog | None = None,
        name: str = "ops",
    ) -> AddedTarget:
        return add_target(
            self.catalog,
            seal_to,
            self.clock,
            tenant.tenant_id if tenant else None,
            name=name,
            kind=kind,
            address=address,
            notices=["key.refused", "key.answers"],
        )

    def deliver(self) -> None:
        """Run one round and wait for its deliveries."""
        self.notifier.once()
        assert self.notifier.rest(20)

    def outcomes(self, tenant: TenantCatalog | None = None) -> dict[str, list[tuple[str, str | None]]]:
        """Return state and outcome of each target's deliveries, oldest first."""
        shown = list_targets(self.catalog, tenant.tenant_id if tenant else None)
        return {
            each.target.name: [(delivery.state, delivery.outcome) for delivery in reversed(each.deliveries)]
            for each in shown
        }


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.world.close()


@pytest.fixture
def acme(stage: Stage) -> TenantCatalog:
    return stage.world.add("acme")


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with serving(WebhookReceiver()) as server:
        yield server


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with serving(MailServer()) as server:
        yield server


def checks_out(post: tuple[dict[str, str], bytes], secret: str, now: float) -> bool:
    """Check a signature as docs/notices.md tells receivers to, in code of this test alone."""
    headers, body = post
    parts = dict(part.split("=", 1) for part in headers["entrakeep-signature"].split(","))
    wanted = hmac.new(secret.encode(), parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted, parts["v1"]) and abs(now - int(parts["t"])) < 300


def test_a_webhook_gets_signed_notices_while_the_tenants_key_is_refused(
    stage: Stage, acme: TenantCatalog, receiver: WebhookReceiver
) -> None:
    added = stage.add(receiver.url)
    assert (added.target.place, added.target.kind) == (f"http://127.0.0.1:{receiver.server_port}", TargetKind.WEBHOOK)
    stage.keys.refusing[ARN] = KeyRefused(ARN, "The KMS key is disabled.")
    stage.world.probed(acme, REVOKED)
    stage.deliver()
    (post,) = receiver.posts
    now = datetime.now(UTC).timestamp()
    assert added.secret is not None
    assert checks_out(post, added.secret, now)
    assert not checks_out(post, added.secret + "x", now)
    assert not checks_out((post[0], post[1].replace(b"acme", b"evil")), added.secret, now)
    assert not checks_out(post, added.secret, now + 301)
    document = json.loads(post[1])
    assert post[0]["entrakeep-notice"] == document["id"]
    assert (document["notice"], document["tenant"], document["code"]) == ("key.refused", "acme", "KEY_ACCESS_REVOKED")
    assert stage.outcomes() == {"ops": [("delivered", "HTTP 204")]}


def test_a_mail_is_plain_text_in_which_no_name_is_markup_or_a_header(
    stage: Stage, mail: MailServer, tmp_path: Path
) -> None:
    stage.smtp.write_text(mail.url)
    hostile = 'x\u202e"><script>alert(1)</script>\r\nBcc: eve@example.com\nhttps://evil.example @all'
    tenant = stage.world.add(hostile)
    stage.add("ops@example.org", TargetKind.MAIL, tenant)
    stage.keys.refusing[ARN] = KeyRefused(ARN, "The KMS key is disabled.")
    stage.world.probed(tenant, REVOKED)
    stage.deliver()
    ((sender, recipient, text),) = mail.mails
    assert (sender, recipient) == ("<entrakeep@example.com>", "<ops@example.org>")
    parsed = message_from_string(text)
    subject = str(make_header(decode_header(parsed["Subject"])))
    body = parsed.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert parsed.get_content_type() == "text/plain"
    assert parsed["Bcc"] is None
    assert subject.startswith("Entrakeep: Key refused - x?")
    for shown in (subject, body.decode()):
        assert not any(each in shown for each in ("<", ">", "@", "\u202e", "https://"))
    assert "Disabled." in body.decode()
    assert stage.outcomes(tenant) == {"ops": [("delivered", "accepted")]}


def test_receivers_that_are_down_slow_or_answer_garbage_delay_no_other(
    stage: Stage, acme: TenantCatalog, receiver: WebhookReceiver, mail: MailServer
) -> None:
    stage.smtp.write_text(mail.url)
    mail.refuses = True
    receiver.status = 302
    with serving(WebhookReceiver()) as slow, serving(WebhookReceiver()) as garbage, serving(WebhookReceiver()) as good:
        slow.drip, garbage.garbage = 0.05, True
        stage.add(f"http://127.0.0.1:{free_port()}/", name="down")
        stage.add(slow.url, name="slow")
        stage.add(garbage.url, name="garbage")
        stage.add(receiver.url, name="moved")
        stage.add("ops@example.org", TargetKind.MAIL, name="mail")
        stage.add(good.url, name="good")
        stage.world.probed(acme, REVOKED)
        stage.deliver()
        stage.world.probed(acme, OK)
        for _ in range(2):
            stage.deliver()
        assert [each["notice"] for each in good.notices] == ["key.refused", "key.answers"]
        shown = stage.outcomes()
        assert shown["good"] == [("delivered", "HTTP 204")] * 2
        assert {name: each[0] for name, each in shown.items() if name != "good"} == {
            "down": ("waiting", "no answer: ConnectError"),
            "slow": ("waiting", "no answer in time"),
            "garbage": ("waiting", "no answer: RemoteProtocolError"),
            "moved": ("waiting", "HTTP 302"),
            "mail": ("waiting", "the mail server did not accept it"),
        }
        receiver.status, mail.refuses = 200, False
        stage.world.pass_time(1)
        for _ in range(2):
            stage.deliver()
    assert [each["notice"] for each in receiver.notices[-2:]] == ["key.refused", "key.answers"]
    assert len(mail.mails) == 2


def test_a_mail_server_that_answers_garbage_or_is_not_named_gets_our_word(stage: Stage, mail: MailServer) -> None:
    mail.garbage = True
    stage.add("ops@example.org", TargetKind.MAIL)
    for text, outcome in (
        (None, "ENTRAKEEP_SMTP_URL_FILE cannot be read"),
        (mail.url, "the mail server did not accept it"),
    ):
        if text is not None:
            stage.smtp.write_text(text)
        send_test(stage.catalog, None, "ops")
        stage.deliver()
        assert stage.outcomes()["ops"][-1] == ("failed", outcome)


def test_a_notice_waits_while_the_provider_key_does_not_answer(
    stage: Stage, acme: TenantCatalog, receiver: WebhookReceiver
) -> None:
    stage.add(receiver.url)
    fresh = stage.another_keyring()
    stage.notifier = Notifier(replace(stage.notifier._delivering, keyring=fresh))
    stage.keys.trouble = KeyTrouble("Silent.")
    stage.world.probed(acme, REVOKED)
    stage.deliver()
    assert stage.outcomes() == {"ops": [("waiting", "the installation's data key cannot be used: KEY_UNREACHABLE")]}
    stage.keys.trouble = None
    stage.world.pass_time(1)
    stage.deliver()
    assert len(receiver.posts) == 1


def test_targets_open_after_the_provider_key_was_replaced(stage: Stage, receiver: WebhookReceiver) -> None:
    stage.add(receiver.url, name="before")
    newer = stage.another_keyring(PROVIDER.replace("provider", "newer"))
    newer.ensure()
    newer.ensure()
    assert stage.world.count("installation_keys") == 2
    stage.add(receiver.url, name="after")
    stage.notifier = Notifier(replace(stage.notifier._delivering, keyring=newer))
    for name in ("before", "after"):
        send_test(stage.catalog, None, name)
    stage.deliver()
    assert len(receiver.posts) == 2


def test_a_private_key_is_used_for_one_lease(stage: Stage, receiver: WebhookReceiver) -> None:
    stage.add(receiver.url)
    calls = stage.keys.call_count
    keyring = InstallationKeyring(stage.catalog, stage.keys, stage.clock, PROVIDER, 30.0)
    expired = InstallationKeyring(stage.catalog, stage.keys, stage.clock, PROVIDER, 0.0)
    (sealed,) = stage.world.rows("notice_targets")
    for _ in range(3):
        keyring.open(str(sealed["data_key_id"]), bytes(sealed["data"]))  # type: ignore[arg-type]
    assert stage.keys.call_count == calls + 1
    for _ in range(3):
        expired.open(str(sealed["data_key_id"]), bytes(sealed["data"]))  # type: ignore[arg-type]
    assert stage.keys.call_count == calls + 4


def test_a_seal_moved_to_another_target_is_refused(stage: Stage, receiver: WebhookReceiver) -> None:
    stage.add(receiver.url, name="first")
    first = stage.world.rows("notice_targets")[0]["data"]
    stage.add("https://hooks.example.com/y", name="second")
    stage.world.change("notice_targets", data=first)
    send_test(stage.catalog, None, "second")
    stage.deliver()
    assert stage.outcomes()["second"] == [("failed", "the target does not open: remove it and add it again")]
    assert receiver.posts == []


def test_a_public_key_changed_in_sql_is_noticed(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.world.change("installation_keys", recipient=new_identity()[0])
    with pytest.raises(Alarm):
        stage.keyring.ensure()
    with caplog.at_level(logging.ERROR):
        stage.keyring.publish(stage.limits)
    assert "not that of its private key" in caplog.text


def test_no_secret_reaches_sql_logs_or_outcomes(
    stage: Stage,
    acme: TenantCatalog,
    receiver: WebhookReceiver,
    mail: MailServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [*root.handlers])
    monkeypatch.setattr(root, "level", root.level)
    stage.smtp.write_text(mail.url.replace("smtp://", "smtp://ana:s3cr3t-mail@"))
    mail.refuses = receiver.garbage = True
    logs.set_up(level="debug")  # with its levels for libraries that log requests
    root.addHandler(caplog.handler)
    with caplog.at_level(logging.DEBUG):
        added = stage.add(receiver.url, name="hook")
        stage.add("ops@example.org", TargetKind.MAIL, name="mail")
        stage.add(f"mailto://ana:s3cr3t-own@127.0.0.1:{free_port()}/?to=ops@example.org", TargetKind.MAIL, name="own")
        stage.add("mmosts://127.0.0.1:1/s3cr3t-chat-token", TargetKind.CHAT, name="chat")
        stage.add("slack://T1JJ3T3L2/A1BRTD4JD/s3cr3tTIiajkdnlazkcOXrIdevi7FQ", TargetKind.CHAT, name="bad")
        stage.world.probed(acme, REVOKED)
        for _ in range(3):
            stage.deliver()
            stage.world.pass_time(1)
    shown = stage.outcomes()
    assert {state for each in shown.values() for state, _ in each} == {"waiting"}
    assert added.secret is not None
    texts = [caplog.text, repr(shown), msgspec.json.encode(list_targets(stage.catalog, None)).decode()]
    stored = (tmp_path / "catalog.sqlite3").read_bytes() + (tmp_path / "catalog.sqlite3-wal").read_bytes()
    for secret in ("s3cr3t", added.secret):
        assert all(secret not in text for text in texts)
        assert secret.encode() not in stored


def test_a_target_of_a_tenant_reaches_no_service_of_this_machine(
    stage: Stage, acme: TenantCatalog, receiver: WebhookReceiver
) -> None:
    with pytest.raises(Refuse) as caught:
        stage.add(receiver.url, tenant=acme)
    assert caught.value.code is Code.WRONG_USE
    sender = TargetSender(SignedWebhook(TRUST, stage.clock, SECONDS), ByApprise(None, SECONDS))
    stage.notifier = Notifier(replace(stage.notifier._delivering, sender=sender))
    for name, host in (("loop", "localhost"), ("cloud", "169.254.169.254"), ("any", "0.0.0.0"), ("v6", "[::1]")):
        stage.add(f"https://{host}:{receiver.server_port}/", tenant=acme, name=name)
        send_test(stage.catalog, acme.tenant_id, name)
    stage.deliver()
    for each in stage.outcomes(acme).values():
        ((state, outcome),) = each
        assert (state, outcome) == (
            "failed",
            "the host is this machine or its cloud's own service, which a tenant's target may not be",
        )
    assert receiver.posts == []


def test_a_target_cannot_be_sealed_before_a_worker_has_published_the_key(tmp_path: Path) -> None:
    world = World(migrated_file(tmp_path / "catalog.sqlite3"))
    with pytest.raises(Refuse) as caught:
        add_target(
            world.catalog,
            seal_to,
            SystemClock(),
            None,
            name="ops",
            kind=TargetKind.MAIL,
            address="ops@example.com",
        )
    assert caught.value.code is Code.STACK_NOT_RUNNING
    world.close()
