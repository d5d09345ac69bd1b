"""HAProxy, nginx and Caddy of Debian in front of two servers, as docs/operations.md and deploy/ have them; no TLS."""

from __future__ import annotations

import os
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.installation import ROOT, free_port
from tests.support.waiting import wait_until

_MACHINES = ("10.0.0.1:8000", "10.0.0.2:8000")  # of the examples
_NGINX = """
{user} daemon off; pid {home}/pid; error_log {home}/error.log; worker_processes 1;
events {{}}
http {{
    access_log off;
    client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/f;
    uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
    {example}
}}
"""


def program(name: str) -> str | None:
    """Return where it is, None where it is not installed."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def replaced(text: str, changes: dict[str, str]) -> str:
    """Return an example with what cannot be here put otherwise; each is in it."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def nginx_examples() -> list[str]:
    """Return those of the docs: the whole server, and the upstream of two machines."""
    parts = (ROOT / "docs" / "operations.md").read_text().split("```nginx\n")[1:]
    return [part.partition("```")[0] for part in parts]


def nginx_configuration(home: Path, example: str) -> str:
    """Return a whole file with the example in it, for an nginx that keeps all its files in `home`."""
    lines = [line for line in example.splitlines() if "ssl_certificate" not in line]
    user = "user root;" if os.geteuid() == 0 else ""
    return _NGINX.format(user=user, home=home, example="\n".join(lines))


class Proxy:
    """A proxy of the kind `name` on `port`, in front of the servers at `upstreams`."""

    def __init__(self, name: str, home: Path, upstreams: Sequence[int]) -> None:
        self.name, self.home, self.port = name, home, free_port()
        self.machines = [f"127.0.0.1:{port}" for port in upstreams]
        self.write(down=None)

    def write(self, *, down: int | None) -> None:
        """Write its configuration; an nginx is to send nothing to the machine `down`."""
        machines = dict(zip(_MACHINES, self.machines, strict=True))
        if self.name == "haproxy":
            changes = {"bind :443 ssl crt /etc/ssl/pulseops.pem alpn h2,http/1.1": f"bind 127.0.0.1:{self.port}"}
            text = replaced((ROOT / "deploy/haproxy.cfg").read_text(), changes | machines)
        elif self.name == "caddy":
            text = (ROOT / "deploy/Caddyfile").read_text()
        else:
            whole, pair = nginx_examples()
            upstream = replaced(pair, machines).replace(" down;", ";")
            if down is not None:
                upstream = replaced(upstream, {f"{self.machines[down]};": f"{self.machines[down]} down;"})
            start = whole.index("upstream pulseops")
            example = whole[:start] + upstream + whole[whole.index("server {\n    listen") :]
            changes = {"listen 443 ssl;": f"listen 127.0.0.1:{self.port};"}
            text = nginx_configuration(self.home, replaced(example, changes))
        (self.home / "proxy.conf").write_text(text)

    @property
    def command(self) -> list[str]:
        """What starts it, as docs have it."""
        file, where = str(self.home / "proxy.conf"), program(self.name) or self.name
        if self.name == "haproxy":
            return [where, "-f", file]
        if self.name == "caddy":
            return [where, "run", "--adapter", "caddyfile", "--config", file]
        return [where, "-c", file, "-p", str(self.home), "-e", str(self.home / "error.log")]

    @property
    def environment(self) -> dict[str, str]:
        """Its environment; Caddy's addresses stand in it."""
        own = {"SITE": f"http://127.0.0.1:{self.port}", "UPSTREAM": " ".join(self.machines)}
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "HEALTH": "/readyz?part=web", **own}

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run it, from when it answers."""
        log = (self.home / "log").open("ab")
        process = subprocess.Popen(self.command, env=self.environment, stdout=log, stderr=log)
        try:
            wait_until(lambda: _answers(f"http://127.0.0.1:{self.port}/api/health"))
            yield
        finally:
            process.terminate()
            process.wait(60)
            log.close()

    def turn_away(self, number: int, *, restart: Callable[[], None]) -> None:
        """Have the server `number` restarted; HAProxy and Caddy ask for themselves whether it is ready."""
        self._reload(down=number)
        restart()
        self._reload(down=None)

    def _reload(self, *, down: int | None) -> None:
        if self.name == "nginx":
            self.write(down=down)
            subprocess.run([*self.command, "-s", "reload"], check=True)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return bool(response.status == 200)
    except OSError:
        return False
