"""The scan on a CPU, compiled by numba: forward and a hand-written backward, float32, 16 states.

A chunk of the sequence is worked through for every channel before the next chunk, so that B, C and their gradients
stay in the first-level cache. The backward keeps only the state at the start of each chunk and recomputes the
rest. Work is shared over threads by batch and by a fixed number of channel groups: the order of every sum, and so
every bit of the result, is the same whatever the number of threads.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

# numba keeps its compiled code beside the source unless told otherwise; the plugin folder must stay clean.
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "farmcd" / "numba"
os.environ.setdefault("NUMBA_CACHE_DIR", str(CACHE))

from numba import njit, types  # noqa: E402
from numba.extending import intrinsic  # noqa: E402

STATES = 16
CHUNK = 64
LOG2_E = np.float32(1.4426950408889634)


@intrinsic
def _float_of_bits(typing: Any, bits: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.float32))

    return types.float32(types.int32), generate


@njit(inline="always", fastmath=True)
def _exp2(x):  # type: ignore[no-untyped-def]
    """2**x for x <= 0 to 2e-7 relative: the whole part goes into the exponent's bits, the rest is a polynomial."""
    x = max(x, np.float32(-126.0))
    whole = np.int32(x - np.float32(0.5))
    f = x - np.float32(whole)
    p = np.float32(1.5403530e-4)
    p = p * f + np.float32(1.3333558e-3)
    p = p * f + np.float32(9.6181291e-3)
    p = p * f + np.float32(5.5504109e-2)
    p = p * f + np.float32(2.4022651e-1)
    p = p * f + np.float32(6.9314718e-1)
    p = p * f + np.float32(1.0)
    return p * _float_of_bits((whole + np.int32(127)) << np.int32(23))


@njit(nogil=True, fastmath=True, cache=True)
def _forward(u, delta, a2, b, c, y, starts, first, last, reverse):  # type: ignore[no-untyped-def]
    """One batch item, channels first..last: fills y (d, L) and, if not empty, starts (chunks, d, 16)."""
    length = u.shape[1]
    states = np.zeros((last - first, STATES), np.float32)
    for chunk in range((length + CHUNK - 1) // CHUNK):
        begin, end = chunk * CHUNK, min(length, (chunk + 1) * CHUNK)
        for channel in range(first, last):
            h = states[channel - first]
            decay = a2[channel]
            if starts.shape[0]:
                for n in range(STATES):
                    starts[chunk, channel, n] = h[n]
            for step in range(begin, end):
                t = length - 1 - step if reverse else step
                width = delta[channel, t]
                pushed = width * u[channel, t]
                out = np.float32(0.0)
                for n in range(STATES):
                    new = _exp2(width * decay[n]) * h[n] + pushed * b[t, n]
                    h[n] = new
                    out += new * c[t, n]
                y[channel, t] = out


@njit(inline="always", fastmath=True, error_model="numpy")
def _softplus(x):  # type: ignore[no-untyped-def]
    """ln(1 + e**x): max(x, 0) + ln(1 + y) with y = e**-|x|, by the series of 2 artanh(y / (2 + y))."""
    y = _exp2(-abs(x) * LOG2_E)
    s = y / (y + np.float32(2.0))
    q = s * s
    p = np.float32(1 / 13)
    p = p * q + np.float32(1 / 11)
    p = p * q + np.float32(1 / 9)
    p = p * q + np.float32(1 / 7)
    p = p * q + np.float32(1 / 5)
    p = p * q + np.float32(1 / 3)
    p = p * q + np.float32(1.0)
    return max(x, np.float32(0.0)) + np.float32(2.0) * s * p


# By default a division looks for a zero below it, and such a loop is not made of vector instructions.
@njit(nogil=True, fastmath=True, cache=True, error_model="numpy")
def _fused(u, delta, bias, a2, b, c, d, z, y, first, last, reverse):  # type: ignore[no-untyped-def]
    """As _forward, with what stands before and after the scan in the same pass: softplus, D and SiLU(z)."""
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
            # Rows of their own, indexed from 0 on, are what the compiler makes vector instructions of.
            us, steps = u[channel, low : low + size], delta[channel, low : low + size]
            gates, ys = z[channel, low : low + size], y[channel, low : low + size]
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
                gate = gates[i]
                e = _exp2(-abs(gate) * LOG2_E)
                share = (np.float32(1.0) if gate >= 0 else e) / (np.float32(1.0) + e)
                ys[i] = (ys[i] + d[channel] * us[i]) * gate * share


@njit(nogil=True, fastmath=True, cache=True)
def _backward(u, delta, a, a2, b, c, starts, gy, gu, gdelta, ga, gb, gc, first, last, reverse):  # type: ignore[no-untyped-def]
    """One batch item, channels first..last: fills gu, gdelta (d, L), adds to ga (d, 16), gb, gc (L, 16)."""
    length = u.shape[1]
    carried = np.zeros((last - first, STATES), np.float32)
    h = np.empty((CHUNK + 1, STATES), np.float32)
    decays = np.empty((CHUNK, STATES), np.float32)
    for chunk in range((length + CHUNK - 1) // CHUNK - 1, -1, -1):
        begin, end = chunk * CHUNK, min(length, (chunk + 1) * CHUNK)
        for channel in range(first, last):
            for n in range(STATES):
                h[0, n] = starts[chunk, channel, n]
            for step in range(begin, end):
                t = length - 1 - step if reverse else step
                width = delta[channel, t]
                pushed = width * u[channel, t]
                i = step - begin
                for n in range(STATES):
                    decay = _exp2(width * a2[channel, n])
                    decays[i, n] = decay
                    h[i + 1, n] = decay * h[i, n] + pushed * b[t, n]
            g = carried[channel - first]
            for step in range(end - 1, begin - 1, -1):
                t = length - 1 - step if reverse else step
                i = step - begin
                width = delta[channel, t]
                value = u[channel, t]
                dy = gy[channel, t]
                pushed = width * value
                along_b = np.float32(0.0)
                along_a = np.float32(0.0)
                for n in range(STATES):
                    gh = g[n] + dy * c[t, n]
                    gc[t, n] += dy * h[i + 1, n]
                    gb[t, n] += gh * pushed
                    along_b += gh * b[t, n]
                    decayed = gh * decays[i, n]
                    through = decayed * h[i, n]
                    along_a += through * a[channel, n]
                    ga[channel, n] += through * width
                    g[n] = decayed
                gu[channel, t] = width * along_b
                gdelta[channel, t] = value * along_b + along_a


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "farmcd-scan")


def _parts(batch: int, channels: int) -> Iterator[tuple[int, int, int, int]]:
    """Cut the work into (item, group, first channel, last channel); depends on the shape only."""
    groups = 1 if batch >= 4 else min(4, channels)
    for item in range(batch):
        for group in range(groups):
            yield item, group, channels * group // groups, channels * (group + 1) // groups


def _run(job: Callable[..., None], batch: int, channels: int) -> None:
    parts = list(_parts(batch, channels))
    threads = min(torch.get_num_threads(), len(parts))
    if threads == 1:
        for part in parts:
            job(*part)
    else:
        list(_pool(torch.get_num_threads()).map(lambda part: job(*part), parts))


class _Scan(torch.autograd.Function):
    """The scan as one differentiable operation; arguments as in recurrence.scan."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, reverse: bool) -> Tensor:
        u, delta, a = u.contiguous(), delta.contiguous(), a.contiguous()
        b, c = b.transpose(1, 2).contiguous(), c.transpose(1, 2).contiguous()  # (batch, L, n)
        batch, channels, length = u.shape
        y = torch.empty_like(u)
        chunks = -(-length // CHUNK) if any(ctx.needs_input_grad) else 0
        starts = u.new_empty(batch, chunks, channels, STATES)
        arrays = [t.detach().numpy() for t in (u, delta, b, c, y, starts)]
        a2 = a.detach().numpy() * LOG2_E

        def job(item: int, group: int, first: int, last: int) -> None:
            un, dn, bn, cn, yn, sn = (array[item] for array in arrays)
            _forward(un, dn, a2, bn, cn, yn, sn, first, last, reverse)

        _run(job, batch, channels)
        ctx.save_for_backward(u, delta, a, b, c, starts)
        ctx.reverse = reverse
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        u, delta, a, b, c, starts = ctx.saved_tensors
        batch, channels, _ = u.shape
        groups = 1 + max(group for _, group, _, _ in _parts(1 if batch < 4 else 4, channels))
        gu, gdelta = torch.empty_like(u), torch.empty_like(u)
        ga = u.new_zeros(batch, *a.shape)
        gb, gc = (b.new_zeros(batch, groups, *b.shape[1:]) for _ in range(2))
        names = (u, delta, b, c, starts, gradients[0].contiguous(), gu, gdelta, ga, gb, gc)
        arrays = [t.detach().numpy() for t in names]
        an = a.detach().numpy()
        a2 = an * LOG2_E

        def job(item: int, group: int, first: int, last: int) -> None:
            un, dn, bn, cn, sn, gyn, gun, gdn, gan, gbn, gcn = (array[item] for array in arrays)
            grouped = gbn[group], gcn[group]
            _backward(un, dn, an, a2, bn, cn, sn, gyn, gun, gdn, gan, *grouped, first, last, ctx.reverse)

        _run(job, batch, channels)
        gb, gc = (g.sum(dim=1).transpose(1, 2) for g in (gb, gc))
        return gu, gdelta, ga.sum(dim=0), gb, gc, None


def fused(
    u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor, z: Tensor, bias: Tensor, reverse: bool
) -> Tensor:
    """As selective_scan with everything given and with softplus, in one pass; not differentiable."""
    # Each item's rows must follow each other; the items themselves may lie apart, as halves of a tensor do.
    whole = (u.shape[2], 1)
    u, delta, z = (t if t.stride()[1:] == whole else t.contiguous() for t in (u, delta, z))
    b, c = b.transpose(1, 2).contiguous(), c.transpose(1, 2).contiguous()  # (batch, L, n)
    batch, channels, length = u.shape
    y = u.new_empty(batch, channels, length)
    items = [t.detach().numpy() for t in (u, delta, b, c, z, y)]
    a2, dn, biasn = a.detach().numpy() * LOG2_E, d.detach().numpy(), bias.detach().numpy()

    def job(item: int, group: int, first: int, last: int) -> None:
        un, delta_n, bn, cn, zn, yn = (array[item] for array in items)
        _fused(un, delta_n, biasn, a2, bn, cn, dn, zn, yn, first, last, reverse)

    _run(job, batch, channels)
    return y


def scan(u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, reverse: bool) -> Tensor:
    """As recurrence.scan, for float32 tensors on the CPU with 16 states; differentiable."""
    return _Scan.apply(u, delta, a, b, c, reverse)
