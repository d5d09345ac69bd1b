"""What messages say: inside the receivers' limits, and harmless whatever people have written."""

from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from notifications.channels.discord import discord_body
from notifications.channels.slack import slack_body
from notifications.messages import Notice, unlinked

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=4000)
PAYLOAD = st.fixed_dictionaries(
    {},
    optional={
        "title": TEXT | st.none() | st.integers(),
        "severity": st.sampled_from(["low", "med", "high", "x", None]),
        "scope": TEXT,
        "text": TEXT,
        "path": TEXT | st.just("/incidents/7?org=x"),
        "pattern": TEXT,
        "lines": st.lists(TEXT, max_size=5) | TEXT,
        "links": st.lists(st.tuples(TEXT, TEXT | st.just("/logs?q=a&from=b")).map(list), max_size=6),
        "facts": st.lists(st.tuples(TEXT, TEXT | st.just({"at": "2026-01-02T03:04:05+00:00"})).map(list), max_size=12)
        | TEXT,
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


LINE = "error <!channel> <@U1> @everyone ``` [x](https://evil.example) <https://evil.example|x> *b* \x1b[31m\u202e"
EVIDENCE = {
    "title": "Errors: api / production",
    "scope": "api / production",
    "path": "/incidents/7?org=1",
    "pattern": "error <text> <n>",
    "lines": [LINE, "a\nb", "c", "d"],
    "facts": [["First seen", {"at": "2026-01-02T03:04:05+00:00"}], ["Odd", {"at": "x"}]],
    "links": [["Logs", "/logs?q=level%3Aerror"], ["Elsewhere", "https://evil.example"]],
}


def test_slack_quotes_a_log_as_it_is() -> None:
    body = slack_body([Notice.from_payload("incident.created", EVIDENCE)], "x")
    texts = [block["text"]["text"] for block in body["blocks"] if "text" in block]
    (quoted,) = [text for text in texts if text.startswith("```")]
    assert quoted.count("```") == 2
    assert "error &lt;text&gt; &lt;n&gt;\nerror &lt;!channel&gt; &lt;@U1&gt; @everyone ''' [x]" in quoted
    assert quoted.endswith("\na b\nc\n```")
    assert not re.search(r"[\x1b\u202e]", quoted)
    links = "<http://localhost:8000/incidents/7?org=1|Open> · <http://localhost:8000/logs?q=level%3Aerror|Logs>"
    assert links in texts
    (fields,) = [block["fields"] for block in body["blocks"] if "fields" in block]
    said = "<!date^1767323045^{date_short_pretty} {time_secs}|2026-01-02 03:04:05 UTC>"
    assert fields[0]["text"] == f"*First seen*\n{said}"
    assert all(block["text"]["verbatim"] for block in body["blocks"] if "text" in block)
    assert body["text"] == "Incident opened: Errors: api / production"  # the scope stands there once


def test_discord_quotes_a_log_as_it_is() -> None:
    (embed,) = discord_body([Notice.from_payload("incident.created", EVIDENCE)], "x")["embeds"]
    said = embed["description"]
    assert said.count("```") == 2
    assert "error <!channel> <@U1> @everyone \u02cb\u02cb\u02cb [x]" in said
    open_page, logs = "http://localhost:8000/incidents/7?org=1", "http://localhost:8000/logs?q=level%3Aerror"
    assert said.endswith(f"[Open]({open_page}) · [Logs]({logs})")
    assert [field["value"] for field in embed["fields"]] == ["<t:1767323045:f>", "-"]


@given(TEXT)
def test_no_program_sees_an_address_in_what_is_unlinked(text: str) -> None:
    given_text = f"{text} https://evil.example/x a@evil.example www.evil.example"
    written = unlinked(given_text)
    assert not re.search(r"://|\w[.@][^\W\d_]", written)
    assert written.replace("\u200b", "") == given_text.replace("\u200b", "")


def test_links_are_absolute_and_ours() -> None:
    good = Notice.from_payload("incident.created", {"title": "t", "path": "/incidents/7?org=1"})
    assert good.link == "http://localhost:8000/incidents/7?org=1"
    assert Notice.from_payload("x", {"title": "t", "path": "https://evil.example"}).link == ""
    assert Notice.from_payload("x", {"title": "t", "path": "//evil.example"}).link.startswith("http://localhost:8000//")
