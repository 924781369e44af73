"""The site, and beside the page of a room what it would cost if nobody rendered it.

A server started with DJANGO_SETTINGS_MODULE=bench.bare_settings answers at /bare/<room>/ with what
the queries of /rooms/<room>/ find, the session and the user included, as JSON.
"""

import msgspec
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.urls import path

from chat import queries, serializers
from chat.views import UserRequest
from chatsite.urls import urlpatterns as site


@login_required
def bare(request: UserRequest, room_id: int) -> HttpResponse:
    here = queries.membership(request.user, room_id)
    history = queries.newest_messages(room_id)
    rooms = queries.memberships(request.user)
    found = {
        "edition": queries.appearance(request.user),
        "head": here.room.head,
        "history": [serializers.message(message) for message in history],
        "rooms": [serializers.room_state(membership, request.user) for membership in rooms],
    }
    return HttpResponse(msgspec.json.encode(found), content_type="application/json")


urlpatterns = [path("bare/<int:room_id>/", bare), *site]
