"""Looks at a figure of the studies as a reader would: does it fit a page, is anything covered, do curves differ?"""

from itertools import combinations, pairwise

from matplotlib.text import Text

from experiments.engine import figures

SPACE = 7  # dots at 200 an inch: a third of an em


def looked_at(draw, monkeypatch, name=""):
    """The figure that `draw` makes in place of its bytes, looked at under the settings that it is drawn with."""
    drawn = []

    def look(made):
        made.draw_without_rendering()
        _look(made, name)
        drawn.append(made)

    with monkeypatch.context() as changed:
        changed.setattr(figures, "png", look)
        draw()
    return drawn[-1]


def _look(made, name):
    """What holds for every figure of the studies."""
    width, height = made.get_size_inches()
    assert (width, made.dpi) == (6.6, 200), name
    box = made.get_tightbbox()  # all that is drawn, in inches
    assert -0.01 < box.x0 < box.x1 < width + 0.01, name
    assert -0.01 < box.y0 < box.y1 < height + 0.01, name
    assert all(7 <= text.get_fontsize() <= 9 for text in made.findobj(Text) if text.get_text()), name
    assert len(made.legends) <= 1, name
    for legend in made.legends:
        assert legend.get_window_extent().x0 > 0.01 * made.bbox.width, name
    for axes in made.axes:
        assert axes.get_legend() is None, name
        assert not any(legend.get_window_extent().overlaps(axes.get_tightbbox()) for legend in made.legends), name
        if axes.axison:
            assert axes.get_xlabel(), name
            assert axes.get_ylabel() or axes.get_yticklabels()[0].get_text(), name
            for axis in (axes.xaxis, axes.yaxis):
                assert not any(a.overlaps(b) for a, b in pairwise(_ticks(axis))), (name, axis.get_label_text())
        low, high = axes.get_ylim()
        for line in axes.get_lines():
            hidden = len(line.get_ydata()) and all(not min(low, high) <= y <= max(low, high) for y in line.get_ydata())
            assert not hidden or any(text.get_text().startswith(f"{line.get_label()}: ") for text in axes.texts), name
    for (label, one), (other, another) in combinations(lines(made).items(), 2):
        assert one.get_color() != another.get_color(), (name, label, other)
        assert one.get_marker() != another.get_marker(), (name, label, other)


def _ticks(axis):
    """Where the numbers along an axis stand, with the width of a space between them."""
    low, high = sorted(axis.get_view_interval())
    ticks = zip(axis.get_major_ticks(), axis.get_majorticklocs(), strict=True)
    seen = [tick.label1 for tick, at in ticks if low <= at <= high and tick.label1.get_text()]
    return [label.get_window_extent().padded(SPACE / 2, 0) for label in seen]


def lines(made):
    """The lines of a figure by label."""
    told = [axes.get_legend_handles_labels() for axes in made.axes]
    lines = {label: handle for handles, labels in told for handle, label in zip(handles, labels, strict=True)}
    return {label: handle[0] if isinstance(handle, tuple) else handle for label, handle in lines.items()}
