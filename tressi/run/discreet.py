"""The border between an engine and its run: what a target said goes through here once, without the run's secrets.

A target may send back what it was sent, and the reasons of failures quote it. Everything above reads the engine through this
border, so that no view, export, log or callback has to think of it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from tressi.masking import Secrets, mask_url, secrets_of
from tressi.model import Proxies
from tressi.vocabulary import FIRST_GRPC_STATUS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.load.plan import Plan
    from tressi.model import (
        EndpointSnapshot,
        Engine,
        EngineSnapshot,
        Level,
        ResolvedConfig,
        ResolvedEndpoint,
        ResolvedVariant,
        Sample,
    )


class Discreet:
    """An engine as its run sees it: see `model.Engine` for the methods."""

    def __init__(self, engine: Engine[Plan], config: ResolvedConfig) -> None:
        self._engine, self._config = engine, config
        # Each second reads all of them again.
        self._sentences: dict[str, str] = {}
        self._bodies: dict[tuple[str, bytes, bool], bytes] = {}
        self._calls = {one.endpoint_key: one.grpc for one in config.endpoints if one.grpc is not None}
        self.build, self.go, self.want, self.stop = engine.build, engine.go, engine.want, engine.stop

    def read(self, level: Level = "all", endpoint_key: str | None = None) -> EngineSnapshot:
        """Read the metrics as they stand, of one endpoint or of all."""
        read = self._engine.read(level, endpoint_key)
        if level == "counters":
            return read  # no word of a target is in it
        samples = tuple(map(self._sample, read.samples))
        endpoints: Mapping[str, EndpointSnapshot] = {
            key: replace(one, reasons=tuple(replace(reason, text=self.hide(reason.text)) for reason in one.reasons))
            if one.reasons
            else one
            for key, one in read.endpoints.items()
        }
        return replace(read, endpoints=endpoints, samples=samples)

    def hide(self, text: str) -> str:
        """Write a sentence without secrets; it may have been cut within one."""
        if text not in self._sentences:
            self._sentences[text] = self._secrets.hide(self._config.masks.hide(mask_url(text)), is_cut=True)
        return self._sentences[text]

    def _sample(self, sample: Sample) -> Sample:
        key = (sample.endpoint_key, sample.body, sample.truncated)
        if key not in self._bodies:
            body = self._text(sample)
            hidden = self._secrets.hide(self._config.masks.hide(body), is_cut=sample.truncated)
            self._bodies[key] = sample.body if hidden.encode() == sample.body else hidden.encode()
        return replace(sample, body=self._bodies[key])

    def _text(self, sample: Sample) -> str:
        """What a body says: of a gRPC call the message as JSON, or what the server has said instead of one."""
        call = self._calls.get(sample.endpoint_key)
        if call is None or sample.status != FIRST_GRPC_STATUS:
            return sample.body.decode("utf-8", "replace")
        from tressi.grpc.method import Method  # noqa: PLC0415 - few runs call gRPC

        return Method(call.descriptors, call.method).shown(sample.body)

    @cached_property
    def _secrets(self) -> Secrets:
        config = self._config
        sent: list[ResolvedEndpoint | ResolvedVariant] = [*config.endpoints]
        sent += [variant for endpoint in config.endpoints for variant in endpoint.variants]
        headers = chain.from_iterable(one.headers for one in sent)
        proxy = config.proxy
        proxies = (proxy.http, proxy.https) if isinstance(proxy, Proxies) else (proxy,)
        urls = chain((one.url for one in sent), (one or "" for one in proxies))
        return secrets_of(headers, urls, config.mask_headers, config.secrets)
