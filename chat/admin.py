"""The admin writes through `actions`, so that what is changed here reaches open pages."""

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from chat import actions
from chat.models import Invitation, Membership, Message, Reaction, Room, User
from realtime.wire import Refusal


def staff(request: HttpRequest) -> User:
    return cast(User, request.user)


class ActionAdmin(admin.ModelAdmin[Any]):
    """Says what was refused above the form, and deletes selected rows as it deletes one."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except Refusal as refusal:
            self.message_user(request, refusal.detail, messages.ERROR)
            return redirect(request.get_full_path())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            self.delete_model(request, row)


class NoAdding:
    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class NoChanging:
    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(ActionAdmin, DjangoUserAdmin[User]):
    """People are deactivated, not deleted: what they said stays."""

    list_display = ("username", "display_name", "is_active", "is_staff", "last_login")
    search_fields = ("username", "display_name")
    fieldsets = (
        (None, {"fields": ("username", "password", "display_name", "color", "email")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
    )
    add_fieldsets = (
        (
            None,
            {"fields": ("username", "display_name", "usable_password", "password1", "password2")},
        ),
    )

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        actions.staff_save_user(user=staff(request), person=obj)

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        response = super().user_change_password(request, id, form_url)
        if request.method == "POST":
            actions.recheck_sessions(user=User.objects.get(pk=id))
        return response

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Room)
class RoomAdmin(ActionAdmin):
    list_display = ("__str__", "kind", "head", "created_at")
    list_filter = ("kind",)
    search_fields = ("name", "topic")
    ordering = ("name", "pk")
    fields = ("name", "topic", "kind")

    def get_readonly_fields(self, request: HttpRequest, obj: Room | None = None) -> tuple[str, ...]:
        if obj is None:
            return ()
        return ("name", "topic", "kind") if obj.is_direct else ("kind",)

    def save_model(self, request: HttpRequest, obj: Room, form: Any, change: bool) -> None:
        user = staff(request)
        if change:
            actions.staff_update_room(user=user, room_id=obj.pk, name=obj.name, topic=obj.topic)
        else:
            room = actions.create_room(user=user, name=obj.name, kind=obj.kind, topic=obj.topic)
            obj.pk = room.pk

    def delete_model(self, request: HttpRequest, obj: Room) -> None:
        actions.staff_delete_room(user=staff(request), room=obj)


@admin.register(Membership)
class MembershipAdmin(ActionAdmin):
    list_display = ("user", "room", "role", "joined_at")
    list_filter = ("role",)
    list_select_related = ("user", "room")
    search_fields = ("user__username", "user__display_name", "room__name")
    autocomplete_fields = ("user", "room")

    def get_readonly_fields(
        self, request: HttpRequest, obj: Membership | None = None
    ) -> tuple[str, ...]:
        return ("user", "room") if obj else ()

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        user = staff(request)
        if change:
            actions.staff_set_role(user=user, membership=obj, role=obj.role)
        else:
            membership = actions.staff_add_member(
                user=user, room_id=obj.room_id, member_id=obj.user_id, role=obj.role
            )
            obj.pk = membership.pk

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        actions.staff_remove_member(user=staff(request), membership=obj)


@admin.register(Message)
class MessageAdmin(NoAdding, ActionAdmin):
    """Deleting leaves a tombstone, as it does in the room."""

    list_display = ("__str__", "room", "position", "version", "created_at", "deleted_at")
    list_select_related = ("author", "room")
    search_fields = ("body", "author__username")
    fields = (
        "room",
        "author",
        "position",
        "version",
        "body",
        "created_at",
        "edited_at",
        "deleted_at",
    )
    readonly_fields = tuple(field for field in fields if field != "body")

    def has_change_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        alive = obj is None or obj.deleted_at is None
        return alive and super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Message, form: Any, change: bool) -> None:
        actions.staff_edit_message(user=staff(request), message_id=obj.pk, body=obj.body)

    def delete_model(self, request: HttpRequest, obj: Message) -> None:
        actions.staff_delete_message(user=staff(request), message_id=obj.pk)


@admin.register(Reaction)
class ReactionAdmin(NoAdding, NoChanging, ActionAdmin):
    list_display = ("emoji", "user", "message")
    list_select_related = ("user", "message__author")

    def delete_model(self, request: HttpRequest, obj: Reaction) -> None:
        actions.staff_remove_reaction(user=staff(request), reaction=obj)


@admin.register(Invitation)
class InvitationAdmin(NoAdding, admin.ModelAdmin[Invitation]):
    """Deleting one makes its link worthless."""

    list_display = ("room", "created_by", "created_at", "expires_at")
    list_select_related = ("room", "created_by")
    readonly_fields = ("room", "created_by", "token", "created_at")
