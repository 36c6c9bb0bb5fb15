"""Does an instructor see a class in formgrader whose gradebook is on a PostgreSQL server?"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.xdist_group("postgresql")


def test_formgrader_shows_a_class_that_is_on_a_server_and_takes_a_grade(
    tmp_path: Path,
    page: Page,
    postgresql: Any,
    classroom: Callable[[Path], Any],
    serve_formgrader: Callable[..., AbstractContextManager[str]],
) -> None:
    room = classroom(tmp_path / "course")
    room.db_url = postgresql.database()
    room.hand_in("ada", room.notebook("solutions"))
    room.hand_in("Åse", room.notebook())
    room.grade("--jobs", "1", "--db", room.db_url)

    with Gradebook(room.db_url, "down_and_up") as book:
        name = book.find_submission_notebook(room.stem, room.stem, "ada").id
    page.route("**/*", lambda route: route.continue_() if "127.0.0.1" in route.request.url else route.abort())
    with serve_formgrader(room.root, tmp_path / "log.txt", DOWN_AND_UP_DB=room.db_url) as address:
        page.goto(f"{address}/formgrader/manage_assignments?token=token")
        expect(page.locator("tr", has_text=room.stem).locator("td.num-submissions")).to_have_text("2")
        page.goto(f"{address}/formgrader/submissions/{name}", wait_until="domcontentloaded")
        points = page.locator("input.score").first
        expect(points).to_have_attribute("placeholder", "4")  # now the page listens to what is typed
        # Its tick is there from the beginning: what tells that the point is kept is the server's answer.
        with page.expect_response(
            lambda answer: answer.request.method == "PUT" and "/api/grade/" in answer.url
        ) as kept:
            points.fill("1.5")
            points.blur()
        assert kept.value.ok
        expect(page.locator(".score-saved").first).to_have_class(re.compile("glyphicon-ok"))
        page.goto(f"{address}/formgrader/manage_submissions/{room.stem}")
        for learner, points in (("ada", "3.5 / 6"), ("Åse", "0 / 6")):
            expect(page.locator("tr", has_text=learner)).to_contain_text(points)
    assert [row[8] for row in room.rows() if row[8] is not None] == [1.5]
    assert not (room.root / "gradebook.db").exists()
