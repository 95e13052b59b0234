"""How an SChanger begins to train: fresh, from a prior network, or from itself; and the statistics of its images."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ...core.errors import InputError
from ...core.typed import read
from .network import BASE, SMALL, SChanger, SChangerConfig
from .normalisation import Normalisation, Statistics, normalisation_named
from .variant import grow

Pixels = np.ndarray[Any, np.dtype[np.uint8]]

WHERE = "[network]"
STATISTICS = "normalisation"
_SIZES = {"small": SMALL, "base": BASE}


def config_of(options: Mapping[str, Any]) -> SChangerConfig:
    """Read `[network]` of a recipe; `channels` may be "small" or "base". Raises InputError for a shape that is none."""
    options = {name: value for name, value in options.items() if name != STATISTICS}
    channels = options.get("channels")
    if isinstance(channels, str):
        if channels not in _SIZES:
            raise InputError("network_shape", channels=channels, known=list(_SIZES))
        options = {**options, "channels": list(_SIZES[channels])}
    try:
        config = read(SChangerConfig, options, WHERE)
        if not 0 <= config.drop < 1:
            raise InputError("bad_share", where=WHERE, name="drop", value=config.drop)
        return config
    except ValueError as error:
        raise InputError("network_shape", channels=options.get("channels", SMALL), known=list(_SIZES)) from error


def begin(loaded: SChanger, options: Mapping[str, Any]) -> SChanger:
    """Return what goes on from a loaded network: itself, or one of two dates grown from a prior network.

    What grows has the prior's channels and the recipe's logit maps; its statistics are measured anew. Raises InputError
    where a network of two dates should become a prior, or the recipe's channels are others.
    """
    wanted = config_of({"channels": list(loaded.config.channels), **options})
    if wanted.single_image and not loaded.config.single_image:
        raise InputError("prior_from_pair_network", name=loaded.card.name if loaded.card else "SChanger")
    if wanted.single_image == loaded.config.single_image:
        return loaded
    if wanted.channels != loaded.config.channels:
        raise InputError("prior_channels", prior=loaded.config.channels, channels=wanted.channels)
    net = SChanger(wanted)
    net.card = loaded.card
    grow(loaded, net)
    return net


def fresh(options: Mapping[str, Any]) -> SChanger:
    """Make a network with fresh weights; `normalisation` names an authors' data set, else statistics are measured."""
    net = SChanger(config_of(options))
    if name := options.get(STATISTICS):
        net.normalisation = normalisation_named(name)
    return net


def measured(pairs: Iterable[tuple[Pixels, Pixels]]) -> Normalisation:
    """Average mean and standard deviation of the images (3, H, W) of 0..255, each date by itself."""
    sums, count = np.zeros((2, 2, 3)), 0
    for pair in pairs:
        for date, image in enumerate(pair):
            pixels = image.reshape(3, -1) / 255
            sums[date] += np.stack([pixels.mean(1), pixels.std(1)])
        count += 1
    # Images of one colour alone would be divided by nothing.
    averages = np.maximum(sums / max(count, 1), np.array([[0.0], [1e-3]])).round(6).tolist()
    return Normalisation(*(Statistics(tuple(mean), tuple(std)) for mean, std in averages))
