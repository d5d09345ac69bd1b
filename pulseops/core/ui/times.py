"""How times are said: relative for lists, exact with the zone's name everywhere else.

All functions take aware datetimes and speak in the active zone, which ReaderZoneMiddleware sets. static/js/time.js says
the same words as `relative` and `duration`, so a page does not change when its clock starts to tick.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils import timezone

MINUTE, HOUR, DAY = 60, 3600, 86_400  # seconds
_OLD = 30 * DAY  # beyond this a date says more than a count of days


def to_url(moment: datetime) -> str:
    """Write a moment as it stands in addresses: exactly, and in UTC, whatever the reader's zone is."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    return (text.rstrip("0").rstrip(".") if "." in text else text) + "Z"


def relative(moment: datetime, now: datetime | None = None) -> str:
    """Say how far `moment` is from `now`: "just now", "3 min ago", "in 2 h"; a date when it is over 30 days off."""
    now = now or timezone.now()
    seconds = (now - moment).total_seconds()
    if abs(seconds) >= _OLD:
        return day(moment, now)
    size = int(abs(seconds))
    if size < 5:
        return "just now"
    if seconds > 0:
        return f"{_rounded(size)} ago"
    # What is to come is said to the nearest: seven days are seven also a second later.
    half = 0 if size < MINUTE else (MINUTE if size < HOUR else HOUR if size < DAY else DAY) // 2
    return f"in {_rounded(size + half)}"


def _rounded(seconds: int) -> str:
    if seconds < MINUTE:
        return f"{seconds} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE} min"
    if seconds < DAY:
        return f"{seconds // HOUR} h"
    return f"{seconds // DAY} d"


def duration(seconds: float) -> str:
    """Say a length of time in its two largest units: "42 s", "3 min 05 s", "5 min", "2 h 05 min", "3 d 4 h"."""
    whole = max(0, int(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return _two(whole // MINUTE, "min", f"{whole % MINUTE:02d}", "s")
    if whole < DAY:
        return _two(whole // HOUR, "h", f"{whole % HOUR // MINUTE:02d}", "min")
    return _two(whole // DAY, "d", str(whole % DAY // HOUR), "h")


def short_duration(seconds: float) -> str:
    """Say a length of time as `duration` does, but of less than a minute the fractions: "0 ms", "12 ms", "1.25 s"."""
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    return f"{seconds:.2f} s" if seconds < MINUTE else duration(seconds)


def _two(large: int, unit: str, small: str, small_unit: str) -> str:
    return f"{large} {unit} {small} {small_unit}" if int(small) else f"{large} {unit}"


def day(moment: datetime, now: datetime | None = None) -> str:
    """Say the date of `moment`, with the year only when it is not this one."""
    local = timezone.localtime(moment)
    this_year = timezone.localtime(now or timezone.now()).year
    return f"{local.day} {local:%b}" if local.year == this_year else f"{local.day} {local:%b %Y}"


def day_words(moment: datetime, now: datetime) -> str:
    """Name the day of `moment`: "Today, 17 Mar", "Yesterday, 16 Mar", "Sat 14 Mar 2020"."""
    local = timezone.localtime(moment)
    away = (local.date() - timezone.localtime(now).date()).days
    name = {0: "Today,", 1: "Tomorrow,", -1: "Yesterday,"}.get(away, f"{local:%a}")
    return f"{name} {day(moment, now)}"


def exact(moment: datetime, *, milliseconds: bool = False) -> str:
    """Say `moment` to the second, or with `milliseconds`, in the active zone but without its name."""
    return _exact(timezone.localtime(moment), milliseconds=milliseconds)


def _exact(local: datetime, *, milliseconds: bool = False) -> str:
    """Write it without strftime, which takes three times as long; pages write hundreds."""
    return local.replace(tzinfo=None).isoformat(" ", "milliseconds" if milliseconds else "seconds")


def span(start: datetime, end: datetime) -> str:
    """Say from when to when: "2026-03-17 08:00:00 to 09:00:00 UTC", with both zones if they differ."""
    since, until = timezone.localtime(start), timezone.localtime(end)
    first, last = _zone_label(since), _zone_label(until)
    said = _exact(until)[11:] if since.date() == until.date() else _exact(until)
    return f"{_exact(since)}{'' if first == last else f' {first}'} to {said} {last}"


def local_midnight(moment: datetime) -> datetime:
    """Return the midnight before `moment` in the active zone, in UTC: there steps have one length all year round."""
    return timezone.localtime(moment).replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)


def is_doubled(moment: datetime) -> bool:
    """Return whether the clock of the active zone shows the time of `moment` twice, as when summer time ends."""
    local = timezone.localtime(moment)
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def zone_label(moment: datetime | None = None) -> str:
    """Name the active zone as it is at `moment`: "UTC", "CET", and "UTC+05:45" for a zone without letters."""
    return _zone_label(timezone.localtime(moment or timezone.now()))


def _zone_label(local: datetime) -> str:
    name = local.tzname()
    if name and not name.startswith(("+", "-")):
        return name
    offset = local.strftime("%z")
    return f"UTC{offset[:3]}:{offset[3:5]}"
