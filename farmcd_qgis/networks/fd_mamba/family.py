"""FD-Mamba as a family: its text features travel in the checkpoint, those of the authors' come from the CLIP inside.

In our format the features are the tensors `text.classes` (K, width) and `text.contexts` (M, width), and their prompts
stand in the header.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.classes import NO_CHANGE, ClassTable
from ...core.context import context_prompts
from ...core.errors import InputError
from ...core.feedback import Feedback
from ...core.messages import why
from ..family import Date, Family, Predicting, State
from ..prepare import kernels_kept
from ..prompts import class_prompts, prompt_ensembles, read_prompts
from ..state import CLIP_PREFIX
from .variant import ENCODED, infer_config, infer_encoded

if TYPE_CHECKING:
    from torch import Tensor

    from .encoded import EncodedConfig, EncodedFDMamba
    from .network import FDMamba, FDMambaConfig

CLASS_TEXT = "text.classes"
CONTEXT_TEXT = "text.contexts"
# Of an image that a layer is tried on.
LEAST_SIDE = 8
CLIP_INSIDE = "CLIP text tower of the authors' checkpoint"


class FDMambaFamily(Family):
    """FD-Mamba with CMLA. `given` of `attach` may hold:

    `text_features` {prompt: vector (width,)}, which go before those in the file; `text_weights`, an encoder that makes
    them anew (see `clip.text_features`), and `prompts`, a file with own sentences for it; `contexts`, whether features
    of all context prompts are wanted, where there is an encoder.
    """

    name = "fd_mamba"
    title = "FD-Mamba"
    # It halves the resolution three times on the way down.
    multiple = 8
    arbitration = True
    lowers_no_change = True

    def recognise(self, state: State) -> bool:
        """Say whether its encoder's layers are there."""
        return ENCODED in state or any(name.startswith("srcm_encoder_layers.") for name in state)

    def infer_config(self, state: State) -> "FDMambaConfig | EncodedConfig":
        """Work out the variant."""
        return infer_encoded(state) if ENCODED in state else infer_config(state)

    def build(self, config: "FDMambaConfig | EncodedConfig") -> "FDMamba | EncodedFDMamba":
        """Make the network, without text features."""
        from .encoded import EncodedConfig, EncodedFDMamba
        from .network import FDMamba

        return EncodedFDMamba(config) if isinstance(config, EncodedConfig) else FDMamba(config)

    def normalise(self, net: "FDMamba", images: "Tensor", date: Date) -> "Tensor":  # type: ignore[override]
        """Bring 0..255 to -1..1."""
        return images / 255 * 2 - 1

    def is_extra(self, name: str) -> bool:
        """Say whether a tensor is a text feature or of the CLIP inside."""
        return name in (CLASS_TEXT, CONTEXT_TEXT) or name.startswith(CLIP_PREFIX)

    def attach(  # type: ignore[override]
        self,
        net: "FDMamba | EncodedFDMamba",
        extras: State,
        header: Mapping[str, Any],
        path: Path,
        given: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Set the text features, from the first that has them: given, encoded anew, in the file, of the CLIP inside."""
        if given.get("normalisation"):
            raise InputError("no_normalisation", path=str(path), title=self.title)
        words: dict[str, Any] = {}
        features = _known(extras, header)
        own = read_prompts(Path(given["prompts"])) if given.get("prompts") else {}
        ensembles = prompt_ensembles(net.config.n_classes, own)
        contexts = {prompt: [prompt] for prompt in context_prompts()} if given.get("contexts") else {}
        if given.get("text_weights") is not None or own:
            from ..clip import encoder_name, ensemble_features

            encoder = given.get("text_weights") or path
            features |= ensemble_features({**ensembles, **contexts}, encoder)
            words["text_encoder"] = encoder_name(encoder, own)
        elif given.get("text_features") and not header:
            words["text_encoder"] = "given vectors"
        features |= given.get("text_features") or {}
        clip = {name.removeprefix(CLIP_PREFIX): value for name, value in extras.items() if name.startswith(CLIP_PREFIX)}
        missing = [prompt for prompt in ensembles if prompt not in features]
        if missing and "token_embedding.weight" in clip:
            from ..clip import clip_features

            features |= clip_features([*missing, *contexts], clip, path)
            words["text_encoder"] = CLIP_INSIDE
        set_text(net, features, path)
        return words

    def extras(self, net: "FDMamba | EncodedFDMamba") -> tuple[dict[str, "Tensor"], dict[str, Any]]:  # type: ignore[override]
        """Return the text features and their prompts."""
        import torch

        head = net.score_head
        tensors = {CLASS_TEXT: head.text.detach().float().cpu().contiguous()}
        if head.contexts:
            tensors[CONTEXT_TEXT] = torch.stack(list(head.contexts.values())).cpu()
        return tensors, {
            "class_prompts": class_prompts(net.config.n_classes),
            "context_prompts": list(head.contexts),
        }

    def contexts(self, header: Mapping[str, Any]) -> list[str]:
        """Return the prompts of the context features."""
        prompts = header.get("context_prompts", [])
        return [str(prompt) for prompt in prompts] if isinstance(prompts, list) else []

    def config_type(self) -> type:
        """Return FDMambaConfig."""
        from .network import FDMambaConfig

        return FDMambaConfig

    def telling(self, options: Mapping[str, Any], classes: ClassTable) -> dict[str, Any]:
        """Add the sentences of the classes, from which the text features are made."""
        sentences = tuple(row.prompt or row.label() for row in classes.predicted)
        return {"class_sentences": sentences, **super().telling(options, classes)}

    def fresh(self, options: Mapping[str, Any], told: bool) -> "FDMamba | EncodedFDMamba":
        """Make a network with fresh weights and the text features of its encoder."""
        from . import training

        return training.fresh(options, told)

    def begin(self, loaded: "FDMamba | EncodedFDMamba", options: Mapping[str, Any]) -> "FDMamba | EncodedFDMamba":  # type: ignore[override]
        """Add the attention and the scans that are asked for to a loaded network on a pre-trained encoder."""
        from . import training

        return training.begin(loaded, options)

    def prepare(self, net: "FDMamba | EncodedFDMamba", options: Mapping[str, Any], told: bool) -> None:  # type: ignore[override]
        """Encode contexts that it does not know yet; without contexts, what they alone move is nobody's to train."""
        from . import training

        training.prepare(net, options, told)

    def share(self, name: str, options: Mapping[str, Any]) -> float:
        """Return the share of the learning rate: that of a pre-trained encoder is smaller."""
        from . import training

        return training.share(name, options)

    def advance(self, net: "FDMamba | EncodedFDMamba", options: Mapping[str, Any], progress: float) -> None:  # type: ignore[override]
        """Thaw a pre-trained encoder when it is time."""
        from . import training

        training.advance(net, options, progress)

    def words(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Say which encoder made the text features, and of what."""
        from . import training

        return training.words(options)

    def predicting(self, net: "FDMamba | EncodedFDMamba", device: str) -> Predicting:  # type: ignore[override]
        """Fold the batch norms of a network on a pre-trained encoder into its convolutions, and fuse these on a CPU."""
        from .encoded import EncodedFDMamba
        from .folding import folded

        if not isinstance(net, EncodedFDMamba):
            return net
        quick = folded(net)
        if device == "cpu":
            from .fused import can_fuse, fuse

            return fuse(quick) if can_fuse() else quick
        return quick

    def warm(self, net: "FDMamba | EncodedFDMamba", device: str, feedback: Feedback) -> None:  # type: ignore[override]
        """Let one layer of each kind that has compiled kernels scan a few places, where none are kept yet."""
        import torch

        from .network import SRCMLayer

        layers = [layer for layer in net.modules() if isinstance(layer, SRCMLayer)]
        if device != "cpu" or not layers or kernels_kept():
            return
        feedback.progress("compiling", 0.0)
        with torch.inference_mode():
            # Convolutions of the layer's own have kernels, too.
            for layer in {type(layer.convmamba.local_relation[0]): layer for layer in layers}.values():
                layer(torch.zeros(1, layer.proj.in_features, LEAST_SIDE, LEAST_SIDE))

    def lower_no_change(self, net: "FDMamba | EncodedFDMamba", offset: float) -> None:  # type: ignore[override]
        """Take `offset` off the bias of the last convolution.

        Five classes share what the network believes of change, so that the most likely class is "no change" too
        often; one number mends that.
        """
        net.conv_final[-1].conv.bias.data[NO_CHANGE] -= offset


def _known(extras: State, header: Mapping[str, Any]) -> dict[str, Any]:
    """Return the text features in a file by their prompts."""
    if not header:
        return {}
    known = dict(zip(header["class_prompts"], extras[CLASS_TEXT], strict=True))
    if CONTEXT_TEXT in extras:
        known |= dict(zip(header["context_prompts"], extras[CONTEXT_TEXT], strict=True))
    return known


def set_text(net: "FDMamba | EncodedFDMamba", features: Mapping[str, Any], path: Path) -> None:
    """Give a network the features of its class prompts and of all other prompts, which are contexts.

    Raises InputError for one that lacks, has another width, or is no vector of finite numbers.
    """
    import torch

    prompts = class_prompts(net.config.n_classes)
    if missing := [prompt for prompt in prompts if prompt not in features]:
        raise InputError("text_features_missing", path=path, count=len(missing), missing=missing)
    width = net.config.text_width
    vectors = {}
    for prompt, numbers in features.items():
        try:
            vectors[prompt] = vector = torch.as_tensor(numbers, dtype=torch.float32).flatten()
        except (TypeError, ValueError, RuntimeError) as error:
            raise InputError("text_features_no_vector", prompt=prompt, path=path, reason=why(error)) from error
        if vector.numel() != width:
            raise InputError("text_features_width", prompt=prompt, count=vector.numel(), path=path, width=width)
        if not vector.isfinite().all() or not vector.any():
            raise InputError("text_features_unusable", prompt=prompt, path=path)
    contexts = {prompt: vector for prompt, vector in vectors.items() if prompt not in prompts}
    net.score_head.set_text(torch.stack([vectors[prompt] for prompt in prompts]), contexts)


FAMILY = FDMambaFamily()
