"""The rules that ``tegmentum continual`` knows: a registry of names and factories.

A rule says how to make its model for each protocol that it can follow. To add one, add a line to
:data:`CONTINUAL_RULES`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tegmentum.simcore.errors import DescriptionError

from .continual.choice import best_of, choose_on_validation
from .continual.evaluation import Evaluation
from .continual.model import ContinualModel
from .continual.split import ClassSplit, ContinualData
from .continual.summed_ticks import SummedTicks, longest, summed
from .egdc.columns import ColumnParameters
from .egdc.egdc import EGDC, EGDCParameters
from .egdc.in_engine import EGDCNetwork
from .egdc.network import EGDCNetworkParameters
from .egdc.whitened import WhitenedParameters
from .reference.gate import Gate
from .reference.modulated_dropout import ModulatedDropoutNet
from .reference.networks import ClosedForm, NetRecipe, ReferenceNet
from .reference.published import PublishedNet, Recipe, published_recipe
from .reference.random_features import Pixels, RandomReLU
from .reference.workspace import WorkspaceNet

#: Share of the training samples that hyperparameters are chosen on, where a rule has any to choose.
VALIDATION_FRACTION = 0.1


@dataclass(frozen=True)
class Setting:
    """What a factory may know.

    Attributes
    ----------
    n_inputs, n_classes : int
    shape : tuple of int
        of one sample
    mean, sd : float
        of all intensities (0 to 1) of the training samples
    seed, threads : int
    ticks : int
        of samples that are spikes for each tick and channel (``shape`` is that of a tick); 0 for intensities
    windows : int
        of time, if samples are counts of events in each of them, the last axis of ``shape``; otherwise 0
    """

    n_inputs: int
    n_classes: int
    shape: tuple[int, ...]
    mean: float
    sd: float
    seed: int = 0
    threads: int = 1
    ticks: int = 0
    windows: int = 0

    @classmethod
    def of(
        cls,
        data: ContinualData,
        n_classes: int,
        shape: tuple[int, ...],
        seed: int,
        threads: int,
        ticks: int = 0,
    ) -> Setting:
        """Make a setting for arrays; mean and standard deviation are those of the training samples."""
        counts = np.bincount(data.x_train.ravel(), minlength=256) / data.x_train.size
        grey = np.arange(len(counts)) / data.x_max
        mean = float(counts @ grey)
        sd = float(np.sqrt(counts @ (grey - mean) ** 2)) or 1.0
        return cls(data.x_train.shape[1], n_classes, shape, mean, sd, seed, threads, ticks)


Factory = Callable[[Setting], ContinualModel]


@dataclass(frozen=True)
class ContinualRule:
    """A rule of continual learning.

    Attributes
    ----------
    about : str
        one line
    honest : factory, or factories by name of which the best on validation samples is taken
    published : factory, if the rule was published with its protocol
    knows_ticks : whether it takes spikes tick by tick; other rules get their sums
    windows : of time that the sums are over, each on its own
    """

    about: str
    honest: Factory | Mapping[str, Factory] | None
    published: Factory | None = field(default=None)
    knows_ticks: bool = False
    windows: int = 1

    @property
    def protocols(self) -> list[str]:
        """Names of the protocols that it can follow."""
        return [name for name in ("honest", "published") if getattr(self, name) is not None]


def _published(rule: str, spiking: bool) -> Factory:
    return lambda s: PublishedNet(
        s.n_inputs,
        s.n_classes,
        published_recipe(rule, spiking),
        seed=s.seed,
        threads=s.threads,
        mean=s.mean,
        sd=s.sd,
    )


def _naca(hidden: str, gate: str, spiking: bool) -> Factory:
    """Build the same network for one pass over each class, with a gate that a single sample decides, or none."""
    recipe = Recipe(hidden, gate=Gate(gate), spiking=spiking, epochs=1, stop_at=None)
    return lambda s: PublishedNet(
        s.n_inputs, s.n_classes, recipe, seed=s.seed, threads=s.threads, mean=s.mean, sd=s.sd
    )


def _net(**options: Any) -> Factory:
    recipe = NetRecipe(**options)
    return lambda s: ReferenceNet(s.n_inputs, s.n_classes, recipe, seed=s.seed, mean=s.mean, sd=s.sd)


def _ewc(gate: str) -> Mapping[str, Factory]:
    return {f"penalty {p:g}": _net(penalty=p, gate=Gate(gate)) for p in (1e1, 1e3, 1e5, 1e7)}


def _closed(read_out: str, n_random: int = 0) -> Factory:
    def make(s: Setting) -> ContinualModel:
        features = RandomReLU(s.n_inputs, n_random, s.seed, s.mean) if n_random else Pixels(s.n_inputs)
        return ClosedForm(features, s.n_classes, read_out)

    return make


def _egdc(**switches: Any) -> Factory:
    """Build EGDC; recordings, which are few, get fewer features and larger pools, small images smaller fields."""

    def make(s: Setting) -> ContinualModel:
        columns = ColumnParameters()
        if s.ticks:
            columns = ColumnParameters(n_features=32, pool=6, n_ticks=s.ticks)
        elif min(s.shape[:2]) < 16:
            columns = ColumnParameters(n_features=32, size=3, pool=3)
        if switches.get("random_fields"):
            columns = replace(columns, learned=False)
        own = {name: value for name, value in switches.items() if name != "random_fields"}
        return EGDC(s.shape, s.n_classes, EGDCParameters(columns, **own), seed=s.seed, threads=s.threads,
                    given=s.ticks > 0)  # fmt: skip

    return make


def of_sound(**switches: Any) -> EGDCParameters:
    """Parameters of EGDC for pictures of sound, see docs/speech.md; switches are those of the columns."""
    columns = WhitenedParameters(n_features=100, size=6, pools=4, contrast=100.0, **switches)
    return EGDCParameters(columns, prior=250.0)


def of_events(**switches: Any) -> EGDCParameters:
    """Parameters of EGDC for events counted in windows of time, see docs/events.md; switches are those of the columns.

    An epsilon as large as a patch's length, squared, leaves it nearly unwhitened: matches are cosines.
    """
    columns = WhitenedParameters(n_features=150, size=8, pools=4, epsilon=384.0, **switches)
    return EGDCParameters(columns, critical_period=300, prior=100.0)


def _of_digits(n_features: int) -> WhitenedParameters:
    """Columns for grey images that may not be mirrored, such as MNIST's."""
    return WhitenedParameters(
        n_features, size=10, pools=5, threshold=0.6, contrast=1000.0, epsilon=1.0, overlap=1
    )


def _whitened(**switches: Any) -> Factory:
    """Build EGDC on whitened patches; small images get small patches, grey ones more pools of fewer fields.

    Patches, pools and prior were chosen on training images alone, see docs/continual.md.
    """

    def make(s: Setting) -> ContinualModel:
        if min(s.shape[:2]) < 16:
            columns = WhitenedParameters(n_features=64, size=3)
        elif s.windows or s.shape[0] != s.shape[1]:  # an event camera, or bands and bins of sound
            parameters = (of_events if s.windows else of_sound)(**switches)
            return EGDC(s.shape, s.n_classes, parameters, seed=s.seed, threads=s.threads)
        elif len(s.shape) > 2:
            columns = WhitenedParameters(n_features=500)
        elif switches.get("mirrored"):
            columns = WhitenedParameters(n_features=250, size=6, pools=5)
        else:
            columns = _of_digits(150)
        parameters = EGDCParameters(replace(columns, **switches), prior=500.0)
        return EGDC(s.shape, s.n_classes, parameters, seed=s.seed, threads=s.threads)

    return make


def _wide(s: Setting) -> ContinualModel:
    """Build EGDC on whitened patches with a wider read-out, of random mixtures of what the columns answer."""
    columns, mixtures = _of_digits(100), 6000
    if min(s.shape[:2]) < 16:
        columns, mixtures = WhitenedParameters(n_features=64, size=3), 600
    parameters = EGDCParameters(columns, prior=500.0, mixtures=mixtures)
    return EGDC(s.shape, s.n_classes, parameters, seed=s.seed, threads=s.threads)


def _more_fields(s: Setting) -> ContinualModel:
    """Build EGDC in spikes with twins, twice the fields and pools that overlap: for many photographs."""
    columns = WhitenedParameters(n_features=1000, mirrored=True, n_ticks=20, overlap=1)
    if min(s.shape[:2]) < 16:
        columns = replace(columns, n_features=64, size=3)
    return EGDC(s.shape, s.n_classes, EGDCParameters(columns, prior=500.0), seed=s.seed, threads=s.threads)


def _network(**switches: Any) -> Factory:
    """Build EGDC as one network of the engine; small images get smaller fields and a spike for fewer of a pool's."""

    def make(s: Setting) -> ContinualModel:
        learned = not switches.get("random_fields")
        columns, per_spike = ColumnParameters(n_features=32, learned=learned), 8
        if min(s.shape[:2]) < 16:
            columns, per_spike = replace(columns, size=3, pool=3), 4
        own = {name: value for name, value in switches.items() if name != "random_fields"}
        parameters = EGDCNetworkParameters(columns, per_spike=per_spike, **own)
        return EGDCNetwork(s.shape, s.n_classes, parameters, seed=s.seed, threads=s.threads)

    return make


#: Rules by name. "Gated" is the gate of :mod:`.gate`, of each sample alone on the honest protocol.
CONTINUAL_RULES: dict[str, ContinualRule] = {
    "egdc": ContinualRule("expectation-gated decorrelating columns: ours", _egdc(), knows_ticks=True),
    "egdc-random-fields": ContinualRule("ours, receptive fields not learned", _egdc(random_fields=True),
                                        knows_ticks=True),
    "egdc-no-lateral": ContinualRule("ours, without lateral inhibition", _egdc(lateral=False), knows_ticks=True),
    "egdc-ungated": ContinualRule("ours, dopamine opens all synapses alike", _egdc(gated=False), knows_ticks=True),
    "egdc-ever-surprised": ContinualRule("ours, receptive fields stay plastic", _egdc(ever_surprised=True),
                                         knows_ticks=True),
    "egdc-whitened": ContinualRule("ours, columns on whitened patches, graded", _whitened(), windows=3),
    "egdc-mirrored": ContinualRule("the same for what may be mirrored, as photographs may", _whitened(mirrored=True)),
    "egdc-relaxed": ContinualRule("ours, lateral inhibition settles in time", _egdc(settling="relax"),
                                  knows_ticks=True),
    "egdc-whitened-spikes": ContinualRule("egdc-whitened, spikes of 20 ticks", _whitened(n_ticks=20)),
    "egdc-mirrored-spikes": ContinualRule("egdc-mirrored, spikes of 20 ticks", _whitened(mirrored=True, n_ticks=20)),
    "egdc-mirrored-wide": ContinualRule("the same with twice the fields, pools overlap", _more_fields),
    "egdc-whitened-wide": ContinualRule("egdc-whitened, its read-out of random mixtures", _wide),
    "egdc-whitened-random": ContinualRule("ours, patches not whitened, random fields", _whitened(learned=False)),
    "egdc-network": ContinualRule("ours as one network of spiking neurons in the engine", _network()),
    "egdc-network-solve": ContinualRule("the same, lateral inhibition solved", _network(settling="solve")),
    "egdc-network-ungated": ContinualRule("the same, dopamine opens all synapses alike", _network(gated=False)),
    "egdc-network-random-fields": ContinualRule("the same, receptive fields not learned",
                                                _network(random_fields=True)),
    "naca": ContinualRule("NACA, spiking, gated", _naca("naca", "sample", True), _published("naca", True)),
    "naca-ann": ContinualRule("NACA, graded, gated", _naca("naca", "sample", False), _published("naca", False)),
    "frozen": ContinualRule(
        "NACA's spiking network, gated, hidden weights as drawn", _naca("frozen", "sample", True),
        _published("frozen", True),
    ),
    "frozen-ann": ContinualRule(
        "NACA's graded network, gated, hidden weights as drawn", _naca("frozen", "sample", False),
        _published("frozen", False),
    ),
    "naca-ungated": ContinualRule("NACA, spiking, without the gate", _naca("naca", "none", True)),
    "naca-ann-ungated": ContinualRule("NACA, graded, without the gate", _naca("naca", "none", False)),
    "frozen-ungated": ContinualRule("frozen, without the gate", _naca("frozen", "none", True)),
    "frozen-ann-ungated": ContinualRule("frozen-ann, without the gate", _naca("frozen", "none", False)),
    "sgd": ContinualRule("gradient descent (published: through spikes)", _net(), _published("sgd", True)),
    "sgd-ann": ContinualRule("gradient descent, graded, as published", None, _published("sgd", False)),
    "sgd-gated": ContinualRule("gradient descent, gated", _net(gate=Gate("sample"))),
    "ewc": ContinualRule(
        "elastic weight consolidation, penalty chosen on validation (published: spiking, untuned)", _ewc("none"),
        _published("ewc", True),
    ),
    "ewc-ann": ContinualRule("elastic weight consolidation, graded, as published", None, _published("ewc", False)),
    "ewc-gated": ContinualRule("elastic weight consolidation, gated", _ewc("sample")),
    "workspace": ContinualRule(
        "gradient descent, hidden layer gated by a global workspace",
        lambda s: WorkspaceNet(s.n_inputs, s.n_classes, seed=s.seed),
    ),
    "modulated-dropout": ContinualRule(
        "gradient descent, hidden units dropped by a neuromodulator's level",
        lambda s: ModulatedDropoutNet(s.n_inputs, s.n_classes, seed=s.seed),
    ),
    "replay": ContinualRule("gradient descent that replays 1,000 stored samples", _net(buffer=1000)),
    "joint": ContinualRule("gradient descent on all samples so far: the upper bound", _net(joint=True, epochs=2)),
    "ncm": ContinualRule("nearest class mean of pixels", _closed("mean")),
    "slda": ContinualRule("streaming linear discriminant analysis of pixels", _closed("lda")),
    "slda-random": ContinualRule("the same of 1,000 random features", _closed("lda", 1000)),
    "slda-random-5000": ContinualRule("the same of 5,000 random features", _closed("lda", 5000)),
    "ridge": ContinualRule("ridge regression on pixels", _closed("ridge")),
    "ridge-random": ContinualRule("the same on 1,000 random features", _closed("ridge", 1000)),
}  # fmt: skip


def continual_rule(name: str, protocol: str) -> ContinualRule:
    """Rule of that name, if it can follow the protocol.

    Raises
    ------
    DescriptionError
        naming the rule or the protocols that there are
    """
    if name not in CONTINUAL_RULES:
        near = difflib.get_close_matches(name, CONTINUAL_RULES, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise DescriptionError(f"rule: must be one of {', '.join(CONTINUAL_RULES)}, got {name!r}{hint}")
    rule = CONTINUAL_RULES[name]
    if protocol not in rule.protocols:
        can = [n for n, r in CONTINUAL_RULES.items() if protocol in r.protocols]
        raise DescriptionError(
            f"rule {name!r}: has no {protocol} protocol; rules that have: {', '.join(can)}"
        )
    return rule


def make_model(
    rule: ContinualRule,
    protocol: Evaluation,
    setting: Setting,
    split: ClassSplit,
    data: ContinualData,
    scores: Mapping[str, float] | None = None,
) -> tuple[ContinualModel, dict[str, float]]:
    """Fresh model, and the validation accuracy of each candidate if there were any to choose from.

    Candidates learn without the validation part of the training samples and are compared on it; the model returned
    has learned nothing yet. With the ``scores`` of an earlier choice it is not made again.
    """
    made = rule.published if protocol.leak else rule.honest
    if made is None:
        raise DescriptionError(f"rule: has no {protocol.name} protocol")
    build = _builder(rule, setting, data)
    candidates = made if isinstance(made, Mapping) else {}
    if scores is not None and set(scores) != set(candidates):
        raise DescriptionError(
            f"make_model: scores must be those of the candidates {list(candidates)}, got {list(scores)}"
        )
    if not isinstance(made, Mapping):
        return build(made), {}
    if scores is None:
        if split.validation_fraction == 0:
            split = replace(split, validation_fraction=VALIDATION_FRACTION)
        trials = {n: lambda f=f: build(f) for n, f in made.items()}  # type: ignore[misc]
        scores = choose_on_validation(trials, split, data)[1]
    ordered = {name: scores[name] for name in made}
    return build(made[best_of(ordered)]), ordered


def _builder(
    rule: ContinualRule, setting: Setting, data: ContinualData
) -> Callable[[Factory], ContinualModel]:
    """How a factory makes a model for this setting; a rule that knows no ticks is set up for their sums."""
    if not setting.ticks or rule.knows_ticks:
        return lambda factory: factory(setting)
    x, n = summed(data.x_train, setting.ticks, rule.windows), rule.windows
    most = data.x_max * longest(setting.ticks, n)
    whole = ContinualData(x, data.y_train, x[:0], data.y_test[:0], most)
    shape = (*setting.shape[:-1], setting.shape[-1] * n)
    inner = Setting.of(whole, setting.n_classes, shape, setting.seed, setting.threads)
    inner = replace(inner, windows=n if n > 1 else 0)
    return lambda factory: SummedTicks(factory(inner), setting.ticks, n)
