"""How `make docs` builds this folder: Markdown in, a folder of HTML files out."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for source_pages

project = "A chat to start from"
copyright = "its authors, BSD-3-Clause"
html_title = project

extensions = ["myst_parser", "sphinx_copybutton", "source_pages"]
myst_heading_anchors = 3  # links to headings, as GitHub has them
nitpicky = True

html_theme = "furo"  # light and dark, and readable on a phone
html_copy_source = False
html_show_sphinx = False
copybutton_exclude = ".linenos, .gp, .go"  # prompts, and what a program answered
