#!/usr/bin/env python3
"""Run the Containerfile's steps where no daemon is to be had: each stage in a bare Debian root, then the result.

    unshare --mount tools/run_containerfile.py BASE.tar    (as root; a Debian root with python3 and python3-venv)

Debian's python3 stands in for the image's. The result runs as its USER on a read-only root with /data and /tmp beside
it, until /readyz is 200, and ends by STOPSIGNAL.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
READY_SECONDS = 120.0
_CHROOT = "/usr/sbin/chroot"


class Stage:
    """A root in which instructions are run one after the other."""

    def __init__(self, root: Path, base: Path) -> None:
        self.root, self.directory = root, "/"
        self.environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        self.said: dict[str, str] = {}
        root.mkdir()
        subprocess.run(["tar", "-xf", base, "-C", root], check=True)
        for name in ("proc", "dev"):
            subprocess.run(["mount", "--rbind", f"/{name}", root / name], check=True)
        (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        for name in ("etc/resolv.conf", "etc/hosts", "etc/ssl/certs/ca-certificates.crt", "etc/pip.conf"):
            if Path("/", name).exists():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(Path("/", name), root / name)

    def run(self, command: list[str], **options: object) -> None:
        inside = [_CHROOT, self.root, "/bin/sh", "-c", f'cd {self.directory} && exec "$@"', "sh", *command]
        passed = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
        subprocess.run(inside, check=True, env={**passed, **self.environment}, **options)  # type: ignore[call-overload]

    def copy(self, arguments: str, stages: dict[str, Stage]) -> None:
        words = shlex.split(arguments)
        source_root = CHECKOUT
        if words[0].startswith("--from="):
            source_root = stages[words.pop(0).removeprefix("--from=")].root
        *sources, target = words
        into = self.root / os.path.normpath(f"{self.directory}/{target}" if target[0] != "/" else target).lstrip("/")
        for source in sources:
            if source == ".":
                into.mkdir(parents=True, exist_ok=True)
                packed = subprocess.run(
                    ["git", "archive", "HEAD"], cwd=CHECKOUT, check=True, capture_output=True
                ).stdout
                unpack = ["tar", "-xf", "-", "-C", into, "--anchored", "--exclude-from", CHECKOUT / ".containerignore"]
                subprocess.run(unpack, input=packed, check=True)
            elif (at := source_root / source.lstrip("/")).is_dir():
                into.parent.mkdir(parents=True, exist_ok=True)
                subprocess.run(["cp", "-a", f"{at}/.", into], check=True)
            else:
                into.mkdir(parents=True, exist_ok=True) if target.endswith("/") else None
                shutil.copy2(at, into)


def instructions() -> list[tuple[str, str]]:
    text = (CHECKOUT / "Containerfile").read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(line.split(None, 1)[0], line.split(None, 1)[1].strip()) for line in joined.splitlines() if line.strip()]


def build(home: Path, base: Path) -> Stage:
    stages: dict[str, Stage] = {}
    stage: Stage | None = None
    for name, arguments in instructions():
        print(f"{name} {arguments[:100]}", flush=True)
        if name == "FROM":
            stage = stages[arguments.split(" AS ")[-1]] = Stage(home / f"stage{len(stages)}", base)
            continue
        assert stage
        if name == "ENV":
            for part in shlex.split(arguments):
                key, _, value = part.partition("=")
                stage.environment[key] = re.sub(r"\$PATH", stage.environment["PATH"], value)
        elif name == "WORKDIR":
            stage.directory = arguments
            (stage.root / arguments.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif name == "COPY":
            stage.copy(arguments, stages)
        elif name == "RUN":
            stage.run(["/bin/sh", "-ec", arguments])
        else:
            stage.said[name] = arguments
    assert stage
    return stage


def serve(stage: Stage) -> None:
    """Run the result as a container would, and ask whether it is ready."""
    subprocess.run(["mount", "--bind", stage.root, stage.root], check=True)  # which hides what was mounted below
    for name in ("proc", "dev"):
        subprocess.run(["mount", "--rbind", f"/{name}", stage.root / name], check=True)
    for name in ("data", "tmp"):
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", stage.root / name], check=True)
    os.chown(stage.root / "data", 10001, 10001)
    (stage.root / "tmp").chmod(0o1777)
    subprocess.run(["mount", "-o", "remount,bind,ro", stage.root], check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [*json.loads(stage.said["ENTRYPOINT"]), *json.loads(stage.said["CMD"])]
    inside = [
        _CHROOT, f"--userspec={stage.said['USER']}", str(stage.root), "/bin/sh", "-c",
        f"cd {stage.directory} && exec \"$@\"", "sh", *command,
    ]  # fmt: skip
    process = subprocess.Popen(inside, env={**stage.environment, "PORT": str(port), "PULSEOPS_DEMO": "0"})
    try:
        until = time.monotonic() + READY_SECONDS
        while not is_ready(port):
            if process.poll() is not None or time.monotonic() > until:
                sys.exit("The result is not ready.")
            time.sleep(0.5)
        print(f"Ready on a read-only root as {stage.said['USER']}.", flush=True)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    print("Ended by SIGTERM.")


def is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    place = Path(tempfile.mkdtemp(prefix="containerfile-"))
    try:
        serve(build(place, Path(sys.argv[1]).resolve()))
    finally:
        for root in place.iterdir():  # twice, for the result is mounted on itself
            for _ in range(2):
                subprocess.run(["umount", "-R", "-l", root], check=False, stderr=subprocess.DEVNULL)
            for name in ("proc", "dev"):
                subprocess.run(["umount", "-R", "-l", root / name], check=False, stderr=subprocess.DEVNULL)
        subprocess.run(["rm", "-rf", "--one-file-system", place], check=False)
