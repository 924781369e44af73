"""The page that lists the messages one keeps, and what the button on a message asks."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from chat.views import UserRequest, page
from features.app_name import actions
from features.app_name.models import Mark

MOST = 100  # on the page


@login_required
def marks(request: UserRequest) -> HttpResponse:
    newest = Mark.objects.of(request.user).select_related("message__author")[:MOST]
    return page(request, "app_name/page.html", marks=newest)


@login_required
@never_cache
def marked(request: UserRequest, room_id: int) -> HttpResponse:
    """Which messages of a room one keeps: the room's page itself says the same to everybody."""
    messages = Mark.objects.of(request.user).filter(message__room=room_id)
    return JsonResponse({"messages": list(messages.values_list("message", flat=True))})


@require_POST
@login_required
def mark(request: UserRequest, message_id: int) -> HttpResponse:
    on = request.POST.get("on") == "true"
    actions.mark(user=request.user, message_id=message_id, on=on)
    return HttpResponse(status=204)
