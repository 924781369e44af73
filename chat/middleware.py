"""A refused action becomes a page that says why."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from realtime import metrics
from realtime.outage import OUTAGE
from realtime.wire import NotFound, Refusal

STATUS = {
    "forbidden": HTTPStatus.FORBIDDEN,
    "not_found": HTTPStatus.NOT_FOUND,
    "rate_limited": HTTPStatus.TOO_MANY_REQUESTS,
}


class RefusalMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, OverflowError):  # SQLite, of a number that no row can have
            exception = NotFound("There is no such page.")
        if isinstance(exception, OUTAGE):  # the site answers it, and counts no refusals
            metrics.refusals["unavailable"].inc()
        if not isinstance(exception, Refusal):
            return None
        metrics.refusals[exception.code].inc()
        status = STATUS.get(exception.code, HTTPStatus.BAD_REQUEST)
        return render(request, "chat/refused.html", {"detail": exception.detail}, status=status)
