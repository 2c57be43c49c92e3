"""Networks from SONATA's files: against the same network described by hand, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tegmentum.simcore import (
    LIF,
    DescriptionError,
    FromCOO,
    LIFAlpha,
    LIFExp,
    Network,
    Population,
    Projection,
    Record,
    Simulation,
    SpikeTrain,
    from_sonata,
)

h5py = pytest.importorskip("h5py")
pytest.importorskip("libsonata")

N_IN, N_CELLS, N_LATE = 6, 10, 4
NODE_TYPES = """node_type_id model_type model_template dynamics_params pop_name
100 point_neuron nest:iaf_psc_exp exc.json first
101 point_neuron nest:iaf_psc_exp inh.json second
"""
LATE_TYPES = """node_type_id model_type model_template dynamics_params
7 point_neuron nest:iaf_psc_delta NULL
"""
EXC = {"tau_m": 15.0, "V_th": -58.0, "tau_syn_ex": 3.0, "tau_syn_in": 4.0, "I_e": 350.0}
INH = {"tau_m": 8.0, "V_reset": -65.0, "t_ref": 1.0, "I_e": 460.0}
RNG = np.random.default_rng(5)
TYPE = np.array([100] * 6 + [101] * 4)
START = RNG.uniform(-70.0, -62.0, N_CELLS)
INPUT = RNG.integers(0, N_IN, 25), RNG.integers(0, N_CELLS, 25)
CELLS = RNG.integers(0, N_CELLS, 40), RNG.integers(0, N_CELLS, 40)
LATE = RNG.integers(0, N_CELLS, 12), RNG.integers(0, N_LATE, 12)
W = np.where(CELLS[0] < 6, 60.0, -240.0) + RNG.normal(0.0, 5.0, 40)
DELAY = RNG.integers(5, 30, 40) * 0.1
TIMES, CHANNEL = np.sort(RNG.integers(1, 1_500, 120)) * 0.1, RNG.integers(0, N_IN, 120)


def nodes(file, name, types, dynamics=None):
    group = file.create_group(f"nodes/{name}")
    group["node_type_id"] = np.asarray(types, np.int64)
    group["node_group_id"] = np.zeros(len(types), np.uint32)
    group["node_group_index"] = np.arange(len(types), dtype=np.uint64)
    for key, values in (dynamics or {}).items():
        group[f"0/dynamics_params/{key}"] = values
    group.require_group("0")


def edges(file, name, pre, post, ends, types, **attributes):
    group = file.create_group(f"edges/{name}")
    for end, population, ids in zip(("source", "target"), (pre, post), ends, strict=True):
        group[f"{end}_node_id"] = np.asarray(ids, np.uint64)
        group[f"{end}_node_id"].attrs["node_population"] = population
    n = len(ends[0])
    group["edge_type_id"] = np.broadcast_to(np.asarray(types, np.int64), (n,))
    group["edge_group_id"] = np.zeros(n, np.uint32)
    group["edge_group_index"] = np.arange(n, dtype=np.uint64)
    group.require_group("0")
    for key, values in attributes.items():
        group[f"0/{key}"] = values


@pytest.fixture
def circuit(tmp_path):
    """A circuit in the form of the Allen Institute's: types in tables, parameters in files, no list of populations."""
    with h5py.File(tmp_path / "cells.h5", "w") as file:
        nodes(file, "cells", TYPE, {"V_m": START})
    with h5py.File(tmp_path / "late.h5", "w") as file:
        nodes(file, "late", [7] * N_LATE)
    with h5py.File(tmp_path / "input.h5", "w") as file:
        nodes(file, "input", [0] * N_IN)
    with h5py.File(tmp_path / "edges.h5", "w") as file:
        edges(file, "input_cells", "input", "cells", INPUT, [1, 2] * 12 + [1])
        edges(file, "cells_cells", "cells", "cells", CELLS, 3, syn_weight=W, delay=DELAY)
        edges(file, "cells_late", "cells", "late", LATE, 4)
    (tmp_path / "types.csv").write_text(NODE_TYPES)
    (tmp_path / "late.csv").write_text(LATE_TYPES)
    (tmp_path / "virtual.csv").write_text("node_type_id model_type\n0 virtual\n")
    (tmp_path / "edge_types.csv").write_text(
        "edge_type_id syn_weight delay model_template\n1 200.0 1.0 static_synapse\n2 150.0 2.5 static_synapse\n"
        "3 NULL NULL static_synapse\n4 6.0 1.5 NULL\n"
    )
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "exc.json").write_text(json.dumps(EXC))
    (tmp_path / "models" / "inh.json").write_text(json.dumps(INH))
    tables = {"cells": "types", "late": "late", "input": "virtual"}
    config = {
        "manifest": {"$HERE": "."},
        "components": {"point_neuron_models_dir": "$HERE/models"},
        "networks": {
            "nodes": [
                {"nodes_file": f"$HERE/{name}.h5", "node_types_file": f"$HERE/{table}.csv"}
                for name, table in tables.items()
            ],
            "edges": [{"edges_file": "$HERE/edges.h5", "edge_types_file": "$HERE/edge_types.csv"}],
        },
    }
    (tmp_path / "circuit_config.json").write_text(json.dumps(config))
    return tmp_path / "circuit_config.json"


def by_hand():
    """The same network, as one would describe it here."""
    exc = TYPE == 100
    model = LIFExp(
        tau_m=np.where(exc, 15.0, 8.0),
        v_rest=-70.0,
        v_thresh=np.where(exc, -58.0, -55.0),
        v_reset=np.where(exc, -70.0, -65.0),
        t_ref=np.where(exc, 2.0, 1.0),
        i_e=np.where(exc, 350.0, 460.0),
        tau_exc=np.where(exc, 3.0, 2.0),
        tau_inh=np.where(exc, 4.0, 2.0),
    )
    inputs = SpikeTrain("input", N_IN, [], [])
    cells = Population("cells", N_CELLS, model, initial={"v": START})
    late = Population("late", N_LATE, LIF(tau_m=10.0, v_rest=-70.0, v_thresh=-55.0, v_reset=-70.0))
    odd = np.arange(25) % 2 == 1
    weight, delay = np.where(odd, 150.0, 200.0), np.where(odd, 2.5, 1.0)
    up = W >= 0.0
    return Network(
        inputs,
        cells,
        late,
        Projection(inputs, cells, FromCOO(*INPUT), weight, delay),
        *(
            Projection(cells, cells, FromCOO(CELLS[0][m], CELLS[1][m]), W[m], DELAY[m], receptor=r, name=r)
            for r, m in (("exc", up), ("inh", ~up))
        ),
        Projection(cells, late, FromCOO(*LATE), 6.0, 1.5),
    )


def fired(network):
    simulation = Simulation(network, dt=0.1, precision="float64")
    simulation.set_spikes("input", TIMES, CHANNEL)
    return simulation.run(200.0, record=Record(spikes=["cells", "late"])).spikes


def test_a_circuit_fires_as_the_network_described_by_hand(circuit):
    network = from_sonata(circuit)
    assert [p.name for p in network.projections] == [
        "cells_cells-exc",
        "cells_cells-inh",
        "cells_late",
        "input_cells",
    ]
    found, expected = fired(network), fired(by_hand())
    for name in ("cells", "late"):
        assert len(expected[name]) > 20
        np.testing.assert_array_equal(found[name].tick, expected[name].tick)
        np.testing.assert_array_equal(found[name].neuron, expected[name].neuron)


def test_what_an_export_writes_is_read_as_far_as_it_says_neurons(circuit):
    """Populations that the configuration lists, with attributes in the file and no tables' worth."""
    folder = circuit.parent
    config = json.loads(circuit.read_text())
    config["networks"]["nodes"][0]["populations"] = {"cells": {"type": "point_neuron"}}
    config["networks"]["edges"][0]["populations"] = {"cells_cells": {"type": "chemical"}}
    (folder / "some.json").write_text(json.dumps(config))
    network = from_sonata(folder / "some.json")
    assert {p.name for p in network.projections} == {"cells_cells-exc", "cells_cells-inh"}


def test_alpha_currents_have_nests_defaults(circuit):
    folder = circuit.parent
    (folder / "types.csv").write_text(NODE_TYPES.replace("iaf_psc_exp", "iaf_psc_alpha"))
    model = from_sonata(circuit)["cells"].model
    assert isinstance(model, LIFAlpha)
    np.testing.assert_array_equal(model.tau_exc, np.where(TYPE == 100, 3.0, 2.0))
    assert (model.v_rest, model.c_m) == (-70.0, 250.0)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("types.csv", "nest:iaf_psc_exp", "nest:ht_neuron", "nodes 'cells': model_template 'nest:ht_neuron' has no"),
        ("types.csv", "101 point_neuron nest:iaf_psc_exp", "101 point_neuron nest:iaf_psc_alpha", "one and the same"),
        ("types.csv", "point_neuron", "biophysical", "nodes 'cells': model_type 'biophysical' has no counterpart"),
        ("types.csv", "101 ", "102 ", "nodes 'cells': type 101 is not in the table of types"),
        ("models/inh.json", "tau_m", "tau_minus", "of nest:iaf_psc_exp without a counterpart here: tau_minus"),
        ("models/inh.json", "8.0", "-8.0", "Population 'cells': tau_m must be > 0 ms"),
        ("edge_types.csv", "2.5 static_synapse", "2.5 stdp_synapse", "edges 'input_cells': stdp_synapse has no"),
        ("edge_types.csv", "1 200.0 1.0", "1 200.0 NULL", "edges 'input_cells': no delay, neither at each nor"),
        ("edge_types.csv", "1 200.0", "1 strong", "edges 'input_cells': syn_weight must be numbers"),
        ("circuit_config.json", "$HERE/models", "$HERE/none", "no SONATA circuit that could be read.*exc.json"),
        ("circuit_config.json", "late.h5", "lost.h5", "SONATA: there is no file .*lost.h5"),
        ("circuit_config.json", '"networks"', '"network"', "no SONATA circuit that could be read"),
    ],
)  # fmt: skip
def test_what_has_no_counterpart_is_refused_by_name(circuit, file, old, new, message):
    path = circuit.parent / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(DescriptionError, match=message):
        from_sonata(circuit)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"nsyns": np.full(40, 2)}, "nsyns other than 1"),
        ({"dynamics_params/tau": np.ones(40)}, "dynamics_params of edges are not read: tau"),
    ],
)
def test_attributes_of_edges_that_would_be_lost_are_refused(circuit, attributes, message):
    with h5py.File(circuit.parent / "edges.h5", "a") as file:
        del file["edges/cells_cells"]
        edges(file, "cells_cells", "cells", "cells", CELLS, 3, syn_weight=W, delay=DELAY, **attributes)
    with pytest.raises(DescriptionError, match=f"edges 'cells_cells': {message}"):
        from_sonata(circuit)
