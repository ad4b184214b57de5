"""Networks compiled by `torch.compile`: one graph a size of image, with frozen weights.

Only the part of a network that maps tensors to tensors is compiled (`PARTS`). Operators
stay outside of the graph: what a graph asks of them is one call of Python.
"""

import contextlib
import copy
import hashlib
import threading
import time
import types
import warnings
from collections import OrderedDict
from functools import cache

import deepinv as dinv
import torch
from torch.utils._pytree import tree_flatten, tree_map, tree_map_only

from ..physics.normal import FineScales, StackedScales
from .ram import RAM
from .rim import RIM

# The method that is compiled, by the class of the network.
PARTS = {dinv.models.DRUNet: "forward_unet", RAM: "backbone", RIM: "forward"}
# A network with more parts is not compiled, nor is a part for more sizes: compiling takes
# seconds each time.
MOST_PARTS, MOST_SIZES = 2, 4
# Graphs that the process keeps, for other solvers and problems with the same network.
MOST_KEPT = 24
OPERATORS = (FineScales, StackedScales)


class State(threading.local):
    """What the calls of this thread do.

    Attributes
    ----------
    plain : bool
        Whether all networks run uncompiled.
    compilation : Compilation or None
        Where the calls compile what is not yet compiled.
    operators : FineScales or None
        Those of the network that runs.
    """

    plain = False
    compilation = None
    operators = None


STATE = State()
KEPT = OrderedDict()
# Parts that could not be compiled in this process; it is not tried again.
FAILED = set()


class Compilation:
    """What happened in `compiling`.

    Attributes
    ----------
    seconds : float
        The time that compiling took; 0 if the process had the graphs.
    used : bool
        Whether a compiled graph ran.
    """

    def __init__(self):
        self.seconds, self.used = 0.0, False


@contextlib.contextmanager
def compiling():
    """Compile what runs for the first time; yields a `Compilation`.

    Elsewhere a network of another size runs uncompiled, so that nothing is compiled while
    a clock runs.
    """
    before, STATE.compilation = STATE.compilation, Compilation()
    try:
        yield STATE.compilation
    finally:
        STATE.compilation = before


@contextlib.contextmanager
def uncompiled():
    """Run all networks uncompiled, as counters of operations need it."""
    before, STATE.plain = STATE.plain, True
    try:
        yield
    finally:
        STATE.plain = before


def compile_parts(network, cuda_graphs=False, backend="inductor"):
    """Let the parts of a network be compiled when they run in `compiling`.

    The network is changed in place: it gets its methods of `PARTS` anew. They run
    uncompiled where gradients are asked for or the weights have changed. A network
    without such parts, or with too many of them, stays as it is.

    Parameters
    ----------
    network : nn.Module
    cuda_graphs : bool
        Whether a GPU gets the work of a graph in one piece.
    backend : str
        Of `torch.compile`.

    Returns
    -------
    list of Part
    """
    found = [
        (module, name)
        for module in network.modules()
        for kind, name in PARTS.items()
        if isinstance(module, kind)
    ]
    if len(found) > MOST_PARTS:
        return []
    parts = [Part(module, name, cuda_graphs, backend) for module, name in found]
    for (module, name), part in zip(found, parts, strict=True):
        setattr(module, name, part)
    return parts


class Part:
    """A method of a network, compiled for each size on its own.

    Parameters
    ----------
    network : nn.Module
    name : str
        Of the method. It takes tensors, containers of them, numbers and operators.
    cuda_graphs, backend
        See `compile_parts`.
    """

    def __init__(self, network, name, cuda_graphs, backend):
        self.plain = getattr(network, name)
        self.network, self.name = network, name
        self.cuda_graphs, self.backend = cuda_graphs, backend
        self.graphs, self.versions = {}, None

    def __deepcopy__(self, memo):
        """A copy may be trained: it has no graphs, and is not compiled."""
        return types.MethodType(self.plain.__func__, copy.deepcopy(self.network, memo))

    def __call__(self, *arguments, **named):
        if STATE.plain or torch.is_grad_enabled() or named:
            return self.plain(*arguments, **named)
        key = signature(arguments)
        graph = self.graphs.get(key)
        if graph is None and STATE.compilation is not None:
            graph = self.compile(key, arguments)
        if graph is None or self.versions != self.weight_versions():
            return self.plain(*arguments)
        if STATE.compilation is not None:
            STATE.compilation.used = True
        with eager_on_recompile():
            return self.run(graph, arguments)

    def run(self, graph, arguments):
        """The result of a graph, in memory of its own."""
        before, STATE.operators = STATE.operators, operators_among(arguments)
        try:
            if self.cuda_graphs:
                # The next replay writes into the same memory.
                torch.compiler.cudagraph_mark_step_begin()
                result = graph(*without_operators(arguments))
                return tree_map_only(torch.Tensor, torch.clone, result)
            return graph(*without_operators(arguments))
        finally:
            STATE.operators = before

    def weight_versions(self):
        """Changes whenever a parameter or a buffer is replaced or written to."""
        return [
            (tensor.data_ptr(), tensor._version)
            for parts in (self.network.parameters(), self.network.buffers())
            for tensor in parts
        ]

    def compile(self, key, arguments):
        """Compile the part for arguments like these: a graph, or None.

        None if there are enough sizes, or if compiling fails, which is one warning in a
        process.
        """
        kind = (type(self.network), self.cuda_graphs)
        if kind in FAILED or len(self.graphs) >= MOST_SIZES:
            return None
        started = time.perf_counter()
        kept = (digest(self.network), self.name, *kind[1:], self.backend, key)
        if kept not in KEPT:
            graph = self.traced()
            try:
                # torch warms up, records and replays.
                for _ in range(3 if self.cuda_graphs else 1):
                    with self.settings():
                        self.run(graph, arguments)
            except Exception as error:
                FAILED.add(kind)
                reason = (str(error).strip() or type(error).__name__).splitlines()[0]
                warnings.warn(
                    f"{kind[0].__name__} runs uncompiled, as compiling failed: "
                    f"{reason[:200]}",
                    stacklevel=2,
                )
                return None
            KEPT[kept] = graph
            if len(KEPT) > MOST_KEPT:
                KEPT.popitem(last=False)
        KEPT.move_to_end(kept)
        STATE.compilation.seconds += time.perf_counter() - started
        self.graphs[key], self.versions = KEPT[kept], self.weight_versions()
        return self.graphs[key]

    def traced(self):
        """The part as a function that `torch.compile` compiles at its first call."""
        register_normal()
        plain = self.plain

        def call(*arguments):
            return plain(*arguments)

        # torch counts compilations by code object and stops after eight.
        own = call.__code__.replace()
        call = types.FunctionType(own, globals(), self.name, None, call.__closure__)
        return torch.compile(call, fullgraph=True, dynamic=False, backend=self.backend)

    def settings(self):
        """The compiler's settings: frozen weights and, where wanted, CUDA graphs."""
        from torch._inductor import config  # slow to import

        return config.patch({"freezing": True, "triton.cudagraphs": self.cuda_graphs})


def eager_on_recompile():
    """Run a graph's code uncompiled where it does not fit, instead of compiling again."""
    return torch.compiler.set_stance("eager_on_recompile")


def signature(arguments):
    """What a graph is made for: shapes, layouts, types, devices and torch's settings."""
    leaves, structure = tree_flatten(tree_map(described, arguments))
    kinds = {
        leaf.device.type for leaf in tree_flatten(arguments)[0] if torch.is_tensor(leaf)
    }
    autocast = tuple(
        (torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind))
        for kind in sorted(kinds)
    )
    return (*leaves, str(structure), *autocast, torch.get_num_threads())


def described(value):
    """An argument as something hashable."""
    if torch.is_tensor(value):
        strides = value.stride()
        parts = (tuple(value.shape), strides, value.dtype, value.device)
        return "/".join(map(str, parts))
    return "operators" if isinstance(value, OPERATORS) else repr(value)


def digest(network):
    """Hash of the weights, and of all that a network is built with."""
    found = hashlib.sha256()
    for name, module in network.named_modules():
        simple = {
            key: value
            for key, value in vars(module).items()
            if isinstance(value, (bool, int, float, str, tuple, list, type(None)))
        }
        found.update(f"{name}: {type(module)} {sorted(simple.items())};".encode())
    for name, tensor in network.state_dict().items():
        found.update(f"{name}: {tensor.dtype} {tuple(tensor.shape)} ".encode())
        found.update(
            tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy()
        )
    return found.hexdigest()


class Opaque:
    """Stands for the operators in a graph, which calls those of `State`."""

    def normal(self, z, scale):
        return torch.ops.inverse_problems.normal(z, scale)


@cache
def register_normal():
    """Make A^T A of the operators of `State` an operation of torch.

    Graphs call it, and do not see what it does.
    """

    def normal(z: torch.Tensor, scale: int) -> torch.Tensor:
        found = STATE.operators.normal(z, scale)
        # An operation must not return its argument.
        return found.clone(memory_format=torch.contiguous_format)

    operation = torch.library.custom_op(
        "inverse_problems::normal",
        normal,
        mutates_args=(),
        tags=(torch.Tag.cudagraph_unsafe,),
    )
    operation.register_fake(
        lambda z, scale: torch.empty(z.shape, device=z.device, dtype=torch.float32)
    )


OPAQUE = Opaque()


def operators_among(arguments):
    """The operators among some arguments, or None."""
    return next((a for a in arguments if isinstance(a, OPERATORS)), None)


def without_operators(arguments):
    """The arguments, with `OPAQUE` in place of operators."""
    return tuple(OPAQUE if isinstance(a, OPERATORS) else a for a in arguments)
