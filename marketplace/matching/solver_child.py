"""The process that works a proposal out: stored inputs come in, the answer goes out, and nothing else is touched.

It is a process of its own so that it can be stopped within a second, has a limit of memory, and leaves the worker's
event loop free. It has no database. When the worker dies, its end of the pipe closes and this process ends, too.

Messages both ways: one letter, eight bytes of length, the body. Comes: `I`, the inputs. Goes: `P`, how far it is;
`R`, the answer; `F`, why it cannot be done, in words for people.
"""

import os
import resource
import sys
import threading
from typing import BinaryIO

import msgspec

from marketplace.matching.run_engine import Progress, work_out
from marketplace.matching.run_engine import RunRefused as Refused

MEMORY_BYTES = 8 * 1024**3
"""Address space of the process: more than a county of 100,000 referrals needs (about 2.5 GB in use)."""
NICENESS = 5
"""Pages and short tasks on the same machine go first."""
HEAD = 9


def main() -> None:
    """Read the inputs, work, answer."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # Whatever a library prints goes to the log and not between our messages.
    os.nice(NICENESS)
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    if most == resource.RLIM_INFINITY or most > MEMORY_BYTES:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, most))
    inputs = sys.stdin.buffer
    head = inputs.read(HEAD)
    body = inputs.read(int.from_bytes(head[1:], "big"))
    threading.Thread(target=_end_with_parent, args=(inputs,), daemon=True).start()
    lock = threading.Lock()

    def send(letter: bytes, content: bytes) -> None:
        with lock:
            out.write(letter + len(content).to_bytes(HEAD - 1, "big") + content)
            out.flush()

    def note(progress: Progress) -> None:
        send(b"P", msgspec.json.encode(progress))

    try:
        answer = work_out(body, note)
    except Refused as refusal:
        send(b"F", str(refusal).encode())
    except MemoryError:
        send(b"F", b"The list needs more memory than one run may use. Ask for fewer areas at once.")
    else:
        send(b"R", answer)
    out.close()
    os._exit(0)  # Threads of the solvers need no goodbye.


def _end_with_parent(inputs: BinaryIO) -> None:
    """Wait for the end of the pipe, which nobody writes to any more."""
    inputs.read()
    os._exit(1)


if __name__ == "__main__":
    main()
