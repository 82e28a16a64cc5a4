from collections.abc import Callable
from ssl import MemoryBIO, SSLError, SSLObject

class TlsSession:
    def __init__(
        self, tls: SSLObject, incoming: MemoryBIO, outgoing: MemoryBIO, describe: Callable[[SSLError], str]
    ) -> None: ...
