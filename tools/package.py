"""Build the deployable zip of a service, in the layout of a local build for Azure Functions.

    python -m tools.package sales --out dist
    python -m tools.package all

stages dist/sales and packs it as dist/sales.zip: function_app.py, host.json and requirements.txt at
the root, the service, what it shares, and its pinned dependencies for CPython 3.13 on Linux x86-64
under .python_packages/lib/site-packages (the one place Azure reads: "local build", Microsoft Learn,
Python developer guide). The same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
TARGET_PYTHON = "3.13"
TARGET_PLATFORM = "x86_64-manylinux_2_28"
SITE_PACKAGES = Path(".python_packages/lib/site-packages")

# The platform brings these itself, or they are tools that only development uses.
NOT_DEPLOYED = shutil.ignore_patterns("__pycache__", "*.pyc", "README.md")

ALL = "all"

EPOCH = (1980, 1, 1, 0, 0, 0)
"""Timestamp of every entry: the oldest a zip can hold."""


class CannotPackage(Exception):
    """The package cannot be built; the text says why."""


def main(argv: list[str] | None = None) -> int:
    """Build; return 0, or 1 with one sentence on stderr."""
    parser = argparse.ArgumentParser(prog="package.py", description="Build a service's zip.")
    parser.add_argument("service", help="a folder of services/, or all of them: all")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "dist")
    parser.add_argument(
        "--no-dependencies", action="store_true", help="leave installing to a remote build"
    )
    arguments = parser.parse_args(argv)
    try:
        wanted = services() if arguments.service == ALL else [arguments.service]
        for service in wanted:
            archive = package(service, arguments.out, bare=arguments.no_dependencies)
            print(f"{archive} ({archive.stat().st_size / 1_000_000:.1f} MB)")
    except CannotPackage as error:
        print(f"package: {error}", file=sys.stderr)
        return 1
    return 0


def package(service: str, out: Path, *, bare: bool) -> Path:
    """Stage one service, with its dependencies unless `bare`, and pack it; return the archive."""
    staged = stage(service, out)
    if not bare:
        install(staged)
    return pack(staged)


def services() -> list[str]:
    """Return the names of the services that can be packaged."""
    return sorted(path.parent.name for path in REPOSITORY.glob("services/*/function_app.py"))


def check(service: str) -> None:
    """Raise `CannotPackage` unless there is such a service."""
    if service not in services():
        raise CannotPackage(f"there is no service {service!r}; there are {', '.join(services())}")


def stage(service: str, out: Path) -> Path:
    """Lay out the app without its dependencies; return the folder."""
    check(service)
    staged = out / service
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    for file in ("function_app.py", "host.json"):
        shutil.copy(REPOSITORY / file, staged)
    shutil.copytree(REPOSITORY / "shared", staged / "shared", ignore=NOT_DEPLOYED)
    (staged / "services").mkdir()
    shutil.copy(REPOSITORY / "services" / "__init__.py", staged / "services")
    shutil.copytree(
        REPOSITORY / "services" / service, staged / "services" / service, ignore=NOT_DEPLOYED
    )
    (staged / "requirements.txt").write_text(requirements())
    return staged


def requirements() -> str:
    """Return the pinned requirements of a deployed service: [project.dependencies], closed."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    return _uv(
        *("pip", "compile", "-", "--constraint", str(REPOSITORY / "constraints.txt")),
        *("--python-version", TARGET_PYTHON, "--python-platform", TARGET_PLATFORM),
        *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
        stdin="\n".join(project["dependencies"]),
    )


def install(staged: Path) -> None:
    """Install the pinned requirements as Azure expects to find them."""
    _uv(
        *("pip", "install", "--requirement", str(staged / "requirements.txt")),
        *("--target", str(staged / SITE_PACKAGES), "--link-mode", "copy"),
        *("--python-version", TARGET_PYTHON, "--python-platform", TARGET_PLATFORM),
        *("--only-binary", ":all:"),
    )


def pack(staged: Path) -> Path:
    """Zip the staged folder beside itself; return the archive."""
    archive = staged.with_suffix(".zip")
    archive.unlink(missing_ok=True)
    installed: list[Path] = []
    own: list[Path] = []
    for path in _files(staged):
        (installed if (staged / SITE_PACKAGES) in path.parents else own).append(path)
    if installed:
        shutil.copy(_packed_dependencies(staged, installed), archive)
    _append(archive, staged, own)
    return archive


def _packed_dependencies(staged: Path, installed: Sequence[Path]) -> Path:
    """Return the archive all others begin with: every service has the same dependencies, and
    deflating them takes longer than all else. Names and sizes say which they are."""
    files = [f"{path.relative_to(staged)} {path.stat().st_size}\n" for path in installed]
    packed = staged.parent / ".packed" / hashlib.sha256("".join(files).encode()).hexdigest()
    if not packed.exists():
        packed.parent.mkdir(exist_ok=True)
        begun = packed.with_suffix(f".{os.getpid()}")  # somebody else may be packing the same
        begun.unlink(missing_ok=True)
        _append(begun, staged, installed)
        begun.rename(packed)
    return packed


def _append(archive: Path, staged: Path, paths: Sequence[Path]) -> None:
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as into:
        for path in paths:
            entry = zipfile.ZipInfo(path.relative_to(staged).as_posix(), EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            into.writestr(entry, path.read_bytes())


def _files(staged: Path) -> Iterator[Path]:
    for path in sorted(staged.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and path.name != ".lock":
            yield path


def _uv(*arguments: str, stdin: str = "") -> str:
    uv = Path(sys.executable).with_name("uv")
    command = [str(uv) if uv.exists() else "uv", *arguments]
    try:
        done = subprocess.run(command, input=stdin, text=True, capture_output=True, check=True)
    except FileNotFoundError as error:
        raise CannotPackage("uv is not installed; run `make install` first") from error
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no output"])[-1]
        raise CannotPackage(f"uv {arguments[1]} failed: {last}") from error
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
