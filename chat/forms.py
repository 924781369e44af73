"""What people fill in. Forms check the shape of an answer; what is allowed, `actions` decides."""

import secrets
from typing import Any

from django import forms
from django.contrib.auth.forms import PasswordChangeForm
from django.core.signing import BadSignature, Signer

from chat.models import COLORS, Membership, Room, User

PASSWORD_HELP = "At least eight characters, and not an easy guess."

HOW = ["amber", "brave", "bright", "calm", "gentle", "golden", "kind", "merry", "quiet", "sunny"]
WHAT = ["acorn", "birch", "cedar", "clover", "finch", "hazel", "maple", "otter", "robin", "willow"]
NUMBERS = range(1_000, 10_000)

offers = Signer(salt="chat.forms.SignUpForm")


class AccountForm(forms.ModelForm[User]):
    """A new person. The model gives the rules for the fields; `actions` makes the person."""

    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=PASSWORD_HELP,
    )

    class Meta:
        model = User
        fields = ["username", "display_name"]
        labels = {"display_name": "Your name, as others see it"}
        help_texts = {"username": "To log in with. Letters, digits and @ . + - _"}
        widgets = {
            "username": forms.TextInput(
                attrs={"autocomplete": "username", "autocapitalize": "none", "autofocus": True}
            ),
            "display_name": forms.TextInput(attrs={"autocomplete": "name"}),
        }


class SignUpForm(AccountForm):
    """A new person who comes by an invitation, and takes the user name that is offered.

    Whoever could choose one could ask, name after name, who has an account here. The offer is
    signed, so that it comes back as it was made.
    """

    def __init__(self, data: Any = None) -> None:
        username = "" if data else free_username()
        super().__init__(data, initial={"username": username})
        self.offer: str = data.get("offer", "") if data else offers.sign(username)
        field, name = self.fields["username"], self.fields["display_name"]
        field.help_text = "Chosen for you, to log in with. Keep it with your password."
        field.widget.attrs |= {"readonly": True, "autofocus": False}
        name.widget.attrs["autofocus"] = True

    def clean_username(self) -> str:
        # Raised here, it leaves the name out of what Django compares with those that are taken.
        try:
            return offers.unsign(self.offer)
        except BadSignature:
            raise forms.ValidationError("Take the name that is offered.") from None


def free_username() -> str:
    while True:
        name = "-".join(str(secrets.choice(part)) for part in (HOW, WHAT, NUMBERS))
        if not User.objects.filter(username=name).exists():
            return name


class ProfileForm(forms.Form):
    display_name = forms.CharField(max_length=60, label="Your name, as others see it")
    color = forms.TypedChoiceField(
        coerce=int,
        choices=[(color, f"Colour {color + 1}") for color in range(COLORS)],
        widget=forms.RadioSelect,
        label="Your colour",
    )


class PasswordForm(PasswordChangeForm):
    """Django's, with as few words as the form of a new person."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password1"].help_text = PASSWORD_HELP
        self.fields["new_password2"].label = "New password, once more"
        self.fields["new_password2"].help_text = ""


class RoomForm(forms.ModelForm[Room]):
    class Meta:
        model = Room
        fields = ["name", "topic"]
        labels = {"topic": "What it is about"}
        help_texts = {"topic": "One line under the name. You may leave it empty."}
        widgets = {"name": forms.TextInput(attrs={"autofocus": True})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].required = True  # only direct rooms go without


class NewRoomForm(RoomForm):
    kind = forms.ChoiceField(
        choices=[(kind.value, kind.label) for kind in (Room.Kind.OPEN, Room.Kind.CLOSED)],
        widget=forms.RadioSelect,
        initial=Room.Kind.OPEN,
        label="Who may come in",
    )


class MemberForm(forms.Form):
    """Somebody who is not in the room yet."""

    person = forms.ModelChoiceField(User.objects.none(), empty_label="Choose somebody…")

    def __init__(self, room: Room, data: Any = None) -> None:
        super().__init__(data)
        field = self.fields["person"]
        assert isinstance(field, forms.ModelChoiceField)
        others = User.objects.filter(is_active=True).exclude(memberships__room=room)
        field.queryset = others.order_by("display_name", "username")


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Membership.Role)


class DirectForm(forms.Form):
    """One to seven others to talk to."""

    people = forms.ModelMultipleChoiceField(
        User.objects.none(), error_messages={"required": "Choose at least one person."}
    )

    def __init__(self, user: User, data: Any = None) -> None:
        super().__init__(data)
        field = self.fields["people"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        others = User.objects.filter(is_active=True).exclude(pk=user.pk)
        field.queryset = others.order_by("display_name", "username")
