"""Icons, drawn once on every page by templates/_icons.html and shown by name."""

from django import template
from django.template.base import Parser, TextNode, Token

register = template.Library()


@register.tag
def icon(parser: Parser, token: Token) -> TextNode:
    """`{% icon send %}`. A part of the template's text from then on: a page may have hundreds."""
    _, name = token.split_contents()
    return TextNode(f'<svg class="icon" aria-hidden="true"><use href="#icon-{name}"></use></svg>')
