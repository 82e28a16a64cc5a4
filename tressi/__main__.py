"""`python -m tressi` and the command `tressi` are the command line."""

from tressi.isolation import leave_out_unnamed_places


def main() -> int:
    """Run the command line, which is imported only when the path is safe; returns the exit code."""
    leave_out_unnamed_places()
    from tressi.cli import main as command_line  # noqa: PLC0415 - see above

    return command_line()


if __name__ == "__main__":
    raise SystemExit(main())
