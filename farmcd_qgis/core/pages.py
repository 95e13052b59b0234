"""Pages of HTML that open anywhere, offline: the templates of `resources/pages`, filled."""

import functools
from typing import TYPE_CHECKING, Any

from .paths import resources

if TYPE_CHECKING:
    from jinja2 import Environment


def page(template: str, **values: Any) -> str:
    """Fill a template ("evaluation.html"); values are escaped. Raises jinja2's UndefinedError for one that lacks."""
    return _environment().get_template(template).render(values)


@functools.cache
def _environment() -> "Environment":
    # Late: only who writes a page needs it. QGIS brings it, and so does torch.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(resources() / "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
