"""Whatever a person types, the HTML that comes out of it is harmless, and comes out soon."""

import re
import time
from html.parser import HTMLParser
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.markdown import _plain, render
from chat.protocol import MAX_BODY

TAGS = {"a", "blockquote", "br", "code", "em", "hr", "li", "ol", "p", "pre", "s", "strong", "ul"}
TAGS |= {f"h{level}" for level in range(1, 7)}
ATTRIBUTES = {"a": {"href", "title", "rel", "target"}, "ol": {"start"}}
WORDS = "ab Zé漢٣…👍\u2013\u2019\u200d\u2028\xa0 019.:;,?!'\"()-_*#"
NOTHING = re.compile(r"(?!)")  # matches it
SCHEMES = {"", "http", "https", "mailto"}


class Elements(HTMLParser):
    """What a browser would make of some HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_comment(self, data: str) -> None:
        self.found.append(("comment", {}))

    def handle_decl(self, decl: str) -> None:
        self.found.append(("declaration", {}))

    def handle_pi(self, data: str) -> None:
        self.found.append(("instruction", {}))


def tags(body: str) -> list[str]:
    return [tag for tag, _ in Elements(render(body)).found]


def links(body: str) -> list[str | None]:
    return [attributes["href"] for tag, attributes in Elements(render(body)).found if tag == "a"]


def assert_harmless(body: str) -> None:
    for tag, attributes in Elements(render(body)).found:
        assert tag in TAGS
        assert attributes.keys() <= ATTRIBUTES.get(tag, set())
        assert urlsplit(attributes.get("href") or "").scheme in SCHEMES


# --- what one may write --------------------------------------------------------------------------


@given(st.text(alphabet=WORDS, max_size=30).map(str.strip))
@settings(max_examples=1_000)
def test_plain_words_become_what_markdown_would_make_of_them(body: str) -> None:
    with patch("chat.markdown._plain", NOTHING):
        made = render(body)
    assert render(body) == made


def test_words_are_plain_and_what_means_something_is_not() -> None:
    assert _plain.fullmatch("Is it done? Yes, since 10:30 \u2013 look (it\u2019s there…) 👍.")
    for body in (
        "1. one",
        "- one",
        "see example.com",
        "a*b*",
        "a_b_",
        "<b>",
        "&amp;",
        "a\nb",
        "[a",
        "me.com:1",
        "a\xa0b",
    ):
        assert not _plain.fullmatch(body)


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("**a** *b* ~~c~~ `d`", "<p><strong>a</strong> <em>b</em> <s>c</s> <code>d</code></p>"),
        ("a\nb", "<p>a<br>\nb</p>"),
        ("a\n\nb", "<p>a</p>\n<p>b</p>"),
        ("> a", "<blockquote>\n<p>a</p>\n</blockquote>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("3. a", '<ol start="3">\n<li>a</li>\n</ol>'),
        ("# a", "<h1>a</h1>"),
        ("---", "<hr>"),
        ("```\na < b\n```", "<pre><code>a &lt; b\n</code></pre>"),
        ("a & b < c", "<p>a &amp; b &lt; c</p>"),
    ],
)
def test_markdown_becomes_html(body: str, html: str) -> None:
    assert render(body) == html


@pytest.mark.parametrize(
    ("body", "link"),
    [
        ("[a](https://example.com/b?c=d#e)", "https://example.com/b?c=d#e"),
        ("[a](mailto:bob@example.com)", "mailto:bob@example.com"),
        ("[a][b]\n\n[b]: http://example.com", "http://example.com"),
        ("<https://example.com/>", "https://example.com/"),
        ("see https://example.com/a_b.", "https://example.com/a_b"),
        ("see www.example.com", "http://www.example.com"),
        ("ask bob@example.com", "mailto:bob@example.com"),
    ],
)
def test_links_are_links_with_and_without_markup(body: str, link: str) -> None:
    assert links(body) == [link]


def test_a_link_opens_elsewhere_and_tells_nobody_where_it_came_from() -> None:
    [(_, attributes)] = Elements(render("<https://example.com>")).found[1:]
    assert attributes["target"] == "_blank"
    assert str(attributes["rel"]).split() == ["noopener", "noreferrer", "nofollow"]


def test_an_image_is_a_link_to_it() -> None:
    assert tags("![a](https://example.com/b.png)") == ["p", "a"]


def test_the_language_of_code_leaves_no_class() -> None:
    assert render("```python\na\n```") == "<pre><code>a\n</code></pre>"


def test_a_table_stays_text() -> None:
    assert tags("| a | b |\n|---|---|\n| c | d |") == ["p", "br", "br"]


# --- what one may not ----------------------------------------------------------------------------

MARKUP = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext></p><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<a href='javascript:alert(1)' onclick=alert(1)>a</a>",
    "<p class=banner style='position:fixed'>a</p>",
    "<form action=/accounts/logout/><button>a</button></form>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<!-- a --><!doctype html><?php a ?><![CDATA[ a ]]>",
    "</p></div><div class=app>",
    "`<script>alert(1)</script>`",
    "```\n</code></pre><script>alert(1)</script>\n```",
    '```"><script>alert(1)</script>\na\n```',
    "- <script>alert(1)</script>\n> <img src=x onerror=alert(1)>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "\\<script>alert(1)\\</script>",
]
LINKS = [
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt:alert(1))",
    "[a](java\nscript:alert(1))",
    "[a](<java\tscript:alert(1)>)",
    "[a](<\x01javascript:alert(1)>)",
    "[a](&#106;avascript:alert(1))",
    "[a](javascript&colon;alert(1))",
    "[a](javascript%3Aalert(1))",
    "[a](\\javascript:alert(1))",
    "[a](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[a](data:image/svg+xml,<svg onload=alert(1)>)",
    "[a](vbscript:msgbox(1))",
    "[a](file:///etc/passwd)",
    "[a](ftp://example.com)",
    "[a][b]\n\n[b]: javascript:alert(1)",
    "<javascript:alert(1)>",
    "<data:text/html,a>",
    "![a](javascript:alert(1))",
    "![a](data:image/png;base64,AAAA)",
    "[![a](javascript:alert(1))](javascript:alert(1))",
    '[a](https://example.com "b" onclick="alert(1)")',
    '[a](https://example.com/"onmouseover="alert(1))',
    '[a](https://example.com "\\" onclick=\\"alert(1)")',
    'https://example.com/"onmouseover="alert(1)',
]


@pytest.mark.parametrize("body", MARKUP + LINKS)
def test_no_trick_leaves_harm_in_the_html(body: str) -> None:
    assert_harmless(body)


@pytest.mark.parametrize("body", MARKUP)
def test_markup_that_is_typed_stays_text(body: str) -> None:
    assert {"script", "img", "svg", "style", "form", "iframe"}.isdisjoint(tags(body))
    assert "<script" not in render(body).lower()


def test_the_typed_text_of_a_tag_can_be_read() -> None:
    assert render("<b>") == "<p>&lt;b&gt;</p>"


@given(st.text(alphabet="<>&;:/\\\"'`*_~[]()!#-+.|=@ \n\tajsx1\x00é😀", max_size=60))
@settings(max_examples=300, deadline=None)
def test_nothing_that_can_be_typed_leaves_harm_in_the_html(body: str) -> None:
    assert_harmless(body)


# --- how long it may take ------------------------------------------------------------------------

PATTERNS = {
    "stars": "*",
    "stars and words": "*a ",
    "stars both ways": "*a**a",
    "underscores": "_a",
    "strikes": "~~a",
    "open brackets": "[",
    "open images": "![",
    "closed brackets": "[]",
    "links": "[a](b)",
    "open links": "[a](",
    "open link targets": "[a](<b",
    "open titles": '[a](b "',
    "references": "[a]: b\n",
    "undefined references": "[a][b]",
    "backslashes": "\\",
    "ampersands": "&",
    "entities": "&amp;",
    "numbers for characters": "&#x",
    "less than": "<",
    "tags": "<a>",
    "open comments": "<!--",
    "open instructions": "<?",
    "open declarations": "<!A ",
    "quotes": ">",
    "quotes and space": "> ",
    "lists": "- ",
    "numbered lists": "1. ",
    "lists in quotes": "> - ",
    "lists in lines": "- a\n",
    "headings": "# a\n",
    "underlined": "a\n=\n",
    "rules": "---\n",
    "fences": "```\n",
    "indented": "    a\n",
    "lines": "\n",
    "broken lines": "a  \n",
    "tabs": "\t",
    "hosts": "www.",
    "addresses": "http://",
    "addresses in a row": "http://a.b ",
    "hosts with dots": "a.",
    "letters before at": "a@",
    "mail": "a@b.c ",
    "colons": ":",
    "slashes": "/",
    "mailto": "mailto:",
    "brackets in an address": "(",
    "tables": "|",
    "table rows": "|a|\n|-|\n",
    "emoji": "👨‍👩‍👧",
    "one letter": "a",
    "nul": "\x00",
}


def nested(opening: str, closing: str) -> str:
    depth = MAX_BODY // len(opening + closing)
    return opening * depth + closing * depth


SHAPES = {
    "brackets in brackets": nested("[", "]"),
    "links in links": nested("[", "](a)"),
    "images in images": nested("![", "](a)"),
    "brackets in a target": "[a](" + nested("(", ")"),
    "stars in stars": nested("*a ", " a*"),
    "backticks that grow": "".join("a" + "`" * length for length in range(140)),
    "lists that grow": "".join(" " * depth + "- a\n" for depth in range(138)),
    "quotes that grow": "".join(">" * depth + " a\n" for depth in range(138)),
    "an address in brackets": "http://a.b/" + nested("(", ")"),
    "a long address": "http://" + "a." * 5_000,
    "a long mail address": "a." * 4_990 + "@example.com",
}
LONG = {name: (p * MAX_BODY)[:MAX_BODY] for name, p in PATTERNS.items()} | SHAPES


@pytest.mark.parametrize("body", LONG.values(), ids=LONG)
def test_the_longest_message_is_rendered_soon(body: str) -> None:
    """Generous: only what grows much faster than its text takes longer."""
    start = time.monotonic()
    html = render(body)
    assert time.monotonic() - start < 5
    assert len(html) < 64 * MAX_BODY
