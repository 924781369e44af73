"""The section of a room's settings about its file, and the file."""

from collections.abc import AsyncIterator
from datetime import timedelta

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.text import slugify
from django.utils.timesince import timesince, timeuntil
from django.views.decorators.http import require_safe

from chat.views import UserRequest
from features.exports import actions
from features.exports.models import Export
from realtime import outage
from realtime.wire import NotFound

LONG = timedelta(minutes=1)  # for an export to wait: workers look more often


@login_required
def export(request: UserRequest, room_id: int) -> HttpResponse:
    if request.method == "POST":
        actions.ask_for_export(user=request.user, room_id=room_id)
    return redirect(f"{reverse('room_settings', args=[room_id])}#export")


@login_required
@require_safe
def export_state(request: UserRequest, room_id: int) -> HttpResponse:
    """How far it is, for the page of the room's settings, which asks again until it is done."""
    response = JsonResponse(shown(actions.export_of(request.user, room_id)))
    response["Cache-Control"] = "private, no-store"
    return response


def shown(export: Export | None) -> dict[str, str]:
    """What the page says of an export, and its button if there is something to ask for."""
    if export is None:
        return {"state": "none", "says": "There is no file yet.", "ask": "Make the file"}
    match export.state:
        case Export.State.WAITING if timezone.now() - export.asked_at > LONG:
            waited = timesince(export.asked_at, depth=1)
            says = f"It has been waiting for {waited}. Whoever runs this site should look whether"
            return {"state": export.state, "says": f"{says} the worker runs.", "ask": ""}
        case Export.State.WAITING:
            return {"state": export.state, "says": "It waits for its turn.", "ask": ""}
        case Export.State.WRITING:
            says = f"It is being written: {count(export)} so far."
            return {"state": export.state, "says": says, "ask": ""}
        case Export.State.READY:
            rest = timeuntil(export.kept_until, depth=1)
            says = f"It is ready: {count(export)}, {filesizeformat(export.size)}. It is kept for"
            return {"state": export.state, "says": f"{says} another {rest}.", "ask": "Make it anew"}
        case _:
            says = "It could not be written. If it fails again, tell whoever runs this site."
            return {"state": export.state, "says": says, "ask": "Try again"}


def count(export: Export) -> str:
    return f"{export.messages} message{'' if export.messages == 1 else 's'}"


@login_required
@require_safe
def export_file(request: UserRequest, room_id: int) -> StreamingHttpResponse:
    export = actions.export_of(request.user, room_id)
    if export is None or not export.is_ready:
        raise NotFound("There is no such file.")
    response = StreamingHttpResponse(parts(export), content_type="application/gzip")
    name = f"{slugify(export.room.name, allow_unicode=True) or 'room'}.jsonl.gz"
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name)
    response["Content-Length"] = str(export.size)
    response["Cache-Control"] = "private, no-store"
    return response


async def parts(export: Export) -> AsyncIterator[bytes]:
    """One after the other: a whole file may be more than the memory of this process. It may be made
    anew meanwhile, or the database go away; a file that is shorter than was said is none."""
    try:
        for number in range(await export.parts.acount()):
            part = await export.parts.filter(number=number).afirst()
            if part is None:
                return
            yield bytes(part.content)
    except outage.OUTAGE as error:  # the answer has begun, and can be no other any more
        outage.log(error)
