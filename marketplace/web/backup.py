"""Backups of the whole database with PostgreSQL's own programs, and reading them back."""

import asyncio
import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO, Any

import asyncpg
from sqlalchemy.engine import make_url

from marketplace.core.database import APP_ROLE
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.web.embedded import ServiceError, postgres_programs
from marketplace.web.urls import plain_url

MAGIC = b"PGDMP"
"""How a file in pg_dump's custom format begins."""

SEAL = b"\nmarketplace-backup-1 sha256 "
"""Begins the last line of a backup, which holds a hash of all before it.

Measured: pg_restore takes a file that lost its end for a whole one when the tables there are empty. It does not mind
what follows the dump.
"""
SEAL_BYTES = len(SEAL) + 64 + 1

PIECE = 1 << 20

_PSQL = ["psql", "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]

# What a plain script of a newer pg_dump sets and an older server does not know.
_NOT_IN_16 = b"SET transaction_timeout = 0;\n"

_PREPARE = f"""
DO $$ BEGIN
    CREATE ROLE {APP_ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
GRANT {APP_ROLE} TO CURRENT_USER;
DROP SCHEMA IF EXISTS public CASCADE;
CREATE SCHEMA public;
GRANT USAGE ON SCHEMA public TO PUBLIC;
"""


class NotEmpty(Conflict):
    """The database to restore into holds data."""

    code = "database-not-empty"
    title = "The database holds data already"


class NotABackup(InvalidInput):
    """The file is no backup of ours."""

    code = "not-a-backup"

    def __init__(self, message: str) -> None:
        super().__init__({"file": message})


def write_backup(database_url: str, path: Path) -> int:
    """Write a backup: one consistent view of everything, while work goes on. Returns its size in bytes.

    The file appears under its name when it is complete, readable by its owner alone; an older one of that name stays
    until then.

    Raises:
        ServiceError: pg_dump failed; nothing is left behind.
    """
    folder = path.absolute().parent
    descriptor, unfinished = tempfile.mkstemp(dir=folder, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            command = ["pg_dump", "--format=custom", "--no-owner"]
            # An owner that is no superuser is bound by the walls, too, and has to ask for every council.
            if not asyncio.run(
                _ask(database_url, "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
            ):
                command.append("--enable-row-security")
            done = subprocess.run(  # noqa: S603 - PostgreSQL's own program
                [*_program(command), "--dbname", _without_password(database_url)],
                stdout=file, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                env=_environment(database_url), check=False,
            )  # fmt: skip
            file.flush()
            if done.returncode == 0:
                file.seek(0, os.SEEK_END)
                file.write(SEAL + _hash_of(Path(unfinished)) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        if done.returncode != 0:
            raise ServiceError(f"The backup failed: {_last_line(done.stderr)}")
        size = os.path.getsize(unfinished)
        os.replace(unfinished, path)
        return size
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise


def read_backup(database_url: str, path: Path, *, force: bool = False) -> None:
    """Replace the contents of a database by a backup, in one transaction: all of it, or nothing has changed.

    Args:
        database_url: Address for the owner.
        path: A file of `write_backup`.
        force: Whether data in the database may be replaced.

    Raises:
        NotABackup: The file is something else, or damaged.
        NotEmpty: The database holds data and `force` is not given.
        ServiceError: PostgreSQL refused; nothing has changed.
    """
    _check_seal(path)
    if not force and not asyncio.run(_is_empty(database_url)):
        raise NotEmpty("The database holds data. Restore into an empty one, or replace it with --force.")
    version = int(asyncio.run(_ask(database_url, "SELECT current_setting('server_version_num')")))
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complaints:
        script = subprocess.Popen(  # noqa: S603 - PostgreSQL's own program
            [*_program(["pg_restore", "--no-owner", "--file=-"]), str(path.absolute())],
            stdout=subprocess.PIPE, stderr=complaints, stdin=subprocess.DEVNULL, env=_environment(database_url),
        )  # fmt: skip
        server = subprocess.Popen(  # noqa: S603 - PostgreSQL's own program
            [*_program(_PSQL), "--dbname", _without_password(database_url), "--file=-"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said, env=_environment(database_url),
        )  # fmt: skip
        try:
            _feed(script, server, drop_timeout=version < 170000)
        finally:
            for process in (script, server):
                if process.poll() is None:
                    process.kill()
                process.wait()
        if script.returncode != 0 and server.returncode != 0 and _text(said) == "":
            raise NotABackup(f"{path} is damaged: {_last_line(_bytes(complaints))}")
        if server.returncode != 0:
            raise ServiceError(f"The restore failed and nothing was changed: {_last_line(_bytes(said))}")


def _hash_of(path: Path, length: int | None = None) -> bytes:
    """SHA-256 in hexadecimal over the first `length` bytes of a file, or all of it."""
    digest, left = hashlib.sha256(), path.stat().st_size if length is None else length
    with path.open("rb") as file:
        while left > 0 and (piece := file.read(min(PIECE, left))):
            digest.update(piece)
            left -= len(piece)
    return digest.hexdigest().encode()


def _check_seal(path: Path) -> None:
    """Refuse a file that is no backup of ours, or not as it was written.

    Raises:
        NotABackup: It is not.
    """
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise NotABackup(f"{path} is not a backup written by this platform.")
        length = file.seek(0, os.SEEK_END) - SEAL_BYTES
        file.seek(max(0, length))
        seal = file.read()
    if seal != SEAL + _hash_of(path, length) + b"\n":
        raise NotABackup(f"{path} is damaged or incomplete: it is not as it was written.")


def _feed(script: "subprocess.Popen[bytes]", server: "subprocess.Popen[bytes]", *, drop_timeout: bool) -> None:
    """Pass the script on to psql. If it breaks off, psql is killed before its input ends, so that it cannot commit."""
    source, sink = script.stdout, server.stdin
    if source is None or sink is None:
        return
    with source:
        try:
            sink.write(_PREPARE.encode())
            is_first = True
            while piece := source.read(PIECE):
                if is_first and drop_timeout:
                    piece = piece.replace(_NOT_IN_16, b"")
                is_first = False
                sink.write(piece)
            if script.wait() != 0:
                server.kill()
                server.wait()
            sink.close()
        except BrokenPipeError:
            # psql has ended, and its exit code says why. What is still in our buffer has nowhere to go.
            with contextlib.suppress(BrokenPipeError):
                sink.close()
    server.wait()


async def _ask(database_url: str, statement: str) -> Any:
    try:
        connection = await asyncpg.connect(plain_url(database_url), timeout=5)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()
    except asyncpg.PostgresError as error:
        raise ServiceError(f"The database cannot be used: {type(error).__name__}.") from error


async def _is_empty(database_url: str) -> bool:
    """Whether no table of ours holds a row, or there are no tables. Postcodes and logs of runs do not count."""
    for table in ("councils", "users", "organisations", "regulator_locations"):
        if await _ask(database_url, f"SELECT to_regclass('public.{table}')") is not None and await _ask(
            database_url, f"SELECT EXISTS (SELECT FROM {table})"
        ):
            return False
    return True


def _program(command: list[str]) -> list[str]:
    """Find a program: that of the packaged server, which is new enough for any supported one, else on the path."""
    try:
        packaged = postgres_programs() / command[0]
    except ServiceError:
        found = shutil.which(command[0])
        if found is None:
            raise ServiceError(f"{command[0]} is not installed here. Install PostgreSQL's client programs.") from None
        return [found, *command[1:]]
    return [str(packaged), *command[1:]]


def _without_password(database_url: str) -> str:
    """The address as it may stand in a list of processes."""
    return make_url(plain_url(database_url)).set(password=None).render_as_string(hide_password=False)


def _environment(database_url: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    password = make_url(database_url).password
    own = {"LC_ALL": "C", "PGOPTIONS": "-c app.councils=* -c statement_timeout=0"}
    return kept | own | ({"PGPASSWORD": str(password)} if password else {})


def _bytes(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


def _text(file: IO[bytes]) -> str:
    return _bytes(file).decode(errors="replace").strip()


def _last_line(said: bytes) -> str:
    """The complaint itself. Rows are quoted on lines of their own (DETAIL, CONTEXT), which are not shown."""
    lines = [line for line in said.decode(errors="replace").splitlines() if "error:" in line.lower()]
    return lines[0].strip()[:300] if lines else "no reason given"
