"""Readers of what others write, fed with damaged input: `scripts/fuzz [SECONDS]`, and README.md beside this file."""

import sys
from pathlib import Path

# The peers and the cases of the parser's tests are used here too.
sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
