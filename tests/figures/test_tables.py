from __future__ import annotations

import pytest
import torch

from course_lib.figures import picture_table


def test_a_column_of_pictures_under_each_name(texts) -> None:
    columns = {"scene": torch.rand(3, 1, 8, 6), "mask": torch.ones(3, 8, 6)}
    picture = picture_table({name: list(column) for name, column in columns.items()})
    assert texts(picture) == ["scene", "mask"]
    assert len(picture.axes) == 6
    assert picture.alt == "Pictures in 3 rows and 2 columns: scene, mask. Each is 8 × 6."


@pytest.mark.parametrize(
    "columns",
    [
        {"a": [torch.zeros(2, 2)], "b": [torch.zeros(2, 2)] * 2},
        {"a": [torch.zeros(2, 2)], "b": [torch.zeros(2, 3)]},
    ],
)
def test_columns_are_of_one_length_and_pictures_of_one_size(columns) -> None:
    with pytest.raises(ValueError, match="equally many pictures of one size"):
        picture_table(columns)
