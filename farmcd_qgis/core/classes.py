"""The class table: every class id with its name, colour, CLIP prompt and labels.

This is the only place where they are written down. Neither qgis nor torch may be imported here, since
QGIS, the worker and the training code all read it.
"""

from dataclasses import dataclass

NO_CHANGE = 0
NODATA = 255
MU_PER_HECTARE = 15.0


@dataclass(frozen=True)
class ChangeClass:
    """One row of the class table.

    `colour` is `#rrggbb`, from the palette of Okabe and Ito that colour-blind people can tell apart;
    `prompt` is the CLIP category prompt of the authors' code (specs/fd_mamba.md section 1.7).
    """

    id: int
    name: str
    colour: str
    prompt: str
    label: str
    label_zh: str


CLASSES: tuple[ChangeClass, ...] = (
    ChangeClass(0, "no_change", "#000000", "no change", "No change", "未变化"),
    ChangeClass(1, "bareland", "#e69f00", "farmland change to bareland", "Bareland", "裸地"),
    ChangeClass(2, "building", "#cc79a7", "farmland change to building", "Building", "建筑"),
    ChangeClass(3, "road", "#f0e442", "farmland change to road", "Road", "道路"),
    ChangeClass(4, "vegetation", "#009e73", "farmland change to vegetation", "Vegetation", "植被"),
    ChangeClass(5, "water", "#0072b2", "farmland change to water", "Water", "水体"),
)

CHANGES: tuple[ChangeClass, ...] = CLASSES[1:]


def class_label(class_id: int, language: str = "en") -> str:
    """Name a class id for people, in Chinese where `language` starts with "zh" and in English elsewhere.

    Raises KeyError for an id that is not in the table (255 included).
    """
    for row in CLASSES:
        if row.id == class_id:
            return row.label_zh if language.startswith("zh") else row.label
    raise KeyError(f"class id {class_id} is not in the class table (0-{len(CLASSES) - 1})")
