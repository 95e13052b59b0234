"""A network on a device: tiles in, probabilities out; and an honest answer to which devices work."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from threading import Barrier
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..core.classes import NO_CHANGE
from ..core.errors import FarmCDError, InputError
from ..core.feedback import Feedback
from ..core.messages import spoken, tell
from . import heap
from .card import checkpoint_hash
from .checkpoint import load_checkpoint
from .devices import choose_device
from .family import Date, family_named

logger = logging.getLogger(__name__)

# Where no trial tells more.
DEFAULT_BATCH = 8
LARGEST_BATCH = 64
# Largest difference of a probability that half precision may make.
HALF_TOLERANCE = 0.01

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
# Class probabilities (B, K, T, T), and what the text priors give to "no change" (B, T, T) or None without them.
Prediction = tuple[Floats, Floats | None]


class Predictor:
    """Predicts change for tiles of `tile` x `tile` pixels; `device` is the PyTorch name of where it runs.

    On the CPU every tile is computed by one thread, and as many at once as torch has threads: that is quicker than
    many threads on one tile, and a tile then has the same bytes on any number of cores. `at_once` tiles keep the device
    busy.
    """

    def __init__(
        self,
        net: torch.nn.Module,
        device: str = "cpu",
        *,
        tile: int = 256,
        symmetric: bool = False,
        context: Sequence[str] = (),
        about: dict[str, Any] | None = None,
    ) -> None:
        self.tile = tile
        self.device = device
        # Tiles at once. On the CPU one by one, so that the result does not depend on the batch.
        self.batch = 1 if device == "cpu" else DEFAULT_BATCH
        self.threads = torch.get_num_threads() if device == "cpu" else 1
        self._pool = single_threads(self.threads) if self.threads > 1 else None
        self.half = False
        self._is_cuda = device.startswith("cuda")
        self._net = net
        self._family = family_named(net.family)
        self._predicting = self._family.predicting(net, device)
        self._symmetric = symmetric
        # What the network is told, None for nothing, and by what its logits are divided.
        self.context = list(context) or None
        self.temperature = float(getattr(net, "temperature", 1.0))
        self._about = about or {}
        if device == "cpu":
            heap.keep_freed()
        if self._is_cuda:
            net.to(memory_format=torch.channels_last)
            self._settle()

    @classmethod
    def load(cls, checkpoint: str, device: str = "auto", **options: Any) -> "Predictor":
        """Load a checkpoint onto the best or the named device; `options` are those of the constructor.

        Raises InputError for a checkpoint or a device that cannot be used.
        """
        chosen = choose_device(device)
        net = load_checkpoint(checkpoint, device=chosen["id"])
        family = family_named(net.family)
        family.check_detects(asdict(net.config), net.card.name)
        known = family.known_contexts(net)
        if unknown := [prompt for prompt in options.get("context", ()) if prompt not in known]:
            raise InputError("unknown_context", checkpoint=checkpoint, count=len(known), context=unknown[0])
        # The record of a run keeps facts: a name as text, not a sentence to be rendered.
        ran_on = {"id": chosen["id"], "name": spoken(chosen["name"], "en")}
        about = {"checkpoint": str(checkpoint), "sha256": checkpoint_hash(checkpoint), "device": ran_on}
        return cls(net, chosen["id"], about=about, **options)

    def describe(self) -> dict[str, Any]:
        """Return what the run's record says of the network: checkpoint, its hash and card, device, precision.

        `arbitration` says whether `predict` returns one.
        """
        card = self._net.card and self._net.card.as_dict()
        precision = "bfloat16" if self.half else "float32"
        own = {"card": card, "temperature": self.temperature, "torch": torch.__version__, "precision": precision}
        own["arbitration"] = self._family.arbitration
        if self._family.attends:
            own["attends"] = True
        return {**own, **self._about}

    def warm(self, feedback: Feedback) -> None:
        """Compile now what the network's first tile would have to wait for a compiler for, and tell that."""
        self._family.warm(self._net, self.device, feedback)

    @property
    def at_once(self) -> int:
        """How many tiles the device computes at the same time."""
        return max(self.threads, self.batch)

    def predict(self, before: Bytes, after: Bytes) -> Prediction:
        """Predict tiles, uint8 (B, 3, T, T) in red, green, blue.

        Returns the class probabilities (B, K, T, T) and the share that the text-prior pathway gives to "no
        change" (B, T, T), both float32; None for a network without such a pathway. On the CPU a tile's values do not
        depend on the batch it came in. Those of a family that `weighs` add up to what a pixel counts.
        On a GPU the next tiles are prepared while the last ones are computed. Halves the batch where the device's
        memory runs out; raises FarmCDError if not even one tile fits.
        """
        if self._pool is not None and self.batch == 1:
            alone = [(before[at : at + 1], after[at : at + 1]) for at in range(len(before))]
            return _together(list(self._pool.map(lambda dates: self._in_turn(*dates), alone)))
        return self._in_turn(before, after)

    def _in_turn(self, before: Bytes, after: Bytes) -> Prediction:
        """Predict tiles in one thread, a batch after the other."""
        results: list[Prediction] = []
        waiting: Pending | None = None
        done = 0
        while done < len(before):
            part = slice(done, done + self.batch)
            pending = self._begin(before[part], after[part])
            if waiting is not None:
                results.append(waiting.wait())
                waiting = None
            if pending is None:
                self._shrink(len(before[part]))
                continue
            waiting = pending
            done += len(before[part])
        if waiting is not None:
            results.append(waiting.wait())
        return _together(results)

    @torch.inference_mode()
    def attention(self, before: Bytes, after: Bytes) -> Floats:
        """Return where the network looks, float32 (B, T, T) of any sign and size, in tiles uint8 (B, 3, T, T).

        The mean of both orders of the dates where those are averaged. Only for a network whose family `attends`.
        """
        made = []
        for pair in zip(before, after, strict=True):
            images = [
                self._normalised(self._tensor(pair[0][None]), "before"),
                self._normalised(self._tensor(pair[1][None]), "after"),
            ]
            orders = [images, images[::-1]] if self._symmetric else [images]
            seen = [self._family.attention(self._net, *order) for order in orders]
            made.append(torch.stack(seen).mean(0)[0].float().cpu().numpy())
        return np.stack(made)

    def _begin(self, before: Bytes, after: Bytes) -> "Pending | None":
        """Set the device to work on some tiles; None where its memory is too small for them."""
        try:
            return Pending(*self._forward(self._tensor(before), self._tensor(after)))
        except RuntimeError as error:
            if "out of memory" not in str(error).lower() and not isinstance(error, torch.OutOfMemoryError):
                raise
        return None

    @torch.inference_mode()
    def _forward(self, before: torch.Tensor, after: torch.Tensor) -> list[torch.Tensor]:
        images = self._normalised(before, "before"), self._normalised(after, "after")
        maps = self._softmax(*images)
        if self._symmetric:
            maps = [(one + turned) / 2 for one, turned in zip(maps, self._softmax(*images[::-1]), strict=True)]
        return [maps[0], *(priors[:, NO_CHANGE] for priors in maps[1:])]

    def _softmax(self, before: torch.Tensor, after: torch.Tensor) -> list[torch.Tensor]:
        with torch.autocast(before.device.type, torch.bfloat16, enabled=self.half):
            logits, score_map = self._predicting(before, after, self.context)
        classes = torch.softmax(logits.float() / self.temperature, 1)
        if self._family.weighs:
            classes = classes * logits.float().logsumexp(1, keepdim=True).exp()
        return [classes] if score_map is None else [classes, torch.softmax(score_map.float(), 1)]

    def _normalised(self, images: torch.Tensor, date: Date) -> torch.Tensor:
        return self._family.normalise(self._net, images.float(), date).contiguous(memory_format=torch.channels_last)

    def _tensor(self, image: Bytes) -> torch.Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(image))
        # From pinned memory the copy runs by itself; torch keeps such memory for the next tiles.
        return (tensor.pin_memory() if self._is_cuda else tensor).to(self.device, non_blocking=self._is_cuda)

    def _shrink(self, tried: int) -> None:
        if tried == 1:
            raise FarmCDError("device_memory", device=self.device, tile=self.tile)
        if self._is_cuda:
            torch.cuda.empty_cache()
        self.batch = tried // 2
        tell(logger, "smaller_batch", device=self.device, batch=self.batch)

    def _settle(self) -> None:
        """Choose precision and batch for a GPU by trying both; the trial images are the same in every run."""
        trial = _trial_images(self.tile)
        free, _ = torch.cuda.mem_get_info(self.device)
        torch.cuda.reset_peak_memory_stats(self.device)
        before = torch.cuda.memory_allocated(self.device)
        pending = self._begin(*trial)
        if pending is None:
            return self._shrink(1)
        exact = pending.wait()
        peak = torch.cuda.max_memory_allocated(self.device) - before
        self.batch = fitting_batch(free, peak)
        self.half = torch.cuda.is_bf16_supported()
        if self.half:
            self.half = close_enough(exact, Pending(*self._forward(*map(self._tensor, trial))).wait())
        return None


class Pending:
    """Probabilities (B, K, T, T) and, where there are, shares (B, T, T) that the device may still be computing."""

    def __init__(self, *tensors: torch.Tensor) -> None:
        self._kept = tensors
        self._event = None
        if tensors[0].is_cuda:
            self._kept = tuple(torch.empty(t.shape, dtype=t.dtype, pin_memory=True) for t in tensors)
            for host, tensor in zip(self._kept, tensors, strict=True):
                host.copy_(tensor, non_blocking=True)
            self._event = torch.cuda.Event()
            self._event.record()

    def wait(self) -> Prediction:
        """Wait until they are there."""
        if self._event is not None:
            self._event.synchronize()
        classes, *shares = (tensor.cpu().numpy() for tensor in self._kept)
        return classes, shares[0] if shares else None


def _together(results: list[Prediction]) -> Prediction:
    shares = [share for _, share in results if share is not None]
    return np.concatenate([classes for classes, _ in results]), np.concatenate(shares) if shares else None


def single_threads(count: int) -> ThreadPoolExecutor:
    """Return threads in each of which torch computes with one thread; elsewhere it goes on with as many as before."""
    pool = ThreadPoolExecutor(count, "farmcd-tile")
    before = torch.get_num_threads()
    all_there = Barrier(count)

    def begin(_: int) -> None:
        torch.set_num_threads(1)
        # A thread takes over the number of the process when it first asks for it: before that is set back.
        torch.get_num_threads()
        all_there.wait()

    list(pool.map(begin, range(count)))
    torch.set_num_threads(before)
    return pool


def fitting_batch(free: int, per_tile: int) -> int:
    """Say how many tiles to compute at once when one takes `per_tile` bytes of `free`; a fifth is left to others."""
    return max(1, min(LARGEST_BATCH, int(0.8 * free / max(per_tile, 1))))


def close_enough(exact: Prediction, rounded: Prediction) -> bool:
    """Say whether results in half precision may stand for exact ones: within 0.01, but for one pixel of a thousand."""
    pairs = zip(exact, rounded, strict=True)
    differences = (np.abs(one - other) for one, other in pairs if one is not None and other is not None)
    return all(np.quantile(difference, 0.999) <= HALF_TOLERANCE for difference in differences)


def _trial_images(tile: int) -> tuple[Bytes, Bytes]:
    """Two images (1, 3, T, T) with coarse and fine detail."""
    make = np.random.default_rng(0)
    coarse = make.integers(30, 225, (2, 1, 3, tile // 8, tile // 8)).repeat(8, axis=3).repeat(8, axis=4)
    before, after = (coarse + make.integers(-30, 30, coarse.shape)).astype(np.uint8)
    return before, after
