"""What is counted, as Prometheus reads it: in a server, and in the process of the tests."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families


class Scrape:
    """What a server has told once."""

    def __init__(self, text: str) -> None:
        families = text_string_to_metric_families(text)
        self.samples = [sample for family in families for sample in family.samples]

    @property
    def names(self) -> set[str]:
        return {sample.name for sample in self.samples}

    def __call__(self, name: str, **labels: str) -> float:
        """The value of one series."""
        [value] = [
            each.value for each in self.samples if (each.name, each.labels) == (name, labels)
        ]
        return float(value)


@contextmanager
def grows(by: float, name: str, **labels: str) -> Iterator[None]:
    """In the block a series of this process grows by so much."""
    before = REGISTRY.get_sample_value(name, labels)
    assert before is not None, name
    yield
    assert REGISTRY.get_sample_value(name, labels) == before + by
