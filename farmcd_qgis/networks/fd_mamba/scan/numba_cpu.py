"""The scan on a CPU, compiled by numba: forward and a hand-written backward, float32, 16 states.

A chunk of the sequence is worked through for every channel before the next chunk, so that B, C and their gradients
stay in the first-level cache. The backward keeps only the state at the start of each chunk and recomputes the
rest. Work is shared over threads by batch and by a fixed number of channel groups: the order of every sum, and so
every bit of the result, is the same whatever the number of threads.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array
from torch import Tensor

from .. import constants
from ..constants import STATES
from ..cpu.threads import share

CHUNK = 64
FAST = ("fast",)
LOG2_E = np.float32(constants.LOG2_E)
LEAST_EXPONENT = np.float32(constants.LEAST_EXPONENT)
EXP2 = tuple(map(np.float32, constants.EXP2))
ARTANH = tuple(map(np.float32, constants.ARTANH))


@intrinsic
def _float_of_bits(typing: Any, bits: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.float32))

    return types.float32(types.int32), generate


@intrinsic
def _step_back(typing: Any, rows: Any, push: Any, pushed: Any, width: Any) -> Any:
    """Go one step back in a chunk; returns the sums of gh * b and of gh * decay * earlier * a.

    `rows` are ten rows of 16: g, ga, gb, gc (changed in place), b, c, a, decay, the state before the step and after it.
    gh = g + push * c; gc += push * later; gb += gh * pushed; ga += gh * decay * earlier * width; g = gh * decay.
    Written as instructions on whole rows, since the compiler cannot know that so many rows don't overlap.
    """
    result = types.UniTuple(types.float32, 2)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        row = ir.VectorType(ir.FloatType(), STATES)
        places = [
            builder.bitcast(make_array(kind)(context, builder, value).data, row.as_pointer())
            for kind, value in zip(signature.args[0], cgutils.unpack_tuple(builder, arguments[0]), strict=True)
        ]
        g, ga, gb, gc, b, c, a, decay, earlier, later = (builder.load(place, align=4) for place in places)
        push, pushed, width = (_spread(builder, value, row) for value in arguments[1:])

        def plus(x: Any, y: Any, z: Any) -> Any:
            return builder.fadd(x, builder.fmul(y, z, FAST), FAST)

        gh = plus(g, push, c)
        decayed = builder.fmul(gh, decay, FAST)
        through = builder.fmul(decayed, earlier, FAST)
        made = decayed, plus(ga, through, width), plus(gb, gh, pushed), plus(gc, push, later)
        for place, value in zip(places, made, strict=False):
            builder.store(value, place, align=4)
        sums = [_sum(builder, builder.fmul(x, y, FAST)) for x, y in ((gh, b), (through, a))]
        return context.make_tuple(builder, signature.return_type, sums)

    return result(rows, push, pushed, width), generate


def _spread(builder: Any, value: Any, row: Any) -> Any:
    """Give a row that holds one number in every place."""
    first = builder.insert_element(ir.Constant(row, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(ir.IntType(32), STATES), [0] * STATES))


def _sum(builder: Any, row: Any) -> Any:
    kind = ir.FunctionType(ir.FloatType(), [ir.FloatType(), row.type])
    add = cgutils.get_or_insert_function(builder.module, kind, f"llvm.vector.reduce.fadd.v{STATES}f32")
    return builder.call(add, [ir.Constant(ir.FloatType(), 0.0), row], fastmath=FAST)


@njit(inline="always", fastmath=True)
def _exp2(x):  # type: ignore[no-untyped-def]
    """2**x for x <= 0: the whole part goes into the exponent's bits, the rest is a polynomial."""
    x = max(x, LEAST_EXPONENT)
    whole = np.int32(x - np.float32(0.5))
    f = x - np.float32(whole)
    # Written out: a loop over the coefficients is not made of vector instructions.
    p = EXP2[0] * f + EXP2[1]
    p = p * f + EXP2[2]
    p = p * f + EXP2[3]
    p = p * f + EXP2[4]
    p = p * f + EXP2[5]
    return p * _float_of_bits((whole + np.int32(127)) << np.int32(23))


@njit(inline="always", fastmath=True, error_model="numpy")
def _softplus(x):  # type: ignore[no-untyped-def]
    """ln(1 + e**x): max(x, 0) + ln(1 + y) with y = e**-|x|, by the series of 2 artanh(y / (2 + y))."""
    y = _exp2(-abs(x) * LOG2_E)
    s = y / (y + np.float32(2.0))
    q = s * s
    p = ARTANH[0] * q + ARTANH[1]
    p = p * q + ARTANH[2]
    p = p * q + ARTANH[3]
    p = p * q + ARTANH[4]
    p = p * q + ARTANH[5]
    p = p * q + ARTANH[6]
    return max(x, np.float32(0.0)) + np.float32(2.0) * s * p


@njit(inline="always", fastmath=True, error_model="numpy")
def _sigmoid(x):  # type: ignore[no-untyped-def]
    e = _exp2(-abs(x) * LOG2_E)
    return (np.float32(1.0) if x >= 0 else e) / (np.float32(1.0) + e)


# By default a division looks for a zero below it, and such a loop is not made of vector instructions.
@njit(nogil=True, fastmath=True, cache=True, error_model="numpy")
def _forward(u, delta, bias, a2, b, c, d, z, y, starts, first, last, reverse):  # type: ignore[no-untyped-def]
    """One batch item, channels first..last: fills y (d, L) and, if not empty, starts (chunks, d, 16)."""
    length = u.shape[1]
    states = np.zeros((last - first, STATES), np.float32)
    widths = np.empty(CHUNK, np.float32)
    for chunk in range((length + CHUNK - 1) // CHUNK):
        begin, end = chunk * CHUNK, min(length, (chunk + 1) * CHUNK)
        low = length - end if reverse else begin
        size = end - begin
        origin, sign = (size - 1, -1) if reverse else (0, 1)
        for channel in range(first, last):
            h = states[channel - first]
            decay = a2[channel]
            if starts.shape[0]:
                starts[chunk, channel] = h
            # Rows of their own, indexed from 0 on, are what the compiler makes vector instructions of.
            us, steps, ys = u[channel, low : low + size], delta[channel, low : low + size], y[channel, low : low + size]
            for i in range(size):
                widths[i] = _softplus(steps[i] + bias[channel])
            for step in range(size):
                i = origin + sign * step
                width = widths[i]
                pushed = width * us[i]
                out = np.float32(0.0)
                for n in range(STATES):
                    new = _exp2(width * decay[n]) * h[n] + pushed * b[low + i, n]
                    h[n] = new
                    out += new * c[low + i, n]
                ys[i] = out
            for i in range(size):
                ys[i] += d[channel] * us[i]
            if z is not None:
                gates = z[channel, low : low + size]
                for i in range(size):
                    ys[i] = ys[i] * gates[i] * _sigmoid(gates[i])


@njit(inline="always", fastmath=True, error_model="numpy")
def _again(us, widths, decay, bs, cs, h, decays, outs, origin, sign):  # type: ignore[no-untyped-def]
    """Compute the states of one chunk and channel again: h (CHUNK + 1, 16) from h[0] on, decays, outs."""
    for step in range(us.size):
        i = origin + sign * step
        width = widths[i]
        pushed = width * us[i]
        out = np.float32(0.0)
        for n in range(STATES):
            kept = _exp2(width * decay[n])
            decays[step, n] = kept
            new = kept * h[step, n] + pushed * bs[i, n]
            h[step + 1, n] = new
            out += new * cs[i, n]
        outs[i] = out


@njit(inline="always", fastmath=True, error_model="numpy")
def _through_gate(gys, outs, us, skip, gates, ggates, pushes):  # type: ignore[no-untyped-def]
    """Fill the gradient of the gate and, in pushes, that of what it lets through."""
    for i in range(us.size):
        gate = gates[i]
        share = _sigmoid(gate)
        pushes[i] = gys[i] * gate * share
        inner = np.float32(1.0) + gate * (np.float32(1.0) - share)
        ggates[i] = gys[i] * (outs[i] + skip * us[i]) * share * inner


@njit(nogil=True, fastmath=True, cache=True, error_model="numpy")
def _backward(  # type: ignore[no-untyped-def]
    u, delta, bias, a, a2, b, c, d, z, starts, gy, gu, gdelta, gz, ga, gb, gc, gd, gbias, first, last, reverse
):
    """One batch item, channels first..last: fills gu, gdelta, gz (d, L), adds to all other gradients."""
    length = u.shape[1]
    carried = np.zeros((last - first, STATES), np.float32)
    h = np.empty((CHUNK + 1, STATES), np.float32)
    decays = np.empty((CHUNK, STATES), np.float32)
    widths, slopes = np.empty(CHUNK, np.float32), np.empty(CHUNK, np.float32)
    outs, pushes = np.empty(CHUNK, np.float32), np.empty(CHUNK, np.float32)
    for chunk in range((length + CHUNK - 1) // CHUNK - 1, -1, -1):
        begin, end = chunk * CHUNK, min(length, (chunk + 1) * CHUNK)
        low = length - end if reverse else begin
        size = end - begin
        origin, sign = (size - 1, -1) if reverse else (0, 1)
        bs, cs, gbs, gcs = b[low : low + size], c[low : low + size], gb[low : low + size], gc[low : low + size]
        for channel in range(first, last):
            us, steps = u[channel, low : low + size], delta[channel, low : low + size]
            gys, gus = gy[channel, low : low + size], gu[channel, low : low + size]
            gsteps = gdelta[channel, low : low + size]
            skip, slope_a, along_as = d[channel], a[channel], ga[channel]
            for i in range(size):
                x = steps[i] + bias[channel]
                widths[i] = _softplus(x)
                slopes[i] = _sigmoid(x)
            h[0] = starts[chunk, channel]
            _again(us, widths, a2[channel], bs, cs, h, decays, outs, origin, sign)
            if z is None:
                pushes[:size] = gys
            else:
                gates, ggates = z[channel, low : low + size], gz[channel, low : low + size]
                _through_gate(gys, outs, us, skip, gates, ggates, pushes)
            g = carried[channel - first]
            for step in range(size - 1, -1, -1):
                i = origin + sign * step
                width = widths[i]
                along_b, along_a = _step_back(
                    (g, along_as, gbs[i], gcs[i], bs[i], cs[i], slope_a, decays[step], h[step], h[step + 1]),
                    pushes[i],
                    width * us[i],
                    width,
                )
                gus[i] = width * along_b
                gsteps[i] = us[i] * along_b + along_a
            for i in range(size):
                gus[i] += skip * pushes[i]
                gsteps[i] *= slopes[i]
                gd[channel] += pushes[i] * us[i]
                gbias[channel] += gsteps[i]


def _parts(batch: int, channels: int) -> Iterator[tuple[int, int, int, int]]:
    """Cut the work into (item, group, first channel, last channel); depends on the shape only."""
    groups = 1 if batch >= 4 else min(4, channels)
    for item in range(batch):
        for group in range(groups):
            yield item, group, channels * group // groups, channels * (group + 1) // groups


class _Scan(torch.autograd.Function):
    """Softplus, scan, D and gate as one differentiable operation; nothing of what lies between is kept but states."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, *rest: Any) -> Tensor:
        d, z, bias, reverse = rest
        # Each item's rows must follow each other; the items themselves may lie apart, as halves of a tensor do.
        u, delta, z = (t if t is None or t.stride()[1:] == (t.shape[2], 1) else t.contiguous() for t in (u, delta, z))
        a, b, c = a.contiguous(), b.transpose(1, 2).contiguous(), c.transpose(1, 2).contiguous()  # b, c (batch, L, n)
        batch, channels, length = u.shape
        y = u.new_empty(batch, channels, length)
        chunks = -(-length // CHUNK) if any(ctx.needs_input_grad) else 0
        starts = u.new_empty(batch, chunks, channels, STATES)
        arrays = [_array(t) for t in (u, delta, b, c, z, y, starts)]
        a2, d_array, bias_array = _array(a) * LOG2_E, _array(d), _array(bias)

        def job(item: int, group: int, first: int, last: int) -> None:
            un, dn, bn, cn, zn, yn, sn = (_of(array, item) for array in arrays)
            _forward(un, dn, bias_array, a2, bn, cn, d_array, zn, yn, sn, first, last, reverse)

        share(job, list(_parts(batch, channels)))
        ctx.save_for_backward(u, delta, a, b, c, d, z, bias, starts)
        ctx.reverse = reverse
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        u, delta, a, b, c, d, z, bias, starts = ctx.saved_tensors
        batch, channels, length = u.shape
        groups = 1 + max(group for _, group, _, _ in _parts(1 if batch < 4 else 4, channels))
        gu, gdelta = (u.new_empty(batch, channels, length) for _ in range(2))
        gz = None if z is None else torch.empty_like(gu)
        ga, gd, gbias = (u.new_zeros(batch, *t.shape) for t in (a, d, bias))
        gb, gc = (b.new_zeros(batch, groups, *b.shape[1:]) for _ in range(2))
        names = (u, delta, b, c, z, starts, gradients[0].contiguous(), gu, gdelta, gz, ga, gb, gc, gd, gbias)
        arrays: list[Any] = [_array(t) for t in names]
        a_array, d_array, bias_array = _array(a), _array(d), _array(bias)
        a2 = a_array * LOG2_E

        def job(item: int, group: int, first: int, last: int) -> None:
            un, dn, bn, cn, zn, *others = (_of(array, item) for array in arrays)
            sn, gyn, gun, gdeltan, gzn, gan, gbn, gcn, gdn, gbiasn = others
            given = un, dn, bias_array, a_array, a2, bn, cn, d_array, zn, sn
            made = gyn, gun, gdeltan, gzn, gan, gbn[group], gcn[group], gdn, gbiasn
            _backward(*given, *made, first, last, ctx.reverse)

        share(job, list(_parts(batch, channels)))
        gb, gc = (g.sum(dim=1).transpose(1, 2) for g in (gb, gc))
        return gu, gdelta, ga.sum(dim=0), gb, gc, gd.sum(dim=0), gz, gbias.sum(dim=0), None


def _array(t: Any) -> Any:
    return None if t is None else t.detach().numpy()


def _of(array: Any, item: int) -> Any:
    return None if array is None else array[item]


def fused(
    u: Tensor,
    delta: Tensor,
    a: Tensor,
    b: Tensor,
    c: Tensor,
    d: Tensor | None,
    z: Tensor | None,
    bias: Tensor | None,
    reverse: bool,
) -> Tensor:
    """As selective_scan, all in one pass, for float32 tensors on the CPU with 16 states; differentiable."""
    nothing = u.new_zeros(u.shape[1])
    return _Scan.apply(u, delta, a, b, c, nothing if d is None else d, z, nothing if bias is None else bias, reverse)
