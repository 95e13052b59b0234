"""The context that a person can give of a pair: what scene it is and what shall be ignored, as the paper's prompts."""

from collections.abc import Iterator, Sequence
from itertools import combinations

# In the words and the order of the authors' annotations (docs/methods/fd_mamba.md, 5).
SCENES = ("farmland", "rural", "suburban", "urban", "forest", "water", "mixed", "unknown")
NUISANCES = ("shadow", "illumination", "season", "misalignment", "cloud", "sensor_noise")


def context_prompt(scene: str, nuisances: Sequence[str] = ()) -> str:
    """Return the authors' context sentence for a scene and what shall be ignored (docs/methods/fd_mamba.md, 3)."""
    rest = f"Ignore {', '.join(nuisances)}." if nuisances else "Clear conditions."
    return f"Satellite image of {scene} area. {rest}"


def context_prompts() -> Iterator[str]:
    """Give every context sentence that can be asked for."""
    for scene in SCENES:
        for count in range(len(NUISANCES) + 1):
            for nuisances in combinations(NUISANCES, count):
                yield context_prompt(scene, nuisances)
