"""How `make docs` builds this folder: Markdown in, a folder of HTML files out."""

import sys
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish

sys.path.insert(0, str(Path(__file__).parent))  # for source_pages

project = "A chat to start from"
copyright = "its authors, BSD-3-Clause"
html_title = project

extensions = ["myst_parser", "sphinx_copybutton", "source_pages"]
myst_heading_anchors = 3  # links to headings, as GitHub has them
nitpicky = True

html_theme = "furo"  # light and dark, and readable on a phone
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_copy_source = False
html_show_sphinx = False
copybutton_exclude = ".linenos, .gp, .go"  # prompts, and what a program answered


class SearchNumbersToo(SearchEnglish):
    """Finds 1011 and 403. Sphinx leaves numbers out of its index, and its script out of a query; so
    both take them for words that begin with a letter."""

    js_splitter_code = r"""
        var splitQuery = (query) => (query.match(/[\p{L}\p{N}_]+/gu) ?? [])
          .map((word) => (/^\d+$/.test(word) ? `n${word}` : word));
    """

    def split(self, input: str) -> list[str]:
        return [f"n{word}" if word.isdigit() else word for word in super().split(input)]


def setup(app: Sphinx) -> None:
    app.add_search_language(SearchNumbersToo)
