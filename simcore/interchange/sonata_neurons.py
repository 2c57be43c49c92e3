"""NEST's point neurons, which SONATA's ``model_template`` names, as ours.

============================ ========================================================================
``model_template``           here
============================ ========================================================================
``nest:iaf_psc_delta``       :class:`.LIF`, weights in mV
``nest:iaf_psc_exp``         :class:`.LIFExp`, weights in pA
``nest:iaf_psc_alpha``       :class:`.LIFAlpha`, weights in pA
============================ ========================================================================

A parameter that is not given has NEST's default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import DescriptionError
from ..neurons import LIF, LIFAlpha, LIFExp, NeuronModel

Array = np.ndarray[Any, Any]
#: NEST's name -> ours and NEST's default
_MEMBRANE = {
    "tau_m": ("tau_m", 10.0),
    "E_L": ("v_rest", -70.0),
    "V_th": ("v_thresh", -55.0),
    "V_reset": ("v_reset", -70.0),
    "t_ref": ("t_ref", 2.0),
    "C_m": ("c_m", 250.0),
    "I_e": ("i_e", 0.0),
}
_CURRENTS = _MEMBRANE | {"tau_syn_ex": ("tau_exc", 2.0), "tau_syn_in": ("tau_inh", 2.0)}
MODELS: dict[str, tuple[type[NeuronModel], dict[str, tuple[str, float]]]] = {
    "nest:iaf_psc_delta": (LIF, _MEMBRANE),
    "nest:iaf_psc_exp": (LIFExp, _CURRENTS),
    "nest:iaf_psc_alpha": (LIFAlpha, _CURRENTS),
}


def neurons_of(template: str, given: Mapping[str, Array], where: str) -> tuple[NeuronModel, Any]:
    """Return the model that a template names, with an array for each parameter that is given, and ``V_m`` if it is.

    Parameters
    ----------
    given : mapping of str to array
        NEST's parameters, one number for each neuron; NaN where a neuron has the default
    """
    if template not in MODELS:
        raise DescriptionError(
            f"{where}: model_template {template!r} has no counterpart here; {', '.join(MODELS)} have"
        )
    model, names = MODELS[template]
    strange = sorted(given.keys() - names.keys() - {"V_m"})
    if strange:
        raise DescriptionError(
            f"{where}: parameters of {template} without a counterpart here: {', '.join(strange)}"
        )
    values: dict[str, Any] = {}
    for nest, (ours, default) in names.items():
        numbers = given.get(nest)
        values[ours] = default if numbers is None else np.where(np.isnan(numbers), default, numbers)
    start = given.get("V_m")
    return model(**values), None if start is None else np.where(np.isnan(start), values["v_rest"], start)
