"""What the settings of a room say of its export."""

from django import template

from chat.models import Membership
from features.exports.models import Export
from features.exports.views import shown

register = template.Library()


@register.simple_tag
def export_shown(here: Membership) -> dict[str, str]:
    return shown(Export.objects.filter(room=here.room_id).first())
