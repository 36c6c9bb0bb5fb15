from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image


@pytest.fixture
def texts():
    """Every text that a picture shows."""
    return lambda picture: [text.get_text() for text in picture.findobj(Text) if text.get_text()]


@pytest.fixture
def pixels():
    """The pixels of a picture's PNG, `(H, W, 3)`."""
    return lambda picture: np.asarray(Image.open(io.BytesIO(picture.png())).convert("RGB"))
