"""A process for one run: reads it from standard input, answers with its record, ends when standard input does."""

from __future__ import annotations

import os
import pickle
import sys
import threading

from .execute import Task, _here


def main() -> None:
    """Do one run."""
    task: Task = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_leave_with_input, daemon=True).start()
    answer = os.dup(1)
    os.dup2(2, 1)  # whatever else prints must not come into the answer
    record = _here(task)
    with os.fdopen(answer, "wb") as file:
        file.write(pickle.dumps(record))


def _leave_with_input() -> None:
    os.read(0, 1)  # not sys.stdin, whose lock the end of the interpreter wants
    os._exit(1)


if __name__ == "__main__":
    main()
