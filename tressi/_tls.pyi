from collections.abc import Callable
from ssl import MemoryBIO, SSLError, SSLObject

from tressi.load.secure import Inside, RecordsIn, RecordsOut

class TlsSession:
    def __init__(
        self,
        tls: SSLObject | Inside,
        incoming: MemoryBIO | RecordsIn,
        outgoing: MemoryBIO | RecordsOut,
        describe: Callable[[SSLError], str],
    ) -> None: ...
