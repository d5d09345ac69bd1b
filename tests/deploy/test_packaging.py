"""What stands in deploy/ and the Containerfile: rules that a linter would ask for, and the programs' own checks."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core import checks
from pytest_django import Settings

import pulseops
from tests.support.installation import ROOT
from tests.support.proxies import Proxy, program

DEPLOY = ROOT / "deploy"
_SETTING = re.compile(r"`([A-Z][A-Z_0-9]+)`")
_OF_OTHERS = {"SITE", "UPSTREAM", "POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD"}


def instructions() -> list[tuple[str, str]]:
    """The Containerfile's instructions with their arguments, lines joined, comments left out."""
    lines = [line for line in (ROOT / "Containerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(line.split(None, 1)[0], line.split(None, 1)[1].strip()) for line in joined.splitlines() if line.strip()]


def last_stage() -> list[tuple[str, str]]:
    every = instructions()
    start = max(number for number, (name, _) in enumerate(every) if name == "FROM")
    return every[start:]


class TestContainerfile:
    def test_stages_are_pinned_and_of_no_named_registry(self) -> None:
        images = [arguments.split()[0] for name, arguments in instructions() if name == "FROM"]
        assert len(images) >= 2
        for image in images:
            name, _, tag = image.partition(":")
            assert re.search(r"\d", tag), image
            assert "/" not in name, image

    def test_the_result_runs_as_no_one_special_and_says_how_it_is(self) -> None:
        stage = dict(last_stage())
        uid, _, gid = stage["USER"].partition(":")
        assert uid.isdecimal()
        assert gid.isdecimal()
        assert int(uid) >= 10_000
        assert "/api/health" in stage["HEALTHCHECK"]
        assert stage["VOLUME"] == '["/data"]'
        assert stage["ENTRYPOINT"].startswith("[")
        assert stage["CMD"].startswith("[")
        assert stage["STOPSIGNAL"] == "SIGTERM"

    def test_the_result_has_no_compiler_and_no_installer(self) -> None:
        text = " ".join(arguments for name, arguments in last_stage() if name == "RUN")
        assert not re.search(r"\b(apt|apt-get|pip|gcc|make|build-essential|curl|wget|sudo)\b", text)
        whole = (ROOT / "Containerfile").read_text()
        assert "uninstall --quiet --yes pip" in whole
        assert "--require-hashes" in whole

    def test_rules_of_every_instruction(self) -> None:
        for name, arguments in instructions():
            assert name not in {"ADD", "MAINTAINER"}
            if name == "WORKDIR":
                assert arguments.startswith("/")
            if name == "RUN":
                assert " cd " not in arguments
            if name == "COPY" and "--from" not in arguments:
                assert all((ROOT / source).exists() for source in arguments.split()[:-1])
            if name == "ENV":
                assert not re.search(r"(SECRET|TOKEN|PASSWORD|SALT)\w*=", arguments)

    def test_what_is_secret_or_large_stays_out(self) -> None:
        ignored = (ROOT / ".containerignore").read_text().split()
        assert {".git", ".venv", ".env", "var"} <= set(ignored)
        assert (ROOT / ".dockerignore").read_text() == (ROOT / ".containerignore").read_text()


def documented_settings() -> set[str]:
    return {
        name for path in ("docs/operations.md", "README.md") for name in _SETTING.findall((ROOT / path).read_text())
    }


def services(path: str) -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / path).read_text())["services"])


class TestCompose:
    @pytest.mark.parametrize("path", ["compose.yaml", "compose.scaled.yaml"])
    def test_ours_are_closed_and_know_their_settings(self, path: str) -> None:
        ours = [each for each in services(path).values() if "build" in each]
        assert ours
        for each in ours:
            assert each["read_only"] is True
            assert each["cap_drop"] == ["ALL"]
            assert "no-new-privileges:true" in each["security_opt"]
            assert each["build"]["dockerfile"] == "Containerfile"
            assert (DEPLOY / each["build"]["context"] / "Containerfile").is_file()
            assert set(each["environment"]) <= documented_settings()

    def test_the_scaled_one_has_every_process_and_no_secret(self) -> None:
        found = services("compose.scaled.yaml")
        assert {"web", "worker", "dispatcher", "migrate", "database", "proxy"} == set(found)
        for each in found.values():
            for name, value in each.get("environment", {}).items():
                if re.search("SECRET|SALT|PASSWORD", name):
                    assert re.fullmatch(r"\$\{\w+:\?\}", value), name

    def test_only_the_proxy_is_reached_from_outside(self) -> None:
        ports = {name for name, each in services("compose.scaled.yaml").items() if each.get("ports")}
        assert ports == {"proxy"}
        assert services("compose.yaml")["pulseops"]["ports"] == ["127.0.0.1:8000:8000"]


class TestKubernetes:
    @pytest.fixture
    def documents(self) -> list[dict[str, Any]]:
        return list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))

    def pods(self, documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [each["spec"]["template"]["spec"] for each in documents if each["kind"] == "Deployment"]

    def test_every_container_is_closed_bounded_and_of_this_version(self, documents: list[dict[str, Any]]) -> None:
        for pod in self.pods(documents):
            assert pod["securityContext"]["runAsNonRoot"] is True
            assert pod["automountServiceAccountToken"] is False
            assert pod["terminationGracePeriodSeconds"] >= 45
            for container in [*pod["containers"], *pod.get("initContainers", [])]:
                closed = container["securityContext"]
                assert closed["readOnlyRootFilesystem"]
                assert closed["allowPrivilegeEscalation"] is False
                assert closed["capabilities"] == {"drop": ["ALL"]}
                assert "memory" in container["resources"]["limits"]
                assert container["image"] == f"pulseops:{pulseops.__version__}"
                assert {mount["name"] for mount in container["volumeMounts"]} == {v["name"] for v in pod["volumes"]}

    def test_names_fit_to_each_other(self, documents: list[dict[str, Any]]) -> None:
        by_kind = {(each["kind"], each["metadata"]["name"]): each for each in documents}
        service = by_kind["Service", "pulseops"]["spec"]
        web = by_kind["Deployment", "pulseops-web"]["spec"]
        assert service["selector"] == web["template"]["metadata"]["labels"] == web["selector"]["matchLabels"]
        [container] = web["template"]["spec"]["containers"]
        assert service["ports"][0]["targetPort"] in {port["name"] for port in container["ports"]}
        paths = by_kind["Ingress", "pulseops"]["spec"]["rules"][0]["http"]["paths"]
        assert paths[0]["backend"]["service"]["name"] == "pulseops"
        assert set(by_kind["ConfigMap", "pulseops"]["data"]) <= documented_settings()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
def test_the_unit_is_right_and_closed(tmp_path: Path) -> None:
    text = (DEPLOY / "systemd/pulseops.service").read_text().replace("/opt/pulseops/.venv/bin/python", sys.executable)
    unit = tmp_path / "pulseops.service"
    unit.write_text(text)
    said = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert not [line for line in said.stderr.splitlines() if "pulseops.service" in line]
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", unit]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0  # at most 2.0 of 10


@pytest.mark.skipif(not shutil.which("caddy"), reason="Debian's caddy is not installed")
def test_caddy_takes_its_file(tmp_path: Path) -> None:
    command = ["caddy", "validate", "--adapter", "caddyfile", "--config", str(DEPLOY / "Caddyfile")]
    environment = {"HOME": str(tmp_path), "SITE": "pulseops.example.com", "UPSTREAM": "web:8000"}
    assert (
        subprocess.run(command, env={"PATH": "/usr/bin", **environment}, capture_output=True, check=False).returncode
        == 0
    )


_OPTIONS = {"haproxy": ["-c"], "nginx": ["-t"], "caddy": []}


@pytest.mark.parametrize("name", _OPTIONS)
def test_load_balancers_take_their_examples(name: str, tmp_path: Path) -> None:
    if not program(name):
        pytest.skip(f"Debian's {name} is not installed")
    proxy = Proxy(name, tmp_path, [8001, 8002])
    command = [*proxy.command, *_OPTIONS[name]]
    if name == "caddy":
        command[1] = "validate"
    done = subprocess.run(command, env=proxy.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "command", [["manage.py", "version"], ["manage.py", "--version"], ["-m", "pulseops", "--version"]]
)
def test_it_says_its_own_version(command: list[str]) -> None:
    said = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said == f"PulseOps {pulseops.__version__}\n"
    assert f'version = "{pulseops.__version__}"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize(
    ("url", "is_refused"),
    [("https://a.example.com", False), ("https://a.example.com/", False), ("https://a.example.com/pulseops", True)],
)
def test_a_sub_path_is_refused(settings: Settings, url: str, is_refused: bool) -> None:
    settings.PUBLIC_URL = url
    assert ("pulseops.E012" in {each.id for each in checks.run_checks()}) is is_refused
