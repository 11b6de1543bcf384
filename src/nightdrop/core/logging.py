"""The server's own log: one JSON object per line on standard error, names and codes only."""

import logging
import sys

import structlog


def configure_logging(level: str = "info") -> None:
    """Set up structlog; ``level`` is debug, info, warning or error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # No traceback, no locals: an exception's text may hold a value.
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
