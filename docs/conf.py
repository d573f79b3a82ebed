"""Sphinx's settings: `make docs` builds the site into build/docs, offline, with every warning an error."""

import sys
from pathlib import Path
from typing import Any

import fnnet

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project, author = "fnnet", "The fnnet authors"
copyright = "The fnnet authors, MIT licence"
version = release = fnnet.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "myst_parser",
    "answers",
    "api_pages",
    "derivation_pages",
    "results_pages",
    "chinese",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_ext", "lessons", "pictures", "README.md", "**sg_execution_times.rst"]
root_doc = "index"

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
add_module_names = False
toc_object_entries_show_parents = "hide"
napoleon_numpy_docstring = False
napoleon_use_rtype = False
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "deflist"]
smartquotes_action = "D"  # dashes only: quotes stay as they are in code

sphinx_gallery_conf = {
    "examples_dirs": ["lessons", "pictures"],
    "gallery_dirs": ["tutorials", "gallery"],
    "backreferences_dir": None,  # pages of the reference say themselves where a name is used
    "image_scrapers": ("gallery.scraper",),
    "within_subsection_order": "gallery.order",
    "reset_modules": (),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "min_reported_time": 10**6,  # no seconds on pages: equal sources make equal sites
    "show_signature": False,
    "plot_gallery": True,
}

locale_dirs, gettext_compact, gettext_location = ["locale"], False, False  # a catalogue a page, without line numbers

html_theme = "furo"
html_title = "fnnet"
html_static_path = ["_static"]
templates_path = ["_templates"]
html_css_files = ["fnnet.css"]
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}
pygments_style, pygments_dark_style = "tango", "monokai"


def setup(app: Any) -> None:
    """What Sphinx calls: the blank line that a doctest ends with in Markdown is not shown."""
    app.connect("source-read", lambda app, name, text: text.__setitem__(0, text[0].replace("\n\n```\n", "\n```\n")))
