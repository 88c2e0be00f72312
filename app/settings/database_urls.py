"""Read a database's URL as providers give it, with parameters for other programs.

Invariant: the read URL has only parameters known to libpq, so none of them fails at the first query.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import parse_qsl, quote, urlencode

SCHEMES = ("postgres://", "postgresql://", "postgresql+psycopg2://", "sqlite:///")
#: libpq 17, "Parameter Key Words", without `replication`: no query works on such a connection.
LIBPQ_NAMES = """
    host hostaddr port dbname user password passfile require_auth channel_binding connect_timeout client_encoding
    options application_name fallback_application_name keepalives keepalives_idle keepalives_interval keepalives_count
    tcp_user_timeout gssencmode sslmode requiressl sslnegotiation sslcompression sslcert sslkey sslpassword
    sslcertmode sslrootcert sslcrl sslcrldir sslsni requirepeer ssl_min_protocol_version ssl_max_protocol_version
    krbsrvname gsslib gssdelegation service target_session_attrs load_balance_hosts
"""
#: For other programs: Prisma, Supabase's pooler on Vercel, node-postgres, Drizzle, Rails, asyncpg, JDBC and pgx.
FOREIGN_NAMES = """
    pgbouncer connection_limit pool_timeout statement_cache_size socket_timeout sslaccept sslidentity schema
    single_use_connections max_idle_connection_lifetime max_connection_lifetime supa workaround pool_mode ssl
    uselibpqcompat max_connections max idle_timeout pool pool_size prepared_statements prepared_statement_cache_size
    preparethreshold prepare_threshold default_query_exec_mode pool_max_conns pool_min_conns reaping_frequency
"""
LIBPQ, FOREIGN = frozenset(LIBPQ_NAMES.split()), frozenset(FOREIGN_NAMES.split())
ENCODE = "Percent-encode the special characters of the password"
_NUMBERS = {"connect_timeout", "tcp_user_timeout"} | {name for name in LIBPQ if name.startswith("keepalives")}
_CHOICES = {
    "sslmode": {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"},
    "channel_binding": {"disable", "prefer", "require"},
    "gssencmode": {"disable", "prefer", "require"},
}
#: The parts as SQLAlchemy separates them.
_URL = re.compile(r"(?P<base>[a-z0-9+]+://(?:[^:/]*(?::[^@]*)?@)?[^?]*)(?:\?(?P<query>.*))?", re.DOTALL)
_PASSWORD_WITH_AT = re.compile(r":[^@]*@[^@/]*@")  # what follows its first @ would be taken, and shown, as a host
_PORT = re.compile(r"(?:\[[^\]]*\]|[^@/:\[\]]*)(?::(?P<port>[^/]*))?(?:/.*)?", re.DOTALL)


def read_database_url(raw: str) -> str:
    """Return the URL without parameters of other programs.

    Raises: ValueError for another database, an unreadable address, and each parameter that is unknown or wrong.
    """
    if not raw.startswith(SCHEMES):
        raise ValueError("must start with postgres://, postgresql:// or sqlite:///")
    match = _URL.fullmatch(raw)
    if raw.startswith("sqlite") or match is None:
        return raw
    has_two = _PASSWORD_WITH_AT.search(match["base"].partition("://")[2])
    if has_two or "@" in (match["query"] or ""):  # a password with both characters, so the names may be parts of it
        raise ValueError(f"must have a password without special characters. {ENCODE}")
    _check_port(match["base"])
    pairs = parse_qsl(match["query"] or "", keep_blank_values=True)
    kept = [(name, value) for name, value in pairs if name.lower() not in FOREIGN]
    problems = _problems(pairs)
    if problems:
        raise ValueError("must have only parameters that PostgreSQL's libpq knows: " + ", ".join(problems))
    if ("ssl", "true") in pairs and "sslmode" not in dict(pairs):  # node-postgres and JDBC
        kept.append(("sslmode", "require"))
    if kept == pairs:
        return raw
    return match["base"] + (f"?{urlencode(kept, quote_via=quote)}" if kept else "")


def _check_port(base: str) -> None:
    address = _PORT.fullmatch(base.partition("://")[2].rpartition("@")[2])
    port = address["port"] if address is not None else "?"
    if port and not (port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65_536):
        raise ValueError(f"must have a port of digits after its host. {ENCODE}")


def _problems(pairs: Sequence[tuple[str, str]]) -> list[str]:
    names = [name for name, _ in pairs]
    found = [f"{name[:40]} is unknown" for name in dict.fromkeys(names) if _is_unknown(name)]
    found += [f"{name} is repeated" for name in sorted(LIBPQ - {"host", "port"}) if names.count(name) > 1]
    found += [f"the value of {name} is wrong" for name, value in pairs if _is_wrong(name, value)]
    return found


def _is_unknown(name: str) -> bool:
    return name not in LIBPQ and name.lower() not in FOREIGN


def _is_wrong(name: str, value: str) -> bool:
    if not value:
        return False
    if name == "schema":  # Prisma's search path. Dropping another one would change the tables in use.
        return value != "public"
    if name in _NUMBERS:
        return not re.fullmatch(r"-?[0-9]{1,9}", value)
    return name in _CHOICES and value not in _CHOICES[name]
