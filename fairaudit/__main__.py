"""Entry of the command ``fairaudit``."""

import sys

from fairaudit.errors import AuditError


def main(argv: list[str] | None = None) -> None:
    """Run the command line; a user's mistake ends with exit code 2, not a traceback."""
    from fairaudit.cli import app

    arguments = sys.argv[1:] if argv is None else argv
    try:
        app(args=arguments, prog_name="fairaudit")
    except AuditError as error:
        if "--debug" in arguments:
            raise
        sys.stderr.write(f"fairaudit: error: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
