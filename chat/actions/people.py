"""How people come to the site, and how they are shown."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, TimestampSigner
from django.db import IntegrityError, transaction

from chat import limits, queries
from chat.actions.rooms import create_room, grant, group_room, members_of, title
from chat.models import Invitation, Membership, Room, User
from chat.seams import user_changed
from realtime.hints import wake
from realtime.wire import Forbidden, Invalid, NotFound

SETUP = "owner"
SETUP_LASTS = timedelta(days=1)

setup_signer = TimestampSigner(salt="chat.actions.people.setup")


def setup_token() -> str:
    """Lets somebody become the owner of an empty site, for a day."""
    return setup_signer.sign(SETUP)


def check_setup(token: str) -> None:
    """Raises Forbidden where the first owner has to have a token, and this is none."""
    if not settings.SETUP_BY_LINK:
        return
    try:
        setup_signer.unsign(token, max_age=SETUP_LASTS)
    except BadSignature:
        raise Forbidden("The owner comes by the link that `make owner` prints.") from None


def create_owner(*, username: str, display_name: str, password: str, token: str = "") -> User:
    """The first person of an empty site, who owns it. Everybody else comes by invitation."""
    if User.objects.exists():
        raise Forbidden("This site has an owner.")
    check_setup(token)
    owner = User(username=username, display_name=display_name)
    owner.is_owner = owner.is_staff = owner.is_superuser = True
    with transaction.atomic():
        _register(owner, password)
        create_room(user=owner, name="General", kind=Room.Kind.OPEN, topic="Everybody is here")
    return owner


def sign_up(*, token: str, username: str, display_name: str, password: str) -> User:
    """A new person, who comes by an invitation and goes to its room."""
    user = User(username=username, display_name=display_name)
    with transaction.atomic():
        room = group_room(_invitation(token).room_id)
        _register(user, password)
        grant(room, user.pk)
    return user


@transaction.atomic
def accept_invitation(*, user: User, token: str) -> Room:
    """Takes somebody who is known already into the room of an invitation."""
    limits.changes.spend(user.pk)
    room = group_room(_invitation(token).room_id)
    if not members_of(room).filter(user=user).exists():
        grant(room, user.pk)
    return room


def invite(*, user: User, room_id: int) -> Invitation:
    """A link into a room for who has no account yet. Every member may give one."""
    limits.changes.spend(user.pk)
    room = queries.membership(user, room_id).room
    if room.is_direct:
        raise Forbidden("A direct room always has the same people.")
    return Invitation.objects.create(room=room, created_by=user)


def update_profile(*, user: User, display_name: str, color: int) -> None:
    """How a person is shown from now on."""
    limits.changes.spend(user.pk)
    user.display_name, user.color = display_name, color
    checked(user)
    with transaction.atomic():
        user.save(update_fields=["display_name", "color", "profile_changed_at"])
        show_anew(user)


def recheck_sessions(*, user: User) -> None:
    """Lets every socket of a user see whether its session still holds; one may have ended."""
    wake(user.pk, "user.session")


def show_anew(user: User) -> None:
    """Tells the features, and on commit those who have a direct room with a user, which goes by
    another name now."""
    user_changed.send(User, user=user)
    rooms = user.memberships.filter(room__kind=Room.Kind.DIRECT).values("room")
    for place in Membership.objects.filter(room__in=rooms).exclude(user=user):
        wake(place.user_id, "user.room", room=place.room_id)


def _invitation(token: str) -> Invitation:
    invitation = Invitation.objects.valid().select_related("room").filter(token=token).first()
    if invitation is None:
        raise NotFound("This invitation is not valid any more.")
    return invitation


def _register(user: User, password: str) -> None:
    checked(user)
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages)) from None
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        raise Invalid("That name is taken.") from None


def checked(user: User) -> None:
    user.display_name = title(user.display_name or user.username)
    try:
        user.full_clean(exclude=["password"])
    except ValidationError as error:
        raise Invalid(" ".join(error.messages)) from None
