"""Measured values, durations and codes, in the many ways that monitors write them."""

from __future__ import annotations

import random

MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"


def percent(rng: random.Random) -> str:
    """A share."""
    whole = rng.randint(1, 100)
    return rng.choice(
        [
            f"{whole}%",
            f"{whole}%",
            f"{rng.uniform(0, 100):.1f}%",
            f"{rng.uniform(0, 100):.2f} %",
            f"{whole} percent",
            f"{whole} %",
        ]
    )


def latency(rng: random.Random) -> str:
    """A response time, as the value of a metric."""
    ms = rng.choice([rng.randint(20, 900), rng.randint(900, 30000)])
    return rng.choice(
        [
            f"{ms}ms",
            f"{ms} ms",
            f"{ms / 1000:.1f}s",
            f"{ms / 1000:.2f} s",
            f"{ms / 1000:.1f} seconds",
            f"{max(1, ms // 1000)}s",
            f"{ms} milliseconds",
            f"{ms / 1000:.3f}s",
        ]
    )


def size(rng: random.Random) -> str:
    """Bytes."""
    unit = rng.choice(["GB", "MB", "TB", "GiB", "MiB", "KB", "G", "Gi", "Mi"])
    number = rng.choice([str(rng.randint(1, 990)), f"{rng.uniform(0.1, 90):.1f}"])
    return f"{number}{rng.choice(['', ' ', ' ']) if len(unit) > 1 else ''}{unit}"


def count(rng: random.Random) -> str:
    """How many."""
    number = int(10 ** rng.uniform(0.3, 6))
    return rng.choice(
        [str(number), str(number), f"{number:,}", f"{number / 1000:.0f}k" if number > 2000 else str(number)]
    )


def rate(rng: random.Random) -> str:
    """How many, or how much, per time."""
    number = rng.randint(1, 9000)
    unit = rng.choice(
        [
            "/s",
            "/min",
            " req/s",
            " per minute",
            " MB/s",
            " rps",
            " Mbps",
            " ops/s",
            " messages/s",
            " errors/min",
            " pps",
        ]
    )
    return f"{number}{unit}"


def money(rng: random.Random) -> str:
    """An amount."""
    number = int(10 ** rng.uniform(1.5, 5.2))
    return rng.choice(
        [
            f"${number:,}",
            f"${number}",
            f"{number} USD",
            f"€{number:,}",
            f"{number} EUR",
            f"${number / 7:.2f}",
            f"US${number}",
        ]
    )


def plain(rng: random.Random) -> str:
    """A number without a unit."""
    return rng.choice(
        [
            str(rng.randint(1, 99)),
            f"{rng.uniform(0, 99):.1f}",
            f"{rng.uniform(0, 9):.2f}",
            str(rng.randint(100, 99999)),
            f"{rng.uniform(0, 1):.4f}",
        ]
    )


def ratio(rng: random.Random) -> str:
    """Below one."""
    return rng.choice([f"{rng.uniform(0.1, 0.99):.2f}", f"0.{rng.randint(1, 9)}", f".{rng.randint(50, 95)}"])


def duration(rng: random.Random) -> str:
    """A span of time."""
    minutes, hours = rng.randint(1, 59), rng.randint(1, 47)
    seconds = rng.randint(5, 600)
    days = rng.randint(1, 60)
    return rng.choice(
        [
            f"{minutes} minutes",
            f"{minutes}m",
            f"{minutes} min",
            f"{minutes}min",
            f"{hours} hours",
            f"{hours}h",
            f"{hours}h{minutes}m",
            f"{hours}h {minutes}m",
            f"{seconds}s",
            f"{seconds} seconds",
            f"{days} days",
            f"{days}d",
            "an hour",
            f"{hours}:{minutes:02d}:{rng.randint(0, 59):02d}",
            f"{minutes} mins",
            "1 hour",
            "5m",
            "10m",
            "5 minutes",
            "15 minutes",
            "1h",
            f"{rng.randint(2, 9)} weeks",
            f"{minutes}m{rng.randint(1, 59)}s",
            "half an hour",
            f"{rng.randint(2, 20)} hrs",
            f"{rng.randint(2, 12)} months",
            "a day",
            "1d 4h",
        ]
    )


def http_code(rng: random.Random) -> str:
    """A failed answer."""
    code = rng.choice([500, 502, 503, 504, 429, 404, 500, 503, 408, 520])
    name = {
        500: "Internal Server Error",
        502: "Bad Gateway",
        503: "Service Unavailable",
        504: "Gateway Timeout",
        429: "Too Many Requests",
        404: "Not Found",
        408: "Request Timeout",
        520: "Unknown Error",
    }[code]
    return rng.choice(
        [
            f"HTTP {code}",
            str(code),
            f"HTTP {code}",
            f"{code} {name}",
            f"status {code}",
            f"HTTP/1.1 {code}",
            f"{code}s",
        ]
    )


def exit_code(rng: random.Random) -> str:
    """How a process ended."""
    code = rng.choice([1, 2, 127, 134, 137, 139, 143, 255])
    return rng.choice(
        [
            f"exit code {code}",
            f"exit status {code}",
            f"signal {rng.choice(['SIGKILL', 'SIGSEGV', 'SIGTERM', '9', '11'])}",
            f"exitCode={code}",
            f"code {code}",
        ]
    )


def address(rng: random.Random) -> str:
    """IPv4, or now and then IPv6."""
    if rng.random() < 0.08:
        return f"2001:db8:{rng.getrandbits(16):x}:{rng.getrandbits(16):x}::{rng.getrandbits(12):x}"
    first = rng.choice(["10", "10", "172", "192.168", str(rng.randint(11, 223))])
    return ".".join([first, *(str(rng.randint(0, 254)) for _ in range(3 - first.count(".")))])


def version(rng: random.Random) -> str:
    """A release."""
    major, minor, patch = rng.randint(0, 9), rng.randint(0, 40), rng.randint(0, 30)
    return rng.choice(
        [
            f"v{major}.{minor}.{patch}",
            f"{major}.{minor}.{patch}",
            f"v{major}.{minor}",
            f"{major}.{minor}.{patch}-rc{rng.randint(1, 4)}",
            f"v{2020 + major}.{minor}.{patch}",
        ]
    )


def date(rng: random.Random) -> str:
    """A moment."""
    day, month, hour, minute = rng.randint(1, 28), rng.randint(1, 12), rng.randint(0, 23), rng.randint(0, 59)
    name = MONTHS[3 * month - 3 : 3 * month]
    return rng.choice(
        [
            f"2026-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:00Z",
            f"{day:02d}/{month:02d}/26 {hour:02d}:{minute:02d}",
            f"{hour:02d}:{minute:02d} UTC",
            f"{name} {day} 2026 {hour:02d}:{minute:02d}:11 UTC",
            f"yesterday {hour:02d}:{minute:02d}",
            f"{hour}:{minute:02d}",
        ]
    )


def hexadecimal(rng: random.Random, digits: int) -> str:
    """That many hex digits."""
    return f"{rng.getrandbits(4 * digits):0{digits}x}"
