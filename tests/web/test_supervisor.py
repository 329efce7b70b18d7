"""The supervisor starts its children, restarts what crashes, stops in reverse order and leaves nobody behind."""

import asyncio
import io
import os
import signal
import socket
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from marketplace.web import serve_web
from marketplace.web.supervisor import Child, Supervisor, http_ready
from tests.web.processes import ended, eventually, line_of, processes_naming, python

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at processes through /proc")

# A child that notes its start and its end in a file, and ends on SIGTERM.
TOY = """
import signal, sys, time
name, log = sys.argv[1:3]
def note(word):
    with open(log, "a") as file:
        file.write(f"{word} {name}\\n")
def stop(*_):
    note("stop")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
note("start")
print("hello from", name)
while True:
    time.sleep(0.05)
"""
DEAF = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open(sys.argv[1], 'w'); time.sleep(600)"
)


def toy(name: str, log: Path, **options: Any) -> Child:
    return Child(name, [sys.executable, "-c", TOY, name, str(log)], **options)


def words(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def run(supervisor: Supervisor, *steps: Any) -> int:
    """Run the supervisor; beside it, wait for each condition and call each action of the steps."""

    async def play() -> int:
        running = asyncio.create_task(supervisor.run_async())
        try:
            for condition, action in steps:
                async with asyncio.timeout(20):
                    while not condition():  # noqa: ASYNC110 - the conditions are about other processes
                        await asyncio.sleep(0.02)
                action()
        except BaseException:
            supervisor.stop()
            await running
            raise
        async with asyncio.timeout(30):
            return await running

    return asyncio.run(play())


def test_children_stop_in_reverse_order_and_their_lines_carry_their_names(tmp_path: Path) -> None:
    log, output = tmp_path / "log", io.StringIO()
    children = [toy(name, log) for name in ("queue", "worker", "web")]
    code = run(Supervisor(children, output=output), (lambda: len(words(log)) == 3, lambda: os.kill(os.getpid(), 15)))
    assert code == 0
    assert words(log)[3:] == ["stop web", "stop worker", "stop queue"]
    assert "worker | hello from worker\n" in output.getvalue()
    assert "queue  | hello from queue\n" in output.getvalue()
    assert not processes_naming(str(log))


def test_a_crashed_child_is_started_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    supervisor = Supervisor([toy("worker", log)], restart_pause_seconds=0.01, output=io.StringIO())
    code = run(
        supervisor,
        (lambda: words(log), lambda: os.kill(processes_naming(str(log))[0], signal.SIGKILL)),
        (lambda: len(words(log)) == 2, supervisor.stop),
    )
    assert code == 0
    assert words(log) == ["start worker", "start worker", "stop worker"]


def test_an_essential_child_that_keeps_crashing_ends_everything(tmp_path: Path) -> None:
    log, output = tmp_path / "log", io.StringIO()
    started = tmp_path / "started"
    dying = Child(
        "web", ["/bin/sh", "-c", f"echo >> {started}; until [ -e {log} ]; do sleep 0.05; done; sleep 0.1; exit 3"],
        restarts_per_minute=2,
    )  # fmt: skip
    code = run(Supervisor([toy("worker", log), dying], restart_pause_seconds=0.01, output=output))
    assert code == 1
    assert len(started.read_text().splitlines()) == 3
    assert words(log) == ["start worker", "stop worker"]
    assert "web ended with code 3 and cannot be kept running" in " ".join(output.getvalue().split())\
        .replace("serve | ", "")  # fmt: skip


def test_an_essential_child_that_ends_during_the_start_is_not_tried_again(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    started = tmp_path / "started"
    code = run(
        Supervisor([Child("web", ["/bin/sh", "-c", f"echo >> {started}; exit 2"], ready=never)], output=io.StringIO())
    )
    assert code == 1
    assert len(started.read_text().splitlines()) == 1


def test_a_lesser_child_that_keeps_crashing_ends_nothing(tmp_path: Path) -> None:
    log, started = tmp_path / "log", tmp_path / "started"
    lesser = Child("extra", ["/bin/sh", "-c", f"echo >> {started}"], is_essential=False, restarts_per_minute=1)
    supervisor = Supervisor([toy("web", log), lesser], restart_pause_seconds=0.01, output=io.StringIO())
    code = run(
        supervisor, (lambda: started.exists() and len(words(started)) >= 4 and len(words(log)) == 1, supervisor.stop)
    )
    assert code == 0
    assert words(log) == ["start web", "stop web"]


def test_a_child_that_ignores_the_stop_is_killed_after_its_time(tmp_path: Path) -> None:
    mark, output = tmp_path / "mark", io.StringIO()
    supervisor = Supervisor([Child("deaf", [sys.executable, "-c", DEAF, str(mark)], stop_seconds=0.2)], output=output)
    assert run(supervisor, (mark.exists, supervisor.stop)) == 0
    assert "deaf did not stop within 0.2 s" in output.getvalue()
    assert not processes_naming(str(mark))


def test_a_second_interrupt_kills_at_once(tmp_path: Path) -> None:
    mark, output = tmp_path / "mark", io.StringIO()
    supervisor = Supervisor([Child("deaf", [sys.executable, "-c", DEAF, str(mark)], stop_seconds=60)], output=output)

    def interrupt() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    started = time.monotonic()
    code = run(supervisor, (mark.exists, interrupt), (lambda: "SIGINT received" in output.getvalue(), interrupt))
    assert code == 130
    assert time.monotonic() - started < 30
    assert not processes_naming(str(mark))


def test_what_a_child_started_in_its_group_ends_with_it(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    argv = ["/bin/sh", "-c", f'{sys.executable} -c "{DEAF}" {mark} & wait']
    supervisor = Supervisor([Child("shell", argv)], output=io.StringIO())
    assert run(supervisor, (mark.exists, supervisor.stop)) == 0
    assert eventually(lambda: not processes_naming(str(mark)))


def test_a_line_longer_than_any_buffer_passes(tmp_path: Path) -> None:
    output = io.StringIO()
    argv = [sys.executable, "-c", "import time; print('x' * 3_000_000); print('end'); time.sleep(600)"]
    supervisor = Supervisor([Child("long", argv)], output=output)
    assert run(supervisor, (lambda: "long | end" in output.getvalue(), supervisor.stop)) == 0
    assert output.getvalue().count("x") == 3_000_000


def test_ready_is_told_once_all_are_ready_and_the_heartbeat_survives_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marketplace.web.supervisor.HEARTBEAT_SECONDS", 0.01)
    log, beats, told = tmp_path / "log", [], []

    async def is_started() -> bool:
        return len(words(log)) == 2

    def beat() -> None:
        beats.append(threading.current_thread())
        raise OSError("gone for a moment")

    supervisor = Supervisor(
        [toy("a", log), toy("b", log, ready=is_started)], on_ready=lambda: told.append(len(words(log))),
        heartbeat=beat, output=io.StringIO(),
    )  # fmt: skip
    assert run(supervisor, (lambda: told and len(beats) > 2, supervisor.stop)) == 0
    assert told == [2]
    assert threading.main_thread() not in beats


def test_a_child_that_never_gets_ready_ends_everything(tmp_path: Path) -> None:
    log = tmp_path / "log"
    supervisor = Supervisor(
        [toy("web", log, ready=http_ready("127.0.0.1", free_port()))], ready_seconds=0.3, output=io.StringIO()
    )
    assert run(supervisor) == 1
    assert not processes_naming(str(log))


def test_a_killed_supervisor_leaves_no_child_behind(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    code = """
        import sys
        from pathlib import Path
        from tests.web.test_supervisor import toy, web
        from marketplace.web.supervisor import Supervisor
        port, log = int(sys.argv[1]), Path(sys.argv[2])
        Supervisor([toy("worker", log), web(port)], on_ready=lambda: print("ready", flush=True)).run()
    """
    with ended(python(code, port, log)) as parent:
        while (line := line_of(parent)) != "ready":
            assert line
        assert len(processes_naming(f"--port\0{port}")) >= 2
        parent.kill()
        parent.wait()
        assert eventually(lambda: not processes_naming(f"--port\0{port}"), 10)
        assert eventually(lambda: not [pid for pid in processes_naming(str(log)) if pid != parent.pid], 10)
        assert words(log) == ["start worker", "stop worker"]


def test_a_supervisor_that_was_told_so_ends_with_its_parent(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = """
        import os, subprocess, sys
        inner = (
            "import sys; from pathlib import Path; from tests.web.test_supervisor import toy; "
            "from marketplace.web.supervisor import Supervisor; Supervisor([toy('web', Path(sys.argv[1]))]).run()"
        )
        os.environ["MARKETPLACE_ENDS_WITH_PARENT"] = "1"
        subprocess.run([sys.executable, "-c", inner, sys.argv[1]])
    """
    with ended(python(code, log)) as parent:
        assert eventually(lambda: words(log) == ["start web"])
        parent.kill()
        parent.wait()
        assert eventually(lambda: not processes_naming(str(log)), 10)
        assert words(log) == ["start web", "stop web"]


def web(port: int, app: str = "create_app", *more: str) -> Child:
    """The real web server process with the toy application."""
    argv = [sys.executable, "-m", "marketplace.web.serve_web", "--port", str(port), "--workers", "2"]
    return Child("web", [*argv, "--app", f"tests.web.toy_app:{app}", *more], ready=http_ready("127.0.0.1", port, "/"))


def get(port: int, path: str = "/") -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        body: bytes = answer.read()
        return body.decode()


def test_the_web_server_answers_and_a_running_request_is_finished_before_the_stop(tmp_path: Path) -> None:
    port, answers = free_port(), []
    asking = threading.Thread(target=lambda: answers.append(get(port, "/slow")))
    ready: list[bool] = []
    supervisor = Supervisor([web(port)], on_ready=lambda: ready.append(True), output=io.StringIO())

    def ask_and_stop() -> None:
        asking.start()
        time.sleep(0.1)
        supervisor.stop()

    assert run(supervisor, (lambda: ready, ask_and_stop)) == 0
    asking.join()
    assert answers
    assert answers[0].isdigit()
    assert not processes_naming(f"--port\0{port}")


def test_workers_end_when_the_main_web_process_is_killed() -> None:
    port = free_port()
    with ended(python("import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_module('marketplace.web.serve_web', "
                      "run_name='__main__')", *web(port).argv[2:])) as main:  # fmt: skip
        assert eventually(lambda: asyncio.run(http_ready("127.0.0.1", port, "/")()))
        workers = [pid for pid in processes_naming(f"--port\0{port}") if pid != main.pid]
        assert len(workers) == 2
        main.kill()
        main.wait()
        assert eventually(lambda: not processes_naming(f"--port\0{port}"), 10)


def test_a_killed_web_worker_is_replaced() -> None:
    port, ready = free_port(), []
    supervisor = Supervisor([web(port)], on_ready=lambda: ready.append(True), output=io.StringIO())
    killed: list[int] = []

    def kill_one() -> None:
        killed.append(int(get(port)))
        os.kill(killed[0], signal.SIGKILL)

    def is_replaced() -> bool:
        pids = processes_naming(f"--port\0{port}")
        return len(pids) == 3 and killed[0] not in pids

    assert run(supervisor, (lambda: ready, kill_one), (is_replaced, supervisor.stop)) == 0


def test_a_used_port_is_reported_and_ends_the_start(tmp_path: Path) -> None:
    output = io.StringIO()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        never_ready = Child("web", web(port).argv, ready=http_ready("127.0.0.1", 1))
        assert run(Supervisor([never_ready], output=output)) == 1
    assert f"Port {port} on 127.0.0.1 is in use by another program. Set PORT to a free one." in output.getvalue()


def test_an_application_that_cannot_be_built_ends_the_start() -> None:
    output = io.StringIO()
    assert run(Supervisor([web(free_port(), "create_broken_app")], output=output)) == 1
    assert "a setting is wrong" in output.getvalue()


def test_an_address_of_another_machine_is_reported() -> None:
    assert (serve_web.check_address("192.0.2.1", 8000) or "").startswith("Cannot listen on 192.0.2.1 port 8000")
