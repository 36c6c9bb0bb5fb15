"""Sliders, boxes and buttons change the picture below them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from nbformat import NotebookNode
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.xdist_group("browser")


def only(*cell_ids: str) -> Callable[[NotebookNode], None]:
    """Keeps these cells of a lesson alone, which a browser opens sooner."""

    def change(notebook: NotebookNode) -> None:
        notebook.cells = [cell for cell in notebook.cells if cell.id in cell_ids]
        assert len(notebook.cells) == len(cell_ids)

    return change


def spoken(cell: Locator) -> Locator:
    """The sentence that says what the picture shows; a screen reader reads it out whenever it changes."""
    return cell.get_by_role("status")


def picture(cell: Locator) -> str:
    """The address of the widget's picture, another one for each picture."""
    return cell.locator("img.widget-image").get_attribute("src")


def move(cell: Locator, name: str, key: str) -> None:
    """Moves the slider of this name by one, with a key."""
    slider = cell.locator(".widget-slider", has=cell.page.get_by_text(name, exact=True))
    slider.locator(".noUi-handle").press(key)


def test_the_stepper_moves_by_slider_buttons_and_by_itself(show: Callable) -> None:
    stepper = show("01_pooling", "cell-002", "cell-004")
    expect(spoken(stepper)).to_have_text("Step 1 of 4: output[0, 0] = max(3, 1, 5, 9) = 9.")
    first = picture(stepper)

    move(stepper, "step", "ArrowRight")
    expect(spoken(stepper)).to_have_text("Step 2 of 4: output[0, 1] = max(4, 1, 2, 6) = 6.")
    second = picture(stepper)
    assert second != first

    stepper.get_by_role("button", name="next").click()
    expect(spoken(stepper)).to_contain_text("Step 3 of 4")
    third = picture(stepper)
    assert third not in (first, second)

    stepper.get_by_role("button", name="previous").click()
    expect(spoken(stepper)).to_contain_text("Step 2 of 4")
    stepper.locator(".jupyter-widgets.widget-play button").first.click()
    expect(spoken(stepper)).to_contain_text("Step 4 of 4")


def test_the_explorer_answers_to_every_control(show: Callable) -> None:
    explorer = show("00_start_here", "cell-003", "cell-027")
    expect(explorer.locator(".widget-slider")).to_have_count(5)
    expect(spoken(explorer)).to_contain_text("No window reads position 6.")
    before = picture(explorer)

    explorer.get_by_label("ceil_mode").check()
    expect(spoken(explorer)).not_to_contain_text("No window reads")
    ceiled = picture(explorer)
    assert ceiled != before

    move(explorer, "size", "ArrowRight")
    expect(spoken(explorer)).to_contain_text("size 8")
    assert picture(explorer) not in (before, ceiled)


def test_the_router_sends_gradients_and_the_slider_moves_a_signal(
    show: Callable, screenshot: Callable[[str], None]
) -> None:
    router = show("02_backward_and_shift", "cell-002", "cell-011")
    expect(spoken(router)).to_have_text("Step 4 of 4: grad_output[1, 1] = 36. All of it goes to x[2, 1].")
    move(router, "step", "ArrowLeft")
    expect(spoken(router)).to_have_text("Step 3 of 4: grad_output[1, 0] = 27. All of it goes to x[2, 1].")
    router.get_by_role("combobox").select_option("avg_pool2d")
    expect(spoken(router)).to_have_text("Step 3 of 4: grad_output[1, 0] = 27. Each of 9 inputs gets 3.")
    screenshot("routed")

    shifter = show("02_backward_and_shift", "cell-002", "cell-039")
    expect(spoken(shifter)).to_contain_text("Shift 1. The mean of maximum of 2 is 0.333,")
    before = picture(shifter)
    move(shifter, "shift", "ArrowRight")
    expect(spoken(shifter)).to_contain_text("Shift 2. The mean of maximum of 2 is 0.25,")
    assert picture(shifter) != before


def test_the_field_explorer_draws_the_stack_that_is_typed(show: Callable) -> None:
    explorer = show("03_strided_convolution", "cell-002", "cell-036", "cell-038")
    expect(spoken(explorer)).to_contain_text("output 8 has a field of 16, positions 26 to 41")
    first = picture(explorer)

    explorer.get_by_label("layers").fill("[(3, 2, 1), (3, 1, 0)]")
    explorer.get_by_label("layers").press("Enter")
    expect(spoken(explorer)).to_contain_text("has a field of 7")
    explorer.get_by_role("button", name="add (2, 2, 0)").click()
    expect(spoken(explorer)).to_contain_text("has a field of 9")
    move(explorer, "output", "ArrowRight")
    expect(spoken(explorer)).to_contain_text("The two agree.")
    assert picture(explorer) != first


def test_the_bins_follow_both_sliders(show: Callable) -> None:
    explorer = show("04_adaptive_pooling", "cell-002", "cell-012")
    expect(spoken(explorer)).to_contain_text("2 over 5 positions: 0…2, 2…4. Several bins read position 2.")
    before = picture(explorer)

    move(explorer, "size", "ArrowRight")
    expect(spoken(explorer)).to_contain_text("2 over 6 positions: 0…2, 3…5. The bins lie side by side")
    move(explorer, "output_size", "ArrowRight")
    move(explorer, "output_size", "ArrowRight")
    expect(spoken(explorer)).to_contain_text("4 over 6 positions: 0…1, 1…2, 3…4, 4…5. Several bins read")
    assert picture(explorer) != before


def test_channels_become_phases_in_either_order(show: Callable) -> None:
    explorer = show("09_pixel_shuffle", "cell-002", "cell-008")
    expect(spoken(explorer)).to_contain_text("Channel 5 goes to output channel 1, row 0 and column 1 of every block.")
    before = picture(explorer)
    explorer.get_by_role("combobox").select_option("DCR, TensorFlow")
    expect(spoken(explorer)).to_contain_text("Channel 5 goes to output channel 1, row 1 and column 0 of every block.")
    move(explorer, "upscale_factor", "ArrowRight")
    expect(spoken(explorer)).to_contain_text("18 input channels become two.")
    move(explorer, "channel", "ArrowRight")
    expect(spoken(explorer)).to_contain_text("Channel 6 goes to")
    assert picture(explorer) != before
