from django.contrib import admin
from django.http import HttpRequest

from chat.admin import ActionAdmin, NoAdding, NoChanging, staff
from features.exports import actions
from features.exports.models import Export


@admin.register(Export)
class ExportAdmin(NoAdding, NoChanging, ActionAdmin):
    """Deleting one removes its file."""

    list_display = ("room", "by", "state", "asked_at", "finished_at", "messages", "size")
    list_filter = ("state",)
    list_select_related = ("room", "by")

    def delete_model(self, request: HttpRequest, obj: Export) -> None:
        actions.delete_export(user=staff(request), export=obj)
