"""Sixteen float32 at a time: what the kernels' LLVM code is written with.

A compiler that has to find vectors in loops reaches half the speed of vectors written down as such.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Union

import numpy as np
import torch
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..constants import ARTANH, EXP2, LEAST_EXPONENT, LOG2_E

LANES = 16
# Parts of a job for each thread: enough that a thread held up by others does not hold up all.
PIECES = 4
# Not "reassoc": the order of a sum is part of the result.
FLAGS = ("nnan", "ninf", "nsz", "contract", "arcp")

FLOATS = ir.VectorType(ir.FloatType(), LANES)
INTEGERS = ir.VectorType(ir.IntType(32), LANES)
INDEX = ir.IntType(64)


class Lanes:
    """Sixteen float32 beside each other while LLVM code is being written; numbers stand for sixteen equal ones."""

    def __init__(self, b: ir.IRBuilder, value: ir.Value | float) -> None:
        self.b = b
        number = isinstance(value, (int, float))
        self.value = ir.Constant(FLOATS, [float(np.float32(value))] * LANES) if number else value

    def _with(self, operation: str, other: Union["Lanes", float], turned: bool = False) -> "Lanes":
        mine, its = self.value, (other if isinstance(other, Lanes) else Lanes(self.b, other)).value
        pair = (its, mine) if turned else (mine, its)
        return Lanes(self.b, getattr(self.b, operation)(*pair, flags=FLAGS))

    def __add__(self, other: Union["Lanes", float]) -> "Lanes":
        return self._with("fadd", other)

    def __sub__(self, other: Union["Lanes", float]) -> "Lanes":
        return self._with("fsub", other)

    def __mul__(self, other: Union["Lanes", float]) -> "Lanes":
        return self._with("fmul", other)

    def __truediv__(self, other: Union["Lanes", float]) -> "Lanes":
        return self._with("fdiv", other)

    def above(self, least: float) -> "Lanes":
        """The larger of each lane and a number."""
        low = Lanes(self.b, least).value
        return Lanes(self.b, self.b.select(self.b.fcmp_ordered(">", self.value, low, flags=FLAGS), self.value, low))

    def plus(self, x: "Lanes", y: "Lanes") -> "Lanes":
        """self + x y, in one instruction where the processor has it."""
        kind = ir.FunctionType(FLOATS, [FLOATS] * 3)
        function = cgutils.get_or_insert_function(self.b.module, kind, "llvm.fmuladd.v16f32")
        return Lanes(self.b, self.b.call(function, [x.value, y.value, self.value]))

    def total(self) -> "Lanes":
        """The sum over the lanes, in all of them."""
        kind = ir.FunctionType(ir.FloatType(), [ir.FloatType(), FLOATS])
        add = cgutils.get_or_insert_function(self.b.module, kind, "llvm.vector.reduce.fadd.v16f32")
        start = ir.Constant(ir.FloatType(), 0.0)
        # In pairs instead of one after the other; which pairs is the processor's and so always the same.
        return spread(self.b, self.b.call(add, [start, self.value], fastmath=("reassoc", *FLAGS)))

    def call(self, name: str) -> "Lanes":
        """An LLVM intrinsic of one argument, by its name."""
        kind = ir.FunctionType(FLOATS, [FLOATS])
        function = cgutils.get_or_insert_function(self.b.module, kind, f"llvm.{name}.v16f32")
        return Lanes(self.b, self.b.call(function, [self.value]))

    def polynomial(self, coefficients: Sequence[float]) -> "Lanes":
        """Horner's rule, the highest power first."""
        total = Lanes(self.b, coefficients[0])
        for coefficient in coefficients[1:]:
            total = total * self + coefficient
        return total

    def exp2(self) -> "Lanes":
        """2**x for x <= 0: the whole part goes into the exponent's bits, the rest is a polynomial."""
        b = self.b
        x = self.above(LEAST_EXPONENT)
        whole = x.call("rint")
        bits = b.shl(b.fptosi(whole.value, INTEGERS), ir.Constant(INTEGERS, [23] * LANES))
        rest = (x - whole).polynomial(EXP2)
        return Lanes(b, b.bitcast(b.add(b.bitcast(rest.value, INTEGERS), bits), FLOATS))

    def silu(self) -> "Lanes":
        """x / (1 + e**-x), by e**-|x|, which never overflows."""
        b, e = self.b, (self.call("fabs") * -LOG2_E).exp2()
        positive = b.fcmp_ordered(">=", self.value, Lanes(b, 0.0).value)
        return self * Lanes(b, b.select(positive, Lanes(b, 1.0).value, e.value)) / (e + 1.0)

    def softplus(self) -> "Lanes":
        """ln(1 + e**x): max(x, 0) + ln(1 + y) with y = e**-|x|, by the series of 2 artanh(y / (2 + y))."""
        y = (self.call("fabs") * -LOG2_E).exp2()
        s = y / (y + 2.0)
        return self.above(0.0) + s * 2.0 * (s * s).polynomial(ARTANH)


class Places:
    """Loads and stores at flat indices of contiguous float32 arrays, for the LLVM code of an intrinsic."""

    def __init__(self, context: Any, b: ir.IRBuilder, kinds: Sequence[Any], given: Sequence[ir.Value]) -> None:
        self.b = b
        both = list(zip(kinds, given, strict=True))
        arrays = [
            context.make_array(kind)(context, b, v) if isinstance(kind, types.Array) else None for kind, v in both
        ]
        self.data = [array and array.data for array in arrays]

    def place(self, k: int, index: ir.Value) -> ir.Value:
        """Where the sixteen numbers from `index` on lie in the k-th argument."""
        return self.b.bitcast(self.b.gep(self.data[k], [index]), FLOATS.as_pointer())

    def load(self, k: int, index: ir.Value) -> Lanes:
        """Sixteen numbers."""
        return Lanes(self.b, self.b.load(self.place(k, index), align=4))

    def spread(self, k: int, index: ir.Value) -> Lanes:
        """One number in all lanes."""
        return spread(self.b, self.b.load(self.b.gep(self.data[k], [index]), align=4))

    def store(self, lanes: Lanes, k: int, index: ir.Value) -> None:
        """Put sixteen numbers."""
        self.b.store(lanes.value, self.place(k, index), align=4)


class Sum:
    """Sixteen running sums, kept in a register over the loops of LLVM code."""

    def __init__(self, b: ir.IRBuilder, start: Lanes | None = None) -> None:
        self.b = b
        zero = Lanes(b, 0.0)
        self.place = cgutils.alloca_once_value(b, zero.value)
        self.set(start or zero)

    def get(self) -> Lanes:
        """The sums so far."""
        return Lanes(self.b, self.b.load(self.place))

    def set(self, lanes: Lanes) -> None:
        """Go on from these."""
        self.b.store(lanes.value, self.place)


def kernel(write: Callable[..., None]) -> Any:
    """Make a function that compiled code can call: `write(b, places, named arguments)` writes its LLVM code.

    Its arguments are contiguous float32 arrays, which `places` loads from and stores to by their position, and whole
    numbers; it returns nothing.
    """

    def typed(typing: Any, *kinds: Any) -> Any:
        def generate(context: Any, b: ir.IRBuilder, signature: Any, given: Any) -> Any:
            write(b, Places(context, b, signature.args, given), *given)
            return context.get_dummy_value()

        given = (types.intp if isinstance(kind, types.Integer) else kind for kind in kinds)
        return types.void(*given), generate

    # numba matches arguments by name; those of `write` after its first two are the function's.
    first, *_ = inspect.signature(typed).parameters.values()
    typed.__signature__ = inspect.Signature([first, *list(inspect.signature(write).parameters.values())[2:]])  # type: ignore[attr-defined]
    return intrinsic(typed)


def spread(b: ir.IRBuilder, number: ir.Value) -> Lanes:
    """One number in all lanes."""
    nothing = ir.Constant(FLOATS, ir.Undefined)
    one = b.insert_element(nothing, number, ir.Constant(ir.IntType(32), 0))
    return Lanes(b, b.shuffle_vector(one, nothing, ir.Constant(INTEGERS, [0] * LANES)))


def whole(value: int) -> ir.Constant:
    """A whole number that is known when the code is written."""
    return ir.Constant(INDEX, value)


def padded(channels: int) -> int:
    """How many channels a row takes: a multiple of sixteen."""
    return -(-channels // LANES) * LANES


def cut(items: int, rows: int, step: int) -> list[tuple[int, int, int]]:
    """Cut the rows of all items into parts (item, first, last) of whole steps, a few for each thread.

    No sum may cross such a cut, so that the result doesn't depend on the number of threads.
    """
    pieces = max(1, -(-PIECES * torch.get_num_threads() // items))
    size = -(-rows // (pieces * step)) * step
    return [(item, low, min(rows, low + size)) for item in range(items) for low in range(0, rows, size)]
