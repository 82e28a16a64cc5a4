"""`python -m tressi` is the command line."""

from tressi.cli import main

raise SystemExit(main())
