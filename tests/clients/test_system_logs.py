"""Debian's rsyslog and syslog-ng by the texts of the page of a new key: what a machine logs stands in the database."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.clients.running import INSTALLED, PATIENCE, Receiver, text_of
from tests.support.debian_clients import client, environment
from tests.support.installation import free_port
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_200), pytest.mark.xdist_group("installation")]
_ROWS = """
    SELECT log.level, log.ts, log.message, log.meta_json
    FROM logs log JOIN services service ON service.id = log.service_id
    WHERE service.name = '{name}' ORDER BY log.message
"""


def modules(pattern: str) -> Path:
    """Return the folder with a file of this pattern, where `make clients` or the machine has it; skips without one."""
    found = [path for root in (INSTALLED / "usr/lib", Path("/usr/lib")) for path in root.glob(pattern)]
    if not found:
        pytest.skip(f"{pattern} is not here; `make clients` brings it")
    return found[0].parent


def rsyslog(folder: Path, port: int) -> list[str]:
    """Return the command that runs the text as a part of rsyslog's configuration, with UDP in place of /dev/log."""
    (folder / "main.conf").write_text(
        f'global(workDirectory="{folder}")\nmodule(load="imudp")\n'
        f'input(type="imudp" address="127.0.0.1" port="{port}")\ninclude(file="{folder}/text.conf")\n'
    )
    program = client("usr/sbin/rsyslogd", probe=["-v"])
    return [str(program), "-n", "-f", f"{folder}/main.conf", "-i", f"{folder}/pid",
            "-M", str(modules("*/rsyslog/omelasticsearch.so"))]  # fmt: skip


def syslog_ng(folder: Path, port: int) -> list[str]:
    """The same of syslog-ng; s_src is Debian's name for what a machine logs."""
    (folder / "main.conf").write_text(
        f'@version: 3.38\nsource s_src {{ syslog(ip("127.0.0.1") port({port}) transport("udp")); }};\n'
        f'@include "{folder}/text.conf"\n'
    )
    program = client("usr/sbin/syslog-ng")
    return [str(program), "-F", "--no-caps", "-f", f"{folder}/main.conf", "-R", f"{folder}/persist",
            "-c", f"{folder}/ctl", "-p", f"{folder}/pid", "--module-path",
            str(modules("syslog-ng/*/libhttp.so"))]  # fmt: skip


@contextmanager
def running(command: list[str], folder: Path) -> Iterator[None]:
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, env=environment(), stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.mark.parametrize(("text", "command"), [("rsyslog.conf", rsyslog), ("syslog-ng.conf", syslog_ng)])
def test_what_a_machine_logs_is_stored(
    text: str, command: Callable[[Path, int], list[str]], receiver: Receiver, tmp_path: Path
) -> None:
    port, at = free_port(), datetime.now(UTC)
    arguments = command(tmp_path, port)
    installation = receiver.installation
    (tmp_path / "text.conf").write_text(text_of(text, installation.url, receiver.keys[text]))
    with running(arguments, tmp_path), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:

        def said() -> list[tuple[Any, ...]]:
            for priority, message in ((11, "charge failed"), (12, 'a "quote" and a \\')):
                line = f"<{priority}>1 {at.isoformat()} web-1 shop 42 - - {message}"
                sender.sendto(line.encode(), ("127.0.0.1", port))
            return installation.rows(_ROWS.format(name=text))

        wait_until(lambda: len({row[2] for row in said()}) == 2, every=0.5)  # it listens after a while
        rows = {row[2]: row for row in said()}
    assert set(rows) == {"charge failed", 'a "quote" and a \\'}
    level, ts, _, meta = rows["charge failed"]
    assert (level, ts, meta["program"]) == ("error", at, "shop")
    assert rows['a "quote" and a \\'][0] == "warn"
