"""Folders of an embedded service: private, reachable by the account it runs as, short enough for a unix socket."""

import contextlib
import os
import pwd
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from marketplace.web.embedded.errors import ServiceError

# sun_path holds 108 bytes on Linux and 104 on macOS and BSD, with the closing zero byte.
SOCKET_PATH_BYTES = 107 if sys.platform == "linux" else 103

# Programs for the account when nothing near the data directory is open to it. Only root gets here.
SHARED_PROGRAMS = Path("/var/cache/care-marketplace/programs")

# A comma, a blank or a quote in the path would have a meaning to PostgreSQL's list of folders or to a URL.
_PLAIN_PATH = re.compile(r"/[A-Za-z0-9_./+-]*")


@dataclass(frozen=True)
class Account:
    """The unprivileged account that PostgreSQL runs as when the platform itself runs as root."""

    name: str
    uid: int
    gid: int


def service_account() -> Account | None:
    """The account to run PostgreSQL as: None (our own) for an ordinary user, `nobody` for root.

    PostgreSQL refuses to run as root. No account is created for it: changing the machine's list of users is for its
    administrator.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise ServiceError(
            "PostgreSQL cannot run as root and this machine has no account 'nobody'. "
            "Run the platform as an ordinary user, or set DATABASE_URL."
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def make_private(folder: Path, account: Account | None = None, mode: int = 0o700) -> Path:
    """Create the folder if need be, and give it to the account (default: to us) with exactly this mode."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise ServiceError(f"{folder} should be a folder.")
    if account is not None:
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    elif status.st_uid != os.geteuid():
        owner = "root" if status.st_uid == 0 else f"user {status.st_uid}"
        raise ServiceError(
            f"{folder} belongs to {owner}. Start the platform with the account that made it, "
            "or point MARKETPLACE_DATA_DIR at another folder."
        )
    folder.chmod(mode)
    return folder


def account_reaches(path: Path, account: Account | None) -> bool:
    """Whether the account may enter the folder or run the program at `path`.

    Asked by trying, not by reading permission bits: access lists and security modules have a say, too.
    """
    if account is None:
        return True
    try:
        answer = subprocess.run(  # noqa: S603 - fixed words, the path is an argument
            ["/bin/sh", "-c", 'test -x "$1"', "sh", str(path)],
            user=account.uid, group=account.gid, extra_groups=[], cwd="/", stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
    except OSError as error:
        raise ServiceError(
            f"Cannot run a program as the account {account.name}: {error}. Set DATABASE_URL instead."
        ) from error
    return answer.returncode == 0


def socket_folder(home: Path, socket_name: str, account: Account | None = None, *, create: bool = False) -> Path:
    """The private folder for the sockets of the service below `home`.

    It is `home/run`, unless that path is too long for a socket or holds unusual characters. Then it is a folder with
    a random name below the system's temporary folder, which `home/run-elsewhere` names from then on.

    Raises:
        ServiceError: The folder is elsewhere, missing, and may not be created.
    """
    folder = home / "run"
    if _fits(folder, socket_name):
        return make_private(folder, account) if create else folder
    record = home / "run-elsewhere"
    elsewhere = Path(record.read_text().strip()) if record.exists() else None
    if elsewhere is not None and _is_private(elsewhere, account.uid if account else os.geteuid()):
        return elsewhere
    if not create:
        raise ServiceError(f"The service below {home} has not been started: {record} names no usable folder.")
    bases = [Path(tempfile.gettempdir()), Path("/tmp")]  # noqa: S108 - mkdtemp makes the name unguessable and private
    for base in bases:
        elsewhere = Path(tempfile.mkdtemp(prefix="marketplace-", dir=base))
        if _fits(elsewhere, socket_name):
            make_private(elsewhere, account)
            record.write_text(f"{elsewhere}\n")
            return elsewhere
        elsewhere.rmdir()
    raise ServiceError(f"No folder with a path short enough for a socket: tried {folder} and {bases[-1]}.")


def _fits(folder: Path, socket_name: str) -> bool:
    path = str(folder / socket_name)
    return len(os.fsencode(path)) <= SOCKET_PATH_BYTES and _PLAIN_PATH.fullmatch(path) is not None


def _is_private(folder: Path, uid: int) -> bool:
    """Whether nobody else can have put this folder there, nor look into it."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == uid and status.st_mode & 0o077 == 0


def readable_copy(tree: Path, siblings: list[Path], version: str, home: Path, account: Account | None) -> Path:
    """A copy of a program tree that the account can read, made once per version.

    It lies in `home/programs`, or, where the account may not enter `home`, in the machine's cache folder. The copy
    belongs to root and the account cannot change it.

    Args:
        tree: The folder to copy.
        siblings: Folders that the programs look for beside the parent of `tree` (shared libraries).
        version: Changes when the programs do; names the copy.
        home: Folder of the service.
        account: Who has to read the copy.

    Returns:
        The copied `tree`.
    """
    base = home / "programs" if account_reaches(home, account) else SHARED_PROGRAMS
    make_private(base, mode=0o755)
    kept = base / version
    # The programs find their libraries by a relative path: the copy keeps the depth of the original.
    copied = kept / tree.parent.name / tree.name
    if not copied.is_dir():
        unfinished = Path(tempfile.mkdtemp(prefix="copying-", dir=base))
        try:
            for source in siblings:
                shutil.copytree(source, unfinished / source.name)
            shutil.copytree(tree, unfinished / tree.parent.name / tree.name, symlinks=True)
            _open_for_reading(unfinished)
            with contextlib.suppress(OSError):  # Another data directory was faster with the same copy.
                unfinished.rename(kept)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return copied


def _open_for_reading(tree: Path) -> None:
    """Let everyone read, as far as its owner may: the original can come from an installation with a strict umask."""
    for path in [tree, *tree.rglob("*")]:
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode) & 0o700
            path.chmod(mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6)
