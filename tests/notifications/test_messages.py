"""What messages say: inside the receivers' limits, and harmless whatever people have written."""

from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from notifications.channels.discord import discord_body
from notifications.channels.slack import slack_body
from notifications.messages import Notice

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=4000)
PAYLOAD = st.fixed_dictionaries(
    {},
    optional={
        "title": TEXT | st.none() | st.integers(),
        "severity": st.sampled_from(["low", "med", "high", "x", None]),
        "scope": TEXT,
        "text": TEXT,
        "path": TEXT | st.just("/incidents/7?org=x"),
        "facts": st.lists(st.lists(TEXT, min_size=2, max_size=2), max_size=12) | TEXT,
    },
)
EVENT = st.sampled_from(["incident.created", "incident.resolved", "channel.test", "of other software"])
NOTICES = st.lists(st.builds(Notice.from_payload, EVENT, PAYLOAD), min_size=1, max_size=40)


@given(NOTICES)
def test_slack_takes_what_we_send(notices: list[Notice]) -> None:
    body = slack_body(notices, "id-1")
    assert len(body["blocks"]) <= 50
    for block in body["blocks"]:
        if "text" in block:
            assert 0 < len(block["text"]["text"]) <= 3000
            assert not re.search(r"<http[^>]*$", block["text"]["text"])  # a link without its end
        assert len(block.get("fields", [])) <= 10
        assert all(0 < len(field["text"]) <= 2000 for field in block.get("fields", []))
    assert len(body["text"]) <= 4000
    assert "id-1" in json.dumps(body)


@given(NOTICES)
def test_discord_takes_what_we_send(notices: list[Notice]) -> None:
    body = discord_body(notices, "id-1")
    assert len(body["content"]) <= 2000
    (embed,) = body["embeds"]
    assert len(embed["title"]) <= 256
    assert len(embed["description"]) <= 4096
    assert not re.search(r"(?<!\\)\]\([^)]*$", embed["description"])  # a link without its end
    assert body["allowed_mentions"] == {"parse": []}
    for field in embed.get("fields", []):
        assert 0 < len(field["name"]) <= 256
        assert 0 < len(field["value"]) <= 1024
    words = [embed["title"], embed["description"], embed["footer"]["text"]]
    words += [text for field in embed.get("fields", []) for text in (field["name"], field["value"])]
    assert sum(map(len, words)) <= 6000


def test_text_that_grows_by_escaping_is_cut_as_it_is_sent() -> None:
    notice = Notice.from_payload("incident.created", {"title": "&" * 150, "scope": "<" * 200, "text": "&" * 1200})
    assert {len(block["text"]["text"]) for block in slack_body([notice] * 20, "x")["blocks"] if "text" in block}
    for notices in ([notice], [notice] * 20):
        for block in slack_body(notices, "x")["blocks"]:
            text = block.get("text", {}).get("text", "")
            assert len(text) <= 3000
            assert not re.search(r"&(?!amp;|lt;|gt;)", text)


def test_a_digest_cuts_no_link() -> None:
    payload = {"title": "a long title " * 20, "scope": "api", "path": "/incidents/" + "7" * 300}
    notices = [Notice.from_payload("incident.created", payload)] * 30
    embed = discord_body(notices, "x")["embeds"][0]
    *lines, rest = embed["description"].split("\n")
    assert lines
    assert all(line.endswith(f"({notices[0].link})") for line in lines)
    assert rest.startswith(f"and {30 - len(lines)} more: ")


def test_no_one_is_mentioned_and_no_link_is_forged() -> None:
    nasty = "<!channel> <https://evil.example|click> @everyone [x](https://evil.example) *b*"
    notice = Notice.from_payload("incident.created", {"title": nasty, "text": nasty, "path": "/incidents/1"})
    slack = json.dumps(slack_body([notice], "x"))
    assert "<!channel>" not in slack
    assert "<https://evil" not in slack
    discord = json.dumps(discord_body([notice], "x"))
    assert "[x](" not in discord
    assert "\\\\@everyone" in discord


def test_links_are_absolute_and_ours() -> None:
    good = Notice.from_payload("incident.created", {"title": "t", "path": "/incidents/7?org=1"})
    assert good.link == "http://localhost:8000/incidents/7?org=1"
    assert Notice.from_payload("x", {"title": "t", "path": "https://evil.example"}).link == ""
    assert Notice.from_payload("x", {"title": "t", "path": "//evil.example"}).link.startswith("http://localhost:8000//")
