"""Runs of ``tegmentum train`` and ``tegmentum continual``: each is the command itself, in a process of its own."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import typer

from tegmentum.simcore.errors import DescriptionError, SimulationError
from tegmentum.simcore.sweeps.jobs import Checked, Variable
from tegmentum.simcore.sweeps.stopped import can_go_on

from ..interrupts import EXIT_INTERRUPTED, EXIT_RESUMABLE

#: entry of the command's JSON to name in the index, unit and meaning
_OF = {
    "train": {
        "test_accuracy": ("test_accuracy", Variable("fraction", "on test samples, after the last epoch")),
        "train_accuracy": ("train_accuracy", Variable("fraction", "while learning, in the last epoch")),
        "test_accuracy_by_epoch": (
            "test_accuracy_by_epoch",
            Variable("fraction", "on test samples, after each epoch", "epoch"),
        ),
        "synaptic_events": ("synaptic_events", Variable("", "synapses that delivered a spike")),
        "train_s": ("learning_time", Variable("s", "learning")),
        "compile_s": ("compile_time", Variable("s", "building, and compiling or loading code")),
    },
    "continual": {
        "final_accuracy": ("final_accuracy", Variable("fraction", "on all classes, at the end")),
        "average_accuracy": ("average_accuracy", Variable("fraction", "mean over tasks at the end")),
        "average_forgetting": ("average_forgetting", Variable("fraction", "lost since it was best")),
        "backward_transfer": ("backward_transfer", Variable("fraction", "gained since it was learned")),
        "forward_transfer": ("forward_transfer", Variable("fraction", "before it was learned")),
        "validation_accuracy": ("validation_accuracy", Variable("fraction", "on what was held out")),
        "mixed_final_accuracy": ("mixed_final_accuracy", Variable("fraction", "without the leak")),
        "mixed_average_forgetting": ("mixed_average_forgetting", Variable("fraction", "without the leak")),
        "samples_seen": ("samples_seen", Variable("", "samples learned")),
        "synaptic_events": ("synaptic_events", Variable("", "synapses that delivered a spike")),
        "weight_updates": ("weight_updates", Variable("", "weights changed")),
        "learn_s": ("learning_time", Variable("s", "learning")),
    },
}
COMMANDS = tuple(_OF)
#: options that the sweep itself gives each run, and what says them
_TAKEN = {"out": "--out", "force": "--force", "json": "--json", "threads": "--threads", "seed": "--seeds",
          "seeds": "--seeds", "help": "tegmentum COMMAND --help"}  # fmt: skip
#: what makes a run as small as can be
_SMALLEST = {
    "train": ("--epochs=1", "--limit-train=32", "--limit-test=32", "--record=0"),
    "continual": ("--limit-train=2",),
}


@dataclass(frozen=True)
class CommandJob:
    """Runs of a command whose options differ.

    Parameters
    ----------
    kind : {'train', 'continual'}
    options : tuple of str
        those that all runs share
    """

    kind: str
    options: tuple[str, ...] = ()
    apart: bool = True

    @property
    def variables(self) -> Mapping[str, Variable]:
        """What a run returns."""
        return dict(_OF[self.kind].values())

    def check(self, parameters: Mapping[str, Any]) -> Checked:
        """Refuse options that the command does not have, and values that they do not take."""
        arguments = self._arguments(parameters)
        _command(self.kind).make_context(f"tegmentum {self.kind}", list(arguments))
        alike = {name: value for name, value in parameters.items() if name != "seed"}
        return Checked(_digest((self.kind, *arguments)), _digest((self.kind, *self._arguments(alike))))

    def rehearse(self, parameters: Mapping[str, Any], threads: int) -> None:
        """Compile, and find what only the command knows to be wrong, by a run as small as can be."""
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            self._call(parameters, Path(folder) / "run.zarr", threads, _SMALLEST[self.kind])

    def run(self, parameters: Mapping[str, Any], store: Path | None, threads: int) -> dict[str, Any]:
        """Call the command, and pick the numbers out of what it prints."""
        assert store is not None
        found = self._call(parameters, store, threads)
        return {name: found[key] for key, (name, _) in _OF[self.kind].items() if found.get(key) is not None}

    def _call(
        self, parameters: Mapping[str, Any], store: Path, threads: int, more: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        """Call the command as one would type it, or go on with it; it talks to ``NAME.log`` beside its store."""
        own = (f"--out={store}", "--force", "--json", f"--threads={threads}")
        typed = [self.kind, *self._arguments(parameters), *more, *own]
        if can_go_on(store, lambda told: told["argv"][1:] == typed):
            typed = ["resume", str(store), "--json", f"--threads={threads}"]
        sys.argv = ["tegmentum", *typed]  # kept in the manifest
        printed = io.StringIO()
        with (
            store.with_suffix(".log").open("a" if typed[0] == "resume" else "w", encoding="utf-8") as log,
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(log),
        ):
            try:
                code = _command(typed[0]).main(typed[1:], f"tegmentum {typed[0]}", standalone_mode=False)
            except Exception as error:
                log.write(f"{error}\n")
                raise
        if code in (EXIT_INTERRUPTED, EXIT_RESUMABLE):
            raise KeyboardInterrupt
        if code:
            raise SimulationError(f"ended with exit code {code}; see {log.name}")
        found: dict[str, Any] = json.loads(printed.getvalue())
        return found

    def _arguments(self, parameters: Mapping[str, Any]) -> tuple[str, ...]:
        return (*self.options, *(text for item in parameters.items() for text in _option(*item)))


def command_job(kind: str, swept: Iterable[str], shared: Mapping[str, Any], options: list[str]) -> CommandJob:
    """Make the runs of a command; refuse options that the sweep gives itself or that are not there."""
    names = [*swept, *shared]
    known = {text.lstrip("-") for p in _command(kind).params for text in p.opts}
    for name in names:
        if name in _TAKEN and name != "seed":
            raise DescriptionError(f"--set {name}: is set by {_TAKEN[name]}; leave it out")
        if name not in known:
            from ..schema import nearest

            raise DescriptionError(
                f"--set {name}: tegmentum {kind} has no option --{name}{nearest(name, known)}"
            )
    for option in options:
        name = option.partition("=")[0].removeprefix("--")
        if option.startswith("--") and name in _TAKEN:
            raise DescriptionError(f"--{name} after --: is set by {_TAKEN[name]} before it; leave it out")
        if option.startswith("--") and name in names:
            raise DescriptionError(f"--{name} after --: is given by --set; leave it out")
    return CommandJob(kind, (*options, *(text for item in shared.items() for text in _option(*item))))


def _option(name: str, value: Any) -> tuple[str, ...]:
    """Return a parameter as one types it; true and false are a flag and its absence."""
    if isinstance(value, bool):
        return (f"--{name}",) if value else ()
    if isinstance(value, list):
        return (f"--{name}={','.join(map(str, value))}",)
    return (f"--{name}={value}",)


@cache
def _command(kind: str) -> Any:
    from ..app import app

    return typer.main.get_command(app).commands[kind]  # type: ignore[attr-defined]


def _digest(parts: tuple[str, ...]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
