"""The page of the lab, and its buttons that concern more than one socket."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from chat.views import UserRequest, page
from features.lab import actions
from features.lab.lab_socket import AT_ONCE
from features.lab.measuring import now
from features.lab.protocol import MAX_SECONDS


@login_required
def lab(request: UserRequest) -> HttpResponse:
    actions.allow(request.user)
    return page(
        request,
        "lab/lab.html",
        threads=settings.ASGI_THREADS,
        at_once=AT_ONCE,
        max_seconds=MAX_SECONDS,
        why_not_cut=actions.why_not_cut(),
    )


@require_POST
@login_required
def wake(request: UserRequest) -> HttpResponse:
    actions.wake(user=request.user)
    return JsonResponse({"now": now()})


@require_POST
@login_required
def cut(request: UserRequest) -> HttpResponse:
    number = actions.cut_connections(user=request.user)
    return JsonResponse({"now": now(), "cut": number})
