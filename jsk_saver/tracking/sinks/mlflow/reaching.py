"""Whether a tracking server answers at all: asked first, because MLflow takes two seconds to import."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request

#: Seconds. Other sinks wait meanwhile; a server that wakes up is asked again.
TIMEOUT = 10.0


def no_answer(uri: str, timeout: float = TIMEOUT) -> str:
    """Return why a tracking server does not answer; nothing if it does, whatever it says.

    Parameters
    ----------
    uri
        ``http://…`` or ``https://…``, perhaps with who logs in.
    timeout
        Seconds until it counts as dead.

    Examples
    --------
    >>> no_answer("http://127.0.0.1:9")
    'connection refused'
    """
    scheme, _, rest = uri.partition("://")
    place = rest.rpartition("@")[2]  # who logs in is nobody's business before anything answers
    try:
        urllib.request.urlopen(f"{scheme}://{place}/health", timeout=timeout).close()  # noqa: S310 - http only
    except urllib.error.HTTPError as error:
        error.close()  # a server that refuses is there
    except urllib.error.URLError as error:
        return _cause(error.reason)
    except OSError as error:
        return _cause(error)
    except ValueError:  # no address at all: MLflow tells what it does not understand
        return ""
    return ""


def _cause(reason: object) -> str:
    if isinstance(reason, ssl.SSLError):  # MLflow may know the certificate: REQUESTS_CA_BUNDLE
        return ""
    if isinstance(reason, TimeoutError):
        return "timed out"
    said = getattr(reason, "strerror", None) or str(reason)
    return said.strip().rstrip(".").lower()
