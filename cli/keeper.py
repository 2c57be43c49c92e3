"""Checkpoints that a command keeps: none of a store at a URL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tegmentum.simcore.record.checkpoints import Checkpoints
    from tegmentum.simcore.record.store import RunStore


class Keeper:
    """Writes a command's checkpoints, and takes them away once it is done.

    Parameters
    ----------
    store : RunStore
    every : float, s
    """

    def __init__(self, store: RunStore, every: float) -> None:
        from tegmentum.simcore.record.checkpoints import Checkpoints

        self._to: Checkpoints | None = Checkpoints(store, every) if isinstance(store.path, Path) else None

    @property
    def due(self) -> bool:
        """Whether it is time for the next one."""
        return self._to is not None and self._to.due()

    def write(self, arrays: dict[str, Any], **about: Any) -> None:
        """Write one."""
        if self._to is not None:
            self._to.write(arrays, **about)

    def remove(self) -> None:
        """Delete all."""
        from tegmentum.simcore.record.checkpoints import remove

        if self._to is not None:
            remove(self._to.store.path)
