"""What a worker does for exports."""

from features.exports import writing
from features.exports.models import Export
from realtime.jobs.queue import Claim, job


def give_up(*, export: int) -> None:
    for row in Export.objects.filter(pk=export, finished_at=None):
        writing.finish(row, Export.State.FAILED)


@job("exports.write", give_up=give_up)
def write(claim: Claim, *, export: int) -> None:
    """Writes a file, unless it is there already, another took its place or its room is gone."""
    for row in Export.objects.filter(pk=export, finished_at=None).select_related("room"):
        writing.write(claim, row)


@job("exports.expire")
def expire(claim: Claim, *, export: int) -> None:
    """Removes a file that was kept for long enough."""
    Export.objects.filter(pk=export).delete()
