"""Compares what is installed with known vulnerabilities: a list of floors that works offline, then pip-audit.

Exit code 1 if anything vulnerable is installed. If no vulnerability database can be reached, says so and
relies on the floors.
"""

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

from packaging.version import Version

# First version without the vulnerability named.
FLOORS = {
    "h11": ("0.16.0", "CVE-2025-43859"),
    "sentence-transformers": ("5.5.2", "CVE-2026-68770"),
    "starlette": ("1.3.0", "CVE-2026-48710, PYSEC-2026-248"),
    "torch": ("2.10.0", "CVE-2025-32434, CVE-2026-24747"),
    "transformers": ("5.2.1", "CVE-2026-5241"),
    "uvicorn": ("0.11.7", "CVE-2020-7694"),
}


def below_floors() -> list[str]:
    """One sentence for each installed package that is older than its floor."""
    faults = []
    for package, (floor, reason) in FLOORS.items():
        try:
            installed = version(package)
        except PackageNotFoundError:
            continue
        if Version(installed) < Version(floor):
            faults.append(f"{package} {installed} is older than {floor} ({reason})")
    return faults


def pip_audit() -> tuple[list[str], str]:
    """(one sentence for each vulnerable package, what was audited)."""
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--local",
        "--skip-editable",
        "--progress-spinner",
        "off",
        "-f",
        "json",
    ]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603 - fixed command
    try:
        packages = json.loads(answer.stdout)["dependencies"]
    except (ValueError, KeyError):
        return [], "could not audit against a vulnerability database: none can be reached"
    audited = [package for package in packages if "vulns" in package]
    faults = [
        f"{package['name']} {package['version']}: {', '.join(entry['id'] for entry in package['vulns'])}"
        for package in audited
        if package["vulns"]
    ]
    if len(audited) < len(packages):
        return (
            faults,
            f"could not audit {len(packages) - len(audited)} of {len(packages)} packages: database not reached",
        )
    return faults, f"all {len(packages)} packages audited"


def main() -> int:
    """Prints what was found; 1 if anything is vulnerable."""
    old = below_floors()
    vulnerable, audited = pip_audit()
    print(f"floors: {len(FLOORS)} packages compared; pip-audit: {audited}")
    for fault in (*old, *vulnerable):
        print(f"VULNERABLE {fault}")
    return 1 if old or vulnerable else 0


if __name__ == "__main__":
    sys.exit(main())
