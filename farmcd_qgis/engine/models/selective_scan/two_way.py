"""What a ConvMamba does between its first and its last matrix, compiled for prediction on a CPU; not differentiable.

Everything lies token by token, the channels beside each other, as convolutions (channels last) and matrices want it,
so that nothing is transposed, flipped or copied. Sixteen channels make one vector; the arithmetic is written on
vectors of LLVM (`Lanes`), since a compiler that has to find them in loops reaches half the speed. All scans of both
directions and all items are one launch.

Work is cut by the shape alone and no sum here crosses a cut, so its bytes don't depend on the number of threads (those
of torch's matrix products may).
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, Union

import numpy as np
import torch
from torch import Tensor

# Before numba: numba_cpu says where numba keeps its compiled code.
from . import Direction, numba_cpu  # noqa: F401 # isort: skip
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

STATES = 16
LANES = 16
ROWS = 2048
TAPS = 4
EDGE = TAPS - 1
LOG2_E = 1.4426950408889634
# 2**f for f in -0.5..0.5 to 9e-8 relative (minimax), highest power first.
EXP2 = (0.0013264726, 0.0096715127, 0.055507337, 0.24022242, 0.69314718, 1.0)
# Not "reassoc": the order of a sum is part of the result.
FLAGS = ("nnan", "ninf", "nsz", "contract", "arcp")


def mix(tokens: Tensor, local: Tensor, in_proj: Tensor, ahead: Direction, back: Direction) -> Tensor:
    """Return both directions' gated scans plus `local`, (B, L, E), of tokens (B, L, C); float32 on the CPU.

    local (B, L, E); in_proj (2 E, C); E a multiple of 16, 16 states. Source: specification section 1.4, up to out_proj.
    """
    batch, length, _ = tokens.shape
    inner = local.shape[2]
    ways = (ahead, back)
    x = torch.zeros(batch, length + 2 * EDGE, inner)
    for item in range(batch):
        torch.mm(tokens[item], in_proj[:inner].T, out=x[item, EDGE:-EDGE])
    z = tokens @ in_proj[inner:].T
    u = torch.empty(2, batch, length, inner)
    taps = torch.stack([way.conv[:, 0].T for way in ways]).contiguous()  # (2, 4, E)
    biases = torch.stack([way.conv_bias for way in ways])
    _in_rows(_convolve, batch, length, *_arrays(x, u, taps, biases))
    found = _arrays(*(rows @ way.x_proj.T for rows, way in zip(u, ways, strict=True)))
    scanned = u.numpy()
    steady = [_arrays(way.step.T, way.step_bias, -LOG2_E * torch.exp(way.a_log.T), way.d) for way in ways]

    def scan(part: tuple[int, int, int]) -> None:
        way, item, first = part
        _scan(scanned[way, item], found[way][item], *steady[way], first, way == 1)

    share(scan, [(way, item, first) for item in range(batch) for first in range(0, inner, LANES) for way in (0, 1)])
    _in_rows(_gate, batch, length, scanned, *_arrays(z, local, z))
    return z


def _arrays(*tensors: Tensor) -> list[np.ndarray]:
    return [tensor.detach().contiguous().numpy() for tensor in tensors]


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "farmcd-scan")


def share(job: Callable[[Any], None], parts: Sequence[Any]) -> None:
    """Run a job that frees the interpreter's lock for every part, on as many threads as torch uses."""
    threads = torch.get_num_threads()
    if threads == 1 or len(parts) == 1:
        for part in parts:
            job(part)
    else:
        list(_pool(threads).map(job, parts))


def _in_rows(kernel: Callable[..., None], batch: int, length: int, *arrays: np.ndarray) -> None:
    """Launch a kernel over all tokens, ROWS at a time."""
    parts = [(item, first) for item in range(batch) for first in range(0, length, ROWS)]
    share(lambda part: kernel(*arrays, part[0], part[1], min(length, part[1] + ROWS)), parts)


_FLOATS = ir.VectorType(ir.FloatType(), LANES)
_INTEGERS = ir.VectorType(ir.IntType(32), LANES)
_INDEX = ir.IntType(64)


class Lanes:
    """Sixteen float32 beside each other while LLVM code is being written; numbers stand for sixteen equal ones."""

    def __init__(self, b: ir.IRBuilder, value: ir.Value | float) -> None:
        self.b = b
        number = isinstance(value, (int, float))
        self.value = ir.Constant(_FLOATS, [float(np.float32(value))] * LANES) if number else value

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

    def call(self, name: str) -> "Lanes":
        """An LLVM intrinsic of one argument, by its name."""
        kind = ir.FunctionType(_FLOATS, [_FLOATS])
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
        b, x = self.b, self.above(-126.0)
        whole = x.call("rint")
        bits = b.shl(b.fptosi(whole.value, _INTEGERS), ir.Constant(_INTEGERS, [23] * LANES))
        rest = Lanes(b, b.fsub(x.value, whole.value)).polynomial(EXP2)
        return Lanes(b, b.bitcast(b.add(b.bitcast(rest.value, _INTEGERS), bits), _FLOATS))

    def silu(self) -> "Lanes":
        """x / (1 + e**-x), by e**-|x|, which never overflows."""
        b, e = self.b, (self.call("fabs") * -LOG2_E).exp2()
        positive = b.fcmp_ordered(">=", self.value, Lanes(b, 0.0).value)
        return self * Lanes(b, b.select(positive, Lanes(b, 1.0).value, e.value)) / (e + 1.0)

    def softplus(self) -> "Lanes":
        """ln(1 + e**x): max(x, 0) + ln(1 + y) with y = e**-|x|, by the series of 2 artanh(y / (2 + y))."""
        y = (self.call("fabs") * -LOG2_E).exp2()
        s = y / (y + 2.0)
        return self.above(0.0) + s * 2.0 * (s * s).polynomial([1 / n for n in range(13, 0, -2)])


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
        return self.b.bitcast(self.b.gep(self.data[k], [index]), _FLOATS.as_pointer())

    def load(self, k: int, index: ir.Value) -> Lanes:
        """Sixteen numbers."""
        return Lanes(self.b, self.b.load(self.place(k, index), align=4))

    def spread(self, k: int, index: ir.Value) -> Lanes:
        """One number in all lanes."""
        nothing = ir.Constant(_FLOATS, ir.Undefined)
        number = self.b.load(self.b.gep(self.data[k], [index]), align=4)
        one = self.b.insert_element(nothing, number, ir.Constant(ir.IntType(32), 0))
        return Lanes(self.b, self.b.shuffle_vector(one, nothing, ir.Constant(_INTEGERS, [0] * LANES)))

    def store(self, lanes: Lanes, k: int, index: ir.Value) -> None:
        """Put sixteen numbers."""
        self.b.store(lanes.value, self.place(k, index), align=4)


def _whole(value: int) -> ir.Constant:
    return ir.Constant(_INDEX, value)


@intrinsic
def _advance(
    typing: Any, u: Any, at: Any, p: Any, row: Any, rank: Any, step: Any, bias: Any, a: Any, d: Any, h: Any
) -> Any:
    """One step of 16 channels: h = exp2(w A) h + w u B with w = softplus(step dt + bias); u becomes <h, C> + D u.

    u at the flat index `at`; p holds dt (rank), B and C from the flat index `row` on; step (rank, 16), bias, d (16,),
    a, h (16 states, 16).
    """
    signature = types.void(u, types.intp, p, types.intp, types.intp, step, bias, a, d, h)

    def generate(context: Any, b: ir.IRBuilder, signature: Any, given: Any) -> Any:
        places = Places(context, b, signature.args, given)
        at, row, rank = given[1], given[3], given[4]
        sum_ = cgutils.alloca_once_value(b, places.load(6, _whole(0)).value)
        with cgutils.for_range(b, rank) as loop:
            term = places.spread(2, b.add(row, loop.index)) * places.load(5, b.mul(loop.index, _whole(LANES)))
            b.store((Lanes(b, b.load(sum_)) + term).value, sum_)
        width = Lanes(b, b.load(sum_)).softplus()
        u = places.load(0, at)
        pushed, y = width * u, u * places.load(8, _whole(0))
        row = b.add(row, rank)
        for n in range(STATES):
            lanes = _whole(n * LANES)
            h = (width * places.load(7, lanes)).exp2() * places.load(9, lanes)
            h = h + pushed * places.spread(2, b.add(row, _whole(n)))
            places.store(h, 9, lanes)
            y = y + h * places.spread(2, b.add(row, _whole(STATES + n)))
        places.store(y, 0, at)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _convolved(
    typing: Any, x: Any, at: Any, far: Any, taps: Any, bias: Any, lane: Any, inner: Any, u: Any, to: Any
) -> Any:
    """SiLU(bias + four taps of x at `at`, `at` + `far`, ...) of 16 channels from `lane` on; taps (4, inner)."""
    signature = types.void(x, types.intp, types.intp, taps, bias, types.intp, types.intp, u, types.intp)

    def generate(context: Any, b: ir.IRBuilder, signature: Any, given: Any) -> Any:
        places = Places(context, b, signature.args, given)
        _, at, far, _, _, lane, inner, _, to = given
        total = places.load(4, lane)
        for k in range(TAPS):
            tap = places.load(3, b.add(lane, b.mul(inner, _whole(k))))
            total = total + tap * places.load(0, b.add(at, b.mul(far, _whole(k))))
        places.store(total.silu(), 7, to)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _gated(typing: Any, ahead: Any, back: Any, z: Any, local: Any, out: Any, at: Any) -> Any:
    """(ahead + back) SiLU(z) + local of 16 channels."""
    signature = types.void(ahead, back, z, local, out, types.intp)

    def generate(context: Any, b: ir.IRBuilder, signature: Any, given: Any) -> Any:
        places = Places(context, b, signature.args, given)
        ahead, back, z, local = (places.load(k, given[5]) for k in range(4))
        places.store((ahead + back) * z.silu() + local, 4, given[5])
        return context.get_dummy_value()

    return signature, generate


@njit(nogil=True, cache=True)
def _convolve(x, u, taps, biases, item, first, last):  # type: ignore[no-untyped-def]
    """SiLU of the causal convolution of x (B, L + 6, E), zero at its edges, into u (2, B, L, E), both directions."""
    inner = u.shape[3]
    source = x[item]
    for way in range(2):
        target, tap, bias = u[way, item], taps[way], biases[way]
        # Token t lies in row t + 3: ahead looks at rows t to t + 3, back at rows t + 6 down to t + 3.
        begin, far = (0, inner) if way == 0 else (2 * EDGE, -inner)
        for t in range(first, last):
            for lane in range(0, inner, LANES):
                at = (t + begin) * inner + lane
                _convolved(source, at, far, tap, bias, lane, inner, target, t * inner + lane)


@njit(nogil=True, cache=True)
def _scan(u, p, step, bias, decay, d, first, reverse):  # type: ignore[no-untyped-def]
    """One item, 16 channels from `first` on: y takes the place of u (L, E); p (L, R + 32) holds dt, B and C."""
    length, inner = u.shape
    rank = step.shape[0]
    end = first + LANES
    step, decay = step[:, first:end].copy(), decay[:, first:end].copy()
    bias, d = bias[first:end].copy(), d[first:end].copy()
    h = np.zeros((STATES, LANES), np.float32)
    for k in range(length):
        t = length - 1 - k if reverse else k
        _advance(u, t * inner + first, p, t * p.shape[1], rank, step, bias, decay, d, h)


@njit(nogil=True, cache=True)
def _gate(scanned, z, local, mixed, item, first, last):  # type: ignore[no-untyped-def]
    """(ahead + back) SiLU(z) + local, all (L, E) of one item, into mixed."""
    inner = z.shape[2]
    for at in range(first * inner, last * inner, LANES):
        _gated(scanned[0, item], scanned[1, item], z[item], local[item], mixed[item], at)
