"""Folded answers: what stands below a rubric of the class `answer`, up to the next one, is shown on a click."""

from typing import Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform


class Answer(nodes.General, nodes.Element):
    """A folded answer."""


class Head(nodes.General, nodes.TextElement):
    """What is seen of it in any case."""


class Fold(SphinxPostTransform):
    """Rubric, text, code, picture, rubric, … → Answer(Head, text, code, picture), Answer(Head, …)."""

    default_priority = 900

    def run(self, **options: Any) -> None:
        """Fold every answer of a page."""
        for rubric in [node for node in self.document.findall(nodes.rubric) if "answer" in node["classes"]]:
            around, at = rubric.parent, rubric.parent.index(rubric)
            below = around.children[at + 1 :]
            end = next((i for i, node in enumerate(below) if ends(node)), len(below))
            around[at : at + 1 + end] = [Answer("", Head("", "", *rubric.children), *below[:end])]


def ends(node: nodes.Node) -> bool:
    """Whether an answer above is at its end: at the next, at a heading, at the links to a tutorial's file."""
    return isinstance(node, nodes.rubric | nodes.section | nodes.target) or (
        isinstance(node, nodes.Element) and "sphx-glr-footer" in node["classes"]
    )


def setup(app: Any) -> dict[str, bool]:
    """What Sphinx calls."""
    app.add_node(Answer, html=tags("<details class='answer'>", "</details>"))
    app.add_node(Head, html=tags("<summary>", "</summary>"))
    app.add_post_transform(Fold)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def tags(before: str, behind: str) -> tuple[Any, Any]:
    """How a node is written."""
    return lambda self, node: self.body.append(before), lambda self, node: self.body.append(behind)
