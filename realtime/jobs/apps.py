from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class JobsConfig(AppConfig):
    name = "realtime.jobs"

    def ready(self) -> None:
        autodiscover_modules("jobs")  # of every app: what it can be asked to do
