"""What sphinx-gallery is told: how a figure is found, and in which order pages stand."""

from typing import Any

from sphinx_gallery.scrapers import figure_rst

ORDER = (
    "plot_mnist.py",
    "plot_own_layer.py",
    "plot_batch_norm.py",
    "plot_sgd.py",
    "plot_dropout.py",
    "plot_sequence.py",
    "plot_unet.py",
    "plot_onnx.py",
    "plot_clusters.py",
    "plot_inside.py",
    "plot_attention.py",
    "plot_characters.py",
    "plot_landscape.py",
    "plot_confusion.py",
    "plot_bands.py",
)


def scraper(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """The figure that a block has called `figure`, as a picture on the page."""
    figure = block_vars["example_globals"].pop("figure", None)
    if figure is None:
        return ""
    path = next(block_vars["image_path_iterator"])
    figure.savefig(path, facecolor="white")
    return figure_rst([path], gallery_conf["src_dir"])


def order(name: str) -> int:
    """Where a tutorial stands, or a page of pictures."""
    return ORDER.index(name)
