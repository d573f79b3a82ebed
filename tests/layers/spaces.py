"""What tests of layers over signals, images and volumes draw."""

from hypothesis import strategies as st


@st.composite
def convolutions(draw, dims, modes=("zeros", "zeros", "reflect", "replicate", "circular")):
    """(shape of x, options of a convolution that fits): sides as pairs, everything else one number an axis."""
    kernel, stride, dilation = (tuple(draw(st.integers(1, 3)) for _ in range(dims)) for _ in range(3))
    mode, groups = draw(st.sampled_from(modes)), draw(st.integers(1, 3))
    sides, sizes = [], []
    for k, d in zip(kernel, dilation, strict=True):
        before, after = draw(st.integers(0, 2)), draw(st.integers(0, 2))
        most = max(before, after)
        least = max((k - 1) * d + 1 - before - after, {"reflect": most + 1, "circular": most}.get(mode, 1), 1)
        sides.append((before, after))
        sizes.append(least + draw(st.integers(0, 3 if dims < 3 else 1)))
    shape = (draw(st.integers(1, 2)), groups * draw(st.integers(1, 2)), *sizes)
    options = {"stride": stride, "padding": tuple(sides), "dilation": dilation, "groups": groups, "padding_mode": mode}
    return shape, kernel, groups * draw(st.integers(1, 2)), options
