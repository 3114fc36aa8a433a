#!/bin/sh
# Installs the Debian packages named as arguments, or those in debian-packages.txt, if any is missing and
# root or sudo without a password allows. Never fails: what stays missing is named, with the reason.
set -u

list="$(dirname "$0")/debian-packages.txt"
wanted=${*:-$(sed 's/#.*//' "$list")}

# A program of that name will do wherever it comes from: other sources of Node bring npm along, and forbid Debian's.
is_installed() {
    command -v "$1" >/dev/null || [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

list_missing() {
    for package in $wanted; do
        is_installed "$package" || printf '%s ' "$package"
    done
}

go_on_without() {
    echo "Debian packages not installed: ${missing% }" >&2
    echo "  Why: $1." >&2
    echo "  What needs them is skipped, and named at the end of the tests." >&2
    exit 0
}

missing=$(list_missing)
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null || go_on_without "this machine has no apt-get"

if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    go_on_without "neither root nor sudo without a password; an administrator can run: apt-get install ${missing% }"
fi

echo "Installing Debian packages: ${missing% }"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1
}
# shellcheck disable=SC2086  # a list of words
apt update # may fail for a source that is not needed
if apt install --no-install-recommends $missing; then
    exit 0
fi
missing=$(list_missing)
tail -n 15 "$log" >&2
go_on_without "apt-get failed, see above"
