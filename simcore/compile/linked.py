"""How the functions of generated modules are compiled: lowered one by one, optimised together, once.

Numba makes of each function that it compiles machine code of its own, fully optimised, although a function that only
kernels call runs as a part of what is linked into their callers. There all of it is optimised again, at every level of
calls. Here such functions are kept as LLVM's intermediate code alone. Optimisation and machine code are left to the
functions that Python calls, each of which holds all that it calls.

A named tuple, such as all arrays of a shard's synapses, is one argument between these functions. Numba would pass each
number of each of its arrays as one: half of the instructions of a kernel were such packing.

All of this reaches into Numba, which promises none of it, so it is done for the versions that it was tried with. With
others this file refuses to be imported, and :mod:`.module_cache` lets Numba compile as it always does: the same
results, later.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import llvmlite.binding as llvm
import numba
from numba.core import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, CompileResult, DefaultPassBuilder, compile_result
from numba.core.compiler_machinery import register_pass
from numba.core.datamodel import default_manager
from numba.core.datamodel.manager import DataModelManager
from numba.core.datamodel.models import TupleModel, UniTupleModel
from numba.core.typed_passes import NativeLowering
from numba.core.types.functions import BaseFunction

TRIED = (0, 64), (0, 69)  #: Numba's versions: from, and up to but without
if not TRIED[0] <= tuple(numba.version_info[:2]) < TRIED[1]:
    raise ImportError(f"not tried with Numba {numba.__version__}")

KIND = "linked"  #: of what is kept on disk, where Numba's are ``object`` and ``bitcode``


#: Loops are vectorised for the widest vectors there are. LLVM shies at 512 bits on many processors, for the sake of
#: programs that use them now and then; a kernel gathers through indices most of the time, and wide gathers cost less.
WIDE = '"prefer-vector-width"="512"'


class _Wide(JITCodeLibrary):  # type: ignore[misc]
    """A library whose functions' loops are as wide as vectors are, and that optimises what is linked, once.

    Numba optimises each function by itself in full, and before the whole a first time, lightly, so that reference
    counts meet that cancel. Here are none, and after a light optimisation alone that first time spoils loops.
    """

    def add_ir_module(self, ir_module: Any) -> None:
        """Add functions."""
        for function in ir_module.functions:
            if not function.is_declaration:
                set.add(function.attributes, WIDE)  # llvmlite itself knows no attributes with values
        super().add_ir_module(ir_module)

    def _optimize_functions(self, module: Any) -> None:
        """Make functions small, to be linked soon; what makes them fast comes afterwards."""
        module.data_layout = self._codegen._data_layout
        builder = self._codegen._pass_builder()
        passes = llvm.create_new_function_pass_manager()
        passes.add_sroa_pass()
        passes.add_instruction_combine_pass()
        passes.add_simplify_cfg_pass()
        for function in module.functions:
            if not function.is_declaration:
                passes.run(function, builder)

    def _optimize_final_module(self) -> None:
        """Optimise all that has been linked."""
        passes, builder = self._codegen._module_pass_manager()
        passes.run(self._final_module, builder)


class Library(_Wide):
    """Intermediate code of a function, and of what it calls, that waits to be linked into a caller."""

    @property
    def codegen(self) -> Any:
        """What Numba tells where a function's environment is: there is no machine code that would look for it."""
        return SimpleNamespace(set_env=lambda name, environment: None)

    def get_pointer_to_function(self, name: str) -> int:
        """Return 0, as Numba does where a function cannot be called from Python."""
        self._ensure_finalized()
        return 0

    def serialize_using_object_code(self) -> tuple[str, str, bytes]:
        """Return what is kept on disk."""
        return self.name, KIND, self._get_module_for_linking().as_bitcode()

    def _optimize_final_module(self) -> None:
        """Leave it to callers."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


def rebuild(context: Any, payload: tuple[Any, ...]) -> CompileResult:
    """Return a compiled function from what is kept on disk, Numba's own kind or that of :class:`Library`."""
    (name, kind, code), fndesc, environment, signature, objectmode, lifted, text, reload_init, envs = payload
    if kind != KIND:
        return CompileResult._rebuild(context, *payload)
    library = Library(context.codegen(), name)
    library._final_module = library._shared_module = llvm.parse_bitcode(code)
    library._finalized = True
    return compile_result(
        target_context=context,
        typing_context=context.typing_context,
        library=library,
        environment=environment,
        entry_point=context.get_executable(library, fndesc, environment),
        fndesc=fndesc,
        type_annotation=text,
        signature=signature,
        objectmode=objectmode,
        lifted=lifted,
        reload_init=reload_init,
        referenced_envs=envs,
    )


class _Whole:
    """Pass a tuple as one argument."""

    get_value_type: Any

    def get_argument_type(self) -> Any:
        return self.get_value_type()

    def as_argument(self, builder: Any, value: Any) -> Any:
        return value

    def from_argument(self, builder: Any, value: Any) -> Any:
        return value


class _WholeTuple(_Whole, TupleModel):  # type: ignore[misc]
    pass


class _WholeUniTuple(_Whole, UniTupleModel):  # type: ignore[misc]
    pass


_models: DataModelManager = DataModelManager().chain(default_manager)
_models.register(types.NamedTuple, _WholeTuple)  # type: ignore[attr-defined]
_models.register(types.NamedUniTuple, _WholeUniTuple)  # type: ignore[attr-defined]


@contextlib.contextmanager
def remembering() -> Iterator[None]:
    """Let Numba ask once, not at each place, what an operator or a function of its own makes of some types.

    It tries one after another all that anyone has said of ``+``: a fifteenth of the time that a kernel takes.
    """
    ask, known = BaseFunction.get_call_type, {}  # type: ignore[var-annotated]
    if ask.__module__ == __name__:  # a kernel's compilation begins that of another
        yield
        return

    def get_call_type(self: Any, context: Any, args: Any, kws: Any) -> Any:
        if kws:
            return ask(self, context, args, kws)
        key = (self, *args)
        if key not in known:
            known[key] = ask(self, context, args, kws)
        return known[key]

    BaseFunction.get_call_type = get_call_type  # type: ignore[method-assign]
    try:
        yield
    finally:
        BaseFunction.get_call_type = ask  # type: ignore[method-assign]


@register_pass(mutates_CFG=True, analysis_only=False)
class _EntryLowering(NativeLowering):  # type: ignore[misc]
    _name = "tegmentum_entry_lowering"
    _library: type[JITCodeLibrary] = _Wide

    def run_pass(self, state: Any) -> bool:
        state.library = self._library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        state.targetctx.data_model_manager = _models  # the context is this function's own
        return bool(NativeLowering.run_pass(self, state))


@register_pass(mutates_CFG=True, analysis_only=False)
class _LinkedLowering(_EntryLowering):
    _name = "tegmentum_linked_lowering"
    _library = Library


def _pipeline(state: Any, lowering: type[NativeLowering]) -> list[Any]:
    passes = DefaultPassBuilder.define_nopython_pipeline(state)
    passes.passes = [(lowering if p is NativeLowering else p, text) for p, text in passes.passes]
    passes.finalize()
    return [passes]


class EntryCompiler(CompilerBase):  # type: ignore[misc]
    """Compile a function that Python calls, with all that it calls."""

    def define_pipelines(self) -> list[Any]:  # noqa: D102
        return _pipeline(self.state, _EntryLowering)


class LinkedCompiler(CompilerBase):  # type: ignore[misc]
    """Compile a function that other compiled functions call, as far as :class:`Library` goes."""

    def define_pipelines(self) -> list[Any]:  # noqa: D102
        return _pipeline(self.state, _LinkedLowering)
