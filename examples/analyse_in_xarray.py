"""What a run of `tegmentum train` did, read from its store with xarray: tables, and a picture.

tegmentum train --rule naca --out run.zarr
python examples/analyse_in_xarray.py run.zarr --out analysis.png
"""

from __future__ import annotations

import argparse

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure


def counts_of(spikes: xr.Dataset) -> xr.DataArray:
    """Spikes of each neuron in each recorded trial, from the flat list of (tick, neuron)."""
    n_neurons, n_trials = spikes.attrs["n_neurons"], spikes.sizes["trial"]
    trial = np.repeat(np.arange(n_trials), np.diff(spikes["trial_offset"]))
    neuron = spikes["neuron"].values[: len(trial)].astype(np.int64)
    counts = np.bincount(trial * n_neurons + neuron, minlength=n_trials * n_neurons)
    return xr.DataArray(counts.reshape(n_trials, n_neurons), dims=("trial", "neuron"))


def rate_by_class(spikes: xr.Dataset) -> xr.DataArray:
    """Mean spikes per tick of each neuron for each class among the recorded trials."""
    rate = counts_of(spikes) / spikes["trial_ticks"].values[:, None]
    return rate.assign_coords(label=("trial", spikes["label"].values)).groupby("label").mean()


def weight_change(weights: xr.Dataset) -> xr.DataArray:
    """Root mean square change of the weights from each snapshot to the next."""
    return np.sqrt((weights["w"].diff("snapshot") ** 2).mean("synapse"))


def show_accuracy(run: xr.DataTree, axes: Axes) -> None:
    """Accuracy after each epoch."""
    columns = run.to_dataset()[["train_accuracy", "test_accuracy"]]
    print(columns.to_dataframe().round(4), "\n")
    for name, accuracy in columns.items():
        accuracy.plot(ax=axes, marker="o", markersize=3, label=str(name).replace("_", " "))
    axes.set(title="accuracy", xlabel="epoch", ylabel="share of samples")
    axes.locator_params(axis="x", integer=True)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, frameon=False)


def show_weight_change(run: xr.DataTree, axes: Axes) -> None:
    """How far the weights of each projection moved in each epoch."""
    for name, group in run["weights"].children.items():
        change = weight_change(group.to_dataset())
        print(
            f"{name}: rms change of weights {change[0]:.4f} in the first epoch, {change[-1]:.4f} in the last"
        )
        change.plot(ax=axes, label=name)
    axes.set(title="change of the weights", xlabel="epoch", ylabel="root mean square")
    axes.locator_params(axis="x", integer=True)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, frameon=False, fontsize=8)
    print()


def show_selectivity(run: xr.DataTree, axes: Axes) -> None:
    """For which classes neurons fire, and whether these are the classes of high dopamine."""
    for name, group in run["spikes"].children.items():
        rate = rate_by_class(group.to_dataset())
        best = rate.max("label")
        selectivity = (1 - rate.mean("label") / best).where(best > 0)
        print(f"{name}: {rate.mean():.3f} spikes per tick, {(best > 0).sum().item()} neurons fire; ", end="")
        print(f"median selectivity {selectivity.median():.2f} (0: the same rate for every class)")
        if "modulators" in run and name in run["modulators"].children:
            level = run[f"modulators/{name}"]["level"].sel(channel="dopamine", drop=True)
            level = level.rename(expected_class="label", subpopulation="neuron").sel(label=rate["label"])
            print(f"{name}: correlation of rate and level of dopamine: {xr.corr(level, rate):+.2f}")
            edges = np.linspace(0, 1, 11)
            means = rate.groupby_bins(level.rename("dopamine"), edges, labels=edges[1:] - 0.05).mean(...)
            means.plot(ax=axes, marker="o", label=name)
    axes.set(title="rate by dopamine", xlabel="level for the class shown", ylabel="spikes per tick")


def show_swing(run: xr.DataTree, axes: Axes) -> None:
    """How far dopamine moved from trial to trial in each epoch: less and less, as fewer answers are wrong."""
    for name, group in run["modulators"].children.items():
        swing = group["level"].sel(channel="standard deviation", drop=True).mean("subpopulation")
        print(f"{name}: standard deviation {swing[0]:.3f} in the first epoch, {swing[-1]:.3f} in the last")
        swing.plot(ax=axes, marker="o", markersize=3, label=name)
    axes.set(title="swing of dopamine", xlabel="epoch", ylabel="standard deviation of the level")
    axes.locator_params(axis="x", integer=True)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, frameon=False, fontsize=8)


def main() -> None:
    """Print tables and draw a picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", help="run store of a spiking network")
    parser.add_argument("--out", default="analysis.png", help="image to write")
    options = parser.parse_args()

    run = xr.open_datatree(options.store, engine="zarr")
    config = run.attrs["config"]
    print(f"{config['dataset']} by {config['rule']}, seed {config['seed']}: {run.attrs['status']}\n")
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    accuracy, change, dopamine = figure.subplots(1, 3)
    show_accuracy(run, accuracy)
    show_weight_change(run, change)
    show_selectivity(run, dopamine)
    if config["rule"] == "dopamine-stdp":
        show_swing(run, dopamine)
    figure.savefig(options.out, dpi=120)
    print(f"\npicture: {options.out}")


if __name__ == "__main__":
    main()
