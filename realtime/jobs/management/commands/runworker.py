"""Channels' command, with a worker that looks for work by itself as well."""

from channels.management.commands import runworker

from realtime.jobs.worker import PunctualWorker


class Command(runworker.Command):
    worker_class = PunctualWorker
