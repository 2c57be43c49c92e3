"""CUDA: everything that the package exports and a network can hold runs on a device as on the CPU, or is refused."""

from __future__ import annotations

import inspect

import cuda_more_cases
import pytest
from cuda_runs import in_simulator, simulated
from test_cuda import small

from tegmentum import plasticity, simcore
from tegmentum.plasticity import PowerLawSTDP, naca
from tegmentum.simcore import (
    DescriptionError,
    GradedUnit,
    Network,
    Population,
    Simulation,
)
from tegmentum.simcore.advance.cuda import available

#: What networks and recordings are made of, and runs on a device: held to the CPU's numbers by the cases.
RUNS = set(
    """
    ALIF LIF AdEx ClopathAdEx DiscreteLIF HodgkinHuxley HomeostaticLIF Izhikevich LIFAlpha LIFCond LIFExp Parrot
    AllToAll AvgPool2D Conv2D FixedIndegree FixedOutdegree FixedProbability FixedTotal FromCOO OneToOne
    Constant Lognormal Normal Uniform
    Current Noise Poisson SpikeTrain
    ByPost ByPre BySynapse Whole Modulator Modulation Course Expected Given Release SharedWeights Turnover
    D1 D1D2 Hill KernelAmplitude LinearReceptor NacaReceptor
    BCM BennaFusiSTDP CascadeSTDP CentredSTDP ClopathSTDP CorticostriatalSTDP DopamineSTDP EProp EPropALIF
    GatedSTDP Hebb InhibitorySTDP Oja
    PowerLawSTDP PowerSTDP RateHebb RewardSTDP ScaledSTDP SequentialSTDP STDP TripletSTDP TsodyksMarkram TwoTraceSTDP
    PseudoDerivative
    Network Population Projection Record Simulation Snapshots Trace
    """.split()  # noqa: SIM905
)


def of_windows(name):
    """Return a network whose synapses learn at the end of windows, by the rule of that name."""
    rule = getattr(plasticity, name)
    return small(plasticity=rule.__new__(rule))


WINDOW = "learns at the end of a window, which a simulation does not know; a Learner runs it"


#: What is refused: a network that has it, and the sentence.
REFUSED = {
    "GradedUnit": (lambda: Network(Population("cells", 4, GradedUnit())), "a GradedUnit never fires"),
} | {
    name: (lambda name=name: of_windows(name), WINDOW)
    for name in ("Backpropagated", "ErrorDriven", "ErrorModulated", "Frozen", "Modulated")
}
#: Classes that are no part of a network: what runs give, stores, and what parts of one's own derive from.
APART = set(
    """
    ChanceRule Distribution NeuronModel Receptor Rule ShortTermRule SynapseRule Unpaired Watch WindowRule
    Presented Result RunStore Spikes
    """.split()  # noqa: SIM905
)


def exported():
    """Names of the classes that a network or a recording may hold: of the rules' package only rules and receptors."""
    kinds = tuple(
        getattr(simcore, name) for name in ("Receptor", "ShortTermRule", "SynapseRule", "Watch", "WindowRule")
    )
    found = {}
    for package, of in ((simcore, object), (plasticity, kinds)):
        for name in package.__all__:
            thing = getattr(package, name)
            if inspect.isclass(thing) and issubclass(thing, of) and not issubclass(thing, Exception):
                found[name] = thing
    return found.keys() - APART


def test_everything_exported_runs_or_is_refused_by_name():
    assert not RUNS & REFUSED.keys()
    assert exported() == RUNS | REFUSED.keys()


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_says_so(monkeypatch, name):
    monkeypatch.setattr(available, "missing", lambda: None)
    make, sentence = REFUSED[name]
    with pytest.raises(DescriptionError, match=sentence):
        Simulation(make(), backend="cuda")


def test_networks_of_learners_are_refused(monkeypatch):
    monkeypatch.setattr(available, "missing", lambda: None)
    with pytest.raises(DescriptionError, match=WINDOW):
        Simulation(naca(4, [3], 2), backend="cuda")


def test_a_rule_without_bounds_is_told_what_it_lacks(monkeypatch):
    monkeypatch.setattr(available, "missing", lambda: None)
    with pytest.raises(
        DescriptionError, match=r"no bound to its weights, so that .* bound them \(w_max\) or use"
    ):
        Simulation(small(plasticity=PowerLawSTDP()), backend="cuda")


@pytest.mark.slow
@pytest.mark.skipif(in_simulator() is not None, reason=str(in_simulator()))
class TestSimulated:
    @pytest.mark.parametrize("name", cuda_more_cases.CASES)
    def test_a_device_gives_the_numbers_of_the_cpu(self, name):
        row = simulated("cuda_more_cases.py")[name]
        assert not row["problem"], row["problem"]
        assert row["n_spikes"] > 0

    def test_what_is_said_to_run_did(self):
        files = "cuda_more_cases.py", "cuda_cases.py", "cuda_trials.py"
        rows = [row for file in files for row in simulated(file).values()]
        ran = {part for row in rows if not row["problem"] for part in row["used"]}
        assert RUNS - ran == set()
