"""A training recipe: one TOML file, read into plain dataclasses."""

import tomllib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..core.errors import InputError
from ..core.typed import read
from .augment import AugmentSettings


@dataclass(frozen=True)
class DataSettings:
    """Names of the splits, and what a lone label folder holds (see `datasets.open_dataset`).

    `context_share` is the share of samples whose scene and nuisances (the folder json) the network is told: 0 trains
    without contexts, 1 is the authors' way, less lets it work without them as well.

    `names` is a list of those pairs of the split that keep their labels (a file, or one of `recipes/lists`; all where
    it is empty). For `semi_supervised`: `unlabelled` is the folder of the pairs without labels (that of the data
    set where it is empty), `unlabelled_split` their split, `opinions` the folder of what is said of them (their own
    where it is empty), `binary_opinions` whether its masks of change have no classes.
    """

    train: str = "train"
    val: str = "val"
    labels: Literal["auto", "binary", "classes"] = "auto"
    context_share: float = 0.0
    names: str = ""
    unlabelled: str = ""
    unlabelled_split: str = "all"
    opinions: str = ""
    binary_opinions: bool = False


@dataclass(frozen=True)
class OptimiserSettings:
    """AdamW with a warm-up and a cosine over the run; the defaults are the paper's.

    The warm-up begins at `lr_first` (None: at `lr_least`). `decay` says whether all weights decay, or matrices and
    kernels alone. `clip` is the gradient's largest norm, 0 for any. `ema` is the decay of the averaged weights, into
    which every `ema_every`-th step goes; with `ema_ramp` it grows to its value. `start_share` is the share that the
    checkpoint a run began with has in the network that is validated and kept (Wortsman et al. 2022, Robust fine-tuning
    of zero-shot models).
    """

    lr: float = 3e-4
    lr_least: float = 1e-6
    lr_first: float | None = None
    weight_decay: float = 0.01
    decay: Literal["all", "matrices"] = "all"
    warmup: float = 0.03
    clip: float = 1.0
    ema: float = 0.999
    ema_every: int = 1
    ema_ramp: bool = True
    start_share: float = 0.0


@dataclass(frozen=True)
class Stage:
    """A part of the run: up to the fraction `until`, crops of `crop` pixels in batches of `batch`.

    `scale` is the range of output pixels per image pixel, 1 being the data set's own resolution; `strength` is that of
    the augmentation (see `Augmenter.batch`).
    """

    until: float = 1.0
    crop: int = 256
    batch: int = 6
    scale: tuple[float, float] = (1.0, 1.0)
    strength: float = 1.0


@dataclass(frozen=True)
class ValidationSettings:
    """`times` validations spread over the run, on every `stride`-th pair; tile and scale as in `evaluate`.

    With `fit_offset` the offset of "no change" that scores best there is built into what is kept.
    """

    times: int = 10
    stride: int = 1
    tile: int = 256
    scale: float = 1.0
    fit_offset: bool = True


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run besides the data.

    `family` is the kind of network, whose options stand in `network`; `method` how it is trained, whose settings stand
    in `loss`. The run ends after `steps` steps, or after `max_minutes` if that comes first: then the schedule hurries,
    so that the learning rate has come down in time (and the curve depends on the machine's speed).
    """

    name: str
    steps: int
    family: str = "fd_mamba"
    method: str = "cotraining"
    max_minutes: float | None = None
    seed: int = 0
    threads: int | None = None
    device: str = "auto"
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    save_every: int = 50
    log_every: int = 10
    network: dict[str, Any] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)
    data: DataSettings = field(default_factory=DataSettings)
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    loss: dict[str, Any] = field(default_factory=dict)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    validation: ValidationSettings = field(default_factory=ValidationSettings)
    stages: tuple[Stage, ...] = (Stage(),)

    def stage(self, progress: float) -> Stage:
        """Return the stage that holds at a progress of 0..1."""
        return next((stage for stage in self.stages if progress < stage.until), self.stages[-1])

    def as_dict(self) -> dict[str, Any]:
        """Return the recipe as plain values, for the record."""
        return asdict(self)


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; raises InputError for a file that is no TOML, or a setting that is unknown or of another kind.

    What `[loss]` holds is the method's to say, what `[network]` holds the family's.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError("unreadable_recipe", path=path, reason=error) from error
    return read(Recipe, values, path.name)
