"""From a rule that fires to an incident that is acknowledged on a phone, by the link in a mail."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django import Settings

from accounts.models import User
from alerts.evaluate import evaluate
from incidents.models import Incident
from notifications.delivery import deliver_due
from notifications.models import Channel
from tests.notifications.smtp import mail_server
from tests.support.alerting import make_rule, receive
from tests.support.browser import assert_accessible, assert_fits
from tests.support.factories import make_service


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_mails_link_acknowledges_on_a_phone(
    browser: Browser, page: Page, live_server: Any, sign_in: Callable[[User], None], settings: Settings, admin: User
) -> None:
    settings.PUBLIC_URL = live_server.url
    org = admin.memberships.get().org
    place = make_service(org, "payments").environments.get(name="production")
    Channel.objects.create(
        org=org,
        type="email",
        name="on duty",
        config_json={"to": ["duty@example.com"], "confirmed": ["duty@example.com"]},
    )
    make_rule(org, name="Payments fail")
    receive(place, 5, timezone.now(), message="payment <b>timeout</b> https://evil.example after")
    with mail_server(settings) as server:
        evaluate([org.pk])
        deliver_due(20)
        (mail,) = server.messages
        text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
        assert "payment &lt;b&gt;timeout&lt;/b&gt; https\u200b://evil" not in text
        assert "://evil" not in html
        (link,) = set(re.findall(rf"Acknowledge: ({re.escape(live_server.url)}/a/\S+)", text))
        phone = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
        phone.goto(link)
        expect(phone.get_by_role("heading", level=1)).to_contain_text("Payments fail")
        assert_fits(phone)
        assert_accessible(phone)
        phone.get_by_role("button", name="Acknowledge").click()
        expect(phone.get_by_text("Acknowledged by link in on duty.")).to_be_visible()
        expect(phone.get_by_role("button", name="Acknowledge")).to_have_count(0)
        phone.context.close()
        Channel.objects.update(gather_until=None)  # as half a minute later
        deliver_due(20)
        said = [mail["subject"].partition(":")[0].strip() for mail in server.messages]
        assert said == ["Incident opened · high", "Acknowledged · high"]
        assert "by link in on duty" in server.messages[1].get_body(("plain",)).get_content()
    incident = Incident.objects.get()
    assert incident.status == "investigating"
    sign_in(admin)
    page.goto(f"{live_server.url}/incidents/{incident.pk}")
    timeline = page.get_by_role("region", name="Timeline")
    expect(timeline).to_contain_text("Acknowledged by link in on duty.")
    expect(page.locator(".told").get_by_text("Acknowledged").first).to_be_attached()  # of the channels' messages
    note = page.get_by_label("Note")
    note.fill("Looking at it")
    note.press("Control+Enter")
    expect(timeline).to_contain_text("Looking at it")
