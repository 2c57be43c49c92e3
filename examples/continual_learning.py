"""Learn the digits class by class and print what is known after each: EGDC against a network that forgets.

Run: ``python examples/continual_learning.py``; takes a few seconds.
"""

from __future__ import annotations

import argparse

from tegmentum.datasets import load
from tegmentum.plasticity.continual.run import HONEST, ClassSplit, ContinualData, class_order, run_continual
from tegmentum.plasticity.egdc.columns import ColumnParameters
from tegmentum.plasticity.egdc.egdc import EGDC, EGDCParameters
from tegmentum.plasticity.reference.networks import NetRecipe, ReferenceNet


def main() -> None:
    """Learn with both and print their accuracy."""
    argparse.ArgumentParser(description=__doc__).parse_args()  # --help alone; anything else is refused
    digits = load("digits")
    data = ContinualData(digits.x_train, digits.y_train, digits.x_test, digits.y_test, digits.x_max)
    split = ClassSplit(class_order(digits.n_classes, seed=0))

    columns = ColumnParameters(n_features=32, size=3, pool=3)  # the images have 8 x 8 pixels
    ours = EGDC(
        digits.shape, digits.n_classes, EGDCParameters(columns, critical_period=100), seed=0, threads=2
    )
    forgets = ReferenceNet(digits.n_features, digits.n_classes, NetRecipe(), seed=0)

    for name, model in (("EGDC", ours), ("gradient descent", forgets)):
        result = run_continual(model, split, data, HONEST)
        print(f"{name}: accuracy (%) on all classes so far, after each class")
        for task in result.tasks:
            seen = result.matrix.average_accuracy(task.number)
            print(f"  class {task.classes[0]}: {100 * seen:5.1f}")
        print(f"  forgetting {100 * result.matrix.forgetting():.1f} points")


if __name__ == "__main__":
    main()
