"""What people type is text: neither a message nor a name becomes a script, a style or a form."""

from html.parser import HTMLParser

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from chat import actions
from chat.models import Room, User
from realtime.wire import Invalid
from tests.abuse.conftest import Connect
from tests.chat.test_markdown import LINKS, MARKUP, assert_harmless
from tests.factories import direct, room, say, staff

pytestmark = pytest.mark.django_db(transaction=True)

TRICKS = [
    # elements in and out of other elements, which parsers put in different places
    "<svg></p><style><a id='</style><img src=1 onerror=alert(1)>'>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=1 onerror=alert(1)>'>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<svg><foreignObject><iframe srcdoc='<script>alert(1)</script>'></foreignObject></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text>a</text></a></svg>",
    "<math href='javascript:alert(1)'>a</math>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<textarea></textarea><img src=x onerror=alert(1)></textarea>",
    "<title></title><img src=x onerror=alert(1)>",
    "<xmp></xmp><img src=x onerror=alert(1)>",
    "<template><script>alert(1)</script></template>",
    "<select><option></select><img src=x onerror=alert(1)>",
    "<table><td><script>alert(1)</script></td></table>",
    "<plaintext><script>alert(1)</script>",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<img src='x' onerror='alert(1)' ",
    "<a href=x onmouseover=alert(1) autofocus onfocus=alert(1) tabindex=0>a</a>",
    "<details open ontoggle=alert(1)><summary>a</summary></details>",
    "<object data='javascript:alert(1)'></object><embed src='data:text/html,a'>",
    "<input autofocus onfocus=alert(1)><button formaction='javascript:alert(1)'>a</button>",
    "<div style='background:url(javascript:alert(1))'>a</div>",
    "<style>@import '//evil.example'</style>",
    # out of an attribute
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    "`onmouseover=alert(1)`",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "--><script>alert(1)</script><!--",
    "]]><script>alert(1)</script>",
    # of a template, or a script
    "{{ 7*7 }}{% debug %}${alert(1)}#{alert(1)}<%= alert(1) %>",
    "';alert(1);//",
    "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e",
    "&lt;img src=x onerror=alert(1)&gt;",
    "&amp;lt;script&amp;gt;alert(1)&amp;lt;/script&amp;gt;",
    "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    # links
    "[a](java&Tab;script:alert(1))",
    "[a](java&NewLine;script&colon;alert(1))",
    "[a](&#x6a&#x61vascript:alert(1))",
    "[a](\u200bjavascript:alert(1))",
    "[a](\u202ejavascript:alert(1))",
    "[a](feed:javascript:alert(1))",
    "[a](view-source:javascript:alert(1))",
    "[a](blob:https://example.com/a)",
    "[a](intent://evil#Intent;scheme=javascript;end)",
    "[a](https://example.com/' onclick='alert(1))",
    "[a]: javascript:alert(1)\n\n[a]",
    "<JAVASCRIPT:alert(1)>",
    '<https://example.com/"onclick="alert(1)>',
    "javascript://example.com/%0aalert(1)",
    "https://example.com/<script>alert(1)</script>",
    "mailto:a@example.com?body=<script>alert(1)</script>",
    '[a](mailto:a@example.com?subject="onclick="alert(1))',
    # letters that are not seen, or turn others round
    "\u202e<img src=x onerror=alert(1)>\u202c",
    "<scr\u200bipt>alert(1)</scr\u200bipt>",
    "<scr\u00adipt>alert(1)</scr\u00adipt>",
    "<\u0000script>alert(1)</script>",
    "<script\u2028>alert(1)</script>",
    "\u2066[a](javascript:alert(1))\u2069",
]
# What may stand in a name: one line, of characters that can be seen.
NAMES = [trick for trick in TRICKS if trick.isprintable()]
UNSEEN = {
    "another direction": "a\u202eb",
    "another direction in a box": "a\u2067b",
    "a space of no width": "a\u200bb",
    "a mark of the byte order": "a\ufeffb",
    "a soft hyphen": "a\u00adb",
    "a control character": "a\x1b[31mb",
    "a NUL": "a\x00b",
    "a private letter": "a\ue000b",
    "a tag": "a\U000e0041b",
}


class Suspect(HTMLParser):
    """What in a page would run, or lead to something that runs."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in ("iframe", "object", "embed", "base", "style", "math", "meta", "frame"):
            harmless = tag == "meta" and "http-equiv" not in values
            self.found += [] if harmless else [tag]
        if tag == "script" and "src" not in values and values.get("type") != "importmap":
            self.found.append("an inline script")
        self.found += [f"{tag} {name}" for name in values if name.startswith("on")]
        self.found += [
            f"{tag} {name}={value}"
            for name, value in values.items()
            if name in ("href", "src", "action", "formaction")
            and value.strip().lower().startswith(("javascript:", "data:", "vbscript:"))
        ]


def test_what_is_suspect_is_found() -> None:
    assert (
        len(Suspect("<b onclick=a><script>a</script><a href=' JavaScript:a'><iframe>").found) == 4
    )
    assert Suspect("<b><script src=/a.js></script><a href=/a>&lt;script&gt;").found == []


# --- messages ------------------------------------------------------------------------------------


@pytest.mark.once
@pytest.mark.parametrize("body", TRICKS)
def test_no_trick_leaves_harm_in_the_html(body: str) -> None:
    assert_harmless(body)
    assert_harmless(f"> - {body}\n\n```\n{body}")
    assert_harmless(f"**{body}** ~~{body}~~ [{body}]({body})")


def test_every_way_to_read_a_message_gives_the_harmless_html(
    connect: Connect, alice: User, bob: User, garden: Room
) -> None:
    speaker, listener = connect(alice), connect(bob)
    tricks = [trick for trick in [*TRICKS, *MARKUP, *LINKS] if "\x00" not in trick]
    for trick in tricks:
        speaker.expect("message", client_id=speaker.say(garden.pk, trick))
    said = [listener.expect("message", position=n + 1) for n in range(len(tricks))]
    listener.send("history", room=garden.pk, before=11)
    listener.send("sync", room=garden.pk, since=0)
    for answer in (listener.expect("history"), listener.expect("sync")):
        for again in answer["messages"]:
            assert again["html"] == said[again["position"] - 1]["html"]
    for message in said:
        assert Suspect(message["html"]).found == []
    client = Client()
    client.force_login(bob)
    assert Suspect(client.get(garden.get_absolute_url()).content.decode()).found == []


def test_an_edited_message_is_as_harmless(connect: Connect, alice: User, garden: Room) -> None:
    client = connect(alice)
    number = say(alice, garden).pk
    client.ask("edit", message=number, body="<img src=x onerror=alert(1)>[a](javascript:alert(1))")
    html = client.expect("message", id=number)["html"]
    assert Suspect(html).found == []
    assert "<img" not in html


# --- names ---------------------------------------------------------------------------------------


def pages(user: User, *paths: str) -> list[str]:
    client = Client()
    client.force_login(user)
    return [client.get(path).content.decode() for path in paths]


@pytest.mark.once
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_text_on_every_page(name: str, alice: User, bob: User, eve: User) -> None:
    admin = staff("root")
    garden = room(alice, bob, admin, name=name[:80])
    actions.update_room(user=alice, room_id=garden.pk, name=name[:80], topic=name)
    actions.update_profile(user=alice, display_name=name[:60], color=1)
    talk = direct(alice, bob)
    say(alice, garden)
    say(alice, talk)
    number = garden.pk
    seen = pages(
        bob,
        *(f"/rooms/{number}/{page}" for page in ("", "settings/", "people/")),
        *(f"/rooms/{talk.pk}/", f"/rooms/{talk.pk}/people/", "/rooms/", "/people/"),
    )
    seen += pages(eve, f"/rooms/{number}/", "/rooms/")
    seen += pages(alice, "/accounts/profile/", f"/rooms/{number}/settings/")
    seen += pages(
        admin, "/admin/chat/user/", "/admin/chat/room/", f"/admin/chat/room/{number}/change/"
    )
    link = actions.invite(user=alice, room_id=number).get_absolute_url()
    seen += [*pages(eve, link), Client().get(link).content.decode()]
    for page in seen:
        assert "<h1" in page
        assert Suspect(page).found == []
    assert escape(name[:60]) in seen[0] and escape(name[:80]) in seen[0]


@pytest.mark.parametrize("name", UNSEEN.values(), ids=UNSEEN)
def test_what_cannot_be_seen_is_in_no_name(name: str, alice: User) -> None:
    garden = room(alice)
    with pytest.raises(Invalid):
        actions.update_profile(user=alice, display_name=name, color=1)
    with pytest.raises(Invalid):
        actions.update_room(user=alice, room_id=garden.pk, name=name, topic="")
    with pytest.raises(Invalid):
        actions.create_room(user=alice, name=name, kind="open")


@pytest.mark.parametrize("topic", UNSEEN.values(), ids=UNSEEN)
def test_what_cannot_be_seen_is_in_no_topic(topic: str, alice: User) -> None:
    garden = room(alice)
    with pytest.raises(Invalid):
        actions.update_room(user=alice, room_id=garden.pk, name="Garden", topic=topic)


def test_a_persons_and_a_familys_emoji_may_stand_in_a_name(alice: User) -> None:
    """Their joiners cannot be seen either, and belong there."""
    actions.update_profile(user=alice, display_name="Alice 👩‍🚀", color=1)
    alice.refresh_from_db()
    assert alice.display_name == "Alice 👩‍🚀"


def test_where_a_log_in_leads_is_a_page_of_this_site(alice: User) -> None:
    alice.set_password("correct horse battery")
    alice.save()
    form = {"username": "alice", "password": "correct horse battery"}
    for target in (
        "//evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/\\evil.example",
    ):
        answer = Client().post(reverse("login"), form | {"next": target})
        assert answer["Location"] == reverse("home")
