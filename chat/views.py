"""The pages, synchronous and small. `queries` decide what is seen, `actions` what is done."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView
from django.contrib.messages import get_messages
from django.core.paginator import Paginator
from django.db.models import OuterRef, Subquery
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse, reverse_lazy
from django.views.decorators.http import etag, require_POST

from chat import actions, queries, serializers
from chat.forms import (
    AccountForm,
    DirectForm,
    MemberForm,
    NewRoomForm,
    PasswordForm,
    ProfileForm,
    RoleForm,
    RoomForm,
    SignUpForm,
)
from chat.models import Invitation, Membership, Message, Room, User
from chat.protocol import MAX_UNREAD
from realtime.presence import PROCESS
from realtime.wire import Forbidden, Invalid

EMOJI = {
    "Hands": ["👍", "👎", "👏", "🙌", "🙏", "💪", "👋", "🤝"],
    "Faces": ["😀", "😂", "😊", "😍", "🤔", "😮", "😢", "😴"],
    "Things": ["❤️", "🎉", "🔥", "🚀", "👀", "✅", "❌", "☕"],
}
ROOMS = 50  # on a page of those that can be joined
KEPT_BY_THE_BROWSER = "private, no-cache"  # which has to ask whether it is still so


class UserRequest(HttpRequest):
    """A request behind `login_required`."""

    user: User


def page(
    request: UserRequest, template: str, status: int = 200, room_id: int = 0, **context: Any
) -> HttpResponse:
    """A page of a person, with the rooms of that person at its side; one may be about a room."""
    rooms = [serializers.room_state(m, request.user) for m in queries.memberships(request.user)]
    name = next((room.name for room in rooms if room.id == room_id), "")
    context |= {"sidebar": rooms, "max_unread": MAX_UNREAD, "room_id": room_id, "name": name}
    response = render(request, template, context, status=status)
    response["Cache-Control"] = KEPT_BY_THE_BROWSER
    return response


@contextmanager
def refusals_on(form: BaseForm) -> Iterator[None]:
    """What is refused as invalid is said on the form."""
    try:
        yield
    except Invalid as refusal:
        form.add_error(None, refusal.detail)


# --- rooms ---------------------------------------------------------------------------------------


@login_required
def home(request: UserRequest) -> HttpResponse:
    last = last_room(request)
    if last is None:
        return page(request, "chat/begin.html")
    return redirect(reverse("room", args=[last], query=request.GET))


def last_room(request: UserRequest) -> int | None:
    """Where this person was last, or else where something was said last."""
    mine = Membership.objects.of(request.user)
    last: int | None = request.session.get("last_room")
    if last and mine.filter(room=last).exists():
        return last
    newest = Message.objects.filter(room=OuterRef("room")).newest_first().values("pk")[:1]
    by_newest = mine.order_by(Subquery(newest).desc(nulls_last=True), "pk")
    return by_newest.values_list("room", flat=True).first()


@login_required
def room(request: UserRequest, room_id: int) -> HttpResponse:
    # The room's number is read before its messages: what is said in between then comes twice
    # rather than never.
    try:
        here = queries.membership(request.user, room_id)
    except Forbidden:
        return before_the_door(request, room_id)
    if request.session.get("last_room") != room_id:
        request.session["last_room"] = room_id
    response: HttpResponse = room_page(request, here)
    response["Cache-Control"] = KEPT_BY_THE_BROWSER  # a 304 has to say so as well
    # The browser puts the headers of a 304 in the place of those it has, but the nonce of the page
    # it has is in the policy it has (RFC 9111, section 4.3.4).
    response._csp_exempt = response.status_code == HTTPStatus.NOT_MODIFIED  # type: ignore[attr-defined]
    return response


def edition(request: UserRequest, here: Membership) -> str | None:
    """The ETag of a room's page, as this process makes it for this session. A weak one: no two have
    the same bytes."""
    appearance, token = queries.appearance(request.user), request.META.get("CSRF_COOKIE")
    if settings.DEBUG or not appearance or not token or len(get_messages(request)):
        return None
    room, session = here.room, request.session.session_key
    read_before = [room.pk, room.head, room.name, room.topic, here.role, here.read]
    shown = repr(
        [PROCESS, session, token, read_before, position_asked_for(request, here), appearance]
    )
    return f'W/"{sha256(shown.encode()).hexdigest()}"'


@etag(edition)
def room_page(request: UserRequest, here: Membership) -> HttpResponse:
    return page(
        request,
        "chat/room.html",
        room_id=here.room_id,
        here=here,
        emoji=EMOJI,
        **what_was_said(here.room_id, position_asked_for(request, here)),
    )


def position_asked_for(request: UserRequest, here: Membership) -> int | None:
    """Where in the room the page is to open. None is at the newest, and so is all that is odd."""
    try:
        position = int(request.GET.get("at", ""))
    except ValueError:
        return None
    return position if 0 < position <= here.room.head else None


def what_was_said(room_id: int, at: int | None) -> dict[str, Any]:
    """The newest messages, or those around a position; the one that is there or next is marked."""
    if at is None:
        newest = [serializers.message(message) for message in queries.newest_messages(room_id)]
        return {"history": newest, "more": len(newest) == queries.PAGE, "newer": False}
    around, more, newer = queries.page_around(room_id, at)
    marked = next((message.position for message in around if message.position >= at), at)
    return {"history": around, "more": more, "newer": newer, "at": marked}


def before_the_door(request: UserRequest, room_id: int) -> HttpResponse:
    """An open room can be joined by who follows a link to it; others stay closed."""
    room = Room.objects.open().filter(pk=room_id).first()
    if room is None:
        raise Forbidden("You are not in this room.")
    return page(request, "chat/room_join.html", status=403, room=room)


@login_required
def rooms(request: UserRequest) -> HttpResponse:
    others = Room.objects.open().not_joined_by(request.user).order_by("name", "pk")
    here = Paginator(others, ROOMS).get_page(request.GET.get("page"))
    return page(request, "chat/rooms.html", others=here)


@login_required
def room_new(request: UserRequest) -> HttpResponse:
    form = NewRoomForm(request.POST or None)
    if form.is_valid():
        with refusals_on(form):
            return redirect(actions.create_room(user=request.user, **form.cleaned_data))
    return page(request, "chat/room_new.html", form=form)


@login_required
def room_settings(request: UserRequest, room_id: int) -> HttpResponse:
    here = queries.membership(request.user, room_id)
    form = RoomForm(
        request.POST or None, initial={"name": here.room.name, "topic": here.room.topic}
    )
    if form.is_valid():
        with refusals_on(form):
            return redirect(
                actions.update_room(user=request.user, room_id=room_id, **form.cleaned_data)
            )
    return page(request, "chat/room_settings.html", here=here, room_id=room_id, form=form)


@require_POST
@login_required
def room_join(request: UserRequest, room_id: int) -> HttpResponse:
    return redirect(actions.join_room(user=request.user, room_id=room_id))


@require_POST
@login_required
def room_leave(request: UserRequest, room_id: int) -> HttpResponse:
    actions.leave_room(user=request.user, room_id=room_id)
    return redirect("home")


# --- people --------------------------------------------------------------------------------------


@login_required
def people(request: UserRequest, room_id: int) -> HttpResponse:
    return people_page(request, queries.membership(request.user, room_id))


def people_page(
    request: UserRequest, here: Membership, form: MemberForm | None = None
) -> HttpResponse:
    return page(
        request,
        "chat/people.html",
        here=here,
        room_id=here.room_id,
        people=queries.people(here.room_id),
        form=form or MemberForm(here.room),
        roles=[Membership.Role.MODERATOR, Membership.Role.MEMBER],
        link=invitation_link(request, here.room),
    )


def invitation_link(request: UserRequest, room: Room) -> str:
    """What `invite` has made stands in the address, so that a reload makes no second one."""
    token = request.GET.get("invitation", "").replace("\0", "")  # PostgreSQL refuses to compare it
    invitation = Invitation.objects.valid().filter(room=room, token=token).first()
    return request.build_absolute_uri(invitation.get_absolute_url()) if invitation else ""


@require_POST
@login_required
def member_add(request: UserRequest, room_id: int) -> HttpResponse:
    here = queries.membership(request.user, room_id)
    form = MemberForm(here.room, request.POST)
    if not form.is_valid():
        return people_page(request, here, form)
    person: User = form.cleaned_data["person"]
    actions.add_member(user=request.user, room_id=room_id, member_id=person.pk)
    messages.success(request, f"{person} is in the room now.")
    return redirect("people", room_id)


@require_POST
@login_required
def member_remove(request: UserRequest, room_id: int, member_id: int) -> HttpResponse:
    actions.remove_member(user=request.user, room_id=room_id, member_id=member_id)
    return redirect("people", room_id)


@require_POST
@login_required
def member_role(request: UserRequest, room_id: int, member_id: int) -> HttpResponse:
    form = RoleForm(request.POST)
    if not form.is_valid():
        raise Invalid("There is no such role.")
    actions.set_role(
        user=request.user, room_id=room_id, member_id=member_id, role=form.cleaned_data["role"]
    )
    return redirect("people", room_id)


@login_required
def invite(request: UserRequest, room_id: int) -> HttpResponse:
    if request.method != "POST":
        return redirect("people", room_id)
    invitation = actions.invite(user=request.user, room_id=room_id)
    return redirect(reverse("people", args=[room_id], query={"invitation": invitation.token}))


@login_required
def directory(request: UserRequest) -> HttpResponse:
    return page(request, "chat/directory.html", form=DirectForm(request.user))


@login_required
def direct(request: UserRequest) -> HttpResponse:
    if request.method != "POST":
        return redirect("directory")
    form = DirectForm(request.user, request.POST)
    if not form.is_valid():
        return page(request, "chat/directory.html", form=form)
    people = [person.pk for person in form.cleaned_data["people"]]
    with refusals_on(form):
        return redirect(actions.start_direct(user=request.user, people=people))
    return page(request, "chat/directory.html", form=form)


# --- coming in -----------------------------------------------------------------------------------


def invitation(request: HttpRequest, token: str) -> HttpResponse:
    invitation = Invitation.objects.valid().filter(token=token).select_related("room").first()
    if invitation is None:
        return render(request, "chat/invitation_gone.html", status=404)
    if not request.user.is_authenticated:
        return sign_up(request, invitation)
    if request.method != "POST":
        return render(request, "chat/invitation.html", {"invitation": invitation})
    return redirect(actions.accept_invitation(user=request.user, token=token))


def sign_up(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    form = SignUpForm(request.POST or None)
    if form.is_valid():
        with refusals_on(form):
            login(request, actions.sign_up(token=invitation.token, **form.cleaned_data))
            return redirect(invitation.room)
    return render(request, "registration/sign_up.html", {"invitation": invitation, "form": form})


class Login(LoginView):
    """Leads to the set-up while there is nobody who could log in."""

    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not User.objects.exists():
            return redirect(reverse("setup", query=request.GET or None))
        return super().dispatch(request, *args, **kwargs)


class Logout(LogoutView):
    """Ends the session here and on every page it has open."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user = request.user
        response = super().post(request, *args, **kwargs)
        if user.is_authenticated:
            actions.recheck_sessions(user=user)
        return response


class PasswordChange(PasswordChangeView):
    """A new password ends all other sessions of this person."""

    form_class = PasswordForm
    template_name = "registration/password.html"
    success_url = reverse_lazy("profile")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        response = super().form_valid(form)
        actions.recheck_sessions(user=form.user)
        return response


def setup(request: HttpRequest) -> HttpResponse:
    """The first visitor of an empty site becomes its owner; on a network, who has the link."""
    if User.objects.exists():
        return redirect("login")
    token = request.GET.get("token", "")
    try:
        actions.check_setup(token)
    except Forbidden:
        return render(request, "chat/setup_closed.html", status=403)
    form = AccountForm(request.POST or None)
    if form.is_valid():
        with refusals_on(form):
            login(request, actions.create_owner(token=token, **form.cleaned_data))
            return redirect("home")
    return render(request, "chat/setup.html", {"form": form})


@login_required
def profile(request: UserRequest) -> HttpResponse:
    user = request.user
    initial = {"display_name": user.name, "color": user.color}
    form = ProfileForm(request.POST or None, initial=initial)
    if form.is_valid():
        with refusals_on(form):
            actions.update_profile(user=user, **form.cleaned_data)
            messages.success(request, "Saved.")
            return redirect("profile")
    return page(request, "chat/profile.html", form=form)


def favicon(request: HttpRequest) -> HttpResponse:
    """Browsers ask for this address where a page names no icon."""
    return redirect(static("chat/icon.svg"))
