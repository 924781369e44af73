"""The frames and events of any protocol that is spoken here.

A client sends one JSON object a text frame; the server sends one JSON array of events a text frame,
so that events can travel together. A protocol describes its frames as subclasses of `Frame` and of
`Event`; anything else is refused.
"""

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import or_
from typing import Annotated, ClassVar, Generic, Literal, TypeVar, cast

import msgspec
from msgspec import Meta, Struct

MAX_FRAME = 64 * 1024  # bytes in one client frame
MAX_ROUND = 128 * 1024  # characters of events that travel together; many clients take 1 MiB

CLOSE_CODES = SIGNED_OUT, FORBIDDEN, TOO_SLOW, TOO_MUCH, LEAVING = 4401, 4403, 4408, 4429, 4503

type_tag = "type"
Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]  # a place in a count of changes
Text = Annotated[str, Meta(pattern=r"\A[^\x00]*\Z")]  # PostgreSQL stores no NUL
Ref = Annotated[str, Meta(max_length=64)]
Code = Literal["invalid", "forbidden", "not_found", "too_large", "rate_limited", "unavailable"]


class Refusal(Exception):
    """What was asked will not be done: a code of the wire and a sentence for a person."""

    code: Code

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Invalid(Refusal):
    code = "invalid"


class Forbidden(Refusal):
    code = "forbidden"


class NotFound(Refusal):
    code = "not_found"


class TooLarge(Refusal):
    code = "too_large"


class RateLimited(Refusal):
    code = "rate_limited"


# --- client to server ---------------------------------------------------------------------------


class Frame(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field=type_tag,
    tag=str.lower,
):
    """What a client asks. `ref` comes back on the answer, so that it can be told apart."""

    # Whether success needs no `ok`: an event of its own answers, or nothing worth a frame does.
    speaks_for_itself: ClassVar[bool] = False

    ref: Ref | None = None

    @property
    def type(self) -> str:
        return str(self.__struct_config__.tag)


class Pong(Frame, frozen=True, kw_only=True):
    speaks_for_itself = True

    n: Number


class _OnlyRef(Struct):
    ref: Ref | None = None


_refs = msgspec.json.Decoder(_OnlyRef)

AnyFrame = TypeVar("AnyFrame", bound=Frame)


class FrameDecoder(Generic[AnyFrame]):
    """Decodes the frames of one protocol."""

    def __init__(self, frames: Sequence[type[Frame]], max_bytes: int = MAX_FRAME) -> None:
        self._decoder = msgspec.json.Decoder(reduce(or_, frames), strict=True)
        self._max_bytes = max_bytes

    def __call__(self, text: str | None) -> AnyFrame:
        """The frame that a client sent, None if it was binary. Raises Invalid or TooLarge."""
        if text is None:
            raise Invalid("A frame is JSON text, not binary.")
        try:
            return cast(AnyFrame, self._decoder.decode(_measured(text, self._max_bytes)))
        except msgspec.ValidationError as error:
            raise Invalid(str(error)) from None
        except (msgspec.DecodeError, RecursionError):
            raise Invalid("The frame is not JSON.") from None


def ref_of(text: str | None) -> str | None:
    """The `ref` of a frame that may be wrong in every other way; its refusal carries it."""
    try:
        return _refs.decode(_measured(text or "", MAX_FRAME)).ref
    except (Refusal, msgspec.DecodeError, RecursionError):
        return None


def _measured(text: str, max_bytes: int) -> bytes:
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raise Invalid("The frame holds half of a surrogate pair.") from None
    if len(raw) > max_bytes:
        raise TooLarge(f"A frame has at most {max_bytes} bytes.")
    return raw


# --- server to client ---------------------------------------------------------------------------


class Event(Struct, frozen=True, kw_only=True, tag_field=type_tag, tag=str.lower):
    """What the server says."""


class Ok(Event, frozen=True, kw_only=True):
    """Done. A protocol may add what a certain frame is answered with."""

    ref: str | None


class Heartbeat(Event, frozen=True, kw_only=True):
    n: int
    heads: dict[int, int]  # the newest number of each topic


class Error(Event, frozen=True, kw_only=True):
    code: Code
    detail: str
    ref: str | None


def answers(frame: Frame, event: Event | None) -> list[Event]:
    """The events that answer a frame which was carried out, given the handler's own, if any.

    Where the frame carried a `ref`, there is always an `ok` that carries it back.
    """
    if isinstance(event, Ok):
        return [event]
    events = [event] if event else []
    if frame.ref is None and frame.speaks_for_itself:
        return events
    return [*events, Ok(ref=frame.ref)]


_encoder = msgspec.json.Encoder()


def encode(event: Event) -> str:
    """One event as JSON, ready to travel to any number of sockets."""
    return _encoder.encode(event).decode()


def encode_array(events: list[Event]) -> str:
    """Events as the text of one frame, for a single socket."""
    return _encoder.encode(events).decode()


def array(*events: str) -> str:
    """Encoded events as the text of the one frame in which they travel together."""
    return f"[{','.join(events)}]"


def arrays(events: list[str]) -> Iterator[str]:
    """The same in as few frames as a client takes, each of MAX_ROUND characters or one event."""
    together: list[str] = []
    size = 0
    for event in events:
        if together and size + len(event) > MAX_ROUND:
            yield array(*together)
            together, size = [], 0
        together.append(event)
        size += len(event)
    if together:
        yield array(*together)
