"""A gain with the levels of one block; :mod:`.gain_text` writes the same for each gain, with its factors."""

from __future__ import annotations

from typing import Any

from tegmentum.simcore.lower.arrays import Factor, Gain


def of_block(gain: Any, block: int) -> Gain:
    """Return a gain with a block's levels: this is what is written for one modulator."""
    return Gain(
        gain.which,
        (factor_of(gain.factors[0], block),),
        gain.share,
        gain.area,
        gain.fall,
        gain.both,
        gain.pulse,
    )


def factor_of(factor: Any, block: int) -> Factor:
    """Return a factor with a block's levels."""
    own = min(block, factor.level.shape[0] - 1)
    return Factor(factor.level[own], factor.fast[block], factor.rest[block], factor.receptor, factor.mean)


def span_of(plastic: Any, bounds: Any, block: int) -> tuple[int, int]:
    """Return the first level whose gain a block integrates, and the end: all, or those that follow its neurons."""
    return 0, plastic.gains[0].area.shape[1]


def extend(plastic: Any, bounds: Any, block: int, now: int) -> None:
    """Let the maps of a block's neurons go on to the row ``now``, of a rule with a ``Flow``."""
