"""What training by dopamine-modulated STDP writes to its store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tegmentum.datasets import Dataset
    from tegmentum.plasticity import OnlineLearner, Work
    from tegmentum.simcore.record.store import RunStore

PLASTIC = ("pixels-hidden", "hidden-output")


class OnlineRecorder:
    """Accuracy for each epoch in the root; weights, thresholds and levels at epoch ends; spikes of some samples.

    Parameters
    ----------
    store : RunStore
    learner : OnlineLearner
    data : Dataset
    """

    def __init__(self, store: RunStore, learner: OnlineLearner, data: Dataset) -> None:
        from .training_store import confusion_table, epoch_table

        self.store, self.learner, self.data = store, learner, data
        self.table, self.confusion = epoch_table(store), confusion_table(store, data.n_classes)
        self.weights = {}
        for name in PLASTIC:
            found, q = learner.simulation.synapses(name), learner.simulation._projection(name)
            self.weights[name] = store.weights(
                name,
                found.pre.astype(np.uint32),
                found.post.astype(np.uint32),
                n_pre=q.pre.size,
                n_post=q.post.size,
            )
        n = learner.parameters.n_hidden
        self.thresholds = store.table(
            "homeostasis",
            dim="after_epoch",
            columns={"after_epoch": ("int64", ""), "threshold": ("float64", "1", ("hidden",), (n,))},
        )
        self.levels: dict[str, Any] = {}

    def snapshot(self, epoch: int) -> None:
        """Write all plastic weights and the hidden thresholds."""
        for name, weights in self.weights.items():
            weights.snapshot(epoch, self.learner.simulation.synapses(name).weight)
        self.thresholds.append(after_epoch=epoch, threshold=self.learner.thresholds())

    def epoch(self, epoch: int, work: Work, test_accuracy: float, predicted: Any) -> None:
        """Write what an epoch achieved, in one commit."""
        from .training_store import write_epoch

        with self.store.together():
            write_epoch(self.table, self.confusion, epoch, work, test_accuracy, self.data, predicted)
            for name, level in self.learner.levels.items():
                if name not in self.levels:
                    self.levels[name] = self.store.modulators(
                        name,
                        channels=["mean level", "standard deviation"],
                        n_subpopulations=level.shape[1],
                        time_name="epoch",
                        dim="learned_epoch",
                    )
                self.levels[name].append(epoch, level)
            self.snapshot(epoch)

    def finish(self, n_samples: int) -> None:
        """Write the spikes of the first ``n_samples`` test samples, a trial each."""
        from tegmentum.simcore.describe.record import Record

        from .training_store import write_trials

        if not n_samples:
            return
        data, ticks = self.data, self.learner.parameters.ticks
        start = self.learner.simulation.tick
        sizes = {node.name: node.size for node in self.learner.simulation.network.nodes()}
        names = ("pixels", "hidden", "output")
        shown = self.learner.show(data.x_test[:n_samples], data.x_max, record=Record(spikes=names))
        write_trials(self.store, data.y_test[:n_samples], shown.chosen)
        for name in names:
            spikes = shown.record.spikes[name]
            trial, tick = np.divmod(spikes.tick - start - 1, ticks)
            n = sizes[name]
            group = self.store.spikes(name, n_neurons=n, dt=1.0, trial=("label", "prediction"))
            for k in range(n_samples):
                mine = trial == k
                group.append(tick[mine].astype(np.int64), spikes.neuron[mine].astype(np.uint32))
                group.end_trial(ticks, label=data.y_test[k], prediction=shown.chosen[k])
