"""What the channels of a network's input are, by name, and where they lie in an image that does not say."""

from collections.abc import Sequence

RED, GREEN, BLUE, NEAR_INFRARED = "red", "green", "blue", "near infrared"
NATURAL = (RED, GREEN, BLUE)
# The order of most images of four bands whose red comes first, such as NAIP's.
USUAL = (*NATURAL, NEAR_INFRARED)
OTHER_WORDS = {"nir": NEAR_INFRARED, "near-infrared": NEAR_INFRARED, "infrared": NEAR_INFRARED}


def canonical(bands: Sequence[str]) -> tuple[str, ...]:
    """Name bands by one word each; none at all are red, green and blue."""
    names = (name.strip().lower() for name in bands or NATURAL)
    return tuple(OTHER_WORDS.get(name, name) for name in names)


def usual_places(bands: Sequence[str]) -> tuple[int, ...] | None:
    """Return the numbers, from 1 on, that bands have in an image of the usual order; None for one that it lacks."""
    names = canonical(bands)
    if not set(names) <= set(USUAL):
        return None
    return tuple(USUAL.index(name) + 1 for name in names)
