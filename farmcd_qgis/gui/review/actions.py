"""The keys of the review: what each does is the dock's, how it is called and which key it has is said here."""

from collections.abc import Callable, Mapping
from functools import partial

from qgis.PyQt.QtWidgets import QWidget

from ...review.verdicts import CONFIRMED, PSEUDO_CHANGE, SKIPPED, UNSURE
from ..judging.keys import KeyAction
from ..widgets.words import reasons, tr

REASON_KEYS = {"crop_rotation": "C", "season": "E", "illumination": "I", "shadow": "D", "misregistration": "M",
               "cloud": "L"}  # fmt: skip

Give = Callable[..., object]


def verdict_actions(parent: QWidget, give: Give, ask_reason: Callable[[], object]) -> dict[str, KeyAction]:
    """Make the verdicts but for the classes, each one key: `give` takes the verdict."""
    act = partial(KeyAction, parent=parent)
    made = {"confirm": act("confirm", tr("Confirm"), "Y", lambda: give(CONFIRMED), also=("Return", "Enter"))}
    made["pseudo"] = act("pseudo", tr("Pseudo-change"), "N", ask_reason)
    made["unsure"] = act("unsure", tr("Unsure"), "U", lambda: give(UNSURE))
    made["skip"] = act("skip", tr("Skip"), "S", lambda: give(SKIPPED))
    return made


def reason_actions(parent: QWidget, give: Give, back: Callable[[], object]) -> list[KeyAction]:
    """Make the reasons of a pseudo-change; `back` goes to the verdicts again."""
    act = partial(KeyAction, parent=parent)
    made = [
        act(reason, words, REASON_KEYS[reason], partial(give, PSEUDO_CHANGE, None, reason))
        for reason, words in reasons().items()
    ]
    made.append(act("no_reason", tr("No reason given"), "N", lambda: give(PSEUDO_CHANGE)))
    made.append(act("no_pseudo", tr("Back"), "Esc", back, also=("Backspace",)))
    return made


def other_actions(parent: QWidget, does: Mapping[str, Callable[[], object]]) -> dict[str, KeyAction]:
    """Make what is neither verdict nor reason: ways back, looks at the map, changes of the outline."""
    made = {
        "back": (tr("Back"), "Backspace", ()),
        "undo": (tr("Undo"), "Ctrl+Z", ()),
        "redo": (tr("Redo"), "Ctrl+Y", ("Ctrl+Shift+Z",)),
        "flicker": (tr("Before"), "Space", ("F",)),
        "outline": (tr("Outline off"), "H", ()),
        "zoom": (tr("Zoom"), "Z", ()),
    }
    return {name: KeyAction(name, words, key, does[name], parent, also) for name, (words, key, also) in made.items()}
