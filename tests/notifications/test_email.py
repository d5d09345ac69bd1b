"""E-mail: to a real SMTP server, to those who agreed, once."""

from __future__ import annotations

import re
import smtplib
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from typing import Any

import pytest
from django.core import mail
from django.core.mail import get_connection
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts.models import AuditLog, Org, User
from notifications.actions import replay_message
from notifications.delivery import deliver_due
from notifications.models import Channel, Job
from notifications.tasks import ask_addresses
from tests.notifications.conftest import states
from tests.notifications.smtp import MailServer, mail_server
from tests.support import receivers
from tests.support.alerting import tell
from tests.support.factories import make_org

pytestmark = pytest.mark.django_db
NEW = "/settings/notifications/new?type=email"
ClientFor = Callable[[User], Client]


@pytest.fixture
def server(settings: Settings) -> Iterator[MailServer]:
    with mail_server(settings) as server:
        yield server


def make_email(org: Org, *to: str) -> Channel:
    config = {"to": list(to), "confirmed": list(to)}
    return Channel.objects.create(org=org, type="email", name="duty", config_json=config)


def test_one_mail_goes_to_all_who_agreed(org: Org, server: MailServer) -> None:
    channel = make_email(org, "one@example.com", "two@example.com")
    channel.config_json["to"].append("not-asked@example.com")
    channel.save()
    tell(org, "Errors in <api>")
    assert [each.status for each in deliver_due(10)] == ["sent"]
    (envelope,) = server.envelopes
    assert envelope.rcpt_tos == ["one@example.com", "two@example.com"]
    message: Any = message_from_bytes(envelope.content or b"", policy=policy.default)
    assert message["subject"].strip() == "Incident opened · high: Errors in <api> (api / production)"
    assert message["message-id"].startswith(f"<{Job.objects.get().batch}@")
    assert message["auto-submitted"] == "auto-generated"
    text = message.get_body(("plain",)).get_content()
    assert "http://localhost:8000/incidents/1" in text
    assert "Errors in &lt;api&gt;" in message.get_body(("html",)).get_content()
    (stop,) = re.findall(r"<(http[^>]+)>", message["list-unsubscribe"])
    assert stop in text.replace("\n", "")


def test_who_is_refused_is_named_and_the_others_get_it_once(org: Org, server: MailServer) -> None:
    make_email(org, "one@example.com", "gone@example.com", "two@example.com")
    server.refused = {"gone@example.com": 550}
    tell(org)
    deliver_due(10)
    deliver_due(10)
    (envelope,) = server.envelopes
    assert envelope.rcpt_tos == ["one@example.com", "two@example.com"]
    assert states() == [("sent", 1, "The mail server refused gone@example.com (550); the others were sent.")]


def test_who_is_refused_for_now_gets_it_later_and_the_others_not_again(org: Org, server: MailServer) -> None:
    make_email(org, "one@example.com", "grey@example.com", "gone@example.com")
    server.refused = {"grey@example.com": 451, "gone@example.com": 550}
    tell(org)
    deliver_due(10)
    refusals = "refused grey@example.com (451), gone@example.com (550); the others were sent"
    assert states() == [("pending", 1, f"The mail server {refusals}.")]
    server.refused = {}
    Job.objects.update(next_attempt_at=timezone.now())
    deliver_due(10)
    assert [each.rcpt_tos for each in server.envelopes] == [["one@example.com"], ["grey@example.com"]]
    assert states() == [("sent", 2, None)]
    assert len({mail["message-id"] for mail in server.messages}) == 1
    replay_message(actor=None, channel=Channel.objects.get(), message_id=Job.objects.get().batch)
    Channel.objects.update(gather_until=None)
    deliver_due(10)
    assert len(server.envelopes[-1].rcpt_tos) == 3


@pytest.mark.parametrize(
    ("refused", "answer", "state", "said"),
    [
        ({"one@example.com": 550}, "250 OK", "failed", "refused all recipients (550)"),
        ({"one@example.com": 451}, "250 OK", "pending", "refused all recipients (451)"),
        ({}, "554 no spam", "failed", "refused the message (554)"),
        ({}, "452 full", "pending", "refused the message (452)"),
    ],
)
def test_a_refusal_is_forever_or_for_now(
    org: Org, server: MailServer, refused: dict[str, int], answer: str, state: str, said: str
) -> None:
    make_email(org, "one@example.com")
    server.refused, server.answer = refused, answer
    tell(org)
    deliver_due(10)
    ((status, attempts, error),) = states()
    assert (status, attempts) == (state, 1)
    assert said in str(error)


def test_a_server_that_is_away_is_tried_again(org: Org, settings: Settings, server: MailServer) -> None:
    make_email(org, "one@example.com")
    settings.EMAIL_PORT = 1
    tell(org)
    deliver_due(10)
    ((status, _, error),) = states()
    assert status == "pending"
    assert "The mail server refused the connection" in str(error)


def test_the_backend_has_the_connection_that_notices_refusals(server: MailServer) -> None:
    with get_connection() as connection:
        assert isinstance(connection.connection, smtplib.SMTP)  # type: ignore[attr-defined]


def test_members_need_not_confirm_and_others_are_asked_once(
    org: Org,
    admin: User,
    client_for: ClientFor,
    settings: Settings,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.EMAIL_URL = "smtp://mail.example"
    client = client_for(admin)
    with django_capture_on_commit_callbacks():
        to = f"{admin.email}\nduty@example.com, duty@EXAMPLE.com"
        answer = client.post(NEW, {"type": "email", "name": "duty", "to": to}, follow=True)
    assert "(1 not confirmed yet)" in answer.text
    channel = Channel.objects.get()
    assert channel.config_json["confirmed"] == [admin.email]
    ask_addresses(str(channel.pk), channel.config_json["asked"])
    (asking,) = mail.outbox
    assert asking.to == ["duty@example.com"]
    path = re.findall(r"http://localhost:8000(/mail/confirm/\S+)", asking.body)[0]
    stranger = Client()
    assert stranger.get(path).status_code == 200
    channel.refresh_from_db()
    assert channel.config_json["confirmed"] == [admin.email]  # looking at a link changes nothing
    assert "You get mail" in stranger.post(path).text
    channel.refresh_from_db()
    assert channel.config_json["confirmed"] == [admin.email, "duty@example.com"]
    client.post(f"/settings/notifications/{channel.pk}", {"name": "other", "to": f"{admin.email} duty@example.com"})
    assert AuditLog.objects.for_org(org).filter(action="channel.address_asked").count() == 1


def test_one_address_is_asked_so_often_a_day_by_all_organisations(settings: Settings) -> None:
    """Else whoever makes organisations has us mail one address as often as they like."""
    settings.EMAIL_URL = "smtp://mail.example"
    for spelling in (
        "duty@example.com",
        "DUTY@example.com",
        "duty@Example.com",
        "Duty@example.com",
        "duty@example.com",
    ):
        channel = Channel.objects.create(org=make_org(), type="email", name="x", config_json={"to": [spelling]})
        ask_addresses(str(channel.pk), [spelling])
    assert len(mail.outbox) == settings.MAILS_PER_ADDRESS == 3


def test_a_day_has_an_end_of_asking(org: Org, admin: User, client_for: ClientFor, settings: Settings) -> None:
    settings.EMAIL_URL, settings.NOTIFICATION_ADDRESSES_ASKED_PER_DAY = "smtp://mail.example", 2
    answer = client_for(admin).post(NEW, {"type": "email", "name": "x", "to": "a@b.example c@d.example e@f.example"})
    assert answer.status_code == 422
    assert "may ask 2 addresses a day" in answer.text
    assert not Channel.objects.exists()


def test_leaving_by_the_link_of_a_mail(org: Org, server: MailServer) -> None:
    channel = make_email(org, "one@example.com", "two@example.com")
    tell(org)
    deliver_due(10)
    content = (server.envelopes[0].content or b"").decode()
    path = re.findall(r"<http://localhost:8000(/mail/leave/[^>]+)>", content.replace("\r\n ", ""))[0]
    stranger = Client()
    assert "End this mail" in stranger.get(path).text
    for address in ("nobody@example.com", "ONE@example.com"):
        assert "it gets none any more" in stranger.post(path, {"address": address}).text
    channel.refresh_from_db()
    assert channel.config_json["to"] == ["two@example.com"]


@pytest.mark.parametrize("path", ["/mail/confirm/x", "/mail/leave/x", "/mail/leave/x:y:z"])
def test_a_forged_link_leads_nowhere(path: str) -> None:
    assert Client().get(path).status_code == 404
    assert Client().post(path).status_code == 404


@pytest.mark.parametrize(
    "to", ["", "not an address", "a@b.example\r\nBcc: c@d.example", " ".join(f"a{n}@b.example" for n in range(21))]
)
def test_what_is_not_a_list_of_addresses_is_refused(
    admin: User, client_for: ClientFor, settings: Settings, to: str
) -> None:
    settings.EMAIL_URL = "smtp://mail.example"
    assert client_for(admin).post(NEW, {"type": "email", "name": "x", "to": to}).status_code == 422
    assert not Channel.objects.exists()


def test_without_a_mail_server_the_kind_says_what_is_missing(
    admin: User, client_for: ClientFor, settings: Settings
) -> None:
    settings.EMAIL_URL = ""
    assert "the operator sets EMAIL_URL" in client_for(admin).get("/settings/notifications/new").text


class _Faulty(socketserver.StreamRequestHandler):
    """A mail server that ends, or says nothing more, at the first line that begins with `server.at`."""

    def handle(self) -> None:
        faulty: Any = self.server
        with suppress(OSError):
            self.wfile.write(b"220 ready\r\n" if faulty.at else b"")
            is_message = False
            while faulty.at and not (line := self.rfile.readline()).startswith(faulty.at):
                if not is_message:
                    is_message = line.startswith(b"data")
                    self.wfile.write(b"354 go on\r\n" if is_message else b"250 ok\r\n")
            if faulty.is_silent:
                faulty.stopping.wait(5)


@contextmanager
def faulty_server(settings: Settings, at: bytes, *, is_silent: bool) -> Iterator[None]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Faulty) as server:
        made: Any = server
        made.at, made.is_silent, made.stopping, server.daemon_threads = at, is_silent, threading.Event(), True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        settings.EMAIL_PORT = server.server_address[1]
        yield
        made.stopping.set()
        server.shutdown()


@pytest.mark.parametrize("at", [b"", b"ehlo", b"mail", b"data", b"Subject"], ids=lambda at: at.decode() or "greeting")
@pytest.mark.parametrize("is_silent", [False, True], ids=["closes", "hangs"])
def test_a_server_that_breaks_off_gets_the_mail_again_under_its_name(
    org: Org, settings: Settings, server: MailServer, at: bytes, is_silent: bool
) -> None:
    settings.NOTIFICATION_TIMEOUT_SECONDS = 0.3
    port = settings.EMAIL_PORT
    make_email(org, "one@example.com", "two@example.com")
    tell(org)
    with faulty_server(settings, at, is_silent=is_silent):
        deliver_due(10)
        deliver_due(1)
    ((status, attempts, error),) = states()
    assert (status, attempts) == ("pending", 1)
    said = "The mail server did not answer within 0.3 seconds." if is_silent else "The mail server ended the connection"
    assert said in str(error)
    batch = Job.objects.get().batch
    settings.EMAIL_PORT = port
    Job.objects.update(next_attempt_at=timezone.now())
    deliver_due(10)
    assert [mail["message-id"].partition("@")[0] for mail in server.messages] == [f"<{batch}"]


def test_a_server_with_a_wrong_certificate_gets_nothing(org: Org, settings: Settings, server: MailServer) -> None:
    make_email(org, "one@example.com")
    tell(org)
    with receivers.tls_receiver() as receiver:
        settings.EMAIL_PORT, settings.EMAIL_USE_SSL = receiver.port, True
        deliver_due(10)
    ((status, _, error),) = states()
    assert status == "pending"
    assert "The certificate of the mail server was not accepted" in str(error)
