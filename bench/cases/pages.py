"""A room's page, beside a view that runs the same queries and renders nothing."""

from bench.case import Figures, Trial, ask
from bench.pages import Load, Outcome
from bench.servers import People, Running, static_files

# A browser that comes back has this cookie as well; without it no page is confirmed.
CSRF = f"; csrftoken={'x' * 32}"
PEOPLE = People(rooms=3, people=16, messages=40)  # a reader for each connection


def room_page(trial: Trial) -> Figures:
    settings = {"DJANGO_SETTINGS_MODULE": "bench.bare_settings", "STATIC_ROOT": static_files()}
    with trial.running(PEOPLE, **settings) as running:
        page = read(running, "/rooms/1/", trial.seconds)
        bare = read(running, "/bare/1/", trial.seconds)
        again = read(running, "/rooms/1/", trial.seconds, etag=True)
    return {
        "pages/s": page.per_second,
        "p50 ms": page.p50 * 1e3,
        "p99 ms": page.p99 * 1e3,
        "bare/s": bare.per_second,
        "bare p99 ms": bare.p99 * 1e3,
        "page : bare": page.per_second / bare.per_second,
        "asked again/s": again.per_second,
        "of these 304 %": again.statuses.get(304, 0) / max(1, sum(again.statuses.values())) * 100,
        "lost": refused(page) + refused(bare) + refused(again),
        "client %": page.client_cpu / page.took * 100,
    }


def read(running: Running, path: str, seconds: float, etag: bool = False) -> Outcome:
    cookies = [cookie + CSRF for cookie in running.cookies]
    load = Load(port=running.port, path=path, cookies=cookies, seconds=seconds, etag=etag)
    return ask("pages", load, Outcome)


def refused(outcome: Outcome) -> int:
    return sum(count for status, count in outcome.statuses.items() if status not in (200, 304))
