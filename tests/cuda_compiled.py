"""Compile every kernel for several GPUs without a GPU: ``cuda_compiled.py [few | NETWORK...]``.

Prints a line of JSON for each kernel and target.

Networks run through the engine's own code; where a launch would be, the kernel is compiled for the types of its
arguments and linked to machine code, by the steps of a device of each kind. Needs numba-cuda with its toolkit's
packages, no driver.
"""

from __future__ import annotations

import json
import re
import sys
from types import SimpleNamespace

import numpy as np

TARGETS = ((8, 0), (9, 0), (10, 0))
#: Networks whose kernels between them hold most: all sources, the models with most registers, both precisions.
FEW = (
    "LIFExp, float32",
    "LIFCond, float64",
    "Izhikevich, float64",
    "AdEx, float64",
    "sources, float32",
    "modulators, float64",
    "trials, float32",
    "EPropALIF, float64",
    "six that learn, float32",
)


class Array(np.ndarray):
    """A host array with the methods of a device array that the engine uses."""

    @classmethod
    def of(cls, a):
        return np.ascontiguousarray(a).view(cls)

    def copy_to_host(self):
        return np.asarray(self).copy()

    def copy_to_device(self, a):
        self[...] = a


class Compiler:
    """Stands where a device would be: takes launches and keeps kernels with the types of their arguments."""

    def __init__(self):
        self.seen, self.cc = {}, (9, 0)

    def install(self):
        from numba import cuda
        from numba.cuda import codegen, dispatcher

        device = SimpleNamespace(id=0, MULTIPROCESSOR_COUNT=132)
        cuda.get_current_device = lambda: device
        dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=self.cc, id=0)
        codegen.CUDACodeLibrary._ensure_cc = lambda lib, cc: cc or full(self.cc)
        dispatcher._Kernel.bind = lambda kernel: None
        cuda.is_available = lambda: True
        cuda.to_device = lambda a: Array.of(np.array(a))
        cuda.device_array = lambda shape, dtype: Array.of(np.zeros(shape, dtype))
        seen = self.seen

        def getitem(kernel, config):
            def launch(*args):
                types = tuple(dispatcher.typeof(a, dispatcher.Purpose.argument) for a in args)
                seen.setdefault(
                    (kernel.py_func.__module__, kernel.py_func.__name__, str(types)), (kernel, types)
                )

            return launch

        dispatcher.CUDADispatcher.__getitem__ = getitem

    def reports(self, kernel, types):
        """Yield of one kernel each target, what the linker says for it, and its PTX's operations on floats."""
        from numba.cuda.dispatcher import CUDADispatcher

        made = CUDADispatcher(kernel.py_func, targetoptions=dict(kernel.targetoptions)).compile(types)
        for cc in TARGETS:
            yield cc, self.report(made, cc)

    def report(self, made, cc):
        """Return what the linker says of a compiled kernel for one target, and its PTX's operations on floats."""
        from cuda.core import Linker, LinkerOptions
        from numba.cuda.cudadrv import driver

        self.cc, target, library = cc, full(cc), made._codelibrary
        linker = driver._Linker(cc=target, lto=False, max_registers=library._max_registers)
        library._link_all(linker, target)
        options = LinkerOptions(arch=linker.arch, ptxas_options=["-v"])
        link = Linker(*linker._object_codes, options=options)
        link.link("cubin")
        log = link.get_info_log() + link.get_error_log()
        log = log[log.find(made.entry_name) :]
        ptx = library.get_asm_str(cc=target)
        out = {"cooperative": made.cooperative}
        for name, pattern in (
            ("registers", r"Used (\d+) registers"),
            ("stack", r"(\d+) bytes stack frame"),
            ("spilled", r"(\d+) bytes spill stores"),
            ("shared", r"(\d+) bytes smem"),
        ):
            found = re.search(pattern, log)
            out[name] = int(found.group(1)) if found else 0
        out["fused"] = len(re.findall(r"\bfma\.rn\.f", ptx))
        out["loose"] = len(
            re.findall(r"\b(?:mul\.f|div\.(?:approx|full)|sqrt\.approx|\w+\.(?:\w+\.)?ftz)", ptx)
        )
        return out


def full(cc):
    """Return a target with the letter that its own instructions need."""
    return (*cc, "a" if cc == (9, 0) else "")


def main():
    """Compile what the networks of :mod:`cuda_cases` and :mod:`cuda_more_cases` launch."""
    import cuda_cases
    import cuda_more_cases
    import cuda_trials

    compiler = Compiler()
    compiler.install()
    wanted = FEW if sys.argv[1:] == ["few"] else sys.argv[1:]
    for name, net, options in (
        *cuda_cases.for_compilers(),
        *cuda_more_cases.for_compilers(),
        *cuda_trials.for_compilers(),
    ):
        if wanted and name not in wanted:
            continue
        before = set(compiler.seen)
        from tegmentum.simcore import Simulation
        from tegmentum.simcore.advance.cuda import device
        from tegmentum.simcore.advance.cuda.geometry import geometry

        for persistent in (True, False) if name.startswith(("sources", "trials")) else (True,):
            device._geometry = lambda n_slots, n_trials, large, persistent=persistent: geometry(
                1000, 1, 132, large
            )._replace(persistent=persistent)
            cuda_trials.begin(Simulation(net, backend="cuda", **options))
        for key in sorted(set(compiler.seen) - before):
            for cc, said in compiler.reports(*compiler.seen[key]):
                row = {"case": name, "kernel": key[1], "cc": f"{cc[0]}.{cc[1]}"}
                print(json.dumps(row | said), flush=True)


if __name__ == "__main__":
    sys.exit(main())
