"""The embedded Valkey starts, keeps what was queued, survives kills and serves both of its clients."""

import os
import signal
import stat
import sys
from pathlib import Path

import dramatiq
import pytest
import redis
from dramatiq.brokers.redis import RedisBroker

from marketplace.web.embedded import EmbeddedValkey, ServiceError
from marketplace.web.embedded.process import is_alive
from tests.web.processes import ended, eventually, line_of, python

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at processes through /proc")

OWNER = """
    import sys, time
    from pathlib import Path
    from marketplace.web.embedded import EmbeddedValkey
    server = EmbeddedValkey(Path(sys.argv[1]))
    server.start()
    print(server.pid, flush=True)
    time.sleep(600)
"""


def ask(url: str, *words: str) -> object:
    with redis.Redis.from_url(url) as client:
        return client.execute_command(*words)


def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path)
    with server:
        ask(server.url(), "SET", "kept", "yes")
    assert not server.is_running
    with server:
        assert ask(server.url(), "GET", "kept") == b"yes"
        assert ask(server.url(), "CONFIG", "GET", "appendfsync")
        for name, value in {"appendonly": "yes", "appendfsync": "everysec", "save": "", "port": "0"}.items():
            with redis.Redis.from_url(server.url()) as client:
                assert client.config_get(name)[name] == value


def test_only_our_account_reaches_the_socket(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path) as server:
        for path in (server.socket_path, server.socket_path.parent, server.home / "data"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_dramatiq_queues_over_the_url_and_a_queued_job_survives_a_kill(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path)
    with server:
        broker = RedisBroker(url=server.url())

        @dramatiq.actor(broker=broker)
        def say() -> None:
            """Do nothing: the message counts."""

        say.send()
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        assert eventually(lambda: not server.is_running)
        assert server.socket_path.exists()  # The stale name of the killed server.
        server.start()
        assert broker.do_qsize("default") == 1
        broker.client.close()
        broker.close()


def test_the_server_ends_when_its_owner_is_killed_and_a_new_one_starts(tmp_path: Path) -> None:
    with ended(python(OWNER, tmp_path)) as owner:
        pid = int(line_of(owner))
        owner.kill()
        with EmbeddedValkey(tmp_path) as server:
            assert ask(server.url(), "PING") is True
        assert not is_alive(pid)


def test_a_server_left_behind_by_another_owner_is_stopped_first(tmp_path: Path) -> None:
    orphan = EmbeddedValkey(tmp_path)
    orphan.start()
    ask(orphan.url(), "SET", "kept", "yes")
    orphan._owner.release()  # As if its owner were gone and no death signal had been sent.
    with EmbeddedValkey(tmp_path) as server:
        assert not orphan.is_running
        assert ask(server.url(), "GET", "kept") == b"yes"


def test_a_server_that_hangs_is_killed_by_the_next_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marketplace.web.embedded.valkey.ORPHAN_SECONDS", 0.2)
    orphan = EmbeddedValkey(tmp_path)
    orphan.start()
    assert orphan.pid is not None
    os.kill(orphan.pid, signal.SIGSTOP)
    orphan._owner.release()
    with EmbeddedValkey(tmp_path) as server:
        assert ask(server.url(), "PING") is True
        assert eventually(lambda: not orphan.is_running)


def test_a_folder_with_a_blank_and_a_long_name_works(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path / ("long" * 25) / "with a blank") as server:
        assert ask(server.url(), "PING") is True
        folder = server.socket_path.parent
    folder.rmdir()


def test_a_damaged_file_is_reported_with_what_to_do(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path)
    with server:
        for number in range(20):
            ask(server.url(), "SET", f"key{number}", "value" * 20)
    file = next((server.home / "data" / "appendonlydir").glob("*.incr.aof"))
    content = bytearray(file.read_bytes())
    content[40:80] = b"x" * 40
    file.write_bytes(content)
    with pytest.raises(ServiceError, match=r"move .*data aside"):
        server.start()
    assert not server.is_running
