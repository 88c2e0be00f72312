"""Scrapes of the metrics, and the samples in them."""

from __future__ import annotations

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.web.answers import SECRETS
from tests.web.site import Caller, Site

Labels = tuple[tuple[str, str], ...]


class Scrape:
    """The samples of one scrape by name and labels, and its instant in unix seconds."""

    def __init__(self, text: str, at: float) -> None:
        self.text, self.at = text, at
        self.samples: dict[tuple[str, Labels], float] = {}
        self.types: dict[str, str] = {}
        for family in text_string_to_metric_families(text):
            self.types |= dict.fromkeys({sample.name for sample in family.samples}, family.type)
            for sample in family.samples:
                self.samples[sample.name, tuple(sorted(sample.labels.items()))] = sample.value

    def __getitem__(self, name: str) -> float:
        """Return the only sample of this name, or their sum."""
        return self.of(name)

    def of(self, name: str, **labels: Any) -> float:
        """Return the sum of the samples with these labels."""
        wanted = {(key, str(value)) for key, value in labels.items()}
        found = [value for (of, having), value in self.samples.items() if of == name and wanted <= set(having)]
        assert found, f"no sample of {name} with {labels}"
        return sum(found)


def scrape(site: Site) -> Scrape:
    answer = Caller(site.client, {"Authorization": f"Bearer {SECRETS['metrics_secret']}"}).get("/metrics")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return Scrape(answer.get_data(as_text=True), site.clock.at.timestamp())
