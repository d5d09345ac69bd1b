"""Known vulnerabilities of what is pinned: a part of `make check`.

Ends with 1 when there is one. Where the advisories cannot be had (no network, or the service is away), it says so and
ends with 0: that is no reason for CI to fail.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

SECONDS = 120
_COMMAND = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--progress-spinner", "off"]


def main(*files: str) -> int:
    """Ask for the advisories of the packages that `files` pin; returns the exit status."""
    arguments = [word for file in files for word in ("--requirement", file)]
    try:
        done = subprocess.run(
            [*_COMMAND, "--format", "json", *arguments], capture_output=True, text=True, timeout=SECONDS, check=False
        )
        packages = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError) as error:
        print(f"Vulnerabilities were not looked for: the advisories cannot be had ({type(error).__name__}).")
        return 0
    return tell(packages)


def tell(packages: list[dict[str, Any]]) -> int:
    """Say what is known of `packages`, in pip-audit's shape; returns 1 if one of them is vulnerable, else 0."""
    vulnerable = [each for each in packages if each.get("vulns")]
    unknown = [each for each in packages if "skip_reason" in each]
    for package in vulnerable:
        for each in package["vulns"]:
            fixed = ", ".join(each["fix_versions"]) or "no version yet"
            print(f"{package['name']} {package['version']}: {each['id']}, fixed in {fixed}")
    if unknown:
        print(
            f"Vulnerabilities of {len(unknown)} of {len(packages)} packages are not known: the index has no advisories."
        )
    if not vulnerable and len(unknown) < len(packages):
        print(f"No known vulnerability in {len(packages) - len(unknown)} packages.")
    return 1 if vulnerable else 0


if __name__ == "__main__":
    sys.exit(main(*(sys.argv[1:] or ["requirements.txt", "requirements-dev.txt"])))
