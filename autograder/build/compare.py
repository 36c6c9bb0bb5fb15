"""Whether two notebooks say the same: cells exactly, printed text exactly, pictures by their pixels."""

from __future__ import annotations

import base64
import io

import numpy as np
from nbformat import NotebookNode
from PIL import Image

# Another processor may round a colour differently; a picture that shows something else differs by far more.
PIXEL_TOLERANCE = 8
IMAGES = ("image/png", "image/jpeg")
VARIES = "varies"


def difference(old: NotebookNode, new: NotebookNode, outputs: bool) -> str:
    """The first difference as a sentence, empty where there is none. ``outputs``: compare these too.

    The outputs of cells with the tag ``varies`` are never compared.
    """
    for number, (before, after) in enumerate(zip(old.cells, new.cells, strict=False), 1):
        where = f"cell {number} ({after.id})"
        for part in ("id", "cell_type", "source", "metadata", "attachments"):
            if before.get(part) != after.get(part):
                return f"{where} has another {part.replace('_', ' ')}"
        if outputs and after.cell_type == "code" and VARIES not in after.metadata.get("tags", []):
            what = _output_difference(before.outputs, after.outputs)
            if what:
                return f"{where} has {what}"
    if len(old.cells) != len(new.cells):
        return f"it has {len(old.cells)} cells and should have {len(new.cells)}"
    if old.metadata.kernelspec != new.metadata.kernelspec:
        return "its kernel is another one"
    return ""


def _output_difference(old: list[NotebookNode], new: list[NotebookNode]) -> str:
    if len(old) != len(new):
        return f"{len(old)} outputs and should have {len(new)}"
    for number, (before, after) in enumerate(zip(old, new, strict=True), 1):
        if not _same_output(before, after):
            return f"another output {number}"
    return ""


def _same_output(old: NotebookNode, new: NotebookNode) -> bool:
    if "data" not in old or "data" not in new:
        return old == new
    if old.output_type != new.output_type or old.metadata != new.metadata or old.data.keys() != new.data.keys():
        return False
    return all(
        same_picture(old.data[mime], new.data[mime]) if mime in IMAGES else old.data[mime] == new.data[mime]
        for mime in new.data
    )


def same_picture(old: str, new: str) -> bool:
    """Whether two base64 pictures show the same, up to ``PIXEL_TOLERANCE`` of 255 a channel."""
    if old == new:
        return True
    before, after = (np.asarray(Image.open(io.BytesIO(base64.b64decode(each))).convert("RGBA")) for each in (old, new))
    return before.shape == after.shape and bool(
        (np.abs(before.astype(int) - after.astype(int)) <= PIXEL_TOLERANCE).all()
    )
