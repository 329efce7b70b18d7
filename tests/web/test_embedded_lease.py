"""Commands share the embedded services: the first starts them, the last one stops them, kills included."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from marketplace.web.embedded import EmbeddedPostgres, EmbeddedValkey, ServiceError, ServiceLease
from marketplace.web.services import claim_serving, ensure_services, serving
from tests.web.processes import ROOT, ended, eventually, fetch, line_of, processes_naming, python

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at processes through /proc")

COMMAND = """
    import sys, time
    from pathlib import Path
    from types import SimpleNamespace
    from marketplace.web.services import ensure_services
    settings = SimpleNamespace(data_dir=Path(sys.argv[1]), database_url=None, redis_url=None)
    with ensure_services(settings, durable=False) as running:
        print(running.database_url, flush=True)
        sys.stdin.readline()
"""


def settings(data_dir: Path, database_url: str | None = None, redis_url: str | None = None) -> SimpleNamespace:
    return SimpleNamespace(data_dir=data_dir, database_url=database_url, redis_url=redis_url)


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A data directory that no process may use any more when the test is over."""
    yield tmp_path
    assert eventually(lambda: not processes_naming(str(tmp_path)), 10), processes_naming(str(tmp_path))


def command(data_dir: Path) -> "subprocess.Popen[str]":
    import textwrap

    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(COMMAND), data_dir], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def finish(process: "subprocess.Popen[str]") -> int:
    process.communicate("\n", timeout=30)
    return process.returncode


def keeper_of(service: str, data_dir: Path) -> int:
    (keeper,) = (
        pid for pid in processes_naming(str(data_dir)) if service in _words(pid) and "embedded.keeper" in _words(pid)
    )
    return keeper


def _words(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")


def test_services_run_inside_the_block_and_have_stopped_after_it(data_dir: Path) -> None:
    def command_with_an_error() -> None:
        with ensure_services(settings(data_dir), durable=False) as running:
            assert fetch(running.database_url, "select 1") == 1
            assert EmbeddedValkey(data_dir).answers()
            raise KeyError("an error in the command")

    with pytest.raises(KeyError):
        command_with_an_error()
    assert not EmbeddedPostgres(data_dir).answers()
    assert not EmbeddedValkey(data_dir).answers()
    assert not processes_naming(str(data_dir))


def test_addresses_in_the_settings_are_used_as_they_are(data_dir: Path) -> None:
    with ensure_services(settings(data_dir, "postgresql+asyncpg://db/x", "redis://q")) as running:
        assert (running.database_url, running.redis_url) == ("postgresql+asyncpg://db/x", "redis://q")
        assert not running.leases
    assert list(data_dir.iterdir()) == []


def test_two_commands_at_once_share_the_services_and_the_last_one_stops_them(data_dir: Path) -> None:
    with ended(command(data_dir)) as first, ended(command(data_dir)) as second:  # Neither has a cluster yet.
        url = line_of(first)
        assert url == line_of(second) != ""
        assert finish(first) == 0
        assert fetch(url, "select 1") == 1
        assert finish(second) == 0
        assert not EmbeddedPostgres(data_dir).answers()


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_services_stop_when_their_only_user_is_ended_by_a_signal(data_dir: Path, signum: signal.Signals) -> None:
    with ended(command(data_dir)) as user:
        assert line_of(user)
        user.send_signal(signum)
        user.wait()
        with ensure_services(settings(data_dir), durable=False) as running:  # Nothing blocks the next start.
            assert fetch(running.database_url, "select 1") == 1


def test_ctrl_c_in_a_terminal_does_not_reach_the_services(data_dir: Path) -> None:
    with ensure_services(settings(data_dir), durable=False):
        group = os.getpgrp()
        assert all(os.getpgid(pid) != group for pid in processes_naming(str(data_dir)))


def test_a_crashed_server_is_started_again_by_its_keeper(data_dir: Path) -> None:
    with ensure_services(settings(data_dir), durable=False) as running:
        fetch(running.database_url, "create table kept as select 5 as answer")
        pid = int((data_dir / "postgres" / "cluster" / "postmaster.pid").read_text().split()[0])
        os.killpg(pid, signal.SIGKILL)
        server = EmbeddedPostgres(data_dir)
        assert eventually(lambda: server._recorded_pid() != pid and server.answers())
        assert fetch(running.database_url, "select answer from kept") == 5


def test_a_killed_keeper_is_replaced_when_a_user_asks(data_dir: Path) -> None:
    with ensure_services(settings(data_dir), durable=False) as running:
        fetch(running.database_url, "create table kept as select 5 as answer")
        for service in ("postgres", "valkey"):
            os.kill(keeper_of(service, data_dir), signal.SIGKILL)
        running.ensure()
        assert fetch(running.database_url, "select answer from kept") == 5
        assert EmbeddedValkey(data_dir).answers()


def test_a_service_that_cannot_start_says_why_and_the_other_one_is_given_back(data_dir: Path) -> None:
    (data_dir / "postgres" / "cluster").mkdir(parents=True)
    with pytest.raises(ServiceError, match="does not hold a database"):
        ensure_services(settings(data_dir), durable=False)
    assert not EmbeddedValkey(data_dir).answers()


def test_many_short_commands_in_a_row_and_at_once_never_meet_a_stopped_server(data_dir: Path) -> None:
    code = """
        import sys
        from pathlib import Path
        from marketplace.web.embedded import EmbeddedValkey, ServiceLease
        for _ in range(4):
            lease = ServiceLease("valkey", Path(sys.argv[1]), durable=False)
            lease.acquire()
            assert EmbeddedValkey(Path(sys.argv[1])).answers()
            lease.release()
    """
    users = [python(code, data_dir) for _ in range(3)]
    for user in users:
        with ended(user):
            assert user.wait(60) == 0


def test_a_lease_given_back_twice_is_harmless(data_dir: Path) -> None:
    lease = ServiceLease("valkey", data_dir, durable=False)
    lease.acquire()
    lease.release()
    lease.release()
    with pytest.raises(RuntimeError):
        lease.ensure()


def test_one_serve_per_data_directory(data_dir: Path) -> None:
    assert serving(data_dir) is None
    with claim_serving(data_dir, "http://localhost:1"):
        found = serving(data_dir)
        assert found is not None
        assert (found.pid, found.url) == (os.getpid(), "http://localhost:1")
        with pytest.raises(ServiceError, match="already running"), claim_serving(data_dir, "http://localhost:2"):
            pass
    assert serving(data_dir) is None
