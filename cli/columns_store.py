"""What training of columns and class neurons writes to its store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tegmentum.datasets import Dataset
    from tegmentum.plasticity import ColumnClassifier, Work
    from tegmentum.simcore.record.store import RunStore


class ColumnsRecorder:
    """Accuracy for each epoch in the root; weights of class neurons, fields and levels at epoch ends.

    Parameters
    ----------
    store : RunStore
    learner : ColumnClassifier
    data : Dataset
    """

    def __init__(self, store: RunStore, learner: ColumnClassifier, data: Dataset) -> None:
        from .training_store import confusion_table, epoch_table

        self.store, self.learner, self.data = store, learner, data
        self.table, self.confusion = epoch_table(store), confusion_table(store, data.n_classes)
        arrays = {"pools-classes": learner.weights, "pools-classes-bias": learner.bias[None]}
        if learner.fields.size:
            arrays["patch-fields"] = learner.fields
        self.weights = {}
        for name, values in arrays.items():
            pre, post = np.divmod(np.arange(values.size, dtype=np.uint32), np.uint32(values.shape[1]))
            n_pre, n_post = values.shape
            self.weights[name] = store.weights(name, pre, post, n_pre=n_pre, n_post=n_post)
        self.levels = store.modulators(
            "dopamine",
            channels=["mean level", "standard deviation"],
            n_subpopulations=data.n_classes,
            time_name="epoch",
            dim="learned_epoch",
        )

    def snapshot(self, epoch: int) -> None:
        """Write the weights of the class neurons, and the fields that all positions share."""
        own = {
            "pools-classes": self.learner.weights,
            "pools-classes-bias": self.learner.bias,
            "patch-fields": self.learner.fields,
        }
        for name, weights in self.weights.items():
            weights.snapshot(epoch, own[name].ravel())

    def epoch(self, epoch: int, work: Work, test_accuracy: float, predicted: Any) -> None:
        """Write what an epoch achieved, in one commit."""
        from .training_store import write_epoch

        with self.store.together():
            write_epoch(self.table, self.confusion, epoch, work, test_accuracy, self.data, predicted)
            self.levels.append(epoch, self.learner.levels)
            self.snapshot(epoch)

    def finish(self, n_samples: int) -> None:
        """Write label and answer of the first ``n_samples`` test samples."""
        from .training_store import write_trials

        if n_samples:
            data = self.data
            predicted = self.learner.predict(data.x_test[:n_samples], data.x_max)
            write_trials(self.store, data.y_test[:n_samples], predicted)
