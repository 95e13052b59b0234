"""An SRCM layer for prediction on a CPU: normalise, mix, normalise, project, in four launches.

The launches are what must be known of all tokens before the next: what leads into the scans (normalising, in_proj, the
short convolutions, x_proj), the local convolutions, all scans of both directions and all items, and what leads out of
them (gate, out_proj, skip, normalising, proj). Source: docs/methods/fd_mamba.md, 1.3 and 1.4.
"""

from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import torch
from llvmlite import ir
from numba import njit
from numba.core import cgutils
from torch import Tensor, nn

from ..constants import CONV_WIDTH as TAPS
from ..constants import LOG2_E, STATES
from .convolution import Kernel3, convolve
from .lanes import LANES, Lanes, Places, Sum, cut, kernel, padded, whole
from .matrix import multiply, pack
from .threads import share

EDGE = TAPS - 1
# Tokens that go through a launch together: what they need stays in the processor's own cache.
BLOCK = 256
# Steps whose lengths are computed before any of them is taken: these don't wait for each other.
AHEAD = 16


class Packed(NamedTuple):
    """An SRCM layer's parameters as the kernels read them; rows of C channels are as wide as a multiple of 16.

    norm (3, C): weight, bias and 1 where a channel is; x, z: in_proj's halves; taps (2, 4, E), bent (2, E): the short
    convolutions; found: x_proj of both directions; ways: their scans; local: the local branch's convolutions, if it has
    whole ones.
    """

    norm: np.ndarray
    x: np.ndarray
    z: np.ndarray
    taps: np.ndarray
    bent: np.ndarray
    found: tuple[tuple[np.ndarray, np.ndarray], ...]
    ways: tuple[tuple[np.ndarray, ...], ...]
    local: tuple[Kernel3, Kernel3] | None
    out: np.ndarray
    proj: np.ndarray
    proj_bias: np.ndarray


_packed: "WeakKeyDictionary[nn.Module, tuple[Any, Packed]]" = WeakKeyDictionary()


def packed(layer: Any) -> Packed:
    """Pack an SRCMLayer's parameters, or find them packed if none has changed."""
    state = tuple((p.data_ptr(), -1 if p.is_inference() else p._version) for p in layer.parameters())
    found = _packed.get(layer)
    if found is None or found[0] != state:
        found = _packed[layer] = (state, _pack(layer))
    return found[1]


def _pack(layer: Any) -> Packed:
    mixer, norm = layer.convmamba, layer.norm
    rank, inner, channels = mixer.rank, mixer.D.shape[0], norm.weight.shape[0]
    around = np.zeros((3, padded(channels)), np.float32)
    around[:, :channels] = np.stack([norm.weight.numpy(), norm.bias.numpy(), np.ones(channels, np.float32)])
    ways = mixer.ways()
    proj_bias = np.zeros(padded(layer.proj.out_features), np.float32)
    proj_bias[: layer.proj.out_features] = layer.proj.bias
    convs = [part for part in mixer.local_relation if isinstance(part, nn.Conv2d)]
    return Packed(
        around,
        pack(mixer.in_proj.weight[:inner]),
        pack(mixer.in_proj.weight[inner:]),
        torch.stack([way.conv[:, 0].T for way in ways]).contiguous().numpy(),
        torch.stack([way.conv_bias for way in ways]).numpy(),
        tuple((pack(way.x_proj[:rank]), pack(way.x_proj[rank:])) for way in ways),
        tuple(_arrays(way.step.T, way.step_bias, -LOG2_E * torch.exp(way.a_log.T), way.d) for way in ways),
        (Kernel3.of(convs[0]), Kernel3.of(convs[1])) if convs else None,
        pack(mixer.out_proj.weight),
        pack(layer.proj.weight),
        proj_bias,
    )


def _arrays(*tensors: Tensor) -> tuple[np.ndarray, ...]:
    return tuple(tensor.contiguous().numpy() for tensor in tensors)


def srcm(layer: Any, tokens: Tensor, height: int, width: int) -> Tensor:
    """Run an SRCMLayer over the tokens (B, L, C) of height x width images: (B, L, P), float32 on the CPU.

    E is a multiple of 16 and there are 16 states.
    """
    own = packed(layer)
    batch, length, channels = tokens.shape
    inner, rank = own.taps.shape[2], own.ways[0][0].shape[0]
    x = tokens.contiguous().numpy()
    n = np.empty((batch, length, own.norm.shape[1]), np.float32)
    z = np.empty((batch, length, inner), np.float32)
    u = np.empty((2, batch, length, inner), np.float32)
    p = np.empty((2, batch, length, rank + 2 * STATES), np.float32)
    eps = np.array([layer.norm.eps, 1 / channels], np.float32)
    parts = cut(batch, length, BLOCK)

    def enter(*part: int) -> None:
        _enter(x, own.norm, eps, own.x, own.z, own.taps, own.bent, *own.found, n, z, u, p, *part)

    def scan(way: int, item: int, first: int) -> None:
        _scan(u[way, item], p[way, item], *own.ways[way], first, way == 1)

    def leave(*part: int) -> None:
        _leave(u, z, local, x, skip, own.out, own.norm, eps, own.proj, own.proj_bias, out, *part)

    share(enter, parts)
    local = _local(layer, own, n, height, width)
    scans = [(way, item, first) for item in range(batch) for first in range(0, inner, LANES) for way in (0, 1)]
    share(scan, scans)
    out = np.empty((batch, length, layer.proj.out_features), np.float32)
    skip = layer.skip_scale.numpy()
    share(leave, parts)
    return torch.from_numpy(out)


def _local(layer: Any, own: Packed, n: np.ndarray, height: int, width: int) -> np.ndarray:
    """Run the local branch over the normalised tokens: (B, L, E)."""
    batch, length, wide = n.shape
    if own.local:
        first, second = own.local
        middle = convolve(n.reshape(batch, height, width, wide), first, True)
        return convolve(middle, second, False).reshape(batch, length, -1)
    channels = layer.norm.weight.shape[0]
    image = torch.from_numpy(n)[..., :channels].transpose(1, 2).unflatten(2, (height, width))
    local: Tensor = layer.convmamba.local_relation(image)
    return local.flatten(2).transpose(1, 2).contiguous().numpy()


@kernel
def _normal(b: ir.IRBuilder, places: Places, x, at, norm, wide, eps, out, to) -> None:  # type: ignore[no-untyped-def]
    """LayerNorm of one row of x, `wide` channels of which those count where norm's third row is 1."""
    share_of_one = places.spread(4, whole(1))
    step = whole(LANES)

    def over(total: Sum, term: Any) -> Lanes:
        with cgutils.for_range_slice(b, whole(0), wide, step, whole(0).type) as (lane, _):
            total.set(total.get() + term(lane))
        return total.get().total() * share_of_one

    def away(lane: ir.Value, mean: Lanes) -> Lanes:
        return (places.load(0, b.add(at, lane)) - mean) * places.load(2, b.add(lane, b.mul(wide, whole(2))))

    mean = over(Sum(b), lambda lane: places.load(0, b.add(at, lane)))
    squared = Sum(b)
    variance = over(squared, lambda lane: away(lane, mean) * away(lane, mean))
    scale = Lanes(b, 1.0) / (variance + places.spread(4, whole(0))).call("sqrt")
    with cgutils.for_range_slice(b, whole(0), wide, step, whole(0).type) as (lane, _):
        made = places.load(2, b.add(lane, wide)).plus(away(lane, mean) * scale, places.load(2, lane))
        places.store(made, 5, b.add(to, lane))


@kernel
def _bend(b: ir.IRBuilder, places: Places, x, at, far, taps, lane, inner, bias, u, to) -> None:  # type: ignore[no-untyped-def]
    """SiLU(bias + four taps of x at `at`, `at` + `far`, ...) of 16 channels from `lane` on; taps (4, inner)."""
    total = places.load(6, lane)
    for k in range(TAPS):
        tap = places.load(3, b.add(lane, b.mul(inner, whole(k))))
        total = total.plus(tap, places.load(0, b.add(at, b.mul(far, whole(k)))))
    places.store(total.silu(), 7, to)


@kernel
def _widen(b: ir.IRBuilder, places: Places, p, row, rank, step, bias, widths, to) -> None:  # type: ignore[no-untyped-def]
    """How long a step is for 16 channels: w = softplus(step dt + bias), dt (rank) in p from `row` on."""
    start = Sum(b, places.load(4, whole(0)))
    with cgutils.for_range(b, rank) as loop:
        dt = places.spread(0, b.add(row, loop.index))
        start.set(start.get().plus(dt, places.load(3, b.mul(loop.index, whole(LANES)))))
    places.store(start.get().softplus(), 5, to)


@kernel
def _advance(b: ir.IRBuilder, places: Places, u, at, p, row, widths, place, a, d, h) -> None:  # type: ignore[no-untyped-def]
    """One step of 16 channels: h = exp2(w A) h + w u B; u becomes <h, C> + D u.

    u at the flat index `at`; w at `place`; B and C in p from `row` on; d (16,), a, h (16 states, 16).
    """
    width, now = places.load(4, place), places.load(0, at)
    pushed, y = width * now, now * places.load(7, whole(0))
    for n in range(STATES):
        lanes = whole(n * LANES)
        state = (width * places.load(6, lanes)).exp2() * places.load(8, lanes)
        state = state.plus(pushed, places.spread(2, b.add(row, whole(n))))
        places.store(state, 8, lanes)
        y = y.plus(state, places.spread(2, b.add(row, whole(STATES + n))))
    places.store(y, 0, at)


@kernel
def _gate(b: ir.IRBuilder, places: Places, ahead, back, z, local, at, out, to) -> None:  # type: ignore[no-untyped-def]
    """(ahead + back) SiLU(z) + local of 16 channels."""
    one, other, gate, near = (places.load(k, at) for k in range(4))
    places.store(near.plus(one + other, gate.silu()), 5, to)


@kernel
def _skip(b: ir.IRBuilder, places: Places, o, at, x, place, scale) -> None:  # type: ignore[no-untyped-def]
    """Add scale * x to 16 channels of o."""
    places.store(places.load(0, at).plus(places.load(2, place), places.spread(4, whole(0))), 0, at)


@kernel
def _add(b: ir.IRBuilder, places: Places, o, at, bias, lane) -> None:  # type: ignore[no-untyped-def]
    """Add 16 of a row's biases."""
    places.store(places.load(0, at) + places.load(2, lane), 0, at)


@njit(nogil=True, cache=True)
def _enter(x, norm, eps, w_x, w_z, taps, bent, found, found_back, n, z, u, p, item, first, last):  # type: ignore[no-untyped-def]
    """Tokens first..last of one item: n, z, u of both directions, and p = dt, B and C of both."""
    length, channels = x.shape[1:]
    wide, inner, columns = n.shape[2], z.shape[2], p.shape[3]
    row = np.zeros((1, wide), np.float32)
    normed = np.zeros((BLOCK + 2 * EDGE, wide), np.float32)
    rows = np.zeros((BLOCK + 2 * EDGE, inner), np.float32)
    for low in range(first, last, BLOCK):
        high = min(last, low + BLOCK)
        # Row t + EDGE - low belongs to token t; what lies beyond the image stays zero.
        begin, end = max(0, low - EDGE), min(length, high + EDGE)
        for t in range(begin, end):
            to = (t + EDGE - low) * wide
            if wide == channels:
                _normal(x[item], t * wide, norm, wide, eps, normed, to)
            else:
                for k in range(channels):
                    row[0, k] = x[item, t, k]
                _normal(row, 0, norm, wide, eps, normed, to)
        n[item, low:high] = normed[EDGE : EDGE + high - low]
        multiply(normed, EDGE * wide, wide, high - low, w_z, 0, w_z.shape[0], z[item], low * inner, inner)
        skipped = begin + EDGE - low
        if low < EDGE:
            rows[:skipped] = 0
        if high + EDGE > length:
            rows[end + EDGE - low :] = 0
        multiply(normed, skipped * wide, wide, end - begin, w_x, 0, w_x.shape[0], rows, skipped * inner, inner)
        for t in range(low, high):
            for lane in range(0, inner, LANES):
                # Ahead looks at the rows of t - 3 to t, back at those of t + 3 down to t.
                at = (t - low) * inner + lane
                _bend(rows, at, inner, taps[0], lane, inner, bent[0], u[0, item], t * inner + lane)
                _bend(rows, at + 2 * EDGE * inner, -inner, taps[1], lane, inner, bent[1], u[1, item], t * inner + lane)
        rank = columns - 2 * STATES
        for way in range(2):
            dt, bc = found if way == 0 else found_back
            # dt first: what is written beyond it is B's place.
            size, at, to = high - low, low * inner, low * columns
            multiply(u[way, item], at, inner, size, dt, 0, dt.shape[0], p[way, item], to, columns)
            multiply(u[way, item], at, inner, size, bc, 0, bc.shape[0], p[way, item], to + rank, columns)


@njit(nogil=True, cache=True)
def _scan(u, p, step, bias, decay, d, first, reverse):  # type: ignore[no-untyped-def]
    """One item, 16 channels from `first` on: y takes the place of u (L, E); p (L, R + 32) holds dt, B and C."""
    length, inner = u.shape
    rank = step.shape[0]
    end = first + LANES
    step, decay = step[:, first:end].copy(), decay[:, first:end].copy()
    bias, d = bias[first:end].copy(), d[first:end].copy()
    h = np.zeros((STATES, LANES), np.float32)
    widths = np.empty((AHEAD, LANES), np.float32)
    columns = p.shape[1]
    for begin in range(0, length, AHEAD):
        size = min(AHEAD, length - begin)
        low = length - begin - size if reverse else begin
        for k in range(size):
            _widen(p, (low + k) * columns, rank, step, bias, widths, k * LANES)
        for k in range(size):
            t = size - 1 - k if reverse else k
            _advance(u, (low + t) * inner + first, p, (low + t) * columns + rank, widths, t * LANES, decay, d, h)


@njit(nogil=True, cache=True)
def _leave(u, z, local, x, skip, w_out, norm, eps, w_proj, bias, out, item, first, last):  # type: ignore[no-untyped-def]
    """Tokens first..last of one item: gate, out_proj, skip, LayerNorm, proj."""
    inner, channels, wide, outputs = z.shape[2], x.shape[2], norm.shape[1], out.shape[2]
    mixed = np.empty((BLOCK, inner), np.float32)
    o = np.empty((BLOCK, wide), np.float32)
    made = np.empty((BLOCK, len(bias)), np.float32)
    row = np.zeros((1, wide), np.float32)
    for low in range(first, last, BLOCK):
        size = min(last, low + BLOCK) - low
        for lane in range(0, size * inner, LANES):
            _gate(u[0, item], u[1, item], z[item], local[item], low * inner + lane, mixed, lane)
        multiply(mixed, 0, inner, size, w_out, 0, w_out.shape[0], o, 0, wide)
        for k in range(size):
            if wide == channels:
                for lane in range(0, wide, LANES):
                    _skip(o, k * wide + lane, x[item], (low + k) * wide + lane, skip)
            else:
                for c in range(channels):
                    row[0, c] = x[item, low + k, c]
                _skip(o, k * wide, row, 0, skip)
            _normal(o, k * wide, norm, wide, eps, o, k * wide)
        multiply(o, 0, wide, size, w_proj, 0, w_proj.shape[0], made, 0, len(bias))
        for k in range(size):
            for lane in range(0, len(bias), LANES):
                _add(made, k * len(bias) + lane, bias, lane)
            out[item, low + k] = made[k, :outputs]
