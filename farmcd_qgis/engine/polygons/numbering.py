"""Components of blocks become those of the raster: joined over the borders, and numbered by their first pixels.

The blocks come in row by row. What stays in memory is what touches a border, a few numbers each; the rest is read again
when its row of blocks is numbered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..scene.tiling import Blocks
from .components import roots
from .part import Part

Ids = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
# Gives the part of a block, None where nothing was to be looked at.
PartOf = Callable[[int], Part | None]


@dataclass(frozen=True)
class Numbers:
    """The numbers of what a block has to outline.

    `own` holds those of its labels 1, 2, ..., 0 where one is not its own affair. Of what goes over its borders and
    begins in it, each row of `members`, sorted by number, is a number, a block and a label there.
    """

    own: Longs
    members: Longs

    @classmethod
    def load(cls, file: Path) -> "Numbers":
        """Read what `number` has written for a block."""
        with np.load(file) as found:
            return cls(found["own"], found["members"])


@dataclass(frozen=True)
class _Nodes:
    """The labels at borders: block, label, position of the first pixel, area and value of each."""

    block: Ids
    label: Ids
    first: Longs
    area: Longs
    value: Ids


@dataclass(frozen=True)
class _Joined:
    """What they are together: `order` sorts nodes by component, `begins` is where each component begins in it.

    Of each component, by its first pixel: that pixel, and whether it is large enough.
    """

    order: Longs
    begins: Longs
    first: Longs
    kept: npt.NDArray[np.bool_]

    def members(self, component: int) -> Longs:
        """Return the nodes of a component."""
        ends = np.append(self.begins[1:], len(self.order))
        return self.order[self.begins[component] : ends[component]]


def number(blocks: Blocks, part_of: PartOf, connectivity: int, minimum: int, file_of: Callable[[int], Path]) -> int:
    """Number the components of a layer and write for each block what is its affair; returns how many there are.

    `minimum` is the least area in the units of the parts. Blocks without anything to outline get no file.
    """
    nodes, pairs = _borders(blocks, part_of, (0,) if connectivity == 4 else (-1, 0, 1))
    joined = _joined(nodes, pairs, minimum)
    width = blocks.columns[-1]
    rows = np.searchsorted(blocks.rows, joined.first // max(width, 1), side="right") - 1
    columns = np.searchsorted(blocks.columns, joined.first % max(width, 1), side="right") - 1
    count = 0
    for row in range(len(blocks.rows) - 1):
        here = np.flatnonzero(joined.kept & (rows == row))
        count += _number_row(blocks, part_of, row, nodes, joined, here, columns[here], count, file_of)
    return count


def _borders(blocks: Blocks, part_of: PartOf, shifts: tuple[int, ...]) -> tuple[_Nodes, Longs]:
    """Gather the labels at borders, and the pairs (2, n) of them that touch."""
    found: list[_Nodes] = []
    pairs: list[Longs] = []
    count = 0
    above = np.full(blocks.columns[-1], -1, np.int64)
    for row in range(len(blocks.rows) - 1):
        top, bottom = (np.full(blocks.columns[-1], -1, np.int64) for _ in range(2))
        beside = np.full(blocks.rows[row + 1] - blocks.rows[row], -1, np.int64)
        for index in range(row * blocks.across, (row + 1) * blocks.across):
            part, window = part_of(index), blocks.window(index)
            if part is None:
                beside[:] = -1
                continue
            labels = np.flatnonzero(part.open)
            node = np.full(len(part.open) + 1, -1, np.int64)
            node[labels + 1] = np.arange(count, count + len(labels))
            count += len(labels)
            block = np.full(len(labels), index, np.int32)
            value = part.tally.value[labels].astype(np.int32)
            areas, label = part.tally.area[labels], labels.astype(np.int32) + 1
            found.append(_Nodes(block, label, part.firsts[labels], areas, value))
            pairs.append(_touching(beside, node[part.edges["left"]], shifts))
            beside = node[part.edges["right"]]
            columns = slice(window.column, window.right)
            top[columns], bottom[columns] = node[part.edges["top"]], node[part.edges["bottom"]]
        pairs.append(_touching(above, top, shifts))
        above = bottom
    none = np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int64)
    found.append(_Nodes(*none, np.zeros(0, np.int32)))
    names = ("block", "label", "first", "area", "value")
    nodes = _Nodes(*(np.concatenate([getattr(part, name) for part in found]) for name in names))
    touching = np.concatenate([np.zeros((2, 0), np.int64), *pairs], axis=1)
    return nodes, touching[:, nodes.value[touching[0]] == nodes.value[touching[1]]]


def _touching(one: Longs, other: Longs, shifts: tuple[int, ...]) -> Longs:
    """List the nodes (2, n) along two lines, -1 for none, that lie side by side, or across a corner."""
    pairs = []
    for shift in shifts:
        here = one[max(0, -shift) : len(one) - max(0, shift)]
        there = other[max(0, shift) : len(other) - max(0, -shift)]
        both = np.stack([here, there])[:, (here >= 0) & (there >= 0)]
        fresh = np.ones(both.shape[1], bool)
        fresh[1:] = (both[:, 1:] != both[:, :-1]).any(axis=0)
        pairs.append(both[:, fresh])
    return np.concatenate(pairs, axis=1)


def _joined(nodes: _Nodes, pairs: Longs, minimum: int) -> _Joined:
    root = roots(len(nodes.block), pairs[0].astype(np.int32), pairs[1].astype(np.int32))
    order = np.argsort(root, kind="stable")
    begins = np.flatnonzero(np.append(True, root[order][1:] != root[order][:-1])[: len(order)])
    if not len(order):
        return _Joined(order, begins, nodes.first, np.zeros(0, bool))
    area = np.add.reduceat(nodes.area[order], begins)
    return _Joined(order, begins, np.minimum.reduceat(nodes.first[order], begins), area >= minimum)


def _number_row(
    blocks: Blocks,
    part_of: PartOf,
    row: int,
    nodes: _Nodes,
    joined: _Joined,
    here: Longs,
    columns: Longs,
    before: int,
    file_of: Callable[[int], Path],
) -> int:
    """Number what begins in a row of blocks; `here` are the joined components that do, `columns` their blocks."""
    firsts, inner = [joined.first[here]], {}
    for index in range(row * blocks.across, (row + 1) * blocks.across):
        if (part := part_of(index)) is not None:
            inner[index] = ~part.open
            firsts.append(part.firsts[inner[index]])
    order = np.argsort(np.concatenate(firsts))
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.arange(before + 1, before + 1 + len(order))
    ends = np.cumsum([len(part) for part in firsts])
    of_joined, *of_blocks = np.split(numbers, ends[:-1])
    for (index, own), given in zip(inner.items(), of_blocks, strict=True):
        named = np.zeros(len(own), np.int64)
        named[own] = given
        rows = [
            np.stack([np.full(len(at), of_joined[place]), nodes.block[at], nodes.label[at]], axis=1)
            for place in np.flatnonzero(columns == index % blocks.across)
            for at in [joined.members(here[place])]
        ]
        members = np.concatenate([np.zeros((0, 3), np.int64), *rows])
        if named.any() or len(members):
            members = members[np.argsort(members[:, 0], kind="stable")]
            np.savez(file_of(index), own=named, members=members)
    return len(numbers)
