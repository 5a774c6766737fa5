"""A companion that does what tests tell it: `python -m fake_companion [FOLDER]`."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from leaptui.errors import UnusableInput
from leaptui.runners.companion import Reply, Request, serve


class Fake:
    """Echoes, dies, hangs and lies."""

    def answer(self, request: Request, reply: Reply) -> None:
        head = request.head
        if request.op == "echo":
            reply({"said": head.get("say"), "pid": os.getpid()}, *request.blobs)
        elif request.op == "die":
            sys.stderr.write("\nit was too much for me\n")
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        elif request.op == "die once":
            mark = Path(sys.argv[1]) / "died"
            if not mark.exists():
                mark.touch()
                os._exit(7)
            reply({"said": "alive"})
        elif request.op == "hang":
            os.kill(os.getpid(), signal.SIGSTOP)
        elif request.op == "sleep":
            time.sleep(head["seconds"])
            reply({"said": "awake"})
        elif request.op == "many":
            for number in range(3):
                reply({"said": number}, more=number < 2)
        elif request.op == "noise":
            os.write(1, b"a library prints to standard output\n")
            print("and so does Python", flush=True)
            reply({"said": "noisy"})
        elif request.op == "refuse":
            raise UnusableInput("it is no good", where="there", hint="Take another.")
        else:
            raise KeyError(request.op)

    def idle(self) -> bool:
        return False


if __name__ == "__main__":
    serve(Fake(), rest_after=float(os.environ.get("REST_AFTER", "600")))
