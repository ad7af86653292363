"""One page that shows a whole run: it opens from disk and asks the network for nothing."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from ....errors import QsimError
from ....model.container import replacing
from . import content

try:
    import jinja2
except ModuleNotFoundError as error:
    raise QsimError(f"the report needs the package {error.name}: pip install 'qsim[paper]'") from None

HERE = Path(__file__).parent


def write(directory: Path) -> Path:
    """Write `report.html` from the tables, claims and figures that are in a run's folder.

    Parameters
    ----------
    directory : a folder that `qsim paper --out` has filled and `figures.draw` has drawn in

    Returns
    -------
    Path of the page: pictures, data, style and script are all in it; equal folders give equal bytes

    Raises
    ------
    QsimError
        If rows, claims or the list of figures is missing or damaged.
    """
    loader = jinja2.FileSystemLoader(HERE)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"number": content.number, "picture": _picture, "json": _json}
    page = environment.get_template("page.html").render(
        **content.gather(directory),
        style=(HERE / "style.css").read_text(),
        script=(HERE / "script.js").read_text(),
    )
    path = directory / "report.html"
    with replacing(path) as temporary:
        temporary.write_text(page)
    return path


def _picture(file: Path) -> str:
    """A picture as an address that holds it."""
    return f"data:image/svg+xml;base64,{base64.b64encode(file.read_bytes()).decode()}"


def _json(value: object) -> str:
    """JSON that may stand inside a script element."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
