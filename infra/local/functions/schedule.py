"""Timer schedules: NCRONTAB expressions and constant intervals, in UTC."""

from collections.abc import Callable
from datetime import datetime, timedelta

from croniter import CroniterError, croniter

from infra.local.functions.errors import ConfigurationError
from infra.local.functions.timespan import parse_timespan

# The next occurrence strictly after a moment (aware UTC in and out).
Schedule = Callable[[datetime], datetime]


def parse_schedule(text: str, *, used_by: str) -> Schedule:
    """Read `sec min hour day month dow`, the same without seconds, or `hh:mm:ss`.

    When day and day of week are both restricted, both must match (NCrontab), unlike in cron.
    """
    fields = text.split()
    if len(fields) == 1 and ":" in text:
        try:
            interval = parse_timespan(text)
        except ValueError as error:
            raise ConfigurationError(f"{used_by}: {error}.") from error
        if interval <= timedelta(0):
            raise ConfigurationError(f"{used_by}: the interval {text!r} is not positive.")
        return lambda moment: moment + interval
    if len(fields) not in (5, 6):
        raise ConfigurationError(f"{used_by}: {text!r} is not an NCRONTAB expression.")
    expression = text if len(fields) == 6 else f"0 {text}"
    try:
        cron = croniter(expression, second_at_beginning=True, day_or=False)
    except (CroniterError, ValueError) as error:
        raise ConfigurationError(
            f"{used_by}: {text!r} is not an NCRONTAB expression ({error})."
        ) from error

    def next_after(moment: datetime) -> datetime:
        # Reading the expression costs far more than finding the next moment.
        cron.set_current(moment)
        following: datetime = cron.get_next(datetime)
        return following

    return next_after
