"""From what a person typed to the only HTML that ever enters a page."""

import re

import nh3
from markdown_it import MarkdownIt

# What most people say most of the time: words, and what stands between and after words. None of it
# means anything to Markdown or to HTML, nor makes a link. Of what is not ASCII, nothing does.
_plain = re.compile(
    r"""(?: [a-zA-Z] | [^\x00-\x9F\s\uD800-\uDFFF] )
        (?: [a-zA-Z0-9\ ,?!'"()-] | [^\x00-\x9F\s\uD800-\uDFFF]
          | [.:;](?=\ |$) | (?<=[0-9])[.:](?=[0-9]) )*""",
    re.VERBOSE,
)

# No images: they would tell their host who read what. No tables: ten kilobytes make a megabyte.
_markdown = MarkdownIt(
    "gfm-like", {"html": False, "breaks": True, "linkify": True, "maxNesting": 20}
).disable(["image", "table"])

_cleaner = nh3.Cleaner(
    tags={"a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr"}
    | {"li", "ol", "p", "pre", "s", "strong", "ul"},
    attributes={"*": set(), "a": {"href"}, "ol": {"start"}},
    url_schemes={"http", "https", "mailto"},
    link_rel="noopener noreferrer nofollow",
    set_tag_attribute_values={"a": {"target": "_blank"}},
)


def render(body: str) -> str:
    """Markdown to HTML that is safe to show to anyone: no scripts, styles, images or classes."""
    if _plain.fullmatch(body):
        return f"<p>{body}</p>"
    return _cleaner.clean(_markdown.render(body)).strip()
