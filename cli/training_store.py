"""What a training run writes to its store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tegmentum.datasets import Dataset
    from tegmentum.plasticity import Learner, Work
    from tegmentum.simcore.record.store import RunStore


def epoch_table(store: RunStore) -> Any:
    """Return the table of what each epoch achieved, the store's root."""
    return store.table(
        "",
        dim="epoch",
        columns={
            "epoch": ("int64", ""),
            "train_accuracy": ("float64", "fraction"),
            "test_accuracy": ("float64", "fraction"),
            "synaptic_events": ("int64", ""),
            "learning_time": ("float64", "s"),
        },
    )


def confusion_table(store: RunStore, n: int) -> Any:
    """Return the table of which of ``n`` classes was taken for which."""
    return store.table(
        "learning",
        dim="evaluation",
        columns={
            "evaluation": ("int64", "after epoch"),
            "confusion": ("int64", "samples", ("label", "prediction"), (n, n)),
        },
    )


def write_epoch(
    table: Any, confusion: Any, epoch: int, work: Work, test_accuracy: float, data: Dataset, predicted: Any
) -> None:
    """Write what an epoch achieved into the tables of :func:`epoch_table` and :func:`confusion_table`."""
    table.append(
        epoch=epoch,
        train_accuracy=work.accuracy,
        test_accuracy=test_accuracy,
        synaptic_events=work.synaptic_events,
        learning_time=work.seconds,
    )
    n = data.n_classes
    pairs = np.bincount(data.y_test * n + predicted, minlength=n * n).reshape(n, n)
    confusion.append(evaluation=epoch, confusion=pairs)


def write_trials(store: RunStore, labels: Any, predicted: Any) -> None:
    """Write label and prediction of the samples whose spikes the store holds."""
    columns = {"trial": ("int64", ""), "label": ("int64", ""), "prediction": ("int64", "")}
    trials = store.table("trials", dim="trial", columns=columns)
    for k, (label, prediction) in enumerate(zip(labels, predicted, strict=True)):
        trials.append(trial=k, label=label, prediction=prediction)


class TrainingRecorder:
    """Accuracy for each epoch in the root, weights and biases at epoch ends, levels of the neuromodulator, spikes.

    Parameters
    ----------
    store : RunStore
    learner : Learner
    data : Dataset
    """

    def __init__(self, store: RunStore, learner: Learner, data: Dataset):
        self.store, self.learner, self.data = store, learner, data
        self.table, self.confusion = epoch_table(store), confusion_table(store, data.n_classes)
        self.weights: list[list[Any]] = []
        for layer in learner.layers:
            pre, post = np.divmod(
                np.arange(layer.n_pre * layer.n_post, dtype=np.uint32), np.uint32(layer.n_post)
            )
            own = np.arange(layer.n_post, dtype=np.uint32)
            weights = [store.weights(layer.name, pre, post, n_pre=layer.n_pre, n_post=layer.n_post)]
            biased = getattr(
                layer, "biased", True
            )  # of several projections onto a population one has its biases
            if biased:
                zeros = np.zeros_like(own)
                weights.append(store.weights(f"{layer.name}-bias", zeros, own, n_pre=1, n_post=layer.n_post))
            self.weights.append(weights)
            if layer.levels.size and biased:
                self._levels(layer)

    def _levels(self, layer: Any) -> None:
        """Level and gain in each subpopulation, for each expected class: they do not change while learning."""
        name = layer.rule.modulator.name
        group = self.store.modulators(
            layer.post.name,
            channels=[name, f"{name} gain"],
            n_subpopulations=layer.n_post,
            time_name="expected class",
            dim="expected_class",
        )
        for k in range(len(group), len(layer.levels)):  # those of a run that is gone on with are there
            group.append(k, np.stack([layer.levels[k], layer.gains[k]]))

    def snapshot(self, epoch: int) -> None:
        """Write all weights and biases."""
        for layer, kept in zip(self.learner.layers, self.weights, strict=True):
            for group, values in zip(kept, layer.weights(), strict=False):
                group.snapshot(epoch, values.ravel())

    def epoch(self, epoch: int, work: Work, test_accuracy: float, predicted: Any) -> None:
        """Write what an epoch achieved, in one commit."""
        with self.store.together():
            write_epoch(self.table, self.confusion, epoch, work, test_accuracy, self.data, predicted)
            self.snapshot(epoch)

    def finish(self, n_samples: int) -> None:
        """Write the hidden and output spikes of the first ``n_samples`` test samples, a trial each."""
        if self.learner.graded or not n_samples:
            return
        predicted = self.learner.predict(self.data.x_test[:n_samples], self.data.x_max)
        write_trials(self.store, self.data.y_test[:n_samples], predicted)
        outputs = self.learner.spikes(self.data.x_test[:n_samples], self.data.x_max)
        by_population = {layer.post.name: (layer, spikes) for layer, spikes in
                         zip(self.learner.layers, outputs, strict=True)}  # fmt: skip
        for layer, spikes in by_population.values():
            group = self.store.spikes(
                layer.post.name, n_neurons=layer.n_post, dt=1.0, trial=("label", "prediction")
            )
            for k, trial in enumerate(spikes):
                tick, neuron = np.nonzero(trial)
                group.append(tick.astype(np.int64), neuron.astype(np.uint32))
                group.end_trial(self.learner.n_ticks, label=self.data.y_test[k], prediction=predicted[k])
