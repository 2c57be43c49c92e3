"""Shared weights again: each synapse's changes of the weight that it shares, one by one, summed at every sharing."""

from __future__ import annotations

from typing import Any

from reference_learning import Learning, Plastic


class Sharer(Plastic):
    """One synapse, whose rule always sees the shared weight; what it makes of it is added up."""

    def __init__(self, learning: Sharing, post: int, level: int, element: int) -> None:
        self.element, self.change = element, 0.0
        super().__init__(learning, post, level, learning.shared[element])

    def now(self) -> Any:
        return super().now() if self.learning.modulations else self.synapse

    def keep(self) -> None:
        """Go back to the shared weight, and count what the rule has made of it."""
        shared = self.learning.shared[self.element]
        self.change += self.synapse.w - shared
        self.synapse = self.synapse._replace(w=shared)

    def arrive(self) -> float:
        super().arrive()
        self.keep()
        return self.synapse.w

    def fire(self) -> None:
        super().fire()
        self.keep()


class Sharing(Learning):
    """Synapses that share weights every so many ticks.

    Parameters
    ----------
    shared : weights, one for each element
    synapses : (post neuron, level, element) of each
    """

    def __init__(
        self,
        rule: Any,
        population: str,
        n: int,
        shared: list[float],
        synapses: list[tuple[int, int, int]],
        dt: float,
        every: int,
    ) -> None:
        super().__init__(rule, population, n, [], dt)
        assert every < self.window
        self.shared, self.every = list(shared), every
        self.plastic = [Sharer(self, *synapse) for synapse in synapses]
        self.window = 1 << 62

    def end(self, tick: int, fired: list[tuple[int, str, int]], state: dict[str, list[Any]]) -> None:
        super().end(tick, fired, state)
        if tick % self.every:
            return
        low, high = self.rule.weight_bounds()
        for p in self.plastic:
            p.settle()
            p.keep()
        for k in range(len(self.shared)):
            total = sum(p.change for p in self.plastic if p.element == k)
            self.shared[k] = min(max(self.shared[k] + total, low), high)
        for p in self.plastic:
            p.change, p.synapse = 0.0, p.synapse._replace(w=self.shared[p.element])
