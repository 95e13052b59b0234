"""Checkpoints of every family: our own safetensors format with its model card, and authors' `.pth` files.

    from farmcd_qgis.networks.checkpoint import load_checkpoint
    net = load_checkpoint("farmcd.safetensors")
    logits, arbitration = net(before, after)      # what its family normalised, (B, 3, H, W), to (B, K, H, W)

Own format: the parameters under their names, what the family has travel beside them, and in the header, under
"farmcd", a JSON object with format, model (the family), config, temperature and card.
"""

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import FarmCDError, InputError
from ..core.messages import part, why
from .card import FORMAT, HEADER, PREFIX, ModelCard, card_of, damaged, is_safetensors, read_header, with_tuples
from .family import Family, families, family_named
from .state import read_authors_state

if TYPE_CHECKING:
    from torch import Tensor


def load_checkpoint(
    path: str | Path, text_features: Mapping[str, Any] | None = None, device: str = "cpu", **given: Any
) -> Any:
    """Load a network from our format or an authors' `.pth`, ready to predict (eval mode, on `device`).

    `text_features` maps prompts to vectors (width,) and goes before those in the file; an authors' file of a network
    with text priors needs them unless it holds CLIP's tensors. `given` is more of what its family takes (see
    `convert`). The network has `card`, `config` and `temperature`.
    Raises InputError for a file that is missing, damaged, unsafe, of another network, or holds NaN.
    """
    file, given = Path(path), {"text_features": text_features, **given}
    net = _load_own(file, given) if is_safetensors(file) else _load_authors(file, given)
    return net.to(device).eval()


def save_checkpoint(
    net: Any, card: ModelCard, path: str | Path, screen: Mapping[str, "Tensor"] | None = None
) -> ModelCard:
    """Write a network with a card in our format; returns the card as it was written.

    `screen` are the tensors of its screen (networks.screening); without them the card tells of none, since what was
    measured beside another network does not hold. The file appears, or takes the place of an older one, only when it
    is whole.
    Raises FarmCDError where the file cannot be written.
    """
    from safetensors.torch import save

    family = family_named(net.family)
    card = replace(card.of(family, net.config.n_classes), screening=card.screening if screen else {})
    extras, entries = family.extras(net)
    tensors = {name: _stored(value, net) for name, value in net.state_dict().items()}
    header = {
        "format": FORMAT,
        "model": family.name,
        "config": asdict(net.config),
        **entries,
        "temperature": net.temperature,
        "card": card.as_dict(),
    }
    target = Path(path)
    partial = target.with_name(target.name + ".part")
    try:
        words = json.dumps(header, ensure_ascii=False, allow_nan=False)
        partial.write_bytes(save({**tensors, **extras, **(screen or {})}, {HEADER: words}))
        partial.replace(target)
    except OSError as error:
        raise FarmCDError("checkpoint_not_written", path=target, reason=error.strerror) from error
    finally:
        with suppress(OSError):
            partial.unlink()
    return card


def _stored(value: "Tensor", net: Any) -> "Tensor":
    """Return a tensor as it is written: matrices in float16 where the network says that this is enough (`half_stored`).

    What stands alone in a row, above all the variances of norms, stays as it is.
    """
    kept = value.detach().cpu().contiguous()
    return kept.half() if kept.is_floating_point() and kept.dim() > 1 and getattr(net, "half_stored", False) else kept


def _load_own(path: Path, given: Mapping[str, Any]) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    header = read_header(path)
    family = family_named(header["model"])
    try:
        tensors = {name: value for name, value in load_file(path).items() if not name.startswith(PREFIX)}
        said, temperature = with_tuples(header["config"]), float(header.get("temperature", 1.0))
        if not 0 < temperature < math.inf:
            raise InputError("checkpoint_temperature", path=path, temperature=temperature)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise damaged(path, error) from error
    net, extras = _build(family, tensors, path, said)
    if {**asdict(net.config), **said} != asdict(net.config):
        raise InputError("checkpoint_other_card", path=path, said=said, config=net.config)
    try:
        words = family.attach(net, extras, header, path, given)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise damaged(path, error) from error
    net.temperature = temperature
    net.card = replace(card_of(header, path), **words).of(family, net.config.n_classes)
    return net


def _load_authors(path: Path, given: Mapping[str, Any]) -> Any:
    state = read_authors_state(path)
    family = next((family for family in families() if family.recognise(state)), None)
    if family is None:
        raise InputError(
            "checkpoint_unknown_network",
            path=path,
            known=[family.title for family in families()],
            tensors=list(state)[:3],
        )
    net, extras = _build(family, family.load_authors(state), path, {})
    words = family.attach(net, extras, {}, path, given)
    card = ModelCard(name=path.stem, description="Authors' checkpoint, read as it is.", **words)
    net.card = card.of(family, net.config.n_classes)
    return net


def _build(
    family: Family, state: Mapping[str, "Tensor"], path: Path, said: Mapping[str, Any]
) -> tuple[Any, dict[str, "Tensor"]]:
    """Build the network that fits the tensors and give it those; returns it and the tensors that travel beside.

    `said` is the configuration in the header, for what no tensor tells.
    """
    import torch

    tensors = {name: value for name, value in state.items() if not family.is_extra(name)}
    try:
        config = family.told(family.infer_config(tensors), said)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        first = list(tensors)[:3]
        raise InputError(
            "checkpoint_other_network", path=path, network=family.title, reason=why(error), first=first
        ) from error
    try:
        # On the meta device shapes cost no memory, however large a strange file makes them.
        with torch.device("meta"):
            net: Any = family.build(config)
    except (ValueError, ArithmeticError, RuntimeError) as error:
        raise InputError("checkpoint_other_shapes", path=path, network=family.title, config=config) from error
    _fill(net, tensors, family.title, path)
    return net, {name: value for name, value in state.items() if family.is_extra(name)}


def _fill(net: Any, tensors: Mapping[str, "Tensor"], title: str | dict[str, Any], path: Path) -> None:
    """Give a network on the meta device its tensors; raises InputError unless every one fits and is finite."""
    import torch

    wanted = net.state_dict()
    missing, unexpected = sorted(set(wanted) - set(tensors)), sorted(set(tensors) - set(wanted))
    shapes = [k for k in wanted if k in tensors and wanted[k].shape != tensors[k].shape]
    if missing or unexpected or shapes:
        wrong = {"missing": missing, "unexpected": unexpected, "shape": shapes}
        parts = [
            part("tensors_wrong", kind=kind, count=len(keys), names=keys[:3] + ["..."] * (len(keys) > 3))
            for kind, keys in wrong.items()
            if keys
        ]
        raise InputError("checkpoint_keys", path=path, network=title, parts=parts)
    try:
        # Not by to_empty: on tensors of the meta device it loads torch's compiler, which takes a second.
        real = {name: torch.empty(meta.shape, dtype=meta.dtype).copy_(tensors[name]) for name, meta in wanted.items()}
        net.load_state_dict(real, assign=True)
    except RuntimeError as error:
        raise InputError("checkpoint_tensors", path=path, network=title) from error
    if broken := [name for name, value in net.state_dict().items() if not value.isfinite().all()]:
        raise InputError("checkpoint_not_finite", path=path, count=len(broken), first=broken[0])
