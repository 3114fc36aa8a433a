"""What lets others in, taken out of what is kept and shown: logins in addresses, passwords among arguments.

A name decides, not a value: a password looks like anything. What only looks like a name of a secret is masked
too, because a run that asks for an argument again is the smaller harm; those of language models are spared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

#: What stands in place of a secret.
STARS = "***"

#: Up to the last "@" before a path: people do have one in their password.
_LOGIN = re.compile(r"(?<=://)[^/\s\"'?#]*@")
_ASSIGNED = re.compile(
    r"""(?P<name>[\w.-]+)(?P<between>["']?\s*[=:]\s*["']?)(?P<value>(?<=["'])[^"']+|((bearer|basic)\s+)?[^\s"'&;,}]+)""",
    re.IGNORECASE,
)
#: Of GitHub, GitLab, Hugging Face, OpenAI and others, Slack; JSON web tokens.
_TOKEN = re.compile(r"\b(gh[pousr]_|github_pat_|glpat-|hf_|sk-|xox[abp]-|eyJ)[\w.-]{16,}")
_OPTION = re.compile(r"-{1,2}([A-Za-z][\w.-]*)")
#: What follows an option and is another one, so that the first has no value.
_FLAG = re.compile(r"--[A-Za-z].*|-[A-Za-z]", re.DOTALL)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

_SECRETS = {
    "accesskey", "apikey", "auth", "authorization", "credential", "credentials", "pass", "pwd", "secret",
    "secretkey", "secrets", "token",
}  # fmt: skip
_ENDINGS = ("password", "passwd", "passphrase", "passcode")
_KEYS = {"access", "account", "api", "auth", "encryption", "master", "private", "secret", "shared", "signing"}
#: Tokens of texts, which models are told of.
_OF_TEXTS = {
    "begin", "bos", "cls", "end", "eos", "image", "mask", "next", "pad", "per", "prefix", "sep", "special",
    "start", "stop", "suffix", "trigger", "unk",
}  # fmt: skip


def without_login(text: str) -> str:
    """Return a text without user and password in its addresses, and with stars for passwords beside them.

    Examples
    --------
    >>> without_login("mlflow:https://bob:p@ss@ml.example.org:5000 does not answer")
    'mlflow:https://ml.example.org:5000 does not answer'
    >>> without_login("postgresql://db.example.org/ml?user=bob&password=pw")
    'postgresql://db.example.org/ml?user=bob&password=***'
    """
    return _ASSIGNED.sub(_hide, _LOGIN.sub("", text))


def arguments(given: Iterable[str]) -> tuple[list[str], list[int]]:
    """Return the arguments of a program with stars for secrets, and which they were, counted from 1.

    Examples
    --------
    >>> arguments(["--epochs", "5", "--password", "x", "--api-key=y", "AWS_SECRET_ACCESS_KEY=z"])
    (['--epochs', '5', '--password', '***', '--api-key=***', 'AWS_SECRET_ACCESS_KEY=***'], [4, 5, 6])
    >>> arguments(["--max-tokens=9", "--pad-token", "0", "postgres://u:pw@h/d"])
    (['--max-tokens=9', '--pad-token', '0', 'postgres://***@h/d'], [4])
    """
    shown: list[str] = []
    masked: list[int] = []
    secret_next = False
    for number, argument in enumerate(given, 1):
        option = _OPTION.fullmatch(argument)
        text = STARS if secret_next and not _FLAG.fullmatch(argument) else _argument(argument)
        secret_next = option is not None and is_secret(option[1])
        shown.append(text)
        if text != argument:
            masked.append(number)
    return shown, masked


def is_secret(name: str) -> bool:
    """Tell whether what has this name is nothing for others.

    Examples
    --------
    >>> [is_secret(name) for name in ("dbPassword", "HF_TOKEN", "tokenizer", "eos_token", "password_file")]
    [True, True, False, False, False]
    """
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words:
        return False
    *before, last = words
    if last == "token" and before and before[-1] in _OF_TEXTS:
        return False
    of_a_key = last == "key" and bool(before) and before[-1] in _KEYS
    return last in _SECRETS or last.endswith(_ENDINGS) or of_a_key


def _argument(text: str) -> str:
    name, between, value = text.partition("=")
    if between and value and is_secret(name):
        return f"{name}={STARS}"  # to its end, whatever is in it
    return _TOKEN.sub(STARS, _ASSIGNED.sub(_hide, _LOGIN.sub(f"{STARS}@", text)))


def _hide(found: re.Match[str]) -> str:
    if not is_secret(found["name"]):
        return found[0]
    return f"{found['name']}{found['between']}{STARS}"
